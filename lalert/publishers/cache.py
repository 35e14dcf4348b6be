"""Pages that many ask for, made once per change: however many ask at the same moment, one makes, all get it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sized
from typing import Final, Generic, TypeVar

MOST_BYTES: Final = 256 << 20

Page = TypeVar("Page", bound=Sized)


class Cache(Generic[Page]):
    """Keeps the `limit` pages asked for last, each until its generation has passed. For one event loop.

    All together have at most `most_bytes`, but for one that is larger alone. The length of a page is its bytes.
    """

    def __init__(self, limit: int, *, most_bytes: int = MOST_BYTES) -> None:
        self._limit = limit
        self._most_bytes = most_bytes
        self._bytes = 0
        self._era = 0
        self._pages: dict[Hashable, tuple[Hashable, Page]] = {}
        self._making: dict[Hashable, asyncio.Task[Page]] = {}

    def get(self, key: Hashable, generation: Hashable, make: Callable[[], Page]) -> Page:
        """Return the page called `key` as of `generation`, made by `make` at once when it is not there."""
        generation, kept = (self._era, generation), self._pages.get(key)
        page = kept[1] if kept is not None and kept[0] == generation else make()
        self._keep(key, generation, page)
        return page

    async def get_later(self, key: Hashable, generation: Hashable, make: Callable[[], Awaitable[Page]]) -> Page:
        """Return the page like `get`, of a `make` that takes its time elsewhere."""
        generation, kept = (self._era, generation), self._pages.get(key)
        if kept is not None and kept[0] == generation:
            self._keep(key, generation, kept[1])
            return kept[1]
        order = (key, generation)
        if order not in self._making:
            self._making[order] = asyncio.ensure_future(self._make(order, make))
        return await asyncio.shield(self._making[order])  # whoever leaves does not take it from the others

    def forget(self) -> None:
        """Make every page anew, those that are being made at this moment, too: what all of them stand on changed."""
        self._era += 1

    async def _make(self, order: tuple[Hashable, Hashable], make: Callable[[], Awaitable[Page]]) -> Page:
        try:
            page = await make()
            self._keep(*order, page)
            return page
        finally:
            del self._making[order]

    def _keep(self, key: Hashable, generation: Hashable, page: Page) -> None:
        self._drop(key)
        self._pages[key] = generation, page  # the newest at the end
        self._bytes += len(page)
        while len(self._pages) > self._limit or (self._bytes > self._most_bytes and len(self._pages) > 1):
            self._drop(next(iter(self._pages)))

    def _drop(self, key: Hashable) -> None:
        kept = self._pages.pop(key, None)
        self._bytes -= len(kept[1]) if kept is not None else 0
