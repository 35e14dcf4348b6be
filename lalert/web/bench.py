"""The bench on which messages are looked at that nobody has posted: one thread of its own, and few places.

Anybody may ask for a check, so checks must never stand in the way of anything: not of alerts, which have their desk
(`lalert.reception`), and not of the pages' maps. When all places are taken, whoever comes is asked to come again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

from lalert.errors import Text, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

PLACES: Final = 6  # one at work, the others waiting

_RETRY_S: Final = 3


class Bench:
    """Does one thing after another, in a thread."""

    def __init__(self, *, name: str, places: int = PLACES) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._free = places

    async def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `work` returns. Raises `Unavailable` (`check.busy`) when every place is taken.

        Whoever goes away before it is done keeps the place until the thread is free again.
        """
        if not self._free:
            text = Text("検査が混み合っています。少し待って再送してください。", "Too many checks at once: try again.")
            raise Unavailable(text, code="check.busy", retry_after_s=_RETRY_S)
        self._free -= 1
        done = asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *args, **kwargs))
        done.add_done_callback(self._leave)
        return await asyncio.shield(done)

    def close(self) -> None:
        """Take nothing more; what waits is dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _leave(self, done: asyncio.Future[T]) -> None:
        self._free += 1
        if not done.cancelled():
            done.exception()  # heard, whoever has gone away
