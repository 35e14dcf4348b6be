"""Nodes of one cluster, over a real Redis: they share the work, hand it over, take over from the dead, and know it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest

from lalert.core.model import Realm
from lalert.core.shares import CLOCK, Deed, share_of, shares_of
from lalert.errors import Text, Unavailable
from lalert.member import Member
from lalert.metrics import Metrics
from lalert.settings import Storage
from lalert.store.nodes import Alone, Beat, Nodes, Order, Report, Table
from lalert.store.redis import RedisStore
from tests.rig.redis import RedisServer

NOW = datetime(2026, 7, 6, tzinfo=UTC)
WAYS = ("webhook", "webpush")
ALL = frozenset(shares_of(WAYS))
LEASE_S = 0.6
PATIENCE_S = 20.0


class Crew:
    """Work that notes what it was told."""

    def __init__(self) -> None:
        self.held: dict[str, Deed] = {}
        self.drained = asyncio.Event()
        self.drained.set()
        self.draining: set[str] = set()
        self.stuck: set[str] = set()  # shares with a delivery that does not end
        self.replayed: list[tuple[str, int]] = []
        self.is_kept = True
        self.fails = 0

    async def hold(self, deeds: Mapping[str, Deed]) -> None:
        """Hold these."""
        if self.fails:
            self.fails -= 1
            raise Unavailable(Text("不通", "away"), code="store.unreachable")
        self.held = dict(deeds)

    async def drain(self, share: str) -> None:
        """Take as long as the test says, and let it go."""
        self.draining.add(share)
        if share in self.stuck:
            await asyncio.Event().wait()
        await self.drained.wait()
        self.draining.discard(share)
        self.held.pop(share, None)

    async def replay(self, lane: str, since: int) -> bool:
        """Note it; whether it lasts the test says."""
        self.replayed.append((lane, since))
        return self.is_kept

    def wake(self) -> None:
        """Go on."""


class Paused:
    """Nodes behind a line that can be cut, and a clock that can be put forward."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self.is_cut = False
        self.ahead_s = 0.0
        self.answers_after_s = 0.0

    async def beat(self, beat: Beat) -> Table:
        """Beat, if there is a line."""
        if self.is_cut:
            raise Unavailable(Text("不通", "away"), code="store.unreachable")
        table = await self._nodes.beat(beat)
        self.ahead_s += self.answers_after_s
        return table

    def __getattr__(self, name: str) -> object:
        return getattr(self._nodes, name)

    def running(self) -> float:
        """Return seconds."""
        return asyncio.get_running_loop().time() + self.ahead_s


class Join(Protocol):
    """Starts a member."""

    async def __call__(self, name: str, crew: Crew, *, ways: tuple[str, ...] = WAYS, predecessor: str = "") -> Member:
        """Return it, joined."""


@pytest.fixture
async def nodes(tmp_path: Path, redis_server: RedisServer) -> AsyncIterator[Nodes]:
    """An empty cluster."""
    store = await RedisStore.open(Storage(data=tmp_path, url=redis_server.empty_database()), Realm.LIVE)
    yield store.nodes
    await store.close()


@pytest.fixture
async def join(nodes: Nodes) -> AsyncIterator[Join]:
    """Lets members join; those that still run leave at the end."""
    async with AsyncExitStack() as stack:

        async def made(name: str, crew: Crew, *, ways: tuple[str, ...] = WAYS, predecessor: str = "") -> Member:
            one = member(nodes, name, crew, ways=ways, predecessor=predecessor)
            await one.start()
            stack.push_async_callback(one.stop)
            return one

        yield made


def member(
    nodes: Nodes,
    name: str,
    crew: Crew,
    *,
    ways: tuple[str, ...] = WAYS,
    predecessor: str = "",
    lease_s: float = LEASE_S,
) -> Member:
    """Return a member that has not joined yet."""
    report = Report(id=f"{name}#1", name=name, where="here:80", version="0", since=NOW, ways=ways)
    return Member(
        nodes,
        report=lambda: report,
        work=crew,
        lease_s=lease_s,
        metrics=Metrics(),
        realm="live",
        clock=lambda: datetime.now(UTC),
        predecessor=predecessor,
        running=nodes.running if isinstance(nodes, Paused) else lambda: asyncio.get_running_loop().time(),
    )


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - it comes about in Redis
            await asyncio.sleep(LEASE_S / 50)


async def test_the_only_node_holds_everything(join: Join) -> None:
    """Whoever is alone has it all when it has joined, the clock too."""
    crew = Crew()
    one = await join("a", crew)
    assert crew.held.keys() == ALL
    assert one.is_clock


async def test_a_node_that_joins_gets_its_part_when_it_is_drained(join: Join) -> None:
    """Nothing is held by two: the newcomer has its share only when the other has finished what was under way there."""
    first, second = Crew(), Crew()
    await join("a", first)
    first.drained.clear()
    await join("b", second)
    await until(lambda: first.draining)
    moving = frozenset(first.draining)
    assert not second.held.keys() & first.held.keys()
    first.drained.set()
    await until(lambda: second.held.keys() == moving)
    await until(lambda: first.held.keys() == ALL - moving)
    assert len(moving) > len(ALL) / 4


async def test_a_dead_node_is_inherited_when_its_lease_ends(join: Join, nodes: Nodes) -> None:
    """Everything that it held is held by the others, under greater tokens."""
    first, second = Crew(), Crew()
    dead = member(nodes, "a", first)
    await dead.beat()
    before = dict(first.held)
    await join("b", second)
    await until(lambda: second.held.keys() == ALL)
    assert all(second.held[share].token > deed.token for share, deed in before.items())


async def test_a_restarted_node_does_not_wait_for_its_own_lease(join: Join, nodes: Nodes) -> None:
    """Knowing that the life before is over, it holds everything when it has joined."""
    await member(nodes, "a", Crew(), lease_s=60).beat()
    crew = Crew()
    report = Report(id="a#2", name="a", where="here:80", version="0", since=NOW, ways=WAYS)
    again = member(nodes, "a", crew, predecessor="a#1")
    again._report = lambda: report
    await again.start()
    assert crew.held.keys() == ALL
    await again.stop()


async def test_leaving_gives_everything_back(join: Join, nodes: Nodes) -> None:
    """After an orderly end the others have it without waiting for a lease."""
    first, second = Crew(), Crew()
    one = member(nodes, "a", first, lease_s=60)
    await one.start()
    await join("b", second)
    assert not second.held
    await one.stop()
    await until(lambda: second.held.keys() == ALL)


async def test_one_share_that_hangs_keeps_no_other(join: Join) -> None:
    """A peer that takes long delays the hand-over of its own share only, also when its node ends."""
    first, second = Crew(), Crew()
    one = await join("a", first)
    first.stuck = {share_of("webhook:stuck")}
    await join("b", second)
    await until(lambda: second.held)
    await one.retire(LEASE_S / 2)
    await until(lambda: second.held.keys() == ALL - first.stuck - {CLOCK})
    assert first.held.keys() >= first.stuck
    await one.stop()
    await until(lambda: second.held.keys() == ALL)


async def test_who_cannot_renew_begins_nothing_before_the_lease_ends(nodes: Nodes) -> None:
    """It is not secure any more while its lease still holds, is again after the next beat, and goes on by itself."""
    line, crew = Paused(nodes), Crew()
    one = member(line, "a", crew)  # type: ignore[arg-type]
    await one.start()
    assert one.is_secure
    line.is_cut = True
    line.ahead_s += LEASE_S * 0.9
    assert not one.is_secure
    assert not one.is_clock
    assert one.id in (await nodes.table()).living
    line.is_cut = False
    await until(lambda: one.is_secure)
    await one.stop()


async def test_a_lease_counts_from_when_it_was_asked_for(nodes: Nodes) -> None:
    """An answer that was long under way secures only what is left: the lease began before it."""
    line = Paused(nodes)
    one = member(line, "a", Crew())  # type: ignore[arg-type]
    line.answers_after_s = LEASE_S * 0.9
    await one.beat()
    assert not one.is_secure
    line.answers_after_s = 0.0
    await one.beat()
    assert one.is_secure
    await one.stop()


async def test_who_is_cut_off_ends_at_once(nodes: Nodes, join: Join) -> None:
    """Without its store a node can hand nothing over: it does not wait for that, and its leases end by themselves."""
    line, crew, other = Paused(nodes), Crew(), Crew()
    one = member(line, "a", crew)  # type: ignore[arg-type]
    await one.start()
    await join("b", other)
    await until(lambda: other.held)
    line.is_cut = True
    async with asyncio.timeout(PATIENCE_S):
        await one.retire(patience_s=1_000)
        await one.stop()
    assert crew.held, "nothing was handed over"
    assert one.id in (await nodes.table()).living
    await until(lambda: other.held.keys() == ALL)


async def test_a_paused_node_lets_go_what_it_lost(nodes: Nodes, join: Join) -> None:
    """Back after its lease it learns that another has everything, holds none of it, and gets its part again later."""
    line, first, second = Paused(nodes), Crew(), Crew()
    one = member(line, "a", first)  # type: ignore[arg-type]
    await one.start()
    old = dict(first.held)
    line.is_cut = True
    await join("b", second)
    await until(lambda: second.held.keys() == ALL)
    line.is_cut = False
    await until(lambda: first.held and first.held.keys().isdisjoint(second.held))
    assert all(first.held[share] != old[share] for share in first.held)
    await one.stop()


async def test_work_that_could_not_be_taken_up_is_asked_again(join: Join, nodes: Nodes) -> None:
    """When the store fails between the deed and the lanes, the next beat takes them up."""
    crew = Crew()
    one = member(nodes, "a", crew)
    crew.fails = 2
    with pytest.raises(Unavailable):
        await one.beat()
    one.wake()
    with pytest.raises(Unavailable):
        await one.start()
    await one.start()
    assert crew.held.keys() == ALL
    await one.stop()


async def test_an_order_reaches_whoever_holds_the_lane(join: Join) -> None:
    """Given on any node it is carried out by the holder, again while that is not kept, and then no more."""
    crews = {"a": Crew(), "b": Crew()}
    members = {name: await join(name, crew) for name, crew in crews.items()}
    await until(
        lambda: all(crew.held for crew in crews.values()) and sum(len(c.held) for c in crews.values()) == len(ALL)
    )
    lane = next(f"webhook:{n}" for n in range(100) if share_of(f"webhook:{n}") in crews["b"].held)
    crews["b"].is_kept = False
    await members["a"].order(Order(lane=lane, since=7, id="x"))
    await until(lambda: len(crews["b"].replayed) > 1)
    crews["b"].is_kept = True
    await until(lambda: (table := members["a"].table) is not None and not table.orders)
    assert set(crews["b"].replayed) == {(lane, 7)}
    assert crews["a"].replayed == []


async def test_a_node_without_a_key_gets_no_notifications(join: Join) -> None:
    """What it cannot send stays where it can be sent."""
    able, unable = Crew(), Crew()
    await join("a", able)
    await join("b", unable, ways=("webhook",))
    await until(lambda: unable.held)
    assert not any(share.startswith("webpush:") for share in unable.held)
    assert {share for share in able.held if share.startswith("webpush:")} == set(shares_of(["webpush"])) - {CLOCK}


async def test_a_job_of_the_clock_runs_on_one_node(join: Join) -> None:
    """What must happen once in the cluster is done by the one that holds the clock."""
    ran: list[str] = []

    async def job() -> None:
        ran.append("done")

    crews = [Crew(), Crew()]
    members = [await join(name, crew) for name, crew in zip("ab", crews, strict=True)]
    await until(lambda: sum(len(crew.held) for crew in crews) == len(ALL))
    for one in members:
        await one.on_clock(job)()
    assert ran == ["done"]


async def test_a_store_that_is_not_shared_has_one_node() -> None:
    """It holds everything from its first beat on, and orders are carried out at once."""
    crew = Crew()
    one = member(Alone(), "a", crew)
    await one.start()
    assert crew.held.keys() == ALL
    await one.order(Order(lane="webhook:1", since=3, id="x"))
    assert crew.replayed == [("webhook:1", 3)]
    await one.stop()
