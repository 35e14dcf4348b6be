"""Who lives where an alert holds: a million residents around the real towns of Japan, beside PostGIS.

Irregular shapes of 50, 500 and 5,000 vertices and 5, 15, 60 and 250 km around Tokyo, Osaka and Kumamoto, asked of

- `lalert`: whose cell shares ground with the shape; numbers in order, and tags;
- `cells`: the same question to PostGIS, cells as polygons under a GiST index; the numbers are compared;
- `points`: the homes as points under a GiST index, a simpler question with nearly the same answer.

They take turns in one run; the best of the rounds counts, summed over the three towns: CPU of our thread and of the
server's process (what psycopg takes is not in it), and wall time. At 250 km PostGIS has one round.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np
import shapely
from psycopg.sql import SQL
from shapely.geometry.base import BaseGeometry

from benchmarks import postgis
from benchmarks.crowd import Crowd, crowd
from benchmarks.postgis import Cluster
from lalert.geo import measure
from lalert.geo.mesh import Ints
from lalert.geo.residents import Builder, Index

RESIDENTS = 1_000_000
ROUNDS = 5
VERTICES = (50, 500, 5_000)
RADII_KM = (5, 15, 60, 250)
TOWNS = ((139.70, 35.69), (135.50, 34.69), (130.71, 32.80))

_SLOW_KM = 250
_MATCHING = {
    "cells": "SELECT c.key FROM cell c, (SELECT ST_GeomFromWKB({}) AS geom) s WHERE ST_Intersects(s.geom, c.geom)"
    " AND (ST_Covers(s.geom, c.geom) OR NOT ST_Touches(s.geom, c.geom)) ORDER BY c.key",
    "points": "SELECT key FROM home WHERE ST_Intersects(geom, ST_GeomFromWKB({})) ORDER BY key",
}
_US = "lalert"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one question cost."""

    cpu_ms: float
    wall_ms: float

    def best(self, other: Cost) -> Cost:
        """Return the better of both, of each."""
        return Cost(min(self.cpu_ms, other.cpu_ms), min(self.wall_ms, other.wall_ms))


_DEAR = Cost(float("inf"), float("inf"))
Costs = dict[str, Cost]


def run(*, residents: int = RESIDENTS, rounds: int = ROUNDS) -> dict[str, float]:
    """Return milliseconds a question, and how many times faster than PostGIS (where it is installed)."""
    people = crowd(residents)
    index = _index(people)
    missing = postgis.maybe_missing()
    if missing is not None:
        print(f"# without PostGIS: {missing}", file=sys.stderr)
        return _figures(index, None, rounds)
    with postgis.running() as cluster:
        print(f"# {cluster.version}", file=sys.stderr)
        numbers = list(range(people.first, people.first + residents))
        cluster.fill("home", numbers, shapely.points(people.homes))
        cluster.fill("cell", numbers, people.boxes())
        return _figures(index, cluster, rounds)


def _figures(index: Index, cluster: Cluster | None, rounds: int) -> dict[str, float]:
    figures: dict[str, float] = {}
    for radius_km in RADII_KM:
        for vertices in VERTICES:
            name = f"{radius_km} km, {vertices} vertices"
            shapes = [outline(lon, lat, radius_km * 1e3, vertices) for lon, lat in TOWNS]
            figures[f"{name}: residents"] = sum(len(index.matching(shape, ())) for shape in shapes)
            figures |= _ratios(name, _compared(index, cluster, shapes, rounds, slow=radius_km >= _SLOW_KM))
    return figures


def _ratios(name: str, costs: list[Costs]) -> dict[str, float]:
    cpu_ms = {side: sum(cost[side].cpu_ms for cost in costs) for side in costs[0]}
    wall_ms = {side: sum(cost[side].wall_ms for cost in costs) for side in costs[0]}
    figures = {f"{name}: {side} CPU ms": value for side, value in cpu_ms.items()}
    for peer in cpu_ms.keys() - {_US}:
        figures[f"{name}: times {peer}, CPU"] = cpu_ms[peer] / cpu_ms[_US]
        figures[f"{name}: times {peer}, wall"] = wall_ms[peer] / wall_ms[_US]
    return figures


def _compared(
    index: Index, cluster: Cluster | None, shapes: list[BaseGeometry], rounds: int, *, slow: bool
) -> list[Costs]:
    """Return what each shape cost each, asked in turns."""
    best: list[Costs] = [{} for _ in shapes]
    for number in range(rounds):
        for costs, shape in zip(best, shapes, strict=True):
            found = index.matching(shape, ()).numbers
            _note(costs, _US, lambda shape=shape: index.matching(shape, ()), process_time)
            for peer in _MATCHING if cluster is not None and not (slow and number) else ():
                theirs = _note(costs, peer, lambda shape=shape, peer=peer: _ask(cluster, peer, shape), cluster.cpu_s)
                if peer == "cells":
                    assert np.array_equal(theirs, found), shape
    return best


def _note(costs: Costs, side: str, work: Callable[[], object], clock: Callable[[], float]) -> object:
    """Do the work, note what it cost if that is the best so far, and return what it returned."""
    cpu_s, wall_s = clock(), perf_counter()
    answer = work()
    cost = Cost((clock() - cpu_s) * 1e3, (perf_counter() - wall_s) * 1e3)
    costs[side] = cost.best(costs.get(side, _DEAR))
    return answer


def _ask(cluster: Cluster, peer: str, shape: BaseGeometry) -> Ints:
    """Return the numbers that PostGIS finds."""
    query = SQL(f"COPY ({_MATCHING[peer]}) TO STDOUT").format(shapely.to_wkb(shape))
    with cluster.session.cursor().copy(query) as rows:
        return np.fromstring(b"".join(rows), dtype=np.int64, sep="\n")


def outline(lon: float, lat: float, radius_m: float, vertices: int) -> BaseGeometry:
    """Return a shape about as large as the circle, with bays and capes of all sizes."""
    draw = np.random.default_rng(vertices)
    angles = 2 * np.pi * np.arange(vertices) / vertices
    waves = np.arange(1, 40)[:, None]
    noise = (np.sin(waves * angles + draw.uniform(0, 7, waves.shape)) / waves).sum(axis=0)
    reach = radius_m / measure.METRES_A_DEGREE * (1 + 0.15 * noise)
    return shapely.Polygon(
        np.column_stack((lon + reach * np.cos(angles) / np.cos(np.radians(lat)), lat + reach * np.sin(angles)))
    )


def _index(people: Crowd) -> Index:
    builder = Builder()
    for place in people.places():
        builder.add(place)
    return builder.index()


if __name__ == "__main__":
    print(json.dumps({name: round(value, 2) for name, value in run().items()}, indent=2))
