"""Atom: what is in force and what has ended lately, whole, by prefecture, municipality or level; and the archive.

The feed itself carries at most 100 KB, newest first. `prev-archive` leads from there, block by block, back to the
beginning of the log (RFC 5005 §4). A block is a fixed run of positions: once it is full it never changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from aiohttp import web

from lalert.cap.model import Status
from lalert.core.matching import wants
from lalert.core.model import Posted, State, Subscription
from lalert.errors import Rejected, Text
from lalert.geo.codes import normalise
from lalert.hub import Hub
from lalert.publishers.atom import atom_entry, atom_feed, pages
from lalert.render.wording import level_label
from lalert.web.answers import IMMUTABLE, SHARED, answer
from lalert.web.context import context
from lalert.web.problems import not_found
from lalert.web.query import Query

BLOCK = 20
"""Positions in one archive document."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed: its path below the site's root, its title, and who wants what is in it."""

    path: str
    title: str
    wanted: Subscription


async def feed(request: web.Request) -> web.Response:
    """`GET /feeds/*.atom`: the alerts in force and those that ended in the last 72 hours; `?archive=` a block."""
    hub = context(request).hub
    chosen = _chosen(request, hub)
    query = Query(request.query, {"archive"})
    block = query.integer("archive", 0, 10**12)
    query.done()
    if block is not None:
        return await _archive(request, hub, chosen, block)
    generation = hub.tail.head if chosen.wanted.system else hub.situation.generation
    page = hub.cache.get(("feed", chosen.path), generation, lambda: _current(hub, chosen))
    return answer(request, page, "application/atom+xml")


def _current(hub: Hub, chosen: Feed) -> bytes:
    since = hub.clock() - timedelta(hours=hub.settings.hub.ended_h)
    if chosen.wanted.system:
        recent = hub.tail.after(hub.tail.head.seq - BLOCK)
        entries = [face.atom for face in reversed(recent) if face.entry.alert.status is Status.SYSTEM]
    else:
        shown = (*hub.situation.in_force(), *hub.situation.ended(since))
        newest = sorted(
            (p for p in shown if wants(chosen.wanted, p.entry)), key=partial(_changed_at, hub), reverse=True
        )
        entries = pages([_entry(hub, posted) for posted in newest])[0]
    return _document(hub, chosen, entries, prev=_before(hub, chosen, hub.tail.head.seq // BLOCK))


async def _archive(request: web.Request, hub: Hub, chosen: Feed, block: int) -> web.Response:
    span = await hub.store.span()
    first, last = block * BLOCK + 1, (block + 1) * BLOCK
    if last < span.oldest or first > span.head.seq:
        raise not_found(
            Text("この過去分は保存期間を過ぎたか、まだありません。", "This archive is gone, or not there yet.")
        )
    entries = await hub.store.read(max(first, span.oldest) - 1, last - max(first, span.oldest) + 1)
    made = [hub.faces_of(entry).atom for entry in reversed(entries) if wants(chosen.wanted, entry)]
    newer = block + 1 if last < span.head.seq else None
    prev = _before(hub, chosen, block) if first > span.oldest else None
    body = _document(hub, chosen, made, prev=prev, archive=block, newer=newer)
    return answer(request, body, "application/atom+xml", cache=IMMUTABLE if last <= span.head.seq else SHARED)


def _document(
    hub: Hub,
    chosen: Feed,
    entries: list[bytes],
    *,
    prev: int | None,
    archive: int | None = None,
    newer: int | None = None,
) -> bytes:
    url = hub.site.public_url + chosen.path

    def link(block: int | None) -> str | None:
        return None if block is None else f"{url}?archive={block}"

    return atom_feed(
        entries,
        feed_id=url,
        self_url=link(archive) or url,
        title=chosen.title,
        updated=hub.changed_at,
        prev_archive=link(prev),
        next_archive=link(newer),
        current=None if archive is None else url,
    )


def _before(hub: Hub, chosen: Feed, block: int) -> int | None:
    """Return the last block before `block` that has something for this feed, as far as memory tells."""
    tail = hub.tail
    for earlier in range(block - 1, -1, -1):
        first = earlier * BLOCK + 1
        if not tail.holds(first - 1):
            return earlier
        if any(wants(chosen.wanted, face.entry) for face in tail.after(first - 1, BLOCK)):
            return earlier
    return None


def _entry(hub: Hub, posted: Posted) -> bytes:
    if posted.standing.state is State.IN_FORCE:
        return hub.faces_of(posted.entry).atom
    return atom_entry(
        posted.entry,
        public_url=hub.site.public_url,
        base=hub.site.base,
        standing=posted.standing,
        ended_at=_changed_at(hub, posted),
    )


def _changed_at(hub: Hub, posted: Posted) -> datetime:
    """Return when this message was accepted, or when it ended."""
    return hub.situation.ended_at(posted.entry.alert.identity.key) or posted.entry.at


def _chosen(request: web.Request, hub: Hub) -> Feed:
    """Return the feed that the path names. Raises `Rejected` 404 for a place that is not."""
    kind, name = request.match_info.get("kind", ""), request.match_info.get("name", "all")
    mark = "" if hub.site.base == "" else "【訓練】"
    if kind == "" and name in ("all", "system"):
        title = "発令中の情報" if name == "all" else "通信試験"
        return Feed(f"{hub.site.base}/feeds/{name}.atom", mark + title, Subscription(system=name == "system"))
    path = f"{hub.site.base}/feeds/{kind}/{name}.atom"
    if kind == "level" and name in ("1", "2", "3", "4", "5"):
        return Feed(path, f"{mark}{level_label(int(name), 'ja')} 以上", Subscription(min_level=int(name)))
    if kind in ("pref", "muni"):
        place = _place(hub, name)
        if place is not None and (len(place[0]) == 2) == (kind == "pref"):
            return Feed(path, mark + place[1], Subscription(areas=frozenset({place[0]})))
    raise not_found(Text("このフィードはありません。", "There is no such feed."))


def _place(hub: Hub, name: str) -> tuple[str, str] | None:
    try:
        code = normalise(name)
        place = hub.boundaries.prefecture(code) if len(code) == 2 else hub.boundaries.municipality(code)
    except Rejected:
        return None
    return code, place.name
