"""Large entries in a shared log: as many are asked for at once as come in time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lalert.core.model import Realm
from lalert.errors import Text, Unavailable
from lalert.settings import Storage
from lalert.store.redis import RedisStore, ledger
from lalert.store.redis.link import Command, Link, Reply
from tests.contract.making import keep, message
from tests.rig.redis import RedisServer


@pytest.fixture
async def store(redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[RedisStore]:
    """An empty log."""
    opened = await RedisStore.open(Storage(data=tmp_path / "node", url=redis_server.empty_database()), Realm.LIVE)
    yield opened
    await opened.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many entries each question wants; while the first of them is 0, the answer does not come."""
    counts: list[int] = []
    exchange = Link.exchange

    async def noting(link: Link, *commands: Command, **more: float) -> list[Reply]:
        here = [int(command[5]) for command in commands if command[0] == "XRANGE"]
        counts.extend(here)
        if here and counts[0] == 0:
            raise Unavailable(Text("遅い", "slow"), code="store.down")
        return await exchange(link, *commands, **more)

    monkeypatch.setattr(Link, "exchange", noting)
    return counts


async def test_large_entries_are_read_a_few_at_a_time(
    store: RedisStore, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reply of a hundred entries of 4 MiB would never come in time: after the first, few are asked for at once."""
    await keep(store, *(message(str(number)) for number in range(300)))
    asked.clear()
    monkeypatch.setattr(ledger, "_REPLY_BYTES", 10_000)
    assert len(await store.read(0, 10_000)) == 300
    assert asked[0] == 128
    assert all(1 <= count <= 10 for count in asked[1:])


async def test_after_an_answer_that_did_not_come_one_entry_is_asked_for(store: RedisStore, asked: list[int]) -> None:
    """What was too much for the time that there is does not stay too much for ever."""
    await keep(store, *(message(str(number)) for number in range(5)))
    asked[:] = [0]
    with pytest.raises(Unavailable):
        await store.read(0, 10_000)
    asked.clear()
    assert len(await store.read(0, 10_000)) == 5
    assert asked[0] == 1
