"""What a shared log costs: two real hubs on one Redis beside one hub on SQLite, in one run.

Publish: 500 readers on node B; messages are posted to B (same node), to A (other node) and to a lone hub on SQLite with
500 readers of its own, in turns. Measured is from the POST to the last reader, and the CPU of the hubs and Redis.

Appends: the two stores in this process, in turns, 1 and 64 in flight, each durable before it is told (SQLite
`synchronous=FULL`, Redis `appendfsync always`); CPU is that of this process and of Redis. Records as in `journal`.

Memory: what Redis takes for these records, and for residents as `lalert store migrate` brings them.

Debian: redis-server.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from itertools import count, islice
from pathlib import Path
from secrets import token_bytes, token_hex
from time import perf_counter, process_time

import aiohttp

from benchmarks.hub import HubProcess
from benchmarks.journal import draft
from benchmarks.readers import StreamReader, connect
from benchmarks.redisserver import RedisServer
from lalert.cli.scenario import Step, nationwide
from lalert.core.model import Draft, Realm
from lalert.core.resident import Wish
from lalert.settings import Storage
from lalert.store.archive import Origin, Subscribed, Terms
from lalert.store.base import Store
from lalert.store.opening import open_archive, open_store

READERS = int(os.environ.get("READERS", "500"))
TURNS = int(os.environ.get("TURNS", "100"))
ROUNDS = 5
IN_FLIGHT = {1: 200, 64: 1600}  # appends a round
RESIDENTS = 100_000
_PAGE = 1_000
_SEALED_BYTES = 420  # a push service's address, its keys, nonce and tag
_PATIENCE_S = 60.0


def run() -> dict[str, object]:
    """Return milliseconds to the last reader, appends a second, and CPU beside both."""
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        folder = Path(place)
        nodes, alone = (stack.enter_context(RedisServer(folder / name)) for name in ("redis-1", "redis-2"))
        figures = asyncio.run(_publish(folder, nodes)) | asyncio.run(_appends(folder, alone))
        return figures | asyncio.run(_residents(folder, alone))


# --- publish ---------------------------------------------------------------------------------------------------------


class _Crowd:
    """Readers of one hub, and who waits for the last of them."""

    def __init__(self) -> None:
        self.readers: list[StreamReader] = []
        self._missing = 0
        self._all_seen = asyncio.Event()

    @classmethod
    async def gather(cls, hub: HubProcess) -> _Crowd:
        """Connect all of them."""
        crowd = cls()
        crowd.readers = [await connect(hub.url, arrived=crowd._arrived) for _ in range(READERS)]
        return crowd

    async def time_ms(self, publish: Awaitable[None]) -> float:
        """Publish one message, and return the milliseconds until the last reader had it."""
        self._missing = len(self.readers)
        self._all_seen.clear()
        began = perf_counter()
        await publish
        async with asyncio.timeout(_PATIENCE_S):
            await self._all_seen.wait()
        return (perf_counter() - began) * 1e3

    def close(self) -> None:
        """Hang up."""
        for reader in self.readers:
            assert reader.transport is not None
            reader.transport.abort()

    def _arrived(self, _: int, __: float) -> None:
        self._missing -= 1
        if self._missing == 0:
            self._all_seen.set()


async def _publish(folder: Path, redis: RedisServer) -> dict[str, object]:
    with ExitStack() as stack:
        quiet = {"LALERT_HUB_CANARY_S": "3600"}
        a = stack.enter_context(HubProcess(folder / "a", LALERT_STORE_URL=redis.url, **quiet))
        b = HubProcess(folder / "b", LALERT_STORE_URL=redis.url, **quiet)
        b.data.mkdir()
        for file in (*a.data.glob("*.seal"), *a.data.glob("vapid-*.pem")):
            shutil.copy2(file, b.data)
        stack.enter_context(b)
        alone = stack.enter_context(HubProcess(folder / "alone", **quiet))
        async with aiohttp.ClientSession(headers={"Content-Type": "application/cap+xml"}) as session:
            return await _in_turns(session, a, b, alone, redis)


async def _in_turns(
    session: aiohttp.ClientSession, a: HubProcess, b: HubProcess, alone: HubProcess, redis: RedisServer
) -> dict[str, object]:
    keys = {a: a.key(), alone: alone.key()}
    keys[b] = keys[a]
    steps = iter(list(islice(nationwide(start=datetime.now(UTC), level5=0), 3 * (TURNS + 1))))
    crowds = {b: await _Crowd.gather(b), alone: await _Crowd.gather(alone)}
    ways = {"same node": (b, b), "other node": (a, b), "alone, SQLite": (alone, alone)}
    cpu: dict[str, float] = dict.fromkeys(ways, 0.0)
    took: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(TURNS + 1):
        for name, (poster, read) in ways.items():
            step, before = next(steps), _cpu_s(a, b, alone, redis)
            ms = await crowds[read].time_ms(_post(session, poster.url, keys[poster], step))
            if turn:  # the first of each opens what is opened once
                took[name].append(ms)
                cpu[name] += _cpu_s(a, b, alone, redis) - before
    for crowd in crowds.values():
        crowd.close()
    return _told(took, cpu)


async def _post(session: aiohttp.ClientSession, url: str, key: str, step: Step) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    async with session.post(f"{url}/api/v1/alerts", data=step.raw, headers=headers) as response:
        assert response.status == 201, await response.text()


def _cpu_s(*parts: HubProcess | RedisServer) -> float:
    return sum(part.cpu_s() for part in parts)


def _told(took: Mapping[str, Sequence[float]], cpu: Mapping[str, float]) -> dict[str, object]:
    told: dict[str, object] = {"readers": READERS, "messages each": TURNS}
    for name, times in took.items():
        told[f"{name}: ms to the last reader, p50"] = statistics.median(times)
        told[f"{name}: ms to the last reader, p99"] = statistics.quantiles(times, n=100)[98]
        told[f"{name}: CPU ms a message, hubs and Redis"] = cpu[name] / len(times) * 1e3
    extra = sorted(other - same for other, same in zip(took["other node"], took["same node"], strict=True))
    told["other node more than same node: ms, p50"] = statistics.median(extra)
    told["other node more than same node: ms, p99"] = statistics.quantiles(extra, n=100)[98]
    return told


# --- appends ---------------------------------------------------------------------------------------------------------


async def _appends(folder: Path, redis: RedisServer) -> dict[str, object]:
    stores = {
        "SQLite": await open_store(Storage(data=folder / "sqlite"), Realm.DRILL),
        "Redis": await open_store(Storage(data=folder / "node", url=redis.url), Realm.DRILL),
    }
    numbers, told = count(), dict[str, object]()
    empty = redis.memory_bytes()
    try:
        for callers, amount in IN_FLIGHT.items():
            figures: dict[str, list[tuple[float, float]]] = {name: [] for name in stores}
            for turn in range(ROUNDS + 1):
                for name, store in stores.items():
                    drafts = [draft(next(numbers)) for _ in range(amount)]
                    measured = await _measured(partial(_through, store, callers), drafts, redis)
                    if turn:
                        figures[name].append(measured)
            for name, turns in figures.items():
                told[f"{name}: appends a second, {callers} in flight"] = statistics.median(rate for rate, _ in turns)
                told[f"{name}: CPU us an append, {callers} in flight"] = statistics.median(cpu for _, cpu in turns)
        kept = (await stores["Redis"].span()).head.seq
        told["Redis: memory KB an entry"] = (redis.memory_bytes() - empty) / kept / 1e3
    finally:
        for store in stores.values():
            await store.close()
    return told


async def _measured(
    work: Callable[[Sequence[Draft]], Awaitable[None]], drafts: Sequence[Draft], redis: RedisServer
) -> tuple[float, float]:
    """Return drafts a second, and CPU microseconds each: ours and Redis'."""
    began, cpu = perf_counter(), process_time() + redis.cpu_s()
    await work(drafts)
    took, used = perf_counter() - began, process_time() + redis.cpu_s() - cpu
    return len(drafts) / took, used / len(drafts) * 1e6


async def _through(store: Store, callers: int, drafts: Sequence[Draft]) -> None:
    waiting: Iterator[Draft] = iter(drafts)

    async def caller() -> None:
        for one in waiting:
            await store.append([one])

    await asyncio.gather(*(caller() for _ in range(callers)))


# --- memory -----------------------------------------------------------------------------------------------------------


async def _residents(folder: Path, redis: RedisServer) -> dict[str, object]:
    archive = await open_archive(Storage(data=folder / "node", url=redis.url), Realm.LIVE, target=True)
    origin = Origin(Realm.LIVE, "bench", head=0, oldest=1, created_at_us=0, keys=0, endpoints=0, resident=RESIDENTS)
    wish = Wish(areas=frozenset({"131016"}), cells=frozenset({"53394611"}), min_level=3)
    try:
        await archive.begin(origin, Terms(None, {}))
        empty = redis.memory_bytes()
        for first in range(1, RESIDENTS + 1, _PAGE):
            await archive.keep(
                [
                    Subscribed(number, token_hex(8), token_hex(32), token_hex(32), wish, token_bytes(_SEALED_BYTES), 0)
                    for number in range(first, first + _PAGE)
                ]
            )
        return {"Redis: memory bytes a resident": (redis.memory_bytes() - empty) / RESIDENTS}
    finally:
        await archive.close()
