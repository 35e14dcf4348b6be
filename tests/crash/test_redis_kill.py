"""Law 1 on Redis: acknowledged means durable. The server is killed at random moments while many append."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lalert.core.model import Draft, Entry, Kind, Realm
from lalert.errors import Unavailable
from lalert.settings import Storage
from lalert.store.base import Appended, Outcome, Repeated, Store
from lalert.store.redis import RedisStore
from tests.contract.making import message, update
from tests.rig.redis import RedisServer

ROUNDS = int(os.environ.get("LALERT_CRASH_ROUNDS", "10"))
SENDERS = 8
MOST_TOLD = 150  # batches between two kills


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A durable server to be killed."""
    started = RedisServer(tmp_path / "redis").start()
    yield started
    started.kill()


class Senders:
    """They append until they are told to stop; what failed is posted again, as a sender does."""

    def __init__(self, stores: list[Store]) -> None:
        self.told: dict[int, str] = {}
        self.failed = 0
        self.batches = 0
        self.is_over = False
        self._until = 0
        self._reached = asyncio.Event()
        self._stores = stores

    async def more(self, batches: int) -> None:
        """Return after so many more batches were kept."""
        self._reached.clear()
        self._until = self.batches + batches
        await self._reached.wait()

    async def run(self) -> None:
        """Run all senders until the end."""
        await asyncio.gather(*(self._send(f"s{number}") for number in range(SENDERS)))

    async def _send(self, name: str) -> None:
        """Open a thread and update it, with a batch of two each time, now on this node and now on that."""
        last, number = message(f"{name}.0"), 0
        await self._tell(number, [last])
        while not self.is_over:
            number += 1
            drafts = [update(f"{name}.{number}", last), message(f"{name}.{number}.more", text="x" * 3000)]
            await self._tell(number, drafts)
            last = drafts[0]

    async def _tell(self, number: int, drafts: list[Draft]) -> None:
        for outcome in await self._until_kept(self._stores[number % len(self._stores)], drafts):
            assert isinstance(outcome, Appended | Repeated)
            seq, identifier = outcome.entry.cursor.seq, outcome.entry.alert.identifier
            assert self.told.setdefault(seq, identifier) == identifier
        self.batches += 1
        if self.batches >= self._until:
            self._reached.set()

    async def _until_kept(self, store: Store, drafts: list[Draft]) -> list[Outcome]:
        while True:
            try:
                return list(await store.append(drafts))
            except Unavailable:
                self.failed += 1


async def test_nothing_that_was_told_is_lost_when_redis_is_killed(server: RedisServer, tmp_path: Path) -> None:
    """Two nodes, eight senders, kills at random moments: what was told is there, in its place, once, nothing half."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    settings = Storage(data=tmp_path / "node", url=server.url, timeout_s=0.3)
    stores: list[Store] = [await RedisStore.open(settings, Realm.LIVE) for _ in range(2)]
    senders = Senders(stores)
    sending = asyncio.create_task(senders.run())
    for _ in range(ROUNDS):
        async with asyncio.timeout(60):
            await senders.more(chance.randint(1, MOST_TOLD))
        server.kill()
        await asyncio.sleep(chance.random() * 0.4)  # sometimes longer than patience
        await asyncio.to_thread(server.start)
    senders.is_over = True
    await sending
    await _check(stores[0], senders.told, seed)
    for store in stores:
        await store.close()


async def _check(store: Store, told: dict[int, str], seed: int) -> None:
    entries: list[Entry] = []
    while more := await store.read(len(entries), 10_000):
        entries += more
    by_seq = {entry.cursor.seq: entry.alert.identifier for entry in entries}
    assert by_seq == told, f"seed {seed}"  # every batch was posted until it was told
    assert list(by_seq) == list(range(1, len(entries) + 1)), f"seed {seed}"
    assert max(Counter(by_seq.values()).values()) == 1, f"seed {seed}"
    assert {entry.kind for entry in entries} <= {Kind.ALERT, Kind.UPDATE}
    last = {entry.thread: entry.alert.identifier for entry in entries}
    assert {posted.entry.alert.identifier for posted in await store.in_force()} == set(last.values()), f"seed {seed}"
    assert len(await store.audit_lines(10**6)) == len(entries), f"seed {seed}"
