"""Municipalities and residents of random outlines, held against brute force; `make postgis` does it beside PostGIS.

Brute force asks every pair, without index, cells inside cells, prepared shapes or shortcuts.
"""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from lalert.geo import measure, mesh
from lalert.geo.boundaries import NO_GROUND_M2, BoundarySet
from lalert.geo.mesh import Floats
from lalert.geo.residents import CELLS, Index, Place
from tests.rig.outlines import Drawer, Outline

SEED = 20261123
OUTLINES = 400
RESIDENTS = 8_000
INTERIORS_MEET = "T********"  # DE-9IM: shared ground; a shared border is none


@pytest.fixture(scope="module")
def towns(japan: BoundarySet) -> Floats:
    """A point in every municipality."""
    shapes = [japan.shape_of(place.code) for place in japan.municipalities]
    return np.array([(point.x, point.y) for point in map(shapely.point_on_surface, shapes)])


@pytest.fixture(scope="module")
def outlines(japan: BoundarySet, towns: Floats) -> list[Outline]:
    """Outlines of all kinds."""
    return list(Drawer(japan, towns, seed=SEED).outlines(OUTLINES))


def test_the_same_residents(towns: Floats, outlines: list[Outline]) -> None:
    """An outline concerns exactly the residents whose cell shares ground with it."""
    draw = np.random.default_rng(SEED)
    homes = np.concatenate((towns[draw.integers(len(towns), size=RESIDENTS)], centres(outlines)))
    homes += draw.normal(0, 0.003, homes.shape)
    levels = [CELLS[size] for size in draw.integers(len(CELLS), size=len(homes))]
    cells = [mesh.code_at(lon=lon, lat=lat, level=level) for (lon, lat), level in zip(homes, levels, strict=True)]
    index = Index.of(Place(number, frozenset(), frozenset({cell})) for number, cell in enumerate(cells))
    boxes = np.array([mesh.box_of(cell) for cell in cells])
    told = 0
    for outline in outlines:
        ours = index.matching(outline.geometry, ()).numbers.tolist()
        assert ours == sharing_ground(outline.geometry, boxes), outline
        told += len(ours)
    assert told > len(outlines)


def test_the_same_municipalities(japan: BoundarySet, outlines: list[Outline]) -> None:
    """An outline meets exactly the municipalities of which it covers a square metre or more."""
    codes = [place.code for place in japan.municipalities]
    shapes = np.array([japan.shape_of(code) for code in codes])
    for outline in outlines:
        near = np.flatnonzero(shapely.intersects(shapely.envelope(outline.geometry), shapely.envelope(shapes)))
        ground_m2 = measure.areas_m2(shapely.intersection(outline.geometry, shapes[near]))
        brute = [codes[row] for row, m2 in zip(near, ground_m2, strict=True) if m2 >= NO_GROUND_M2]
        assert [meeting.covered.code for meeting in japan.meet(outline.geometry)] == brute, outline


def centres(outlines: list[Outline]) -> Floats:
    """Return a point in each: somebody lives there, or next to it."""
    points = (shapely.point_on_surface(outline.geometry) for outline in outlines)
    return np.array([(point.x, point.y) for point in points])


def sharing_ground(geometry: BaseGeometry, boxes: measure.Geometries) -> list[int]:
    """Return which of `boxes` share ground with `geometry`, asked one by one where their bounds overlap."""
    west, south, east, north = geometry.bounds
    bounds = shapely.bounds(boxes)
    near = (bounds[:, 0] < east) & (bounds[:, 2] > west) & (bounds[:, 1] < north) & (bounds[:, 3] > south)
    rows = np.flatnonzero(near)
    return rows[shapely.relate_pattern(geometry, boxes[rows], INTERIORS_MEET)].tolist()
