"""Fan-out to 1,000 connected readers: the hub beside nginx with nchan, a hub for server-sent events written in C.

Both carry the same bytes (the hub's own events), both let readers resume by `Last-Event-ID`, and they take turns in
one run. What counts is the server's CPU a delivery, read from /proc: it does not depend on how fast the readers of
this process are. The hub's whole figure has HTTP, CAP, geofence, the durable log and rendering in it; what a message
costs that nobody listens to is measured first and taken off for the fan-out alone.

Debian: nginx libnginx-mod-nchan. Without them the hub is measured alone.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import aiohttp

from benchmarks.hub import HubProcess, cpu_s
from lalert.cli.scenario import nationwide

READERS = int(os.environ.get("READERS", "1000"))
TURNS, MESSAGES = 5, 20
_PATIENCE_S = 60.0
_MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
_NCHAN = """
load_module {module};
worker_processes 1;
daemon off;
pid nchan.pid;
error_log nchan.err error;
worker_rlimit_nofile 20000;
events {{ worker_connections 19000; }}
http {{
  access_log off;
  client_body_buffer_size 64k;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  nchan_message_buffer_length 100;
  nchan_message_timeout 1m;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /pub {{ nchan_publisher; nchan_channel_id c; }}
    location = /sub {{ nchan_subscriber eventsource; nchan_channel_id c; nchan_subscriber_first_message newest; }}
  }}
}}
"""


class _Counter(asyncio.Protocol):
    """A reader that only counts events: `data:` lines that begin one."""

    def __init__(self, path: str, seen: Callable[[int], None]) -> None:
        self._path = path
        self._seen = seen
        self._rest = b""
        self.answered = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        head = f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        transport.write(head.encode())

    def data_received(self, data: bytes) -> None:
        """Count the events that begin in it."""
        if not self.answered.done():
            self.answered.set_result(None)
        text = self._rest + data
        count = text.count(b'\ndata: {"cursor"')
        self._rest = text[-15:]
        if count:
            self._seen(count)


@dataclass(frozen=True, slots=True)
class Peer:
    """A server under measure: how to publish one message, and its processes."""

    name: str
    stream: str
    publish: Callable[[int], Awaitable[None]]
    pids: Sequence[int]

    def cpu_s(self) -> float:
        """Return the CPU seconds of its processes, all threads."""
        return sum(cpu_s(pid) for pid in self.pids)


def run() -> dict[str, object]:
    """Return the medians of CPU microseconds a delivery, and their ratio."""
    return asyncio.run(_run())


async def _run() -> dict[str, object]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        hub, events = await _hub(stack, folder, session)
        peers = [hub]
        if _MODULE.exists() and shutil.which("nginx"):
            peers.append(await stack.enter_async_context(_nchan(folder, session, events)))
        alone = {peer.name: await _alone_us(peer) for peer in peers}
        crowds = {peer.name: await _Crowd.gather(peer, READERS) for peer in peers}
        figures: dict[str, list[tuple[float, float]]] = {peer.name: [] for peer in peers}
        for turn in range(TURNS):
            for peer in peers:
                figures[peer.name].append(await crowds[peer.name].measure(peer, turn))
        for crowd in crowds.values():
            crowd.close()
    return _told(figures, alone, len(events[0]))


def _told(figures: dict[str, list[tuple[float, float]]], alone: dict[str, float], size: int) -> dict[str, object]:
    told: dict[str, object] = {"readers": READERS, "bytes an event": size}
    cpu = {name: statistics.median(cpu for cpu, _ in turns) for name, turns in figures.items()}
    for name, turns in figures.items():
        told[f"{name}: CPU us a message, without readers"] = alone[name]
        told[f"{name}: CPU us a delivery, all included"] = cpu[name]
        told[f"{name}: CPU us a delivery, fan-out alone"] = cpu[name] - alone[name] / READERS
        told[f"{name}: ms to the last reader, one message"] = statistics.median(ms for _, ms in turns)
    if len(cpu) == 2:
        fanout = {name: cpu[name] - alone[name] / READERS for name in cpu}
        told["hub / nchan, all included"] = cpu["hub"] / cpu["nchan"]
        told["hub / nchan, fan-out alone"] = fanout["hub"] / fanout["nchan"]
    else:
        told["nchan"] = "not installed"
    return told


async def _alone_us(peer: Peer) -> float:
    """Return the CPU microseconds of one message that nobody listens to."""
    before = peer.cpu_s()
    for number in range(MESSAGES):
        await peer.publish(TURNS * MESSAGES + number)
    return (peer.cpu_s() - before) / MESSAGES * 1e6


class _Crowd:
    """All readers of one peer."""

    def __init__(self) -> None:
        self.readers: list[_Counter] = []
        self._missing = 0
        self._all_seen = asyncio.Event()

    @classmethod
    async def gather(cls, peer: Peer, size: int) -> _Crowd:
        """Connect `size` readers."""
        crowd, place, loop = cls(), urlsplit(peer.stream), asyncio.get_running_loop()
        for _ in range(size):
            _, reader = await loop.create_connection(
                lambda: _Counter(place.path, crowd._seen), place.hostname, place.port
            )
            await reader.answered
            crowd.readers.append(reader)
        return crowd

    async def measure(self, peer: Peer, turn: int) -> tuple[float, float]:
        """Publish one message after another, each when all have the one before; CPU us a delivery, median ms."""
        took_ms, before = [], peer.cpu_s()
        for number in range(MESSAGES):
            self._missing = len(self.readers)
            self._all_seen.clear()
            began = perf_counter()
            await peer.publish(turn * MESSAGES + number)
            await asyncio.wait_for(self._all_seen.wait(), _PATIENCE_S)
            took_ms.append((perf_counter() - began) * 1e3)
        return (peer.cpu_s() - before) / (MESSAGES * len(self.readers)) * 1e6, statistics.median(took_ms)

    def close(self) -> None:
        """Hang up."""
        for reader in self.readers:
            assert reader.transport is not None
            reader.transport.abort()

    def _seen(self, count: int) -> None:
        self._missing -= count
        if self._missing <= 0:
            self._all_seen.set()


async def _hub(stack: AsyncExitStack, folder: Path, session: aiohttp.ClientSession) -> tuple[Peer, list[bytes]]:
    hub = stack.enter_context(HubProcess(folder / "data", LALERT_HUB_CANARY_S="3600"))
    headers = {"Authorization": f"Bearer {hub.key()}", "Content-Type": "application/cap+xml"}
    steps = list(islice(nationwide(start=datetime.now(UTC), level5=0), (TURNS + 1) * MESSAGES + 1))

    async def publish(number: int) -> None:
        async with session.post(f"{hub.url}/api/v1/alerts", data=steps[number].raw, headers=headers) as response:
            assert response.status == 201, await response.text()

    await publish((TURNS + 1) * MESSAGES)  # opens what is opened once; its entry is what the peer will carry
    async with session.get(f"{hub.url}/api/v1/alerts/active") as response:
        event = (await response.read()).split(b'"alerts":[', 1)[1].removesuffix(b"]}")
    return Peer("hub", f"{hub.url}/stream", publish, [hub.pid]), [event]


@asynccontextmanager
async def _nchan(folder: Path, session: aiohttp.ClientSession, events: Sequence[bytes]) -> AsyncIterator[Peer]:
    port = 9387
    (folder / "nchan.conf").write_text(_NCHAN.format(module=_MODULE, port=port))
    process = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(folder / "nchan.conf")])
    try:
        url = f"http://127.0.0.1:{port}"
        await _until_up(session, f"{url}/pub", process)

        async def publish(_: int) -> None:
            async with session.post(f"{url}/pub", data=events[0]) as response:
                assert response.status in (201, 202), response.status

        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield Peer("nchan", f"{url}/sub", publish, [process.pid, *map(int, children)])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


async def _until_up(session: aiohttp.ClientSession, url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        if process.poll() is not None:
            raise RuntimeError("nginx did not start")
        try:
            async with session.get(url):
                return
        except aiohttp.ClientError:
            await asyncio.sleep(0.05)
    raise RuntimeError("nginx does not answer")
