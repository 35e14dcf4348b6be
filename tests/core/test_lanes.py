"""The laws of a lane, one by one; `test_lanes_random` lives through all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from lalert.core import lanes
from lalert.core.delivery import Delivered, Gone, LaneState, Later, Outcome, Partly, Refused
from lalert.core.lanes import Lane, Parcel
from lalert.core.model import Cursor, Priority
from lalert.core.retry import Policy

NOW = datetime(2026, 7, 1, tzinfo=UTC)
FLASH, URGENT, PROMPT, ROUTINE = Priority


def lane(*parcels: Parcel, capacity: int = 10, **state: object) -> Lane:
    """Return a lane that follows the log and in which `parcels` wait."""
    kept = LaneState(lane="a", cursor=Cursor("e", 0), **state)  # type: ignore[arg-type]
    made = Lane(kept, capacity=capacity, policy=Policy())
    made.follow()
    for parcel in parcels:
        made.offer(parcel)
    return made


def p(seq: int, thread: str = "", priority: Priority = ROUTINE, **more: bool) -> Parcel:
    """Return a parcel, of a thread of its own if none is given."""
    return Parcel(seq, thread or f"t{seq}", priority, **more)


def step(made: Lane, outcome: Outcome, now: datetime = NOW) -> tuple[int, str]:
    """Take and settle; return the position and the word."""
    parcel = made.take(now)
    assert parcel is not None
    return parcel.seq, made.settle(outcome, now=now, jitter=0.0)


def drained(made: Lane, now: datetime = NOW) -> list[int]:
    """Deliver all there is now; return the positions in their order."""
    found = []
    while made.rank(now) is not None:
        found.append(step(made, Delivered(), now)[0])
    return found


def settled(made: Lane) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Return floor and exceptions."""
    return made.state().cursor.seq, made.state().settled


# --- order -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parcels", "order"),
    [
        ([p(1), p(2)], [1, 2]),
        ([p(1, priority=PROMPT), p(2, priority=FLASH), p(3, priority=URGENT)], [2, 3, 1]),
        ([p(1, "t", ROUTINE), p(2, priority=URGENT), p(3, "t", FLASH)], [1, 3, 2]),
        ([p(1, "t", FLASH), p(2, "t", ROUTINE), p(3, priority=URGENT)], [1, 3, 2]),
        ([p(1, priority=FLASH, is_past=True), p(2, priority=ROUTINE)], [2, 1]),
        ([p(1, "t", FLASH, is_past=True), p(2, "t", ROUTINE), p(3, priority=PROMPT)], [3, 1, 2]),
    ],
    ids=["age", "urgency", "inherited", "not kept", "what holds", "what is past inherits"],
)
def test_order(parcels: Sequence[Parcel], order: list[int]) -> None:
    """Urgent threads first, each in its own order; what an urgent one waits for inherits its urgency."""
    assert drained(lane(*parcels)) == order


def test_one_is_on_its_way_at_a_time() -> None:
    """Nothing is taken while a peer has something to answer."""
    made = lane(p(1), p(2))
    assert made.take(NOW) == p(1)
    assert made.take(NOW) is None
    assert made.rank(NOW) is made.due(NOW) is None


def test_what_is_known_is_not_taken_in_twice() -> None:
    """Settled, waiting or on its way: offering again changes nothing."""
    made = lane(p(1), p(2), p(3))
    step(made, Delivered())
    made.take(NOW)
    for seq in (1, 2, 3):
        assert made.is_known(seq)
        assert made.offer(p(seq)) == ()
    assert len(made) == 1
    assert not made.is_known(4)


# --- what lasts ------------------------------------------------------------------------------------------------


def test_the_state_is_a_cursor_and_exceptions() -> None:
    """Out of order settles beyond the cursor; when the gap closes, the cursor passes it all."""
    made = lane(p(1), p(2, priority=FLASH), p(3), p(4, priority=FLASH))
    assert step(made, Delivered()) == (2, "delivered")
    assert step(made, Refused("400")) == (4, "refused")
    made.pass_over(5, 7)
    assert settled(made) == (0, ((2, 2), (4, 7)))
    assert drained(made) == [1, 3]
    assert settled(made) == (7, ())


def test_a_lane_reads_back_from_its_state() -> None:
    """A new lane of the same state knows what its peer has, how far it came, and that it failed."""
    made = lane(p(1), p(2, priority=FLASH), p(3))
    step(made, Delivered())
    step(made, Partly("half"))
    step(made, Later("down"))
    again = Lane(made.state(), capacity=10, policy=Policy())
    assert again.state() == made.state()
    assert (again.progress(1), again.progress(3)) == ("half", "")
    assert again.is_known(2)
    assert not again.is_known(1)
    assert again.is_resting(NOW)
    assert again.is_behind


# --- outcomes --------------------------------------------------------------------------------------------------


def test_in_part_it_goes_on_unless_something_is_more_urgent() -> None:
    """Progress comes back with the next turn and is forgotten at the end."""
    made = lane(p(1))
    assert step(made, Partly("a")) == (1, "partly")
    assert made.state().progress == ((1, "a"),)
    made.offer(p(2, priority=FLASH))
    assert step(made, Delivered()) == (2, "delivered")
    assert step(made, Delivered()) == (1, "delivered")
    assert made.state() == LaneState(lane="a", cursor=Cursor("e", 2))


def test_the_rest_of_it_may_wait() -> None:
    """What is left for peers that asked for time waits alone; others go."""
    made = lane(p(1), p(2))
    step(made, Partly("a", retry_after_s=60))
    assert drained(made) == [2]
    assert made.due(NOW) == NOW + timedelta(seconds=60)
    assert drained(made, NOW + timedelta(seconds=60)) == [1]


def test_gone_ends_the_lane() -> None:
    """Nothing is taken any more, and what was on its way is not settled."""
    made = lane(p(1), p(2))
    assert step(made, Gone("410")) == (1, "gone")
    assert made.has_ended
    assert made.take(NOW) is made.due(NOW) is None
    assert not made.runs_low
    assert settled(made) == (0, ())


def test_a_failure_lets_the_whole_lane_wait() -> None:
    """Longer each time; a success ends it."""
    made, now = lane(p(1), p(2)), NOW
    for wait_s in (2, 4, 8):
        assert step(made, Later("down"), now)[1] == "later"
        assert made.due(now) == now + timedelta(seconds=wait_s)
        assert made.take(now + timedelta(seconds=wait_s - 0.1)) is None
        now += timedelta(seconds=wait_s)
    assert (made.failures, made.failing_since) == (3, NOW)
    step(made, Delivered(), now)
    assert (made.failures, made.failing_since, made.resume_at) == (0, None, None)


def test_a_failure_may_come_with_progress() -> None:
    """A batch that failed in its middle keeps what is done; None changes nothing."""
    made, now = lane(p(1)), NOW
    step(made, Later("429", progress="a"), now)
    now += timedelta(minutes=1)
    step(made, Later("429"), now)
    assert made.progress(1) == "a"


def test_after_some_failures_another_thread_is_tried() -> None:
    """Only so can one learn whether it is the peer or the message."""
    made, now, tried = lane(p(1, priority=FLASH), p(2)), NOW, []
    for _ in range(4):
        now = made.resume_at or now
        tried.append(step(made, Later("500"), now)[0])
    assert tried == [1, 1, 1, 2]


def test_a_bad_message_waits_alone_and_is_given_up() -> None:
    """Its failures are its own while the peer takes others: the lane does not rest for them, and they are counted."""
    made, now = lane(p(1, "bad", FLASH), p(2, "bad", FLASH)), NOW
    assert step(made, Later("500"), now) == (1, "later")
    assert made.is_resting(now)
    for seq, word in enumerate(["later"] * (Policy().faults - 1) + ["gave_up"], 10):
        now += timedelta(minutes=10)
        made.resume_at = None
        made.offer(p(seq, priority=FLASH))
        made.in_flight = p(seq)  # another one went meanwhile
        made.settle(Delivered(), now=now, jitter=0.0)
        assert step(made, Later("500"), now) == (1, word)
        assert not made.is_resting(now)
    assert step(made, Delivered(), now)[0] == 2


def test_a_peer_that_goes_down_is_not_the_fault_of_the_message() -> None:
    """One success is an alibi once: failures after it without another one let the lane rest, and are not counted."""
    made, now = lane(p(1, priority=FLASH), p(2)), NOW
    for _ in range(3):
        now = made.resume_at or now
        assert step(made, Later("500"), now) == (1, "later")
    now = made.resume_at or now
    assert step(made, Delivered(), now) == (2, "delivered")
    for _ in range(3 * Policy().faults):
        now += timedelta(minutes=10)
        assert step(made, Later("500"), now) == (1, "later")
    assert made.is_resting(now)


def test_who_asks_for_time_speaks_of_himself() -> None:
    """429 with Retry-After is no fault of the message, however often it comes between successes."""
    made, now = lane(p(1, priority=FLASH)), NOW
    for seq in range(2, 30):
        assert step(made, Later("429", retry_after_s=5), now) == (1, "later")
        assert made.is_resting(now + timedelta(seconds=1.9))
        made.offer(p(seq, priority=FLASH))
        now += timedelta(hours=1)
        parcel = made.take(now)
        assert parcel is not None
        if parcel.seq == 1:
            made.settle(Later("429", retry_after_s=5), now=now, jitter=0.0)
            now += timedelta(hours=1)
            parcel = made.take(now)
        assert parcel is not None
        made.settle(Delivered(), now=now, jitter=0.0)
        if parcel.seq == 1:
            return
        now += timedelta(seconds=1)


def test_an_unlucky_message_is_given_up_after_days() -> None:
    """A quiet lane cannot learn whose fault it is; it must not hold a thread for ever."""
    made = lane(p(1))
    step(made, Later("500"))
    later = NOW + timedelta(hours=72)
    assert step(made, Later("500"), later) == (1, "gave_up")
    assert settled(made) == (1, ())


# --- the newest only -------------------------------------------------------------------------------------------


def test_a_newer_one_takes_the_place_of_what_waits() -> None:
    """Of its thread only; the places are settled."""
    made = lane(p(1, "t"), p(2, "t"), p(3))
    assert made.offer(p(4, "t", FLASH, replaces=True)) == (p(1, "t"), p(2, "t"))
    assert settled(made) == (2, ())
    assert drained(made) == [4, 3]


@pytest.mark.parametrize("outcome", [Partly("half"), Later("down")])
def test_a_newer_one_takes_the_place_of_what_is_out_in_part(outcome: Outcome) -> None:
    """The rest of it, or another try, would tell what does not hold any more."""
    made = lane(p(1, "t"))
    made.take(NOW)
    assert made.offer(p(2, "t", replaces=True)) == ()
    made.settle(outcome, now=NOW, jitter=0.0)
    assert settled(made) == (1, ())
    assert made.progress(1) == ""
    assert drained(made, NOW + timedelta(hours=1)) == [2]


# --- room ------------------------------------------------------------------------------------------------------


def test_a_lane_that_overflows_drops_all_and_is_behind() -> None:
    """What it has kept of its peer stays; the history begins at the cursor again."""
    made = lane(p(1), p(2, priority=FLASH), p(3), capacity=3)
    step(made, Delivered())
    made.offer(p(4))
    made.scan(9)
    assert not made.has_room
    made.offer(p(5))
    assert made.is_behind
    assert made.runs_low
    assert (len(made), made.scanned, settled(made)) == (0, 0, (0, ((2, 2),)))
    for seq in (1, 3, 4, 5):
        made.offer(p(seq))
        assert seq == 5 or made.is_known(seq)


def test_what_is_on_its_way_survives_an_overflow() -> None:
    """Settled, it is settled; failed, it goes before what came of its thread meanwhile."""
    made = lane(p(1, "t"))
    made.take(NOW)
    made.fall_behind()
    made.offer(p(1, "t"))
    made.offer(p(2, "t"))
    assert len(made) == 1
    made.settle(Partly("half"), now=NOW, jitter=0.0)
    assert drained(made) == [1, 2]


def test_the_urgent_takes_the_room_of_the_least_urgent() -> None:
    """A whole other thread goes, the least urgent and newest; nothing goes for what is not more urgent."""
    made = lane(p(1, "a", ROUTINE), p(2, "b", PROMPT), p(3, "c", ROUTINE), capacity=3)
    made.is_behind = True
    made.scan(9)
    assert not made.yield_to((False, ROUTINE), "d")
    assert made.yield_to((False, FLASH), "d")
    assert (made.is_known(1), made.is_known(2), made.is_known(3), made.scanned) == (True, True, False, 0)
    assert made.yield_to((False, ROUTINE), "d"), "there is room"
    made.offer(p(4, "c", ROUTINE))
    assert not made.yield_to((False, PROMPT), "c") or not made.is_known(1)


def test_a_lane_that_is_behind_keeps_nothing_for_a_peer_that_is_down() -> None:
    """When it is back, what is most urgent then goes first."""
    made = lane(p(1), p(2))
    made.is_behind = True
    step(made, Later("down"))
    assert len(made) == 1, "only what was tried"
    assert made.runs_low


def test_exceptions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane with too many of them takes nothing more out of order."""
    monkeypatch.setattr(lanes, "_RAGGED", 2)
    made = lane()
    made.pass_over(2)
    assert not made.is_ragged
    made.pass_over(4)
    assert made.is_ragged


def test_what_the_log_lost_is_passed() -> None:
    """Its progress goes with it."""
    made = lane(p(1), p(2))
    step(made, Partly("half"))
    made.lose(1)
    assert made.state() == LaneState(lane="a", cursor=Cursor("e", 1))
    assert made.scanned == 1


def test_what_waited_alone_and_was_dropped_wakes_nobody() -> None:
    """A thread whose place another one took is not woken at its old time."""
    made = lane(p(1), p(2, priority=FLASH), capacity=2)
    step(made, Delivered())
    step(made, Partly("half", retry_after_s=5))
    assert made.rank(NOW) is None
    made.offer(p(3))
    assert made.yield_to((False, FLASH), "t3")
    made.offer(p(4, "t3"))
    assert drained(made, NOW + timedelta(seconds=5)) == [3, 4]
    assert (made.floor, settled(made)) == (0, (0, ((2, 4),)))


def test_a_replay_owes_everything_again() -> None:
    """From a position on, at once, as if its peer had never had it."""
    made = lane(p(1), p(2), p(3))
    drained(made)
    made.offer(p(4))
    step(made, Later("down"))
    made.rewind(1)
    assert made.state() == LaneState(lane="a", cursor=Cursor("e", 1))
    assert made.runs_low
    assert not made.is_known(2)
