"""The priority queue: what waits between acceptance and the log, most urgent first.

Four lanes, each a deque, and a bit for every lane that is not empty: putting and getting cost the same with ten
messages waiting or a million. One law stands above urgency: **inside a thread order never changes**. It costs almost
nothing, because lanes drain in order:

- a message no more urgent than its predecessors goes to the end of its own lane, and they leave before it anyway;
- a more urgent one pulls the predecessors that still wait up into its own lane, in front of it (they inherit its
  urgency), so that a level 5 neither overtakes the level 4 it updates nor waits for it among the routine.

What was pulled up leaves its old place behind as a mark that is skipped later; when a lane is mostly marks it is
swept. What is in the first lane can no longer be pulled anywhere, so the books of threads know the other lanes only:
the most urgent messages cost least.

A queue that fills refuses the least urgent first: each lane is let in only while fewer than its share wait.
"""

from __future__ import annotations

from collections import deque
from itertools import takewhile
from typing import Generic, Protocol, TypeVar

from lalert.core.model import Priority
from lalert.errors import Text, Unavailable


class Item(Protocol):
    """What can wait: it knows its lane and its thread. An object is put once in its life."""

    @property
    def priority(self) -> Priority:
        """The lane."""

    @property
    def thread(self) -> str:
        """The thread inside which order holds."""


T = TypeVar("T", bound=Item)

_BITS = tuple(1 << lane for lane in Priority)
_TOP = tuple((mask & -mask).bit_length() - 1 for mask in range(1 << len(Priority)))  # mask -> most urgent lane
_SHARES = {Priority.FLASH: 1.0, Priority.URGENT: 0.9, Priority.PROMPT: 0.8, Priority.ROUTINE: 0.6}
_RETRY_AFTER_S = {Priority.FLASH: 1, Priority.URGENT: 2, Priority.PROMPT: 5, Priority.ROUTINE: 20}
_SWEEP_FROM = 64


class _Chain(Generic[T]):
    """What a thread with more than one message has waiting below the first lane: each with the lane that holds it."""

    __slots__ = ("links",)

    def __init__(self, lane: int, item: T) -> None:
        self.links: deque[tuple[int, T]] = deque([(lane, item)])

    def begins_with(self, lane: int, item: T) -> bool:
        """Whether `item` is the next of the thread, and `lane` is where it waits."""
        head_lane, head = self.links[0]
        return head is item and head_lane == lane


class PriorityQueue(Generic[T]):
    """Most urgent first, first come first served inside a lane, order kept inside a thread. Not thread-safe."""

    def __init__(self, *, capacity: int) -> None:
        """Make an empty queue that holds up to `capacity` items, the last shares reserved for the urgent lanes."""
        self._lanes: tuple[deque[T], ...] = tuple(deque() for _ in Priority)
        self._limits = tuple(max(1, int(capacity * _SHARES[lane])) for lane in Priority)
        self._occupied = 0  # bit mask of the lanes that are not empty
        self._size = 0
        self._marks = [0 for _ in Priority]  # places in each lane that a pulled-up item has left
        # Below the first lane, by thread; the item itself while it is the only one.
        self._waiting: dict[str, T | _Chain[T]] = {}

    def __len__(self) -> int:
        return self._size

    def lanes(self) -> dict[Priority, int]:
        """Return how many items wait in each lane, pulled-up ones where they are now."""
        return {lane: len(self._lanes[lane]) - self._marks[lane] for lane in Priority}

    def put(self, item: T) -> None:
        """Let `item` wait. Raises `Unavailable` when its lane's share of the capacity is taken."""
        lane = item.priority
        if self._size >= self._limits[lane]:
            raise _full(lane)
        thread = item.thread
        if thread in self._waiting:
            self._follow(thread, lane, item)
        elif lane:
            self._waiting[thread] = item
        self._lanes[lane].append(item)
        self._occupied |= _BITS[lane]
        self._size += 1

    def get(self) -> T:
        """Return the next item. Raises `IndexError` when nothing waits."""
        while self._occupied:
            top = _TOP[self._occupied]
            lane = self._lanes[top]
            item = lane.popleft()
            if not lane:
                self._occupied ^= _BITS[top]
            if not top or (held := self._waiting.pop(item.thread, None)) is item or self._leaves(held, top, item):
                self._size -= 1
                return item
            self._marks[top] -= 1
        raise IndexError("nothing waits")

    def take(self, limit: int) -> list[T]:
        """Return the next items, at most `limit`; an empty list when nothing waits."""
        return [self.get() for _ in range(min(limit, self._size))]

    def _follow(self, thread: str, lane: int, item: T) -> None:
        """Chain `item` to its waiting predecessors; those in less urgent lanes come up to `lane`, before it."""
        links = self._chain_of(thread).links
        slower = [links.pop() for _ in range(_count_slower(links, lane))][::-1]
        for left, predecessor in slower:
            self._lanes[lane].append(predecessor)
            self._marks[left] += 1
        if lane:
            links.extend((lane, predecessor) for _, predecessor in slower)
            links.append((lane, item))
        else:
            del self._waiting[thread]  # all of it is in the first lane now
        for left in {left for left, _ in slower}:
            self._maybe_sweep(left)

    def _chain_of(self, thread: str) -> _Chain[T]:
        held = self._waiting[thread]
        if not isinstance(held, _Chain):
            held = self._waiting[thread] = _Chain(held.priority, held)
        return held

    def _leaves(self, held: T | _Chain[T] | None, lane: int, item: T) -> bool:
        """Whether `item`, found in `lane`, is there in truth, and is not a mark that it left when it was pulled up.

        `held` is what the books had of its thread; it goes back there, without `item` if that leaves.
        """
        if held is None:
            return False
        if isinstance(held, _Chain) and held.begins_with(lane, item):
            held.links.popleft()
            if held.links:
                self._waiting[item.thread] = held
            return True
        self._waiting[item.thread] = held
        return False

    def _maybe_sweep(self, lane: int) -> None:
        """Drop the places that were left, once most of the lane is such places: each is paid for once."""
        places = self._lanes[lane]
        if self._marks[lane] < _SWEEP_FROM or 2 * self._marks[lane] < len(places):
            return
        live = self._live_in(lane)
        kept = [item for item in places if id(item) in live]
        places.clear()
        places.extend(kept)
        self._marks[lane] = 0
        if not places:
            self._occupied &= ~_BITS[lane]

    def _live_in(self, lane: int) -> set[int]:
        """Return the identities of the items that do wait in `lane`."""
        live: set[int] = set()
        for thread in {item.thread for item in self._lanes[lane]}:
            held = self._waiting.get(thread)
            if isinstance(held, _Chain):
                live.update(id(item) for place, item in held.links if place == lane)
            else:
                live.add(id(held))
        return live


def _count_slower(links: deque[tuple[int, T]], lane: int) -> int:
    """Return how many at the end of the chain wait in lanes less urgent than `lane` (lanes rise along a chain)."""
    return sum(1 for _ in takewhile(lambda link: link[0] > lane, reversed(links)))


def _full(lane: Priority) -> Unavailable:
    return Unavailable(
        Text(
            ja="処理待ちの情報が多いため、今は受け付けられません。表示の秒数だけ待って、同じ内容を再送してください。",
            en="Too many messages are waiting. Send the same message again after the time given.",
        ),
        code="queue.full",
        retry_after_s=_RETRY_AFTER_S[lane],
    )
