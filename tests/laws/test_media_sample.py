"""The sample of docs/integration/media.md does what the guide promises."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.rig import hubs
from tests.rig.author import Author
from tests.rig.caller import Caller
from tests.rig.hubs import HubProcess, patience

GUIDE = hubs.ROOT / "docs" / "integration" / "media.md"

author = Author()


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The program in the guide, as a reader copies it."""
    found = re.search(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert found
    path = tmp_path / "listen.py"
    path.write_text(found[1], "utf-8")
    return path


@asynccontextmanager
async def listening(sample: Path, url: str, kept: Path) -> AsyncIterator[None]:
    """Run the sample, and kill it as a power cut would."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(sample), url, str(kept), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


def asked(kept: Path, question: str) -> list[str]:
    """Return a column of what the sample has kept; nothing as long as it has no table."""
    try:
        with closing(sqlite3.connect(f"file:{kept}?mode=ro", uri=True)) as connection:
            return [row[0] for row in connection.execute(question)]
    except sqlite3.OperationalError:
        return []


def identifiers(kept: Path) -> list[str]:
    """Return the messages that were kept, in the order in which they came."""
    return asked(kept, "SELECT identifier FROM entry ORDER BY rowid")


async def until(true: Callable[[], bool]) -> None:
    """Return once something is so."""
    async with patience():
        while not true():  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(0.02)


async def test_sample_misses_and_repeats_nothing(sample: Path, hub_process: HubProcess, tmp_path: Path) -> None:
    """Killed in the middle, and the hub killed as well: every message is kept once, in the order of the log."""
    await hub_process.start()
    kept, key, posted = tmp_path / "alerts.sqlite", await hubs.issue_in(hub_process.data), list[str]()

    async def post(number: int) -> None:
        async with Caller(hub_process.url, key) as caller:
            for _ in range(number):
                alert = author.order()
                await caller.publish(alert)
                posted.append(alert.identifier)

    await post(1)
    async with listening(sample, hub_process.url, kept):
        await until(lambda: identifiers(kept) == posted)
        await post(20)
        await until(lambda: len(identifiers(kept)) > 5)
    await post(10)
    async with listening(sample, hub_process.url, kept):
        await until(lambda: identifiers(kept) == posted)
        await hub_process.kill()
        await hub_process.start()
        await post(5)
        await until(lambda: len(identifiers(kept)) >= len(posted))
    assert identifiers(kept) == posted


async def test_sample_takes_the_present_after_a_gap(sample: Path, live: Caller, tmp_path: Path) -> None:
    """A position of another log: the sample takes what is in force and follows from there."""
    kept, first, second = tmp_path / "alerts.sqlite", author.order(), author.order()
    await live.publish(first)
    with closing(sqlite3.connect(kept)) as connection, connection:
        connection.execute("CREATE TABLE place (one INTEGER PRIMARY KEY CHECK (one = 1), cursor TEXT)")
        connection.execute("INSERT INTO place VALUES (1, 'gone-7')")
    async with listening(sample, live.url, kept):
        await until(lambda: identifiers(kept) == [first.identifier])
        await live.publish(second)
        await until(lambda: len(identifiers(kept)) > 1)
    assert identifiers(kept) == [first.identifier, second.identifier]
