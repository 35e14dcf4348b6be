"""What is logged: a fault once, however often somebody tries."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from lalert.errors import Text, Unavailable
from lalert.logs import Faults
from lalert.scheduler import Scheduler


def test_a_fault_is_news_once() -> None:
    """The same again is none; another one is, and so is the same after it was over."""
    faults = Faults()
    told = [faults.is_news("a", fault) for fault in ("gone", "gone", "slow")]
    assert told == [True, False, True]
    assert faults.is_news("b", "slow")
    assert [faults.is_over("a"), faults.is_over("a"), faults.is_news("a", "slow")] == [True, False, True]


async def test_a_job_without_its_store_is_told_of_once() -> None:
    """Hours without Redis are two lines of each job; a defect is told of whenever it shows."""
    errors = [
        *[Unavailable(Text("", "away"), code="store.unreachable")] * 3,
        None,
        ValueError("a defect"),
        ValueError("a defect"),
    ]
    left, done = list(errors), asyncio.Event()

    async def job() -> None:
        error = left.pop(0) if left else None
        if not left:
            done.set()
        if error is not None:
            raise error

    scheduler = Scheduler()
    with capture_logs() as told:
        scheduler.every(0.01, "job", job)
        scheduler.start()
        await done.wait()
        scheduler.stop()
    kinds = [(line["event"], line["log_level"]) for line in told]
    assert kinds[:2] == [("job.failed", "warning"), ("job.works_again", "warning")]
    assert set(kinds[2:]) == {("job.failed", "error")}
    assert len(kinds) >= 3
