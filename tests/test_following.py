"""What other nodes keep comes into memory, once and in order, and says so when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from lalert import following
from lalert.core.model import Cursor, Entry, Realm
from lalert.errors import Text, Unavailable
from lalert.following import Follower
from lalert.store.base import Gap, Span, WentBack

NOW = datetime(2026, 7, 6, tzinfo=UTC)
AWAY = Unavailable(Text("不通", "away"), code="store.unreachable")
LOST = [WentBack(Cursor("k3f9", 7), None), Gap("k3f9-7", Span(Cursor("k3f9", 90), 50))]


class Log:
    """A store whose answers are told beforehand; at their end it waits for ever."""

    realm = Realm.LIVE

    def __init__(self, *answers: Sequence[Entry] | Exception) -> None:
        self.asked: list[int] = []
        self._answers = list(answers)
        self.is_done = asyncio.Event()

    async def follow(self, after: int, limit: int) -> Sequence[Entry]:
        """Give the next answer."""
        self.asked.append(after)
        if not self._answers:
            self.is_done.set()
            await asyncio.Event().wait()
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def follower(log: Log, shown: list[Sequence[Entry]]) -> Follower:
    """Return a follower at a head that is the number of times that something was shown."""
    return Follower(log, head=lambda: len(shown), show=shown.append, clock=lambda: NOW)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_RETRY_S", 0.0)


async def test_what_fails_is_asked_again_and_said() -> None:
    """While the log cannot be read it is known since when; afterwards everything goes on from the head shown."""
    log, shown = Log([], AWAY, AWAY, ValueError("a defect"), []), list[Sequence[Entry]]()
    made = follower(log, shown)
    seen = list[datetime | None]()
    log_follow = log.follow

    async def watched(after: int, limit: int) -> Sequence[Entry]:
        seen.append(made.failing_since)
        return await log_follow(after, limit)

    log.follow = watched  # type: ignore[method-assign]
    task = asyncio.create_task(made.run())
    await log.is_done.wait()
    task.cancel()
    assert seen == [None, None, NOW, NOW, NOW, None]
    assert log.asked == [0, 1, 1, 1, 1, 2]


@pytest.mark.parametrize("error", LOST, ids=["went back", "gap"])
async def test_a_log_that_cannot_be_continued_is_lost(error: Exception) -> None:
    """When the log went back, or retention was faster, following ends and says so."""
    made = follower(Log([], error), [])
    async with asyncio.timeout(5):
        await made.run()
    assert made.lost.is_set()
