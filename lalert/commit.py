"""The committer: the one task of a realm that moves drafts from the priority queue into the log.

While a batch is being written the queue goes on filling, so that the next batch is again the most urgent of all that
waits. A draft is answered only after the store said that it is kept. When the store cannot write, everybody in the
batch is told `Unavailable` and nothing is kept: the sender tries again, and the natural key makes that harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from lalert.core.model import Draft, Entry, Realm, Received
from lalert.core.queue import PriorityQueue
from lalert.errors import Defect, LalertError, Text, Unavailable
from lalert.metrics import Metrics
from lalert.store.base import Appended, Outcome, Store

log = structlog.get_logger("lalert.commit")


Counting = Callable[[], Awaitable[int]]
"""How to count those whom a draft concerns, as they were when it was accepted."""

COUNTING_S: Final = 0.25
"""As long as a batch waits for its counts: nobody is told later because it takes long to say how many they are."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A draft between acceptance and its commit, and whom to tell."""

    draft: Draft
    outcome: asyncio.Future[Outcome]
    residents: Counting | None = None


class Committer:
    """Takes the most urgent drafts first and appends them to `store` in batches of at most `batch`."""

    def __init__(
        self,
        *,
        realm: Realm,
        store: Store,
        capacity: int,
        batch: int,
        advance: Callable[[Sequence[Entry]], Awaitable[None]],
        metrics: Metrics,
        clock: Callable[[], datetime],
    ) -> None:
        self._realm = realm
        self._store = store
        self._batch = batch
        self._advance = advance
        self._metrics = metrics
        self._clock = clock
        self._queue: PriorityQueue[Received] = PriorityQueue(capacity=capacity)
        self._pending: dict[str, Pending] = {}
        self._latest: dict[str, Draft] = {}  # the last draft of each thread that is on its way
        self._filled = asyncio.Event()
        self._closing = False
        self.failing_since: datetime | None = None  # None while the store accepts writes

    def submit(self, draft: Draft, residents: Counting | None = None) -> asyncio.Future[Outcome]:
        """Queue `draft`; the future has its outcome. Raises `Unavailable` when its lane is full or we are closing.

        `residents` are counted when its turn comes, so that what is less urgent is counted later, too.
        """
        if self._closing:
            raise Unavailable(
                Text("停止処理中です。しばらくして再送してください。", "Shutting down: send it again shortly."),
                code="hub.closing",
            )
        pending = Pending(draft, asyncio.get_running_loop().create_future(), residents)
        self._queue.put(Received(draft=draft, token=pending))
        self._pending[draft.key] = pending
        self._latest[draft.thread] = draft
        self._filled.set()
        return pending.outcome

    def pending(self, key: str) -> Pending | None:
        """Return the draft with this natural key that is on its way, or None."""
        return self._pending.get(key)

    def latest_of(self, thread: str) -> Draft | None:
        """Return the last draft of this thread that is on its way, or None."""
        return self._latest.get(thread)

    async def run(self) -> None:
        """Commit until `close` was called and everything that was submitted is answered."""
        while not (self._closing and not len(self._queue)):
            await self._filled.wait()
            self._filled.clear()
            while len(self._queue):
                await self._commit(self._queue.take(self._batch))

    def close(self) -> None:
        """Take nothing more; `run` ends when the queue is empty."""
        self._closing = True
        self._filled.set()

    def recovered(self) -> None:
        """Note that the store takes writes again."""
        self.failing_since = None
        self._metrics.store_up.labels(self._realm.value).set(1)

    def observe(self) -> None:
        """Bring the gauges of the queue up to date."""
        for lane, waiting in self._queue.lanes().items():
            self._metrics.waiting.labels(self._realm.value, lane.label).set(waiting)

    async def _commit(self, batch: Sequence[Received]) -> None:
        with self._metrics.commit_seconds.labels(self._realm.value).time():
            outcomes = await self._append(await asyncio.gather(*map(self._counted, batch)))
        kept = [outcome.entry for outcome in outcomes if isinstance(outcome, Appended)]
        if kept:
            await self._advance(kept)
        for received, outcome in zip(batch, outcomes, strict=True):
            self._answer(received, outcome)

    async def _counted(self, received: Received) -> Draft:
        """Return the draft with how many residents it concerns, without where that is not known in time."""
        draft, pending = received.draft, received.token
        assert isinstance(pending, Pending)
        if pending.residents is None:
            return draft
        try:
            async with asyncio.timeout(COUNTING_S):
                count = await pending.residents()
        except Exception as error:
            # A number that is missing must not cost the alert.
            log.warning("commit.uncounted", realm=self._realm.value, key=draft.key, reason=repr(error))
            return draft
        return replace(draft, matched=(*draft.matched, ("residents", count)))

    async def _append(self, drafts: Sequence[Draft]) -> Sequence[Outcome | LalertError]:
        try:
            outcomes = await self._store.append(drafts)
        except Unavailable as error:
            self._note_failure(error)
            return [error] * len(drafts)
        except Exception:
            # One defect must not end the task that every later alert depends on.
            log.exception("append.defect", realm=self._realm.value)
            self.failing_since = self.failing_since or self._clock()
            return [Defect(Text("保存処理の不具合です。", "A defect while keeping the alert."))] * len(drafts)
        self.recovered()
        return outcomes

    def _note_failure(self, error: Unavailable) -> None:
        if self.failing_since is None:
            self.failing_since = self._clock()
            log.error("store.unavailable", realm=self._realm.value, code=error.code)
        self._metrics.store_up.labels(self._realm.value).set(0)

    def _answer(self, received: Received, outcome: Outcome | LalertError) -> None:
        draft, pending = received.draft, received.token
        assert isinstance(pending, Pending)
        del self._pending[draft.key]
        if self._latest.get(draft.thread) is draft:
            del self._latest[draft.thread]
        if pending.outcome.done():
            return
        if isinstance(outcome, LalertError):
            pending.outcome.set_exception(outcome)
            pending.outcome.exception()  # nobody may be waiting any more; the log has it
        else:
            pending.outcome.set_result(outcome)
