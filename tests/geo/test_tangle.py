"""Crossings of outlines: counted exactly, never where shapes only touch, and never for long."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from random import Random

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from lalert.geo import tangle
from lalert.geo.boundaries import BoundarySet
from lalert.geo.shapes import LatLon
from lalert.geo.tangle import MAX_CROSSINGS, crossings


@dataclass(frozen=True)
class Disc:
    """A circle."""

    lat: float
    lon: float
    radius_km: float


def strip(chance: Random) -> list[LatLon]:
    """Return a long thin strip that most others cross."""
    lat, lon, up, over = 36 + chance.random(), 139 + chance.random(), chance.uniform(-1, 1), chance.uniform(-1, 1)
    ring = [(lat - up, lon - over), (lat + up, lon + over), (lat + up + 0.001, lon + over - 0.001)]
    return [*ring, ring[0]]


def crossed(ring: list[LatLon], other: list[LatLon]) -> int:
    """Return how often two rings cross, by asking GEOS of each pair of edges."""
    edges = [[shapely.LineString(edge) for edge in pairwise(one)] for one in (ring, other)]
    return sum(a.crosses(b) for a in edges[0] for b in edges[1])


def test_each_crossing_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number is that of GEOS, edge by edge."""
    monkeypatch.setattr(tangle, "_FEW", 0)
    chance = Random(1)
    rings = [strip(chance) for _ in range(30)]
    assert crossings(rings, []) == sum(crossed(one, other) for one, other in combinations(rings, 2)) > 500


def test_points_and_repetitions_cross_nothing() -> None:
    """A feed of earthquakes has a hundred circles without a radius in a message, all at one place: no tangle."""
    points = [Disc(35.0, 139.0, 0.0)] * 300
    same = [Disc(35.0, 139.0, 5.0)] * 300
    assert crossings([], [*points, *same]) == 0
    beside = [Disc(35.0, 139.0 + number / 100, 5.0) for number in range(8)]
    assert crossings([], [*points, *same, *beside]) == crossings([], beside) > 0


def test_neighbours_do_not_cross(japan: BoundarySet) -> None:
    """The municipalities of a whole prefecture share their borders and cross nowhere."""
    parts = [part for code in japan.expand("13") for part in shapely.get_parts(japan.shape_of(code))]
    rings = [[(lat, lon) for lon, lat in part.exterior.coords] for part in parts]
    assert sum(map(len, rings)) > 200
    assert crossings(rings, []) == 0


def test_counting_ends() -> None:
    """A message of a thousand strips is known to be too much without counting all that they cross."""
    chance = Random(2)
    assert MAX_CROSSINGS < crossings([strip(chance) for _ in range(1_000)], []) < 4 * MAX_CROSSINGS


def test_looking_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Edges that lie side by side in each other's boxes cross nowhere, but looking at all of them is too much, too."""
    monkeypatch.setattr(tangle, "_MAX_PAIRS", 10_000)
    aslant = [(35 + number % 2 + 1e-5 * number, 139 + number % 2 + 1e-4 * number) for number in range(1_000)]
    assert crossings([aslant], []) > MAX_CROSSINGS


def test_circles_count() -> None:
    """A thousand circles through each other are as costly as any other shapes."""
    chance = Random(3)
    discs = [Disc(35 + chance.random() / 10, 139 + chance.random() / 10, 20.0) for _ in range(1_000)]
    assert crossings([], discs) > MAX_CROSSINGS
    apart = [Disc(24 + number / 100, 123 + number / 100, 0.1) for number in range(1_000)]
    assert crossings([], apart) == 0


anything = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.lists(st.tuples(anything, anything), max_size=12), max_size=30))
def test_any_numbers_are_counted(rings: list[list[LatLon]]) -> None:
    """Coordinates that are no place, or no ring at all, raise nothing: what is wrong with them is found elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tangle, "_FEW", -1)
        assert crossings([[(0.0, 0.0)], *rings], [Disc(lat, lon, lat) for ring in rings for lat, lon in ring[:1]]) >= 0
