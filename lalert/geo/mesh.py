"""Grid squares of JIS X 0410 (地域メッシュ): codes to boxes and back, vectorised; the cells that a shape touches.

Codes are integers in arrays (53394611) and digits at the edge. A cell holds its south and west edges. Coordinates
are lon/lat in degrees.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from lalert.geo import faults, measure

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MAX_CELLS = 2_000_000

# The grid as far as JIS X 0410 numbers it around Japan.
LON_DEG = (122.0, 155.0)
LAT_DEG = (20.0, 46.0)


class Level(Enum):
    """A size of cell: its digits, and how many fit into one degree of longitude and of latitude."""

    FIRST = (4, 1, 1.5)  # about 80 km
    SECOND = (6, 8, 12)  # about 10 km
    THIRD = (8, 80, 120)  # about 1 km
    HALF = (9, 160, 240)  # about 500 m
    QUARTER = (10, 320, 480)  # about 250 m

    def __init__(self, digits: int, per_lon: float, per_lat: float) -> None:
        self.digits = digits
        self.per_lon = per_lon
        self.per_lat = per_lat


_FINER = {Level.FIRST: Level.SECOND, Level.SECOND: Level.THIRD, Level.THIRD: Level.HALF, Level.HALF: Level.QUARTER}
_BY_DIGITS = {level.digits: level for level in Level}


def level_of(code: str, *, path: str = "") -> Level:
    """Return the level of a code. Raises Rejected `area.mesh_format` unless `code` is a cell of the grid."""
    level = _BY_DIGITS.get(len(code))
    if level is None or not (code.isascii() and code.isdigit()) or not _is_cell(code):
        raise faults.refusal([faults.mesh_format(code, path)])
    return level


def box_of(code: str, *, path: str = "") -> BaseGeometry:
    """Return the box of one cell. Raises Rejected `area.mesh_format`."""
    level = level_of(code, path=path)
    return shapely.box(*bounds_of(np.array([int(code)]), level)[0])


def bounds_of(codes: Ints, level: Level) -> Floats:
    """Return west, south, east, north of each cell, shape (n, 4)."""
    columns, rows = _places(codes, level)
    west, south = 100 + columns / level.per_lon, rows / level.per_lat
    east, north = 100 + (columns + 1) / level.per_lon, (rows + 1) / level.per_lat
    return np.column_stack((west, south, east, north))


def centres_of(codes: Ints, level: Level) -> Floats:
    """Return lon, lat of the middle of each cell, shape (n, 2)."""
    columns, rows = _places(codes, level)
    return np.column_stack((100 + (columns + 0.5) / level.per_lon, (rows + 0.5) / level.per_lat))


def codes_of(columns: Ints, rows: Ints, level: Level) -> Ints:
    """Return the code of each cell: columns count cells east of 100 E, rows cells north of the equator."""
    if level in (Level.HALF, Level.QUARTER):
        parents = codes_of(columns // 2, rows // 2, Level.THIRD if level is Level.HALF else Level.HALF)
        return parents * 10 + rows % 2 * 2 + columns % 2 + 1
    if level is Level.THIRD:
        return codes_of(columns // 10, rows // 10, Level.SECOND) * 100 + rows % 10 * 10 + columns % 10
    if level is Level.SECOND:
        return codes_of(columns // 8, rows // 8, Level.FIRST) * 100 + rows % 8 * 10 + columns % 8
    return rows * 100 + columns


def codes_at(*, lon: Floats, lat: Floats, level: Level) -> Ints:
    """Return the code of the cell that holds each point. Points must lie in LON_DEG and LAT_DEG."""
    columns = np.floor((np.asarray(lon) - 100) * level.per_lon + 1e-9).astype(np.int64)
    rows = np.floor(np.asarray(lat) * level.per_lat + 1e-9).astype(np.int64)
    return codes_of(columns, rows, level)


def code_at(*, lon: float, lat: float, level: Level) -> str:
    """Return the code of the cell that holds one point, as digits."""
    return str(codes_at(lon=np.array([lon]), lat=np.array([lat]), level=level)[0])


def touched(geometry: BaseGeometry, level: Level, *, limit: int = MAX_CELLS) -> Ints:
    """Return the codes, sorted, of the cells that share ground with `geometry`: exactly, not by its box.

    Looks at large cells first and divides those on the edge only. Cells outside the grid are left out. Raises
    Rejected `area.too_many_cells` above `limit` cells.
    """
    geometry = measure.prepared(geometry)
    edge, inside = _first_cells(geometry), np.zeros(0, dtype=np.int64)
    current = Level.FIRST
    while True:
        edge, within = sorted_out(geometry, edge, current)
        inside = np.concatenate((inside, within))
        if current is level:
            return np.sort(np.concatenate((edge, inside)))
        edge, inside, current = _divided(edge, current), _divided(inside, current), _FINER[current]
        if len(inside) > limit:
            raise faults.refusal([faults.too_many_cells(limit)])


def sorted_out(geometry: BaseGeometry, codes: Ints, level: Level) -> tuple[Ints, Ints]:
    """Return the cells cut by the edge of `geometry` and those wholly inside it; one that only touches is neither."""
    boxes = shapely.box(*bounds_of(codes, level).T)
    within = shapely.covers(geometry, boxes)
    cut = ~within
    cut[cut] = _share_ground(geometry, boxes[cut])
    return codes[cut], codes[within]


def share_ground(geometry: BaseGeometry, codes: Ints, level: Level) -> Mask:
    """Whether each cell shares ground with `geometry`."""
    return _share_ground(geometry, shapely.box(*bounds_of(codes, level).T))


def _share_ground(geometry: BaseGeometry, boxes: measure.Geometries) -> Mask:
    ground = np.asarray(shapely.intersects(geometry, boxes))
    ground[ground] = ~shapely.touches(geometry, boxes[ground])
    return ground


def _first_cells(geometry: BaseGeometry) -> Ints:
    west, south, east, north = geometry.bounds
    columns = np.arange(np.floor(max(west, LON_DEG[0])) - 100, np.ceil(min(east, LON_DEG[1])) - 100)
    rows = np.arange(np.floor(max(south, LAT_DEG[0]) * 1.5), np.ceil(min(north, LAT_DEG[1]) * 1.5))
    column, row = np.meshgrid(columns.astype(np.int64), rows.astype(np.int64))
    return codes_of(column.ravel(), row.ravel(), Level.FIRST)


def _divided(codes: Ints, level: Level) -> Ints:
    """Return the cells of the next finer level inside each of `codes`."""
    finer = _FINER[level]
    n = round(finer.per_lon / level.per_lon)
    columns, rows = _places(codes, level)
    step = np.arange(n)
    column = (columns[:, None, None] * n + step[None, :, None]).repeat(n, axis=2)
    row = (rows[:, None, None] * n + step[None, None, :]).repeat(n, axis=1)
    return codes_of(column.ravel(), row.ravel(), finer)


def _places(codes: Ints, level: Level) -> tuple[Ints, Ints]:
    """Return column and row of each cell: the inverse of `codes_of`."""
    if level in (Level.HALF, Level.QUARTER):
        columns, rows = _places(codes // 10, Level.THIRD if level is Level.HALF else Level.HALF)
        quarter = codes % 10 - 1
        return columns * 2 + quarter % 2, rows * 2 + quarter // 2
    if level is Level.FIRST:
        return codes % 100, codes // 100
    n, coarser = (10, Level.SECOND) if level is Level.THIRD else (8, Level.FIRST)
    columns, rows = _places(codes // 100, coarser)
    return columns * n + codes % 10, rows * n + codes // 10 % 10


def _is_cell(code: str) -> bool:
    row, column = int(code[:2]), int(code[2:4])
    known = LAT_DEG[0] * 1.5 <= row < LAT_DEG[1] * 1.5 and LON_DEG[0] <= column + 100 < LON_DEG[1]
    return known and all(digit < "8" for digit in code[4:6]) and all("1" <= quarter <= "4" for quarter in code[8:])
