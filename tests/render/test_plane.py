"""From degrees to the drawing plane."""

from __future__ import annotations

import math
import re

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from lalert.render.plane import Box, Plane, Rect, path

TOKYO = Box(west=139.0, south=35.0, east=140.0, north=36.0)
PLACE = Rect(x=0, y=50, width=800, height=700)


def corners(d: str) -> list[list[tuple[int, int]]]:
    """Return the rings that a path draws, in grid steps."""
    rings = []
    for ring in re.findall(r"M([^z]+)z", d):
        start, _, rest = ring.partition("l")
        numbers = [int(number) for number in re.findall(r"-?\d+", rest)]
        x, y = map(int, start.split())
        points = [(x, y)]
        for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
            x, y = x + dx, y + dy
            points.append((x, y))
        rings.append(points)
    return rings


@given(st.floats(24, 45), st.floats(123, 145), st.floats(0.05, 8))
def test_the_frame_fits_its_place(lat: float, lon: float, side: float) -> None:
    """Every corner of the frame asked for lies inside the place, wherever in Japan and however large."""
    box = Box(west=lon, south=lat, east=lon + side, north=lat + side)
    plane = Plane(box, PLACE)
    for x, y in ((box.west, box.south), (box.west, box.north), (box.east, box.south), (box.east, box.north)):
        drawn = plane.at(lon=x, lat=y)
        assert -0.01 <= drawn[0] <= 800.01
        assert 49.99 <= drawn[1] <= 750.01


def test_north_is_up_and_east_is_right() -> None:
    """y grows downwards: what lies north has the smaller y."""
    plane = Plane(TOKYO, PLACE)
    middle, north, east = (plane.at(lon=lon, lat=lat) for lon, lat in ((139.5, 35.5), (139.5, 35.9), (139.9, 35.5)))
    assert north[1] < middle[1]
    assert north[0] == pytest.approx(middle[0])
    assert east[0] > middle[0]


def test_the_scale_is_true_in_the_middle() -> None:
    """A tenth of a degree of latitude is 11.12 km of the drawing."""
    plane = Plane(TOKYO, PLACE)
    a, b = plane.at(lon=139.5, lat=35.45), plane.at(lon=139.5, lat=35.55)
    assert math.dist(a, b) / plane.units_per_km == pytest.approx(11.12, rel=0.002)


def test_a_box_is_never_a_point() -> None:
    """A spot gets surroundings; a large shape gets a margin."""
    spot = Box.around(shapely.Point(139.75, 35.68))
    assert spot.east - spot.west >= 0.06
    assert spot.north - spot.south >= 0.06
    wide = Box.around(shapely.box(139, 35, 140, 35.5), margin=0.1)
    assert (wide.west, wide.south, wide.east, wide.north) == pytest.approx((138.9, 34.9, 140.1, 35.6))


def test_boxes_meet() -> None:
    """A shape beside the frame is told from one that touches it."""
    assert TOKYO.meets(shapely.box(139.9, 35.9, 141, 37))
    assert not TOKYO.meets(shapely.box(141, 35, 142, 36))


def test_what_is_far_outside_is_cut_off() -> None:
    """A shape across the world costs no more than what is seen of it."""
    plane = Plane(TOKYO, PLACE)
    west, south, east, north = plane.laid(shapely.box(100, 10, 170, 60)).bounds
    assert (west, south, east, north) == pytest.approx((0, 50, 800, 750), abs=60)
    assert plane.seen(shapely.box(100, 10, 170, 60)).bounds == (0, 50, 800, 750)
    assert plane.seen(shapely.box(150, 10, 151, 11)).is_empty


def test_a_shape_that_projects_badly_is_mended() -> None:
    """What crosses itself on the drawing still has a part that is seen."""
    bowtie = shapely.Polygon([(139.2, 35.2), (139.8, 35.8), (139.8, 35.2), (139.2, 35.8)])
    assert Plane(TOKYO, PLACE).seen(bowtie).area > 0


def test_neighbours_share_their_points() -> None:
    """Two shapes with a common border are drawn with the same steps along it: no gap opens."""
    plane = Plane(TOKYO, PLACE)
    a, b = (plane.laid(shapely.box(w, 35.2, w + 0.3, 35.7)) for w in (139.1, 139.4))
    assert len(set(corners(path([a], grid=0.5))[0]) & set(corners(path([b], grid=0.5))[0])) == 2


def test_a_path_has_holes_and_all_parts() -> None:
    """Every ring of every polygon is drawn; lines and points are not."""
    ring = shapely.box(0, 0, 30, 30).difference(shapely.box(10, 10, 20, 20))
    mixed = shapely.GeometryCollection([ring, shapely.Point(1, 1), shapely.MultiPolygon([shapely.box(40, 0, 50, 10)])])
    assert [len(ring) for ring in corners(path([mixed], grid=1))] == [4, 4, 4]


def test_specks_vanish() -> None:
    """What is smaller than a step has no path."""
    assert path([shapely.box(0, 0, 0.1, 0.1)], grid=1) == ""


def test_thousands_of_specks_are_drawn_as_patches() -> None:
    """Very many corners become few, all that is meant is still drawn, and nothing that is a gap's width off."""
    plane = Plane(TOKYO, PLACE)
    spots = [(139.2 + east / 100, 35.2 + north / 100) for east in range(40) for north in range(40)]
    circles = shapely.multipolygons(shapely.buffer(shapely.points(spots), 0.003))
    island = shapely.Point(139.85, 35.9).buffer(0.003)
    meant = shapely.union_all([circles, island, shapely.segmentize(shapely.box(139.75, 35.2, 139.85, 35.3), 0.00001)])
    exact = shapely.transform(meant, plane._project)
    laid = plane.laid(meant)
    assert shapely.get_num_coordinates(laid) < shapely.get_num_coordinates(exact) / 50
    assert laid.is_valid
    assert laid.buffer(0.5).covers(exact)
    assert exact.buffer(12).covers(laid)
    assert len(shapely.get_parts(laid)) == 3
    assert plane.laid(meant) is laid


def test_few_corners_are_drawn_as_they_are() -> None:
    """What is not too much loses nothing, however small its parts are."""
    plane = Plane(TOKYO, PLACE)
    circles = shapely.multipolygons([shapely.Point(139.2 + n / 1000, 35.5).buffer(0.0004) for n in range(500)])
    assert shapely.equals_exact(plane.laid(circles), shapely.transform(circles, plane._project))
