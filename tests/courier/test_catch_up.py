"""The dispatcher after a crash, behind the log, while lanes and the store change: nothing is lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lalert.core.delivery import Delivered, LaneState, Later, Outcome, Partly, Tally
from lalert.core.model import Cursor, Entry, Priority, Subscription
from lalert.courier import feed, saving
from lalert.errors import Text, Unavailable
from lalert.publishers.faces import Faces
from lalert.publishers.tail import Tail
from tests.contract.making import START, cancel, message, update
from tests.courier.desk import QUICK, Desk, Gate, Hands, attempts, eventually, saved, urgent

# --- catch-up --------------------------------------------------------------------------------------------------


async def test_start_up_is_catch_up(desk: Desk) -> None:
    """What came while no dispatcher ran is delivered by the next, what it had already is not."""
    hands = Hands("a")
    dispatcher = await desk.start(hands)
    await desk.publish(message("x"))
    await hands.until(lambda: hands.taken)
    await desk.stop(dispatcher)
    await desk.publish(message("y"))
    await desk.start(hands)
    await hands.until(lambda: len(hands.taken) == 2)
    assert hands.got("a") == ["x", "y"]


async def test_a_crash_repeats_what_was_not_saved_and_loses_nothing(desk: Desk) -> None:
    """Killed again and again in the middle, everything comes, in the order of its thread."""
    hands = Hands(*(f"l{number}" for number in range(5)))
    last = message("t0")
    drafts = [last]
    for number in range(1, 20):
        last = update(f"t{number}", last)
        drafts.append(last)
    for batch in range(10):
        dispatcher = await desk.start(hands, settings=replace(QUICK, save_s=0.0))
        await desk.publish(*drafts[batch * 2 : batch * 2 + 2], message(f"other{batch}"))
        seen = len(hands.taken)
        await hands.until(lambda seen=seen: len(hands.taken) > seen)
        await desk.kill(dispatcher)
    await desk.start(hands)
    names = {draft.alert.identifier for draft in drafts} | {f"other{batch}" for batch in range(10)}
    await hands.until(lambda: all(names <= set(hands.got(lane)) for lane in hands.specs))
    for lane in hands.specs:
        firsts = [identifier for identifier in dict.fromkeys(hands.got(lane)) if identifier.startswith("t")]
        assert firsts == [draft.alert.identifier for draft in drafts]


async def test_batches_go_on_after_a_crash_where_they_were(desk: Desk) -> None:
    """Progress is durable before the next batch begins: a crash repeats one batch at most."""
    killed_at = 3
    batches: list[str] = []
    reached = asyncio.Event()

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        batches.append(progress)
        number = int(progress or 0)
        if number == killed_at and batches.count(progress) == 1:
            reached.set()
            await asyncio.Event().wait()
        return Partly(str(number + 1), Tally(sent=100)) if number < 6 else Delivered(Tally(sent=100))

    hands = Hands("a", send=send)
    dispatcher = await desk.start(hands)
    await desk.publish(message("x"))
    await reached.wait()
    await desk.kill(dispatcher)
    await desk.start(hands)
    await hands.until(lambda: hands.taken)
    assert batches == ["", "1", "2", "3", "3", "4", "5", "6"]
    lines = await attempts(desk, 7)
    assert [line.outcome for line in lines] == ["partly"] * 6 + ["delivered"]
    assert sum(line.tally.sent for line in lines) == 700


async def test_the_urgent_goes_between_two_batches(desk: Desk) -> None:
    """A level 5 waits for one batch of a bulk push, not for the push."""
    order: list[str] = []
    begun, said = asyncio.Event(), asyncio.Event()

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        order.append(entry.alert.identifier + progress)
        begun.set()
        await said.wait()
        if entry.alert.identifier == "flash" or progress == "3":
            return Delivered()
        return Partly(str(int(progress or 0) + 1))

    hands = Hands("a", send=send)
    await desk.start(hands)
    await desk.publish(urgent(message("bulk"), Priority.PROMPT))
    await begun.wait()
    await desk.publish(urgent(message("flash"), Priority.FLASH))
    said.set()
    await hands.until(lambda: len(hands.taken) == 2)
    assert order.index("flash") < order.index("bulk3")
    assert [name for name in order if name.startswith("bulk")] == ["bulk", "bulk1", "bulk2", "bulk3"]


async def test_of_a_thread_residents_get_the_newest_only(desk: Desk) -> None:
    """Where a lane asks for it, an Update takes the place of what waits and of what is out in part.

    A silent correction takes nobody's place: nobody is told by it.
    """
    begun, said = asyncio.Event(), asyncio.Event()

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        begun.set()
        await said.wait()
        return Partly("1") if entry.alert.identifier == "x" else Delivered()

    hands = Hands("a", send=send)
    hands.specs["a"] = replace(hands.specs["a"], newest_only=True)
    dispatcher = await desk.start(hands)
    x = message("x")
    y = update("y", x)
    await desk.publish(x)
    await begun.wait()
    z = update("z", y)
    await desk.publish(y, z, replace(update("silent", z), silent=True))
    await attempts(desk, 1)  # the line about the one that was replaced
    said.set()
    await hands.until(lambda: len(hands.taken) == 2)
    assert hands.got("a") == ["z", "silent"]
    await desk.stop(dispatcher)
    lines = await desk.store.attempts(lane="a")
    assert [(line.seq, line.outcome) for line in lines] == [(2, "replaced"), (3, "delivered"), (4, "delivered")]
    assert await saved(desk, "a") == LaneState(lane="a", cursor=Cursor("test", 4))


async def test_a_lane_that_overflows_reads_the_log_what_holds_first(desk: Desk) -> None:
    """Far behind, the threads that hold come first, the most urgent first; then all the rest. Nothing is lost."""
    is_up = False

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        return Delivered() if is_up else Later("down")

    hands = Hands("a", send=send)
    await desk.start(hands, settings=replace(QUICK, lane_entries=16))
    old = [urgent(message(f"old{number}"), Priority.FLASH) for number in range(60)]
    for draft in old:
        await desk.publish(draft, cancel(f"end-{draft.alert.identifier}", draft))
    await desk.publish(urgent(message("holds"), Priority.ROUTINE), urgent(message("urgent"), Priority.URGENT))
    is_up = True
    await hands.until(lambda: len(set(hands.got("a"))) == 122)
    got = hands.got("a")
    assert len(got) == 122
    for draft in old:
        name = draft.alert.identifier
        assert got.index(name) < got.index(f"end-{name}")
    # At most what waited when the peer came back goes before them.
    assert got.index("urgent") < 20
    assert got.index("holds") < 20


async def test_a_lane_reads_the_log_where_memory_does_not_reach(tmp_path: Path) -> None:
    """A new lane that begins far back gets everything since, from the store and then from the tail."""
    desk = await Desk.open(tmp_path, tail_entries=4)
    for number in range(250):
        await desk.publish(message(f"m{number:03}"))
    hands = Hands("a")
    await desk.start(hands, settings=replace(QUICK, lane_entries=50))
    await hands.until(lambda: len(hands.taken) == 250)
    assert sorted(hands.got("a")) == [f"m{number:03}" for number in range(250)]
    await desk.close()


async def test_what_retention_has_dropped_is_said_aloud(desk: Desk) -> None:
    """A lane that comes back too late goes on with what there is, and the delivery log says what is missing."""
    await desk.publish(*(message(f"m{number}", at=START - timedelta(days=40)) for number in range(3)))
    x = message("x")
    await desk.publish(*(cancel(f"c{number}", message(f"m{number}")) for number in range(3)), x)
    await desk.store.prune(START - timedelta(days=30))
    desk.tail = Tail(head=desk.tail.head, limit=10)
    hands = Hands("a")
    await desk.start(hands)
    await hands.until(lambda: len(hands.taken) == 4)
    assert set(hands.got("a")) == {"c0", "c1", "c2", "x"}
    [lost] = [line for line in await attempts(desk, 5) if line.outcome == "lost"]
    assert (lost.seq, lost.reason) == (3, "after 0")


# --- changes ---------------------------------------------------------------------------------------------------


async def test_lanes_come_and_go_while_it_runs(desk: Desk) -> None:
    """A new lane begins after its `since`, a removed one gets nothing more and leaves nothing behind."""
    hands = Hands("a")
    dispatcher = await desk.start(hands)
    [x] = await desk.publish(message("x"))
    await hands.until(lambda: hands.got("a") == ["x"])
    hands.specs["b"] = replace(hands.specs["a"], id="b", since=x.cursor)
    del hands.specs["a"]
    await dispatcher.refresh()
    await desk.publish(message("y"))
    await hands.until(lambda: hands.got("b") == ["y"])
    assert hands.got("a") == ["x"]
    assert not await dispatcher.replay("a", 0)
    await desk.stop(dispatcher)
    assert [state.lane for state in await desk.store.lanes()] == ["b"]


async def test_a_changed_subscription_holds_for_what_waits(desk: Desk) -> None:
    """What was queued under the old filter is asked again under the new one."""
    gate = Gate()
    hands = Hands("a", send=gate)
    dispatcher = await desk.start(hands)
    await desk.publish(message("x"), message("y"), message("z", place=1))
    await hands.until(lambda: hands.sent)
    hands.specs["a"] = replace(hands.specs["a"], subscription=Subscription(areas=frozenset({"131017"})))
    await dispatcher.refresh()
    gate.open.set()
    await hands.until(lambda: len(hands.taken) == 2)
    assert hands.got("a") == ["x", "z"]


async def test_replay_sends_again_what_came_since(desk: Desk) -> None:
    """A peer that lost its data may ask for everything after a position."""
    hands = Hands("a")
    dispatcher = await desk.start(hands)
    await desk.publish(message("x"), message("y"), message("z"))
    await hands.until(lambda: len(hands.taken) == 3)
    assert await dispatcher.replay("a", 1)
    await hands.until(lambda: len(hands.taken) == 5)
    assert hands.got("a") == ["x", "y", "z", "y", "z"]


async def test_a_restored_log_is_followed_from_its_end(desk: Desk) -> None:
    """A lane of the log's other epoch, ahead of it, must not skip what is new under the same positions."""
    await desk.publish(message("x"))
    await desk.store.save_lanes([LaneState(lane="a", cursor=Cursor("gone", 50), settled=((60, 61),))])
    hands = Hands("a")
    await desk.start(hands)
    await desk.publish(message("y"))
    await hands.until(lambda: hands.taken)
    assert hands.got("a") == ["y"]


# --- the store fails -------------------------------------------------------------------------------------------


async def test_alerts_go_out_while_the_store_does_not_save(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliveries and batches go on; what happened is saved once the store writes again."""
    is_full = True
    write = desk.store.save_lanes

    async def save_lanes(states: object, under: object) -> None:
        if is_full:
            raise Unavailable(Text("満杯", "full"), code="store.full")
        await write(states)  # type: ignore[arg-type]

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        return Delivered() if progress else Partly("1")

    monkeypatch.setattr(desk.store, "save_lanes", save_lanes)
    hands = Hands("a", send=send)
    await desk.start(hands)
    await desk.publish(message("x"), message("y"))
    await hands.until(lambda: len(hands.taken) == 2)
    is_full = False
    await eventually(desk.store.lanes, lambda states: any(state.cursor.seq == 2 for state in states))


async def test_the_log_that_cannot_be_read_is_read_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane that is behind waits for the store; it is not given up."""
    await desk.publish(message("x"))
    desk.tail = Tail(head=desk.tail.head, limit=10)
    read, failures = desk.store.read, 1

    async def flaky(after: int, limit: int) -> object:
        nonlocal failures
        if failures:
            failures -= 1
            raise Unavailable(Text("読めません", "unreadable"), code="store.io")
        return await read(after, limit)

    monkeypatch.setattr(desk.store, "read", flaky)
    hands = Hands("a")
    await desk.start(hands)
    await hands.until(lambda: hands.taken)
    assert hands.got("a") == ["x"]


async def test_a_defect_while_feeding_costs_time_and_no_alert(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was not offered an entry reads it in the log."""
    reaches, failures = feed.reaches, 1

    def flaky(*arguments: object) -> bool:
        nonlocal failures
        if failures:
            failures -= 1
            raise RuntimeError("a bug")
        return reaches(*arguments)  # type: ignore[arg-type]

    hands = Hands("a", "b")
    await desk.start(hands)
    monkeypatch.setattr(feed, "reaches", flaky)
    await desk.publish(message("x"))
    await hands.until(lambda: len(hands.taken) == 2)
    assert (hands.got("a"), hands.got("b")) == (["x"], ["x"])


async def test_what_retention_drops_while_it_waits_is_lost_aloud(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parcel whose entry is not kept any more is settled as lost, and the next one goes."""

    async def faces(source: feed.Source, seq: int) -> Faces | None:
        return None if seq == 1 else await read(source, seq)

    read = feed.Source.faces
    monkeypatch.setattr(feed.Source, "faces", faces)
    hands = Hands("a")
    await desk.start(hands)
    await desk.publish(message("x"), message("y"))
    await hands.until(lambda: hands.taken)
    assert hands.got("a") == ["y"]
    lost, _ = await attempts(desk, 2)
    assert (lost.seq, lost.outcome, lost.reason) == (1, "lost", "retention")


async def test_what_is_in_force_is_sent_though_the_log_begins_after_it(desk: Desk) -> None:
    """Retention takes a message in force out of the log, not out of the world."""
    await desk.publish(message("x", at=START - timedelta(days=40)))
    await desk.publish(message("y", place=1))
    await desk.store.prune(START - timedelta(days=30))
    desk.tail = Tail(head=desk.tail.head, limit=10)
    hands = Hands("a")
    await desk.start(hands)
    await hands.until(lambda: len(hands.taken) == 2)
    assert sorted(hands.got("a")) == ["x", "y"]


async def test_cursors_of_lanes_that_want_little_are_saved_in_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash must not make a lane read all again that it had passed over."""
    monkeypatch.setattr(saving, "_MOVES", 5)
    hands = Hands("a")
    hands.specs["a"] = replace(hands.specs["a"], subscription=Subscription(areas=frozenset({"47"})))
    await desk.start(hands)
    await desk.publish(*(message(f"m{number}") for number in range(5)))
    await eventually(desk.store.lanes, lambda states: any(state.cursor.seq == 5 for state in states))
    assert not hands.sent


async def test_a_lane_that_is_dropped_while_it_sends_leaves_nothing(desk: Desk) -> None:
    """What comes back for it afterwards is nobody's."""
    gate = Gate()
    hands = Hands("a", send=gate)
    dispatcher = await desk.start(hands)
    await desk.publish(message("x"))
    await hands.until(lambda: hands.sent)
    del hands.specs["a"]
    await dispatcher.refresh()
    gate.open.set()
    await hands.until(lambda: hands.taken)
    await desk.stop(dispatcher)
    assert await desk.store.lanes() == await desk.store.attempts() == []


# --- figures ---------------------------------------------------------------------------------------------------


async def test_the_lag_of_every_way_is_measured(desk: Desk) -> None:
    """How far the slowest lane is behind, how many fail, and how long a delivery takes, by way out."""

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        return Later("down") if lane == "a" else Delivered()

    hands = Hands("a", "b", send=send)
    dispatcher = await desk.start(hands)
    await desk.publish(message("x"), message("y"))
    await attempts(desk, 3)
    dispatcher.observe()
    page = desk.metrics.page().decode()
    assert 'lalert_push_lanes{realm="live",way="test"} 2.0' in page
    assert 'lalert_push_lag_entries{realm="live",way="test"} 2.0' in page
    assert 'lalert_push_failing_lanes{realm="live",way="test"} 1.0' in page
    assert 'lalert_push_attempts_total{outcome="delivered",realm="live",way="test"} 2.0' in page
    assert 'lalert_push_seconds_count{priority="urgent",realm="live",way="test"} 2.0' in page
