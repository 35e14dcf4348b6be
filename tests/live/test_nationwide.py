"""Every municipality of Japan posts at once, with 200 readers connected: all is kept, all arrives, level 5 first."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.hub import HubProcess
from benchmarks.nationwide import LEVEL5, READERS, Storm, storm

MUNICIPALITIES = 1741


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Storm:
    """One storm, over."""
    folder: Path = tmp_path_factory.mktemp("nationwide")
    with HubProcess(folder / "data") as hub:
        return asyncio.run(storm(hub, readers=READERS))


def test_all_are_kept_and_reach_every_reader_once(passed: Storm) -> None:
    """1,741 receipts, 1,741 positions, and each of the 200 readers saw each of them once and in the log's order."""
    assert len(passed.receipts) == MUNICIPALITIES
    assert len(passed.positions) == READERS
    assert {len(positions) for positions in passed.positions} == {MUNICIPALITIES}
    for positions in passed.positions:
        assert set(positions) == set(passed.receipts)
        assert all(a < b for a, b in pairwise(positions))


def test_level_5_overtakes(passed: Storm) -> None:
    """The level 5 orders, posted last of all, are kept before most of what was posted before them."""
    flash = sorted(seq for seq, receipt in passed.receipts.items() if receipt["priority"] == "flash")
    assert len(flash) == LEVEL5
    overtaken = [seq for seq, at in passed.posted_at.items() if seq > flash[-1] and at < passed.posted_at[flash[-1]]]
    assert len(overtaken) > MUNICIPALITIES / 2
