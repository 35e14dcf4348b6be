"""Who lives where an alert holds: a million residents around the real towns of Japan, beside PostGIS.

Irregular shapes of 50, 500 and 5,000 vertices and 5, 15, 60 and 250 km around Tokyo, Osaka and Kumamoto. PostGIS has
the homes as points under a GiST index (what one would write); ours has their cells. Both return the numbers of all, in
order, ours with their tags. They take turns in one run; the best of the rounds counts, summed over the three towns:
CPU of our thread and of the server's process (what psycopg takes is not in it), and wall time.

The answers differ by the rule (a cell that is touched is concerned); that both are right is what `make postgis` shows.
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
from lalert.geo.residents import Builder, Index

RESIDENTS = 1_000_000
ROUNDS = 3
VERTICES = (50, 500, 5_000)
RADII_KM = (5, 15, 60, 250)
TOWNS = ((139.70, 35.69), (135.50, 34.69), (130.71, 32.80))

_SLOW_KM = 250  # minutes of PostGIS: one round
_MATCHING = "COPY (SELECT key FROM home WHERE ST_Intersects(geom, ST_GeomFromWKB({})) ORDER BY key) TO STDOUT BINARY"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one question cost."""

    cpu_ms: float
    wall_ms: float

    def best(self, other: Cost) -> Cost:
        """Return the better of both, of each."""
        return Cost(min(self.cpu_ms, other.cpu_ms), min(self.wall_ms, other.wall_ms))


_DEAR = Cost(float("inf"), float("inf"))


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
        return _figures(index, cluster, rounds)


def _figures(index: Index, cluster: Cluster | None, rounds: int) -> dict[str, float]:
    figures: dict[str, float] = {}
    for radius_km in RADII_KM:
        for vertices in VERTICES:
            name = f"{radius_km} km, {vertices} vertices"
            shapes = [outline(lon, lat, radius_km * 1e3, vertices) for lon, lat in TOWNS]
            costs = _compared(index, cluster, shapes, rounds, slow=radius_km >= _SLOW_KM)
            figures[f"{name}: residents"] = sum(len(index.matching(shape, ())) for shape in shapes)
            figures[f"{name}: lalert CPU ms"] = sum(ours.cpu_ms for ours, _ in costs)
            if cluster is not None:
                figures |= _ratios(name, costs)
    return figures


def _ratios(name: str, costs: list[tuple[Cost, Cost]]) -> dict[str, float]:
    cpu = [sum(cost.cpu_ms for cost in side) for side in zip(*costs, strict=True)]
    wall = [sum(cost.wall_ms for cost in side) for side in zip(*costs, strict=True)]
    return {
        f"{name}: PostGIS CPU ms": cpu[1],
        f"{name}: times PostGIS, CPU": cpu[1] / cpu[0],
        f"{name}: times PostGIS, wall": wall[1] / wall[0],
    }


def _compared(
    index: Index, cluster: Cluster | None, shapes: list[BaseGeometry], rounds: int, *, slow: bool
) -> list[tuple[Cost, Cost]]:
    """Return ours and theirs for each shape, in turns."""
    best = [(_DEAR, _DEAR)] * len(shapes)
    for number in range(rounds):
        for place, shape in enumerate(shapes):
            ours = _cost(lambda shape=shape: index.matching(shape, ()), process_time)
            theirs = best[place][1]
            if cluster is not None and not (slow and number):
                theirs = theirs.best(_cost(lambda shape=shape: _ask(cluster, shape), cluster.cpu_s))
            best[place] = best[place][0].best(ours), theirs
    return best


def _ask(cluster: Cluster, shape: BaseGeometry) -> None:
    with cluster.session.cursor().copy(SQL(_MATCHING).format(shapely.to_wkb(shape))) as rows:
        for _ in rows:
            pass


def _cost(work: Callable[[], object], clock: Callable[[], float]) -> Cost:
    cpu_s, wall_s = clock(), perf_counter()
    work()
    return Cost((clock() - cpu_s) * 1e3, (perf_counter() - wall_s) * 1e3)


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
