"""What lasts of the lanes, saved in batches and off the loop: states, and lines of the delivery log.

A state is taken when it is saved, so however often a lane settled meanwhile, one row is written. When the store does
not write, deliveries go on: a repeat after a crash does less harm than an alert that waits for a disk.

A lane is saved under the deed of its share. If another node has taken that over, the store keeps nothing of the batch
(`Fenced`): whoever drives the lanes lets these go, and the others are saved again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

import structlog

from lalert.core.delivery import Attempt
from lalert.core.lanes import Lane
from lalert.core.roster import Roster
from lalert.core.shares import Deed, share_of
from lalert.logs import Faults
from lalert.store.base import Store
from lalert.store.nodes import Fenced

log = structlog.get_logger("lalert.courier")

_ROWS = 200  # in one call: bounds what an alert can wait for on its way into the log
_WAITING_ATTEMPTS = 10_000  # the newest are kept while the store does not write
_MOVES = 10_000  # entries that lanes passed over before their cursors are worth saving


class Saving:
    """Saves `every_s` seconds after something changed; at once when somebody waits for it.

    `deed_of` tells under which deed a share is held; `lost` is told which shares turned out to be another node's.
    """

    def __init__(
        self,
        store: Store,
        roster: Roster,
        *,
        every_s: float,
        deed_of: Callable[[str], Deed | None],
        lost: Callable[[Collection[str]], None],
    ) -> None:
        self._store = store
        self._roster = roster
        self._every_s = every_s
        self._deed_of = deed_of
        self._lost = lost
        self._settled: set[str] = set()
        self._moved: set[str] = set()
        self._moves = 0
        self._attempts: list[Attempt] = []
        self._waiting: list[asyncio.Future[bool]] = []
        self._changed = asyncio.Event()
        self._urgent = asyncio.Event()
        self._turn = asyncio.Lock()
        self._faults = Faults()

    def settled(self, lane: Lane) -> None:
        """Have the state of `lane` saved soon."""
        self._settled.add(lane.id)
        self._changed.set()

    def moved(self, lane: Lane) -> None:
        """Have the state of `lane` saved some time: it only passed over what its peer does not want."""
        self._moved.add(lane.id)
        self._moves += 1
        if self._moves >= _MOVES:
            self._settled |= self._moved
            self._moves = 0
            self._moved.clear()
            self._changed.set()

    def attempted(self, attempt: Attempt) -> None:
        """Have one line of the delivery log kept."""
        self._attempts.append(attempt)
        self._changed.set()

    async def flush(self) -> bool:
        """Return once everything up to now was saved, or could not be: then False."""
        saved: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(saved)
        self._changed.set()
        self._urgent.set()
        return await saved

    async def drop(self, lane: str) -> None:
        """Forget a lane that the roster does not have any more."""
        async with self._turn:
            self._settled.discard(lane)
            self._moved.discard(lane)
            with suppress(Fenced):  # then its new holder does so
                await self._store.drop_lane(lane, self._deeds([lane]))

    async def run(self) -> None:
        """Save what changes, for ever."""
        while True:
            await self._changed.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):  # wait_for of Python 3.11 may swallow our end
                    await self._urgent.wait()
            self._changed.clear()
            self._urgent.clear()
            if not await self._save():
                self._changed.set()
                await asyncio.sleep(self._every_s)

    async def close(self) -> None:
        """Save everything, also what only moved on."""
        self._settled |= self._moved
        await self._save()

    async def _save(self) -> bool:
        """Save what has changed; return whether that was possible."""
        async with self._turn:
            names, self._settled = self._settled, set()
            attempts, self._attempts = self._attempts, []
            waiting, self._waiting = self._waiting, []
            is_saved = False
            try:
                unsaved, unkept = await asyncio.gather(self._save_states(names), self._keep_attempts(attempts))
                self._settled |= unsaved
                self._attempts = (unkept + self._attempts)[-_WAITING_ATTEMPTS:]
                is_saved = not unsaved and not unkept
            except asyncio.CancelledError:
                self._settled |= names  # whoever ends us saves once more
                raise
            finally:
                for saved in waiting:
                    if not saved.done():
                        saved.set_result(is_saved)
        return is_saved

    async def _save_states(self, names: set[str]) -> set[str]:
        """Save these lanes as they are; return those that could not be."""
        left = sorted(names)
        try:
            while left:
                lanes = [lane for name in left[:_ROWS] if (lane := self._roster.get(name)) is not None]
                if lanes:
                    await self._store.save_lanes([lane.state() for lane in lanes], self._deeds(x.id for x in lanes))
                del left[:_ROWS]
                self._faults.is_over("states")
        except Fenced as fenced:
            log.warning("courier.fenced", shares=sorted(fenced.shares))
            self._lost(fenced.shares)
        except Exception as error:  # whatever it is, alerts go on, and the next turn tries again
            if self._faults.is_news("states", repr(error)):
                log.warning("courier.unsaved", error=repr(error), lanes=len(left))
        return set(left)

    async def _keep_attempts(self, attempts: list[Attempt]) -> list[Attempt]:
        """Append to the delivery log; return what could not be."""
        left = list(attempts)
        try:
            while left:
                await self._store.add_attempts(left[:_ROWS])
                del left[:_ROWS]
                self._faults.is_over("attempts")
        except Exception as error:
            if self._faults.is_news("attempts", repr(error)):
                log.warning("courier.unnoted", error=repr(error), attempts=len(left))
        return left

    def _deeds(self, lanes: Iterable[str]) -> dict[str, Deed]:
        """Return the deeds under which these lanes are held."""
        shares = {share_of(lane) for lane in lanes}
        return {share: deed for share in shares if (deed := self._deed_of(share)) is not None}
