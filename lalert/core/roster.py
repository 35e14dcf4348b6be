"""Which lane goes next: the most urgent of all that could, first come first served among equals.

Lanes whose peers failed last time stand in a line of their own, so that a hundred dead peers never keep a living one
waiting for a place. A line holds tickets; one that no longer says what its lane has is skipped.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

from lalert.core.lanes import Lane, Rank


class Roster:
    """All lanes of a realm, by urgency of what each would send next. Not thread-safe."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._numbers = count()
        self._tickets: dict[str, tuple[Rank, int]] = {}
        self._sound: list[tuple[Rank, int, str]] = []
        self._failing: list[tuple[Rank, int, str]] = []
        self._alarms: list[tuple[datetime, str]] = []
        self._set_for: dict[str, datetime] = {}  # the earliest alarm of each lane
        self._held: set[str] = set()

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    def get(self, lane: str) -> Lane | None:
        """Return the lane of this name, or None."""
        return self._lanes.get(lane)

    def add(self, lane: Lane) -> None:
        """Take in a new lane."""
        self._lanes[lane.id] = lane

    def remove(self, lane: str) -> None:
        """Forget a lane."""
        self._lanes.pop(lane, None)
        self._tickets.pop(lane, None)
        self._held.discard(lane)

    def hold(self, lane: Lane) -> None:
        """Let `lane` stand aside until it is released."""
        self._held.add(lane.id)
        self._tickets.pop(lane.id, None)

    def release(self, lane: Lane, now: datetime) -> None:
        """Line `lane` up again."""
        self._held.discard(lane.id)
        self.note(lane, now)

    def note(self, lane: Lane, now: datetime) -> None:
        """Line up `lane` as it is now. To be called after anything was done to it."""
        if self._lanes.get(lane.id) is not lane or lane.id in self._held:
            return
        rank = lane.rank(now)
        held = self._tickets.get(lane.id)
        if rank is None:
            self._tickets.pop(lane.id, None)
            self._set_alarm(lane.id, lane.due(now))
        elif held is None or held[0] != rank:
            number = next(self._numbers)
            self._tickets[lane.id] = rank, number
            heapq.heappush(self._failing if lane.failures else self._sound, (rank, number, lane.id))

    def ring(self, now: datetime) -> None:
        """Line up the lanes whose time has come."""
        while self._alarms and self._alarms[0][0] <= now:
            due, name = heapq.heappop(self._alarms)
            if self._set_for.get(name) == due:
                del self._set_for[name]
            if (lane := self._lanes.get(name)) is not None:
                self.note(lane, now)

    def set_back(self, by: timedelta, now: datetime) -> None:
        """Take over that the clock shows so much less than before, and is at `now`."""
        self._alarms.clear()
        self._set_for.clear()
        for lane in self:
            lane.set_back(by)
            self.note(lane, now)

    def alarm(self) -> datetime | None:
        """Return when to ring; None while no lane waits for the time."""
        return self._alarms[0][0] if self._alarms else None

    def _set_alarm(self, lane: str, due: datetime | None) -> None:
        if due is None or ((pending := self._set_for.get(lane)) is not None and pending <= due):
            return
        self._set_for[lane] = due
        heapq.heappush(self._alarms, (due, lane))

    def peek(self, *, failing: bool) -> tuple[Rank, Lane] | None:
        """Return the most urgent lane of a line and how urgent it is; None when nobody stands there."""
        line = self._failing if failing else self._sound
        while line:
            rank, number, name = line[0]
            if self._tickets.get(name) == (rank, number):
                return rank, self._lanes[name]
            heapq.heappop(line)
        return None
