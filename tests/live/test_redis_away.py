"""Redis is gone: killed and started again under load, or hanging. Nothing false is said, and all goes on by itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
from collections.abc import AsyncIterator, Callable
from functools import partial, reduce
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from lalert.core.model import Realm, Role
from tests.rig import interface
from tests.rig.author import CHIYODA, Author
from tests.rig.caller import Answer, Caller
from tests.rig.listener import Listener
from tests.rig.load import CODES, Reader, Sender, everything, holds_what_was_told, register, whole_log
from tests.rig.nodes import Nodes
from tests.rig.peers import Peer
from tests.rig.redis import RedisServer

ROUNDS = int(os.environ.get("LALERT_CRASH_ROUNDS", "10"))
LONGEST_LIFE_S, LONGEST_AWAY_S = 0.5, 0.3
TIMEOUT_S = 0.5
PATIENCE_S = 30.0

pytestmark = pytest.mark.asyncio(loop_scope="module")
author = Author()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def redis(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisServer]:
    """A Redis that may be hurt."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    await asyncio.to_thread(server.start)
    yield server
    server.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> AsyncIterator[Nodes]:
    """Two nodes on it."""
    made = Nodes(
        tmp_path_factory.mktemp("nodes"),
        redis.url,
        store__timeout_s=TIMEOUT_S,
        stream__ping_s=1,
        push__allow_networks="127.0.0.0/8",
        push__retry_first_s=0.05,
        stream__tail_entries=100,
        hub__canary_s=3_600,
    )
    try:
        yield await made.start()
    finally:
        await made.stop()


async def until(ask: Callable[[], Any], holds: Callable[[Any], object]) -> Answer:
    """Ask until the answer holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds(answer := await ask()):  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(0.05)
    return answer


async def test_redis_is_killed_under_load(nodes: Nodes, redis: RedisServer) -> None:
    """Over ten kills nothing that was answered is lost, readers keep their lines, and webhooks get everything."""
    chance = random.Random(seed := random.randrange(2**32))
    key = await nodes.issue()
    a, b = nodes.all
    async with Caller(a.url) as caller:
        start = (await caller.get("/api/v1/changes")).json["cursor"]
    senders = [Sender(lambda hub=hub: hub.url, key, code) for code, hub in zip(CODES, (a, b) * 3, strict=True)]
    readers = [Reader(lambda hub=hub: hub.url, start) for hub in (a, b)]
    ended = asyncio.Event()
    reading = [asyncio.create_task(reader.run()) for reader in readers]
    async with Peer() as peer:
        names = [f"in/{number}" for number in range(4)]
        for name in names:
            await register(a.url, await nodes.issue(role=Role.MEDIA), peer, name)
        posting = [asyncio.create_task(sender.run(ended)) for sender in senders]
        for _ in range(ROUNDS):
            await asyncio.sleep(chance.uniform(0, LONGEST_LIFE_S))
            redis.kill()
            await asyncio.sleep(chance.uniform(0, LONGEST_AWAY_S))
            await asyncio.to_thread(redis.start)
        ended.set()
        await asyncio.gather(*posting)
        log = await whole_log(b.url, start)
        for reader in readers:
            await reader.until(log[-1]["cursor"])
        await everything(peer, names, {f"live-{entry['cursor']}" for entry in log})
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    holds_what_was_told(log, senders, seed)
    for reader in readers:
        assert reader.seen == [entry["cursor"] for entry in log], f"a gap, a repeat or another order (seed {seed})"
        assert reader.lines == 1, "nobody was cut"
    assert all(wait_s > 0 for sender in senders for wait_s in sender.refused)
    print(f"\n{ROUNDS} kills of Redis, {len(log)} entries: lost 0; refused {sum(len(s.refused) for s in senders)}")


async def test_redis_hangs(nodes: Nodes, redis: RedisServer) -> None:
    """Posts are refused in time, readers stay, pages say since when they are old; then all goes on by itself."""
    key = await nodes.issue()
    a, b = nodes.all
    async with Caller(a.url, key) as here, Caller(b.url, key) as there, Listener(a.url) as reader:
        order = author.order()
        cursor = (await here.publish(order))["cursor"]
        await until(lambda: there.get(f"/api/v1/changes?since={cursor}"), lambda answer: answer.status == 200)
        missed = author.order()
        redis.pause()
        try:
            refused = await here.post(missed)
            assert refused.status == 503, refused.text
            assert int(refused.headers["Retry-After"]) > 0
            for caller in (here, there):  # nobody posted there: following alone tells
                await is_stale(caller, order.identifier)
            async with (
                Listener(b.url, last_event_id=cursor) as newcomer,
                Listener(b.url, last_event_id="zzzz-1") as lost,
            ):
                redis.resume()
                again = await until(lambda: here.post(missed), lambda answer: answer.status != 503)
                assert again.status in (200, 201)
                for one in (reader, newcomer):
                    await one.until_identifier(missed.identifier)
                    assert not one.is_cut
                assert reader.identifiers == [order.identifier, missed.identifier]
                assert newcomer.identifiers == [missed.identifier]
                await lost.until_event("gap")
        finally:
            redis.resume()
        for caller in (here, there):
            await until(lambda caller=caller: caller.get("/readyz"), lambda answer: answer.status == 200)
            assert "情報の更新が止まった時刻" not in (await caller.get("/")).text


@pytest.mark.parametrize("realm", list(Realm))
async def test_every_path_has_an_answer(nodes: Nodes, redis: RedisServer, realm: Realm) -> None:
    """Whatever is asked while Redis is gone is answered from memory, or with 503: never with a defect."""
    author = Author(drill=realm is Realm.DRILL)
    url = nodes.all[0].url + ("/drill" if realm is Realm.DRILL else "")
    order = author.order()
    named = {"{identifier}": order.identifier, "{code}": CHIYODA, "{name}": "all", "{id}": "nobody", "{kind}": "pref"}
    async with Caller(url, await nodes.issue(realm)) as caller:
        await caller.publish(order)
        redis.kill()
        try:
            paths = [
                reduce(lambda path, pair: path.replace(*pair), named.items(), path)
                for path in interface.readable(is_drill=realm is Realm.DRILL)
            ]
            answers = dict(zip(paths, await asyncio.gather(*(caller.get(path) for path in paths)), strict=True))
            refused = await asyncio.gather(*(caller.post(author.order()) for _ in range(3)))
        finally:
            await asyncio.to_thread(redis.start)
    assert {path: answer.status for path, answer in answers.items() if 500 <= answer.status != 503} == {}
    assert answers["/"].status == answers["/api/v1/alerts/active"].status == answers["/feeds/all.atom"].status == 200
    assert {answer.status for answer in refused} == {503}


async def test_redis_is_full(nodes: Nodes, redis: RedisServer) -> None:
    """Posts are refused and say why; a node that starts now shows everything and delivers; with room all goes on."""
    key = await nodes.issue()
    a, b = nodes.all
    async with Caller(a.url, key) as here, Caller(b.url, key) as there:
        order, missed = author.order(), author.order()
        await here.publish(order)
        redis.set("maxmemory", "100000")
        try:
            refused = await here.post(missed)
            assert (refused.status, "store.full" in refused.text) == (503, True)
            assert await b.stop() == 0
            await b.start()
            assert order.identifier in (await there.get("/api/v1/alerts/active")).text
            push = await there.get("/api/v1/push/key")
            assert push.json == (await here.get("/api/v1/push/key")).json
            assert not any("push.key_missing" in line or '"unreadable"' in line for line in b.log)
        finally:
            redis.set("maxmemory", "0")
        await until(lambda: there.post(missed), lambda answer: answer.status == 201)


async def test_redis_is_emptied(nodes: Nodes, redis: RedisServer) -> None:
    """Nodes go on showing what they remember and know their senders; with the backup all goes on, without a gap."""
    key = await nodes.issue()
    a, b = nodes.all
    async with Caller(a.url, key) as here, Caller(b.url, key) as there, Listener(b.url) as reader:
        order, missed = author.order(), author.order()
        await here.publish(order)
        await reader.until_identifier(order.identifier)
        with redis.client() as client:
            kept = {name: client.dump(name) for name in client.scan_iter()}
            client.flushall()
        for caller in (here, there):
            refused = await until(lambda caller=caller: caller.post(missed), lambda answer: answer.status == 503)
            assert "store.emptied" in refused.text
            await is_stale(caller, order.identifier)
        assert not any(hub.has_ended for hub in nodes.all)
        with redis.client() as client, client.pipeline() as at_once:
            at_once.flushall()
            for name, value in kept.items():
                at_once.restore(name, 0, value)
            at_once.execute()
        await until(lambda: there.post(missed), lambda answer: answer.status == 201)
        await reader.until_identifier(missed.identifier)
        assert reader.identifiers == [order.identifier, missed.identifier]
        assert not reader.is_cut


async def test_redis_went_back(nodes: Nodes, redis: RedisServer) -> None:
    """After a restore from a backup every node begins anew by itself, under another epoch; readers are told `gap`."""
    key = await nodes.issue()
    a, b = nodes.all
    async with Caller(a.url, key) as here, Caller(b.url, key) as there, Listener(a.url) as reader:
        kept = author.order()
        await here.publish(kept)
        redis.kill()
        copy = await asyncio.to_thread(shutil.copytree, redis.aof.parent, redis.folder / "copy")
        await asyncio.to_thread(redis.start)
        lost = author.order()
        answer = await until(lambda: there.post(lost), lambda answer: answer.status != 503)
        before = answer.json["cursor"]
        await reader.until_identifier(lost.identifier)
        redis.kill()
        await asyncio.to_thread(shutil.rmtree, redis.aof.parent)
        await asyncio.to_thread(shutil.move, copy, redis.aof.parent)
        await asyncio.to_thread(redis.start)
        await reader.until_event("bye")
        for caller in (here, there):
            changes = partial(quietly, caller, "/api/v1/changes")
            await until(changes, lambda answer: answer and answer.json["cursor"].split("-")[0] != before.split("-")[0])
            active = (await caller.get("/api/v1/alerts/active")).text
            assert kept.identifier in active
            assert lost.identifier not in active
        again = await until(lambda: here.post(lost), lambda answer: answer.status != 503)
        assert again.status == 201, "what the backup does not have is new"
        async with Listener(b.url, last_event_id=before) as resumed:
            await resumed.until_event("gap")


async def quietly(caller: Caller, path: str) -> Answer | None:
    """Return the answer; None while the node is between two lives."""
    with contextlib.suppress(aiohttp.ClientError, ConnectionError):
        return await caller.get(path)
    return None


async def is_stale(caller: Caller, identifier: str) -> None:
    """Hold what a node without its store says against what it must say: everything from memory, and since when."""
    ready = await until(lambda: caller.get("/readyz"), lambda answer: answer.status == 503)
    assert ready.json["status"] == "degraded"
    assert (await caller.get("/healthz")).status == 200
    status = await until(
        lambda: caller.get("/status.json"), lambda answer: answer.json["realms"]["live"]["storeFailingSince"]
    )
    assert status.status == 200
    for path in ("/", f"/a/{CHIYODA}", f"/alerts/{identifier}"):
        page = await caller.get(path)
        assert page.status == 200, path
        assert "最新ではない可能性" in page.text
        assert "情報の更新が止まった時刻" in page.text
    for path in ("/api/v1/alerts/active", "/feeds/all.atom", f"/api/v1/alerts/{identifier}.json"):
        answer = await caller.get(path)
        assert answer.status == 200, path
        assert "Stale" in answer.headers["Warning"]
        assert identifier in answer.text
