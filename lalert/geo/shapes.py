"""Rings and circles as CAP gives them -> shapes, or every reason why not.

Nothing is repaired: an outline that crosses itself or is not closed may have lost points, and a guess would warn the
wrong people. Points given twice and outlines that touch themselves in a point have one meaning only and pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from lalert.errors import Finding
from lalert.geo import faults, measure

POINT_RADIUS_M = 50.0  # a circle of radius 0 is a point: this far around it
MAX_RADIUS_KM = 3_000.0  # more than the length of Japan

_EARTH = (90.0, 180.0)  # latitude, longitude
_HALF_ROUND = 180.0
# Where a pair that is not on earth lies when it is turned round, if it was swapped.
_JAPAN_LON = (122.0, 155.0)
_JAPAN_LAT = (20.0, 46.0)

LatLon = tuple[float, float]


class Disc(Protocol):
    """A circle as CAP gives it; radius in kilometres."""

    @property
    def lat(self) -> float: ...  # noqa: D102
    @property
    def lon(self) -> float: ...  # noqa: D102
    @property
    def radius_km(self) -> float: ...  # noqa: D102


def polygon(ring: Sequence[LatLon], *, path: str) -> BaseGeometry:
    """Return the polygon inside a closed ring of (lat, lon). Raises Rejected with what is wrong."""
    findings = _ring_faults(ring, path)
    if findings:
        raise faults.refusal(findings)
    shape = Polygon(np.asarray(ring, dtype=np.float64)[:, ::-1])
    if shape.is_valid:
        return shape
    reason, _, where = shapely.is_valid_reason(shape).partition("[")
    if reason != "Ring Self-intersection":
        raise faults.refusal([faults.ring_crossing(_lat_lon(where), path)])
    return shapely.make_valid(shape, method="structure", keep_collapsed=False)


def circle(disc: Disc, *, path: str) -> BaseGeometry:
    """Return the geodesic circle; radius 0 gives POINT_RADIUS_M around the point. Raises Rejected."""
    findings = _position_faults([(disc.lat, disc.lon)], faults.CIRCLE, path)
    if not 0 <= disc.radius_km <= MAX_RADIUS_KM:
        findings.append(faults.radius(f"{disc.radius_km:g}", MAX_RADIUS_KM, path))
    if findings:
        raise faults.refusal(findings)
    shape = measure.circle(lon=disc.lon, lat=disc.lat, radius_m=disc.radius_km * 1000 or POINT_RADIUS_M)
    centre = shapely.Point(disc.lon, disc.lat)
    if shape.bounds[0] < -180 or shape.bounds[2] > 180 or not shape.is_valid or not shape.covers(centre):
        raise faults.refusal([faults.antimeridian(faults.CIRCLE, path)])
    return shape


def _ring_faults(ring: Sequence[LatLon], path: str) -> list[Finding]:
    findings = _position_faults(ring, faults.POLYGON, path)
    distinct = len(set(ring))
    if distinct < 3:
        findings.append(faults.ring_short(distinct, path))
    elif ring[0] != ring[-1]:
        findings.append(faults.ring_open(_text(ring[0]), _text(ring[-1]), path))
    if not findings and (np.abs(np.diff(np.asarray(ring, dtype=np.float64)[:, 1])) > _HALF_ROUND).any():
        findings.append(faults.antimeridian(faults.POLYGON, path))
    return findings


def _position_faults(pairs: Sequence[LatLon], clause: str, path: str) -> list[Finding]:
    """Return at most one finding: a ring of swapped pairs is one mistake, not forty."""
    on_earth = np.abs(np.asarray(pairs, dtype=np.float64).reshape(-1, 2)) <= _EARTH  # false for NaN
    bad = np.flatnonzero(~on_earth.all(axis=1))
    if not len(bad):
        return []
    first = _text(pairs[bad[0]])
    if all(_is_japan_swapped(*pair) for pair in pairs):
        return [faults.swapped(first, clause, path)]
    return [faults.out_of_range(first, clause, path)]


def _is_japan_swapped(lat: float, lon: float) -> bool:
    return _JAPAN_LON[0] <= lat <= _JAPAN_LON[1] and _JAPAN_LAT[0] <= lon <= _JAPAN_LAT[1]


def _text(pair: LatLon) -> str:
    return f"{pair[0]:.10g},{pair[1]:.10g}"


def _lat_lon(where: str) -> str:
    """`139.5 35.5]`, as GEOS says it -> `35.5,139.5`."""
    lon, lat = where.rstrip("]").split()[:2]
    return _text((float(lat), float(lon)))
