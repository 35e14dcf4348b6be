"""How a store ends, for every engine: what was begun is finished, and afterwards every question is refused."""

from __future__ import annotations

import asyncio

import pytest

from lalert.errors import Unavailable
from lalert.store.base import Appended, Store

from .conftest import Engine
from .making import keep, message


async def test_close_finishes_what_was_begun(engine: Engine) -> None:
    """Whoever waits for an append when the store closes gets its answer, and the entry is there."""
    store = await engine()
    appends = [asyncio.create_task(store.append([message(f"{n}")])) for n in range(50)]
    await asyncio.sleep(0)
    await store.close()
    assert all(isinstance(outcome, Appended) for [outcome] in await asyncio.gather(*appends))
    again = await engine()
    assert (await again.span()).head.seq == 50
    await again.close()


async def test_a_closed_store_is_unavailable(engine: Engine) -> None:
    """After the end every question is answered with Unavailable; ending twice is no error."""
    store = await engine()
    await store.close()
    await store.close()
    for question in (store.append([message("a")]), store.read(0, 1), store.keys()):
        with pytest.raises(Unavailable):
            await question


async def test_who_stops_waiting_stops_nobody_else(store: Store) -> None:
    """A cancelled call leaves the others, and the store, as they are."""
    tasks = [asyncio.create_task(store.append([message(f"{n}")])) for n in range(10)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[3], asyncio.CancelledError)
    assert sum(isinstance(result, list) for result in results) == 9
    await keep(store, message("later"))
