"""The courier of residents and its census, over a store and a network that are lists."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from lalert.core.delivery import Delivered, Later, Outcome, Partly, Refused, Tally
from lalert.core.model import Cursor, Realm
from lalert.core.resident import Peer, Resident, Wish
from lalert.publishers import census as census_module
from lalert.publishers import residents as residents_module
from lalert.publishers.census import Census
from lalert.publishers.faces import Faces, Site
from lalert.publishers.outgoing import Answer, NoAnswer
from lalert.publishers.residents import BATCH, Pushes
from lalert.publishers.services import LANES
from lalert.publishers.vapid import Vapid
from lalert.store.nodes import Alone
from tests.publishers.test_sealing import AUTH, P256DH
from tests.render import entries

SITE = Site(Realm.LIVE, "https://alerts.example.jp")
NOW = entries.SENT + timedelta(minutes=5)
LANE = LANES.index("webpush:apple-1")


def resident(number: int, *, younger: bool = False) -> Resident:
    """Return somebody in Chiyoda; all with numbers 4n + 1 are on one lane."""
    return Resident(
        id=str(number),
        digest="",
        wish=Wish(areas=frozenset({"131016"})),
        peer=Peer(endpoint=f"https://web.push.apple.com/{number}", p256dh=P256DH, auth=AUTH),
        created_at=NOW if younger else entries.SENT,
        number=number,
    )


class Book:
    """A store of residents."""

    def __init__(self, people: Sequence[Resident]) -> None:
        self.people = {one.number: one for one in people}
        self.nodes = Alone()

    async def residents(self, after: int, limit: int) -> Sequence[Resident]:
        """Return the next page."""
        return [self.people[number] for number in sorted(self.people) if number > after][:limit]

    async def residents_of(self, numbers: Sequence[int]) -> Sequence[Resident]:
        """Return those who are there."""
        return [self.people[number] for number in numbers if number in self.people]

    async def remove_residents(self, numbers: Sequence[int]) -> int:
        """Forget."""
        return sum(self.people.pop(number, None) is not None for number in numbers)


class Line:
    """A network: what each number is answered, 201 if nothing else was said."""

    def __init__(self) -> None:
        self.answers: dict[int, Answer | NoAnswer] = {}
        self.asked: list[int] = []

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer | NoAnswer:
        """Note and answer."""
        number = int(url.rpartition("/")[2])
        self.asked.append(number)
        return self.answers.get(number, Answer(201))


class Scene:
    """A courier with its people."""

    def __init__(self, people: Sequence[Resident]) -> None:
        self.book, self.line = Book(people), Line()
        self.census = Census(self.book, clock=lambda: NOW)
        vapid = Vapid(ec.generate_private_key(ec.SECP256R1()), "mailto:a@example.jp")
        self.pushes = Pushes(self.census, self.line, vapid, site=SITE, clock=lambda: NOW)

    async def send(self, progress: str = "", **changes: object) -> Outcome:
        """Send one batch of an order for Chiyoda."""
        return await self.pushes.send(LANES[LANE], Faces(entries.entry(**changes), SITE), progress)

    async def send_all(self) -> tuple[Outcome, Tally]:
        """Send to the end; return the last outcome and what it came to."""
        progress, sent, refused, gone = "", 0, 0, 0
        while True:
            outcome = await self.send(progress)
            sent, refused, gone = (
                sent + outcome.tally.sent,
                refused + outcome.tally.refused,
                gone + outcome.tally.gone,
            )
            if not isinstance(outcome, Partly):
                return outcome, Tally(sent=sent, refused=refused, gone=gone)
            progress = outcome.progress


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """Two batches and a bit on one lane."""
    made = Scene([resident(4 * n + 1) for n in range(2 * BATCH + 5)])
    await made.census.load()
    yield made
    await made.census.close()


async def test_everybody_gets_it_once(scene: Scene) -> None:
    """Batch by batch in the order of their numbers, and counted."""
    outcome, tally = await scene.send_all()
    assert isinstance(outcome, Delivered)
    assert tally == Tally(sent=2 * BATCH + 5)
    assert sorted(scene.line.asked) == sorted(scene.book.people)


async def test_who_is_gone_is_forgotten_and_who_refuses_is_counted(scene: Scene) -> None:
    """404 and 410 leave the store and the census; 400 is counted and stays."""
    scene.line.answers |= {1: Answer(410), 5: Answer(404), 9: Answer(400)}
    _, tally = await scene.send_all()
    assert tally == Tally(sent=2 * BATCH + 2, refused=1, gone=2)
    assert not {1, 5} & scene.book.people.keys()
    assert await scene.census.counting(entries.entry())() == 2 * BATCH + 3


async def test_who_is_busy_is_put_off_and_given_up_in_the_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others do not wait; the wait is what the service asked for; after so many tries it is counted as refused."""
    monkeypatch.setattr(residents_module, "_TRIES", 3)
    scene.line.answers[1] = Answer(503, "40")
    first = await scene.send()
    assert isinstance(first, Partly)
    assert first.retry_after_s == 0
    _, tally = await scene.send_all()
    assert tally == Tally(sent=2 * BATCH + 4, refused=1)
    assert scene.line.asked.count(1) == 1 + 1 + 3


async def test_the_wait_is_what_the_service_asked_for() -> None:
    """When only those who were put off are left, the lane comes back after the longest wait that was named."""
    scene = Scene([resident(1), resident(5)])
    await scene.census.load()
    scene.line.answers[1] = Answer(429, "40")
    outcome = await scene.send()
    assert isinstance(outcome, Partly)
    assert (outcome.retry_after_s, outcome.tally) == (40.0, Tally(sent=1))
    scene.line.answers.clear()
    assert await scene.send(outcome.progress) == Delivered(Tally(sent=1))
    await scene.census.close()


async def test_a_service_that_is_down_makes_the_lane_wait(scene: Scene) -> None:
    """When nobody of a batch can be reached it is not they: nothing moves on, and nobody is put off."""
    scene.line.answers |= dict.fromkeys(scene.book.people, Answer(503, "7"))
    assert await scene.send() == Later("http_503", 7.0)
    scene.line.answers.clear()
    _, tally = await scene.send_all()
    assert tally == Tally(sent=2 * BATCH + 5)


async def test_whoever_came_later_is_not_told() -> None:
    """Who subscribed after an entry was kept sees it on the page; nobody is pushed what is past."""
    scene = Scene([resident(1), resident(5, younger=True)])
    await scene.census.load()
    assert await scene.send() == Delivered(Tally(sent=1))
    assert scene.line.asked == [1]
    await scene.census.close()


async def test_an_alarm_that_is_over_is_not_pushed(scene: Scene) -> None:
    """Late catch-up: what has ended meanwhile alarms nobody."""
    assert await scene.send(ends_at=NOW) == Refused("over", Tally())
    assert scene.line.asked == []


async def test_nobody_to_tell_is_settled_at_once() -> None:
    """An empty census answers without asking anything."""
    scene = Scene([])
    await scene.census.load()
    assert await scene.send() == Delivered(Tally())
    await scene.census.close()


async def test_lanes_are_those_that_somebody_is_on(scene: Scene) -> None:
    """A lane is served from the first resident on, from where it was then, and told once that it is new."""
    since = Cursor("k3f9", 7)
    assert scene.pushes.serve(scene.census.lanes, since)
    assert not scene.pushes.serve(scene.census.lanes, Cursor("k3f9", 9))
    (lane,) = scene.pushes.lanes()
    assert (lane.id, lane.since, lane.newest_only) == (LANES[LANE], since, True)
    scene.census.add(resident(2))
    assert scene.pushes.serve(scene.census.lanes, since)


async def test_who_left_meanwhile_is_forgotten(scene: Scene) -> None:
    """The store is asked for each browser when it is sent something: who is not there is told nothing."""
    told = await scene.census.told(entries.entry(), LANE)
    del scene.book.people[1]
    found = await scene.census.of(told.after(0, 2))
    assert [one.number for one, _ in found] == [5]
    assert await scene.census.counting(entries.entry())() == 2 * BATCH + 4


async def test_residents_are_counted_as_they_were(scene: Scene) -> None:
    """A count that is made later is of those who were there when it was asked for; of nobody it is nought."""
    counting = scene.census.counting(entries.entry())
    scene.census.add(resident(1001))
    assert (await counting(), await scene.census.counting(entries.entry())()) == (2 * BATCH + 5, 2 * BATCH + 6)
    empty = Census(Book([]), clock=lambda: NOW)
    assert await empty.counting(entries.entry())() == 0
    await empty.close()


async def test_who_is_on_no_lane_is_not_told_there(scene: Scene) -> None:
    """Who is told is known lane by lane."""
    assert len(await scene.census.told(entries.entry(), LANE)) == 2 * BATCH + 5
    assert len(await scene.census.told(entries.entry(), LANE + 1)) == 0


async def test_much_change_is_built_in(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many changes the index is rebuilt beside the work; it says the same."""
    monkeypatch.setattr(census_module, "_REBUILD_AT", 3)
    for number in (1001, 1005, 1009, 1013):
        scene.census.add(resident(number))
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))
    assert scene.census._residents.changes <= 1
    assert await scene.census.counting(entries.entry())() == 2 * BATCH + 9


async def test_what_was_worked_out_is_bounded(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is told is remembered for some entries, and worked out again for those that were forgotten."""
    monkeypatch.setattr(census_module, "_KEPT_NUMBERS", 2_500)
    first = await scene.census.told(entries.entry(), LANE)
    for seq in range(1, 6):
        await scene.census.told(entries.entry(cursor=Cursor("k3f9", seq)), LANE)
    assert len(scene.census._told) <= 4
    assert (await scene.census.told(entries.entry(), LANE)).numbers.tolist() == first.numbers.tolist()


async def test_a_failure_is_not_remembered(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went wrong once is worked out again at the next question."""

    def broken(*_: object, **__: object) -> object:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(census_module, "told_of", broken)
        with pytest.raises(MemoryError):
            await scene.census.told(entries.entry(), LANE)
    assert len(await scene.census.told(entries.entry(), LANE)) == 2 * BATCH + 5
