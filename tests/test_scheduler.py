"""What must happen by itself happens, whatever is done to the machine's clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, tzinfo

import pytest
from apscheduler.schedulers import base
from structlog.testing import capture_logs

from lalert import scheduler
from lalert.scheduler import Scheduler
from tests.rig.hubs import patience


class WallClock(datetime):
    """The machine's clock, as far off as somebody has set it."""

    off = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> WallClock:
        """Return what the clock shows."""
        return super().now(tz) + cls.off


class Rounds:
    """A job that counts its rounds."""

    def __init__(self) -> None:
        self.count = 0
        self._news = asyncio.Condition()

    async def run(self) -> None:
        """Be run once."""
        async with self._news:
            self.count += 1
            self._news.notify_all()

    async def more(self, rounds: int) -> None:
        """Return when there were so many more."""
        wanted = self.count + rounds
        async with patience(), self._news:
            await self._news.wait_for(lambda: self.count >= wanted)


@pytest.fixture
async def rounds(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rounds]:
    """A job every tenth of a second, and a clock that may be set."""
    monkeypatch.setattr(WallClock, "off", timedelta())
    for module in (base, scheduler):
        monkeypatch.setattr(module, "datetime", WallClock)
    rounds, running = Rounds(), Scheduler()
    running.every(0.1, "job", rounds.run)
    running.start()
    await rounds.more(2)
    yield rounds
    running.stop()


async def test_a_clock_that_is_set_back_stops_nothing(rounds: Rounds) -> None:
    """Ends, pings and the canary go on, and do not wait until the old time comes again; the log says what happened."""
    with capture_logs() as told:
        WallClock.off = -timedelta(hours=1)
        await rounds.more(3)
    assert [line["event"] for line in told] == ["clock.set_back"]


async def test_a_clock_that_is_set_forward_holds_up_nobody(rounds: Rounds) -> None:
    """What was skipped is over: nobody waits (a step of the loop is measured) while its rounds are counted up."""
    before = rounds.count
    WallClock.off = timedelta(days=3)
    await rounds.more(3)
    assert rounds.count < before + 100
