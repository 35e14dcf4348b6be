"""Coasts: which municipalities touch the sea along each of the JMA's 津波予報区, which are lines.

Asked from the shore, not from the line: every stretch of shore belongs to the coast that lies nearest, so a line that
is drawn coarsely loses no town, and no town behind the shore is taken in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import shapely

from lalert.geo.measure import Floats, Geometries
from lalert.geo.mesh import Ints

FAR_DEG = 0.15  # shore farther from every coast than this belongs to none
LEAST_DEG = 0.015  # about 1.5 km; less is the corner of the neighbour's coast, unless it is all that a place has
_HOME_SHARE = 0.1  # of a coast, from which it is a prefecture's own, too
_STRETCH_DEG = 0.005  # shore is looked up in squares of about 500 m
_MICRO = 1e7
_PIECE = 32  # vertices of a line that are looked up together


def shores(
    coasts: Mapping[str, Geometries], municipalities: Geometries, prefectures: Sequence[str]
) -> tuple[dict[str, list[int]], list[int]]:
    """Return the rows of `municipalities` along each coast, and the rows with shore that belong to none.

    `municipalities` are a coverage, each in one of `prefectures`; `coasts` are lines by their codes. All in lon/lat
    degrees.
    """
    rows, points, lengths = _stretches(*_shore(municipalities))
    names, lines = _lines(coasts)
    nearest, far = _nearest(points, lines)
    along = defaultdict[int, defaultdict[str, float]](lambda: defaultdict(float))
    for row, line, length in zip(rows[~far].tolist(), nearest[~far].tolist(), lengths[~far].tolist(), strict=True):
        along[row][names[line]] += length
    at_home = _at_home(along, prefectures)
    found: dict[str, list[int]] = {code: [] for code in coasts}
    for row, shares in sorted(along.items()):
        for code, length in shares.items():
            is_its_own = length >= LEAST_DEG and (code, prefectures[row]) in at_home
            if is_its_own or length == max(shares.values()):
                found[code].append(row)
    return found, sorted(set(rows.tolist()) - along.keys())


def _at_home(along: Mapping[int, Mapping[str, float]], prefectures: Sequence[str]) -> set[tuple[str, str]]:
    """Return the pairs of coast and prefecture where that has more of the coast than an islet of its own off it."""
    shares, total = defaultdict[tuple[str, str], float](float), defaultdict[str, float](float)
    for row, lengths in along.items():
        for code, length in lengths.items():
            shares[code, prefectures[row]] += length
            total[code] += length
    return {pair for pair, length in shares.items() if length >= _HOME_SHARE * total[pair[0]]}


def _shore(municipalities: Geometries) -> tuple[Ints, Floats]:
    """Return the edges around the land as (lon, lat, lon, lat), each with the row of the municipality that has it.

    Only the outermost rings: between prefectures that were drawn apart gaps are left, and they are no sea.
    """
    parts, row = shapely.get_parts(municipalities, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    inner, ring = _edges(rings)
    outer, _ = _edges(shapely.get_exterior_ring(shapely.get_parts(shapely.coverage_union_all(municipalities))))
    keys, wanted = _keys(inner), _keys(outer)
    order = np.argsort(keys)
    at = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
    known = keys[at] == wanted
    return row[part[ring[at[known]]]].astype(np.int64), outer[known]


def _edges(rings: Geometries) -> tuple[Floats, Ints]:
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    within = ring[1:] == ring[:-1]
    return np.hstack((corners[:-1], corners[1:]))[within], ring[:-1][within].astype(np.int64)


def _keys(edges: Floats) -> npt.NDArray[np.void]:
    """Return what is equal for the same edge, in whichever direction it runs."""
    grid = np.rint(edges * _MICRO).astype(np.int64)
    turned = (grid[:, 0] > grid[:, 2]) | ((grid[:, 0] == grid[:, 2]) & (grid[:, 1] > grid[:, 3]))
    grid[turned] = grid[turned][:, [2, 3, 0, 1]]
    ends = np.ascontiguousarray(grid)
    return ends.view([("", np.int64)] * 4).ravel()


def _stretches(owner: Ints, edges: Floats) -> tuple[Ints, Geometries, Floats]:
    """Return the shore by municipality and square: row, a point on it, and how long it is there, in degrees."""
    middle = (edges[:, :2] + edges[:, 2:]) / 2
    length = np.hypot(*(edges[:, 2:] - edges[:, :2]).T)
    squares = np.column_stack((owner, np.floor(middle / _STRETCH_DEG).astype(np.int64)))
    _, first, which = np.unique(squares, axis=0, return_index=True, return_inverse=True)
    points = np.asarray(shapely.points(middle[first]), dtype=object)
    return owner[first], points, np.bincount(which.ravel(), weights=length).astype(np.float64)


def _lines(coasts: Mapping[str, Geometries]) -> tuple[Sequence[str], Geometries]:
    """Return all coasts in short pieces, each with its code: a tree of long lines would be slow."""
    names: list[str] = []
    pieces: list[shapely.Geometry] = []
    for code, shapes in coasts.items():
        for line in shapely.get_parts(shapely.get_parts(shapes)):
            corners = shapely.get_coordinates(line)
            cut = [corners[at : at + _PIECE + 1] for at in range(0, max(1, len(corners) - 1), _PIECE)]
            pieces += [shapely.LineString(piece) for piece in cut if len(piece) > 1]
            names += [code] * (len(pieces) - len(names))
    return names, np.array(pieces, dtype=object)


def _nearest(points: Geometries, lines: Geometries) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Return the row of the line nearest to each point, and whether even that one is far."""
    if not len(lines):
        return np.zeros(len(points), dtype=np.intp), np.ones(len(points), dtype=np.bool_)
    nearest = shapely.STRtree(lines).nearest(points)
    return nearest, shapely.distance(points, lines[nearest]) > FAR_DEG
