"""The census while it is being read: people come and go, the store is away, and everybody is right afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lalert.core.resident import Resident
from lalert.errors import Text, Unavailable
from lalert.publishers import census as census_module
from lalert.publishers.census import Census
from lalert.publishers.services import lane_of
from tests.publishers.test_residents import NOW, Book, Register, resident
from tests.render import entries

PAGE = 4
AWAY = Unavailable(Text("不通", "away"), code="store.unreachable")


class Slow(Book):
    """A store that gives a page when it is told to, as it was when it was asked for; `failing` ones it does not."""

    def __init__(self, people: Sequence[Resident]) -> None:
        super().__init__(people)
        self.asked: list[int] = []
        self.failing: list[Exception] = []
        self.news = asyncio.Event()
        self.leave = asyncio.Semaphore(0)

    async def residents(self, after: int, limit: int) -> Sequence[Resident]:
        """Wait for leave, and return the next page."""
        page = await super().residents(after, limit)
        self.asked.append(after)
        self.news.set()
        await self.leave.acquire()
        if self.failing:
            raise self.failing.pop()
        return page

    async def give(self, reading: asyncio.Task[None]) -> None:
        """Give a page, and return when the next is asked for, or everybody was read."""
        times = len(self.asked)
        self.leave.release()
        while len(self.asked) == times and not reading.done():
            self.news.clear()
            waiting = asyncio.ensure_future(self.news.wait())
            await asyncio.wait([reading, waiting], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()

    def come(self, number: int, census: Census) -> None:
        """Subscribe somebody."""
        self.people[number] = resident(number)
        census.add(self.people[number])

    def go(self, number: int, census: Census) -> None:
        """End a subscription."""
        self.people.pop(number, None)
        census.drop([number])

    def open(self) -> None:
        """Give all pages at once from now on."""
        for _ in range(1_000):
            self.leave.release()


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few people are several pages."""
    monkeypatch.setattr(census_module, "_PAGE", PAGE)


@pytest.fixture
def book() -> Slow:
    """Ten people on one lane: three pages."""
    return Slow([resident(4 * n + 1) for n in range(10)])


@pytest.fixture
async def census(book: Slow) -> AsyncIterator[Census]:
    """Their census, not yet read."""
    made = Census(book, clock=lambda: NOW)
    yield made
    await made.close()


async def told(census: Census) -> list[int]:
    """Return who is told of an order for everybody's municipality, on all lanes."""
    lanes = [await census.told(entries.entry(), lane) for lane in sorted(census.lanes)]
    return sorted(number for lane in lanes for number in lane.numbers.tolist())


async def _lives(steps: Sequence[str]) -> tuple[list[int], list[int], frozenset[int]]:
    """Read everybody while `steps` happen; return who is told, who should be, and the lanes that are known."""
    book = Slow([resident(4 * n + 1) for n in range(10)])
    census = Census(book, clock=lambda: NOW)
    reading, newest = asyncio.create_task(census.load()), 37
    for step in steps:
        if step == "page":
            await book.give(reading)
        elif step == "come":
            book.come(newest := newest + 1, census)
        elif book.people:
            book.go((min if step == "oldest goes" else max)(book.people), census)
    book.open()
    await reading
    found = await told(census), sorted(book.people), census.lanes
    await census.close()
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(("page", "come", "oldest goes", "newest goes")), max_size=12))
def test_whoever_comes_and_goes_while_everybody_is_read(steps: list[str]) -> None:
    """At whatever moment of the reading: who is there is told, on a lane that is known, and nobody else is."""
    numbers, there, lanes = asyncio.run(_lives(steps))
    assert numbers == there
    assert {lane_of(resident(number).peer.endpoint, number) for number in there} <= lanes


async def test_whoever_comes_and_goes_elsewhere_while_everybody_is_read(book: Slow, census: Census) -> None:
    """What another node keeps between the last page and the end of the reading is followed, not taken for read."""
    book.nodes = elsewhere = Register()
    reading = asyncio.create_task(census.load())
    for _ in range(3):
        await book.give(reading)
    book.people[4001] = resident(4001)
    del book.people[1]
    elsewhere.changes += [("came", 4001), ("left", 1)]
    book.open()
    await reading
    await census.follow()
    assert await told(census) == sorted(book.people)


async def test_it_goes_on_where_it_stopped(book: Slow, census: Census) -> None:
    """When the store is away in the middle the next call reads the rest only; who came and went meanwhile is right."""
    reading = asyncio.create_task(census.load())
    await book.give(reading)
    book.failing.append(AWAY)
    await book.give(reading)
    with pytest.raises(Unavailable):
        await reading
    assert census.read == PAGE
    book.go(1, census)
    book.come(4001, census)
    book.open()
    await census.load()
    assert book.asked == [0, 13, 13, 29, 4001]
    assert await told(census) == sorted(book.people)
    assert census.read == len(census)


async def test_a_reading_that_broke_begins_anew(book: Slow, census: Census) -> None:
    """After anything but an absent store nothing of what was read is trusted, for it may be half a page."""
    reading = asyncio.create_task(census.load())
    await book.give(reading)
    book.failing.append(ValueError("a damaged record"))
    await book.give(reading)
    with pytest.raises(ValueError, match="damaged"):
        await reading
    book.open()
    await census.load()
    assert book.asked[:3] == [0, 13, 0]
    assert await told(census) == sorted(book.people)


class Calm(asyncio.Event):
    """Tells that somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited = asyncio.Event()

    async def wait(self) -> Literal[True]:
        """Wait."""
        self.awaited.set()
        return await super().wait()


async def test_what_cannot_wait_goes_first(book: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    """While something urgent is on its way no page is asked for; what never calms down does not stop the reading."""
    calm = Calm()
    monkeypatch.setattr(census_module, "_PATIENCE_S", 3_600.0)
    census = Census(book, clock=lambda: NOW, calm=calm)
    book.open()
    reading = asyncio.create_task(census.load())
    await calm.awaited.wait()
    assert book.asked == [0]
    monkeypatch.setattr(census_module, "_PATIENCE_S", 0.0)
    calm.set()
    calm.clear()
    await reading
    assert await told(census) == sorted(book.people)
    await census.close()


async def test_a_reading_that_failed_loses_no_change(book: Slow, census: Census) -> None:
    """Whoever came on another node is known in the end, though the reading that was to find him failed at first."""
    register = book.nodes = Register()
    book.open()
    await census.load()
    book.people[4001] = resident(4001)
    register.changes, register.forgotten = [("came", 4001)], 1  # too far behind: everybody is read
    book.failing.append(AWAY)
    with pytest.raises(Unavailable):
        await census.follow()
    register.forgotten = 0
    await census.follow()
    assert await told(census) == sorted(book.people)
