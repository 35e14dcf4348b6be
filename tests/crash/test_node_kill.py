"""Two nodes on one Redis, killed and stopped under load: nothing that was answered is lost, and the other goes on.

Senders and readers are led to whichever node lives, as by a load balancer. Webhooks of a dead node's lanes go on from
the other one; a node that was stopped for longer than its lease cannot undo what its successor has done since.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from lalert.core.delivery import LaneState
from lalert.core.model import Realm, Role
from lalert.settings import Storage
from lalert.store.redis import RedisStore
from tests.rig.author import Author
from tests.rig.caller import Caller
from tests.rig.load import CODES, Reader, Sender, everything, holds_what_was_told, register, whole_log
from tests.rig.nodes import LEASE_S, Nodes
from tests.rig.peers import OK, Peer, saying
from tests.rig.redis import RedisServer

ROUNDS = int(os.environ.get("LALERT_CRASH_ROUNDS", "4"))
READERS = 3
NAMES = [f"in/{number}" for number in range(8)]  # of endpoints
LONGEST_LIFE_S = 0.8
PATIENCE_S = 30.0

pytestmark = pytest.mark.asyncio(loop_scope="module")
author = Author()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> AsyncIterator[Nodes]:
    """Two running nodes, for all tests of this module."""
    made = Nodes(
        tmp_path_factory.mktemp("nodes"),
        redis_server.empty_database(),
        push__allow_networks="127.0.0.0/8",
        push__retry_first_s=0.05,
        push__retry_longest_s=0.5,
        hub__canary_s=3_600,
    )
    try:
        yield await made.start()
    finally:
        await made.stop()


async def lanes(nodes: Nodes) -> dict[str, LaneState]:
    """Return what is kept of the lanes."""
    store = await RedisStore.open(Storage(data=nodes.all[0].data.parent / "look", url=nodes.url), Realm.LIVE)
    try:
        return {lane.lane: lane for lane in await store.lanes()}
    finally:
        await store.close()


async def test_killed_nodes_lose_nothing(nodes: Nodes) -> None:
    """What was answered is in the log once; readers that move have no gap and no repeat; webhooks have everything."""
    chance = random.Random(seed := random.randrange(2**32))
    key, media = await nodes.issue(), await nodes.issue(role=Role.MEDIA)
    living = list(nodes.all)
    async with Caller(living[0].url) as caller:
        start = (await caller.get("/api/v1/changes")).json["cursor"]
    ended = asyncio.Event()
    async with Peer() as peer:
        for number, name in enumerate(NAMES):
            await register(living[number % 2].url, media, peer, name)
        senders = [Sender(lambda: chance.choice(living).url, key, code) for code in CODES]
        readers = [Reader(lambda: chance.choice(living).url, start) for _ in range(READERS)]
        reading = [asyncio.create_task(reader.run()) for reader in readers]
        posting = [asyncio.create_task(sender.run(ended)) for sender in senders]
        for _ in range(ROUNDS):
            await asyncio.sleep(chance.uniform(0, LONGEST_LIFE_S))
            victim = chance.choice(nodes.all)
            living.remove(victim)
            await victim.kill()
            await victim.start()
            living.append(victim)
        ended.set()
        await asyncio.gather(*posting)
        log = await whole_log(living[0].url, start)
        cursors = [entry["cursor"] for entry in log]
        for reader in readers:
            await reader.until(cursors[-1])
        wanted = {f"live-{cursor}" for cursor in cursors}
        await everything(peer, NAMES, wanted)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        got = Counter((request.path, request.headers["webhook-id"]) for request in peer.requests)
    holds_what_was_told(log, senders, seed)
    for reader in readers:
        assert reader.seen == cursors, f"a gap, a repeat or another order (seed {seed})"
    print(f"\n{ROUNDS} kills, {len(log)} entries: lost 0, webhooks {len(got)}, repeated {got.total() - len(got)}")


async def test_webhooks_of_a_dead_node_go_on_from_the_other(nodes: Nodes) -> None:
    """An alert that is posted when a node has just died reaches every webhook as soon as its lease is over."""
    key, media = await nodes.issue(), await nodes.issue(role=Role.MEDIA)
    dead, alive = nodes.all
    async with Peer() as peer, Caller(alive.url, key) as caller:
        for name in NAMES:
            await register(dead.url, media, peer, name)
        await caller.publish(author.order())
        await peer.until(len(NAMES))
        await dead.kill()
        began_s = time.monotonic()
        cursor = (await caller.publish(author.order()))["cursor"]
        await everything(peer, NAMES, {f"live-{cursor}"})
        print(f"\nlease {LEASE_S} s; last webhook {time.monotonic() - began_s:.2f} s after the kill")
        await dead.start()


async def test_a_stopped_node_cannot_save_over_its_successor(nodes: Nodes) -> None:
    """Stopped beyond its lease with deliveries under way, a node goes on and changes nothing of what was done since."""
    key, media = await nodes.issue(), await nodes.issue(role=Role.MEDIA)
    stopped, other = nodes.all
    is_open = asyncio.Event()

    async def hang(writer: asyncio.StreamWriter) -> None:
        await is_open.wait()
        await saying(OK)(writer)

    async with Peer(hang) as peer, Caller(other.url, key) as caller:
        endpoints = [await register(other.url, media, peer, name) for name in NAMES]
        await caller.publish(author.order())
        await peer.until(len(NAMES))  # all under way, on both nodes
        os.kill(stopped.pid, signal.SIGSTOP)
        try:
            peer.reply = saying(OK)
            is_open.set()
            for _ in range(3):
                cursor = (await caller.publish(author.order()))["cursor"]
            await everything(peer, NAMES, {f"live-{cursor}"})
            names = [f"webhook:{endpoint['id']}" for endpoint in endpoints]
            before = await settled(nodes, names, cursor)
        finally:
            os.kill(stopped.pid, signal.SIGCONT)
        order = author.order()
        async with Caller(stopped.url, key) as again:
            cursor = (await again.publish(order))["cursor"]
        await everything(peer, NAMES, {f"live-{cursor}"})
        after = await settled(nodes, names, cursor)
        assert all(after[name].cursor.seq >= before[name].cursor.seq for name in names)


async def settled(nodes: Nodes, names: list[str], cursor: str) -> dict[str, LaneState]:
    """Return the lanes once all of them are kept at `cursor`."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            kept = await lanes(nodes)
            if all(name in kept and str(kept[name].cursor) == cursor for name in names):
                return kept
            await asyncio.sleep(0.05)
