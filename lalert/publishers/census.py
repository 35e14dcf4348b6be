"""The residents of a realm in memory: an index of what the store keeps, and who is told of each entry.

A cache: it is read from the store at the start, follows every subscription and every end, on whichever node, and is
rebuilt in a thread of its own when much has changed. Before it is worked out who is told of an entry, the census has
everybody who subscribed before the entry was kept. It holds no address: a browser is read from the store when it is
sent something.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Final, ParamSpec, Protocol, TypeVar

from lalert.core.model import Draft, Entry
from lalert.core.resident import Changes, Resident
from lalert.core.roll import NOBODY, Told, lane_of_place, place_of, told_of
from lalert.geo.residents import Index, Place, Residents, View
from lalert.publishers.services import lane_of

P = ParamSpec("P")
T = TypeVar("T")

_PAGE: Final = 5_000
_REBUILD_AT: Final = 5_000  # changes laid over the index; asking gets slower with each
_KEPT_NUMBERS: Final = 4_000_000  # of who is told, over all entries that are going out


class Following(Protocol):
    """What a census needs to follow residents who subscribe on other nodes."""

    async def last_change(self) -> int:
        """Return the number of the newest change."""

    async def resident_changes(self, after: int) -> Changes | None:
        """Return some of the changes after this number; None when they are not all there any more."""


class Keeping(Protocol):
    """What a census needs of the store."""

    @property
    def nodes(self) -> Following:
        """Who came and left on any node."""

    async def residents(self, after: int, limit: int) -> Sequence[Resident]:
        """Return up to `limit` residents with numbers greater than `after`, in order."""

    async def residents_of(self, numbers: Sequence[int]) -> Sequence[Resident]:
        """Return those with these numbers who are still there, in order."""

    async def remove_residents(self, numbers: Sequence[int]) -> int:
        """Forget the residents with these numbers."""


class Census:
    """For one event loop. `load` before use, `close` after."""

    def __init__(self, store: Keeping, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._residents = Residents()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="residents")
        self._lanes: set[int] = set()
        self._told: dict[int, asyncio.Task[Told]] = {}
        self._rebuilding: asyncio.Task[None] | None = None
        self._upto = 0  # the change among the residents, on whichever node, that was followed last
        self._turn = asyncio.Lock()

    async def load(self) -> None:
        """Read everybody from the store."""
        async with self._turn:
            await self._load()

    async def follow(self) -> None:
        """Take over who came and who left since the last look. Cheap when nobody did. Raises `Unavailable`."""
        async with self._turn:
            while (changes := await self._store.nodes.resident_changes(self._upto)) is not None:
                if changes.upto == self._upto:
                    return
                for resident in await self._store.residents_of(changes.came) if changes.came else ():
                    self.add(resident)
                self.drop(changes.left)
                self._upto = changes.upto
            await self._load()  # they were too many: to read everybody is shorter

    async def _load(self) -> None:
        self._upto = await self._store.nodes.last_change()  # first: what changes while we read is followed
        places: list[Place] = []
        after = 0
        while page := await self._store.residents(after, _PAGE):
            places += await self.in_thread(lambda read: [_place(resident) for resident in read], page)
            after = page[-1].number
        self._residents = Residents(await self.in_thread(Index.of, places))
        self._lanes = set(map(lane_of_place, places))

    async def close(self) -> None:
        """End the threads."""
        tasks = [*self._told.values(), *([self._rebuilding] if self._rebuilding else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def __len__(self) -> int:
        return len(self._residents)

    @property
    def lanes(self) -> frozenset[int]:
        """The lanes that somebody is on, or was since the start."""
        return frozenset(self._lanes)

    def add(self, resident: Resident) -> None:
        """Follow a subscription that the store has kept."""
        place = _place(resident)
        self._residents.put(place)
        self._lanes.add(lane_of_place(place))
        self._rebuild_when_due()

    def drop(self, numbers: Iterable[int]) -> None:
        """Follow the end of subscriptions."""
        self._residents.drop(numbers)
        self._rebuild_when_due()

    def count(self, draft: Draft) -> int:
        """Return how many residents would be told of `draft` now."""
        return len(told_of(draft, self._residents.view(), now=draft.at)) if len(self) else 0

    async def told(self, entry: Entry) -> Told:
        """Return who is told of `entry`: worked out once for all lanes, and again when it was long ago."""
        seq = entry.cursor.seq
        known = self._told.get(seq)
        if known is None or _has_failed(known):
            self._make_room()
            self._told[seq] = asyncio.create_task(self._work_out(entry))
        return await asyncio.shield(self._told[seq])

    async def of(self, told: Told) -> list[tuple[Resident, bool]]:
        """Return the residents of `told`, each with whether the notice is hushed; those who left are forgotten."""
        hushed = dict(zip(told.numbers.tolist(), told.hushed.tolist(), strict=True))
        found = await self._store.residents_of(list(hushed))
        left = hushed.keys() - {resident.number for resident in found}
        if left:
            self.drop(left)
        return [(resident, hushed[resident.number]) for resident in found]

    async def end(self, numbers: Sequence[int]) -> None:
        """Forget those whose browser wants nothing any more."""
        await self._store.remove_residents(numbers)
        self.drop(numbers)

    async def in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `work` returns, done in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *args, **kwargs))

    async def _work_out(self, entry: Entry) -> Told:
        await self.follow()
        if not len(self):
            return NOBODY
        return await self.in_thread(told_of, entry, self._residents.view(), now=self._clock())

    def _make_room(self) -> None:
        """Forget the oldest answers beyond the bound."""
        self._told = {seq: task for seq, task in self._told.items() if not _has_failed(task)}
        done = {seq: task for seq, task in self._told.items() if task.done()}
        kept = sum(len(task.result()) + 1_000 for task in done.values())
        for seq, task in done.items():
            if kept <= _KEPT_NUMBERS:
                break
            kept -= len(task.result()) + 1_000
            del self._told[seq]

    def _rebuild_when_due(self) -> None:
        if self._residents.changes >= _REBUILD_AT and (self._rebuilding is None or self._rebuilding.done()):
            self._rebuilding = asyncio.create_task(self._rebuild(self._residents, self._residents.view()))

    async def _rebuild(self, residents: Residents, view: View) -> None:
        residents.settle(view, await self.in_thread(view.rebuilt))


def _has_failed(task: asyncio.Task[Told]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _place(resident: Resident) -> Place:
    return place_of(resident, lane=lane_of(resident.peer.endpoint, resident.number))
