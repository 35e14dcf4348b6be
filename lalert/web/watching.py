"""The sources of a realm, wired: register, fetchers and pollers, from the start of the hub to its end.

The register is followed while the hub runs. A source that stays as it was goes on undisturbed; one that changed begins
anew, and natural keys in the log see to it that nothing is published twice.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from lalert.hub import Hub
from lalert.sources import register
from lalert.sources.poller import Poller
from lalert.sources.source import Source
from lalert.sources.watch import Watch
from lalert.web.fetcher import Fetcher
from lalert.web.followed import Followed, Note, told


@dataclass(frozen=True, slots=True)
class _Open:
    """A source that is watched, with what fetches for it."""

    poller: Poller
    closing: AsyncExitStack


class Sources:
    """The sources of one realm: `watch` asks them. Call `follow` every few seconds, and `close` at the end."""

    def __init__(self, hub: Hub) -> None:
        self.watch = Watch()
        self._hub = hub
        self._open: list[_Open] = []
        self._trusted: dict[str, int] = {}
        self._files = Followed(self._read)

    async def start(self) -> None:
        """Begin to watch what the register lists.

        Raises `Rejected` (`settings.invalid`) for one that has mistakes: the hub does not start with half of it.
        """
        await self._turn_to(await asyncio.to_thread(self._files.read))

    async def follow(self) -> None:
        """Watch what the register lists now, if it has changed. With mistakes it changes nothing, and is told."""
        if await asyncio.to_thread(self._files.is_due):
            with told(self._hub, "sources"):
                await self._turn_to(await asyncio.to_thread(self._files.read))

    async def close(self) -> None:
        """End every round, and close what fetches."""
        await self.watch.stop()
        for one in self._open:
            await one.closing.aclose()

    def _read(self, note: Note) -> tuple[Source, ...]:
        file = self._hub.settings.sources.file
        if file is None:
            return ()
        note(file)
        return register.load(file, self._hub.boundaries)

    async def _turn_to(self, listed: Sequence[Source]) -> None:
        """Watch these sources, and those no more that are not among them."""
        wanted = register.of_realm(listed, self._hub.realm)
        known = {one.poller.source: one for one in self._open}
        self._trusted = {source.name: source.trust for source in listed}
        before, self._open = self._open, [known.get(source) or await self._opened(source) for source in wanted]
        await self.watch.turn_to([one.poller for one in self._open])
        for one in before:
            if one not in self._open:
                await one.closing.aclose()
        for name in {one.poller.source.name for one in before} - {source.name for source in wanted}:
            self._forget(name)

    async def _opened(self, source: Source) -> _Open:
        closing = AsyncExitStack()
        fetcher = await closing.enter_async_context(Fetcher(source))
        return _Open(Poller(source, self._hub, fetcher, trust_of=self._trust_of, random=random.random), closing)

    def _trust_of(self, name: str) -> int:
        return self._trusted.get(name, 0)

    def _forget(self, name: str) -> None:
        """Show a source no more that is watched no more: its silence would be taken for a fault."""
        for gauge in (self._hub.metrics.source_failures, self._hub.metrics.source_heard):
            gauge.remove(self._hub.realm.value, name)
