"""Random lives of a whole dispatcher: peers that fail, short memories, overflowing lanes, crashes at any moment."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lalert.core.delivery import Delivered, Later, Outcome, Partly
from lalert.core.model import Draft, Entry, Priority
from lalert.publishers.tail import Tail
from tests.contract.making import cancel, message, update
from tests.courier.desk import QUICK, Desk, Hands, urgent

LANES, ROUNDS, BATCH = 6, 12, 8
TINY = replace(QUICK, lane_entries=16, concurrency=4, retry_first_s=0.01, retry_longest_s=0.02)


class Moody:
    """Peers that are down for a while, again and again, and take some messages in parts."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._down: dict[str, int] = {}
        self.is_well = False

    async def __call__(self, lane: str, entry: Entry, progress: str) -> Outcome:
        """Fail for some tries, or take it, or half of it."""
        await asyncio.sleep(0)
        if not self.is_well and self._is_down(lane):
            return Later("down")
        return Partly("1") if not progress and entry.cursor.seq % 5 == 0 else Delivered()

    def _is_down(self, lane: str) -> bool:
        left = self._down.get(lane, 0)
        self._down[lane] = left - 1 if left else (self._random.randrange(1, 6) if self._random.random() < 0.1 else 0)
        return left > 0


def scripts(rng: random.Random) -> list[list[Draft]]:
    """Return rounds of messages: threads that begin, change and end, of every urgency."""
    open_threads: list[Draft] = []
    rounds: list[list[Draft]] = []
    for number in range(ROUNDS * BATCH):
        if number % BATCH == 0:
            rounds.append([])
        if open_threads and rng.random() < 0.6:
            before = open_threads.pop(rng.randrange(len(open_threads)))
            change = update if rng.random() < 0.7 else cancel
            draft = change(f"m{number}", before)
        else:
            change, draft = update, message(f"m{number}")
        draft = urgent(draft, rng.choice(list(Priority)))
        if change is update:
            open_threads.append(draft)
        rounds[-1].append(draft)
    return rounds


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A realm that remembers little."""
    opened = await Desk.open(tmp_path, tail_entries=3)
    yield opened
    await opened.close()


@pytest.mark.parametrize("seed", range(12))
async def test_nothing_is_lost_and_order_holds(desk: Desk, seed: int) -> None:
    """Through everything that happens each peer gets everything, the threads in their order."""
    rng, moody = random.Random(seed), Moody(seed)
    hands = Hands(*(f"l{number}" for number in range(LANES)), send=moody)
    dispatcher = await desk.start(hands, settings=TINY, seed=seed)
    said: list[Draft] = []
    for drafts in scripts(rng):
        said += drafts
        await desk.publish(*drafts)
        for _ in range(rng.randrange(40)):
            await asyncio.sleep(0)
        if rng.random() < 0.3:
            await desk.kill(dispatcher)
            desk.tail = Tail(head=desk.tail.head, limit=3)
            dispatcher = await desk.start(hands, settings=TINY, seed=seed)
    moody.is_well = True
    names = {draft.alert.identifier for draft in said}
    await hands.until(lambda: all(names == set(hands.got(lane)) for lane in hands.specs))
    for lane in hands.specs:
        _check_order(said, hands.got(lane))
    await desk.stop(dispatcher)
    assert {(state.cursor.seq, state.settled, state.progress) for state in await desk.store.lanes()} == {
        (len(said), (), ())
    }


def _check_order(said: Sequence[Draft], got: Sequence[str]) -> None:
    place = {identifier: number for number, identifier in reversed(list(enumerate(got)))}  # where it came first
    for thread in {draft.thread for draft in said}:
        places = [place[draft.alert.identifier] for draft in said if draft.thread == thread]
        assert places == sorted(places), thread
