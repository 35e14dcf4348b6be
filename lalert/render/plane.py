"""From degrees to the drawing plane: a conformal cone touching the middle of the map, and SVG paths on a whole grid.

Shapes keep their look from Okinawa to Hokkaido, north is up in the middle, and the scale is true there. Coordinates
are rounded to a grid that neighbours share, so that no gap opens between them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

_EARTH_KM = 6371.0
_MOST = 40_000  # corners of one shape that are drawn as they are: all of Japan, borders included, has fewer
_UNSEEN = 0.25  # drawing units: a corner that lies so near to the line without it changes nothing on the grid
_SPECK, _MANY = 200.0, 500  # square units; so many specks are drawn as patches
_GAP = 3.0  # drawing units: half of the gap between two specks that are one patch
_Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A frame in lon/lat degrees."""

    west: float
    south: float
    east: float
    north: float

    @classmethod
    def around(cls, shape: BaseGeometry, *, margin: float = 0.12, least_deg: float = 0.06) -> Box:
        """Return the box of `shape` with a margin (as a share of its greater side), never smaller than `least_deg`."""
        west, south, east, north = shape.bounds
        side = max(east - west, north - south, least_deg)
        pad_lon = max(side * margin, (least_deg - (east - west)) / 2)
        pad_lat = max(side * margin, (least_deg - (north - south)) / 2)
        return cls(west=west - pad_lon, south=south - pad_lat, east=east + pad_lon, north=north + pad_lat)

    def meets(self, shape: BaseGeometry) -> bool:
        """Whether the box of `shape` meets this one."""
        west, south, east, north = shape.bounds
        return bool(west <= self.east and east >= self.west and south <= self.north and north >= self.south)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rect:
    """A place on the drawing, in its units; y grows downwards."""

    x: float
    y: float
    width: float
    height: float


class Plane:
    """A frame of the earth laid into a place of the drawing, as large as fits, in its middle."""

    def __init__(self, box: Box, rect: Rect) -> None:
        self.rect = rect
        self._lon = (box.west + box.east) / 2
        self._lat = math.radians((box.south + box.north) / 2)
        self._scale, self._x, self._y = 1.0, 0.0, 0.0
        west, south, east, north = shapely.transform(_edge(box), self._project).bounds
        self._scale = min(rect.width / (east - west), rect.height / (north - south))
        self._x = rect.x + rect.width / 2 - self._scale * (west + east) / 2
        self._y = rect.y + rect.height / 2 - self._scale * (south + north) / 2
        self._seen = self._frame()
        self._thinned: dict[int, tuple[BaseGeometry, BaseGeometry]] = {}

    @property
    def units_per_km(self) -> float:
        """How long a kilometre is in the middle of the map."""
        return self._scale / _EARTH_KM

    @property
    def box(self) -> Box:
        """All that the place shows, in degrees: the frame asked for and what lies beside it."""
        west, south, east, north = self._seen.bounds
        return Box(west=west, south=south, east=east, north=north)

    def laid(self, shape: BaseGeometry) -> BaseGeometry:
        """Return `shape` on the drawing, cut off well outside its place; of very many corners those that are seen."""
        known = self._thinned.get(id(shape))
        if known is not None:
            return known[1]
        cut = shape if shapely.contains(self._seen, shape) else _cut(shape, self.box)
        drawn = shapely.transform(cut, self._project)
        if shapely.get_num_coordinates(drawn) <= _MOST:
            return drawn
        thin = _thinned(drawn)
        self._thinned[id(shape)] = shape, thin  # asked for again by what is written on it
        return thin

    def seen(self, shape: BaseGeometry) -> BaseGeometry:
        """Return what of `shape` the place shows, on the drawing; empty when nothing."""
        rect = self.rect
        laid = _valid(self.laid(shape))  # projecting can cross lines that lie very near
        return shapely.clip_by_rect(laid, rect.x, rect.y, rect.x + rect.width, rect.y + rect.height)

    def at(self, *, lon: float, lat: float) -> tuple[float, float]:
        """Return where a point lies on the drawing."""
        x, y = self._project(np.array([[lon, lat]]))[0]
        return float(x), float(y)

    def shows(self, x: float, y: float) -> bool:
        """Whether a point of the drawing lies in the place."""
        rect = self.rect
        return rect.x <= x <= rect.x + rect.width and rect.y <= y <= rect.y + rect.height

    def _project(self, degrees: _Points) -> _Points:
        cone = math.sin(self._lat)
        turned = cone * np.radians(degrees[:, 0] - self._lon)
        ratio = math.tan(math.pi / 4 + self._lat / 2) / np.tan(math.pi / 4 + np.radians(degrees[:, 1]) / 2)
        radius = ratio**cone / math.tan(self._lat)
        x = self._x + self._scale * radius * np.sin(turned)
        y = self._y + self._scale * (radius * np.cos(turned) - 1 / math.tan(self._lat))
        return np.column_stack((x, y))

    def _frame(self) -> BaseGeometry:
        """Return the place's own outline in degrees, a little enlarged."""
        rect, pad = self.rect, 4.0
        x = np.linspace(rect.x - pad, rect.x + rect.width + pad, 9)
        y = np.linspace(rect.y - pad, rect.y + rect.height + pad, 9)
        corners = np.array([(a, b) for a in (x[0], x[4], x[-1]) for b in (y[0], y[4], y[-1])])
        return shapely.box(*shapely.MultiPoint(self._unproject(corners)).bounds)

    def _unproject(self, drawn: _Points) -> _Points:
        cone, pole = math.sin(self._lat), 1 / math.tan(self._lat)
        x = (drawn[:, 0] - self._x) / self._scale
        y = (drawn[:, 1] - self._y) / self._scale + pole
        radius = np.hypot(x, y) / pole
        lat = 2 * np.arctan(math.tan(math.pi / 4 + self._lat / 2) / radius ** (1 / cone)) - math.pi / 2
        return np.column_stack((self._lon + np.degrees(np.arctan2(x, y)) / cone, np.degrees(lat)))


def path(shapes: Iterable[BaseGeometry], *, grid: float) -> str:
    """Return the `d` of an SVG path for the polygons among `shapes`, in steps of `grid` units; specks vanish."""
    return "".join(_ring(ring, grid) for shape in shapes for ring in _rings(shape))


def _rings(shape: BaseGeometry) -> Iterator[_Points]:
    for part in shapely.get_parts(shape):
        if part.geom_type == "Polygon":
            for ring in (part.exterior, *part.interiors):
                yield shapely.get_coordinates(ring)
        elif hasattr(part, "geoms"):
            yield from _rings(part)


def _ring(points: _Points, grid: float) -> str:
    """Return one closed ring in relative steps; the points on a straight run of the grid are left out."""
    steps = np.rint(points / grid).astype(int)
    steps = steps[np.any(np.diff(steps, axis=0, prepend=steps[:1] - 1) != 0, axis=1)]
    if len(steps) < 4:
        return ""
    moves = np.diff(steps[:-1], axis=0)
    drawn = " ".join(f"{x} {y}" for x, y in moves.tolist()).replace(" -", "-")
    return f"M{steps[0][0]} {steps[0][1]}l{drawn}z"


def _thinned(drawn: BaseGeometry) -> BaseGeometry:
    """Return `drawn` without the corners that nobody sees: thousands of circles would take half a minute to draw."""
    thin = _valid(shapely.simplify(drawn, _UNSEEN, preserve_topology=False))
    parts = shapely.get_parts(thin)
    is_speck = shapely.area(parts) < _SPECK
    if np.count_nonzero(is_speck) <= _MANY:
        return thin
    return shapely.union_all([*parts[~is_speck], *_patches(shapely.multipolygons(parts[is_speck]))])


def _patches(specks: BaseGeometry) -> Iterator[BaseGeometry]:
    """Yield specks as the patches that they look like: what lies between two that nearly touch is drawn with them."""
    grown = specks.buffer(_GAP, quad_segs=1).buffer(-_GAP, quad_segs=1)
    for patch in shapely.get_parts(grown):
        holes = [ring for ring in patch.interiors if shapely.Polygon(ring).area >= _SPECK]
        yield shapely.Polygon(patch.exterior, holes)


def _valid(shape: BaseGeometry) -> BaseGeometry:
    return shape if shapely.is_valid(shape) else shapely.make_valid(shape, method="structure", keep_collapsed=False)


def _edge(box: Box) -> BaseGeometry:
    return shapely.segmentize(shapely.box(box.west, box.south, box.east, box.north), (box.north - box.south) / 8)


def _cut(shape: BaseGeometry, box: Box) -> BaseGeometry:
    return shapely.clip_by_rect(shape, box.west, box.south, box.east, box.north)
