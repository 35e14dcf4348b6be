"""Laws 1 to 4 on the whole hub: killed at random moments under load, it loses nothing that it answered with 201.

Senders post threads and repeat what was not answered, as they are told to; readers resume with `Last-Event-ID`. Both
go on over every kill, so that at the end there is one log to hold against what everybody was told.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import aiohttp

from lalert.cap.model import Alert
from tests.rig import hubs
from tests.rig.author import Author
from tests.rig.caller import Caller
from tests.rig.hubs import HubProcess
from tests.rig.listener import PATIENCE_S

ROUNDS = int(os.environ.get("LALERT_CRASH_ROUNDS", "30"))
SENDERS, READERS = 6, 3
LONGEST_LIFE_S = 0.8  # of a hub, from the moment that it listens
CODES = ("131016", "142018", "282103", "401005", "011002", "472018")


class Sender:
    """Posts thread after thread: an order and its updates, each when the one before was answered."""

    def __init__(self, hub: HubProcess, key: str, code: str) -> None:
        self.receipts: list[dict[str, object]] = []  # of every answer, in the order of posting
        self.posted: list[Alert] = []
        self._hub, self._key, self._code = hub, key, code
        self._author = Author(f"bousai@{code}.example.jp")

    async def run(self, ended: asyncio.Event) -> None:
        """Post until `ended`, and finish what was begun."""
        async with Caller(self._hub.url, self._key) as caller:
            while not ended.is_set():
                alert = self._author.order(self._code)
                await self._post(caller, alert)
                for level in (3, 4, 5):
                    alert = self._author.update(alert, self._code, level=level)
                    await self._post(caller, alert)
                await self._post(caller, self._author.lift(alert))

    async def _post(self, caller: Caller, alert: Alert) -> None:
        """Post until there is an answer: a hub that was killed may have kept it, so 200 is as good as 201."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                answer = await caller.post(alert)
                if answer.status in (200, 201):
                    self.posted.append(alert)
                    self.receipts.append(answer.json)
                    return
                assert answer.status == 503, (answer.text, self._hub.log[-1])  # going down, or coming up
            await asyncio.sleep(0.02)


class Reader:
    """Reads the stream over every cut and keeps the positions in the order in which it saw them."""

    def __init__(self, hub: HubProcess, since: str) -> None:
        self.seen: list[str] = []
        self._hub, self._last = hub, since
        self._news = asyncio.Condition()

    async def run(self) -> None:
        """Read for ever."""
        async with aiohttp.ClientSession() as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                    await self._read(session)
                await asyncio.sleep(0.02)

    async def until(self, cursor: str) -> None:
        """Wait until this position was seen."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: cursor in self.seen)

    async def _read(self, session: aiohttp.ClientSession) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        headers = {"Last-Event-ID": self._last}
        async with session.get(f"{self._hub.url}/stream", headers=headers, timeout=timeout) as response:
            event = cursor = ""
            async for raw in response.content:
                name, _, value = raw.decode().rstrip("\n").partition(": ")
                if name == "event":
                    assert value not in ("gap",), "nothing may be lost to a reader that resumes"
                    event = value
                elif name == "id":
                    cursor = value
                elif name == "data" and event in ("alert", "update", "cancel", "expire") and raw.endswith(b"\n"):
                    self._last = cursor
                    self.seen.append(cursor)
                    async with self._news:
                        self._news.notify_all()


async def test_killed_under_load_it_loses_nothing(tmp_path: Path, hub_process: HubProcess) -> None:
    """Every answered alert is there after the kills, once, in its place and its order; readers saw every entry once."""
    chance = random.Random(seed := random.randrange(2**32))
    hub = hub_process
    await hub.start()
    key = await hubs.issue_in(hub.data)
    async with Caller(hub.url) as caller:
        start = (await caller.get("/api/v1/changes")).json["cursor"]
    senders = [Sender(hub, key, code) for code in CODES[:SENDERS]]
    readers = [Reader(hub, start) for _ in range(READERS)]
    ended = asyncio.Event()
    reading = [asyncio.create_task(reader.run()) for reader in readers]
    posting = [asyncio.create_task(sender.run(ended)) for sender in senders]
    for _ in range(ROUNDS):
        await asyncio.sleep(chance.uniform(0, LONGEST_LIFE_S))
        await hub.kill()
        await hub.start()
    ended.set()
    try:
        await asyncio.gather(*posting)
    except AssertionError:
        print(*(line for line in hub.log if "defect" in line), sep="\n")
        raise
    log = await _whole_log(hub, start)
    for reader in readers:
        await reader.until(log[-1]["cursor"])
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)

    _holds_what_was_told(log, senders, seed)
    for reader in readers:
        assert reader.seen == [entry["cursor"] for entry in log], f"a gap, a repeat or another order (seed {seed})"


async def _whole_log(hub: HubProcess, start: str) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = []
    async with Caller(hub.url) as caller:
        while True:
            page = (await caller.get(f"/api/v1/changes?since={start}")).json
            entries += page["entries"]
            start = page["cursor"]
            if not page["more"]:
                return entries


def _holds_what_was_told(log: list[dict[str, object]], senders: list[Sender], seed: int) -> None:
    assert [entry["seq"] for entry in log] == list(range(1, len(log) + 1)), f"a hole (seed {seed})"
    by_identifier = defaultdict(list)
    for entry in log:
        by_identifier[entry["alert"]["identifier"]].append(entry)  # type: ignore[index]
    for sender in senders:
        assert sender.receipts, "it never got through: nothing was tested"
        for receipt in sender.receipts:
            [entry] = by_identifier[receipt["identifier"]]
            assert (entry["cursor"], entry["thread"]) == (receipt["cursor"], receipt["thread"]), f"seed {seed}"
        positions = [by_identifier[alert.identifier][0]["seq"] for alert in sender.posted]
        assert all(a < b for a, b in pairwise(positions)), f"not in the order of posting (seed {seed})"
