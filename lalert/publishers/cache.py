"""Pages that many ask for, made once per change."""

from __future__ import annotations

from collections.abc import Callable, Hashable


class Cache:
    """Keeps the `limit` pages asked for last, each until its generation has passed."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pages: dict[Hashable, tuple[Hashable, bytes]] = {}

    def get(self, key: Hashable, generation: Hashable, make: Callable[[], bytes]) -> bytes:
        """Return the page called `key` as of `generation`, made by `make` when it is not there."""
        kept = self._pages.pop(key, None)
        if kept is None or kept[0] != generation:
            kept = (generation, make())
        self._pages[key] = kept  # the newest at the end
        if len(self._pages) > self._limit:
            del self._pages[next(iter(self._pages))]
        return kept[1]
