"""Every engine that promises the contract. A new engine is one more function in `ENGINES`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from lalert.core.model import Realm
from lalert.store.base import Store
from lalert.store.sqlite import SqliteStore

Engine = Callable[[], Awaitable[Store]]  # each call opens the same data


def sqlite(folder: Path) -> Engine:
    """SQLite in `folder`."""

    async def opened() -> Store:
        return await SqliteStore.open(folder / "live.sqlite", Realm.LIVE)

    return opened


ENGINES = (sqlite,)


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.__name__)
def new_engine(request: pytest.FixtureRequest) -> Callable[[Path], Engine]:
    """Makes empty data in a folder."""
    made: Callable[[Path], Engine] = request.param
    return made


@pytest.fixture
def engine(new_engine: Callable[[Path], Engine], tmp_path: Path) -> Engine:
    """Opens the data of this test."""
    return new_engine(tmp_path)


@pytest.fixture
async def store(engine: Engine) -> AsyncIterator[Store]:
    """An open, empty store."""
    opened = await engine()
    yield opened
    await opened.close()
