"""How long an area takes to resolve: municipalities' outlines with shares, circles, the whole country. CPU of one call.

With LALERT_BENCH_DATA, a hub's data folder, the set in use there is asked; otherwise the embedded one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from lalert.geo import measure
from lalert.geo.atlas import Atlas
from lalert.geo.boundaries import BoundarySet, load
from lalert.geo.resolve import resolve

_SEED = 20260528
_MANY, _FEW = 400, 9
_MOVED_DEG = 3e-4


@dataclass(frozen=True)
class _Code:
    name: str
    value: str


@dataclass(frozen=True)
class _Block:
    polygons: Sequence[Sequence[tuple[float, float]]] = ()
    geocodes: Sequence[_Code] = ()
    circles: Sequence[shapely.Geometry] = ()
    area_desc: str = "ここ"


def run() -> dict[str, object]:
    """Return medians and 95 % in milliseconds, interleaved over the cases."""
    folder = os.environ.get("LALERT_BENCH_DATA")
    held = Atlas.open(Path(folder)).current if folder else load()
    cases = _cases(held)
    took: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(_MANY):
        for name, blocks in cases.items():
            if turn < len(blocks):
                took[name].append(_milliseconds(blocks[turn], held))
    figures: dict[str, object] = {"boundaries": held.version, "seed": _SEED}
    for name, values in took.items():
        figures |= {
            f"{name}, median (ms)": float(np.median(values)),
            f"{name}, 95 % (ms)": float(np.percentile(values, 95)),
        }
    return figures


def _cases(held: BoundarySet) -> dict[str, list[_Block]]:
    sure = np.random.default_rng(_SEED)
    codes = [place.code for place in held.municipalities]
    own = [_largest(held.shape_of(code)) for code in sure.choice(codes, _MANY)]
    moved = [shapely.transform(shape, lambda degrees: degrees + _MOVED_DEG) for shape in own]
    spots = [shape.representative_point() for shape in own]
    circles = [measure.circle(lon=spot.x, lat=spot.y, radius_m=8_000, sides=64) for spot in spots]
    hull = shapely.convex_hull(held.geometry_of(codes)).buffer(0.05)
    country = _Block(geocodes=tuple(_Code("JISX0402", code) for code in codes))
    return {
        "own outline": [_drawn(shape) for shape in own],
        "outline moved by 30 m": [_drawn(shape) for shape in moved],
        "circle of 8 km": [_drawn(shape) for shape in circles],
        "the country by codes": [country] * _FEW,
        "the country by its hull": [_drawn(hull)] * _FEW,
    }


def _largest(shape: shapely.Geometry) -> shapely.Polygon:
    return shapely.Polygon(max(shapely.get_parts(shape), key=shapely.area).exterior)


def _drawn(shape: shapely.Geometry) -> _Block:
    return _Block(polygons=(tuple((lat, lon) for lon, lat in shape.exterior.coords),))


def _milliseconds(block: _Block, held: BoundarySet) -> float:
    begin = time.process_time()
    resolve([block], held)
    return (time.process_time() - begin) * 1e3
