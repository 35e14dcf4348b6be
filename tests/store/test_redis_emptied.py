"""A Redis from which everything is gone is a Redis that is away: nothing that was seen is forgotten for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from lalert.core.delivery import LaneState
from lalert.core.model import Realm
from lalert.errors import Unavailable
from lalert.settings import Storage
from lalert.store.redis import RedisStore
from tests.contract.making import START, keep, message
from tests.contract.test_keys import key
from tests.contract.test_recipients import attempt, resident
from tests.rig.redis import RedisServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that the test may empty."""
    started = RedisServer(tmp_path / "redis").start()
    yield started
    started.kill()


@pytest.fixture
def storage(server: RedisServer, tmp_path: Path) -> Storage:
    """Where the log is, and the folder of the machine that sees it."""
    return Storage(data=tmp_path / "node", url=server.url)


@pytest.fixture
async def store(storage: Storage) -> AsyncIterator[RedisStore]:
    """The open store of that machine."""
    opened = await RedisStore.open(storage, Realm.LIVE)
    yield opened
    await opened.close()


async def test_an_emptied_redis_keeps_nothing(store: RedisStore, storage: Storage, server: RedisServer) -> None:
    """FLUSHALL under running hubs: the store is away, whatever is asked; nothing begins in its place by itself."""
    [before] = await keep(store, message("a"))
    with server.client() as client:
        client.flushall()
    asked = [
        store.span(),
        store.append([message("b")]),
        store.read(0, 10),
        store.in_force(),
        store.prune(START),
        store.keys(),
        store.residents(0, 10),
        store.add_attempts([attempt("lane", "b")]),
        store.keys_generation(),
        store.endpoints_generation(),
        store.add_key(key("k")),
        store.add_resident(resident()),
        store.save_lanes([LaneState(lane="l", cursor=before.cursor)]),
        store.lanes(),
        store.nodes.probe(),
        store.nodes.last_change(),
    ]
    for question in asked:
        with pytest.raises(Unavailable) as refused:
            await question
        assert refused.value.code == "store.emptied"
    with server.client() as client:
        assert client.keys() == []
    await store.close()
    with pytest.raises(Unavailable, match=r"live\.left"):
        await RedisStore.open(storage, Realm.LIVE)
    (storage.data / "live.left").unlink()
    fresh = await RedisStore.open(storage, Realm.LIVE)
    [after] = await keep(fresh, message("b"))
    await fresh.close()
    assert (after.cursor.seq, after.cursor.epoch == before.cursor.epoch) == (1, False)


async def test_a_backup_of_an_emptied_redis_goes_on(store: RedisStore, server: RedisServer) -> None:
    """When what was seen is back, the open store continues: nobody starts anything anew, no reader has a gap."""
    await keep(store, message("a"))
    with server.client() as client:
        kept = {name: client.dump(name) for name in client.scan_iter()}
        client.flushall()
        with pytest.raises(Unavailable):
            await store.span()
        with client.pipeline() as at_once:
            for name, value in kept.items():
                at_once.restore(name, 0, value)
            at_once.execute()
    await keep(store, message("b"))
    assert [entry.alert.identifier for entry in await store.read(0, 10)] == ["a", "b"]
