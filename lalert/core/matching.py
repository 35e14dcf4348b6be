"""Who wants an entry: the one predicate behind every way out, for entries that are new and for those replayed.

An entry has its own audiences (one a zone: the same place and the same meaning) and those of everything that it
supersedes. Whoever heard the alarm hears every change and the end, even if the change itself would not have passed
the filter: a lowered level, a smaller area, an all clear that has no level at all.

Where the law gives a hazard no 警戒レベル (tsunami, earthquake early warning, missiles, storm), the message's own
urgency stands in for it: who asks for level 4 and above must not miss a 大津波警報.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import shapely
from shapely.geometry.base import BaseGeometry

from lalert.cap.model import Status
from lalert.core.model import Draft, Heard, Kind, Priority, Subscription, Zone
from lalert.core.priority import rank
from lalert.geo.kinship import kin
from lalert.geo.measure import prepared

_STAND_IN = {Priority.FLASH: 5, Priority.URGENT: 4, Priority.PROMPT: 3, Priority.ROUTINE: None}


@dataclass(frozen=True, slots=True)
class Hearers:
    """Everybody who hears an entry: all its audiences. `system` marks a test of the line, which few asked for."""

    system: bool
    heard: tuple[Heard, ...]


def wants(subscription: Subscription, entry: Draft) -> bool:
    """Whether the reader with `subscription` gets `entry`.

    An expiry goes to those who got what expires: its draft carries the same zones and reaches (`core.expiry`).
    """
    return reaches(subscription, hearers_of(entry))


def reaches(subscription: Subscription, hearers: Hearers) -> bool:
    """The same question for one entry and many readers: `hearers_of(entry)` is made once."""
    if hearers.system and not subscription.system:
        return False
    return any(_is_among(subscription, heard) for heard in hearers.heard)


def hearers_of(entry: Draft) -> Hearers:
    """Return everybody who hears `entry`."""
    earlier = tuple(heard for reach in entry.supersedes for heard in reach.heard)
    return Hearers(entry.alert.status is Status.SYSTEM, _own(entry) + earlier)


def merged(audiences: Iterable[Heard]) -> tuple[Heard, ...]:
    """Return the same people as fewer audiences: one for each meaning, so that a long thread stays small."""
    groups: dict[object, Heard] = {}
    for heard in audiences:
        meaning = (heard.level, frozenset(heard.hazards), frozenset(heard.categories), heard.geometry is None)
        groups[meaning] = _joined(groups[meaning], heard) if meaning in groups else heard
    return tuple(groups.values())


def _joined(a: Heard, b: Heard) -> Heard:
    codes = a.codes | b.codes
    if a.geometry is None or b.geometry is None or a.geometry.covers(b.geometry):
        return replace(a, codes=codes)
    return replace(a, codes=codes, geometry=a.geometry.union(b.geometry))


def _own(entry: Draft) -> tuple[Heard, ...]:
    categories = tuple(dict.fromkeys(category.value for info in entry.alert.infos for category in info.categories))
    if entry.area is None:
        return (
            Heard(
                geometry=None,
                codes=frozenset(),
                level=entry.level,
                hazards=entry.hazards,
                categories=categories,
            ),
        )
    stand_in = _stand_in(entry)
    return tuple(_heard_in(zone, stand_in, categories) for zone in entry.zones)


def _heard_in(zone: Zone, stand_in: int | None, categories: tuple[str, ...]) -> Heard:
    return Heard(
        geometry=zone.area.geometry,
        codes=zone.area.codes,
        level=stand_in if zone.level is None and not zone.lifted else zone.level,
        hazards=(zone.hazard,) if zone.hazard else (),
        categories=categories,
    )


def _stand_in(entry: Draft) -> int | None:
    """Return the level that stands in for the one that the law does not give: as urgent as the alert itself is.

    A Cancel raises no alarm of its own, and beside a part with a level one without is information (a shelter opens).
    """
    if entry.kind is Kind.CANCEL or entry.level is not None:
        return None
    return _STAND_IN[rank(entry.alert, thread_priority=None)]


def _is_among(subscription: Subscription, heard: Heard) -> bool:
    return (
        (subscription.min_level is None or (heard.level is not None and heard.level >= subscription.min_level))
        and (not subscription.hazards or not subscription.hazards.isdisjoint(heard.hazards))
        and (not subscription.categories or not subscription.categories.isdisjoint(heard.categories))
        and (not subscription.areas or not subscription.areas.isdisjoint(_places(heard.codes)))
        and (subscription.point is None or _touches(subscription.point, heard))
    )


@lru_cache(maxsize=1024)
def _places(codes: frozenset[str]) -> frozenset[str]:
    """Return `codes`, what else their places may be called (another boundary set, a merger), and the prefectures."""
    return kin(codes) | {code[:2] for code in codes}


def _touches(point: tuple[float, float], heard: Heard) -> bool:
    """Whether the point lies in the audience's place or on its border."""
    if heard.geometry is None:
        return False
    return bool(shapely.intersects_xy(_ready(_Same(heard.geometry)), *point))


class _Same:
    """A shape as the object that it is: comparing and hashing its points would cost more than the question."""

    __slots__ = ("shape",)

    def __init__(self, shape: BaseGeometry) -> None:
        self.shape = shape

    def __hash__(self) -> int:
        return id(self.shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.shape is other.shape


@lru_cache(maxsize=256)
def _ready(same: _Same) -> BaseGeometry:
    """Return a copy prepared for points, once a shape: it pays from the second reader.

    Never the shape itself: threads that examine share it with the boundary set, and GEOS builds its indexes at the
    first question, without a lock. That question is asked here, before anybody else has the copy.
    """
    copy = prepared(same.shape)
    shapely.intersects_xy(copy, 0.0, 0.0)
    return copy
