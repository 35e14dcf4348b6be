"""Districts of a municipality for scenarios: a slice along one side, or a middle point, from its exact shape.

Stand-ins for the districts along a river, which no open boundary set has; real senders draw their own.
"""

from __future__ import annotations

import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from lalert.cap.model import Ring
from lalert.cli.chronology import Side, Slice

_GRID_DEG = 1e-4  # four decimals: about 10 m
_COARSE_DEG = 1e-3
_INSET_DEG = 1.5e-3  # about 150 m: what is drawn coarsely stays off the neighbours' ground
_MOST_RINGS = 3


def rings(shape: BaseGeometry, cut: Slice) -> tuple[Ring, ...]:
    """Return the largest rings (lat, lon) of the slice `cut` of a municipality's shape (lon/lat, degrees)."""
    piece = shapely.set_precision(
        shape.buffer(-_INSET_DEG).intersection(_band(shape, cut)).simplify(_COARSE_DEG), _GRID_DEG
    )
    polygons = [part for part in shapely.get_parts(piece) if isinstance(part, Polygon)]
    largest = sorted(polygons, key=lambda polygon: polygon.area, reverse=True)[:_MOST_RINGS]
    return tuple(_ring(polygon) for polygon in largest)


def middle(shape: BaseGeometry) -> tuple[float, float]:
    """Return a point (lat, lon) inside a shape, to four decimals."""
    point = shape.representative_point()
    return round(point.y, 4), round(point.x, 4)


def _band(shape: BaseGeometry, cut: Slice) -> Polygon:
    west, south, east, north = shape.bounds
    width, height = (east - west) * cut.share, (north - south) * cut.share
    bands = {
        Side.NORTH: (west, north - height, east, north),
        Side.SOUTH: (west, south, east, south + height),
        Side.EAST: (east - width, south, east, north),
        Side.WEST: (west, south, west + width, north),
    }
    return shapely.box(*bands[cut.side])


def _ring(polygon: Polygon) -> Ring:
    return tuple((round(lat, 4), round(lon, 4)) for lon, lat in polygon.exterior.coords)
