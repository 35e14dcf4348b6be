"""Rings as people and machines draw them: each has one right answer, or is refused for what it is."""

from collections.abc import Sequence

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from shapely import affinity

from lalert.geo import measure
from lalert.geo.boundaries import BoundarySet
from lalert.geo.resolve import resolve
from tests.geo.test_resolve import Block, Ring, codes_of, refused, ring_of

corner = st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
somewhere = st.tuples(st.floats(35.5, 36.5), st.floats(138.5, 139.8))  # lat, lon: inland, from Yamanashi to Saitama


@st.composite
def hulls(draw: st.DrawFn, least: int = 3) -> list[tuple[float, float]]:
    """Corners of a convex shape of some size, in order and not closed, as (lat, lon)."""
    lat, lon = draw(somewhere)
    points = draw(st.lists(corner, min_size=least, max_size=9))
    hull = shapely.MultiPoint([(lon + x, lat + y) for x, y in points]).convex_hull
    assume(hull.area > 1e-3)
    corners = [(y, x) for x, y in hull.exterior.coords[:-1]]
    assume(len(corners) >= least)
    return corners


def closed(corners: Sequence[tuple[float, float]]) -> Ring:
    """The ring of these corners."""
    return (*corners, corners[0])


@given(corners=hulls())
def test_swapped_pairs_are_named(japan: BoundarySet, corners: list[tuple[float, float]]) -> None:
    """Whatever is drawn in Japan with longitude first: told as what it is, and never resolved elsewhere."""
    ring = closed([(lon, lat) for lat, lon in corners])
    assert codes_of(refused([Block(polygons=(ring,))], japan)) == ["area.swapped"]


@given(corners=hulls(least=4))
def test_a_bow_tie_is_refused(japan: BoundarySet, corners: list[tuple[float, float]]) -> None:
    """Two neighbouring corners in the wrong order: the line crosses itself, and where is said."""
    first, second, *others = corners
    around = [*corners, first, second]
    assume(all(shapely.Polygon(around[at : at + 3]).area > 1e-5 for at in range(len(corners))))
    findings = refused([Block(polygons=(closed([second, first, *others]),))], japan)
    assert codes_of(findings) == ["area.ring_crossing"]
    assert findings[0].found


@given(corners=hulls(), far=st.floats(181, 359))
def test_what_crosses_the_antimeridian_is_refused(
    japan: BoundarySet, corners: list[tuple[float, float]], far: float
) -> None:
    """A corner on the other side of the world is a slip of a sign, not half the Pacific."""
    lat, lon = corners[0]
    ring = closed([(lat, lon - far), *corners[1:]])
    assert set(codes_of(refused([Block(polygons=(ring,))], japan))) <= {"area.antimeridian", "area.coordinate"}


@given(corners=hulls(), share=st.floats(0.2, 0.8))
def test_a_keyhole_is_a_hole(japan: BoundarySet, corners: list[tuple[float, float]], share: float) -> None:
    """CAP has no holes; a ring that goes in, round and out again by the same way has one, and it is not alerted."""
    outer = shapely.Polygon([(lon, lat) for lat, lon in corners])
    inner = [(lat, lon) for lon, lat in affinity.scale(outer, share, share, origin="centroid").exterior.coords]
    area = resolve([Block(polygons=((*closed(corners), *reversed(inner), corners[0]),))], japan).area
    assert area.geometry.is_valid
    assert area.geometry.area == pytest.approx(outer.area * (1 - share**2), rel=1e-6)
    assert not area.geometry.covers(outer.centroid)


@given(row=st.integers(0, 1_757), east_m=st.floats(-60, 60), north_m=st.floats(-60, 60))
def test_an_outline_drawn_a_little_off_means_its_place(
    japan: BoundarySet, row: int, east_m: float, north_m: float
) -> None:
    """Any municipality, moved by less than a hundred metres: it is listed, and nobody far from it is."""
    place = japan.municipalities[row]
    main = max(shapely.get_parts(japan.shape_of(place.code)), key=shapely.area)
    moved = shapely.transform(
        shapely.Polygon(main.exterior), lambda c: c + np.array([east_m / 90_000, north_m / 111_000])
    )
    area = resolve([Block(polygons=(ring_of(moved),))], japan).area
    own = next(covered for covered in area.municipalities if covered.code == place.code)
    assert own.share >= 0.5 * measure.area_km2(main) * 1e6 / japan.area_m2(place.code)
    assert area.codes - {place.code} <= japan.near(japan.shape_of(place.code), within_m=200)
