"""Pages made once per change, however many ask, and never more of them than agreed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from lalert.publishers.cache import Cache


class Kitchen:
    """Makes pages and counts them."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.open = asyncio.Event()

    def make(self, name: str) -> Callable[[], bytes]:
        """Return the making of a page."""

        def made() -> bytes:
            self.made.append(name)
            return name.encode()

        return made

    async def make_slowly(self) -> bytes:
        """Make a page once the kitchen is open."""
        self.made.append("slow")
        await self.open.wait()
        return b"slow"


def test_made_once_per_generation() -> None:
    """The same generation is served from memory; another one is made anew, also an older one."""
    cache, kitchen = Cache[bytes](limit=10), Kitchen()
    pages = [cache.get("a", generation, kitchen.make(str(generation))) for generation in (1, 1, 2, 2, 1)]
    assert pages == [b"1", b"1", b"2", b"2", b"1"]
    assert kitchen.made == ["1", "2", "1"]


def test_keeps_those_asked_for_last() -> None:
    """Beyond the limit the page that nobody asked for longest goes."""
    cache, kitchen = Cache[bytes](limit=2), Kitchen()
    for name in ("a", "b", "a", "c", "a", "b"):
        cache.get(name, 1, kitchen.make(name))
    assert kitchen.made == ["a", "b", "c", "b"]


def test_keeps_no_more_than_its_bytes() -> None:
    """Large pages go before there are many; one that is too large alone is kept until the next comes."""
    cache, kitchen = Cache[bytes](limit=10, most_bytes=4), Kitchen()
    for name in ("aa", "bb", "aa", "c", "aa", "bb", "eeeeee", "eeeeee", "c", "c"):
        cache.get(name, 1, kitchen.make(name))
    assert kitchen.made == ["aa", "bb", "c", "bb", "eeeeee", "c"]


async def test_one_makes_and_all_get_it() -> None:
    """Whoever asks while a page is made waits for it; afterwards it is there."""
    cache, kitchen = Cache[bytes](limit=2), Kitchen()
    asking = [asyncio.create_task(cache.get_later("a", 1, kitchen.make_slowly)) for _ in range(5)]
    await asyncio.sleep(0)
    kitchen.open.set()
    assert await asyncio.gather(*asking) == [b"slow"] * 5
    assert await cache.get_later("a", 1, kitchen.make_slowly) == b"slow"
    assert kitchen.made == ["slow"]


async def test_who_leaves_does_not_take_it_from_the_others() -> None:
    """A client that hangs up while a page is made leaves the others theirs."""
    cache, kitchen = Cache[bytes](limit=2), Kitchen()
    first, second = (asyncio.create_task(cache.get_later("a", 1, kitchen.make_slowly)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    kitchen.open.set()
    assert await second == b"slow"
    with pytest.raises(asyncio.CancelledError):
        await first
    assert kitchen.made == ["slow"]


async def test_failure_is_told_and_not_kept() -> None:
    """What could not be made is made again for the next who asks."""
    cache, kitchen = Cache[bytes](limit=2), Kitchen()

    async def fail() -> bytes:
        raise RuntimeError("burnt")

    with pytest.raises(RuntimeError, match="burnt"):
        await cache.get_later("a", 1, fail)
    kitchen.open.set()
    assert await cache.get_later("a", 1, kitchen.make_slowly) == b"slow"
