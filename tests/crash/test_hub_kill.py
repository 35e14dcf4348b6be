"""Laws 1 to 4 on the whole hub: killed at random moments under load, it loses nothing that it answered with 201.

Senders post threads and repeat what was not answered, as they are told to; readers resume with `Last-Event-ID`. Both
go on over every kill, so that at the end there is one log to hold against what everybody was told.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

from tests.rig import hubs
from tests.rig.caller import Caller
from tests.rig.hubs import HubProcess
from tests.rig.load import CODES, Reader, Sender, holds_what_was_told, whole_log

ROUNDS = int(os.environ.get("LALERT_CRASH_ROUNDS", "30"))
READERS = 3
LONGEST_LIFE_S = 0.8  # of a hub, from the moment that it listens


async def test_killed_under_load_it_loses_nothing(tmp_path: Path, hub_process: HubProcess) -> None:
    """Every answered alert is there after the kills, once, in its place and its order; readers saw every entry once."""
    chance = random.Random(seed := random.randrange(2**32))
    hub = hub_process
    await hub.start()
    key = await hubs.issue_in(hub.data)
    async with Caller(hub.url) as caller:
        start = (await caller.get("/api/v1/changes")).json["cursor"]
    senders = [Sender(lambda: hub.url, key, code) for code in CODES]
    readers = [Reader(lambda: hub.url, start) for _ in range(READERS)]
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
    log = await whole_log(hub.url, start)
    for reader in readers:
        await reader.until(log[-1]["cursor"])
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)

    holds_what_was_told(log, senders, seed)
    for reader in readers:
        assert reader.seen == [entry["cursor"] for entry in log], f"a gap, a repeat or another order (seed {seed})"
