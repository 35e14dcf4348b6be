"""Thousands of random lives of lanes: crashes, outages, bad messages, full queues, changed subscriptions.

The driver here is the simplest that can be written: a list is the log, and what a crash leaves is the last state that
was saved. Whatever happens nothing is lost, order inside a thread holds, and only what was not saved is repeated.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from lalert.core.delivery import Delivered, LaneState, Later, Outcome, Partly, Refused
from lalert.core.lanes import Lane, Parcel
from lalert.core.model import Cursor, Priority
from lalert.core.retry import Policy

START = datetime(2026, 7, 1, tzinfo=UTC)
POLICY = Policy(first_s=1.0, longest_s=8.0, patience_s=10_000.0)
BATCHES = 3  # of a bulk message


@dataclass
class Said:
    """One entry of the log. `bad`: the peer can never take it; `bulk`: it goes out in batches."""

    parcel: Parcel
    bad: bool = False
    bulk: bool = False


@dataclass
class Peer:
    """What came in, batch by batch."""

    is_up: bool = True
    got: list[tuple[int, int]] = field(default_factory=list)  # (position, batch)

    def take(self, said: Said, progress: str) -> Outcome:
        """Return what becomes of one send."""
        if not self.is_up or said.bad:
            return Later("500")
        batch = int(progress or 0)
        self.got.append((said.parcel.seq, batch))
        if said.bulk and batch + 1 < BATCHES:
            return Partly(str(batch + 1))
        return Delivered()


class World:
    """One lane, its peer, its log, and what a crash leaves."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.log: list[Said] = []
        self.now = START
        self.peer = Peer()
        self.wanted: Callable[[Parcel], bool] = lambda _: True
        self.capacity = self.random.choice([2, 5, 50])
        self.saved = LaneState(lane="a", cursor=Cursor("e", 0))
        self.unsaved = 0  # deliveries since then
        self.may_repeat = 0
        self.given_up: set[int] = set()
        self.edited_at = 0
        self.lane = self.born()

    def born(self) -> Lane:
        """Return the lane as it is after a start."""
        return Lane(self.saved, capacity=self.capacity, policy=POLICY)

    # --- what may happen --------------------------------------------------------------------------------------

    def say(self) -> None:
        """The log grows; a lane that follows is offered the entry, one that is behind its whole thread."""
        thread, seq = f"t{self.random.randrange(6)}", len(self.log) + 1
        parcel = Parcel(seq, thread, self.random.choice(list(Priority)))
        odds = self.random.random()
        self.log.append(Said(parcel, bad=odds < 0.03, bulk=odds > 0.8))
        if not self.lane.is_behind:
            self.offer(parcel)
        elif not self.lane.is_resting(self.now):
            self.offer_thread(thread)

    def deliver(self) -> None:
        """One delivery, if there is something to deliver."""
        parcel = self.lane.take(self.now)
        if parcel is None:
            return
        said = self.log[parcel.seq - 1]
        word = self.lane.settle(
            self.peer.take(said, self.lane.progress(parcel.seq)), now=self.now, jitter=self.random.random()
        )
        assert word in {"delivered", "partly", "later", "gave_up"}
        self.unsaved += word in {"delivered", "partly"}
        if word == "gave_up":
            assert said.bad, "a sound message was given up"
            self.given_up.add(parcel.seq)
        if word == "partly" or self.random.random() < 0.2:
            self.save()

    def crash(self) -> None:
        """Everything but the last saved state is lost, sometimes in the middle of a delivery."""
        if self.random.random() < 0.5 and (parcel := self.lane.take(self.now)) is not None:
            self.peer.take(self.log[parcel.seq - 1], self.lane.progress(parcel.seq))
            self.unsaved += 1
        self.may_repeat += self.unsaved
        self.unsaved = 0
        self.lane = self.born()

    def outage(self) -> None:
        """The peer goes down or comes back."""
        self.peer.is_up = not self.peer.is_up

    def edit(self) -> None:
        """The peer wants something else from now on."""
        if self.random.random() < 0.2:
            unwanted = f"t{self.random.randrange(6)}"
            self.wanted = lambda parcel: parcel.thread != unwanted
            self.lane.fall_behind()
            self.edited_at = len(self.log)

    def save(self) -> None:
        """What is saved survives."""
        self.saved, self.unsaved = self.lane.state(), 0

    def wait(self) -> None:
        """Time passes."""
        self.now += timedelta(seconds=self.random.choice([0.1, 2, 20]))

    def refill(self) -> None:
        """What the hub does for a lane that is behind: what holds first, then the history."""
        lane = self.lane
        if not lane.runs_low or lane.is_resting(self.now):
            return
        live = {said.parcel.thread: said.parcel for said in self.log}
        for newest in sorted(live.values(), key=lambda parcel: parcel.priority)[:2]:
            if not lane.is_known(newest.seq):
                self.offer_thread(newest.thread)
        while lane.has_room and lane.scanned < len(self.log):
            parcel = self.log[lane.scanned].parcel
            self.offer(parcel)
            lane.scan(parcel.seq)
        if lane.scanned >= len(self.log):
            lane.follow()

    def offer(self, parcel: Parcel) -> None:
        """Offer, or pass over what is not wanted."""
        if self.wanted(parcel):
            self.lane.offer(parcel)
        elif not self.lane.is_known(parcel.seq):
            self.lane.pass_over(parcel.seq)

    def offer_thread(self, thread: str) -> None:
        """Offer all of a thread, the oldest first; what is urgent takes the room of what is not."""
        of_thread = [said.parcel for said in self.log if said.parcel.thread == thread]
        owed = [parcel for parcel in of_thread if not self.lane.is_known(parcel.seq)]
        for parcel in owed:
            rank = (False, min(parcel.priority for parcel in owed))
            if not self.lane.has_room and not self.lane.yield_to(rank, thread):
                return
            self.offer(parcel)

    # --- the end ----------------------------------------------------------------------------------------------

    def heal(self) -> None:
        """The peer comes back and everything that is owed goes out."""
        self.peer.is_up = True
        for _ in range(100_000):
            self.refill()
            if not self.lane.is_behind and not len(self.lane):
                return
            self.deliver()
            due = self.lane.due(self.now)
            if self.lane.rank(self.now) is None and due is not None:
                self.now = due
        raise AssertionError("it never ends")


def live(seed: int, *, steps: int = 120) -> World:
    """Return a world after a random life."""
    world = World(seed)
    deeds = [world.say, world.deliver, world.deliver, world.wait, world.crash, world.outage, world.edit, world.save]
    weights = [8, 8, 8, 4, 1, 1, 1, 1]
    for deed in world.random.choices(deeds, weights, k=steps):
        deed()
        world.refill()
    world.heal()
    return world


def firsts(world: World) -> Iterator[tuple[int, int]]:
    """Yield what came in, without the repeats."""
    yield from dict.fromkeys(world.peer.got)


@pytest.mark.parametrize("block", range(20))
def test_nothing_is_lost_and_order_holds(block: int) -> None:
    """2,000 lives: all that was wanted came whole and in the order of its thread; repeats are what was not saved."""
    for seed in range(block * 100, block * 100 + 100):
        world = live(seed)
        came = list(firsts(world))
        # What was passed over before its peer asked for it is not sent afterwards.
        wanted = [said for said in world.log[world.edited_at :] if world.wanted(said.parcel)]
        for said in wanted:
            seq, batches = said.parcel.seq, BATCHES if said.bulk else 1
            if said.bad:
                assert seq in world.given_up, f"{seed}: {seq} is still tried"
            else:
                assert {b for s, b in came if s == seq} == set(range(batches)), f"{seed}: {seq} was lost"
        for thread in {said.parcel.thread for said in world.log}:
            order = [(s, b) for s, b in came if world.log[s - 1].parcel.thread == thread]
            assert order == sorted(order), f"{seed}: {thread} came as {order}"
        repeats = sum(Counter(world.peer.got).values()) - len(came)
        assert repeats <= world.may_repeat, f"{seed}: {repeats} repeats"
        assert world.lane.state().settled == (), f"{seed}: something was forgotten"


def test_lives_reach_what_they_are_about() -> None:
    """A tester that never crashed, never overflowed or never gave up would prove nothing."""
    worlds = [live(seed) for seed in range(100)]
    assert any(world.may_repeat for world in worlds)
    assert any(world.given_up for world in worlds)
    assert any(world.edited_at for world in worlds)
    assert any(len(world.peer.got) > len(set(world.peer.got)) for world in worlds)
    assert any(len(world.log) > 10 * world.capacity for world in worlds)


def test_refusals_are_final() -> None:
    """What a peer refuses is settled at once and holds nothing up."""
    lane = Lane(LaneState(lane="a", cursor=Cursor("e", 0)), capacity=5, policy=POLICY)
    for seq in (1, 2):
        lane.offer(Parcel(seq, "t", Priority.FLASH))
    assert lane.take(START) is not None
    assert lane.settle(Refused("400"), now=START, jitter=0.0) == "refused"
    assert lane.take(START) == Parcel(2, "t", Priority.FLASH)
