"""What of an area lies outside the municipalities that somebody may alert.

Borders differ between boundary sets by tens of metres, and people draw along them: ground within `slack_m` of what is
allowed is forgiven. Half a municipality never is, however small it may be.
"""

from __future__ import annotations

from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry

from lalert.geo import measure
from lalert.geo.area import Area, Covered
from lalert.geo.boundaries import BoundarySet, Meeting

NEVER_FORGIVEN = 0.5


@dataclass(frozen=True, slots=True)
class Outside:
    """Ground of `area` that is not allowed: the municipalities, in the order of codes, and the shape of it."""

    municipalities: tuple[Covered, ...]
    geometry: BaseGeometry

    @property
    def codes(self) -> tuple[str, ...]:
        """The six-digit codes of the municipalities."""
        return tuple(covered.code for covered in self.municipalities)


def outside(area: Area, allowed: frozenset[str] | None, boundaries: BoundarySet, *, slack_m: float) -> Outside | None:
    """Return what of `area` is land not `allowed`, beyond `slack_m` metres from allowed land; None when nothing is.

    `allowed` are six-digit municipalities of `boundaries` (see `BoundarySet.expand`); None allows the whole country.
    """
    if allowed is None or area.codes <= allowed:
        return None
    meetings = boundaries.meet(area.geometry)
    if not meetings:
        return _offshore(area, allowed)
    foreign = [meeting for meeting in meetings if meeting.covered.code not in allowed]
    beyond = {meeting.covered: _beyond(meeting, allowed, boundaries, slack_m) for meeting in foreign}
    found = {covered: ground for covered, ground in beyond.items() if not ground.is_empty}
    return Outside(tuple(found), shapely.union_all(list(found.values()))) if found else None


def _beyond(meeting: Meeting, allowed: frozenset[str], boundaries: BoundarySet, slack_m: float) -> BaseGeometry:
    """Return the part of a meeting that slack does not forgive."""
    near = boundaries.near(meeting.part, within_m=slack_m) & allowed
    if meeting.covered.share >= NEVER_FORGIVEN or not near:
        return meeting.part
    return shapely.difference(meeting.part, measure.widened(boundaries.geometry_of(near), slack_m))


def _offshore(area: Area, allowed: frozenset[str]) -> Outside | None:
    """Judge an area on no land by the municipalities that it was counted to."""
    counted = tuple(covered for covered in area.municipalities if covered.code not in allowed)
    return Outside(counted, area.geometry) if counted else None
