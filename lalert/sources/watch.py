"""All sources of one realm, each asked when it is due, none waiting for another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from lalert.sources.poller import Poller


class Watch:
    """Keeps the rounds of `pollers` going. Call `tick` every second, and `stop` at the end."""

    def __init__(self, pollers: Sequence[Poller]) -> None:
        self._pollers = tuple(pollers)
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
            del self._rounds[poller.source.name]

    async def stop(self) -> None:
        """End the rounds that are under way: what they have not brought is brought after the next start."""
        for task in list(self._rounds.values()):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def to_list(self) -> list[dict[str, object]]:
        """Return how every source is doing."""
        return [poller.to_dict() for poller in self._pollers]
