"""`lalert demo --nodes 2`: two hubs on one Redis, an event posted to one and read from the other, until that is killed.

The reader moves to the node that is left, with its cursor. At the end it is counted what was posted, what arrived, and
what was missed or came twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence, Set
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp
from rich.console import Console

from lalert.cli.events import events
from lalert.cli.play import base_of, issue, play
from lalert.cli.process import Process, running
from lalert.cli.scenario import Step
from lalert.cli.speech import FAILED, say, talk, tell
from lalert.cli.watch import Ledger, show_entry
from lalert.core.model import Realm
from lalert.errors import Rejected, Text
from lalert.settings import Storage
from lalert.store.opening import open_store

_SERVERS: Final = ("redis-server", "valkey-server")
_REDIS_READY: Final = re.compile("[Rr]eady to accept connections")
_NODE_READY: Final = re.compile(r'"url": "(http[^"]+)"')
_SHORT: Final = "/tmp"  # noqa: S108 - the path of a socket has at most 107 bytes (unix(7)); the folder in it is ours
_PATIENCE_S: Final = 30.0  # for what was accepted last to arrive
_CONFIG: Final = """
port 0
unixsocket {socket}
unixsocketperm 700
dir {folder}
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
maxmemory-policy noeviction
save ""
"""


@dataclass(frozen=True, slots=True)
class Node:
    """One hub of the cluster."""

    url: str
    process: Process


class Reader:
    """Somebody who reads the stream of one node, and of the next when that is gone."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.arrivals: Counter[str] = Counter()  # by position
        self.identifiers: set[str] = set()
        self.faults: list[Text] = []
        self._urls = tuple(urls)
        self._at = ""
        self._console = Console()
        self._changed = asyncio.Event()

    async def read(self) -> None:
        """Show and check whatever comes, for ever."""
        ledger = Ledger()
        async with aiohttp.ClientSession() as session:
            streams = (f"{url}/stream" for url in self._urls)
            async for event in events(session, *streams, connected=self._connected):
                self.faults += ledger.check(event)
                if event.id is not None and event.name != "heartbeat":
                    self._take(event.id, json.loads(event.data))

    async def reads_from(self, url: str) -> None:
        """Return once it reads from this node."""
        await self._until(lambda: self._at == url)

    async def has(self, identifiers: Set[str]) -> None:
        """Return once all of these have arrived."""
        await self._until(lambda: identifiers <= self.identifiers)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._changed.clear()
            await self._changed.wait()

    def _connected(self, stream: str) -> None:
        self._at = stream.removesuffix("/stream")
        self._changed.set()
        tell(Text(f"― {self._at} から受信中", f"- reading from {self._at}"))

    def _take(self, position: str, entry: dict[str, Any]) -> None:
        self.arrivals[position] += 1
        self.identifiers.add(entry["alert"]["identifier"])
        self._changed.set()
        show_entry(self._console, entry)


async def demonstrate(steps: Sequence[Step], *, port: int, folder: Path) -> int:
    """Show `steps` on two nodes until somebody stops it; return the exit code: 1 if anything was missed or repeated.

    The nodes listen on `port` and the next one (0: any), and all that they keep lies in `folder`. Raises `Unavailable`
    when one of the programs does not come up, `Rejected` (cli.redis) where there is no Redis.
    """
    codes: list[int] = []
    showing = asyncio.ensure_future(_show(steps, port, folder, codes))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, showing.cancel)
    with suppress(asyncio.CancelledError):
        await showing
    return max(codes, default=0)


async def _show(steps: Sequence[Step], port: int, folder: Path, codes: list[int]) -> None:
    realm = Realm(steps[0].realm) if steps else Realm.LIVE
    async with _cluster(folder, port) as (store, nodes):
        first, second = nodes
        by = {one: await _key(store, one) for one in Realm}
        reader = Reader([base_of(node.url, realm) for node in (second, first)])
        reading = asyncio.create_task(reader.read())
        try:
            await reader.reads_from(base_of(second.url, realm))
            _greet(first, second, realm)
            codes.append(await _play(steps, by, reader, first, second))
            await asyncio.Event().wait()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def _play(steps: Sequence[Step], by: Mapping[Realm, str], reader: Reader, first: Node, second: Node) -> int:
    """Post everything to `first`, and kill `second` in the middle; return the exit code."""
    posted: set[str] = set()
    killing: list[asyncio.Task[None]] = []

    def kept(step: Step) -> None:
        posted.add(step.identifier)
        if not killing and len(posted) * 2 >= len(steps):
            killing.append(asyncio.create_task(_kill(second)))

    await play(first.url, by, steps, kept=kept)
    await asyncio.gather(*killing)
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            await reader.has(posted)
    return _report(posted, reader, first, realm=Realm(steps[0].realm) if steps else Realm.LIVE)


async def _kill(node: Node) -> None:
    await node.process.kill()
    tell(Text(f"― {node.url} を強制終了しました(SIGKILL)", f"- {node.url} was killed (SIGKILL)"))


def _report(posted: Set[str], reader: Reader, left: Node, *, realm: Realm) -> int:
    missed = len(posted - reader.identifiers)
    repeated = sum(reader.arrivals.values()) - len(reader.arrivals)
    for fault in reader.faults:
        tell(fault)
    seen = len(posted & reader.identifiers)
    tell(
        Text(
            f"投稿 {len(posted)}、受信 {seen}、未着 {missed}、重複 {repeated}",
            f"posted {len(posted)}, seen {seen}, missed {missed}, repeated {repeated}",
        )
    )
    url = base_of(left.url, realm)
    tell(
        Text(
            f"すべて再生しました。残ったノードの画面は {url}/ で見られます(終了は Ctrl-C)。",
            f"All played; the node that is left shows it at {url}/ (Ctrl-C ends it).",
        )
    )
    return FAILED if missed or repeated or reader.faults else 0


def _greet(first: Node, second: Node, realm: Realm) -> None:
    a, b = (base_of(node.url, realm) for node in (first, second))
    talk().print(
        f"[bold]{say(Text('開いてください', 'Open'))}[/]  {a}/\n"
        f"  {say(Text('ノード1（投稿先）', 'node 1, posted to'))}   {a}/\n"
        f"  {say(Text('ノード2（受信元、途中で停止）', 'node 2, read from, killed on the way'))}   {b}/\n"
        f"  {say(Text('終了は Ctrl-C', 'Ctrl-C ends it'))}"
    )


# --- what runs --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _cluster(folder: Path, port: int) -> AsyncIterator[tuple[Storage, tuple[Node, Node]]]:
    """Run a Redis and two nodes; yield where the first one keeps its data, and both."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(_redis(folder / "redis"))
        first = await stack.enter_async_context(_node(folder / "1", port, url))
        await asyncio.to_thread(_copy_keys, folder / "1", folder / "2")
        second = await stack.enter_async_context(_node(folder / "2", port and port + 1, url))
        yield Storage(data=folder / "1", url=url), (first, second)


@asynccontextmanager
async def _redis(folder: Path) -> AsyncIterator[str]:
    program = next(filter(None, map(shutil.which, _SERVERS)), None)
    if program is None:
        message = Text(
            "redis-server がありません。「make demo-cluster」で入ります(または apt-get install redis-server)。",
            "There is no redis-server: 'make demo-cluster' installs it, or apt-get install redis-server.",
        )
        raise Rejected(message, code="cli.redis")
    with TemporaryDirectory(prefix="lalert-", dir=_SHORT) as short:
        socket = f"{short}/redis.sock"
        file = await asyncio.to_thread(_configured, folder, socket)
        async with running(program, str(file), sign=_REDIS_READY):
            yield f"unix://{socket}"


def _copy_keys(source: Path, target: Path) -> None:
    """Every node needs the same key files, before it starts."""
    target.mkdir(0o700)
    for file in (*source.glob("*.seal"), *source.glob("vapid-*.pem")):
        shutil.copy2(file, target)


def _configured(folder: Path, socket: str) -> Path:
    """Return the configuration of a Redis that a hub trusts."""
    folder.mkdir(0o700)
    file = folder / "redis.conf"
    file.write_text(_CONFIG.format(folder=folder, socket=socket), "utf-8")
    return file


@asynccontextmanager
async def _node(data: Path, port: int, url: str) -> AsyncIterator[Node]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("LALERT_")}
    named = ("--port", str(port), "--data", str(data), "--store", url, "--node", data.name)
    command = (sys.executable, "-m", "lalert", "serve", *named)
    async with running(*command, sign=_NODE_READY, env=own) as (process, found):
        yield Node(found[1], process)


async def _key(settings: Storage, realm: Realm) -> str:
    store = await open_store(settings, realm, exclusive=False)
    try:
        return await issue(store, realm)
    finally:
        await store.close()
