"""How many residents a draft concerns is counted when its turn comes, and never costs or delays the alert."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from lalert import commit
from lalert.commit import Committer, Counting
from lalert.core.model import Entry, Realm
from lalert.metrics import Metrics
from lalert.store.base import Appended
from lalert.store.sqlite import SqliteStore
from tests.contract.making import START, message


async def nothing(_: Sequence[Entry]) -> None:
    """Nobody follows the log here."""


@pytest.fixture
async def committer(tmp_path: Path) -> AsyncIterator[Committer]:
    """A committer over a store of its own, running."""
    store = await SqliteStore.open(tmp_path / "live.sqlite", Realm.LIVE)
    metrics = Metrics()
    made = Committer(
        realm=Realm.LIVE, store=store, capacity=100, batch=8, advance=nothing, metrics=metrics, clock=lambda: START
    )
    running = asyncio.create_task(made.run())
    yield made
    made.close()
    await running
    await store.close()


async def matched(committer: Committer, residents: Counting | None) -> dict[str, int]:
    """Return who matched, as it is kept."""
    outcome = await committer.submit(message("a"), residents)
    assert isinstance(outcome, Appended)
    return dict(outcome.entry.matched)


async def test_residents_are_counted_before_it_is_kept(committer: Committer) -> None:
    """What is kept and answered has the number."""

    async def three() -> int:
        return 3

    assert await matched(committer, three) == {"streams": 12, "residents": 3}


async def test_nobody_to_count(committer: Committer) -> None:
    """What the hub says itself is counted for nobody."""
    assert await matched(committer, None) == {"streams": 12}


async def test_a_count_that_takes_long_is_left_out(committer: Committer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert does not wait for a number longer than is promised."""
    assert commit.COUNTING_S == 0.25
    monkeypatch.setattr(commit, "COUNTING_S", 0.0)

    async def endless() -> int:
        await asyncio.Event().wait()
        raise AssertionError

    assert await matched(committer, endless) == {"streams": 12}


async def test_a_count_that_fails_is_left_out(committer: Committer) -> None:
    """A defect in counting loses no alert."""

    async def broken() -> int:
        raise RuntimeError

    assert await matched(committer, broken) == {"streams": 12}


async def test_a_batch_is_counted_at_once(committer: Committer) -> None:
    """The counts of a batch do not wait for each other."""
    barrier = asyncio.Barrier(3)

    async def together() -> int:
        return await barrier.wait()

    outcomes = await asyncio.gather(*(committer.submit(message(name), together) for name in "abc"))
    counts = [dict(outcome.entry.matched)["residents"] for outcome in outcomes if isinstance(outcome, Appended)]
    assert sorted(counts) == [0, 1, 2]
