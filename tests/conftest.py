"""What the tests of a running hub share: servers in this process, hubs in their own, keys, and a loop that is watched.

The pieces themselves are in `tests.rig`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import structlog

from lalert.core.model import Realm
from lalert.geo.boundaries import BoundarySet, load
from lalert.web.server import Server, serving
from tests.rig import hubs
from tests.rig.caller import Caller
from tests.rig.hubs import HubProcess
from tests.rig.redis import RedisServer

LONGEST_STEP_S = 0.5


@pytest.fixture(scope="session")
def japan() -> BoundarySet:
    """The embedded boundary set, read once."""
    return load()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One durable Redis for all tests that do not hurt it."""
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.kill()


@pytest.fixture(autouse=True)
def _quiet_logs() -> None:
    """Only what is wrong is said, and where the test looks: a command that ran in this process has its own way."""
    structlog.reset_defaults()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


class Collecting:
    """Counts the processor time that garbage collection takes in this thread."""

    def __init__(self) -> None:
        self.took_s = 0.0
        self._began_s = 0.0

    def _note(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._began_s = time.thread_time()
        else:
            self.took_s += time.thread_time() - self._began_s

    def __enter__(self) -> None:
        gc.callbacks.append(self._note)

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._note)


@pytest.fixture
def watched_loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail the test when one step of the event loop computes for more than half a second.

    Processor time is counted, not the wall clock: a busy machine is no defect of ours. Nor is what the collector
    takes to look through everything that a whole test run has left in this process.
    """
    run, slow, collecting = asyncio.Handle._run, list[str](), Collecting()

    def measured(handle: asyncio.Handle) -> None:
        began_s = time.thread_time() - collecting.took_s
        run(handle)
        if time.thread_time() - collecting.took_s - began_s > LONGEST_STEP_S:
            slow.append(repr(handle))

    monkeypatch.setattr(asyncio.Handle, "_run", measured)
    with collecting:
        yield
    assert not slow, f"the event loop was blocked by {slow}"


@pytest.fixture
async def servers(tmp_path: Path, watched_loop: None) -> AsyncIterator[hubs.Start]:
    """Starts servers in this process: `await servers(stream__tail_entries=100)`, each closed at the end."""
    async with AsyncExitStack() as stack:

        async def start(**changes: object) -> Server:
            return await stack.enter_async_context(serving(hubs.settings_for(tmp_path / "data", **changes)))

        yield start


@pytest.fixture
async def server(servers: hubs.Start) -> Server:
    """A server with the defaults."""
    return await servers()


@pytest.fixture
async def live(server: Server) -> AsyncIterator[Caller]:
    """Somebody who may alert the whole country in earnest."""
    async with Caller(server.url, await hubs.issue(server)) as caller:
        yield caller


@pytest.fixture
async def drill(server: Server) -> AsyncIterator[Caller]:
    """Somebody who may drill the whole country."""
    async with Caller(server.url + "/drill", await hubs.issue(server, Realm.DRILL)) as caller:
        yield caller


@pytest.fixture
async def hub_process(tmp_path: Path) -> AsyncIterator[HubProcess]:
    """A hub in a process of its own, not yet started; ended with the test whatever happens."""
    hub = HubProcess(tmp_path / "data")
    yield hub
    await hub.kill()
