"""The residents of a realm in memory: an index of what the store keeps, and who is told of each entry.

A cache: it is read from the store once, beside everything else that the hub does, follows every subscription and every
end, on whichever node, and is rebuilt in a thread of its own when much has changed. Before it is worked out who is told
of an entry, the census has everybody who subscribed before the entry was kept. It holds no address: a browser is read
from the store when it is sent something.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final, ParamSpec, Protocol, TypeVar

from lalert.core.model import Draft, Entry
from lalert.core.resident import Changes, Resident
from lalert.core.roll import NOBODY, Told, count_of, lane_of_place, told_of
from lalert.errors import Unavailable
from lalert.geo.residents import Index, Residents, View
from lalert.publishers.reading import Reading, place

P = ParamSpec("P")
T = TypeVar("T")

_PAGE: Final = 1_000  # some 20 ms of CPU: as long as what cannot wait may be held up by the reading
_PATIENCE_S: Final = 0.1  # before each page, for what cannot wait; what never calms down must not stop the reading
_REBUILD_AT: Final = 5_000  # changes laid over the index; asking gets slower with each
_KEPT_NUMBERS: Final = 4_000_000  # of who is told (ten bytes each), over all entries that are going out
_KEPT_ALERTS: Final = (
    3  # to everybody, however many that are: lanes that take turns must not work out each other's anew
)


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
    """For one event loop. `load` before use, `close` after.

    `calm` is unset while something is done that the reading of everybody should not hold up.
    """

    def __init__(self, store: Keeping, *, clock: Callable[[], datetime], calm: asyncio.Event | None = None) -> None:
        self._store = store
        self._clock = clock
        self._calm = calm
        self._reading: Reading | None = None
        self._residents = Residents()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="residents")
        self._lanes: set[int] = set()
        self._told: dict[int, asyncio.Task[Mapping[int, Told]]] = {}
        self._rebuilding: asyncio.Task[None] | None = None
        self._upto = 0  # the change among the residents, on whichever node, that was followed last
        self._turn = asyncio.Lock()

    async def load(self) -> None:
        """Read everybody from the store. Raises `Unavailable`; then it goes on where it stopped when called again."""
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
        if self._reading is None:  # the number first: what changes while we read is followed
            self._reading = Reading(await self._store.nodes.last_change())
        reading = self._reading
        try:
            index = await self._read(reading)
        except Unavailable:
            raise
        except BaseException:
            self._reading = None  # it may have half a page
            raise
        self._residents, self._lanes, self._upto = reading.residents(index), reading.lanes, reading.upto
        self._reading = None
        self._rebuild_when_due()

    async def _read(self, reading: Reading) -> Index:
        while page := await self._store.residents(reading.after, _PAGE):
            await self.in_thread(reading.take, page)
            await self._give_way()
        return await self.in_thread(reading.index)

    async def _give_way(self) -> None:
        if self._calm is not None and not self._calm.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    await self._calm.wait()

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
    def read(self) -> int:
        """How many are known; while everybody is being read, how many that are by now."""
        return len(self._residents) if self._reading is None else len(self._reading)

    @property
    def lanes(self) -> frozenset[int]:
        """The lanes that somebody is on, or was since the start."""
        return frozenset(self._lanes)

    def add(self, resident: Resident) -> None:
        """Follow a subscription that the store has kept."""
        where = place(resident)
        self._residents.put(where)
        self._lanes.add(lane_of_place(where))
        if self._reading is not None:
            self._reading.put(where)
        self._rebuild_when_due()

    def drop(self, numbers: Iterable[int]) -> None:
        """Follow the end of subscriptions."""
        ended = list(numbers)
        self._residents.drop(ended)
        if self._reading is not None:
            self._reading.drop(ended)
        self._rebuild_when_due()

    def counting(self, draft: Draft) -> Callable[[], Awaitable[int]]:
        """Return how to count, later and in a thread, the residents who would be told of `draft` now."""
        return partial(self._count, draft, self._residents.view()) if len(self) else _count_nobody

    async def told(self, entry: Entry, lane: int) -> Told:
        """Return who is told of `entry` on one lane: worked out once for all, and again when it was long ago."""
        seq = entry.cursor.seq
        known = self._told.get(seq)
        if known is None or _has_failed(known):
            self._make_room()
            self._told[seq] = asyncio.create_task(self._work_out(entry))
        return (await asyncio.shield(self._told[seq])).get(lane, NOBODY)

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

    async def _count(self, draft: Draft, view: View) -> int:
        return await self.in_thread(count_of, draft, view, now=draft.at)

    async def _work_out(self, entry: Entry) -> Mapping[int, Told]:
        await self.follow()
        if not len(self):
            return {}
        return await self.in_thread(_by_lane, entry, self._residents.view(), self._clock())

    def _make_room(self) -> None:
        """Forget the oldest answers beyond the bound."""
        self._told = {seq: task for seq, task in self._told.items() if not _has_failed(task)}
        sizes = {seq: _size(task.result()) for seq, task in self._told.items() if task.done()}
        kept, bound = sum(sizes.values()), max(_KEPT_NUMBERS, _KEPT_ALERTS * len(self))
        for seq, size in sizes.items():
            if kept <= bound:
                break
            kept -= size
            del self._told[seq]

    def _rebuild_when_due(self) -> None:
        if self._residents.changes >= _REBUILD_AT and (self._rebuilding is None or self._rebuilding.done()):
            self._rebuilding = asyncio.create_task(self._rebuild(self._residents, self._residents.view()))

    async def _rebuild(self, residents: Residents, view: View) -> None:
        residents.settle(view, await self.in_thread(view.rebuilt))


async def _count_nobody() -> int:
    return 0


def _by_lane(entry: Entry, view: View, now: datetime) -> Mapping[int, Told]:
    return told_of(entry, view, now=now).by_lane()


def _size(told: Mapping[int, Told]) -> int:
    return sum(map(len, told.values())) + 1_000


def _has_failed(task: asyncio.Task[Mapping[int, Told]]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
