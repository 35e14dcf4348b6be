"""The dispatcher over a real store and a real loop: deliveries and failures; the peers are told what to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial

from lalert.core.delivery import Delivered, Gone, LaneState, Later, Outcome, Refused, Tally
from lalert.core.model import Entry, Priority, Subscription
from lalert.core.retry import Policy
from tests.contract.making import cancel, message, update
from tests.courier.desk import QUICK, Desk, Gate, Hands, attempts, eventually, saved, urgent

FAULTS = Policy().faults


# --- delivery --------------------------------------------------------------------------------------------------


async def test_every_lane_gets_what_it_wants_once(desk: Desk) -> None:
    """New entries go to each lane whose subscription lets them pass, in order, and are noted."""
    hands = Hands("a", "b")
    hands.specs["b"] = replace(hands.specs["b"], subscription=Subscription(areas=frozenset({"131017"})))
    dispatcher = await desk.start(hands)
    entries = await desk.publish(message("x"), message("y", place=1))
    await hands.until(lambda: len(hands.taken) == 3)
    assert (hands.got("a"), hands.got("b")) == (["x", "y"], ["y"])
    found = await attempts(desk, 3)
    assert {(a.lane, a.seq, a.identifier, a.outcome) for a in found} == {
        ("a", 1, "x", "delivered"),
        ("a", 2, "y", "delivered"),
        ("b", 2, "y", "delivered"),
    }
    assert all(a.tally == Tally(sent=1) and a.took_s >= 0 for a in found)
    await desk.stop(dispatcher)
    assert await saved(desk, "a") == LaneState(lane="a", cursor=entries[-1].cursor)
    assert await saved(desk, "b") == LaneState(lane="b", cursor=entries[-1].cursor)


async def test_a_cancel_never_overtakes_its_alert(desk: Desk) -> None:
    """While the Alert is retried its Cancel waits, however urgent; other threads go on."""
    failures = Counter[str]()

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        identifier = entry.alert.identifier
        failures[identifier] += 1
        return Later("500") if identifier == "x" and failures["x"] < 4 else Delivered()

    hands = Hands("a", send=send)
    await desk.start(hands)
    x = message("x")
    await desk.publish(x)
    await hands.until(lambda: failures["x"])
    await desk.publish(urgent(cancel("c", x), Priority.FLASH), message("y"))
    await hands.until(lambda: len(hands.taken) == 3)
    got = hands.got("a")
    assert got.index("x") < got.index("c")
    assert sorted(got) == ["c", "x", "y"]


async def test_the_most_urgent_goes_next(desk: Desk) -> None:
    """What waits behind a slow delivery leaves by urgency, not by age."""
    gate = Gate()
    hands = Hands("a", send=gate)
    await desk.start(hands)
    await desk.publish(urgent(message("first"), Priority.ROUTINE))
    await hands.until(lambda: hands.sent)
    await desk.publish(
        urgent(message("routine"), Priority.ROUTINE),
        urgent(message("prompt"), Priority.PROMPT),
        urgent(message("flash"), Priority.FLASH),
    )
    gate.open.set()
    await hands.until(lambda: len(hands.taken) == 4)
    assert hands.got("a") == ["first", "flash", "prompt", "routine"]


async def test_one_in_flight_a_lane(desk: Desk) -> None:
    """A peer never has two requests at a time, however long one takes and whatever waits for it."""
    gate = Gate()

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        return await gate(lane, entry, progress) if lane == "slow" else Delivered()

    hands = Hands("slow", "quick", send=send)
    await desk.start(hands)
    for number in range(30):
        await desk.publish(message(f"m{number}"))
    await hands.until(lambda: len(hands.got("quick")) == 30)
    assert [lane for lane, *_ in hands.sent].count("slow") == 1
    gate.open.set()
    await hands.until(lambda: len(hands.got("slow")) == 30)


async def test_bulk_leaves_places_for_the_urgent(desk: Desk) -> None:
    """Routine deliveries that hang fill their share of the places and no more: a level 5 starts at once."""
    gate = Gate()

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        return Delivered() if entry.priority is Priority.FLASH else await gate(lane, entry, progress)

    hands = Hands(*(f"l{number}" for number in range(30)), send=send)
    await desk.start(hands, settings=replace(QUICK, concurrency=10))
    await desk.publish(urgent(message("routine"), Priority.ROUTINE))
    await hands.until(lambda: len(hands.sent) == 6)
    await desk.publish(urgent(message("flash", place=1), Priority.FLASH))
    await hands.until(lambda: len(hands.taken) == 24)  # all but those whose peer still has the other one
    assert {identifier for _, identifier in hands.taken} == {"flash"}
    gate.open.set()
    await hands.until(lambda: len(hands.taken) == 60)


async def test_dead_peers_hold_up_nobody(desk: Desk) -> None:
    """Lanes that failed try again in places of their own; a living peer gets the next alert while they hang."""
    dead = [f"dead{number}" for number in range(20)]
    gate, tries = Gate(), Counter[str]()

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        tries[lane] += 1
        if lane == "alive":
            return Delivered()
        if tries[lane] > 1:
            await gate.open.wait()
        return Later("timeout")

    hands = Hands(*dead, "alive", send=send)
    await desk.start(hands, settings=replace(QUICK, concurrency=8))
    await desk.publish(message("x"))
    await hands.until(lambda: sum(tries[lane] > 1 for lane in dead) == 2)  # a quarter of eight places
    await desk.publish(message("y"))
    await hands.until(lambda: hands.got("alive") == ["x", "y"])
    gate.open.set()


# --- failures --------------------------------------------------------------------------------------------------


async def test_a_peer_that_was_down_gets_everything(desk: Desk) -> None:
    """What came meanwhile is delivered afterwards, once, the threads in their order."""
    is_up = False

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        return Delivered() if is_up else Later("down")

    hands = Hands("a", send=send)
    await desk.start(hands)
    x = message("x")
    await desk.publish(x, message("y"))
    await hands.until(lambda: len(hands.sent) >= 3)
    await desk.publish(update("x2", x))
    is_up = True
    await hands.until(lambda: len(hands.taken) == 3)
    assert Counter(hands.got("a")) == Counter(["x", "y", "x2"])
    assert hands.got("a").index("x") < hands.got("a").index("x2")


async def test_a_peer_that_is_back_hears_though_the_clock_was_set_back(desk: Desk) -> None:
    """A retry is due after its wait, and not when the old time comes again."""

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        return Later("down") if len(hands.sent) == 1 else Delivered()

    hands = Hands("a", send=send)
    await desk.start(hands)
    await desk.publish(message("x"))
    await hands.until(lambda: hands.sent)
    desk.clock_off = -timedelta(hours=1)
    await hands.until(lambda: hands.taken)


async def test_one_bad_message_does_not_block_a_peer(desk: Desk) -> None:
    """It is given up after a few failures of its own, and noted so; everything else is through long before."""

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        return Later("500") if entry.alert.identifier == "bad" else Delivered()

    hands = Hands("a", send=send)
    dispatcher = await desk.start(hands)
    await desk.publish(urgent(message("bad"), Priority.FLASH), *(message(f"m{number}") for number in range(5)))
    await hands.until(lambda: len(hands.taken) == 5)
    for number in range(FAULTS):  # only others that the peer takes can show that it is not the peer
        failures = len(hands.sent) - len(hands.taken)
        await desk.publish(message(f"more{number}"))
        await hands.until(lambda number=number: f"more{number}" in hands.got("a"))
        await hands.until(lambda failures=failures: len(hands.sent) - len(hands.taken) > failures)
    found = await eventually(
        partial(desk.store.attempts, identifier="bad", limit=1000),
        lambda found: found[-1:] and found[-1].outcome != "later",
    )
    assert {(line.outcome, line.reason) for line in found} == {("later", "500"), ("gave_up", "500")}
    await desk.stop(dispatcher)
    assert (await saved(desk, "a")).settled == ()


async def test_a_refusal_is_noted_and_final(desk: Desk) -> None:
    """What a peer refuses is not sent again."""

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        return Refused("400") if entry.alert.identifier == "x" else Delivered()

    hands = Hands("a", send=send)
    await desk.start(hands)
    await desk.publish(message("x"), message("y"))
    await hands.until(lambda: hands.taken)
    assert [line.outcome for line in await attempts(desk, 2)] == ["refused", "delivered"]
    assert [identifier for _, identifier, _ in hands.sent] == ["x", "y"]


async def test_that_nobody_was_concerned_is_not_noted(desk: Desk) -> None:
    """Shards in which an alert concerns nobody do not fill the delivery log."""

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        return Delivered(Tally()) if lane == "a" else Delivered()

    hands = Hands("a", "b", send=send)
    dispatcher = await desk.start(hands)
    await desk.publish(message("x"))
    await hands.until(lambda: len(hands.taken) == 2)
    await desk.stop(dispatcher)
    assert [line.lane for line in await desk.store.attempts()] == ["b"]
    assert (await saved(desk, "a")).cursor.seq == 1


async def test_gone_ends_the_lane(desk: Desk) -> None:
    """After 410 nothing more is sent; others go on."""

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        return Gone("410") if lane == "a" else Delivered()

    hands = Hands("a", "b", send=send)
    dispatcher = await desk.start(hands)
    await desk.publish(message("x"), message("y"))
    await hands.until(lambda: hands.got("b") == ["x", "y"])
    assert [identifier for lane, identifier, _ in hands.sent if lane == "a"] == ["x"]
    del hands.specs["a"]
    await dispatcher.refresh()
    assert dispatcher.state("a") is None
    await desk.stop(dispatcher)
    assert [state.lane for state in await desk.store.lanes()] == ["b"]


async def test_a_defect_of_a_courier_is_a_failure_like_any_other(desk: Desk) -> None:
    """An exception is tried again later; the dispatcher lives."""
    raised: list[str] = []

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        if not raised:
            raised.append(lane)
            raise RuntimeError("a bug")
        return Delivered()

    hands = Hands("a", send=send)
    await desk.start(hands)
    await desk.publish(message("x"))
    await hands.until(lambda: hands.taken)
    first, *_ = await attempts(desk, 2)
    assert (first.outcome, first.reason, first.identifier) == ("later", "defect", "x")
