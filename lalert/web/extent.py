"""Where and when, as OGC API - Features asks for it: `bbox` and `datetime` (Part 1 §7.15.3, §7.15.4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import shapely
from shapely.geometry.base import BaseGeometry

from lalert.errors import Text
from lalert.web.query import Query

_OPEN = ("", "..")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, its ends included; None is open. A moment has equal ends."""

    begin: datetime | None
    end: datetime | None


def span(query: Query, name: str) -> Span | None:
    """Return the time `name`: a moment, or an interval with `/`. None when absent; mistakes are noted in `query`."""
    text = query.verbatim(name)
    if text is None:
        return None
    found = _maybe_span(text.split("/"))
    if found is None:
        message = Text("時差つきの日時、または 日時/日時 です。", "An RFC 3339 time, or two of them with / between.")
        query.wrong(name, message, "2026-07-06T02:40:00+09:00")
    return found


def box(query: Query, name: str) -> BaseGeometry | None:
    """Return the box `name` in lon/lat degrees, or None when absent. One that crosses the antimeridian is two boxes.

    Heights, where six numbers are given, are not looked at: alerts have none.
    """
    text = query.verbatim(name)
    if text is None:
        return None
    found = _maybe_box(text.split(",", 6))
    if found is None:
        message = Text("西,南,東,北(度)で指定してください。", "West, south, east, north in degrees.")
        query.wrong(name, message, "139.5,35.5,140,36")
    return found


def _maybe_span(parts: Sequence[str]) -> Span | None:
    if len(parts) == 1:
        moment = _maybe_moment(parts[0])
        return Span(moment, moment) if moment else None
    ends = [None if part in _OPEN else _maybe_moment(part) for part in parts]
    if len(parts) != 2 or any(end is None and part not in _OPEN for part, end in zip(parts, ends, strict=True)):
        return None
    begin, end = ends
    return None if begin and end and begin > end else Span(begin, end)


def _maybe_moment(text: str) -> datetime | None:
    """Return the moment that `text` spells. A plus sign that came as a blank is a plus sign here."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _maybe_box(parts: Sequence[str]) -> BaseGeometry | None:
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        return None
    if len(numbers) == 6:
        numbers = [*numbers[:2], *numbers[3:5]]
    if len(numbers) != 4 or not _is_on_earth(*numbers):
        return None
    west, south, east, north = numbers
    if west <= east:
        return shapely.box(west, south, east, north)
    return shapely.union(shapely.box(west, south, 180, north), shapely.box(-180, south, east, north))


def _is_on_earth(west: float, south: float, east: float, north: float) -> bool:
    numbers = (west, south, east, north)
    return all(map(math.isfinite, numbers)) and max(abs(west), abs(east)) <= 180 and -90 <= south <= north <= 90
