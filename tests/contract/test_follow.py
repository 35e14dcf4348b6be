"""Waiting for the log to go on, for every engine."""

from __future__ import annotations

import asyncio

import pytest

from lalert.store.base import Gap, Store

from .making import START, cancel, day, keep, message


async def test_what_is_there_already_comes_at_once(store: Store) -> None:
    """Whoever is behind gets the next entries in order, at most as many as asked."""
    entries = await keep(store, *(message(f"{n}") for n in range(5)))
    assert list(await store.follow(1, 2)) == entries[1:3]
    assert list(await store.follow(0, 100)) == entries


async def test_what_comes_wakes_whoever_waits(store: Store) -> None:
    """Nobody asks again and again: the entry itself ends the waiting, for all who wait."""
    await keep(store, message("a"))
    waiting = [asyncio.create_task(store.follow(1, 10)) for _ in range(3)]
    await asyncio.sleep(0)
    [entry] = await keep(store, message("b"))
    assert [list(entries) for entries in await asyncio.gather(*waiting)] == [[entry]] * 3


async def test_an_endless_log_is_followed_without_a_hole(store: Store) -> None:
    """From answer to answer every entry comes once and in order, however they are appended meanwhile."""
    writing = asyncio.gather(*(store.append([message(f"{n}")]) for n in range(40)))
    seen: list[int] = []
    while len(seen) < 40:
        seen += [entry.cursor.seq for entry in await store.follow(len(seen), 7)]
    assert seen == list(range(1, 41))
    await writing


@pytest.mark.parametrize("after", [-1, 1, 5])
async def test_what_cannot_be_continued_is_a_gap(store: Store, after: int) -> None:
    """A position that was dropped, or is ahead of the log, is said aloud and not waited at."""
    await keep(store, *(cancel(f"{n}", at=START + day(n)) for n in range(4)))
    await store.prune(START + day(2))
    with pytest.raises(Gap):
        await store.follow(after, 10)
