"""Nodes that share a Redis: registrations, deeds and tokens, orders, agreements, and who came and left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis

from lalert.core.delivery import LaneState
from lalert.core.model import Cursor, Realm
from lalert.core.shares import Deed, share_of
from lalert.errors import Unavailable
from lalert.settings import Storage
from lalert.store.nodes import Beat, Fenced, Order, Report, Table
from lalert.store.redis import RedisStore, nodes
from lalert.store.redis.survey import survey
from tests.contract.test_recipients import resident
from tests.rig.redis import RedisServer

NOW = datetime(2026, 7, 6, tzinfo=UTC)
LANE = "webhook:ep_1"
SHARE = share_of(LANE)
STATE = LaneState(lane=LANE, cursor=Cursor("k3f9", 5))
LONG_S, SHORT_S = 30.0, 0.05


@pytest.fixture
def settings(tmp_path: Path, redis_server: RedisServer) -> Storage:
    """An empty database."""
    return Storage(data=tmp_path, url=redis_server.empty_database())


@pytest.fixture
async def store(settings: Storage) -> AsyncIterator[RedisStore]:
    """The store in it."""
    made = await RedisStore.open(settings, Realm.LIVE)
    yield made
    await made.close()


def beat(node: str, *claims: str, lease_s: float = LONG_S, released: str = "", predecessor: str = "") -> Beat:
    """Return one sign of life of a node."""
    report = Report(id=node, name=node, where="here:80", version="0", since=NOW, ways=("webhook",))
    gone = frozenset({released} - {""})
    return Beat(report=report, lease_s=lease_s, claims=frozenset(claims), released=gone, predecessor=predecessor)


async def beaten(store: RedisStore, *args: str, **kwargs: object) -> Table:
    """Beat, and return how everything stands."""
    return await store.nodes.beat(beat(*args, **kwargs))  # type: ignore[arg-type]


async def lapsed(store: RedisStore, node: str) -> None:
    """Wait until this node's lease is over."""
    while node in (await store.nodes.table()).living:
        pass


async def test_a_share_has_one_holder(store: RedisStore) -> None:
    """What somebody holds who lives, nobody else gets; what is given back, the next one gets under a greater token."""
    first = (await beaten(store, "a", SHARE)).deeds[SHARE]
    assert first.node == "a"
    assert (await beaten(store, "b", SHARE)).deeds[SHARE] == first
    assert (await beaten(store, "a", SHARE)).deeds[SHARE] == first, "it is renewed, not taken again"
    assert SHARE not in (await beaten(store, "a", released=SHARE)).deeds
    second = (await beaten(store, "b", SHARE)).deeds[SHARE]
    assert second.node == "b"
    assert second.token > first.token


async def test_what_a_dead_node_held_is_free_when_its_lease_ends(store: RedisStore) -> None:
    """Until then it is its own; if it comes back before anybody took it, it still is, and it learns that it lapsed."""
    first = (await beaten(store, "a", SHARE, lease_s=SHORT_S)).deeds[SHARE]
    await lapsed(store, "a")
    back = await beaten(store, "a", lease_s=SHORT_S)
    assert (back.lapsed, back.deeds[SHARE]) == (True, first)
    await lapsed(store, "a")
    table = await beaten(store, "b", SHARE)
    assert table.deeds[SHARE].node == "b"
    assert table.living == {"b"}
    assert (await beaten(store, "a")).deeds[SHARE].node != "a"


async def test_a_predecessor_is_known_to_be_dead(store: RedisStore) -> None:
    """A hub that starts again in the same folder need not wait for the lease of the life before."""
    await beaten(store, "a#1", SHARE)
    table = await beaten(store, "a#2", SHARE, predecessor="a#1")
    assert table.deeds[SHARE].node == "a#2"
    assert table.living == {"a#2"}


async def test_who_leaves_gives_everything_back(store: RedisStore) -> None:
    """After an orderly end nobody waits for a lease."""
    await beaten(store, "a", SHARE, "clock")
    await store.nodes.leave("a")
    assert (await store.nodes.table()).deeds == {}
    assert (await store.nodes.table()).nodes == ()


async def test_dead_nodes_are_forgotten(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are listed for some time, and not for ever."""
    await beaten(store, "a", lease_s=SHORT_S)
    await lapsed(store, "a")
    assert [seen.is_alive for seen in (await beaten(store, "b")).nodes if seen.report.id == "a"] == [False]
    monkeypatch.setattr(nodes, "FORGET_S", 0.0)
    assert {seen.report.id for seen in (await beaten(store, "b")).nodes} == {"b"}


async def test_lanes_are_saved_under_the_deed_of_their_share(store: RedisStore) -> None:
    """Whoever lost a share keeps nothing of a batch, neither there nor elsewhere, and drops nothing."""
    old = (await beaten(store, "a", SHARE, "webhook:63")).deeds
    await store.save_lanes([STATE], {SHARE: old[SHARE]})
    await beaten(store, "a", released=SHARE)
    new = (await beaten(store, "b", SHARE)).deeds
    other = replace(STATE, lane="webhook:other")
    with pytest.raises(Fenced) as fenced:
        await store.save_lanes([replace(STATE, failures=9), other], old)
    assert fenced.value.shares == {SHARE}
    with pytest.raises(Fenced):
        await store.drop_lane(LANE, {SHARE: old[SHARE]})
    with pytest.raises(Fenced):
        await store.save_lanes([STATE], {SHARE: Deed("a", new[SHARE].token)})
    with pytest.raises(Fenced):  # a batch from before it lost the share, and got it back
        await store.save_lanes([replace(STATE, failures=9)], {SHARE: Deed("b", old[SHARE].token)})
    assert list(await store.lanes()) == [STATE]
    assert await store.drop_lane(LANE, {SHARE: new[SHARE]})
    assert list(await store.lanes()) == []


async def test_orders_wait_until_they_are_done(store: RedisStore) -> None:
    """An order outlives whoever should carry it out; the newest for a lane counts, and only itself is done with."""
    older, newer = (Order(lane=LANE, since=n, id=str(n)) for n in (1, 2))
    await store.nodes.give(older)
    await store.nodes.give(newer)
    assert (await beaten(store, "a")).orders == (newer,)
    assert (await store.nodes.beat(replace(beat("a"), done=(older,)))).orders == (newer,)
    assert (await store.nodes.beat(replace(beat("a"), done=(newer,)))).orders == ()


async def test_all_go_by_what_the_first_has_said(store: RedisStore) -> None:
    """Who says something else learns what counts."""
    assert await store.nodes.agreed("vapid") is None
    assert await store.nodes.agree("vapid", "one") == "one"
    assert await store.nodes.agree("vapid", "two") == "one"
    assert await store.nodes.agreed("vapid") == "one"


async def test_who_came_and_left_is_told_in_order(store: RedisStore) -> None:
    """Whoever follows learns each number that came and each that left, whichever way; nothing new costs nothing."""
    start = await store.nodes.last_change()
    anne, ben, again = [
        await store.add_resident(resident(n, browser=b)) for n, b in (("1", "x"), ("2", "y"), ("3", "x"))
    ]
    await store.remove_residents([ben.number])
    changes = await store.nodes.resident_changes(start)
    assert changes is not None
    assert changes.came == (anne.number, ben.number, again.number)
    assert changes.left == (anne.number, ben.number)
    assert changes.upto == await store.nodes.last_change()
    nothing = await store.nodes.resident_changes(changes.upto)
    assert nothing is not None
    assert (nothing.upto, nothing.came, nothing.left) == (changes.upto, (), ())


async def test_who_is_too_far_behind_reads_everybody(store: RedisStore, settings: Storage) -> None:
    """When some of the changes are not there any more, that is said."""
    start = await store.nodes.last_change()
    await store.add_resident(resident("1", browser="x"))
    await store.add_resident(resident("2", browser="y"))
    with Redis.from_url(settings.url or "") as client:
        client.xtrim("lalert:{live}:resident:change", maxlen=1, approximate=False)
    assert await store.nodes.resident_changes(start) is None
    assert await store.nodes.resident_changes(start + 9) is None


async def test_looking_changes_nothing(settings: Storage) -> None:
    """A survey of an empty database leaves it empty; of a log it tells where it begins and ends, and who is there."""
    assert (await survey(settings, Realm.LIVE)).span is None
    with Redis.from_url(settings.url or "") as client:
        assert client.dbsize() == 0
    store = await RedisStore.open(settings, Realm.LIVE)
    await beaten(store, "a", SHARE)
    found = await survey(settings, Realm.LIVE)
    assert found.span == await store.span()
    assert found.table.living == {"a"}
    await store.close()
    with pytest.raises(Unavailable):
        await survey(replace(settings, url="redis://127.0.0.1:1/0", timeout_s=0.1), Realm.LIVE)
