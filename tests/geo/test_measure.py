import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from lalert.geo import measure

GEOD = Geod(ellps="WGS84")
LON, LAT = st.floats(122, 154), st.floats(20, 46)


@given(LON, LAT, st.floats(1, 2_000_000))
def test_circles_are_geodesic(lon: float, lat: float, radius_m: float) -> None:
    """Every corner lies as far from the centre as PROJ says, so that the sides just hold the whole circle."""
    corners = np.asarray(measure.circle(lon=lon, lat=lat, radius_m=radius_m).exterior.coords)
    _, _, far = GEOD.inv(np.full(len(corners), lon), np.full(len(corners), lat), corners[:, 0], corners[:, 1])
    assert np.allclose(np.asarray(far) * math.cos(math.pi / measure.CIRCLE_SIDES), radius_m, rtol=1e-6, atol=1e-3)


@given(LON, LAT, st.floats(0.01, 3), st.floats(0.01, 3))
def test_areas_agree_with_proj(lon: float, lat: float, width: float, height: float) -> None:
    """The area of a box of parallels and meridians is that of the ellipsoid."""
    box = shapely.box(lon, lat, lon + width, lat + height)
    fine = shapely.segmentize(box, 0.01)
    expected_m2 = abs(GEOD.geometry_area_perimeter(fine)[0])
    assert measure.area_km2(box) * 1e6 == pytest.approx(expected_m2, rel=1e-6)


def test_nothing_has_no_area() -> None:
    """No geometries give no areas, and an empty one has none."""
    assert measure.areas_m2(np.array([], dtype=object)).shape == (0,)
    assert measure.area_km2(shapely.Polygon()) == 0


def test_short_distances_are_metres() -> None:
    """A few kilometres are right within a percent, in every direction."""
    here = shapely.Point(139.7, 35.7)
    for lon, lat in ((139.72, 35.7), (139.7, 35.72), (139.69, 35.69)):
        expected_m = GEOD.inv(139.7, 35.7, lon, lat)[2]
        assert measure.distance_m(here, shapely.Point(lon, lat)) == pytest.approx(expected_m, rel=0.01)


def test_widening_is_by_metres_in_every_direction() -> None:
    """What was within the distance is inside afterwards, what was beyond is not."""
    wide = measure.widened(shapely.Point(139.7, 35.7), 1_000)
    for azimuth in range(0, 360, 30):
        near_lon, near_lat, _ = GEOD.fwd(139.7, 35.7, azimuth, 980)
        far_lon, far_lat, _ = GEOD.fwd(139.7, 35.7, azimuth, 1_020)
        assert wide.covers(shapely.Point(near_lon, near_lat))
        assert not wide.covers(shapely.Point(far_lon, far_lat))


@given(LON, LAT, st.floats(0, 360), st.floats(1, 100_000))
def test_reach_holds_its_distance(lon: float, lat: float, azimuth: float, distance_m: float) -> None:
    """A point at the distance lies within the degrees that `reach_deg` gives (1 % for the sphere)."""
    there_lon, there_lat, _ = GEOD.fwd(lon, lat, azimuth, distance_m)
    line = shapely.LineString([(lon, lat), (there_lon, there_lat)])
    assert math.hypot(there_lon - lon, there_lat - lat) <= measure.reach_deg(line, distance_m) * 1.01


def test_outlines_are_sampled() -> None:
    """Points stand at the corners and at most about 100 m apart between them."""
    points = shapely.get_coordinates(measure.outline_points(shapely.box(139, 35, 139.01, 35.01)))
    assert np.abs(np.diff(points, axis=0)).max() <= 0.001 + 1e-9
    assert {(139.0, 35.0), (139.01, 35.01)} <= set(map(tuple, points))
