"""Residents around the real towns of Japan, for cases that need millions of them.

With LALERT_TEST_DATA the towns are the 277,676 of `boundaries/town_points.csv.gz`; without it, points inside the
embedded municipalities. Everybody lives a few hundred metres from a town and asks for one cell; every other one asks
for the municipality, too.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import shapely

from lalert.geo import mesh
from lalert.geo.boundaries import load
from lalert.geo.measure import Geometries
from lalert.geo.mesh import Floats, Ints
from lalert.geo.residents import CELLS, Place

SPREAD_DEG: Final = 0.004
_LEVEL_SHARES: Final = (0.2, 0.3, 0.5)  # of 1 km, 500 m and 250 m
_AT_ONCE: Final = 100_000


@dataclass(frozen=True, slots=True)
class Crowd:
    """Residents numbered from `first`: homes (lon, lat in degrees), the cell and the code (0: none) of each."""

    first: int
    homes: Floats
    cells: Ints
    codes: Ints

    def places(self) -> Iterator[Place]:
        """Yield the subscriptions."""
        for number, (cell, code) in enumerate(zip(self.cells.tolist(), self.codes.tolist(), strict=True), self.first):
            yield Place(number, frozenset((f"{code:06}",)) if code else frozenset(), frozenset((str(cell),)))

    def boxes(self) -> Geometries:
        """Return everybody's cell as a polygon."""
        boxes = np.empty(len(self.cells), dtype=object)
        for level in CELLS:
            asked = self.cells // 10 ** (level.digits - 1)
            here = (asked > 0) & (asked < 10)
            boxes[here] = shapely.box(*mesh.bounds_of(self.cells[here], level).T)
        return boxes


def towns() -> Floats:
    """Return lon, lat of the towns that lie on land of the embedded set, shape (n, 2)."""
    folder = os.environ.get("LALERT_TEST_DATA")
    if folder is None:
        return _embedded_towns()
    with gzip.open(Path(folder) / "boundaries" / "town_points.csv.gz", "rt", encoding="utf-8") as file:
        return np.array([(float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file) if row["lon"]])


def crowds(count: int, *, seed: int = 1) -> Iterator[Crowd]:
    """Yield `count` residents in portions: the same for the same seed."""
    draw, centres = np.random.default_rng(seed), towns()
    codes = _codes_of(centres)
    for begin in range(0, count, _AT_ONCE):
        yield _crowd(draw, centres, codes, begin + 1, min(_AT_ONCE, count - begin))


def crowd(count: int, *, seed: int = 1) -> Crowd:
    """Return `count` residents at once."""
    parts = list(crowds(count, seed=seed))
    homes, cells = np.concatenate([part.homes for part in parts]), np.concatenate([part.cells for part in parts])
    return Crowd(1, homes, cells, np.concatenate([part.codes for part in parts]))


def _crowd(draw: np.random.Generator, centres: Floats, codes: Ints, first: int, count: int) -> Crowd:
    chosen = draw.integers(len(centres), size=count)
    homes = centres[chosen] + draw.normal(0, SPREAD_DEG, (count, 2))
    asked = draw.choice(len(CELLS), size=count, p=_LEVEL_SHARES)
    by_level = np.column_stack([mesh.codes_at(lon=homes[:, 0], lat=homes[:, 1], level=level) for level in CELLS])
    cells = by_level[np.arange(count), asked]
    return Crowd(first, homes, cells, np.where(draw.random(count) < 0.5, codes[chosen], 0))


def _codes_of(points: Floats) -> Ints:
    """Return the municipality of each point, 0 in the sea."""
    boundaries = load()
    known = [place.code for place in boundaries.municipalities]
    tree = shapely.STRtree([boundaries.shape_of(code) for code in known])
    rows, found = tree.query(shapely.points(points), predicate="intersects")
    codes = np.zeros(len(points), dtype=np.int64)
    codes[rows] = np.array([int(code) for code in known])[found]
    return codes


def _embedded_towns() -> Floats:
    boundaries = load()
    shapes = [boundaries.shape_of(place.code) for place in boundaries.municipalities]
    return np.array([(point.x, point.y) for point in map(shapely.point_on_surface, shapes)])
