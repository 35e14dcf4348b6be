"""How often the outlines of one message cross each other: what makes shapes costly, however few bytes they are.

A thousand thin strips across each other are 100 KB of text and a million crossings: their union takes half a minute,
and a map of them minutes. Real districts touch and sometimes overlap. Counting itself is bounded: it ends as soon as
there are too many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import shapely

from lalert.geo.shapes import Disc, LatLon

MAX_CROSSINGS: Final = 20_000

_MAX_PAIRS: Final = 5_000_000  # of edges whose boxes overlap: looked at in about a second
_FEW: Final = 200  # edges: even if each crossed every other, it would not be too many
_CHUNK: Final = 32  # edges asked for at a time: each may meet all others
_KM_PER_DEG: Final = 111.2
_TURNS: Final = np.linspace(0.0, 2 * np.pi, 33)

Points = npt.NDArray[np.float64]
"""Edges' ends, of shape (n, 2): longitude and latitude in degrees."""


def crossings(polygons: Sequence[Sequence[LatLon]], circles: Sequence[Disc]) -> int:
    """Return how many pairs of edges cross; counting begins at 200 edges, and ends beyond MAX_CROSSINGS.

    Edges that only touch, or lie upon each other, cost nothing and do not count. A circle counts as 32 edges; one
    without a radius, as those of earthquakes are, crosses nothing, and the same one again nothing new.
    """
    discs = dict.fromkeys(disc for disc in circles if disc.radius_km)
    if sum(map(len, polygons)) + len(discs) * len(_TURNS) <= _FEW:
        return 0
    with np.errstate(all="ignore"):  # coordinates may be anything: what is no place is found elsewhere
        return _counted([*map(_ring, polygons), *map(_round, discs)])


def _counted(rings: Sequence[Points]) -> int:
    begin = np.concatenate([ring[:-1] for ring in rings])
    end = np.concatenate([ring[1:] for ring in rings])
    tree = shapely.STRtree(shapely.linestrings(np.stack([begin, end], axis=1)))
    found = looked_at = 0
    for one, other in _neighbours(tree):
        found += int(np.count_nonzero(_cross(begin[one], end[one], begin[other], end[other])))
        looked_at += len(one)
        if found > MAX_CROSSINGS:
            break
        if looked_at > _MAX_PAIRS:
            return MAX_CROSSINGS + 1
    return found


def _neighbours(tree: shapely.STRtree) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Yield pairs of edges whose boxes overlap, each pair once."""
    edges = tree.geometries
    for first in range(0, len(edges), _CHUNK):
        asked, met = tree.query(edges[first : first + _CHUNK])
        asked = asked + first
        later = met > asked
        yield asked[later], met[later]


def _cross(a: Points, b: Points, c: Points, d: Points) -> npt.NDArray[np.bool_]:
    """Whether a-b and c-d cross in a point inside both."""
    return (_side(a, b, c) * _side(a, b, d) < 0) & (_side(c, d, a) * _side(c, d, b) < 0)


def _side(a: Points, b: Points, point: Points) -> npt.NDArray[np.float64]:
    """On which side of a-b a point lies: 1, -1, or 0 for upon it."""
    ahead, aside = b - a, point - a
    return np.sign(ahead[:, 0] * aside[:, 1] - ahead[:, 1] * aside[:, 0])


def _ring(points: Sequence[LatLon]) -> Points:
    return np.array([(lon, lat) for lat, lon in points], dtype=np.float64).reshape(-1, 2)


def _round(disc: Disc) -> Points:
    """Return a circle as a ring, near enough to count what it crosses."""
    radius_deg = disc.radius_km / _KM_PER_DEG
    stretch = np.maximum(np.cos(np.radians(disc.lat)), 0.01)
    return np.stack([disc.lon + radius_deg / stretch * np.cos(_TURNS), disc.lat + radius_deg * np.sin(_TURNS)], axis=1)
