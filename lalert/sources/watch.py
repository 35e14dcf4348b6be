"""All sources of one realm, each asked when it is due, none waiting for another. Which they are may change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from lalert.sources.poller import Poller


class Watch:
    """Keeps the rounds of its pollers going. Call `tick` every second, and `stop` at the end."""

    def __init__(self) -> None:
        self._pollers: tuple[Poller, ...] = ()
        self._rounds: dict[str, asyncio.Task[None]] = {}  # under way, by source

    async def tick(self) -> None:
        """Begin a round of every source that is due and has none under way; wait for none."""
        for poller in self._pollers:
            name = poller.source.name
            if name not in self._rounds and poller.is_due():
                self._rounds[name] = asyncio.create_task(self._round(poller), name=f"source-{name}")

    async def _round(self, poller: Poller) -> None:
        try:
            await poller.poll()
        finally:
            self._rounds.pop(poller.source.name, None)

    async def turn_to(self, pollers: Sequence[Poller]) -> None:
        """Watch these from now on. Rounds of others end; what they have not brought, who takes their place brings."""
        gone = [one for one in self._pollers if one not in pollers]
        self._pollers = tuple(pollers)
        for one in gone:
            await self._end(one.source.name)

    async def stop(self) -> None:
        """End the rounds that are under way: what they have not brought is brought after the next start."""
        for name in list(self._rounds):
            await self._end(name)

    async def _end(self, name: str) -> None:
        task = self._rounds.get(name)
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            if self._rounds.get(name) is task:  # ended before it began
                del self._rounds[name]

    def to_list(self) -> list[dict[str, object]]:
        """Return how every source is doing."""
        return [poller.to_dict() for poller in self._pollers]
