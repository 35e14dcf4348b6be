"""Random outlines of alerts, plain and nasty: what two engines must agree on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from lalert.geo import measure, mesh
from lalert.geo.boundaries import BoundarySet
from lalert.geo.mesh import Floats, Level

SMALLEST_M, LARGEST_M = 100.0, 60_000.0
_LARGEST_PART_M = 20_000.0


@dataclass(frozen=True, slots=True)
class Outline:
    """What an alert may draw, and what kind of thing it is."""

    kind: str
    geometry: BaseGeometry


class Drawer:
    """Draws outlines around `towns` (lon, lat) and along the coasts and borders of `boundaries`."""

    def __init__(self, boundaries: BoundarySet, towns: Floats, *, seed: int) -> None:
        self._draw = np.random.default_rng(seed)
        self._boundaries = boundaries
        self._towns = towns
        self._codes = [place.code for place in boundaries.municipalities]
        self._coast = shapely.get_coordinates(boundaries.geometry_of(self._codes))

    def outlines(self, count: int) -> Iterator[Outline]:
        """Yield `count` outlines, one kind after the other; all are valid."""
        kinds: tuple[tuple[str, Callable[[], BaseGeometry]], ...] = (
            ("polygon", lambda: self._star(*self._town())),
            ("hole", self._holed),
            ("circle", lambda: measure.circle(**self._town_at(), radius_m=self._radius_m())),
            ("multi", self._multi),
            ("coast", lambda: self._star(*self._of(self._coast))),
            ("strip", self._strip),
            ("speck", self._speck),
            ("cells", self._cells),
            ("municipality", self._municipality),
            ("shifted", lambda: shapely.transform(self._municipality(), lambda c: c + 1e-7)),
        )
        for number in range(count):
            kind, draw = kinds[number % len(kinds)]
            geometry = draw()
            assert geometry.is_valid, (kind, number)
            yield Outline(kind, geometry)

    def _of(self, points: Floats) -> tuple[float, float]:
        lon, lat = points[self._draw.integers(len(points))]
        return float(lon), float(lat)

    def _town(self) -> tuple[float, float]:
        lon, lat = self._of(self._towns)
        return lon + self._draw.normal(0, 0.01), lat + self._draw.normal(0, 0.01)

    def _town_at(self) -> dict[str, float]:
        lon, lat = self._town()
        return {"lon": lon, "lat": lat}

    def _radius_m(self, largest_m: float = LARGEST_M) -> float:
        return float(np.exp(self._draw.uniform(np.log(SMALLEST_M), np.log(largest_m))))

    def _star(self, lon: float, lat: float, radius_m: float | None = None) -> BaseGeometry:
        """A polygon seen whole from its centre: as irregular as may be, and never in its own way."""
        sides = int(self._draw.integers(3, 200))
        angles = 2 * np.pi * (np.arange(sides) + self._draw.uniform(0, 0.9, sides)) / sides
        reach = self._draw.uniform(0.3, 1, sides) * (radius_m or self._radius_m()) / measure.METRES_A_DEGREE
        east = reach / np.cos(np.radians(lat))
        return shapely.Polygon(np.column_stack((lon + east * np.cos(angles), lat + reach * np.sin(angles))))

    def _holed(self) -> BaseGeometry:
        lon, lat = self._town()
        radius_m = self._radius_m()
        around = measure.circle(lon=lon, lat=lat, radius_m=radius_m, sides=48)
        return around.difference(self._star(lon, lat, radius_m * 0.9))

    def _multi(self) -> BaseGeometry:
        return shapely.union_all([self._star(*self._town(), self._radius_m(_LARGEST_PART_M)) for _ in range(4)])

    def _strip(self) -> BaseGeometry:
        """A river: long, narrow, bent."""
        steps = np.array(self._town()) + self._draw.normal(0, 0.02, (12, 2)).cumsum(axis=0)
        return shapely.LineString(steps).buffer(float(self._draw.uniform(1e-5, 1e-3)))

    def _speck(self) -> BaseGeometry:
        """Some metres, often inside one cell."""
        lon, lat = self._town()
        return shapely.Point(lon, lat).buffer(float(self._draw.uniform(1e-6, 1e-4)))

    def _cells(self) -> BaseGeometry:
        """Whole cells: every edge is one that somebody else's cell has, too."""
        lon, lat = self._town()
        level = (Level.THIRD, Level.HALF, Level.QUARTER)[self._draw.integers(3)]
        inside = measure.circle(lon=lon, lat=lat, radius_m=self._radius_m(5_000.0), sides=16)
        return shapely.union_all(shapely.box(*mesh.bounds_of(mesh.touched(inside, level), level).T))

    def _municipality(self) -> BaseGeometry:
        """A whole municipality: its neighbours share the border and no ground."""
        return self._boundaries.shape_of(self._codes[self._draw.integers(len(self._codes))])
