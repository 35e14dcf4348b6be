"""The priority queue: most urgent first, order kept inside a thread, the least urgent refused first."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lalert.core.model import Priority
from lalert.core.queue import PriorityQueue
from lalert.errors import Unavailable

FLASH, URGENT, PROMPT, ROUTINE = Priority


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """The smallest item."""

    priority: Priority
    thread: str
    name: str = field(default="", compare=False)


def _queue(*things: Thing, capacity: int = 1_000_000) -> PriorityQueue[Thing]:
    queue: PriorityQueue[Thing] = PriorityQueue(capacity=capacity)
    for thing in things:
        queue.put(thing)
    return queue


def _names(queue: PriorityQueue[Thing]) -> str:
    return "".join(thing.name for thing in queue.take(1_000_000))


def _fill(queue: PriorityQueue[Thing], lane: Priority) -> int:
    """Put things of one lane until they are refused; return how many went in."""
    count = 0
    while True:
        try:
            queue.put(Thing(lane, f"{lane}-{count}"))
        except Unavailable:
            return count
        count += 1


def test_the_most_urgent_comes_first() -> None:
    """Lanes drain in order; inside a lane first come is first served."""
    things = [(ROUTINE, "a"), (URGENT, "b"), (FLASH, "c"), (PROMPT, "d"), (URGENT, "e"), (FLASH, "f")]
    assert _names(_queue(*(Thing(lane, name, name) for lane, name in things))) == "cfbeda"


def test_a_less_urgent_follower_waits_in_its_own_lane() -> None:
    """It follows its predecessor without being raised by it."""
    queue = _queue(Thing(FLASH, "t", "1"), Thing(PROMPT, "t", "3"), Thing(URGENT, "u", "2"))
    assert _names(queue) == "123"


def test_an_urgent_follower_pulls_its_predecessors_up() -> None:
    """A Cancel never overtakes its Alert, and neither waits for what is less urgent than the Cancel."""
    queue = _queue(
        Thing(ROUTINE, "bulk", "5"),
        Thing(ROUTINE, "t", "1"),
        Thing(PROMPT, "bulk2", "4"),
        Thing(PROMPT, "t", "2"),
        Thing(FLASH, "t", "3"),
    )
    assert queue.lanes() == {FLASH: 3, URGENT: 0, PROMPT: 1, ROUTINE: 1}
    assert _names(queue) == "12345"


def test_only_slower_predecessors_are_moved() -> None:
    """Predecessors that are urgent enough keep their places."""
    queue = _queue(Thing(FLASH, "t", "1"), Thing(FLASH, "u", "2"), Thing(ROUTINE, "t", "4"), Thing(URGENT, "v", "3"))
    queue.put(Thing(URGENT, "t", "5"))
    assert _names(queue) == "12345"


def test_a_thread_may_come_back() -> None:
    """Once its messages are gone a thread starts anew."""
    queue = _queue(Thing(ROUTINE, "t", "1"), Thing(FLASH, "t", "2"))
    assert _names(queue) == "12"
    queue.put(Thing(ROUTINE, "t", "4"))
    queue.put(Thing(PROMPT, "u", "3"))
    assert _names(queue) == "34"


def test_nothing_waits_in_an_empty_queue() -> None:
    """`get` raises IndexError, `take` gives nothing, also when only left places remain."""
    queue = _queue(Thing(ROUTINE, "t", "1"), Thing(FLASH, "t", "2"))
    assert len(queue) == 2
    assert _names(queue) == "12"
    assert (len(queue), queue.take(5), sum(queue.lanes().values())) == (0, [], 0)
    with pytest.raises(IndexError):
        queue.get()


def test_take_gives_no_more_than_asked() -> None:
    """A batch is bounded, so that what comes in meanwhile is looked at again."""
    queue = _queue(*(Thing(ROUTINE, str(n), str(n)) for n in range(5)))
    assert [thing.name for thing in queue.take(2)] == ["0", "1"]
    assert len(queue) == 3


def test_the_least_urgent_is_refused_first() -> None:
    """Each lane may fill its share of the capacity; the rest is kept for those above it."""
    queue = _queue(capacity=1000)
    counts = [_fill(queue, lane) for lane in (ROUTINE, PROMPT, URGENT, FLASH)]
    assert counts == [600, 200, 100, 100]
    assert len(queue) == 1000


def test_a_full_lane_says_when_to_come_again() -> None:
    """503 with a time, longer for the less urgent; nothing is kept of what is refused."""
    queue = _queue(capacity=1)
    queue.put(Thing(FLASH, "t"))
    waits = []
    for lane in Priority:
        with pytest.raises(Unavailable) as caught:
            queue.put(Thing(lane, "t"))
        waits.append(caught.value.retry_after_s)
        assert (caught.value.code, caught.value.status) == ("queue.full", 503)
    assert waits == sorted(waits)
    assert waits[0] < waits[-1]
    assert len(queue) == 1


def test_room_is_given_back() -> None:
    """What was taken out no longer counts."""
    queue = _queue(capacity=10)
    assert _fill(queue, ROUTINE) == 6
    queue.take(3)
    assert _fill(queue, ROUTINE) == 3


def test_left_places_are_swept() -> None:
    """Threads that were pulled up leave places behind: never more than there are messages, and some."""
    queue = _queue()
    for number in range(10_000):
        queue.put(Thing(ROUTINE, str(number)))
        queue.put(Thing(FLASH, str(number)))
        queue.take(2)
    places = sum(len(lane) for lane in queue._lanes)
    assert (len(queue), sum(queue.lanes().values())) == (0, 0)
    assert places < 200


def test_sweeping_keeps_everybody_else() -> None:
    """Messages that stay in the swept lane keep their order, chained ones as well."""
    queue = _queue(Thing(ROUTINE, "stays", "1"), Thing(ROUTINE, "stays", "2"), Thing(ROUTINE, "alone", "3"))
    for number in range(200):
        queue.put(Thing(ROUTINE, str(number)))
        queue.put(Thing(FLASH, str(number)))
    queue.put(Thing(ROUTINE, "last", "4"))
    assert queue.lanes() == {FLASH: 400, URGENT: 0, PROMPT: 0, ROUTINE: 4}
    assert _names(queue) == "1234"


class AgainstTheObvious(RuleBasedStateMachine):
    """The queue gives what a list that is searched each time would give."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: PriorityQueue[Thing] = PriorityQueue(capacity=10_000)
        self.model: list[tuple[int, int, Thing]] = []  # (lane, ticket, thing): smallest first
        self.tickets = 0

    def _enter(self, lane: int, thing: Thing) -> None:
        self.tickets += 1
        self.model.append((lane, self.tickets, thing))

    @rule(lane=st.sampled_from(Priority), thread=st.sampled_from("abcdef"))
    def put(self, lane: Priority, thread: str) -> None:
        """A new thing pulls the slower ones of its thread up, before it."""
        slower = sorted(row for row in self.model if row[2].thread == thread and row[0] > lane)
        self.model = [row for row in self.model if row not in slower]
        thing = Thing(lane, thread)
        for _, _, predecessor in slower:
            self._enter(lane, predecessor)
        self._enter(lane, thing)
        self.queue.put(thing)

    @rule(count=st.integers(1, 4))
    def take(self, count: int) -> None:
        """The same things in the same order."""
        expected = sorted(self.model, key=lambda row: row[:2])[:count]
        self.model = [row for row in self.model if row not in expected]
        assert self.queue.take(count) == [thing for _, _, thing in expected]

    @rule(thread=st.sampled_from("abcdef"), repeats=st.integers(30, 80))
    def churn(self, thread: str, repeats: int) -> None:
        """Many pulled up, so that lanes are swept in the middle of a life."""
        for _ in range(repeats):
            self.put(Priority.ROUTINE, thread)
        self.put(Priority.FLASH, thread)

    @invariant()
    def counts_agree(self) -> None:
        """Lengths are those of the messages, not of the places."""
        assert len(self.queue) == len(self.model)
        lanes = [lane for lane, _, _ in self.model]
        assert self.queue.lanes() == {lane: lanes.count(lane) for lane in Priority}


AgainstTheObvious.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAgainstTheObvious = AgainstTheObvious.TestCase


def test_threads_keep_their_order_whatever_comes() -> None:
    """A long random day: every thread comes out in the order in which it went in."""
    draw = random.Random(7)
    queue = _queue()
    seen: dict[str, list[int]] = {}
    for number in range(20_000):
        queue.put(Thing(draw.choice(list(Priority)), str(draw.randrange(300)), str(number)))
        if draw.random() < 0.45:
            thing = queue.get()
            seen.setdefault(thing.thread, []).append(int(thing.name))
    for thing in queue.take(20_000):
        seen.setdefault(thing.thread, []).append(int(thing.name))
    assert sum(map(len, seen.values())) == 20_000
    assert all(numbers == sorted(numbers) for numbers in seen.values())
