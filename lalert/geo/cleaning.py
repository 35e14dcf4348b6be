"""Shapes as a file has them -> a coverage: valid, no overlap, no gap, one shape a code; and coarse ones for maps.

Otherwise a point could lie in two municipalities or in none, or a coarse map show gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from lalert.geo.measure import METRES_A_DEGREE, Floats, Geometries

GRID = 1e6  # steps a degree: 0.1 m
_ROUNDS = 5
_POLYGONS = (3, 6)  # GEOS: Polygon, MultiPolygon
_GAP_DEG = 0.0003  # slivers of nobody between two municipalities: up to 30 m wide
_OUTLINE_DEG = 0.006
_ISLET_DEG2 = 1.5e-5  # about 0.15 km2
_PREFECTURE_DEG = 0.02
_PREFECTURE_ISLET_DEG2 = 1e-3

# GEOS leaves the flag for "invalid" behind on broken shapes: that is what cleaning is for.
_quietly = np.errstate(invalid="ignore")


@_quietly
def cleaned(shapes: Iterable[BaseGeometry]) -> Geometries:
    """Return valid shapes that neither overlap nor leave slivers between them.

    Where two overlap the smaller one gets the ground: JMA draws 刈羽村 on top of 柏崎市, which encloses it.
    """
    return _fitted(polygonal(np.array(list(shapes), dtype=object)))


@_quietly
def covering(shapes: Geometries, *, tolerance_m: float) -> Geometries:
    """Return valid shapes as a coverage, cleaned only where they are none yet, with borders moved up to `tolerance_m`.

    Borders that two share are moved alike, nationwide. A shape keeps its last corner.
    """
    whole, _ = _mended(shapes, gap_deg=_GAP_DEG)
    if tolerance_m:
        whole = np.asarray(shapely.coverage_simplify(whole, tolerance_m / METRES_A_DEGREE), dtype=object)
    return _on_grid(whole)


@_quietly
def polygonal(shapes: Geometries) -> Geometries:
    """Return valid polygons; lines and points go.

    The method "structure" keeps cities whole that the default would turn into nested collections.
    """
    valid = shapely.make_valid(shapes, method="structure", keep_collapsed=False)
    kinds = shapely.get_type_id(valid)
    odd = ~np.isin(kinds, _POLYGONS)
    valid[odd] = [_polygons_of(shape) for shape in valid[odd]]
    return np.asarray(valid, dtype=object)


def _on_grid(shapes: Geometries) -> Geometries:
    """Return a coverage on the grid that sets are kept on: rounding a corner may push it over the neighbour's line."""
    for _ in range(_ROUNDS):
        shapes, torn = _mended(polygonal(shapely.transform(shapes, _rounded)), gap_deg=0.0)
        if not torn:
            break
    return shapes


def _mended(shapes: Geometries, *, gap_deg: float) -> tuple[Geometries, bool]:
    """Return the coverage, cleaned around every edge that does not fit its neighbour, and whether there was one."""
    torn = np.flatnonzero(~shapely.is_empty(shapely.coverage_invalid_edges(shapes, gap_width=gap_deg)))
    if not len(torn):
        return shapes, False
    near = np.unique(shapely.STRtree(shapes).query(shapes[torn], predicate="dwithin", distance=gap_deg)[1])
    mended = shapes.copy()
    mended[near] = shapely.coverage_clean(shapes[near], gap_width=gap_deg, merge_strategy="min_area")
    return mended, True


def _rounded(degrees: Floats) -> Floats:
    return np.rint(degrees * GRID) / GRID


def _fitted(valid: Geometries) -> Geometries:
    return np.asarray(shapely.coverage_clean(valid, gap_width=_GAP_DEG, merge_strategy="min_area"), dtype=object)


def _polygons_of(shape: BaseGeometry) -> BaseGeometry:
    parts = [part for part in shapely.get_parts(shape) if shapely.get_type_id(part) in _POLYGONS]
    return cast(BaseGeometry, shapely.union_all(parts)) if parts else shapely.Polygon()


def dissolved(shapes: Geometries, keys: Sequence[str]) -> Geometries:
    """Return one shape for each distinct key of a coverage, in the order of keys."""
    names, rows = np.unique(np.array(keys), return_inverse=True)
    order = np.argsort(rows, kind="stable")
    groups = np.split(shapes[order], np.cumsum(np.bincount(rows, minlength=len(names)))[:-1])
    return np.array([shapely.coverage_union_all(group) for group in groups], dtype=object)


def for_maps(shapes: Geometries, prefectures: Sequence[str]) -> tuple[Geometries, Geometries]:
    """Return coarse outlines of municipalities, and of their prefectures in the order of codes."""
    whole = dissolved(shapes, prefectures)
    return coarse(shapes, _OUTLINE_DEG, _ISLET_DEG2), coarse(whole, _PREFECTURE_DEG, _PREFECTURE_ISLET_DEG2)


def coarse(shapes: Geometries, tolerance_deg: float, islet_deg2: float) -> Geometries:
    """Return coarse shapes whose shared borders still fit, without islets; the largest island of each stays."""
    simple = shapely.coverage_simplify(shapes, tolerance_deg)
    return np.array([_without_islets(shape, islet_deg2) for shape in simple], dtype=object)


def _without_islets(shape: BaseGeometry, islet_deg2: float) -> BaseGeometry:
    parts = shapely.get_parts(shape)
    sizes = shapely.area(parts)
    kept = parts[(sizes >= islet_deg2) | (sizes == sizes.max())]
    return cast(BaseGeometry, shapely.MultiPolygon(list(kept)))
