"""Law 1: acknowledged means durable. A process that appends is killed at random moments."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from lalert.core.model import Entry, Kind
from lalert.store.base import Store
from tests.crash.appender import opened
from tests.rig.redis import RedisServer

ROUNDS = int(os.environ.get("LALERT_CRASH_ROUNDS", "15"))
MOST_LINES = 600  # told before the kill; few hits start-up, many hits a checkpoint


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Which engine: the URL of an empty database of Redis, or none for SQLite."""
    if request.param == "sqlite":
        return None
    server: RedisServer = request.getfixturevalue("redis_server")
    return server.empty_database()


def told_before_kill(folder: Path, turn: int, lines: int, url: str | None) -> list[tuple[int, str]]:
    """Run the appender, kill it after it has told `lines` positions, and return all that it told."""
    command = [sys.executable, "-m", "tests.crash.appender", str(folder), str(turn), *([url] if url else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout
        heard = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        heard += process.stdout.readlines()
    assert process.returncode == -9, "the appender ended by itself"
    # A kill can cut the last line; what was not told whole was not told.
    whole = [line.decode().split() for line in heard if line.endswith(b"\n")]
    return [(int(seq), identifier) for seq, identifier in whole]


async def test_nothing_that_was_told_is_lost(tmp_path: Path, url: str | None) -> None:
    """Round after round on one log: what was told is there, in its place, once, and nothing is half kept."""
    folder, told = tmp_path / "data", dict[int, str]()
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    for turn in range(ROUNDS if url is None else ROUNDS // 3):  # it is the server that keeps, and it goes on
        told |= told_before_kill(folder, turn, chance.randint(0, MOST_LINES) if turn else 0, url)
        store = await opened(folder, url)
        entries = await _all(store)
        by_seq = {entry.cursor.seq: entry.alert.identifier for entry in entries}
        assert {seq: by_seq.get(seq) for seq in told} == told, f"seed {seed}, round {turn}"
        assert list(by_seq) == list(range(1, len(entries) + 1)), f"seed {seed}, round {turn}"
        assert max(Counter(by_seq.values()).values(), default=1) == 1, f"seed {seed}, round {turn}"
        assert _batches_are_whole(set(by_seq.values())), f"seed {seed}, round {turn}"
        assert await _in_force(store) == _ought_to_be_in_force(entries), f"seed {seed}, round {turn}"
        assert len(await store.audit_lines(10**6)) == len(entries), f"seed {seed}, round {turn}"
        await store.close()
    assert told


async def _all(store: Store) -> list[Entry]:
    entries: list[Entry] = []
    while more := await store.read(len(entries), 10_000):
        entries += more
    return entries


async def _in_force(store: Store) -> set[str]:
    return {posted.entry.alert.identifier for posted in await store.in_force()}


def _ought_to_be_in_force(entries: list[Entry]) -> set[str]:
    """Return the last message of every thread: the log alone tells the standings."""
    last = {entry.thread: entry.alert.identifier for entry in entries}
    assert {entry.kind for entry in entries} <= {Kind.ALERT, Kind.UPDATE}
    return set(last.values())


def _batches_are_whole(identifiers: set[str]) -> bool:
    """Whether every Update came with the message of its batch, and the reverse."""
    more = {name.removesuffix(".more") for name in identifiers if name.endswith(".more")}
    updates = {name for name in identifiers if not name.endswith((".more", ".0"))}
    return more == updates
