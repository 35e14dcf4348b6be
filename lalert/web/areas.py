"""Boundary data for those who integrate: names, codes, what lies inside, what lies at a point."""

from __future__ import annotations

from aiohttp import web

from lalert.errors import Text
from lalert.geo import postal
from lalert.geo.boundaries import BoundarySet
from lalert.geo.codes import normalise
from lalert.geo.groups import Group
from lalert.geo.place import Municipality, Prefecture
from lalert.render.entry import dump
from lalert.web.answers import SHARED, answer
from lalert.web.context import context
from lalert.web.problems import not_found
from lalert.web.query import Query, point


async def search(request: web.Request) -> web.Response:
    """`GET /api/v1/areas?q=`: municipalities by name, kana, English name or code; without `q` the prefectures.

    `?postal=` in its place: the municipalities that a postal code touches.
    """
    boundaries = context(request).hub.boundaries
    query = Query(request.query, {"q", "postal"})
    text, code = query.text("q"), query.text("postal")
    if text and code:
        query.wrong("postal", Text("q と同時には使えません。", "It excludes q."), "100-0001")
    query.done()
    if code is not None:
        return answer(request, dump(_delivered(boundaries, code)), "application/json", cache=SHARED)
    found = boundaries.prefectures if text is None else boundaries.search(text)
    body = {"boundaries": boundaries.version, "areas": [area_to_dict(place) for place in found]}
    return answer(request, dump(body), "application/json", cache=SHARED)


async def lookup(request: web.Request) -> web.Response:
    """`GET /api/v1/areas/lookup?lat=&lon=`: the municipality at a point. Nothing about the question is kept."""
    boundaries = context(request).hub.boundaries
    query = Query(request.query, {"lat", "lon"})
    lonlat = point(query, f"{query.text('lat') or ''},{query.text('lon') or ''}", "lat")
    query.done()
    assert lonlat is not None
    code = boundaries.at(lon=lonlat[0], lat=lonlat[1])
    if code is None:
        raise not_found(Text("この地点は国内の市区町村にありません。", "This point lies in no municipality of Japan."))
    return answer(request, dump(_with_inside(boundaries, code)), "application/json")


async def groups(request: web.Request) -> web.Response:
    """`GET /api/v1/areas/groups`: the operator's named areas, which senders may name as the geocode `lalert:group`.

    Why one is not usable is told to the operator in the log, and to who names it.
    """
    boundaries = context(request).hub.boundaries
    Query(request.query, ()).done()
    named = [_group_to_dict(group) for group in boundaries.groups.by_name.values()]
    return answer(request, dump({"boundaries": boundaries.version, "groups": named}), "application/json")


async def one(request: web.Request) -> web.Response:
    """`GET /api/v1/areas/{code}`: one prefecture (2 digits) or municipality (6; also 5, or JMA's 7)."""
    boundaries = context(request).hub.boundaries
    Query(request.query, ()).done()
    code = normalise(request.match_info["code"][:40])
    return answer(request, dump(_with_inside(boundaries, code)), "application/json")


def _delivered(boundaries: BoundarySet, code: str) -> dict[str, object]:
    table = postal.load()
    codes = (heir for one in table.municipalities(code, path="postal") for heir in boundaries.heirs(one))
    places = [boundaries.municipality(one) for one in dict.fromkeys(codes)]
    areas = [area_to_dict(place) for place in places]
    return {"boundaries": boundaries.version, "postalCodes": table.version, "areas": areas}


def area_to_dict(place: Municipality | Prefecture) -> dict[str, object]:
    """Return what is public about a place."""
    return {"code": place.code, "name": place.name, "kana": place.kana, "en": place.en}


def _group_to_dict(group: Group) -> dict[str, object]:
    usable, extent = group.fault is None, group.extent
    return {"name": group.name, "usable": usable, "municipalities": extent.codes, "drawn": bool(extent.parts)}


def _with_inside(boundaries: BoundarySet, code: str) -> dict[str, object]:
    place = boundaries.prefecture(code) if len(code) == 2 else boundaries.municipality(code)
    body = area_to_dict(place) | {"boundaries": boundaries.version, "credit": boundaries.credit}
    if len(code) == 2:
        inside = (boundaries.municipality(member) for member in boundaries.expand(code))
        return body | {"municipalities": [area_to_dict(municipality) for municipality in inside]}
    prefecture = boundaries.prefecture(code[:2])
    return body | {"prefecture": area_to_dict(prefecture)}
