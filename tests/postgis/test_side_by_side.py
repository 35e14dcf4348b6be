"""Municipalities and residents of random outlines, held against PostGIS: the same sets, outline by outline.

A resident is a cell. PostGIS is asked for the cells, as polygons, that share ground with the outline; every answer must
be the same. Municipalities are those of which the outline covers a square metre or more: where the two engines differ,
the ground must be within TOLERANCE of that, and is listed.

`LALERT_POSTGIS_SEED` and `LALERT_POSTGIS_OUTLINES` choose what is drawn. Run with `-s` to see the account.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from benchmarks import crowd, postgis
from benchmarks.postgis import Cluster
from lalert.geo.boundaries import NO_GROUND_M2, BoundarySet
from lalert.geo.residents import Index
from tests.rig.outlines import Drawer, Outline

pytestmark = pytest.mark.postgis

SEED = int(os.environ.get("LALERT_POSTGIS_SEED", "20261123"))
OUTLINES = int(os.environ.get("LALERT_POSTGIS_OUTLINES", "10000"))
RESIDENTS = 100_000
TOLERANCE = 2.0  # times more or less than a square metre
PORTION = 500

RESIDENTS_OF = """
SELECT o.key, array_agg(r.key ORDER BY r.key)
FROM outline o JOIN resident r ON ST_Intersects(o.geom, r.geom)
WHERE ST_Covers(o.geom, r.geom) OR NOT ST_Touches(o.geom, r.geom)
GROUP BY o.key
"""

GROUND_OF = """
SELECT o.key, m.key, ST_Area((CASE WHEN ST_Covers(o.geom, m.geom) THEN m.geom
                              ELSE ST_Intersection(o.geom, m.geom) END)::geography)
FROM outline o JOIN municipality m ON ST_Intersects(o.geom, m.geom)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A PostGIS of our own."""
    missing = postgis.maybe_missing()
    if missing is not None:
        pytest.skip(missing)
    with postgis.running() as started:
        print(f"\n{started.version}; seed {SEED}, {OUTLINES} outlines")
        yield started


@pytest.fixture(scope="module")
def portions(japan: BoundarySet) -> list[list[Outline]]:
    """The outlines, some at a time."""
    drawn = Drawer(japan, crowd.towns(), seed=SEED).outlines(OUTLINES)
    return list(iter(lambda: list(islice(drawn, PORTION)), []))


def test_the_same_residents(cluster: Cluster, portions: list[list[Outline]]) -> None:
    """Every outline concerns exactly the residents whose cell PostGIS finds to share ground with it."""
    people = crowd.crowd(RESIDENTS, seed=SEED)
    index = Index.of(people.places())
    numbers = list(range(people.first, people.first + RESIDENTS))
    cluster.fill("resident", numbers, people.boxes())
    told, differing = Counter[str](), []
    for portion in portions:
        cluster.fill("outline", list(range(len(portion))), np.array([outline.geometry for outline in portion]))
        theirs = dict(cluster.session.execute(RESIDENTS_OF).fetchall())
        for number, outline in enumerate(portion):
            ours = index.matching(outline.geometry, ()).numbers.tolist()
            told[outline.kind] += len(ours)
            if ours != theirs.get(number, []):
                differing.append((outline, sorted({*ours} ^ {*theirs.get(number, [])})))
    print(f"residents told: {dict(told)}; outlines that differ: {len(differing)}")
    for outline, odd in differing:
        print(outline.kind, odd[:10], outline.geometry.wkt[:200])
    assert min(told.values()) > 0
    assert not differing


def test_the_same_municipalities(cluster: Cluster, portions: list[list[Outline]], japan: BoundarySet) -> None:
    """Every outline meets exactly the municipalities of which PostGIS finds a square metre in it, to the tolerance."""
    codes = [place.code for place in japan.municipalities]
    cluster.fill("municipality", codes, np.array([japan.shape_of(code) for code in codes]))
    met, differing = Counter[str](), []
    for portion in portions:
        cluster.fill("outline", list(range(len(portion))), np.array([outline.geometry for outline in portion]))
        ground: dict[int, dict[str, float]] = defaultdict(dict)
        for number, code, ground_m2 in cluster.session.execute(GROUND_OF).fetchall():
            ground[number][code] = ground_m2
        for number, outline in enumerate(portion):
            ours = {meeting.covered.code: meeting.ground_m2 for meeting in japan.meet(outline.geometry)}
            theirs = {code: m2 for code, m2 in ground[number].items() if m2 >= NO_GROUND_M2}
            met[outline.kind] += len(ours)
            differing += [
                (outline.kind, code, ours.get(code), ground[number].get(code, 0.0)) for code in {*ours} ^ {*theirs}
            ]
    print(f"municipalities met: {dict(met)}; pairs that differ: {len(differing)}")
    for kind, code, mine_m2, their_m2 in differing:
        print(f"{kind}: {code}: {mine_m2} m2, PostGIS {their_m2} m2")
    assert min(met.values()) > 0
    assert all(NO_GROUND_M2 / TOLERANCE < their_m2 < NO_GROUND_M2 * TOLERANCE for *_, their_m2 in differing)
