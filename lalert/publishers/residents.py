"""The courier of residents: one entry goes out in batches, lane by lane, and goes on where it stopped.

A batch is those with the next numbers; how far a lane came is one number, so a crash repeats one batch at most. Who
could not be reached just now (429, 5xx, no answer) is put off to the end and tried again; when a whole batch fails, it
is the push service that is down, and the lane waits. Between two batches something more urgent may go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import msgspec

from lalert.core.delivery import Delivered, Gone, Later, Outcome, Partly, Refused, Tally
from lalert.core.model import Cursor, Entry, Subscription
from lalert.core.resident import Resident
from lalert.core.roll import Told
from lalert.publishers.base import LaneSpec
from lalert.publishers.census import Census
from lalert.publishers.faces import Faces, Site
from lalert.publishers.outgoing import Outgoing
from lalert.publishers.sealing import Armoury
from lalert.publishers.services import LANES
from lalert.publishers.vapid import Vapid
from lalert.publishers.webpush import Notice, body_for, classify, is_over, notice_of, test_notice

WAY: Final = "webpush"
BATCH: Final = 64

_ARMED: Final = 512  # key pairs at a time: some 6 ms of one core
_PUT_OFF: Final = 300  # as many numbers as fit into the progress of a lane
_DOWN: Final = 8  # so many failures and no success are no accident
_TRIES: Final = 20  # of those put off: over an hour
_FIRST_WAIT_S, _LONGEST_WAIT_S = 5.0, 300.0
_NUMBERS: Final = {lane: number for number, lane in enumerate(LANES)}


@dataclass(frozen=True, slots=True)
class Course:
    """How far one entry came on one lane: everybody up to `after` was tried; `late` are put off, and `tries` counts."""

    after: int = 0
    late: tuple[int, ...] = ()
    tries: int = 0

    @classmethod
    def read(cls, progress: str) -> Course:
        """Return what `progress` says; the beginning where it says nothing that can be understood."""
        if not progress:
            return cls()
        try:
            after, late, tries = msgspec.json.decode(progress, type=tuple[int, tuple[int, ...], int])
        except msgspec.DecodeError:
            return cls()
        return cls(after, late, tries)

    def written(self) -> str:
        """Return the text that `read` understands, below 4 KB."""
        return msgspec.json.encode((self.after, self.late, self.tries)).decode()

    def next(self, told: Told) -> Told:
        """Return the next batch: those not tried yet as long as there is room for failures, else those put off."""
        fresh = told.after(self.after, BATCH)
        return fresh if len(fresh) and len(self.late) + len(fresh) <= _PUT_OFF else told.among(self.late)

    def is_again(self, batch: Told) -> bool:
        """Whether `batch` is of those who were put off."""
        return bool(len(batch)) and int(batch.numbers[-1]) <= self.after

    def moved(self, batch: Told, failed: Sequence[int]) -> Course:
        """Return the course after `batch`, of which `failed` are put off."""
        if self.is_again(batch):
            return Course(self.after, tuple(failed), self.tries + 1)
        return replace(self, after=int(batch.numbers[-1]), late=(*self.late, *failed))

    @property
    def wait_s(self) -> float:
        """How long those who were put off are left alone, unless their service names a time."""
        return min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(self.tries, 10))


class Pushes:
    """The courier of one realm's residents."""

    name = WAY

    def __init__(
        self,
        census: Census,
        outgoing: Outgoing,
        vapid: Vapid,
        *,
        site: Site,
        clock: Callable[[], datetime],
        armoury: Armoury | None = None,
    ) -> None:
        self._census = census
        self._outgoing = outgoing
        self._vapid = vapid
        self._site = site
        self._clock = clock
        self._since: dict[int, Cursor] = {}
        self._armoury = armoury or Armoury()

    def serve(self, lanes: Iterable[int], since: Cursor) -> bool:
        """Serve these lanes, too; a new one begins after `since`. Return whether one is new."""
        fresh = {lane: since for lane in lanes if lane not in self._since}
        self._since |= fresh
        return bool(fresh)

    def lanes(self) -> Sequence[LaneSpec]:
        """Return the lanes that residents are on; who is told is worked out per entry, not by the lane's filter."""
        return [
            LaneSpec(id=LANES[lane], way=WAY, subscription=Subscription(), since=since, newest_only=True)
            for lane, since in sorted(self._since.items())
        ]

    async def send(self, lane: str, entry: Faces, progress: str) -> Outcome:
        """Push the next batch of an entry to the residents of `lane`."""
        if is_over(entry.entry, self._clock()):
            return Refused("over", Tally())
        told = await self._census.told(entry.entry, _NUMBERS[lane])
        course = Course.read(progress)
        batch = course.next(told)
        if not len(batch):
            return Delivered(Tally())
        return await self._advance(entry.entry, told, course, batch)

    async def test(self, resident: Resident) -> Outcome:
        """Push a test to one resident, at once."""
        notice = test_notice(resident.wish.lang, self._site, now=self._clock())
        outcome = await self._post(resident, notice, await self._census.in_thread(self._sealed, resident, notice))
        if isinstance(outcome, Gone):
            await self._census.end([resident.number])
        return outcome

    def arm(self) -> None:
        """Make some keys ahead (in any thread)."""
        self._armoury.fill(_ARMED)

    async def _advance(self, entry: Entry, told: Told, course: Course, batch: Told) -> Outcome:
        outcomes = await self._push(entry, batch)
        put_off = [number for number, outcome in outcomes.items() if isinstance(outcome, Later)]
        waits = [outcome.retry_after_s or 0.0 for outcome in outcomes.values() if isinstance(outcome, Later)]
        if len(put_off) >= _DOWN and len(put_off) == len(outcomes):
            reason = next(outcome.reason for outcome in outcomes.values() if isinstance(outcome, Later))
            return Later(reason, max(waits) or None)
        await self._end_gone(outcomes)
        given_up = put_off if course.is_again(batch) and course.tries + 1 >= _TRIES else []
        moved = course.moved(batch, [] if given_up else put_off)
        tally = _tally(outcomes, refused=len(given_up))
        following = moved.next(told)
        if not len(following):
            return Delivered(tally)
        return Partly(moved.written(), tally, max(moved.wait_s, *waits, 0.0) if moved.is_again(following) else 0.0)

    async def _push(self, entry: Entry, batch: Told) -> dict[int, Outcome]:
        """Push to everybody of `batch` who was there when the entry was kept; return what became of each."""
        residents = [(r, hushed) for r, hushed in await self._census.of(batch) if r.created_at <= entry.at]
        sealed = await self._census.in_thread(self._sealed_all, entry, residents)
        posts = (
            self._post(resident, notice, body) for (resident, _), (notice, body) in zip(residents, sealed, strict=True)
        )
        outcomes = await asyncio.gather(*posts)
        return {resident.number: outcome for (resident, _), outcome in zip(residents, outcomes, strict=True)}

    async def _post(self, resident: Resident, notice: Notice, body: bytes) -> Outcome:
        endpoint = resident.peer.endpoint
        token = self._vapid.authorization(endpoint, now_s=int(self._clock().timestamp()))
        answer = await self._outgoing.post(endpoint, body=body, headers={**notice.headers, "Authorization": token})
        return classify(answer, now=self._clock())

    def _sealed_all(self, entry: Entry, residents: Sequence[tuple[Resident, bool]]) -> list[tuple[Notice, bytes]]:
        """Return notice and body for each; a notice is made once for all who read the same."""
        now = self._clock()
        wanted = {(resident.wish.lang, hushed) for resident, hushed in residents}
        notices = {
            (lang, hushed): notice_of(entry, lang, self._site, now=now, hushed=hushed) for lang, hushed in wanted
        }
        chosen = ((resident, notices[resident.wish.lang, hushed]) for resident, hushed in residents)
        return [(notice, self._sealed(resident, notice)) for resident, notice in chosen]

    def _sealed(self, resident: Resident, notice: Notice) -> bytes:
        return body_for(resident.peer, notice, mine=self._armoury.take())

    async def _end_gone(self, outcomes: dict[int, Outcome]) -> None:
        gone = [number for number, outcome in outcomes.items() if isinstance(outcome, Gone)]
        if gone:
            await self._census.end(gone)


def _tally(outcomes: dict[int, Outcome], *, refused: int) -> Tally:
    kinds = [type(outcome) for outcome in outcomes.values()]
    return Tally(sent=kinds.count(Delivered), refused=kinds.count(Refused) + refused, gone=kinds.count(Gone))
