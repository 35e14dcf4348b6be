"""From the log to the lanes: what is new, to those that follow; what holds now and then the history, to the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from lalert.core.delivery import Attempt
from lalert.core.lanes import Lane, Parcel
from lalert.core.matching import reaches
from lalert.core.model import Posted, Priority
from lalert.core.roster import Roster
from lalert.courier.saving import Saving
from lalert.publishers.base import Courier, LaneSpec
from lalert.publishers.faces import Faces, Site
from lalert.publishers.tail import Tail
from lalert.store.base import Gap, Store

log = structlog.get_logger("lalert.courier")

_PAGE = 100  # entries of the history that are read at a time
_CHUNK = 128  # lanes that are asked between two looks at everything else


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
    in_force: Callable[[], Iterable[Posted]]

    async def faces(self, seq: int) -> Faces | None:
        """Return the entry at `seq`; None when retention has dropped it."""
        tail = self.tail()
        if tail.holds(seq - 1):
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
        self._offered = source.tail().head.seq  # up to here, everything was offered to the lanes that follow

    async def distribute(self) -> None:
        """Offer what is new to every lane. Raises `Unavailable`; then it is offered again."""
        tail = self._source.tail()
        if not tail.holds(self._offered):
            for lane in self._roster:
                lane.fall_behind()
            self._offered = tail.head.seq
        for faces in tail.after(self._offered):
            for number, lane in enumerate(self._roster):
                if number % _CHUNK == _CHUNK - 1:
                    await asyncio.sleep(0)
                await self._offer_new(lane, faces)
            self._offered = faces.entry.cursor.seq

    async def refill(self) -> None:
        """Read on for the lanes that are behind and have room, unless their peers are given time."""
        for lane in self._roster:
            if lane.runs_low and not lane.is_resting(self._clock()):
                await self._catch_up(lane)
                self._roster.note(lane, self._clock())

    async def _offer_new(self, lane: Lane, faces: Faces) -> None:
        """A lane that is behind gets what is new, too: it may be urgent. While its peer is down, the log keeps it."""
        if lane.is_behind and (lane.is_ragged or lane.is_resting(self._clock())):
            return
        if not self._wants(lane, faces):
            self._pass_over(lane, faces)
            return
        if lane.is_behind:
            await self._offer_thread(lane, faces.entry.thread)
        else:
            self._offer(lane, faces)
        self._roster.note(lane, self._clock())

    async def _catch_up(self, lane: Lane) -> None:
        live = sorted((p.entry for p in self._source.in_force()), key=lambda e: (e.priority, e.cursor.seq))
        for entry in live:
            if lane.has_room and not lane.is_ragged and not lane.is_known(entry.cursor.seq):
                await self._offer_thread(lane, entry.thread)
        threads = {entry.thread for entry in live}
        while lane.has_room and lane.scanned < self._offered and not lane.is_resting(self._clock()):
            await self._scan(lane, threads)
        if lane.scanned >= self._offered:
            lane.follow()

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
