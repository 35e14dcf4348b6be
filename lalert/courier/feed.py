"""From the log to the lanes: what is new, to those that follow; what holds now and then the history, to the others.

Work comes in slices, so that a delivery can start, and something urgent come in, between any two: what is new waits in
a priority queue (order kept inside a thread, as everywhere), and a lane that is behind reads a page at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog

from lalert.core.delivery import Attempt
from lalert.core.lanes import Lane, Parcel
from lalert.core.matching import reaches
from lalert.core.model import Entry, Posted, Priority
from lalert.core.queue import PriorityQueue
from lalert.core.roster import Roster
from lalert.courier.saving import Saving
from lalert.errors import Unavailable
from lalert.publishers.base import Courier, LaneSpec
from lalert.publishers.faces import Faces, Site
from lalert.publishers.tail import Tail
from lalert.store.base import Gap, Store

log = structlog.get_logger("lalert.courier")

_PAGE = 100  # entries of the history that are read at a time
_CHUNK = 128  # lanes that are asked between two looks at everything else
_SLICE = 1024  # questions "does this lane want that entry" between two starts of deliveries
_STEPS = 8  # pages that are read between two
_MOST_FRESH = 50_000  # entries that wait for the lanes; beyond that, these read them in the log
_UNBOUNDED = 1 << 40  # the bound is the line above


@dataclass(frozen=True, slots=True)
class Route:
    """Where a lane leads."""

    spec: LaneSpec
    courier: Courier


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where entries come from: the newest in memory, what is in force, and the log."""

    store: Store
    site: Site
    tail: Callable[[], Tail]
    in_force: Callable[[], Sequence[Posted]]

    async def faces(self, seq: int) -> Faces | None:
        """Return the entry at `seq`; None when retention has dropped it.

        A thread is read from the log: what another node has just added to it may not be shown here yet.
        """
        tail = self.tail()
        if seq <= tail.head.seq and tail.holds(seq - 1):
            return tail.after(seq - 1, 1)[0]
        try:
            [entry] = await self.store.read(seq - 1, 1)
        except Gap:
            kept = (posted.entry for posted in self.in_force() if posted.entry.cursor.seq == seq)
            return next((Faces(entry, self.site) for entry in kept), None)
        return Faces(entry, self.site)

    async def after(self, seq: int) -> Sequence[Faces]:
        """Return some of what follows `seq`, in order; nothing at the head. Raises `Gap`."""
        tail = self.tail()
        if tail.holds(seq):
            return tail.after(seq, _PAGE)
        return [Faces(entry, self.site) for entry in await self.store.read(seq, _PAGE)]


@dataclass(frozen=True, slots=True, eq=False)
class _Fresh:
    """A new entry on its way to the lanes."""

    priority: Priority
    thread: str
    faces: Faces


class Feed:
    """Fills the lanes of a realm. `routes` is read at each step: whoever changes it does so between two."""

    def __init__(
        self,
        source: Source,
        roster: Roster,
        routes: Mapping[str, Route],
        saving: Saving,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._source = source
        self._roster = roster
        self._routes = routes
        self._saving = saving
        self._clock = clock
        self._last_thread: tuple[tuple[str, int], Sequence[Faces]] = (("", 0), ())
        self._live: tuple[Sequence[Posted], Sequence[Entry]] = ((), ())
        self._seen = source.tail().head.seq  # up to here, every lane that follows was offered everything, or will be
        self._fresh: PriorityQueue[_Fresh] = PriorityQueue(capacity=_UNBOUNDED)

    async def run(self) -> bool:
        """Do some of what there is to do; return whether there is more. Raises `Unavailable`: then try again."""
        self._look()
        asked = 0
        while len(self._fresh) and asked < _SLICE:
            try:
                asked += await self._distribute(self._fresh.get().faces)
            except Exception:
                self._let_read()  # who did not get it reads it in the log
                raise
            self._look()
        is_more = await self._refill()
        return is_more or bool(len(self._fresh))

    def _look(self) -> None:
        """Take what is new in the log, or let the lanes read it there when that is too much."""
        tail = self._source.tail()
        if not tail.holds(self._seen) or len(self._fresh) > _MOST_FRESH:
            self._let_read()
        else:
            for faces in tail.after(self._seen):
                self._fresh.put(_Fresh(faces.entry.priority, faces.entry.thread, faces))
        self._seen = tail.head.seq

    def _let_read(self) -> None:
        self._fresh = PriorityQueue(capacity=_UNBOUNDED)
        for lane in self._roster:
            lane.fall_behind()

    async def _distribute(self, faces: Faces) -> int:
        """Offer a new entry to every lane; return how many there are."""
        number = 0
        for number, lane in enumerate(self._roster, 1):
            if number % _CHUNK == 0:
                await asyncio.sleep(0)
            await self._offer_new(lane, faces)
        return max(number, 1)

    async def _offer_new(self, lane: Lane, faces: Faces) -> None:
        """A lane that is behind gets what is new, too: it may be urgent. While its peer is down, the log keeps it."""
        if lane.is_behind and (lane.is_ragged or lane.is_resting(self._clock())):
            return
        if not self._wants(lane, faces):
            self._pass_over(lane, faces)
            return
        if lane.is_behind:
            with suppress(Unavailable):  # it gets there by itself
                await self._offer_thread(lane, faces.entry.thread)
        else:
            self._offer(lane, faces)
        self._roster.note(lane, self._clock())

    async def _refill(self) -> bool:
        """Let lanes that are behind read on, unless their peers are given time; return whether there is more."""
        steps = 0
        for lane in self._roster:
            if not lane.runs_low or lane.is_resting(self._clock()):
                continue
            if steps == _STEPS or self._source.tail().head.seq > self._seen:
                return True
            await self._catch_up(lane)
            await asyncio.sleep(0)
            self._roster.note(lane, self._clock())
            steps += 1
        return steps > 0

    async def _catch_up(self, lane: Lane) -> None:
        """Offer what holds now, the most urgent first, as far as there is room; then a page of the history."""
        for entry in self._holding():
            if not lane.has_room or self._source.tail().head.seq > self._seen:
                return
            if not lane.is_ragged and not lane.is_known(entry.cursor.seq):
                await self._offer_thread(lane, entry.thread)
        if lane.scanned < self._seen:
            await self._scan(lane, {entry.thread for entry in self._holding()})
        if lane.scanned >= self._seen:
            lane.follow()

    def _holding(self) -> Sequence[Entry]:
        """Return what is in force, the most urgent first, then the oldest."""
        posted = self._source.in_force()
        if posted is not self._live[0]:
            entries = sorted((one.entry for one in posted), key=lambda e: (e.priority, e.cursor.seq))
            self._live = posted, entries
        return self._live[1]

    async def _scan(self, lane: Lane, live: set[str]) -> None:
        """Offer the next of the history, as much as there is room for."""
        since = lane.scanned
        try:
            page = await self._source.after(since)
        except Gap as gap:
            self._lose(lane, gap)
            return
        for faces in page:
            if lane.has_room and lane.scanned >= since:  # it may have dropped everything while we read
                self._offer(lane, faces, is_past=faces.entry.thread not in live)
                lane.scan(faces.entry.cursor.seq)

    async def _offer_thread(self, lane: Lane, thread: str) -> None:
        """Offer all of a thread, the oldest first: order inside it must hold although the history comes later."""
        owed = [faces for faces in await self._thread(thread) if not lane.is_known(faces.entry.cursor.seq)]
        rank = False, min((faces.entry.priority for faces in owed), default=Priority.ROUTINE)
        for faces in owed:
            if not lane.has_room and not lane.yield_to(rank, thread):
                return
            self._offer(lane, faces)

    async def _thread(self, thread: str) -> Sequence[Faces]:
        """Return all of a thread. Lanes that are behind ask for the same one after another: it is read once."""
        seen = thread, self._source.tail().head.seq
        if self._last_thread[0] != seen:
            entries = await self._source.store.thread(thread)
            self._last_thread = seen, [Faces(entry, self._source.site) for entry in entries]
        return self._last_thread[1]

    def _offer(self, lane: Lane, faces: Faces, *, is_past: bool = False) -> None:
        entry = faces.entry
        if not self._wants(lane, faces):
            self._pass_over(lane, faces)
            return
        replaces = self._routes[lane.id].spec.newest_only and not entry.silent
        parcel = Parcel(entry.cursor.seq, entry.thread, entry.priority, is_past=is_past, replaces=replaces)
        for replaced in lane.offer(parcel):
            reason = f"by {entry.cursor.seq}"
            self._attempted(lane, replaced.seq, "replaced", reason)
            self._saving.settled(lane)

    def _pass_over(self, lane: Lane, faces: Faces) -> None:
        if not lane.is_known(faces.entry.cursor.seq):
            lane.pass_over(faces.entry.cursor.seq)
            self._saving.moved(lane)

    def _wants(self, lane: Lane, faces: Faces) -> bool:
        return reaches(self._routes[lane.id].spec.subscription, faces.hearers)

    def _lose(self, lane: Lane, gap: Gap) -> None:
        """Retention was faster than the lane. That is said aloud; it goes on with what the log has."""
        upto = gap.span.oldest - 1
        log.error("courier.lost", realm=self._source.site.realm.value, lane=lane.id, since=lane.scanned, upto=upto)
        self._attempted(lane, upto, "lost", f"after {lane.scanned}")
        lane.lose(upto)
        self._saving.settled(lane)

    def _attempted(self, lane: Lane, seq: int, outcome: str, reason: str) -> None:
        self._saving.attempted(
            Attempt(lane=lane.id, seq=seq, identifier="", at=self._clock(), outcome=outcome, reason=reason)
        )
