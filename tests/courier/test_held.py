"""Lanes come with the shares that a node holds and go with them; what another node took over is let go, unsaved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lalert.core.delivery import Delivered, LaneState, Outcome
from lalert.core.model import Entry
from lalert.core.shares import Deed, share_of
from lalert.courier.feed import Source
from lalert.publishers.faces import Faces
from lalert.store.nodes import Fenced
from tests.contract.making import message, update
from tests.courier.desk import Desk, Hands, eventually, saved

A, B = share_of("a"), share_of("b")
MINE, LATER = Deed("here", 1), Deed("here", 2)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A realm without a hub."""
    made = await Desk.open(tmp_path)
    yield made
    await made.close()


async def test_only_lanes_of_held_shares_are_served(desk: Desk) -> None:
    """A lane whose share is let go gets nothing more and is not forgotten; it goes on where it was when it is back."""
    hands = Hands("a", "b")
    dispatcher = await desk.start(hands)
    await desk.publish(message("x"))
    await hands.until(lambda: hands.got("a") == hands.got("b") == ["x"])
    await eventually(desk.store.lanes, lambda lanes: [lane.cursor.seq for lane in lanes] == [1, 1])
    await dispatcher.hold({B: MINE})
    assert dispatcher.state("a") is None
    await desk.publish(message("y"))
    await hands.until(lambda: hands.got("b") == ["x", "y"])
    assert (await saved(desk, "a")).cursor.seq == 1
    await dispatcher.hold({A: LATER, B: MINE})
    await hands.until(lambda: hands.got("a") == ["x", "y"])


async def test_drain_finishes_saves_and_lets_go(desk: Desk) -> None:
    """What is under way ends and is kept; what waits behind it is not begun."""
    may_end, begun = asyncio.Event(), asyncio.Event()

    async def send(lane: str, entry: Entry, progress: str) -> Outcome:
        begun.set()
        await may_end.wait()
        return Delivered()

    hands = Hands("a", send=send)
    dispatcher = await desk.start(hands)
    await desk.publish(message("x"), message("y"))
    await begun.wait()
    draining = asyncio.create_task(dispatcher.drain({A}))
    await desk.publish(message("z"))
    may_end.set()
    await draining
    assert hands.got("a") == ["x"]
    assert (await saved(desk, "a")).cursor.seq == 1
    await dispatcher.hold({A: LATER})
    await hands.until(lambda: hands.got("a") == ["x", "y", "z"])


async def test_what_another_node_took_over_is_let_go(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused state is not saved, its lane ends here, the node looks at once, and other lanes are saved."""
    refused: list[str] = []
    write = desk.store.save_lanes

    async def save_lanes(states: Sequence[LaneState], under: Mapping[str, Deed] = {}) -> None:
        if A in under:
            refused.extend(under)
            raise Fenced({A})
        await write(states, under)

    monkeypatch.setattr(desk.store, "save_lanes", save_lanes)
    hands, looked = Hands("a", "b"), asyncio.Event()
    dispatcher = await desk.start(hands)
    dispatcher.on_fenced = looked.set
    await desk.publish(message("x"))
    await looked.wait()
    await eventually(desk.store.lanes, lambda lanes: [lane.lane for lane in lanes] == ["b"])
    await hands.until(lambda: dispatcher.state("a") is None or hands.sent.clear())
    assert dispatcher.state("b") is not None
    assert A in refused


async def test_nothing_is_begun_while_the_leases_are_not_secure(desk: Desk) -> None:
    """A node that could not renew in time waits, and goes on when it is woken."""
    is_secure = False
    hands = Hands("a")
    dispatcher = await desk.start(hands)
    dispatcher.is_secure = lambda: is_secure
    await desk.publish(message("x"))
    await eventually(desk.store.span, lambda span: span.head.seq == 1)
    await dispatcher.flush()
    assert hands.sent == []
    is_secure = True
    dispatcher.wake()
    await hands.until(lambda: hands.got("a") == ["x"])


async def test_what_was_let_go_while_it_was_read_is_not_sent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane that is another's by the time its entry was read sends nothing, and that is no defect."""
    hands, reading, may_go_on = Hands("a"), asyncio.Event(), asyncio.Event()
    dispatcher = await desk.start(hands)
    faces = Source.faces

    async def slow(source: Source, seq: int) -> Faces | None:
        reading.set()
        await may_go_on.wait()
        return await faces(source, seq)

    monkeypatch.setattr(Source, "faces", slow)
    with capture_logs() as told:
        await desk.publish(message("x"))
        await reading.wait()
        await dispatcher.hold({})
        may_go_on.set()
        await dispatcher.hold({A: LATER})
        await hands.until(lambda: hands.got("a") == ["x"])
    assert [sent[1] for sent in hands.sent] == ["x"], "by its new holder alone"
    assert told == []


async def test_what_slept_beyond_its_lease_is_not_sent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that wakes up in the middle asks once more before it sends; it counts as no failure of the peer."""
    hands, reading, may_go_on, is_secure = Hands("a"), asyncio.Event(), asyncio.Event(), True
    dispatcher = await desk.start(hands)
    dispatcher.is_secure = lambda: is_secure
    faces = Source.faces

    async def slow(source: Source, seq: int) -> Faces | None:
        reading.set()
        await may_go_on.wait()
        return await faces(source, seq)

    monkeypatch.setattr(Source, "faces", slow)
    await desk.publish(message("x"))
    await reading.wait()
    is_secure = False
    may_go_on.set()
    await dispatcher.drain({B})  # the loop has gone round
    assert hands.sent == []
    waiting = dispatcher.state("a")
    assert waiting is not None
    assert waiting.failures == 0
    is_secure = True
    dispatcher.wake()
    await hands.until(lambda: hands.got("a") == ["x"])


async def test_what_is_not_shown_here_yet_is_sent_from_the_log(desk: Desk) -> None:
    """A thread that is read from the log may be longer than what this node shows: it is whole all the same."""
    await desk.publish(first := message("x"))
    await desk.store.append([update("y", first)])
    hands = Hands("a")
    with capture_logs() as told:
        await desk.start(hands)
        await hands.until(lambda: hands.got("a") == ["x", "y"])
    assert told == []


async def test_lanes_that_nobody_lists_are_forgotten_by_their_holder_only(desk: Desk) -> None:
    """A removed peer's state goes when its share is taken up; of shares held elsewhere nothing is touched."""
    await desk.publish(message("x"))
    hands = Hands("a", "b")
    dispatcher = await desk.start(hands)
    await hands.until(lambda: hands.got("a") and hands.got("b"))
    await dispatcher.drain({A, B})
    del hands.specs["a"], hands.specs["b"]
    await dispatcher.hold({A: LATER})
    assert [lane.lane for lane in await desk.store.lanes()] == ["b"]
