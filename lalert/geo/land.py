"""Land: the municipalities that a file draws, one clean shape for each code, and everything that was wrong with them.

Nothing is left out in silence: rows without a code or a shape, codes that had to be mended by the name beside them,
rings that crossed themselves, overlaps and gaps are all noticed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from lalert.errors import Finding, Rejected, Severity, Text, rejected
from lalert.geo import measure
from lalert.geo.cleaning import covering, polygonal
from lalert.geo.legend import UNASSIGNED, Drawing
from lalert.geo.measure import Floats, Geometries
from lalert.geo.notices import Notice, Step, noticed
from lalert.geo.place import Gazetteer

MAX_VERTICES = 60_000_000
_JAPAN = (122.0, 20.0, 155.0, 46.5)  # west, south, east, north
_EARTH = (-180.0, -90.0, 180.0, 90.0)
_MOVED_M2 = 1_000.0


@dataclass(frozen=True, slots=True)
class Land:
    """Codes in ascending order, the names that the file gives them, their shapes: a coverage."""

    codes: tuple[str, ...]
    names: tuple[str, ...]
    shapes: Geometries
    is_japan: bool = True


@dataclass(frozen=True, slots=True)
class _Row:
    code: str
    name: str
    shape: BaseGeometry


def land_of(
    drawings: Sequence[Drawing], known: Gazetteer, *, tolerance_m: float, step: Step
) -> tuple[Land, tuple[Notice, ...]]:
    """Return the land that sheets of municipalities draw together; `known` mends codes by name.

    `tolerance_m` is how far a border may be moved to save vertices (0: not at all). Raises Rejected
    `boundaries.place` when it lies elsewhere on earth than its codes, or `boundaries.file` when it is too large.
    """
    is_japan = all(drawing.is_japan for drawing in drawings)
    notices: list[Notice] = []
    rows = list(_coded(drawings, known, notices))
    _check_size(rows)
    rows = list(_placed(rows, _JAPAN if is_japan else _EARTH, notices))
    step("clean")
    names, drawn = _by_code(rows, notices)
    before_m2 = measure.areas_m2(drawn)
    shapes = covering(drawn, tolerance_m=tolerance_m)
    notices += _moved(tuple(names), before_m2, measure.areas_m2(shapes))
    return Land(tuple(names), tuple(names.values()), shapes, is_japan), tuple(notices)


def _coded(drawings: Sequence[Drawing], known: Gazetteer, notices: list[Notice]) -> Iterator[_Row]:
    """Yield the rows with a code and a shape; a code that is none may be told by prefecture and name."""
    by_name = _by_name(known)
    lost = defaultdict[str, list[str]](list)
    for drawing in drawings:
        for given, code, name, home, shape in zip(
            drawing.given, drawing.codes, drawing.names, drawing.homes, drawing.shapes, strict=True
        ):
            said = f"{given or '-'} {home or ''}{name}"
            mended = code or (by_name.get((home or "") + name) if name != UNASSIGNED else None)
            if mended is None:
                lost["unassigned" if name == UNASSIGNED else "code"].append(said)
            elif shape is None or shapely.is_empty(shape):
                lost["shape"].append(said)
            else:
                if code is None:
                    lost["mended"].append(f"{said} → {mended}")
                yield _Row(mended, name, shape)
    notices += [notice for what, found in lost.items() for notice in noticed(*_LOST[what], found)]


def _by_name(known: Gazetteer) -> Mapping[str, str]:
    """Return codes by prefecture and name, where only one place is called so."""
    codes = defaultdict[str, set[str]](set)
    for place in (*known.cities, *known.municipalities, *known.lacking):
        codes[place.full_name].add(place.code)
    return {name: next(iter(found)) for name, found in codes.items() if len(found) == 1}


def _check_size(rows: Sequence[_Row]) -> None:
    vertices = sum(int(shapely.get_num_coordinates(row.shape)) for row in rows)
    if not rows or vertices > MAX_VERTICES:
        why = Text(f"頂点 {vertices:,}(上限 {MAX_VERTICES:,})", f"{vertices:,} vertices, limit {MAX_VERTICES:,}")
        raise _refused("boundaries.file", _NONE if not rows else why)


def _placed(rows: Sequence[_Row], around: tuple[float, ...], notices: list[Notice]) -> Iterator[_Row]:
    """Yield the rows that lie where they may; when most lie elsewhere, the file means something else."""
    bounds = shapely.bounds(np.array([row.shape for row in rows], dtype=object))
    west, south, east, north = bounds.T
    inside = (west >= around[0]) & (south >= around[1]) & (east <= around[2]) & (north <= around[3])
    if 2 * inside.sum() < len(rows):
        raise _refused("boundaries.place", _ELSEWHERE)
    lost = [f"{row.code} {row.name}" for row, is_inside in zip(rows, inside, strict=True) if not is_inside]
    notices.extend(noticed(*_LOST["place"], lost))
    yield from (row for row, is_inside in zip(rows, inside, strict=True) if is_inside)


def _by_code(rows: Sequence[_Row], notices: list[Notice]) -> tuple[dict[str, str], Geometries]:
    """Return the name and one valid shape of each code, in the order of codes."""
    parts, names = defaultdict[str, list[BaseGeometry]](list), dict[str, str]()
    shapes = np.array([row.shape for row in rows], dtype=object)
    broken = ~shapely.is_valid(shapes)
    notices.extend(
        noticed(*_LOST["broken"], [f"{rows[at].code} {rows[at].name}" for at in np.flatnonzero(broken).tolist()])
    )
    for row, shape in zip(rows, polygonal(shapes), strict=True):
        names.setdefault(row.code, row.name)
        parts[row.code].append(shape)
    ordered = {code: names[code] for code in sorted(names)}
    whole = [parts[code][0] if len(parts[code]) == 1 else shapely.union_all(parts[code]) for code in ordered]
    found = np.array(whole, dtype=object)
    flat = shapely.is_empty(found)
    notices.extend(noticed(*_LOST["flat"], [code for code, is_flat in zip(ordered, flat, strict=True) if is_flat]))
    return {code: name for (code, name), is_flat in zip(ordered.items(), flat, strict=True) if not is_flat}, found[
        ~flat
    ]


def _moved(codes: Sequence[str], before_m2: Floats, after_m2: Floats) -> Iterator[Notice]:
    """Yield how much ground changed hands when overlaps and gaps went."""
    change_m2 = np.abs(after_m2 - before_m2)
    moved = [f"{codes[row]} ({change_m2[row] / 1e6:.3f} km2)" for row in np.argsort(-change_m2)]
    yield from noticed(*_LOST["moved"], moved[: int((change_m2 > _MOVED_M2).sum())])


# --- what is said -----------------------------------------------------------------------------------------------------

_LOST = {
    "unassigned": (
        "dropped.unassigned",
        Text("所属未定地(どの市区町村でもない)を除いた", "ground of no municipality left out"),
    ),
    "code": ("dropped.code", Text("コードが読めない行を除いた", "rows without a usable code left out")),
    "shape": ("dropped.shape", Text("図形のない行を除いた", "rows without a shape left out")),
    "mended": ("repaired.code", Text("誤ったコードを名称から直した", "wrong codes mended by the name beside them")),
    "place": ("dropped.place", Text("範囲の外にある行を除いた", "rows elsewhere on earth left out")),
    "broken": ("repaired.shape", Text("自己交差などの壊れた図形を直した", "broken shapes made valid")),
    "flat": ("dropped.flat", Text("面積のない市区町村を除いた", "municipalities without ground left out")),
    "moved": (
        "repaired.border",
        Text("重なり・隙間・線の簡略化で面積が変わった", "ground moved with overlaps, gaps and vertices"),
    ),
}
_NONE = Text("市区町村が一つもありません。", "There is not one municipality.")
_ELSEWHERE = Text(
    "座標が日本の範囲にありません。緯度と経度が逆か、座標系の情報がありません。",
    "The coordinates do not lie in Japan: latitude and longitude are swapped, or the coordinate system is not told.",
)


def _refused(code: str, why: Text) -> Rejected:
    advice = Text("使用中の境界データはそのままです。", "The boundary set in use stays as it is.")
    return rejected([Finding(code=code, severity=Severity.ERROR, message=why, advice=advice)], code=code, message=why)
