"""The newest entries in memory: without a hole, bounded, and with a wake-up that nobody sleeps through."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from lalert.core.model import Cursor, Realm
from lalert.publishers.faces import Faces, Site
from lalert.publishers.tail import Tail
from tests.render.entries import entry

SITE = Site(Realm.LIVE, "https://hub.example.jp")


def faces(first: int, last: int) -> list[Faces]:
    """Return entries at these positions."""
    return [Faces(entry(cursor=Cursor("k3f9", seq)), SITE) for seq in range(first, last + 1)]


def large_face(seq: int) -> Faces:
    """Return the entry at this position, of a message of 1,000 bytes."""
    made = entry(cursor=Cursor("k3f9", seq))
    return Faces(replace(made, alert=replace(made.alert, raw=b"x" * 1_000)), SITE)


def seqs(found: object) -> list[int]:
    """Return the positions of some faces."""
    return [face.entry.cursor.seq for face in found]  # type: ignore[attr-defined]


def test_begins_empty_at_the_head() -> None:
    """An empty tail holds nothing before its head and everything after it."""
    tail = Tail(head=Cursor("k3f9", 41), limit=10)
    assert (tail.head.seq, tail.oldest) == (41, 42)
    assert tail.holds(41)
    assert not tail.holds(40)
    assert seqs(tail.after(41)) == []


def test_after_a_position() -> None:
    """What follows a position, in order, up to a limit; a position before the beginning gives all there is."""
    tail = Tail(head=Cursor("k3f9", 0), limit=10)
    tail.extend(faces(1, 5))
    assert seqs(tail.after(3)) == [4, 5]
    assert seqs(tail.after(1, 2)) == [2, 3]
    assert seqs(tail.after(5)) == []
    assert seqs(tail.after(-3)) == [1, 2, 3, 4, 5]
    assert tail.head == Cursor("k3f9", 5)


@pytest.mark.parametrize("seq", [1, 2, 4])
def test_takes_no_hole_and_no_repeat(seq: int) -> None:
    """An entry that does not follow the head is a defect, and is not shown."""
    tail = Tail(head=Cursor("k3f9", 2), limit=10)
    with pytest.raises(ValueError, match=f"k3f9-{seq} does not follow k3f9-2"):
        tail.extend(faces(seq, seq))
    assert tail.head.seq == 2


@pytest.mark.parametrize("count", [1, 7, 20, 21, 40, 41, 95])
def test_is_bounded_and_keeps_at_least_its_limit(count: int) -> None:
    """At least the last `limit` entries are there, never more than twice as many."""
    tail = Tail(head=Cursor("k3f9", 0), limit=20)
    for face in faces(1, count):
        tail.extend([face])
    held = seqs(tail.after(0))
    assert held == list(range(tail.oldest, count + 1))
    assert min(20, count) <= len(held) <= 40
    assert tail.holds(tail.oldest - 1)
    assert not tail.holds(tail.oldest - 2)


def test_large_messages_do_not_fill_the_memory() -> None:
    """Of messages so large that their bytes pass the bound fewer are kept, the newest always, and without a hole."""
    large = [large_face(seq) for seq in range(1, 51)]
    tail = Tail(head=Cursor("k3f9", 0), limit=20, most_bytes=6_000)
    most = 0
    for face in large:
        tail.extend([face])
        held = seqs(tail.after(0))
        most = max(most, len(held))
        assert held == list(range(tail.oldest, tail.head.seq + 1))
        assert held
    assert most == 6
    tiny = Tail(head=Cursor("k3f9", 0), limit=20, most_bytes=1)
    tiny.extend(large[:3])
    assert seqs(tiny.after(0)) == [3]


async def test_wakes_everybody_who_waits_for_it() -> None:
    """All who wait for a position are woken when the head passes it, not before."""
    tail = Tail(head=Cursor("k3f9", 0), limit=10)
    waiting = [asyncio.create_task(tail.moved_past(seq)) for seq in (0, 0, 1)]
    await asyncio.sleep(0)
    tail.extend(faces(1, 1))
    done, pending = await asyncio.wait(waiting, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*waiting[:2])
    assert not waiting[2].done()
    tail.extend(faces(2, 2))
    await waiting[2]
    await tail.moved_past(1)  # is past already
    assert done | pending == set(waiting)
