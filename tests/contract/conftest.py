"""Every engine that promises the contract. A new engine is one more name in `ENGINES` and a fixture that makes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from lalert.core.model import Realm
from lalert.settings import Storage
from lalert.store.base import Store
from lalert.store.redis import RedisStore
from lalert.store.sqlite import SqliteStore
from tests.rig.redis import RedisServer

Engine = Callable[[], Awaitable[Store]]  # each call opens the same data
NewEngine = Callable[[Path], Engine]

ENGINES = ("sqlite", "redis")


@pytest.fixture(scope="session")
def sqlite() -> NewEngine:
    """SQLite in a folder."""

    def made(folder: Path) -> Engine:
        async def opened() -> Store:
            return await SqliteStore.open(folder / "live.sqlite", Realm.LIVE)

        return opened

    return made


@pytest.fixture(scope="session")
def redis(redis_server: RedisServer) -> NewEngine:
    """A database of its own for every folder, in one Redis."""
    urls: dict[Path, str] = {}

    def made(folder: Path) -> Engine:
        if folder not in urls:
            urls[folder] = redis_server.empty_database()
            (folder / "redis.aof").symlink_to(redis_server.aof)  # where the data are
        settings = Storage(data=folder, url=urls[folder])

        async def opened() -> Store:
            return await RedisStore.open(settings, Realm.LIVE)

        return opened

    return made


@pytest.fixture(params=ENGINES)
def new_engine(request: pytest.FixtureRequest) -> NewEngine:
    """Makes empty data in a folder."""
    made: NewEngine = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def engine(new_engine: NewEngine, tmp_path: Path) -> Engine:
    """Opens the data of this test."""
    return new_engine(tmp_path)


@pytest.fixture
async def store(engine: Engine) -> AsyncIterator[Store]:
    """An open, empty store."""
    opened = await engine()
    yield opened
    await opened.close()
