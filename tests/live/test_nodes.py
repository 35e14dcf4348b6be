"""Two nodes that share one log, as senders, readers, media and residents meet them: as one hub."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from lalert.cli import main
from lalert.cli.pushservice import PushService, running
from lalert.core.model import Role
from tests.rig.author import Author
from tests.rig.caller import Answer, Caller
from tests.rig.listener import Listener
from tests.rig.nodes import Nodes
from tests.rig.peers import Peer
from tests.rig.redis import RedisServer

TWICE = 1_000  # messages posted to both nodes at the same moment
TIMED = 100
AT_ONCE = 16
PATIENCE_S = 20.0

pytestmark = pytest.mark.asyncio(loop_scope="module")
author = Author()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> AsyncIterator[Nodes]:
    """Two nodes, for all tests of this module."""
    folder = tmp_path_factory.mktemp("nodes")
    made = Nodes(
        folder,
        redis_server.empty_database(),
        push__allow_networks="127.0.0.0/8",
        push__retry_first_s=0.05,
        hub__key_per_s=10_000,
        hub__key_burst=100_000,
    )
    try:
        yield await made.start()
    finally:
        await made.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def senders(nodes: Nodes) -> AsyncIterator[list[Caller]]:
    """Somebody who may alert the whole country, at each node."""
    key = await nodes.issue()
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Caller(hub.url, key)) for hub in nodes.all]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def media(nodes: Nodes) -> AsyncIterator[list[Caller]]:
    """A newsroom, at each node."""
    key = await nodes.issue(role=Role.MEDIA)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Caller(hub.url, key)) for hub in nodes.all]


async def call(caller: Caller, method: str, path: str, body: object = None) -> Answer:
    """Ask for an endpoint."""
    headers = {"Authorization": f"Bearer {caller.key}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    return await caller.ask(method, f"/api/v1/endpoints{path}", data=data, headers=headers)


async def eventually(ask: Any, holds: Any) -> Any:
    """Ask until the answer holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds(found := await ask()):  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(0.02)
    return found


async def test_what_is_posted_on_one_is_read_on_the_other(nodes: Nodes, senders: list[Caller]) -> None:
    """Readers of both nodes hear everything once and in the same order, wherever it was posted, and soon."""
    a, b = nodes.all
    heard: dict[str, list[float]] = {}
    async with Listener(a.url) as on_a, Listener(b.url) as on_b:
        for number in range(TIMED):
            order = author.order()
            await senders[number % 2].publish(order)
            near, far = (on_a, on_b) if number % 2 == 0 else (on_b, on_a)
            await near.until_identifier(order.identifier)
            began_s = time.perf_counter()
            await far.until_identifier(order.identifier)
            heard.setdefault("extra", []).append((time.perf_counter() - began_s) * 1e3)
        assert on_a.identifiers == on_b.identifiers
        assert [one.id for one in on_a.entries] == [one.id for one in on_b.entries]
        assert len(on_a.entries) == TIMED
    cuts = quantiles(heard["extra"], n=100)
    print(f"\nread on the other node over read on the same one, ms: p50 {cuts[49]:.2f} p99 {cuts[98]:.2f}")


async def test_a_cursor_is_good_on_every_node_at_once(nodes: Nodes, senders: list[Caller]) -> None:
    """A position that one node has just told is no gap on the other, which may not have got there yet."""
    for number in range(50):
        here, there = senders[number % 2], senders[1 - number % 2]
        cursor = (await here.publish(author.order()))["cursor"]
        answer = await there.get(f"/api/v1/changes?since={cursor}")
        assert (answer.status, answer.json["entries"]) == (200, [])
    last = (await senders[0].publish(author.order()))["cursor"]
    async with Listener(nodes.all[1].url, last_event_id=last) as reader:
        order = author.order()
        await senders[0].publish(order)
        await reader.until_identifier(order.identifier)
        assert [one.event for one in reader.heard] == ["alert"]


async def test_an_update_on_the_other_node_ends_what_it_names(nodes: Nodes, senders: list[Caller]) -> None:
    """A thread goes on wherever its sender is led: the Alert here, its Update there, its end here."""
    order = author.order()
    await senders[0].publish(order)
    raised = author.update(order, level=5)
    receipt = await senders[1].publish(raised)
    assert receipt["thread"] == order.identifier
    lifted = author.lift(raised)
    await senders[0].publish(lifted)
    for caller in senders:
        told = (await caller.get(f"/api/v1/threads/{order.identifier}")).json["entries"]
        assert [one["alert"]["identifier"] for one in told] == [order.identifier, raised.identifier, lifted.identifier]
        gone = partial(caller.get, "/api/v1/alerts/active")
        await eventually(gone, lambda a: order.identifier not in a.text and raised.identifier not in a.text)


async def test_the_same_message_on_both_nodes_is_one_entry(nodes: Nodes, senders: list[Caller]) -> None:
    """Posted to both at the same moment, a thousand times: one 201, one 200, one entry."""
    a, b = senders
    start = (await a.get("/api/v1/changes")).json["cursor"]
    gate = asyncio.Semaphore(AT_ONCE)
    statuses: Counter[tuple[int, ...]] = Counter()

    async def twice() -> str:
        order = author.order()
        async with gate:
            answers = await asyncio.gather(a.post(order), b.post(order))
        statuses[tuple(sorted(answer.status for answer in answers))] += 1
        assert len({answer.json["cursor"] for answer in answers}) == 1
        return order.identifier

    posted = await asyncio.gather(*(twice() for _ in range(TWICE)))
    assert statuses == {(200, 201): TWICE}
    kept: list[str] = []
    while True:
        page = (await b.get(f"/api/v1/changes?since={start}")).json
        kept += [entry["alert"]["identifier"] for entry in page["entries"]]
        start = page["cursor"]
        if not page["more"] and len(kept) >= TWICE:
            break
    assert sorted(kept) == sorted(posted)


async def test_a_webhook_is_served_by_one_node_and_known_on_all(
    nodes: Nodes, senders: list[Caller], media: list[Caller]
) -> None:
    """Registered, asked about, tested and replayed on any node; each alert is delivered once, wherever it came in."""
    async with Peer() as peer:
        answer = await call(media[0], "post", "", {"url": f"{peer.url}/in"})
        assert answer.status == 201, answer.text
        endpoint = answer.json
        orders = [author.order() for _ in range(6)]
        for number, order in enumerate(orders):
            receipt = await senders[number % 2].publish(order)
        await peer.until(len(orders))
        for caller in media:
            ask = partial(call, caller, "get", f"/{endpoint['id']}")
            told = await eventually(ask, lambda answer: answer.json["cursor"] == receipt["cursor"])
            assert told.json["state"] == "active"
            assert (await call(caller, "post", f"/{endpoint['id']}/test")).json["outcome"] == "delivered"
        count = len(orders) + len(media)
        assert len(peer.requests) == count
        since = endpoint["cursor"]
        for caller in media:
            assert (await call(caller, "post", f"/{endpoint['id']}/replay?since={since}")).status == 202
            count += len(orders)
            await peer.until(count)
        ids = Counter(request.headers["webhook-id"] for request in peer.requests)
        assert sorted(ids.values()) == [1, 1, *([3] * len(orders))], "the same id at every repeat"
        assert (await call(media[1], "delete", f"/{endpoint['id']}")).status == 204


async def test_residents_are_told_once_wherever_they_subscribed(nodes: Nodes, senders: list[Caller]) -> None:
    """Whoever subscribed on any node before an alert gets it once; whoever left on the other node does not."""
    async with running() as service:
        phones = [service.phone() for _ in range(40)]
        secrets = [await subscribe(senders[n % 2], service, phone) for n, phone in enumerate(phones)]
        for number in (0, 1):
            left = secrets[number]
            headers = {"Authorization": f"Bearer {left['secret']}"}
            gone = await senders[1 - number].ask("delete", f"/api/v1/push/subscriptions/{left['id']}", headers=headers)
            assert gone.status == 204
        order = author.order()
        await senders[0].publish(order)
        await service.until(lambda: all(service.of(phone) for phone in phones[2:]))
        marker = service.phone()
        await subscribe(senders[1], service, marker)
        await senders[0].publish(author.order())
        await service.until(lambda: service.of(marker))
        titles = [[one.topic for one in service.of(phone)].count(service.of(phones[2])[0].topic) for phone in phones]
        assert titles == [0, 0, *([1] * (len(phones) - 2))]


async def subscribe(caller: Caller, service: PushService, phone: Any) -> Any:
    """Subscribe a phone to 千代田区."""
    body = json.dumps({"subscription": phone.subscription, "areas": ["131016"]}).encode()
    headers = {"Content-Type": "application/json"}
    answer = await caller.ask("post", "/api/v1/push/subscriptions", data=body, headers=headers)
    assert answer.status == 201, answer.text
    return answer.json


async def test_receipts_count_every_reader_once(nodes: Nodes, senders: list[Caller]) -> None:
    """Each node notes to how many of its own readers it wrote; the receipt is their sum on every node."""
    a, b = nodes.all
    async with Listener(a.url) as one, Listener(b.url) as two, Listener(b.url) as three:
        order = author.order()
        await senders[0].publish(order)
        for reader in (one, two, three):
            await reader.until_identifier(order.identifier)
        for caller in senders:
            ask = partial(caller.get, f"/api/v1/alerts/{order.identifier}/receipts")
            await eventually(ask, lambda answer: answer.json["ways"].get("stream", {}).get("sent") == 3)


async def test_cluster_status_tells_who_does_what(nodes: Nodes) -> None:
    """The command lists both nodes, alive and at the head, and their shares add up; the clock is with one of them."""
    # What is being handed over is nobody's for a moment.
    for realm in await eventually(partial(realms, nodes), lambda seen: all(map(is_shared_out, seen))):
        assert [node["name"] for node in realm] == ["a", "b"]
        assert all(node["isAlive"] for node in realm)
        assert sum(node["isClock"] for node in realm) == 1
    table = await lalert("cluster", "status", "--store", nodes.url)
    assert (table.exit_code, table.stdout.count("alive")) == (0, 4)
    narrow = await lalert("cluster", "status", "--store", nodes.url, columns=80)
    assert "…" not in narrow.stdout
    away = await lalert("cluster", "status", "--store", "redis://127.0.0.1:1/0")
    assert (away.exit_code, "store.unreachable" in away.stderr) == (75, True)
    alone = await lalert("cluster", "status")
    assert (alone.exit_code, "SQLite" in alone.stderr) == (2, True)


async def realms(nodes: Nodes) -> list[list[dict[str, Any]]]:
    """Return what the command says of the nodes of each realm."""
    asked = await lalert("cluster", "status", "--json", "--store", nodes.url)
    return [realm["nodes"] for realm in json.loads(asked.stdout)["realms"].values()]


def is_shared_out(realm: list[dict[str, Any]]) -> bool:
    """Whether every share of the work has a holder: 64 a way, and the clock."""
    return sum(node["shares"] for node in realm) == 2 * 64 + 1


async def lalert(*arguments: str, columns: int = 200) -> Result:
    """Run the command with these arguments, on a terminal so wide."""
    runner = CliRunner(env={"LC_ALL": "C.UTF-8", "COLUMNS": str(columns)})
    return await asyncio.to_thread(runner.invoke, main, arguments)


async def test_a_node_with_another_key_pushes_nothing(nodes: Nodes) -> None:
    """A node without the cluster's key for notifications makes none, tells browsers theirs, and gets no lanes."""
    other = Nodes(nodes.all[0].data.parent / "other", nodes.url, count=1, cluster__node="keyless")
    [hub] = other.all
    try:
        await hub.start()
        assert await public_key(hub.url) == await public_key(nodes.all[0].url)
        assert not (hub.data / "vapid-live.pem").exists()
        assert any("push.key_missing" in line for line in hub.log)
        async with Caller(hub.url) as caller:
            shares = (await caller.get("/status.json")).json["realms"]["live"]["node"]["shares"]
        assert shares <= 1, "at most the clock: without the seal it can reach nobody"
    finally:
        assert await hub.stop() == 0


async def test_a_key_that_is_lost_everywhere_is_made_anew(redis_server: RedisServer, tmp_path: Path) -> None:
    """While a node has the key for notifications no other is made; once every copy is lost, the next start makes it."""
    nodes = Nodes(tmp_path, redis_server.empty_database(), count=1)
    [hub] = nodes.all
    command = ("cluster", "new-push-key", "--realm", "live", "--store", nodes.url)
    none = await lalert(*command)
    assert (none.exit_code, "cluster.push_key_none" in none.stderr) == (1, True)
    try:
        await hub.start()
        first = await public_key(hub.url)
        held = await eventually(partial(lalert, *command, "--yes"), lambda asked: "push_key_held" in asked.stderr)
        assert held.exit_code == 1
        await hub.stop()
        (hub.data / "vapid-live.pem").unlink()
        unsure = await lalert(*command)
        assert (unsure.exit_code, "0 subscriptions" in unsure.stderr) == (1, True)
        await hub.start()
        assert await public_key(hub.url) == first
        sure = await lalert(*command, "--yes")
        assert (sure.exit_code, "restart one" in sure.stderr) == (0, True)
        await hub.stop()
        await hub.start()
        assert await public_key(hub.url) != first
        assert (hub.data / "vapid-live.pem").exists()
    finally:
        await nodes.stop()


async def public_key(url: str) -> str:
    """Return the key that browsers subscribe with."""
    async with Caller(url) as caller:
        return str((await caller.get("/api/v1/push/key")).json["publicKey"])
