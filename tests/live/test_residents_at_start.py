"""The hub works while its residents are still being read, and tells them afterwards what came meanwhile: each once."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lalert.cli.pushservice import Phone, PushService, running
from lalert.core.model import Realm
from lalert.core.resident import Peer, Resident, Wish, digest_of
from lalert.core.shares import shares_of
from lalert.publishers import census as census_module
from lalert.publishers.webpush import topic_of
from lalert.settings import Settings
from lalert.store.redis import RedisStore
from lalert.store.sqlite import SqliteStore
from lalert.web import bell as bell_module
from lalert.web.server import Server, serving
from tests.live.test_residents import LOOPBACK, SUBSCRIPTIONS, bearer, sign_up
from tests.publishers.test_sealing import AUTH, P256DH
from tests.rig import hubs
from tests.rig.author import NAHA, Author
from tests.rig.caller import Caller
from tests.rig.nodes import KEY_FILES
from tests.rig.redis import RedisServer

ELSEWHERE = 2_500  # residents of Naha, in the pages before those who matter
PATIENCE_S = 20.0

Read = Callable[[Any, int, int], Awaitable[Sequence[Resident]]]
"""How residents are read from a store: after this number, so many."""

author = Author()


class Gate:
    """Lets a store give its residents, or keeps the reading waiting after its first page."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self.waiting = asyncio.Event()

    def close(self) -> None:
        """Keep whoever reads from now on waiting."""
        self._open.clear()
        self.waiting.clear()

    def open(self) -> None:
        """Let everybody through."""
        self._open.set()

    def before(self, read: Read) -> Read:
        """Return `read` behind this gate."""

        async def residents(store: Any, after: int, limit: int) -> Sequence[Resident]:
            if after and store.realm is Realm.LIVE:
                self.waiting.set()
                await self._open.wait()
            return await read(store, after, limit)

        return residents


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """A gate before the residents of every store."""
    made = Gate()
    for kind in (SqliteStore, RedisStore):
        monkeypatch.setattr(kind, "residents", made.before(kind.residents))
    return made


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    """A push service on a free port."""
    async with running() as started:
        yield started


def settings(data: Path, url: str = "", **changes: object) -> Settings:
    """Return settings that push to this machine, at once."""
    more = {"push__allow_networks": LOOPBACK, "push__retry_first_s": 0.05, "push__save_s": 0.0, "cluster__lease_s": 1.0}
    return hubs.settings_for(data, **more, **({"store__url": url} if url else {}), **changes)


@pytest.fixture(params=["sqlite", "redis"])
def data(request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer) -> Settings:
    """Settings with an empty store of each kind."""
    return settings(tmp_path / "data", redis_server.empty_database() if request.param == "redis" else "")


@asynccontextmanager
async def calling(settings: Settings) -> AsyncIterator[tuple[Server, Caller]]:
    """Serve, and call with a key that may alert everybody."""
    async with serving(settings) as server, Caller(server.url, await hubs.issue(server)) as caller:
        yield server, caller


async def settle_elsewhere(server: Server, number: int = ELSEWHERE) -> None:
    """Have so many others subscribe before: several pages."""
    store = server.hub(Realm.LIVE).store
    others = [
        Resident(
            id=f"{n:016x}",
            digest=digest_of(str(n)),
            wish=Wish(areas=frozenset({NAHA})),
            peer=Peer(endpoint=f"https://push.example/{n}", p256dh=P256DH, auth=AUTH),
            created_at=datetime.now(UTC),
        )
        for n in range(number)
    ]
    for first in range(0, number, 250):
        await asyncio.gather(*map(store.add_resident, others[first : first + 250]))


def topics(service: PushService, phone: Phone) -> list[str]:
    """Return what a phone was told of, in order."""
    return [arrival.topic for arrival in service.of(phone)]


async def told(service: PushService, phones: Sequence[Phone], times: int) -> None:
    """Return when each of these phones was told so often."""
    await service.until(lambda: all(len(service.of(phone)) >= times for phone in phones))


async def residents_of(caller: Caller) -> Any:
    """Return what `readyz` says of the residents."""
    return (await caller.get("/readyz")).json["realms"]["live"]["residents"]


async def until(ask: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool]) -> None:
    """Ask until the answer holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds(await ask()):  # noqa: ASYNC110 - the hub tells nobody
            await asyncio.sleep(0.02)


async def test_the_hub_takes_alerts_while_it_reads(data: Settings, gate: Gate, service: PushService) -> None:
    """A level 5 is accepted, nobody is counted yet, and then everybody hears it once: who left does not, who came later
    hears what came later, and another start repeats nothing."""
    stays, also, leaves, comes = (service.phone() for _ in range(4))
    async with calling(data) as (server, caller):
        await settle_elsewhere(server)
        await sign_up(caller, stays)
        await sign_up(caller, also)
        left = await sign_up(caller, leaves)
    gate.close()
    async with calling(data) as (server, caller):
        await gate.waiting.wait()
        first = author.order(level=5)
        receipt = await caller.publish(first)
        assert receipt["matched"] == {"streams": 0, "endpoints": 0}
        ready = await caller.get("/readyz")
        assert (ready.status, ready.json["realms"]["live"]["residents"]) == (200, "reading")
        status = (await caller.get("/status.json")).json["realms"]["live"]["residents"]
        assert status == {"known": census_module._PAGE, "complete": False, "fault": None}
        assert 'lalert_residents_complete{realm="live"} 0.0' in (await caller.get("/metrics")).text
        await sign_up(caller, comes)
        path = f"{SUBSCRIPTIONS}/{left['id']}"
        assert (await caller.ask("delete", path, headers=bearer(left["secret"]))).status == 204
        assert service.arrivals == []
        gate.open()
        await told(service, [stays, also], 1)
        assert await residents_of(caller) == "ok"
        assert 'lalert_residents_complete{realm="live"} 1.0' in (await caller.get("/metrics")).text
        second = author.order()
        assert (await caller.publish(second))["matched"]["residents"] == 3
        await told(service, [stays, also], 2)
        await told(service, [comes], 1)
    async with calling(data) as (server, caller):
        third = author.order()
        await caller.publish(third)
        await told(service, [stays, also], 3)
        await told(service, [comes], 2)
    heard = [topic_of(order.identifier) for order in (first, second, third)]
    assert [topics(service, phone) for phone in (stays, also, comes, leaves)] == [heard, heard, heard[1:], []]


async def test_a_hub_that_ends_while_it_reads(data: Settings, gate: Gate, service: PushService) -> None:
    """Who is not known yet was not removed: lanes stay where they were saved, and the next start goes on there."""
    phone = service.phone()
    async with calling(data) as (server, caller):
        await settle_elsewhere(server, 1)
        await sign_up(caller, phone)
        before = author.order()
        await caller.publish(before)
        await told(service, [phone], 1)
    gate.close()
    async with calling(data) as (server, caller):
        await gate.waiting.wait()
        saved = await server.hub(Realm.LIVE).store.lanes()
        assert saved
        missed = author.order(level=5)
        await caller.publish(missed)
        await server.contexts[0].dispatcher.refresh()
        assert await server.hub(Realm.LIVE).store.lanes() == saved
    gate.open()
    async with calling(data) as (server, caller):
        await told(service, [phone], 2)
        after = author.order()
        await caller.publish(after)
        await told(service, [phone], 3)
    assert topics(service, phone) == [topic_of(order.identifier) for order in (before, missed, after)]


async def test_the_key_of_the_seal_is_lost(tmp_path: Path, service: PushService) -> None:
    """Who cannot be read is not counted as nobody, and `readyz` names the reason; with the key again all are told."""
    kept, phone = settings(tmp_path / "data"), service.phone()
    async with calling(kept) as (_, caller):
        await sign_up(caller, phone)
    seal = kept.store.data / "live.seal"
    lost = seal.rename(tmp_path / "lost")
    async with calling(kept) as (_, caller):
        await until(lambda: residents_of(caller), lambda found: found == "store.seal")
        order = author.order(level=5)
        assert "residents" not in (await caller.publish(order))["matched"]
    lost.rename(seal)
    async with calling(kept):
        await told(service, [phone], 1)
    assert topics(service, phone) == [topic_of(order.identifier)]


async def test_a_defect_ends_no_reading(tmp_path: Path, service: PushService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong on the way is said, and everybody is read anew: a hub that took alerts must tell of them."""
    monkeypatch.setattr(bell_module, "_DEFECT_S", 0.0)
    kept, phone = settings(tmp_path / "data"), service.phone()
    async with calling(kept) as (_, caller):
        await sign_up(caller, phone)
    read, broken = SqliteStore.residents, [ValueError("a defect")]

    async def residents(store: SqliteStore, after: int, limit: int) -> Sequence[Resident]:
        if after and broken:
            raise broken.pop()
        return await read(store, after, limit)

    monkeypatch.setattr(SqliteStore, "residents", residents)
    async with calling(kept) as (_, caller):
        await caller.publish(order := author.order(level=5))
        await told(service, [phone], 1)
    assert not broken
    assert topics(service, phone) == [topic_of(order.identifier)]


async def test_redis_goes_away_while_residents_are_read(
    tmp_path: Path, gate: Gate, service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said why nobody can be told; when Redis is back the reading goes on by itself, and everybody is told."""
    monkeypatch.setattr(bell_module, "_RETRY_S", 0.05)
    redis = RedisServer(tmp_path)
    await asyncio.to_thread(redis.start)
    phone, kept = service.phone(), settings(tmp_path / "data", redis.url, store__timeout_s=1.0)
    try:
        async with calling(kept) as (server, caller):
            await settle_elsewhere(server, 1)
            await sign_up(caller, phone)
        gate.close()
        async with calling(kept) as (server, caller):
            await gate.waiting.wait()
            order = author.order(level=5)
            await caller.publish(order)
            redis.kill()
            gate.open()
            await until(lambda: residents_of(caller), lambda found: found not in ("reading", "ok"))
            assert (await residents_of(caller)).startswith("store.")
            await asyncio.to_thread(redis.start)
            await told(service, [phone], 1)
            assert await residents_of(caller) == "ok"
        assert topics(service, phone) == [topic_of(order.identifier)]
    finally:
        redis.kill()


async def test_a_node_that_reads_leaves_pushes_to_the_others(
    tmp_path: Path, gate: Gate, service: PushService, redis_server: RedisServer
) -> None:
    """What is posted to a node that still reads is pushed by the one that knows everybody; then they share the work."""
    url, phone = redis_server.empty_database(), service.phone()
    a, b = (settings(tmp_path / name, url, cluster__node=name) for name in "ab")
    async with AsyncExitStack() as stack:
        first, at_first = await stack.enter_async_context(calling(a))
        await settle_elsewhere(first, 1)
        await sign_up(at_first, phone)
        b.store.data.mkdir(mode=0o700)
        for name in KEY_FILES:
            shutil.copy(a.store.data / name, b.store.data / name)
        gate.close()
        second, at_second = await stack.enter_async_context(calling(b))
        await gate.waiting.wait()

        async def ways() -> dict[str, tuple[str, ...]]:
            table = await second.hub(Realm.LIVE).store.nodes.table()
            return {seen.report.name: seen.report.ways for seen in table.nodes if seen.is_alive}

        assert await ways() == {"a": ("webhook", "webpush"), "b": ("webhook",)}
        order = author.order(level=5)
        assert "residents" not in (await at_second.publish(order))["matched"]
        await told(service, [phone], 1)
        gate.open()
        await until(ways, lambda found: found == dict.fromkeys("ab", ("webhook", "webpush")))

        async def shares() -> list[int]:
            return [server.contexts[0].member.shares for server in (first, second)]

        await until(shares, lambda held: sum(held) == len(shares_of(("webhook", "webpush"))) and min(held) > 32)
        last = author.order()
        await at_first.publish(last)
        await told(service, [phone], 2)
    assert topics(service, phone) == [topic_of(one.identifier) for one in (order, last)]
