"""Hubs to test: settings for one in this process, and one in a process of its own that can be killed."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from lalert import settings
from lalert.core import keys
from lalert.core.model import Realm, Role
from lalert.settings import Settings
from lalert.store.base import Store, StoredKey
from lalert.store.sqlite import SqliteStore
from lalert.web.server import Server

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "lalert")
PATIENCE_S = 30.0

Start = Callable[..., Awaitable[Server]]
"""Starts a server with changed settings, written `stream__tail_entries=100`."""


def settings_for(data: Path, **changes: object) -> Settings:
    """Return settings on a free port and `data`; `changes` are written `stream__tail_entries=100`."""
    overrides = {name.replace("__", "."): value for name, value in changes.items()}
    return settings.load(None, {}, {"server.port": 0, "store.data": str(data), **overrides})


async def issue(
    server: Server, realm: Realm = Realm.LIVE, *, areas: Sequence[str] = ("*",), role: Role = Role.SENDER
) -> str:
    """Return a new key of a server in this process."""
    return await issue_at(server.hub(realm).store, areas=areas, role=role)


async def issue_in(
    data: Path, realm: Realm = Realm.LIVE, *, areas: Sequence[str] = ("*",), role: Role = Role.SENDER
) -> str:
    """Return a new key of the hub that works on this data folder."""
    store = await SqliteStore.open(data / f"{realm}.sqlite", realm, exclusive=False)
    try:
        return await issue_at(store, areas=areas, role=role)
    finally:
        await store.close()


async def issue_at(store: Store, *, areas: Sequence[str] = ("*",), role: Role = Role.SENDER) -> str:
    """Return a new key, kept in this store."""
    made = keys.make(store.realm, key_id=secrets.token_hex(6), entropy=secrets.token_bytes(keys.SECRET_BYTES))
    stored = StoredKey(
        key_id=made.key_id,
        name="test",
        role=role,
        areas=tuple(areas),
        digest=made.digest,
        created_at=datetime.now(UTC),
    )
    await store.add_key(stored)
    return str(made)


class HubProcess:
    """`lalert serve` in a process of its own, on one data folder and, from the first start on, one port."""

    def __init__(self, data: Path, *, env: Mapping[str, str] = {}, wrapper: Sequence[str] = ()) -> None:
        self.data = data
        self.port = 0
        self.log: list[str] = []  # every line of stderr
        self._env = environment() | dict(env)
        self._wrapper = tuple(wrapper)  # a command that runs the hub: prlimit ...
        self._process: asyncio.subprocess.Process | None = None
        self._draining: asyncio.Task[None] | None = None

    def set(self, changes: Mapping[str, object]) -> None:
        """Start from now on with changed settings, written `stream__tail_entries`."""
        self._env |= {f"LALERT_{name.replace('__', '_').upper()}": str(value) for name, value in changes.items()}

    @property
    def url(self) -> str:
        """Where the hub listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The running process, to stop it or to take something from it."""
        assert self._process is not None
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone, for whatever reason."""
        return self._process is None or self._process.returncode is not None

    async def start(self) -> HubProcess:
        """Start, or start again, and return once the hub listens."""
        serve = (*COMMAND, "serve", "--port", str(self.port), "--data", str(self.data))
        self._process = await asyncio.create_subprocess_exec(
            *self._wrapper, *serve, env=self._env, cwd=ROOT, stderr=asyncio.subprocess.PIPE, limit=1 << 20
        )
        listening = asyncio.get_running_loop().create_future()
        self._draining = asyncio.create_task(self._drain(self._process, listening))
        async with patience():
            self.port = await listening
        return self

    async def stop(self) -> int:
        """Ask the hub to end, as an operator does, and return its exit code."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End the hub as a power cut does."""
        await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> int:
        if self._process is None or self._draining is None:
            return 0
        if self._process.returncode is None:
            self._process.send_signal(number)
        async with patience():
            code = await self._process.wait()
            await self._draining
        self._process = self._draining = None
        return code

    async def _drain(self, process: asyncio.subprocess.Process, listening: asyncio.Future[int]) -> None:
        assert process.stderr is not None
        async for raw in process.stderr:
            line = raw.decode(errors="replace").rstrip()
            self.log.append(line)
            if not listening.done() and '"server.listening"' in line:
                listening.set_result(int(json.loads(line)["url"].rpartition(":")[2]))
        if not listening.done():
            listening.set_exception(RuntimeError("\n".join(self.log)))


def patience() -> asyncio.Timeout:
    """Return how long anything may take before a test has failed."""
    return asyncio.timeout(PATIENCE_S)


@asynccontextmanager
async def misbehaving(routes: Sequence[web.RouteDef]) -> AsyncIterator[str]:
    """Serve these routes in place of a hub; what they answer is up to them."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def environment() -> dict[str, str]:
    """Return an environment for commands: none of the tester's own settings, and English talk."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LALERT_")}
    return kept | {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONWARNINGS": "error", "NO_COLOR": "1"}


async def run(*arguments: str, env: Mapping[str, str] = {}, stdin: bytes = b"") -> tuple[int, str, str]:
    """Run `lalert` with these arguments to its end; return exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        env=environment() | dict(env),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with patience():
        out, err = await process.communicate(stdin)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()
