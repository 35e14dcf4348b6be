"""Which lane goes next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lalert.core.delivery import Delivered, LaneState, Later, Partly, Tally
from lalert.core.lanes import Lane, Parcel
from lalert.core.model import Cursor, Priority
from lalert.core.retry import Policy
from lalert.core.roster import Roster

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def lane(name: str, *priorities: Priority) -> Lane:
    """Return a lane with one parcel, of a thread of its own, for each priority."""
    made = Lane(LaneState(lane=name, cursor=Cursor("e", 0)), capacity=10, policy=Policy())
    made.follow()
    for number, priority in enumerate(priorities, 1):
        made.offer(Parcel(number, f"t{number}", priority))
    return made


def roster(*lanes: Lane) -> Roster:
    """Return a roster of these lanes, lined up."""
    made = Roster()
    for one in lanes:
        made.add(one)
        made.note(one, NOW)
    return made


def order(made: Roster) -> list[str]:
    """Return the lanes in the order in which they go, one parcel each turn."""
    names = []
    while top := made.peek(failing=False):
        _, first = top
        first.take(NOW)
        made.note(first, NOW)
        names.append(first.id)
    return names


def test_the_most_urgent_lane_goes_first() -> None:
    """By what each would send next; first come, first served among equals."""
    made = roster(lane("a", Priority.ROUTINE), lane("b", Priority.FLASH, Priority.ROUTINE), lane("c", Priority.ROUTINE))
    assert order(made) == ["b", "a", "c"]


def test_what_becomes_urgent_moves_up() -> None:
    """A lane is lined up again when something more urgent comes into it; its old ticket is void."""
    a, b = lane("a", Priority.PROMPT), lane("b", Priority.ROUTINE)
    made = roster(a, b)
    b.offer(Parcel(9, "t9", Priority.FLASH))
    made.note(b, NOW)
    assert order(made) == ["b", "a"]


def test_lanes_that_failed_stand_apart() -> None:
    """Until their time they stand nowhere, then in the line of those that failed, and after a success with the rest."""
    a = lane("a", Priority.FLASH, Priority.ROUTINE)
    made = roster(a)
    a.take(NOW)
    a.settle(Later("down"), now=NOW, jitter=0.0)
    made.note(a, NOW)
    assert made.peek(failing=False) is made.peek(failing=True) is None
    due = made.alarm()
    assert due == NOW + timedelta(seconds=2)
    made.ring(NOW + timedelta(seconds=1.9))
    assert made.peek(failing=True) is None
    made.ring(due)
    assert made.peek(failing=True) == ((False, Priority.FLASH), a)
    assert made.alarm() is None
    a.take(due)
    made.note(a, due)
    a.settle(Delivered(), now=due, jitter=0.0)
    made.note(a, due)
    assert made.peek(failing=True) is None
    assert made.peek(failing=False) == ((False, Priority.ROUTINE), a)


def test_a_lane_has_one_alarm() -> None:
    """However often it is noted while it rests: twenty thousand entries must not set twenty thousand alarms."""
    a = lane("a", Priority.FLASH)
    made = roster(a)
    a.take(NOW)
    a.settle(Later("down"), now=NOW, jitter=0.0)
    for _ in range(100):
        made.note(a, NOW)
    assert len(made._alarms) == 1


def test_noting_twice_changes_nothing() -> None:
    """A lane keeps its place in the line as long as it has nothing more urgent."""
    a, b = lane("a", Priority.FLASH), lane("b", Priority.FLASH)
    made = roster(a, b)
    made.note(a, NOW)
    assert order(made) == ["a", "b"]


def test_an_earlier_time_rings_earlier() -> None:
    """The alarm that was set first for a later time does not hold the lane back."""
    a = lane("a", Priority.FLASH, Priority.ROUTINE)
    made = roster(a)
    a.resume_at = NOW + timedelta(seconds=10)
    made.note(a, NOW)
    a.resume_at = NOW + timedelta(seconds=5)
    made.note(a, NOW)
    assert made.alarm() == NOW + timedelta(seconds=5)
    made.ring(NOW + timedelta(seconds=5))
    assert made.peek(failing=False) is not None
    made.ring(NOW + timedelta(seconds=10))
    assert made.alarm() is None


def test_a_lane_that_is_held_stands_aside() -> None:
    """Whatever is noted about it, until it is released."""
    a = lane("a", Priority.FLASH)
    made = roster(a)
    made.hold(a)
    made.note(a, NOW)
    assert made.peek(failing=False) is None
    made.release(a, NOW)
    assert made.peek(failing=False) is not None


def test_a_lane_that_was_removed_goes_nowhere() -> None:
    """Its ticket and its alarm are void; another lane of its name is another lane."""
    a, b = lane("a", Priority.FLASH), lane("b", Priority.FLASH)
    made = roster(a, b)
    b.take(NOW)
    b.settle(Later("down"), now=NOW, jitter=0.0)
    made.note(b, NOW)
    made.remove("a")
    made.remove("b")
    made.note(a, NOW)
    made.ring(NOW + timedelta(days=1))
    assert made.peek(failing=False) is made.peek(failing=True) is made.get("a") is None
    assert list(made) == []
    assert len(made) == 0


def test_a_clock_that_is_set_back_makes_no_wait_longer() -> None:
    """A lane that rests is due as long after the change as it would have been without it; so is a message."""
    a, b = lane("a", Priority.FLASH), lane("b", Priority.FLASH, Priority.ROUTINE)
    made = roster(a, b)
    a.take(NOW)
    a.settle(Later("down"), now=NOW, jitter=0.0)
    made.note(a, NOW)
    first = b.take(NOW)
    assert first is not None
    b.settle(Partly("half", Tally(), retry_after_s=5), now=NOW, jitter=0.0)
    made.note(b, NOW)
    assert order(made) == ["b"]
    b.settle(Delivered(), now=NOW, jitter=0.0)
    made.note(b, NOW)
    back = timedelta(hours=1)
    made.set_back(back, NOW - back)
    assert made.alarm() == NOW - back + timedelta(seconds=2)
    made.ring(NOW - back + timedelta(seconds=1.9))
    assert made.peek(failing=False) is made.peek(failing=True) is None
    made.ring(NOW - back + timedelta(seconds=5))
    tops = [made.peek(failing=failing) for failing in (True, False)]
    assert [top[1].id for top in tops if top is not None] == ["a", "b"]
