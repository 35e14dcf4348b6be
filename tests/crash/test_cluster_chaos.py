"""Everything at once: nodes and their Redis are killed, stopped and cut off at random while senders, readers and a
receiver of webhooks go on. At the end one log is held against what each of them was told.

A seed names one course of events (the machine's timing adds its own). `LALERT_CHAOS_SEED`, `LALERT_CHAOS_STEPS` and
`LALERT_CHAOS_NODES` choose another one, a longer one and more nodes; the soak test goes through as many seeds as
`LALERT_CHAOS_RUNS` says.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from lalert.cap.model import Alert
from lalert.core.model import Realm, Role
from lalert.settings import Storage
from lalert.store.redis import RedisStore
from tests.rig.caller import Answer, Caller
from tests.rig.hubs import HubProcess
from tests.rig.load import CODES, Reader, Sender, everything, register, whole_log
from tests.rig.nodes import LEASE_S, Nodes
from tests.rig.peers import Peer
from tests.rig.redis import RedisServer

SEED = int(os.environ.get("LALERT_CHAOS_SEED", "20261123"))
STEPS = int(os.environ.get("LALERT_CHAOS_STEPS", "6"))
COUNT = int(os.environ.get("LALERT_CHAOS_NODES", "2"))
RUNS = int(os.environ.get("LALERT_CHAOS_RUNS", "10"))
SENDERS, READERS = 4, 3
NAMES = [f"in/{number}" for number in range(4)]  # of endpoints
TIMEOUT_S = 0.5  # of a question to Redis
SENDER_PATIENCE_S, SILENCE_S = 2.0, 2.0
THINKING_S = 0.2  # of a sender between two threads
PEACE_S = 0.5  # the longest time between two blows
PATIENCE_S = 60.0

Blow = Callable[[], Awaitable[None]]


class Authority(Sender):
    """Posts threads of every kind: some are lifted, some cancelled, some end by themselves."""

    async def run(self, ended: asyncio.Event) -> None:
        """Post until `ended`, and finish what was begun."""
        async with AsyncExitStack() as self._stack:
            for number in count():
                if ended.is_set():
                    return
                alert = self._author.order(self._code)
                await self._post(alert)
                for level in (3, 5)[: number % 3]:
                    alert = self._author.update(alert, self._code, level=level)
                    await self._post(alert)
                await self._post((self._author.cancel, self._author.lift, self._author.correct)[number % 3](alert))
                await self._post(self._author.ending_soon(self._code))
                await asyncio.sleep(THINKING_S)

    def _is_hopeless(self, answer: Answer) -> bool:
        return answer.status == 422 and "cap.expires.past" in answer.codes  # it could not be posted in time


@dataclass
class Chaos:
    """Some nodes and their Redis, and what happens to them."""

    nodes: Nodes
    redis: RedisServer
    chance: random.Random
    blows: Counter[str] = field(default_factory=Counter)

    async def run(self, steps: int) -> None:
        """Strike, often before what was struck last has recovered; at the end everything runs."""
        under_way: dict[object, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as strikes:
            for _ in range(steps):
                await asyncio.sleep(self.chance.uniform(0, PEACE_S))
                victim = self.chance.choice([*self.nodes.all, self.redis])
                if victim in under_way:
                    await under_way[victim]
                under_way[victim] = strikes.create_task(self._strike(victim))

    async def _strike(self, victim: object) -> None:
        ways = self._ways_of(victim) if isinstance(victim, HubProcess) else self._ways_of_redis()
        name = self.chance.choice(sorted(ways))
        self.blows[name] += 1
        await ways[name]()

    def _ways_of(self, hub: HubProcess) -> dict[str, Blow]:
        async def kill() -> None:
            await hub.kill()
            await asyncio.sleep(self.chance.uniform(0, LEASE_S))
            await _revive(hub)

        async def stop() -> None:
            os.kill(hub.pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(self.chance.uniform(0, 2 * LEASE_S))  # now within its lease, now beyond
            finally:
                os.kill(hub.pid, signal.SIGCONT)

        async def restart() -> None:
            assert await hub.stop() == 0
            await _revive(hub)

        return {"node killed": kill, "node stopped": stop, "node restarted": restart}

    def _ways_of_redis(self) -> dict[str, Blow]:
        async def kill() -> None:
            self.redis.kill()
            await asyncio.sleep(self.chance.uniform(0, TIMEOUT_S))
            await asyncio.to_thread(self.redis.start)

        async def stop() -> None:
            self.redis.pause()
            try:
                await asyncio.sleep(self.chance.uniform(0, 3 * TIMEOUT_S))
            finally:
                self.redis.resume()

        async def cut() -> None:
            await asyncio.to_thread(self.redis.drop_connections)

        return {"redis killed": kill, "redis stopped": stop, "redis cut": cut}


async def _revive(hub: HubProcess) -> None:
    """Start a node as a supervisor does: again, while it ends because its Redis is away."""
    async with asyncio.timeout(PATIENCE_S):
        while not await _lives(hub):
            await hub.stop()


async def _lives(hub: HubProcess) -> bool:
    try:
        await hub.start()
    except RuntimeError as ended:
        if "[store." in str(ended):
            return False
        raise
    return True


@pytest.mark.parametrize("seed", [SEED])
async def test_nobody_is_told_anything_else_than_the_log(tmp_path: Path, seed: int) -> None:
    """Whatever breaks: what was answered is kept once, each reader saw all of it in order, and all nodes agree."""
    await live_through(tmp_path, seed, STEPS)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(SEED + 1, SEED + 1 + RUNS))
async def test_other_courses_of_events(tmp_path: Path, seed: int) -> None:
    """The same, for many seeds and longer."""
    await live_through(tmp_path, seed, 4 * STEPS)


async def live_through(folder: Path, seed: int, steps: int) -> None:
    """Run the course of events of this seed, and check."""
    redis = RedisServer(folder / "redis")
    nodes = Nodes(
        folder,
        redis.url,
        count=COUNT,
        server__public_url="https://alerts.example.jp",
        store__timeout_s=TIMEOUT_S,
        stream__ping_s=1,
        stream__tail_entries=100,
        push__allow_networks="127.0.0.0/8",
        push__retry_first_s=0.05,
        push__retry_longest_s=0.5,
        push__lane_entries=16,
        hub__canary_s=3_600,
        hub__key_per_s=10_000,
    )
    try:
        await asyncio.to_thread(redis.start)
        await nodes.start()
        await _live_through(nodes, redis, seed, steps)
    finally:
        await nodes.stop()
        redis.kill()
        defects = [line for hub in nodes.all for line in hub.log if "Traceback" in line or ".defect" in line]
        print(*defects, sep="\n")
    assert not defects, f"seed {seed}"


async def _live_through(nodes: Nodes, redis: RedisServer, seed: int, steps: int) -> None:
    key, media = await nodes.issue(), await nodes.issue(role=Role.MEDIA)
    led = random.Random(seed + 1)
    where = partial(_anywhere, nodes, led)
    async with Caller(where()) as caller:
        start = (await caller.get("/api/v1/changes")).json["cursor"]
    senders = [Authority(where, key, code, patience_s=SENDER_PATIENCE_S) for code in CODES[:SENDERS]]
    readers = [Reader(where, start, silence_s=SILENCE_S) for _ in range(READERS)]
    chaos = Chaos(nodes, redis, random.Random(seed))
    ended = asyncio.Event()
    async with Peer() as peer, asyncio.TaskGroup() as tasks:
        for name in NAMES:
            await register(where(), media, peer, name)
        reading = [tasks.create_task(reader.run()) for reader in readers]
        posting = [tasks.create_task(sender.run(ended)) for sender in senders]
        await chaos.run(steps)
        ended.set()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*posting)
            log = await _settled_log(where(), start, senders)
        for reader in readers:
            await reader.until(log[-1]["cursor"])
        await everything(peer, NAMES, {f"live-{entry['cursor']}" for entry in log})
        for task in reading:
            task.cancel()
    context = f"seed {seed}, {dict(chaos.blows)}"
    holds_once_and_in_order(log, senders, context)
    for reader in readers:
        assert reader.seen == [entry["cursor"] for entry in log], f"a gap, a repeat or another order: {context}"
    deliveries_hold(log, peer, context)
    await all_agree(nodes, log, start, context)
    refused = sum(len(sender.refused) for sender in senders)
    repeated = len(peer.requests) - len(NAMES) * len(log)
    print(f"\n{context}: {len(log)} entries, refused {refused}, webhooks repeated {repeated}")


def _anywhere(nodes: Nodes, chance: random.Random) -> str:
    return chance.choice(nodes.all).url


async def _settled_log(url: str, start: str, senders: Sequence[Sender]) -> list[dict[str, Any]]:
    """Return everything after `start` once all that ends by itself has ended."""
    short = {alert.identifier for sender in senders for alert in sender.posted if _ends_by_itself(alert)}
    while True:
        log = await whole_log(url, start)
        if short <= {entry["alert"]["identifier"] for entry in log if entry["kind"] == "expire"}:
            return log
        await asyncio.sleep(0.2)


def _ends_by_itself(alert: Alert) -> bool:
    expires = alert.infos[0].expires
    return expires is not None and expires - alert.sent < timedelta(minutes=1)


# --- what must hold ---------------------------------------------------------------------------------------------------


def holds_once_and_in_order(log: Sequence[dict[str, Any]], senders: Sequence[Sender], context: str) -> None:
    """Every answered message is there once, where its receipt says, in the order of its thread; there is no hole."""
    first = log[0]["seq"]
    assert [entry["seq"] for entry in log] == list(range(first, first + len(log))), f"a hole: {context}"
    kept = defaultdict(list)
    ends = Counter[str]()
    for entry in log:
        if entry["kind"] == "expire":
            ends[entry["alert"]["identifier"]] += 1
        else:
            kept[entry["alert"]["identifier"]].append(entry)
    assert max(ends.values(), default=0) <= 1, f"ended twice: {context}"
    posted = Counter(alert.identifier for sender in senders for alert in sender.posted)
    given_up = {alert.identifier for sender in senders for alert in sender.given_up}
    found = {name: len(entries) for name, entries in kept.items() if name not in given_up}
    assert found == posted, f"lost, or kept twice: {context}"
    for sender in senders:
        for receipt in sender.receipts:
            [entry] = kept[receipt["identifier"]]
            assert (entry["cursor"], entry["thread"]) == (receipt["cursor"], receipt["thread"]), context
        positions = [kept[alert.identifier][0]["seq"] for alert in sender.posted]
        assert positions == sorted(positions), f"not in the order of posting: {context}"


def deliveries_hold(log: Sequence[dict[str, Any]], peer: Peer, context: str) -> None:
    """Each endpoint got every entry; told by `webhook-id`, each once, and those of a thread in their order."""
    threads = {f"live-{entry['cursor']}": entry["thread"] for entry in log}
    order = {f"live-{entry['cursor']}": entry["seq"] for entry in log}
    for name in NAMES:
        got = list(dict.fromkeys(r.headers["webhook-id"] for r in peer.requests if r.path == f"/{name}"))
        assert set(got) == set(order), f"{name}: {context}"
        by_thread = defaultdict(list)
        for webhook_id in got:
            by_thread[threads[webhook_id]].append(order[webhook_id])
        assert all(seqs == sorted(seqs) for seqs in by_thread.values()), f"{name} overtaken: {context}"


async def all_agree(nodes: Nodes, log: Sequence[dict[str, Any]], start: str, context: str) -> None:
    """Log, list and feed are the same on every node; one message of a thread at most is in force, as the log says."""
    last = {entry["thread"]: entry for entry in log}
    holding = {entry["alert"]["identifier"] for entry in last.values() if entry["state"] == "in_force"}
    store = await RedisStore.open(Storage(data=nodes.all[0].data.parent / "look", url=nodes.url), Realm.LIVE)
    try:
        kept = await store.in_force()
    finally:
        await store.close()
    assert {posted.entry.alert.identifier for posted in kept} == holding, f"the store: {context}"
    assert len({posted.entry.thread for posted in kept}) == len(kept), f"two of one thread in force: {context}"
    for hub in nodes.all:
        assert await whole_log(hub.url, start) == log, f"{hub.data.name}: {context}"
        async with Caller(hub.url) as caller:
            active = (await caller.get("/api/v1/alerts/active")).json["alerts"]
            feed = (await caller.get("/feeds/all.atom")).body
        assert {entry["alert"]["identifier"] for entry in active} == holding, f"{hub.data.name}: {context}"
        if hub is nodes.all[0]:
            seen = active, feed
        assert (active, feed) == seen, f"nodes differ: {context}"
