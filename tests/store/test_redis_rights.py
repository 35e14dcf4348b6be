"""The rights of the hub's user in Redis, as the operations guide gives them: they suffice for everything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from lalert.core.model import Realm
from lalert.settings import Storage
from lalert.store.migration import migrate
from lalert.store.nodes import Order
from lalert.store.redis import RedisStore
from lalert.store.redis.link import Link, Reply, Value
from lalert.store.redis.survey import survey
from tests.contract.making import START, day
from tests.rig.hubs import ROOT
from tests.rig.redis import RedisServer
from tests.store.test_migration import fill
from tests.store.test_nodes import beat

USER = re.compile(r"^user (lalert on .*)$", re.MULTILINE)
LIVE = (Realm.LIVE,)


@pytest.fixture
def url(redis_server: RedisServer) -> Iterator[str]:
    """An empty database, as the user whom the guide describes sees it."""
    found = USER.search((ROOT / "docs" / "operations.md").read_text("utf-8"))
    assert found is not None
    with redis_server.client() as client:
        client.execute_command("ACL", "SETUSER", *found[1].split())
        client.execute_command("ACL", "LOG", "RESET")
        yield redis_server.empty_database().replace("redis://", "redis://lalert:PASSWORD@")
        client.execute_command("ACL", "DELUSER", "lalert")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the scripts that were run."""
    names: set[str] = set()
    run = Link.run

    async def noted(link: Link, name: str, *values: Value, again: bool = True) -> Reply:
        names.add(name)
        return await run(link, name, *values, again=again)

    monkeypatch.setattr(Link, "run", noted)
    return names


async def test_the_documented_rights_suffice(
    url: str, redis_server: RedisServer, ran: set[str], tmp_path: Path
) -> None:
    """Every script and every question is allowed: keeping, reading, retention, nodes, moving there and back."""
    shared, folder = Storage(data=tmp_path / "one", url=url), Storage(data=tmp_path / "one")
    await fill(shared)
    await migrate(shared, folder, LIVE)
    with redis_server.client() as client:
        client.select(int(url.rpartition("/")[2]))
        client.flushdb()
    await migrate(folder, shared, LIVE)
    store = await RedisStore.open(shared, Realm.LIVE)
    try:
        await ask_everything(store)
    finally:
        await store.close()
    await survey(shared, Realm.LIVE)
    with redis_server.client() as client:
        assert client.execute_command("ACL", "LOG") == []
    files = (file for file in (resources.files("lalert.store.redis") / "lua").iterdir())
    assert ran == {file.name.removesuffix(".lua") for file in files if file.read_text("utf-8").startswith("#!")}


async def ask_everything(store: RedisStore) -> None:
    """Put the questions that filling and moving have not put."""
    await store.follow((await store.span()).head.seq, 10)
    await store.read_from(START, 10)
    await store.in_force()
    await store.thread("new")
    await store.find_key("nobody")
    await store.lanes()
    await store.remove_residents([1, 2])
    await store.residents_of([3, 4])
    await store.remove_endpoint("ep_1")
    await store.attempts(lane="lane")
    await store.prune(START + day(60))
    nodes = store.nodes
    await nodes.beat(beat("a", "clock"))
    await nodes.give(Order(lane="webhook:x", since=0, id="1"))
    await nodes.agree("name", "value")
    await nodes.agreed("name")
    await nodes.probe()
    await nodes.resident_changes(await nodes.last_change() - 1)
    await nodes.table()
    await nodes.leave("a")
