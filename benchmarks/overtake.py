"""A level 5 behind bulk: how long until the last of 1,000 readers has it, alone and behind 20 orders just posted.

Both kinds take turns in one run. Behind bulk the level 5 is posted when the 20 are on their way, each over a connection
of its own; what counts is from its own posting to the last reader.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
from collections.abc import Awaitable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import cast
from urllib.parse import urlsplit

import aiohttp
import uvloop

from benchmarks.hub import HubProcess
from lalert.cli.scenario import Step, nationwide

READERS = int(os.environ.get("READERS", "1000"))
TURNS, BULK = 15, 20
_PATIENCE_S = 60.0
_OVERLAP = 80  # bytes, more than any identifier


def run() -> dict[str, object]:
    """Return milliseconds to the last reader, alone and behind bulk, and their ratio (medians)."""
    with tempfile.TemporaryDirectory() as folder, HubProcess(Path(folder) / "data", LALERT_HUB_CANARY_S="3600") as hub:
        return uvloop.run(_run(hub))


async def _run(hub: HubProcess) -> dict[str, object]:
    steps = list(nationwide(start=datetime.now(UTC), level5=2 * TURNS))
    urgent = [step for step in steps if "レベル5" in step.title]
    bulk = iter([step for step in steps if "レベル5" not in step.title])
    crowd = await _Crowd.gather(hub.url)
    headers = {"Authorization": f"Bearer {hub.key()}", "Content-Type": "application/cap+xml"}
    took: dict[bool, list[float]] = {False: [], True: []}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:
        for turn, step in enumerate(urgent):
            behind = bool(turn % 2)
            posting = [asyncio.create_task(_post(hub, session, next(bulk))) for _ in range(BULK if behind else 0)]
            await asyncio.sleep(0)
            began = perf_counter()
            took[behind].append(await crowd.until_all_have(step, _post(hub, session, step)) - began)
            await asyncio.gather(*posting)
            fence = next(bulk)  # when everybody has it, everybody has the bulk before it
            await crowd.until_all_have(fence, _post(hub, session, fence))
    crowd.close()
    alone, behind_bulk = (statistics.median(took[kind]) * 1e3 for kind in (False, True))
    return {
        "readers": READERS,
        "bulk before it": BULK,
        "alone, ms to the last reader": alone,
        "behind bulk, ms to the last reader": behind_bulk,
        "behind / alone": behind_bulk / alone,
    }


class _Crowd:
    """All readers. They look for one identifier at a time: counting more would make them the limit."""

    def __init__(self) -> None:
        self.readers: list[_Reader] = []
        self.looked_for = b"\0"
        self._missing = 0
        self._last = 0.0
        self._all_have = asyncio.Event()

    @classmethod
    async def gather(cls, url: str) -> _Crowd:
        """Connect all readers."""
        crowd, place, loop = cls(), urlsplit(url), asyncio.get_running_loop()
        for _ in range(READERS):
            _, reader = await loop.create_connection(lambda: _Reader(crowd), place.hostname, place.port)
            await reader.answered
            crowd.readers.append(reader)
        return crowd

    async def until_all_have(self, step: Step, posting: Awaitable[None]) -> float:
        """Post `step` and return when the last reader had it."""
        self.looked_for, self._missing = step.identifier.encode(), READERS
        self._all_have.clear()
        await posting
        await asyncio.wait_for(self._all_have.wait(), _PATIENCE_S)
        return self._last

    def seen(self) -> None:
        """One more reader has it."""
        self._missing -= 1
        if not self._missing:
            self._last = perf_counter()
            self._all_have.set()

    def close(self) -> None:
        """Hang up."""
        for reader in self.readers:
            assert reader.transport is not None
            reader.transport.abort()


class _Reader(asyncio.Protocol):
    """A reader that tells when what is looked for has come."""

    def __init__(self, crowd: _Crowd) -> None:
        self.answered = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None
        self._crowd = crowd
        self._rest = b""
        self._found = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its ancestry
        transport.write(b"GET /stream HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        """Look for it; it may be cut anywhere."""
        if not self.answered.done():
            self.answered.set_result(None)
        looked_for = self._crowd.looked_for
        if self._found != looked_for and (looked_for in data or looked_for in self._rest + data[:_OVERLAP]):
            self._found = looked_for
            self._crowd.seen()
        self._rest = data[-_OVERLAP:]


async def _post(hub: HubProcess, session: aiohttp.ClientSession, step: Step) -> None:
    async with session.post(f"{hub.url}/api/v1/alerts", data=step.raw) as response:
        assert response.status == 201, await response.text()
