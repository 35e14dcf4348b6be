"""The bench: one after another, few at a time, and a place is free only when its work is over."""

from __future__ import annotations

import asyncio
import threading

import pytest

from lalert.errors import Unavailable
from lalert.web.bench import Bench


async def test_full_bench_sends_away() -> None:
    """Whoever finds no place hears when to come again; those who have one get their answers."""
    bench, gate = Bench(name="check", places=2), threading.Event()
    seated = [asyncio.ensure_future(bench.do(gate.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as busy:
        await bench.do(gate.wait)
    assert (busy.value.code, busy.value.retry_after_s > 0) == ("check.busy", True)
    gate.set()
    assert await asyncio.gather(*seated) == [True, True]
    assert await bench.do(int, "7") == 7
    bench.close()


async def test_place_is_kept_until_the_work_is_over() -> None:
    """A client that goes away frees nothing while its message is still looked at: nobody piles up work like that."""
    bench, began, gate = Bench(name="check", places=1), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        gate.wait()

    gone = asyncio.ensure_future(bench.do(work))
    await asyncio.to_thread(began.wait)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    with pytest.raises(Unavailable):
        await bench.do(int)
    gate.set()
    async with asyncio.timeout(10):
        while True:
            try:
                assert await bench.do(int) == 0
                break
            except Unavailable:
                await asyncio.sleep(0.001)
    bench.close()


async def test_what_goes_wrong_is_told() -> None:
    """An error of the work reaches whoever asked, and the place is free again."""
    bench = Bench(name="check", places=1)
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            await bench.do(int, "x")
    bench.close()
