"""Metres on the earth: areas, short distances and circles on the WGS 84 ellipsoid, vectorised.

Coordinates are lon/lat in degrees. Areas come from the cylindrical equal-area projection (the one behind EPSG:6933,
scaled to true square metres); circles from Vincenty's direct solution (Survey Review XXIII, 1975).
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

Floats = npt.NDArray[np.float64]
Geometries = npt.NDArray[np.object_]

_A_M = 6_378_137.0
_F = 1 / 298.257223563
_B_M = _A_M * (1 - _F)
_E2 = _F * (2 - _F)
_E = math.sqrt(_E2)

METRES_A_DEGREE = 111_195.0  # of latitude, on the mean sphere: good to 0.6 % for tolerances
CIRCLE_SIDES = 128
_OUTLINE_STEP_DEG = 0.001  # about 100 m
_STRAIGHT_DEG = 0.25  # longer edges bend visibly in the projection; the alert's edge is straight in lon/lat


def areas_m2(geometries: Geometries) -> Floats:
    """Return the area of each geometry in square metres; edges are straight in lon/lat."""
    if not len(geometries):
        return np.zeros(0)
    bounds = shapely.bounds(geometries)
    extent = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    wide = extent > _STRAIGHT_DEG  # false for the empty, whose bounds are NaN
    if wide.any():
        geometries = np.where(wide, shapely.segmentize(geometries, _STRAIGHT_DEG), geometries)
    return cast(Floats, shapely.area(shapely.transform(geometries, _equal_area)))


def area_km2(geometry: BaseGeometry) -> float:
    """Return the area of one geometry in square kilometres."""
    return float(areas_m2(np.array([geometry], dtype=object))[0]) / 1e6


def circle(*, lon: float, lat: float, radius_m: float, sides: int = CIRCLE_SIDES) -> Polygon:
    """Return the geodesic circle as a polygon that holds the whole of it (at most 0.03 % wider with 128 sides)."""
    azimuths = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    return Polygon(_destinations(lon, lat, radius_m / math.cos(math.pi / sides), azimuths))


def distance_m(a: BaseGeometry, b: BaseGeometry) -> float:
    """Return the shortest distance in metres, for geometries a few kilometres apart at most."""
    (lon_a, lat_a), (lon_b, lat_b) = shapely.get_coordinates(shapely.shortest_line(a, b))
    east = (lon_b - lon_a) * math.cos(math.radians((lat_a + lat_b) / 2))
    return float(math.hypot(east, lat_b - lat_a)) * METRES_A_DEGREE


def widened(geometry: BaseGeometry, by_m: float) -> BaseGeometry:
    """Return `geometry` with everything within `by_m` metres, for geometries a few degrees high at most."""
    south, north = geometry.bounds[1], geometry.bounds[3]
    squeeze = math.cos(math.radians((south + north) / 2))
    local = shapely.transform(geometry, lambda c: c * (squeeze, 1))
    return shapely.transform(local.buffer(by_m / METRES_A_DEGREE), lambda c: c / (squeeze, 1))


def reach_deg(geometry: BaseGeometry, distance_m: float) -> float:
    """Return a distance in degrees that holds `distance_m` in every direction (in the latitudes of Japan)."""
    poleward = min(max(abs(geometry.bounds[1]), abs(geometry.bounds[3])), 60.0)
    return distance_m / (METRES_A_DEGREE * math.cos(math.radians(poleward)))


def prepared(geometry: BaseGeometry) -> BaseGeometry:
    """Return a copy made ready for many questions.

    A copy, because shapes are shared between threads and GEOS builds its indexes at the first question, without a
    lock and while other threads run.
    """
    own = shapely.from_wkb(shapely.to_wkb(geometry))
    shapely.prepare(own)
    return cast(BaseGeometry, own)


def outline_points(geometry: BaseGeometry) -> Geometries:
    """Return points along the outline of `geometry`, at its vertices and at most about 100 m apart."""
    return cast(Geometries, shapely.points(shapely.get_coordinates(shapely.segmentize(geometry, _OUTLINE_STEP_DEG))))


def _equal_area(degrees: Floats) -> Floats:
    """Lon/lat in degrees -> x, y in metres whose plane area is the area on the ellipsoid (Snyder 1987, eq. 3-12)."""
    lon, lat = np.radians(degrees[:, 0]), np.radians(degrees[:, 1])
    sine = np.sin(lat)
    q = (1 - _E2) * (sine / (1 - _E2 * sine**2) + np.arctanh(_E * sine) / _E)
    return cast(Floats, np.column_stack((_A_M * lon, _A_M * q / 2)))


def _destinations(lon: float, lat: float, distance: float, azimuths: Floats) -> Floats:
    """Return the points `distance` metres away in each direction (radians from north), as rows of lon, lat."""
    reduced = math.atan((1 - _F) * math.tan(math.radians(lat)))
    sin_u, cos_u = math.sin(reduced), math.cos(reduced)
    sin_az, cos_az = np.sin(azimuths), np.cos(azimuths)
    sin_alpha = cos_u * sin_az
    cos2_alpha = 1 - sin_alpha**2
    sigma1 = np.arctan2(sin_u, cos_u * cos_az)
    sigma, cos_2m = _arc(distance, cos2_alpha, sigma1)
    sin_s, cos_s = np.sin(sigma), np.cos(sigma)
    y = sin_u * cos_s + cos_u * sin_s * cos_az
    x = sin_u * sin_s - cos_u * cos_s * cos_az
    lat2 = np.arctan2(y, (1 - _F) * np.hypot(sin_alpha, x))
    turn = np.arctan2(sin_s * sin_az, cos_u * cos_s - sin_u * sin_s * cos_az)
    c = _F / 16 * cos2_alpha * (4 + _F * (4 - 3 * cos2_alpha))
    bend = sigma + c * sin_s * (cos_2m + c * cos_s * (2 * cos_2m**2 - 1))
    lon2 = math.radians(lon) + turn - (1 - c) * _F * sin_alpha * bend
    return cast(Floats, np.degrees(np.column_stack((lon2, lat2))))


def _arc(distance: float, cos2_alpha: Floats, sigma1: Floats) -> tuple[Floats, Floats]:
    """Return the angular distance on the auxiliary sphere and cos(2 sigma_m), by iteration."""
    u2 = cos2_alpha * (_A_M**2 - _B_M**2) / _B_M**2
    a = 1 + u2 / 16384 * (4096 + u2 * (-768 + u2 * (320 - 175 * u2)))
    b = u2 / 1024 * (256 + u2 * (-128 + u2 * (74 - 47 * u2)))
    sigma = start = distance / (_B_M * a)
    for _ in range(8):  # converges to micrometres in four steps
        cos_2m = np.cos(2 * sigma1 + sigma)
        sin_s = np.sin(sigma)
        far = b / 6 * cos_2m * (4 * sin_s**2 - 3) * (4 * cos_2m**2 - 3)
        sigma = start + b * sin_s * (cos_2m + b / 4 * (np.cos(sigma) * (2 * cos_2m**2 - 1) - far))
    return sigma, np.cos(2 * sigma1 + sigma)
