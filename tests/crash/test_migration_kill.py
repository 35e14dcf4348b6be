"""A migration that is killed: nobody takes half of it for the whole, and the next one brings everything."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lalert.core.model import Realm
from lalert.errors import Rejected
from lalert.settings import Storage
from lalert.store.migration import migrate
from lalert.store.opening import open_store
from tests.rig.hubs import ROOT, environment, patience
from tests.rig.redis import RedisServer
from tests.store.test_migration import fill, stream

LIVE = (Realm.LIVE,)
CASES = (
    ("target:keep", "sqlite"),
    ("source:hand_over", "redis"),
    ("source:hand_over", "sqlite"),
    ("target:finish", "redis"),
)


async def test_a_killed_migration_is_no_store(tmp_path: Path, redis_server: RedisServer) -> None:
    """A hub refuses what was begun; the source has everything; the same command again brings it over."""
    ways = []
    for n, (_, engine) in enumerate(CASES):
        folder = Storage(data=tmp_path / str(n))
        shared = Storage(data=folder.data, url=redis_server.empty_database())
        ways.append((folder, shared) if engine == "sqlite" else (shared, folder))
        await fill(ways[n][0])
    before = [await stream(source) for source, _ in ways]
    await killed([moment for moment, _ in CASES], ways)
    for (source, target), items in zip(ways, before, strict=True):
        with pytest.raises(Rejected, match=r"store\.unfinished"):
            await open_store(target, Realm.LIVE)
        assert await stream(source) == items
        await migrate(source, target, LIVE)
        assert await stream(target) == items


async def killed(moments: list[str], ways: list[tuple[Storage, Storage]]) -> None:
    """Move as the command does, up to these moments."""
    sides = [[settings.url or str(settings.data) for settings in way] for way in ways]
    arguments = [part for moment, way in zip(moments, sides, strict=True) for part in (moment, *way)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.crash.mover", *arguments, env=environment(), cwd=ROOT, stdout=subprocess.PIPE
    )
    async with patience():
        out, _ = await process.communicate()
    assert out.split() == [b"%d" % signal.SIGKILL] * len(moments)
