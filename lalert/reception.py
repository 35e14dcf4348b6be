"""Reception: posts wait here until they are examined, the most urgent at first glance first.

Examining takes a millisecond or two of a worker thread. When every municipality of the country posts at once, that is
where they queue, so this queue has lanes and bounds like the one before the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

from lalert.core.model import Priority
from lalert.core.queue import PriorityQueue

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """Somebody who waits for a desk. Each is a thread of its own: there is no order to keep among them."""

    priority: Priority
    called: asyncio.Future[None]

    @property
    def thread(self) -> str:
        return hex(id(self))


class Reception:
    """Lets `desks` pieces of work run at a time, the most urgent that waits next, in `desks` + 1 worker threads.

    The one more is for what cannot wait: it may come while all desks examine a whole country.
    """

    def __init__(self, executor: Executor, *, desks: int, capacity: int) -> None:
        self._executor = executor
        self._free = desks
        self._spare: _Turn | None = None  # who is at the desk for what cannot wait
        self._queue: PriorityQueue[_Turn] = PriorityQueue(capacity=capacity)

    async def serve(self, priority: Priority, work: Callable[[], T]) -> T:
        """Return what `work` returns, done in a worker thread. Raises `Unavailable` when too many wait."""
        turn = _Turn(priority, asyncio.get_running_loop().create_future())
        self._queue.put(turn)
        self._call()
        try:
            await turn.called
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            if not turn.called.cancelled():  # it had a desk, even if whoever waited has left since
                self._leave(turn)
                self._call()

    def _call(self) -> None:
        while len(self._queue) and (self._free or self._may_use_spare()):
            turn = self._queue.get()
            if turn.called.cancelled():
                continue
            if self._free:
                self._free -= 1
            else:
                self._spare = turn
            turn.called.set_result(None)

    def _may_use_spare(self) -> bool:
        return self._spare is None and self._queue.lanes()[Priority.FLASH] > 0

    def _leave(self, turn: _Turn) -> None:
        if self._spare is turn:
            self._spare = None
        else:
            self._free += 1
