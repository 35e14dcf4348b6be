"""A realm without a hub: a store, its tail and its situation; and couriers that do as they are told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from lalert.core.delivery import Attempt, Delivered, LaneState, Outcome
from lalert.core.model import Cursor, Draft, Entry, Priority, Realm, Subscription
from lalert.core.shares import Deed, shares_of
from lalert.core.situation import Situation
from lalert.courier import Dispatcher
from lalert.courier.feed import Source
from lalert.metrics import Metrics
from lalert.publishers.base import LaneSpec
from lalert.publishers.faces import Faces, Site
from lalert.publishers.tail import Tail
from lalert.settings import Push
from lalert.store.base import Appended
from lalert.store.sqlite import SqliteStore

PATIENCE_S = 20.0
SITE = Site(Realm.LIVE, "https://alerts.example")
QUICK = Push(retry_first_s=0.02, retry_longest_s=0.05, save_s=0.01, timeout_s=1.0)

T = TypeVar("T")

Send = Callable[[str, Entry, str], Awaitable[Outcome]]


async def delivered(lane: str, entry: Entry, progress: str) -> Outcome:
    """A peer that takes everything."""
    return Delivered()


class Hands:
    """A courier whose peers do what the test says, and that remembers what it was given."""

    name = "test"

    def __init__(self, *lanes: str, send: Send = delivered) -> None:
        self.send_to = send
        self.specs = {
            lane: LaneSpec(id=lane, way=self.name, subscription=Subscription(), since=ORIGIN) for lane in lanes
        }
        self.sent: list[tuple[str, str, str]] = []  # lane, identifier, progress: what was begun
        self.taken: list[tuple[str, str]] = []  # lane, identifier: what was delivered whole
        self._moved = asyncio.Event()

    def lanes(self) -> Sequence[LaneSpec]:
        """Return the lanes."""
        return list(self.specs.values())

    async def send(self, lane: str, entry: Faces, progress: str) -> Outcome:
        """Do what the test says."""
        identifier = entry.entry.alert.identifier
        self.sent.append((lane, identifier, progress))
        self._moved.set()
        outcome = await self.send_to(lane, entry.entry, progress)
        if isinstance(outcome, Delivered):
            self.taken.append((lane, identifier))
        self._moved.set()
        return outcome

    def got(self, lane: str) -> list[str]:
        """Return what this lane's peer has, in the order in which it came."""
        return [identifier for name, identifier in self.taken if name == lane]

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until `condition` holds; it is asked whenever something was sent or came back."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._moved.clear()
                await self._moved.wait()


ORIGIN = Cursor("test", 0)


class Desk:
    """One realm with a dispatcher that can be stopped, killed and started again over the same data."""

    def __init__(self, store: SqliteStore, *, tail_entries: int = 1000) -> None:
        self.store = store
        self.tail = Tail(head=ORIGIN, limit=tail_entries)
        self.situation = Situation()
        self.metrics = Metrics()
        self.clock_off = timedelta()  # how far off somebody has set the machine's clock
        self._killed: list[Dispatcher] = []
        self._running: list[Dispatcher] = []

    @classmethod
    async def open(cls, folder: Path, *, tail_entries: int = 1000) -> Desk:
        """Open the data in `folder` and catch up with them."""
        store = await SqliteStore.open(folder / "live.sqlite", Realm.LIVE, new_epoch=lambda: ORIGIN.epoch)
        desk = cls(store, tail_entries=tail_entries)
        desk._show(await store.read(0, 10_000))
        return desk

    async def publish(self, *drafts: Draft) -> list[Entry]:
        """Keep `drafts` and show them."""
        outcomes = await self.store.append(drafts)
        entries = [outcome.entry for outcome in outcomes if isinstance(outcome, Appended)]
        assert len(entries) == len(drafts)
        self._show(entries)
        return entries

    def _show(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self.situation.apply(entry)
        self.tail.extend(Faces(entry, SITE) for entry in entries)

    async def start(self, *couriers: Hands, settings: Push = QUICK, seed: int = 1) -> Dispatcher:
        """Return a running dispatcher."""
        ways = {spec.id.rpartition(":")[0] for courier in couriers for spec in courier.lanes()} | {""}
        dispatcher = Dispatcher(
            Source(store=self.store, site=SITE, tail=lambda: self.tail, in_force=self.situation.in_force),
            couriers,
            settings=settings,
            metrics=self.metrics,
            clock=lambda: datetime.now(UTC) + self.clock_off,
            random=random.Random(seed).random,
        )
        await dispatcher.start()
        await dispatcher.hold({share: Deed("here", 1) for share in shares_of(ways)})
        self._running.append(dispatcher)
        return dispatcher

    async def stop(self, dispatcher: Dispatcher) -> None:
        """End it as a server does."""
        self._running.remove(dispatcher)
        await dispatcher.stop()

    async def kill(self, dispatcher: Dispatcher) -> None:
        """End it as a crash does: nothing more is settled or saved."""
        self._running.remove(dispatcher)
        tasks = [task for task in asyncio.all_tasks() if task.get_name().startswith(("courier-", "deliver-"))]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def close(self) -> None:
        """Release everything."""
        for dispatcher in self._running:
            await dispatcher.stop()
        await self.store.close()


def urgent(draft: Draft, priority: Priority) -> Draft:
    """Return `draft` with this priority."""
    return replace(draft, priority=priority)


async def saved(desk: Desk, lane: str) -> LaneState:
    """Return what is kept of a lane."""
    return {state.lane: state for state in await desk.store.lanes()}[lane]


async def eventually(ask: Callable[[], Awaitable[T]], holds: Callable[[T], object]) -> T:
    """Ask the store until the answer holds, and return it."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds(answer := await ask()):
            pass
    return answer


async def attempts(desk: Desk, count: int) -> list[Attempt]:
    """Return the delivery log once it has `count` lines."""
    ask = partial(desk.store.attempts, limit=1000)
    return list(await eventually(ask, lambda found: len(found) >= count))


class Gate:
    """Peers that answer when the test says so."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, lane: str, entry: Entry, progress: str) -> Outcome:
        """Wait, then take it."""
        await self.open.wait()
        return Delivered()
