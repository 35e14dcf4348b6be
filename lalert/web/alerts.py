"""Reading alerts: those in force, one by its identifier in every form, a thread, and what came after a cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

import msgspec
from aiohttp import web

from lalert.core.matching import wants
from lalert.core.model import Cursor, Posted, Subscription
from lalert.errors import Text
from lalert.hub import Hub
from lalert.publishers.faces import Faces
from lalert.render.entry import dump, entry_to_dict
from lalert.render.geojson import alert_to_geojson
from lalert.web import recall
from lalert.web.answers import answer
from lalert.web.context import context
from lalert.web.problems import not_found
from lalert.web.query import FILTERS, Query, subscription

_CHANGES = 500  # entries in one answer
_LONGEST_WAIT_S = 60
_FORMS = {".cap": "cap", ".json": "json", ".geojson": "geojson", ".html": "html"}
_ACCEPTED = {
    "application/cap+xml": "cap",
    "application/xml": "cap",
    "text/xml": "cap",
    "application/json": "json",
    "application/geo+json": "geojson",
    "text/html": "html",
}


async def active(request: web.Request) -> web.Response:
    """`GET /api/v1/alerts/active`: what is in force, most urgent first."""
    hub = context(request).hub
    wanted = _filter(request, hub)
    body = hub.cache.get(("active", wanted), hub.situation.generation, lambda: _active(hub, wanted))
    return answer(request, body, "application/json", headers=recall.stale(hub))


def _active(hub: Hub, wanted: Subscription) -> bytes:
    posted = (posted for posted in hub.situation.in_force() if wants(wanted, posted.entry))
    # In force means that nothing happened since: the bytes that the streams carried still say how it stands.
    alerts = [msgspec.Raw(hub.faces_of(p.entry).json) for p in posted]
    return dump(
        {"cursor": str(hub.public_head), "asOf": hub.changed_at.isoformat(timespec="seconds"), "alerts": alerts}
    )


async def one(request: web.Request) -> web.Response:
    """`GET /api/v1/alerts/{identifier}`: one message and how it stands, in the form of its suffix or of `Accept`."""
    hub = context(request).hub
    Query(request.query, {"sender"}).done()
    posted, form = await _find(request, hub)
    form = form or _negotiated(request)
    link = quote(posted.entry.alert.identifier, safe="")
    if form == "html":
        raise web.HTTPSeeOther(f"{hub.site.base}/alerts/{link}")
    vary = {"Vary": "Accept", **recall.stale(hub)}
    if form == "cap":
        return answer(request, posted.entry.cap, "application/cap+xml", headers=vary)
    if form == "geojson":
        shapes = alert_to_geojson(posted.entry, standing=posted.standing, base=hub.site.base)
        return answer(request, dump(shapes), "application/geo+json", headers=vary)
    body = dump(entry_to_dict(posted.entry, standing=posted.standing, base=hub.site.base))
    return answer(request, body, "application/json", headers=vary)


async def thread(request: web.Request) -> web.Response:
    """`GET /api/v1/threads/{identifier}`: every entry of a thread, in order."""
    hub = context(request).hub
    Query(request.query, ()).done()
    name = request.match_info["identifier"]
    entries = await recall.thread(hub, name)
    if not entries:
        raise not_found(Text(f"スレッド {name[:80]} はありません。", f"There is no thread {name[:80]}."))
    body = {"thread": name, "entries": [msgspec.Raw(Faces(entry, hub.site).json) for entry in entries]}
    return answer(request, dump(body), "application/json", headers=recall.stale(hub))


async def changes(request: web.Request) -> web.Response:
    """`GET /api/v1/changes?since=CURSOR&wait=30`: the entries after a cursor; waits for one if there is none yet."""
    hub = context(request).hub
    query = Query(request.query, FILTERS | {"since", "wait", "limit"})
    since, wait_s = query.cursor("since"), query.integer("wait", 0, _LONGEST_WAIT_S) or 0
    limit = query.integer("limit", 1, _CHANGES) or _CHANGES
    wanted = subscription(query, hub.boundaries)
    query.done()
    if since is None:
        return _changes(hub, hub.tail.head, [], more=False)
    deadline = asyncio.get_running_loop().time() + wait_s
    while True:
        faces, at = await entries_after(hub, since, limit)
        found = [face for face in faces if wants(wanted, face.entry)]
        left_s = deadline - asyncio.get_running_loop().time()
        if found or len(faces) == limit or left_s <= 0:
            return _changes(hub, at, found, more=at.seq < hub.tail.head.seq)
        try:
            async with asyncio.timeout(left_s):
                await hub.tail.moved_past(at.seq)
        except TimeoutError:
            return _changes(hub, at, found, more=False)
        since = at


async def entries_after(hub: Hub, since: Cursor, limit: int) -> tuple[Sequence[Faces], Cursor]:
    """Return up to `limit` entries after `since` and the position of the last. Raises `Gap`, `Unavailable`."""
    await recall.reach(hub, since)
    tail = hub.tail
    if tail.holds(since.seq):
        faces = tail.after(since.seq, limit)
    else:
        faces = [Faces(entry, hub.site) for entry in await hub.store.read(since.seq, limit)]
    return faces, faces[-1].entry.cursor if faces else since


def _changes(hub: Hub, at: Cursor, faces: Sequence[Faces], *, more: bool) -> web.Response:
    body = {"cursor": str(at), "entries": [msgspec.Raw(face.json) for face in faces], "more": more}
    headers = {"Cache-Control": "no-store", "Link": f'<{hub.site.base}/api/v1/changes?since={at}>; rel="next"'}
    return web.Response(body=dump(body), content_type="application/json", headers=headers)


async def _find(request: web.Request, hub: Hub) -> tuple[Posted, str | None]:
    """Return the newest message with the identifier of the path, and the form that its suffix names."""
    name = request.match_info["identifier"]
    meant = [
        (name.removesuffix(suffix), form) for suffix, form in (("", None), *_FORMS.items()) if name.endswith(suffix)
    ]
    if hub.failing_since is not None:
        meant.sort(key=lambda one: not hub.situation.find(one[0]))  # what is in memory needs no store
    for identifier, form in meant:
        posted = await newest(hub, identifier, request.query.get("sender"))
        if posted is not None:
            return posted, form
    raise not_found(Text(f"電文 {name[:80]} はありません。", f"There is no message {name[:80]}."))


async def newest(hub: Hub, identifier: str, sender: str | None = None) -> Posted | None:
    """Return the newest message with this identifier (of this sender, if it is given), or None."""
    if not identifier or len(identifier) > 1024:
        return None
    found = await recall.messages(hub, identifier)
    return next((p for p in reversed(found) if sender in (None, p.entry.alert.sender)), None)


def _filter(request: web.Request, hub: Hub) -> Subscription:
    query = Query(request.query, FILTERS)
    wanted = subscription(query, hub.boundaries)
    query.done()
    return wanted


def _negotiated(request: web.Request) -> str:
    """Return the form that `Accept` prefers, in the order in which it names them; JSON when it does not care."""
    for part in request.headers.get("Accept", "").split(","):
        form = _ACCEPTED.get(part.split(";")[0].strip())
        if form:
            return form
    return "json"
