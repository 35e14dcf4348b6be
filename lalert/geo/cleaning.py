"""Shapes as a file has them -> a coverage: valid, no overlap, no gap, one shape a code; and coarse ones for maps.

Otherwise a point could lie in two municipalities or in none, or a coarse map show gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from lalert.geo.measure import Geometries

_GAP_DEG = 0.0003  # slivers of nobody between two municipalities: up to 30 m wide
_OUTLINE_DEG = 0.006
_ISLET_DEG2 = 1.5e-5  # about 0.15 km2
_PREFECTURE_DEG = 0.02
_PREFECTURE_ISLET_DEG2 = 1e-3


def cleaned(shapes: Iterable[BaseGeometry]) -> Geometries:
    """Return valid shapes that neither overlap nor leave slivers between them.

    Where two overlap the smaller one gets the ground: JMA draws 刈羽村 on top of 柏崎市, which encloses it. The
    method "structure" keeps cities whole that the default would turn into nested collections.
    """
    array = np.array(list(shapes), dtype=object)
    valid = shapely.make_valid(array, method="structure", keep_collapsed=False)
    return np.asarray(shapely.coverage_clean(valid, gap_width=_GAP_DEG, merge_strategy="min_area"), dtype=object)


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
