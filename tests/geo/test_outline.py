"""Cells along an outline, held against the exact question for each cell."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from lalert.geo import measure, mesh, outline
from lalert.geo.mesh import Ints, Level
from lalert.geo.outline import Outline

EAST, NORTH = 139.5, 35.5
INTERIORS_MEET = "T********"

# On lines and corners of the grid, next to them, and anywhere.
STEPS = st.integers(0, 40).map(lambda n: n / 4) | st.floats(0, 10) | st.integers(0, 10).map(lambda n: n + 1e-9)
POINTS = st.tuples(STEPS, STEPS).map(
    lambda p: (EAST + p[0] / Level.QUARTER.per_lon, NORTH + p[1] / Level.QUARTER.per_lat)
)
SHAPES = st.lists(POINTS, min_size=3, max_size=8, unique=True).map(
    lambda points: shapely.make_valid(shapely.Polygon(points), method="structure", keep_collapsed=False)
)


def around(level: Level) -> Ints:
    """Return the cells of one level in and around the place of the test."""
    lon, lat = np.meshgrid(
        np.arange(EAST - 0.01, EAST + 0.05, 0.5 / level.per_lon),
        np.arange(NORTH - 0.01, NORTH + 0.04, 0.5 / level.per_lat),
    )
    return np.unique(mesh.codes_at(lon=lon.ravel(), lat=lat.ravel(), level=level))


def check(geometry: BaseGeometry, codes: Ints, level: Level) -> None:
    """Assert that each cell is sorted as the exact questions tell."""
    found = Outline(geometry).sorted_out(codes, level)
    boxes = shapely.box(*mesh.bounds_of(codes, level).T)
    shares = codes[shapely.relate_pattern(geometry, boxes, INTERIORS_MEET)]
    covered = codes[shapely.covers(geometry, boxes)]
    assert np.isin(found.inside, covered).all()
    assert np.isin(found.touched, found.edge).all()
    assert np.union1d(found.inside, found.touched).tolist() == shares.tolist()


@settings(max_examples=150, deadline=None)
@given(SHAPES, st.sampled_from([Level.SECOND, Level.THIRD, Level.HALF, Level.QUARTER]))
def test_each_cell_is_sorted_as_it_lies(geometry: BaseGeometry, level: Level) -> None:
    """Inside, touched or neither: also where edges run along the grid, through its corners or a hair beside them."""
    check(geometry, around(level), level)


def test_whole_cells_touch_no_neighbour() -> None:
    """A shape made of cells shares ground with just these, with holes and in several parts."""
    codes = around(Level.QUARTER)
    boxes = shapely.box(*mesh.bounds_of(codes, Level.QUARTER).T)
    chosen = np.random.default_rng(3).random(len(codes)) < 0.6
    check(shapely.union_all(boxes[chosen]), codes, Level.QUARTER)


def test_steep_edges() -> None:
    """An edge that hardly leaves a column line is followed on both sides of it."""
    line = 100 + 12641 / Level.QUARTER.per_lon
    for slant in (0.0, 1e-13, 1e-11, 1e-9, 1e-6):
        check(
            shapely.Polygon([(line - slant, NORTH), (line + slant, NORTH + 0.02), (line + 0.005, NORTH)]),
            around(Level.QUARTER),
            Level.QUARTER,
        )


def test_few_exact_questions_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """An outline that keeps off lines and corners is decided without one."""
    circle = measure.circle(lon=EAST + 0.0171, lat=NORTH + 0.0133, radius_m=1_234)
    monkeypatch.setattr(mesh, "share_ground", None)
    found = Outline(circle).sorted_out(around(Level.QUARTER), Level.QUARTER)
    assert (len(found.inside) > 0, len(found.edge) > 0, found.touched is found.edge) == (True, True, True)


@pytest.mark.parametrize("limit", [0, 3, 20])
def test_an_outline_that_is_too_long_is_not_followed(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then every cell is asked for, and the answer is the same."""
    monkeypatch.setattr(outline, "MOST_STEPS", limit)
    tall = shapely.box(EAST + 0.001, NORTH + 0.001, EAST + 0.0015, NORTH + 0.03)
    assert outline.trace(tall) is None
    check(tall, around(Level.QUARTER), Level.QUARTER)


def test_what_lies_beyond_the_grid_is_left_out() -> None:
    """A shape around the earth is inside everywhere; one elsewhere is nowhere."""
    codes = around(Level.QUARTER)
    assert Outline(shapely.box(-180, -90, 180, 90)).sorted_out(codes, Level.QUARTER).inside.tolist() == codes.tolist()
    for far in (shapely.box(0, 0, 1, 1), shapely.box(139, -40, 140, -39), shapely.box(170, 35, 171, 36)):
        traced = outline.trace(far)
        assert traced is not None
        assert (len(traced.near), len(Outline(far).sorted_out(codes, Level.QUARTER).edge)) == (0, 0)
