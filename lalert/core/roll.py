"""Which residents are told of an entry, and whether it may make a sound: the rule of `core.matching`, for millions.

A resident is told by the entry's own area or by that of any message it supersedes, with the level and the hazards that
the resident asked for: whoever heard the alarm hears every change and the end. Nobody is told of a correction that
changes nothing (`silent`) or of a test of the line.

In a resident's quiet hours an alarm comes through only when it is grave: level 4 and above, or tsunami, by the gravest
audience that the resident belongs to. What ends for the resident (lifted, cancelled, expired, moved away) comes
through always, but in quiet hours without a sound; only the 取消 of something grave makes one.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from lalert.cap.model import Status
from lalert.cap.vocabulary import vocabulary_at
from lalert.core.matching import hearers_of
from lalert.core.model import CancelKind, Draft, Heard, State
from lalert.core.resident import DAY_MIN, Resident, Wish, minute_of_day
from lalert.geo.kinship import kin
from lalert.geo.mesh import Ints
from lalert.geo.postings import firsts
from lalert.geo.residents import Found, Place, View

GRAVE_LEVEL: Final = 4
GRAVE_HAZARDS: Final = frozenset({"tsunami"})

_HAZARDS: Final = tuple(sorted(vocabulary_at(None).hazard_names))
_OTHER: Final = len(_HAZARDS)  # a hazard that this edition does not know: asked for, never met
_LEVEL_BITS, _MINUTE_BITS, _HAZARD_BITS = 3, 11, _OTHER + 1
_HAZARD_SHIFT: Final = _LEVEL_BITS + 2 * _MINUTE_BITS
_LANE_SHIFT: Final = _HAZARD_SHIFT + _HAZARD_BITS

Mask = npt.NDArray[np.bool_]
Lanes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told of an entry, in ascending order of their numbers; `hushed` are those for whom it makes no sound."""

    numbers: Ints
    hushed: Mask
    lanes: Lanes

    @classmethod
    def joined(cls, parts: Iterable[Told]) -> Told:
        """Return what follows each other as one."""
        listed = [NOBODY, *parts]
        return cls(
            np.concatenate([part.numbers for part in listed]),
            np.concatenate([part.hushed for part in listed]),
            np.concatenate([part.lanes for part in listed]),
        )

    def __len__(self) -> int:
        return len(self.numbers)

    def by_lane(self) -> dict[int, Told]:
        """Return those of each lane that somebody is on."""
        order = np.argsort(self.lanes, kind="stable")
        lanes = self.lanes[order]
        first = firsts(lanes)
        rows = np.split(order, first[1:]) if len(first) else []
        return {
            lane: Told(self.numbers[these], self.hushed[these], self.lanes[these])
            for lane, these in zip(lanes[first].tolist(), rows, strict=True)
        }

    def after(self, number: int, limit: int) -> Told:
        """Return up to `limit` of those with numbers greater than `number`."""
        begin = int(np.searchsorted(self.numbers, number, side="right"))
        these = slice(begin, begin + limit)
        return Told(self.numbers[these], self.hushed[these], self.lanes[these])

    def among(self, numbers: Iterable[int]) -> Told:
        """Return those of `numbers` who are told."""
        here = np.isin(self.numbers, np.fromiter(numbers, dtype=np.int64))
        return Told(self.numbers[here], self.hushed[here], self.lanes[here])


NOBODY: Final = Told(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.uint8))


def place_of(resident: Resident, *, lane: int) -> Place:
    """Return what the index keeps of a resident: where, and as its tag the rest of the wish and a lane below 256."""
    wish = resident.wish
    return Place(resident.number, wish.areas, wish.cells, _tag(wish) | lane << _LANE_SHIFT)


def lane_of_place(place: Place) -> int:
    """Return the lane that `place_of` was given."""
    return place.tag >> _LANE_SHIFT


def told_of(entry: Draft, view: View, *, now: datetime) -> Told:
    """Return who is told of `entry` if it goes out `now`. Takes milliseconds for a million: not on the event loop."""
    return Told.joined(told_in_chunks(entry, view, now=now))


def count_of(entry: Draft, view: View, *, now: datetime) -> int:
    """Return how many are told of `entry` if it goes out `now`: the same work in less memory."""
    return sum(map(len, told_in_chunks(entry, view, now=now)))


def told_in_chunks(entry: Draft, view: View, *, now: datetime) -> Iterator[Told]:
    """Yield who is told of `entry`, some hundred thousand at a time, in ascending order of their numbers."""
    if entry.silent or entry.alert.status is Status.SYSTEM:
        return
    hearers = hearers_of(entry).heard
    alarming, minute = frozenset(_alarming(entry)), minute_of_day(now)
    is_false_alarm = entry.cancel_kind is CancelKind.FALSE_ALARM
    for found in zip(*(view.chunks(heard.geometry, kin(heard.codes)) for heard in hearers), strict=True):
        audiences = [_wanting(heard, part) for heard, part in zip(hearers, found, strict=True)]
        yield _told(hearers, audiences, alarming, minute=minute, is_false_alarm=is_false_alarm)


def _told(
    hearers: Sequence[Heard], audiences: Sequence[Found], alarming: Container[int], *, minute: int, is_false_alarm: bool
) -> Told:
    """Return who of the members of `audiences` is told, and how loudly."""
    everybody, tags = _everybody(audiences)
    members = list(zip(hearers, audiences, strict=True))
    grave = _among(everybody, (found for heard, found in members if _is_grave(heard)))
    alarmed = _among(everybody, (found for place, found in enumerate(audiences) if place in alarming))
    quiet = _in_quiet_hours(tags, minute)
    told = ~quiet | grave | ~alarmed
    hushed = quiet & ~(grave & (alarmed | is_false_alarm))
    return Told(everybody[told], hushed[told], (tags[told] >> _LANE_SHIFT).astype(np.uint8))


def _everybody(audiences: Sequence[Found]) -> tuple[Ints, Ints]:
    """Return the numbers of all members, each once and in ascending order, and their tags."""
    numbers = np.concatenate([found.numbers for found in audiences])
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    first = firsts(ordered)
    return ordered[first], np.concatenate([found.tags for found in audiences])[order[first]]


def _alarming(entry: Draft) -> Iterator[int]:
    """Yield which of its audiences the entry alarms: its own (they come first), where nothing is lifted.

    For everybody else it is an end: they heard what it takes back.
    """
    if entry.state is State.IN_FORCE and entry.area is not None:
        yield from (place for place, zone in enumerate(entry.zones) if not zone.lifted)


def _among(numbers: Ints, audiences: Iterable[Found]) -> Mask:
    """Return which of `numbers` (ascending, everybody of `audiences` and more) belong to one of these."""
    mask = np.zeros(len(numbers), dtype=np.bool_)
    for found in audiences:
        mask[np.searchsorted(numbers, found.numbers)] = True
    return mask


def _is_grave(heard: Heard) -> bool:
    return (heard.level or 0) >= GRAVE_LEVEL or not GRAVE_HAZARDS.isdisjoint(heard.hazards)


def _wanting(heard: Heard, found: Found) -> Found:
    """Return those of `found`, who live in the audience's place, whose filter lets its meaning pass."""
    min_level = found.tags & ((1 << _LEVEL_BITS) - 1)
    hazards = found.tags >> _HAZARD_SHIFT & ((1 << _HAZARD_BITS) - 1)
    wanted = (min_level <= (heard.level or 0)) & ((hazards == 0) | (hazards & _hazard_bits(heard.hazards) != 0))
    return Found(found.numbers[wanted], found.tags[wanted])


def _in_quiet_hours(tags: Ints, minute: int) -> Mask:
    """Whether it is a quiet minute for each; begin and end are the same for those who have no quiet hours."""
    begin = tags >> _LEVEL_BITS & ((1 << _MINUTE_BITS) - 1)
    end = tags >> (_LEVEL_BITS + _MINUTE_BITS) & ((1 << _MINUTE_BITS) - 1)
    return np.where(begin <= end, (begin <= minute) & (minute < end), (minute >= begin) | (minute < end))


def _tag(wish: Wish) -> int:
    """Return the wish in bits: least level, quiet hours, hazards."""
    quiet = wish.quiet
    begin, end = (quiet.begin_min % DAY_MIN, quiet.end_min % DAY_MIN) if quiet else (0, 0)
    hours = begin | end << _MINUTE_BITS
    return (wish.min_level or 0) | hours << _LEVEL_BITS | _hazard_bits(wish.hazards) << _HAZARD_SHIFT


def _hazard_bits(hazards: Iterable[str]) -> int:
    return sum({1 << (_HAZARDS.index(hazard) if hazard in _HAZARDS else _OTHER) for hazard in hazards})
