"""The grid squares along the outline of a shape, worked out for all of its edges at once.

An edge is followed from column to column of 250 m cells. A cell is *near* when the edge comes as close as rounding
(some 0.03 mm), and *crossed* when it certainly goes through its inside. The difference is what an edge that runs along
a border of the grid, or through a corner, leaves to an exact question. What is not near lies wholly inside the shape or
wholly outside it, so that one point tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from lalert.geo import measure, mesh
from lalert.geo.mesh import Floats, Ints, Level, Mask
from lalert.geo.postings import firsts

MOST_STEPS: Final = 2_000_000
"""An outline that passes more columns than this is not followed: everything counts as near."""

_FINEST: Final = Level.QUARTER
_ROUNDING: Final = 1e-7  # of a cell; coordinates are good to 1e-11
_SLOPING: Final = 1e-10  # of a cell, for each cell that an edge rises within one column


@dataclass(frozen=True, slots=True)
class Sorted:
    """Cells of one level: `inside` wholly, on the `edge` (or so close that their parts must be looked at), and which of
    those on the edge are `touched`: they share ground with the shape.
    """

    edge: Ints
    inside: Ints
    touched: Ints


@dataclass(frozen=True, slots=True)
class Trace:
    """Codes of the cells of 250 m along an outline, in order. `crossed` are among `near`."""

    near: Ints
    crossed: Ints

    def at(self, level: Level) -> Trace:
        """Return the same for squares of another level."""
        scale = 10 ** (_FINEST.digits - level.digits)
        return Trace(_distinct(self.near // scale), _distinct(self.crossed // scale))


class Outline:
    """A shape that many cells are held against."""

    def __init__(self, geometry: BaseGeometry) -> None:
        self._shape = measure.prepared(geometry)
        self._trace = trace(geometry)

    def sorted_out(self, codes: Ints, level: Level) -> Sorted:
        """Return how each of these cells lies to the shape."""
        if self._trace is None:
            edge, inside = mesh.sorted_out(self._shape, codes, level)
            return Sorted(edge, inside, edge)
        along = self._trace.at(level)
        is_near = _is_among(codes, along.near)
        edge, far = codes[is_near], codes[~is_near]
        return Sorted(edge, far[self._holds_middle(far, level)], self._touched(edge, along.crossed, level))

    def _touched(self, edge: Ints, crossed: Ints, level: Level) -> Ints:
        """Return which cells on the edge share ground: those crossed, those whose middle does, and few to be asked."""
        is_touched = _is_among(edge, crossed)
        if is_touched.all():
            return edge
        is_touched[~is_touched] = self._holds_middle(edge[~is_touched], level)
        is_touched[~is_touched] = mesh.share_ground(self._shape, edge[~is_touched], level)
        return edge[is_touched]

    def _holds_middle(self, codes: Ints, level: Level) -> Mask:
        return np.asarray(shapely.contains_xy(self._shape, mesh.centres_of(codes, level)))


@dataclass(frozen=True, slots=True)
class _Edges:
    """Edges from west to east, in cells of the finest level: columns from 100 E, rows from the equator."""

    x0: Floats
    y0: Floats
    x1: Floats
    y1: Floats

    @classmethod
    def of(cls, geometry: BaseGeometry) -> _Edges:
        """Return the edges of all rings."""
        points, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(geometry)), return_index=True)
        x, y = (points[:, 0] - 100) * _FINEST.per_lon, points[:, 1] * _FINEST.per_lat
        begin = np.flatnonzero(ring[1:] == ring[:-1])
        back = x[begin] > x[begin + 1]
        west, east = begin + back, begin + ~back
        return cls(x[west], y[west], x[east], y[east])

    def taken(self, rows: Ints) -> _Edges:
        """Return the edges at `rows`."""
        return _Edges(self.x0[rows], self.y0[rows], self.x1[rows], self.y1[rows])

    def between(self, column: Ints, margin: float) -> tuple[Floats, Floats, Mask]:
        """Return how low and how high each edge gets in its column, made wider by `margin`, and whether it is there."""
        begin, end = np.maximum(self.x0, column - margin), np.minimum(self.x1, column + 1 + margin)
        slope = self.slope
        at_begin = np.where(begin > self.x0, self.y0 + (begin - self.x0) * slope, self.y0)
        at_end = np.where(end < self.x1, self.y0 + (end - self.x0) * slope, self.y1)
        return np.minimum(at_begin, at_end), np.maximum(at_begin, at_end), begin <= end

    @property
    def slope(self) -> Floats:
        """How many rows each rises in a column; 0 for one that keeps within a column line."""
        width = self.x1 - self.x0
        return np.divide(self.y1 - self.y0, width, out=np.zeros_like(width), where=width > 0)


def trace(geometry: BaseGeometry) -> Trace | None:
    """Return the cells of 250 m along the outline of polygons (lon/lat in degrees), None where there are too many.

    Cells beyond the grid are left out.
    """
    edges = _Edges.of(geometry)
    first, last = _columns(edges)
    if np.sum(np.maximum(last - first + 1, 0)) > MOST_STEPS:
        return None
    edge, column = _spread(first, last)
    edges = edges.taken(edge)
    margin = _ROUNDING + _SLOPING * np.abs(edges.slope)
    low, high, _ = edges.between(column, _ROUNDING)
    lowest, highest = _rows(low - margin, high + margin)
    if np.sum(np.maximum(highest - lowest + 1, 0)) > MOST_STEPS:
        return None
    step, row = _spread(lowest, highest)
    codes = mesh.codes_of(column[step], row, _FINEST)
    crossed = codes[_is_crossed(edges, column, margin, step, row)]
    return Trace(_distinct(np.sort(codes)), _distinct(np.sort(crossed)))


def _is_crossed(edges: _Edges, column: Ints, margin: Floats, step: Ints, row: Ints) -> Mask:
    """Whether the edge of each step certainly has a point inside the cell."""
    low, high, is_there = edges.between(column, -_ROUNDING)
    reach = _ROUNDING + margin
    is_low = (low + reach)[step] < row + 1
    is_high = (high - reach)[step] > row
    return is_there[step] & is_low & is_high


def _columns(edges: _Edges) -> tuple[Ints, Ints]:
    """Return the first and the last column of the grid that each edge comes near."""
    west, east = ((lon - 100) * _FINEST.per_lon for lon in mesh.LON_DEG)
    first = np.maximum(np.floor(edges.x0 - _ROUNDING), west)
    last = np.minimum(np.floor(edges.x1 + _ROUNDING), east - 1)
    return first.astype(np.int64), last.astype(np.int64)


def _rows(low: Floats, high: Floats) -> tuple[Ints, Ints]:
    south, north = (lat * _FINEST.per_lat for lat in mesh.LAT_DEG)
    first = np.clip(np.floor(low), south, north)
    last = np.clip(np.floor(high), south - 1, north - 1)
    return first.astype(np.int64), last.astype(np.int64)


def _spread(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """Return every number from each `first` to its `last`, and whose it is."""
    counts = np.maximum(last - first + 1, 0)
    whose = np.repeat(np.arange(len(counts)), counts)
    begins = np.cumsum(counts) - counts
    return whose, np.arange(len(whose)) - begins[whose] + first[whose]


def _is_among(codes: Ints, ordered: Ints) -> Mask:
    """Whether each of `codes` is in `ordered`."""
    if not len(ordered):
        return np.zeros(len(codes), dtype=np.bool_)
    place = np.minimum(np.searchsorted(ordered, codes), len(ordered) - 1)
    return np.equal(ordered[place], codes)


def _distinct(ordered: Ints) -> Ints:
    return ordered[firsts(ordered)]
