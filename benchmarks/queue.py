"""The priority queue with a million messages waiting, beside `asyncio.PriorityQueue` and beside what Python can do.

Every case puts and gets one message while a million others wait; the queues take turns in one run, so that a busy
machine slows all of them. CPU time, garbage collection off, best of the rounds. The peers:

- `asyncio` holds objects that know their order (`dataclass(order=True)`), as one writes it at first;
- `asyncio_tuple` holds tuples (priority, number, item), the fastest that it can do;
- `deques` is the floor: one deque a lane and a bit mask, without threads, bounds or refusals.

`asyncio.PriorityQueue` keeps no order inside a thread and refuses nobody; ours does both.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import process_time
from typing import Protocol

from lalert.core.model import Priority
from lalert.core.queue import PriorityQueue

WAITING = 1_000_000
PAIRS = 100_000
ROUNDS = 3
_MIX = {Priority.FLASH: 1, Priority.URGENT: 4, Priority.PROMPT: 15, Priority.ROUTINE: 80}


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """The smallest item: every message begins a thread."""

    priority: Priority
    thread: str


@dataclass(order=True, slots=True)
class Ordered:
    """What `asyncio.PriorityQueue` needs to order messages."""

    priority: int
    number: int
    message: Message = field(compare=False)


class Candidate(Protocol):
    """A queue under measurement."""

    def put(self, message: Message) -> object: ...  # noqa: D102
    def get(self) -> object: ...  # noqa: D102


class Asyncio:
    """`asyncio.PriorityQueue` with entries made by `entry`, called without waiting."""

    def __init__(self, entry: Callable[[int, int, Message], object]) -> None:
        self._queue: asyncio.PriorityQueue[object] = asyncio.PriorityQueue()
        self._entry = entry
        self._number = 0
        self.get = self._queue.get_nowait

    def put(self, message: Message) -> None:
        """Number the message, so that equals come out in their order."""
        self._number += 1
        self._queue.put_nowait(self._entry(message.priority, self._number, message))


class Deques:
    """Lanes and a bit mask, nothing else."""

    def __init__(self) -> None:
        self._lanes: list[deque[Message]] = [deque() for _ in Priority]
        self._occupied = 0

    def put(self, message: Message) -> None:
        """Append to the lane."""
        lane = message.priority
        self._lanes[lane].append(message)
        self._occupied |= 1 << lane

    def get(self) -> Message:
        """Pop from the first lane that is not empty."""
        mask = self._occupied
        top = (mask & -mask).bit_length() - 1
        lane = self._lanes[top]
        message = lane.popleft()
        if not lane:
            self._occupied ^= 1 << top
        return message


def _messages(count: int, name: str) -> list[Message]:
    draw = random.Random(1)
    lanes = draw.choices(list(_MIX), list(_MIX.values()), k=count)
    return [Message(lane, f"{name}-{number}") for number, lane in enumerate(lanes)]


def run(*, waiting: int = WAITING, pairs: int = PAIRS, rounds: int = ROUNDS) -> dict[str, float]:
    """Return microseconds of CPU for one put and one get, and how many times faster than each peer."""
    queues: dict[str, Candidate] = {
        "lalert": PriorityQueue(capacity=2 * waiting + 1),
        "asyncio": Asyncio(Ordered),
        "asyncio_tuple": Asyncio(lambda *entry: entry),
        "deques": Deques(),
    }
    backlog = _messages(waiting, "waiting")
    with _no_collection():
        for queue in queues.values():
            for message in backlog:
                queue.put(message)
        best = {name: min(timed) for name, timed in _in_turns(queues, pairs, rounds).items()}
    ratios = {f"times_{name}": best[name] / best["lalert"] for name in queues if name != "lalert"}
    return {f"{name}_us": us for name, us in best.items()} | ratios


def _in_turns(queues: dict[str, Candidate], pairs: int, rounds: int) -> dict[str, list[float]]:
    timed: dict[str, list[float]] = {name: [] for name in queues}
    for number in range(rounds):
        messages = _messages(pairs, f"new-{number}")  # a message is put once
        for name, queue in queues.items():
            timed[name].append(_pair_us(queue, messages))
    return timed


def _pair_us(queue: Candidate, messages: Sequence[Message]) -> float:
    put, get = queue.put, queue.get
    begin = process_time()
    for message in messages:
        put(message)
        get()
    return (process_time() - begin) / len(messages) * 1e6


@contextmanager
def _no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


if __name__ == "__main__":
    print(json.dumps({name: round(value, 2) for name, value in run().items()}, indent=2))
