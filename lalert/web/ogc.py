"""OGC API - Features Part 1 (OGC 17-069r4): QGIS, GDAL and geopandas read the alerts without a program of their own.

One collection. Without `datetime` it is what is in force now, for a map that is drawn of all of it must be true. With
it, it is what was in force then: from when the hub had it to when the hub ended it, as far back as memory goes.
Pages go by position in the log, so that nothing that holds all the while is skipped between two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from lalert.core.model import Cursor, Posted
from lalert.errors import Rejected, Text
from lalert.hub import Hub
from lalert.render.clock import day_and_time
from lalert.render.entry import Json, dump
from lalert.store.base import Gap
from lalert.web.answers import answer
from lalert.web.context import context
from lalert.web.extent import Span, box, span
from lalert.web.features import GEOJSON, Page, Place, found_in, page_of
from lalert.web.operation import openapi
from lalert.web.problems import not_found
from lalert.web.query import Query

_JSON: Final = "application/json"
_OPENAPI: Final = "application/vnd.oai.openapi+json;version=3.1"
_PART1: Final = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"
_CRS84: Final = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_JAPAN: Final = (122.9, 20.4, 154.0, 45.6)  # west, south, east, north in degrees
PAGE: Final = 1_000

_TITLE = Text("発令中の災害情報", "Alerts in force")
_ABOUT = Text(
    "CAP で受け付けた災害情報のうち発令中のもの。datetime を付けると、その時に発令中だったもの。",
    "What is in force of the alerts received as CAP; with datetime, what was in force then.",
)


async def landing(request: web.Request) -> web.Response:
    """`GET /ogc`: where everything is."""
    root = _root(request)
    links = [
        _link(root, "self", _JSON, "this document"),
        _link(f"{root}/api", "service-desc", _OPENAPI, "the description of the interface"),
        _link(f"{root}/conformance", "conformance", _JSON, "what is implemented"),
        _link(f"{root}/collections", "data", _JSON, "the collections"),
    ]
    return _json(
        request, {"title": f"lalert: {_TITLE.ja}", "description": f"{_ABOUT.ja} / {_ABOUT.en}", "links": links}
    )


async def api(request: web.Request) -> web.Response:
    """`GET /ogc/api`: the description of the whole interface, as `/openapi.json`."""
    return await openapi(request)


async def conformance(request: web.Request) -> web.Response:
    """`GET /ogc/conformance`: core and GeoJSON of Part 1."""
    return _json(request, {"conformsTo": [_PART1 + name for name in ("core", "geojson")]})


async def collections(request: web.Request) -> web.Response:
    """`GET /ogc/collections`: the one collection."""
    root = _root(request)
    links = [_link(f"{root}/collections", "self", _JSON, "this document")]
    return _json(request, {"links": links, "collections": [_collection(root, context(request).hub)]})


async def collection(request: web.Request) -> web.Response:
    """`GET /ogc/collections/alerts`: what the collection holds, where and when."""
    return _json(request, _collection(_root(request), context(request).hub))


async def items(request: web.Request) -> web.Response:
    """`GET /ogc/collections/alerts/items?bbox=&datetime=&limit=`: a page of features, in the order of the log."""
    hub, here = context(request).hub, f"{_root(request)}/collections/alerts"
    query = Query(request.query, {"bbox", "datetime", "limit", "after", "f"})
    inside, when, after = box(query, "bbox"), span(query, "datetime"), _after(query, hub)
    limit = min(query.integer("limit", 1, 10**11) or PAGE, PAGE)  # to ask for more is no mistake (§7.15.2)
    _only_json(query)
    query.done()
    found, as_of = found_in(hub, _messages(hub, when)), hub.changed_at.isoformat(timespec="seconds")
    credit = hub.boundaries.credit
    asked = {name: value for name, value in request.query.items() if name != "after"}

    def made() -> bytes:
        page = page_of(found, limit=limit, inside=inside, after=after)
        return page.document(asOf=as_of, attribution=credit, links=_around(here, asked, page))

    return answer(request, await hub.in_worker(made), GEOJSON)


async def item(request: web.Request) -> web.Response:
    """`GET /ogc/collections/alerts/items/{id}`: one feature, also of what has ended."""
    hub, root = context(request).hub, _root(request)
    query = Query(request.query, {"f"})
    _only_json(query)
    query.done()
    name = request.match_info["id"]
    found = next((one for one in found_in(hub, await _message(hub, name)) if one.id == name), None)
    if found is None:
        raise not_found(Text(f"地物 {name[:80]} はありません。", f"There is no feature {name[:80]}."))
    body = await hub.in_worker(found.body)
    links = f'<{root}/collections/alerts>; rel="collection", <{root}/collections/alerts/items/{found.id}>; rel="self"'
    return answer(request, body, GEOJSON, headers={"Link": links})


def _messages(hub: Hub, when: Span | None) -> Sequence[Posted]:
    """Return what the collection holds at a time, in the order of the log; now, where no time is given.

    Raises `Rejected` (410) for a time before memory begins: half of what was in force then would be a wrong picture.
    """
    if when is None:
        return sorted(hub.situation.in_force(), key=lambda posted: posted.entry.cursor.seq)
    if when.end is not None and when.end < hub.remembers_since:
        raise _beyond(hub)
    return hub.situation.during(when.begin, when.end, now=hub.clock())


def _beyond(hub: Hub) -> Rejected:
    since = hub.remembers_since
    message = Text(
        f"{day_and_time(since, 'ja')} より前の状況は記憶していません。",
        f"What was in force before {since.isoformat(timespec='seconds')} is not remembered.",
    )
    return Rejected(message, code="history.beyond", status=410)


async def _message(hub: Hub, name: str) -> Sequence[Posted]:
    """Return the message of the feature called `name`, or nothing."""
    cursor = Cursor.maybe_parse(name.rpartition(".")[0])
    if cursor is None or cursor.epoch != hub.tail.head.epoch:
        return ()
    try:
        entries = await hub.store.read(cursor.seq - 1, 1)
    except Gap:
        return [posted for posted in hub.situation.in_force() if posted.entry.cursor == cursor]
    posted = await hub.store.find_key(entries[0].alert.identity.key) if entries else None
    return [posted] if posted is not None and posted.entry.cursor == cursor else ()


def _after(query: Query, hub: Hub) -> Place | None:
    """Return the place that `after`, the id of a feature of this log, names; None when absent."""
    text = query.verbatim("after")
    if text is None:
        return None
    cursor, _, number = text.rpartition(".")
    place = Cursor.maybe_parse(cursor)
    is_number = number.isascii() and number.isdecimal() and len(number) < 9
    if place is None or not is_number or place.epoch != hub.tail.head.epoch:
        query.wrong("after", Text("この記録の地物の id ではありません。", "It is no id of a feature of this log."), "")
        return None
    return place.seq, int(number)


def _only_json(query: Query) -> None:
    if query.text("f") not in (None, "json"):
        query.wrong("f", Text("json だけが使えます。", "Only json is known."), "json")


def _collection(root: str, hub: Hub) -> Json:
    here = f"{root}/collections/alerts"
    return {
        "id": "alerts",
        "title": f"{_TITLE.ja} / {_TITLE.en}",
        "description": f"{_ABOUT.ja} / {_ABOUT.en}",
        "attribution": hub.boundaries.credit,
        "itemType": "feature",
        "crs": [_CRS84],
        "extent": {
            "spatial": {"bbox": [_JAPAN], "crs": _CRS84},
            "temporal": {"interval": [[hub.remembers_since.isoformat(timespec="seconds"), None]]},
        },
        "links": [_link(here, "self", _JSON, _TITLE.ja), _link(f"{here}/items", "items", GEOJSON, _TITLE.ja)],
    }


def _around(here: str, asked: Mapping[str, str], page: Page) -> list[Json]:
    """Return the links of a page: itself, its collection, and what follows."""
    links = [
        _link(_url(f"{here}/items", asked), "self", GEOJSON, "this page"),
        _link(here, "collection", _JSON, _TITLE.ja),
    ]
    if page.last is not None:
        links.append(_link(_url(f"{here}/items", {**asked, "after": page.last}), "next", GEOJSON, "the next page"))
    return links


def _url(path: str, asked: Mapping[str, str]) -> str:
    return path + (f"?{urlencode(asked)}" if asked else "")


def _link(href: str, rel: str, content_type: str, title: str) -> Json:
    return {"href": href, "rel": rel, "type": content_type, "title": title}


def _root(request: web.Request) -> str:
    return f"{context(request).hub.site.url}/ogc"


def _json(request: web.Request, body: Json) -> web.Response:
    query = Query(request.query, {"f"})
    _only_json(query)
    query.done()
    return answer(request, dump(body), _JSON)
