"""The situation: what is in force now and what has just ended, in memory, out of the log's entries in their order.

It gives the same answers as the store's standings, because both follow the same rule (`core.thread`): whatever comes
into a thread ends what is in force there, and a change also ends everything that it supersedes. Tests of the line
(status System) are no part of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from lalert.cap.model import Status
from lalert.core.model import Entry, Kind, Posted, Priority, Standing, State
from lalert.core.thread import standing_after, standing_at_first

MAX_LAST = 100


class Situation:
    """The present picture. Feed it every entry of the log in order; it never looks at a clock."""

    def __init__(self) -> None:
        self._posted: dict[str, Posted] = {}  # by natural key, oldest first
        self._keys_of: dict[str, list[str]] = {}  # natural keys by CAP identifier
        self._in_force: dict[str, str] = {}  # natural key by thread
        self._ended_at: dict[str, datetime] = {}  # by natural key
        self._most_urgent: dict[str, Priority] = {}  # by thread
        self._last: deque[str] = deque(maxlen=MAX_LAST)
        self._generation = 0
        self._ranked: tuple[Posted, ...] | None = ()
        self._levels: Mapping[str, tuple[int | None, Priority]] | None = MappingProxyType({})

    @property
    def generation(self) -> int:
        """A number that changes whenever the picture does: what was drawn under another one is out of date."""
        return self._generation

    def apply(self, entry: Entry) -> None:
        """Take the next entry of the log. One that is known already changes nothing."""
        if entry.alert.status is Status.SYSTEM:
            return
        key = entry.alert.identity.key
        if entry.kind is Kind.EXPIRE:
            self._end(key, entry)
        elif key not in self._posted:
            self._end_predecessors(entry)
            self._add(key, entry)
        else:
            return
        self._changed()

    def in_force(self) -> Sequence[Posted]:
        """Return what is in force: most urgent lane first, then highest level, then newest."""
        if self._ranked is None:
            posted = (self._posted[key] for key in self._in_force.values())
            self._ranked = tuple(sorted(posted, key=_by_weight))
        return self._ranked

    def ended(self, since: datetime) -> Sequence[Posted]:
        """Return the messages that ended at or after `since`, newest end first (`ended_at` tells when).

        A Cancel and an all clear count as ended when they came: they are the news, and nothing is in force after them.
        """
        found = [(at, self._posted[key]) for key, at in self._ended_at.items() if at >= since]
        return [posted for _, posted in sorted(found, key=lambda pair: (pair[0], _seq(pair[1])), reverse=True)]

    def ended_at(self, key: str) -> datetime | None:
        """Return when the hub accepted what ended the message with this natural key; None while it is in force."""
        return self._ended_at.get(key)

    def during(self, begin: datetime | None, end: datetime | None, *, now: datetime) -> Sequence[Posted]:
        """Return what was in force at some moment from `begin` to `end` (None: however early or late), by position.

        What holds at `now` is taken to hold until its time is over. A beginning counts from its full second, as it is
        told. Only what memory has is found (`trim`).
        """
        announced = (posted for posted in self._posted.values() if posted.entry.state is State.IN_FORCE)
        found = [
            posted
            for posted in announced
            if (end is None or posted.entry.at.replace(microsecond=0) <= end)
            and (begin is None or (over := self._over_at(posted, now)) is None or begin < over)
        ]
        return sorted(found, key=_seq)

    def find(self, identifier: str) -> Sequence[Posted]:
        """Return the messages with this CAP identifier that are in memory, oldest first."""
        return tuple(self._posted[key] for key in self._keys_of.get(identifier, ()))

    def find_key(self, key: str) -> Posted | None:
        """Return the message with this natural key if it is in memory."""
        return self._posted.get(key)

    def standing(self, key: str) -> Standing | None:
        """Return how the message with this natural key stands if it is in memory."""
        posted = self._posted.get(key)
        return None if posted is None else posted.standing

    def thread_in_force(self, thread: str) -> Posted | None:
        """Return the message that is in force in a thread."""
        key = self._in_force.get(thread)
        return None if key is None else self._posted[key]

    def thread_priority(self, thread: str) -> Priority | None:
        """Return the most urgent lane that a thread ever had, as far back as memory goes."""
        return self._most_urgent.get(thread)

    def levels(self) -> Mapping[str, tuple[int | None, Priority]]:
        """Return for every municipality where something is in force its highest level (None: none given) and lane.

        The lane is the most urgent of all that holds there: a tsunami warning has no level, and outranks a level 4.
        """
        if self._levels is None:
            levels: dict[str, tuple[int | None, Priority]] = {}
            for code, level, priority in _places(self.in_force()):
                known = levels.get(code)
                levels[code] = (level, priority) if known is None else _worst(known, (level, priority))
            self._levels = MappingProxyType(levels)
        return self._levels

    def last(self, count: int) -> Sequence[str]:
        """Return the identifiers of the newest messages, newest first, at most `MAX_LAST`."""
        return list(reversed(self._last))[:count]

    def due(self, now: datetime) -> Sequence[Posted]:
        """Return what is in force although its time is over, in the order in which it should have ended."""
        timed = ((posted.entry.ends_at, posted) for posted in self.in_force())
        over = [(ends_at, posted) for ends_at, posted in timed if ends_at is not None and ends_at <= now]
        return [posted for _, posted in sorted(over, key=lambda pair: pair[0])]

    def trim(self, before: datetime) -> int:
        """Forget what ended before `before`; return how many. The picture of what holds does not change."""
        old = [key for key, at in self._ended_at.items() if at < before]
        for key in old:
            self._forget(key)
        if old:
            threads = {posted.entry.thread for posted in self._posted.values()}
            self._most_urgent = {thread: lane for thread, lane in self._most_urgent.items() if thread in threads}
            self._changed()
        return len(old)

    def _add(self, key: str, entry: Entry) -> None:
        thread = entry.thread
        self._posted[key] = Posted(entry, standing_at_first(entry))
        self._keys_of.setdefault(entry.alert.identifier, []).append(key)
        self._most_urgent[thread] = min(entry.priority, self._most_urgent.get(thread, entry.priority))
        self._last.append(entry.alert.identifier)
        if entry.state is State.IN_FORCE:
            self._in_force[thread] = key
        else:
            self._ended_at[key] = entry.at

    def _end_predecessors(self, entry: Entry) -> None:
        current = self._in_force.get(entry.thread)
        if current is not None:
            self._end(current, entry)
        for reach in entry.supersedes:
            self._end(reach.identity.key, entry)

    def _end(self, key: str, by: Entry) -> None:
        posted = self._posted.get(key)
        if posted is None or posted.standing.state is not State.IN_FORCE:
            return
        self._posted[key] = Posted(posted.entry, standing_after(by))
        self._ended_at[key] = by.at
        del self._in_force[posted.entry.thread]

    def _over_at(self, posted: Posted, now: datetime) -> datetime | None:
        """Return when a message ended or will end; None for one that holds although its time is over."""
        ends_at = posted.entry.ends_at
        ended_at = self._ended_at.get(posted.entry.alert.identity.key)
        return ended_at or (ends_at if ends_at is not None and ends_at > now else None)

    def _forget(self, key: str) -> None:
        identifier = self._posted.pop(key).entry.alert.identifier
        del self._ended_at[key]
        keys = self._keys_of[identifier]
        keys.remove(key)
        if not keys:
            del self._keys_of[identifier]

    def _changed(self) -> None:
        self._generation += 1
        self._ranked = None
        self._levels = None


def _seq(posted: Posted) -> int:
    return posted.entry.cursor.seq


def _by_weight(posted: Posted) -> tuple[int, int, int]:
    entry = posted.entry
    return (entry.priority, -(entry.level or 0), -_seq(posted))


def _places(in_force: Sequence[Posted]) -> Iterator[tuple[str, int | None, Priority]]:
    for posted in in_force:
        for zone in posted.entry.zones:
            if not zone.lifted:
                yield from ((code, zone.level, posted.entry.priority) for code in zone.area.codes)


def _worst(a: tuple[int | None, Priority], b: tuple[int | None, Priority]) -> tuple[int | None, Priority]:
    levels = [level for level in (a[0], b[0]) if level is not None]
    return max(levels, default=None), min(a[1], b[1])
