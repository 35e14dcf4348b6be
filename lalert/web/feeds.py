"""Atom: what is in force and what has ended lately, whole, by prefecture, municipality or level; and the archive.

The feed itself carries at most 100 KB, newest first. `prev-archive` leads from there, block by block, back to the
beginning of the log (RFC 5005 §4). A block is a fixed run of positions: once it is full it never changes.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from aiohttp import web

from lalert.cap.model import Status
from lalert.core.matching import wants
from lalert.core.model import Posted, Standing, State, Subscription
from lalert.errors import Rejected, Text
from lalert.geo.codes import normalise
from lalert.hub import Hub
from lalert.publishers.atom import atom_entry, atom_feed, pages, parts
from lalert.render.wording import level_label
from lalert.web.answers import IMMUTABLE, SHARED, answer
from lalert.web.context import context
from lalert.web.problems import not_found
from lalert.web.query import Query
from lalert.web.recall import stale

BLOCK = 20
"""Positions in one archive document."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed: its path below the site's root, its title, and who wants what is in it."""

    path: str
    title: str
    wanted: Subscription


@dataclass(frozen=True, slots=True)
class Archive:
    """One archive document: a part of a block, counted from its oldest; None is the newest part."""

    block: int
    part: int | None = None

    @property
    def query(self) -> str:
        """Its address after that of the feed."""
        return f"?archive={self.block}" + ("" if self.part is None else f"&part={self.part}")


async def feed(request: web.Request) -> web.Response:
    """`GET /feeds/*.atom`: the alerts in force and those that ended in the last 72 hours; `?archive=` a block."""
    hub = context(request).hub
    chosen = _chosen(request, hub)
    query = Query(request.query, {"archive", "part"})
    block, part = query.integer("archive", 0, 10**12), query.integer("part", 0, BLOCK)
    query.done()
    if block is not None:
        return await _archive(request, hub, chosen, Archive(block, part))
    generation = hub.tail.head if chosen.wanted.system else hub.situation.generation
    page = hub.cache.get(("feed", chosen.path), generation, lambda: _current(hub, chosen))
    return answer(request, page, "application/atom+xml", headers=stale(hub))


def _current(hub: Hub, chosen: Feed) -> bytes:
    newest = _newest(hub, chosen)
    entries = pages([_entry(hub, posted) for posted in newest])[0]
    shown = {posted.entry.alert.identity.key for posted in newest[: len(entries)]}
    return _document(hub, chosen, entries, updated=hub.changed_at, prev=_behind(hub, chosen, shown))


def _newest(hub: Hub, chosen: Feed) -> list[Posted]:
    """Return what is in force and what has ended lately, the latest change first; of tests of the line the last."""
    if chosen.wanted.system:
        recent = hub.tail.after(hub.tail.head.seq - BLOCK)
        tests = (face.entry for face in reversed(recent) if face.entry.alert.status is Status.SYSTEM)
        return [Posted(entry, Standing(state=entry.state)) for entry in tests]
    since = hub.clock() - timedelta(hours=hub.settings.hub.ended_h)
    shown = (*hub.situation.in_force(), *hub.situation.ended(since))
    wanted = (posted for posted in shown if wants(chosen.wanted, posted.entry))
    return sorted(wanted, key=partial(_changed_at, hub), reverse=True)


async def _archive(request: web.Request, hub: Hub, chosen: Feed, asked: Archive) -> web.Response:
    span = await hub.store.span()
    block, first, last = asked.block, asked.block * BLOCK + 1, (asked.block + 1) * BLOCK
    if last < span.oldest or first > span.head.seq:
        raise _no_archive()
    entries = await hub.store.read(max(first, span.oldest) - 1, last - max(first, span.oldest) + 1)
    made = parts([hub.faces_of(entry).atom for entry in reversed(entries) if wants(chosen.wanted, entry)]) or [[]]
    part = len(made) - 1 if asked.part is None else asked.part
    if part >= len(made):
        raise _no_archive()
    is_full = last < span.head.seq  # the next one has begun: nothing in this one changes any more
    before = _before(hub, chosen, block) if first > span.oldest else None
    newer = Archive(block + 1) if is_full else None
    body = _document(
        hub,
        chosen,
        made[len(made) - 1 - part],
        updated=entries[-1].at,
        prev=Archive(block, part - 1) if part else before,
        archive=asked,
        newer=newer if part == len(made) - 1 else Archive(block, None if part == len(made) - 2 else part + 1),
    )
    return answer(request, body, "application/atom+xml", cache=IMMUTABLE if is_full else SHARED)


def _no_archive() -> Rejected:
    return not_found(
        Text("この過去分は保存期間を過ぎたか、まだありません。", "This archive is gone, or not there yet.")
    )


def _document(
    hub: Hub,
    chosen: Feed,
    entries: list[bytes],
    *,
    updated: datetime,
    prev: Archive | None,
    archive: Archive | None = None,
    newer: Archive | None = None,
) -> bytes:
    url = hub.site.public_url + chosen.path
    return atom_feed(
        entries,
        feed_id=url,
        self_url=url + (archive.query if archive else ""),
        title=chosen.title,
        updated=updated,
        prev_archive=url + prev.query if prev else None,
        next_archive=url + newer.query if newer else None,
        current=url if archive else None,
    )


def _behind(hub: Hub, chosen: Feed, shown: Container[str]) -> Archive | None:
    """Return the archive behind a page that shows these messages: the open block, unless all of it is on the page."""
    tail, block = hub.tail, hub.tail.head.seq // BLOCK
    if not tail.holds(block * BLOCK):
        return Archive(block)
    missing = (
        face.entry.alert.identity.key not in shown
        for face in tail.after(block * BLOCK)
        if wants(chosen.wanted, face.entry)
    )
    return Archive(block) if any(missing) else _before(hub, chosen, block)


def _before(hub: Hub, chosen: Feed, block: int) -> Archive | None:
    """Return the last block before `block` that has something for this feed, as far as memory tells."""
    tail = hub.tail
    for earlier in range(block - 1, -1, -1):
        first = earlier * BLOCK + 1
        if not tail.holds(first - 1):
            return Archive(earlier)
        if any(wants(chosen.wanted, face.entry) for face in tail.after(first - 1, BLOCK)):
            return Archive(earlier)
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
