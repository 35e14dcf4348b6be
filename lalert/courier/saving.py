"""What lasts of the lanes, saved in batches and off the loop: states, and lines of the delivery log.

A state is taken when it is saved, so however often a lane settled meanwhile, one row is written. When the store does
not write, deliveries go on: a repeat after a crash does less harm than an alert that waits for a disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress

import structlog

from lalert.core.delivery import Attempt, LaneState
from lalert.core.lanes import Lane
from lalert.core.roster import Roster
from lalert.store.base import Store

log = structlog.get_logger("lalert.courier")

_ROWS = 200  # in one call: bounds what an alert can wait for on its way into the log
_WAITING_ATTEMPTS = 10_000  # the newest are kept while the store does not write
_MOVES = 10_000  # entries that lanes passed over before their cursors are worth saving


class Saving:
    """Saves `every_s` seconds after something changed; at once when somebody waits for it."""

    def __init__(self, store: Store, roster: Roster, *, every_s: float) -> None:
        self._store = store
        self._roster = roster
        self._every_s = every_s
        self._settled: set[str] = set()
        self._moved: set[str] = set()
        self._moves = 0
        self._attempts: list[Attempt] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._changed = asyncio.Event()
        self._urgent = asyncio.Event()
        self._turn = asyncio.Lock()

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

    async def flush(self) -> None:
        """Return once everything up to now was saved, or could not be."""
        saved = asyncio.get_running_loop().create_future()
        self._waiting.append(saved)
        self._changed.set()
        self._urgent.set()
        await saved

    async def drop(self, lane: str) -> None:
        """Forget a lane that the roster does not have any more."""
        async with self._turn:
            self._settled.discard(lane)
            self._moved.discard(lane)
            await self._store.drop_lane(lane)

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
            states = [lane.state() for name in names if (lane := self._roster.get(name)) is not None]
            try:
                await self._write(states, attempts)
            except Exception as error:  # whatever it is, alerts go on, and the next turn tries again
                log.warning("courier.unsaved", error=repr(error), lanes=len(states), attempts=len(attempts))
                self._settled |= names
                self._attempts = (attempts + self._attempts)[-_WAITING_ATTEMPTS:]
                return False
            finally:
                for saved in waiting:
                    if not saved.done():
                        saved.set_result(None)
        return True

    async def _write(self, states: Sequence[LaneState], attempts: Sequence[Attempt]) -> None:
        work: list[Awaitable[None]] = [
            *(self._store.save_lanes(states[at : at + _ROWS]) for at in range(0, len(states), _ROWS)),
            *(self._store.add_attempts(attempts[at : at + _ROWS]) for at in range(0, len(attempts), _ROWS)),
        ]
        await asyncio.gather(*work)
