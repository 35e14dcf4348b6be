"""The way into the log: appends that wait together share one round trip and one flush of Redis.

One group at a time: look (what must be known of the log), finish the drafts, and keep them, all in one script that
holds what was looked up against the log once more. When another node was faster in something that matters, the group is
thought over. The group carries a token: when the connection is lost and nobody knows what became of it, it is sent
again, and the script recognises what it has kept already.

Nothing is kept after its callers were told that nothing was: the script goes by Redis' own clock and refuses a group
that lay too long in a paused server.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, cast

import msgspec

from lalert.core.model import Cursor, Draft, Entry, Kind, State
from lalert.core.thread import standing_after, standing_at_first
from lalert.errors import Text, Unavailable
from lalert.store import record
from lalert.store.base import Appended, AuditLine, Conflicting, Outcome, Repeated, Stale
from lalert.store.instants import micros
from lalert.store.redis.fence import Fence
from lalert.store.redis.ledger import Ledger
from lalert.store.redis.link import Link, Reply
from lalert.store.redis.plan import (
    Facts,
    Keep,
    New,
    Place,
    Plan,
    Planner,
    Question,
    VanishedError,
    Verdict,
    questions,
    wanted,
)
from lalert.store.redis.register import AUDIT_LIMIT
from lalert.store.redis.sight import Sight

MAX_JOINED: Final = 256  # drafts in one script: bounds what the most urgent alert can wait for
MAX_JOINED_BYTES: Final = 8 << 20  # of their messages
MAX_WAITING: Final = 4096  # calls

_US: Final = 1_000_000
_TOKEN_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class _Job:
    drafts: tuple[Draft, ...]
    until: float  # by the loop's clock
    told: asyncio.Future[list[Outcome]]

    @property
    def size(self) -> int:
        """How many bytes its messages have."""
        return sum(len(draft.alert.raw) for draft in self.drafts)


@dataclass(frozen=True, slots=True)
class _Looked:
    """What Redis answered: the facts, the entries that they speak of, and its own time."""

    facts: Facts
    entries: Mapping[int, Entry]
    head: int
    at_us: int


class Appender:
    """Takes batches and keeps them, in the order in which they came."""

    def __init__(self, link: Link, ledger: Ledger, sight: Sight, fence: Fence) -> None:
        self._link = link
        self._ledger = ledger
        self._sight = sight
        self._fence = fence
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lalert-writer")
        self._jobs: deque[_Job] = deque()
        self._filled = asyncio.Event()
        self._is_closed = False
        self._task = asyncio.create_task(self._serve(), name=f"append-{link.names.realm}")

    async def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Keep `drafts` as the contract says; whoever stops waiting does not stop the work."""
        if self._is_closed:
            raise Unavailable(Text("保存先は閉じています。", "The store is closed."), code="store.closed")
        if len(self._jobs) >= MAX_WAITING:
            raise Unavailable(Text("保存待ちが多すぎます。", "Too much waits to be kept."), code="store.busy")
        loop = asyncio.get_running_loop()
        job = _Job(tuple(drafts), loop.time() + self._link.patience_s, loop.create_future())
        self._jobs.append(job)
        self._filled.set()
        return await job.told

    async def close(self) -> None:
        """Finish everything that was begun; take nothing more."""
        self._is_closed = True
        self._filled.set()
        await self._task
        self._thread.shutdown()

    # --- groups ---------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        while not (self._is_closed and not self._jobs):
            await self._filled.wait()
            self._filled.clear()
            while self._jobs:
                await self._keep_together(self._joined())

    def _joined(self) -> list[_Job]:
        """Return the jobs of the next group."""
        jobs = [self._jobs.popleft()]
        count, size = len(jobs[0].drafts), jobs[0].size
        while self._jobs:
            count, size = count + len(self._jobs[0].drafts), size + self._jobs[0].size
            if count > MAX_JOINED or size > MAX_JOINED_BYTES:
                break
            jobs.append(self._jobs.popleft())
        return jobs

    async def _keep_together(self, jobs: Sequence[_Job]) -> None:
        try:
            outcomes = await self._keep([draft for job in jobs for draft in job.drafts], until=jobs[0].until)
        except Exception as error:  # it is told to whoever waits
            await self._fail(jobs, error)
            return
        for job in jobs:
            mine, outcomes = outcomes[: len(job.drafts)], outcomes[len(job.drafts) :]
            if not job.told.done():
                job.told.set_result(mine)

    async def _fail(self, jobs: Sequence[_Job], error: Exception) -> None:
        """Tell everybody that Redis is away; what one of them has spoilt for all is tried alone."""
        if len(jobs) > 1 and not isinstance(error, Unavailable):
            for job in jobs:
                await self._keep_together([job])
            return
        for job in jobs:
            if not job.told.done():
                job.told.set_exception(error)

    # --- one group ------------------------------------------------------------------------------------------------

    async def _keep(self, drafts: Sequence[Draft], *, until: float) -> list[Outcome]:
        asked = questions(drafts)
        try:
            async with asyncio.timeout_at(until):
                while True:
                    telling = await self._try(drafts, await self._look(drafts, asked), until)
                    if telling is not None:
                        return telling.outcomes(drafts)
        except TimeoutError:
            raise self._link.timed_out() from None

    async def _look(self, drafts: Sequence[Draft], asked: Sequence[Question]) -> _Looked:
        since = self._sight.guard()
        reply = cast(list[Reply], await self._link.run("look", msgspec.msgpack.encode(asked)))
        head = await self._sight.see(reply[0], reply[1], since=since)
        answers = [cast(bytes, answer).decode() for answer in cast(list[Reply], reply[4])]
        facts = dict(zip(asked, answers, strict=True))
        sought = sorted(wanted(drafts, facts))
        found = await self._ledger.entries(sought) if sought else []
        return _Looked(facts, {kept.entry.cursor.seq: kept.entry for kept in found}, head, cast(int, reply[3]))

    async def _try(self, drafts: Sequence[Draft], looked: _Looked, until: float) -> _Telling | None:
        """Keep what is to be kept of `drafts`; return what to tell, None when it must be thought over."""
        loop = asyncio.get_running_loop()
        since = self._sight.guard()
        wish = {
            "epoch": self._sight.epoch,
            "seen": since,
            # One for each attempt to keep: an earlier one that still lies in a hanging server is not this one.
            "token": secrets.token_hex(_TOKEN_BYTES),
            "deadline_us": looked.at_us + int((until - loop.time()) * _US),
            "questions": list(looked.facts),
            "answers": list(looked.facts.values()),
            "audit_limit": AUDIT_LIMIT,
        }
        try:
            plan, values = await loop.run_in_executor(self._thread, _prepared, drafts, looked, wish)
        except VanishedError:
            return None
        if not plan.keeps:
            await self._fence.upto(looked.head)
            return _Telling(self._sight.epoch, looked.head, plan, looked.entries)
        what, *more = cast(list[Reply], await self._link.run("append", *values))
        if what == b"back":
            await self._sight.see(*more, since=since)
        if what == b"late":
            raise TimeoutError
        return await self._kept(cast(int, more[0]), plan, looked) if what == b"kept" else None

    async def _kept(self, base: int, plan: Plan, looked: _Looked) -> _Telling:
        head = base + len(plan.keeps)
        await self._sight.see(self._sight.epoch.encode(), head, since=0)
        await self._fence.upto(head)
        return _Telling(self._sight.epoch, base, plan, looked.entries)


def _prepared(drafts: Sequence[Draft], looked: _Looked, wish: Mapping[str, object]) -> tuple[Plan, list[bytes]]:
    """Return what will be done, and what `lua/append.lua` wants for it. What cannot be kept fails here."""
    plan = Planner(looked.facts, looked.entries).plan(drafts)
    records = [record.encode(keep.draft) for keep in plan.keeps]
    head = msgspec.msgpack.encode({**wish, "drafts": [_described(keep) for keep in plan.keeps]})
    return plan, [head, *(part for kept in records for part in (kept.body, kept.raw))]


def _described(keep: Keep) -> dict[str, object]:
    draft = keep.draft
    is_message = draft.kind is not Kind.EXPIRE
    line = AuditLine(
        at=draft.at,
        actor=draft.key_id or "hub",
        action=f"append.{draft.kind}",
        subject=draft.alert.identity.key,
    )
    return {
        "key": draft.key,
        "thread": draft.thread,
        "identifier": draft.alert.identifier if is_message else "",
        "at_us": micros(draft.at),
        "key_id": draft.key_id,
        "holds": is_message and draft.state is State.IN_FORCE,
        "first": msgspec.json.encode(standing_at_first(draft)).decode(),
        "after": msgspec.json.encode(standing_after(draft)).decode(),
        "ends": keep.ends,
        "references": keep.references,
        "audit": msgspec.json.encode(line).decode(),
    }


@dataclass(frozen=True, slots=True)
class _Telling:
    """Makes outcomes out of a plan that was carried out behind position `base`."""

    epoch: str
    base: int
    plan: Plan
    entries: Mapping[int, Entry]

    def outcomes(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Return one outcome a draft."""
        return [self._outcome(draft, verdict) for draft, verdict in zip(drafts, self.plan.verdicts, strict=True)]

    def _outcome(self, draft: Draft, verdict: Verdict) -> Outcome:
        entry = self._entry(verdict.place)
        if verdict.what == "stale":
            return Stale(entry)
        assert entry is not None  # what is kept and what is known has an entry
        if verdict.what == "kept":
            return Appended(entry)
        return Repeated(entry) if entry.alert.raw == draft.alert.raw else Conflicting(entry)

    def _entry(self, place: Place | None) -> Entry | None:
        if isinstance(place, New):
            return Entry.of(self.plan.keeps[place.number].draft, Cursor(self.epoch, self.base + place.number + 1))
        return self.entries.get(place) if place is not None else None
