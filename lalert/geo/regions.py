"""Regions: the JMA's areas that group municipalities, as members of a boundary set.

The JMA draws 一次細分, EEW regions and coasts for themselves, and often coarsely. What decides who is warned is which
municipalities belong to each: a municipality (or the piece of one that the JMA warns apart) belongs to the region that
holds most of it. So a border drawn a kilometre off moves nobody into another region.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from lalert.errors import Text
from lalert.geo import codes, kinship
from lalert.geo.cleaning import polygonal
from lalert.geo.coasts import shores
from lalert.geo.legend import Drawing
from lalert.geo.measure import Geometries
from lalert.geo.notices import Notice, noticed
from lalert.geo.place import Municipality, Region
from lalert.geo.schemes import CLASS20, NAMES, TSUNAMI

_NEAR_DEG = 0.6  # an islet that no region is drawn around belongs to its prefecture's nearest within about 60 km


@dataclass(frozen=True, slots=True)
class Units:
    """What regions are made of: seven-digit codes with their shapes, whole municipalities or pieces of one."""

    members: tuple[str, ...]
    names: tuple[str, ...]
    shapes: Geometries


def member_code(place: Municipality) -> str:
    """Return the seven digits that stand for a whole municipality, ward or city."""
    if place.code == codes.NORTHERN_TERRITORIES and place.class20:
        return place.class20[0]
    return f"{place.code[:5]}00"


def drawn_regions(drawing: Drawing, units: Units) -> tuple[tuple[Region, ...], tuple[Notice, ...]]:
    """Return the regions of one sheet with their members, and what was wrong with it."""
    shapes, names, lost = _by_code(drawing)
    find = _along if drawing.kind == TSUNAMI else _within
    found, homeless = find(shapes, units)
    regions = tuple(
        Region(scheme=drawing.kind, code=code, name=names[code], members=tuple(units.members[row] for row in rows))
        for code, rows in sorted(found.items())
        if rows
    )
    empty = [f"{code} {names[code]}" for code, rows in sorted(found.items()) if not rows]
    told = [f"{units.members[row]} {units.names[row]}" for row in homeless]
    notices = (*noticed(*_LOST["shape"], lost), *noticed(*_LOST["empty"], empty), *noticed(*_homeless(drawing), told))
    return regions, notices


def carried(
    regions: Iterable[Region], places: Sequence[Municipality], pieces: frozenset[str]
) -> tuple[tuple[Region, ...], tuple[Notice, ...]]:
    """Return the regions of another edition with members of this one: wards for their city, successors for a merger.

    `places` are all municipalities and cities of this edition, `pieces` the codes of its pieces.
    """
    by_code = {place.code: member_code(place) for place in places}
    lost: list[str] = []
    kept = []
    for region in regions:
        members = {member: tuple(_heirs(member, by_code, pieces)) for member in region.members}
        lost += [f"{region.code} {region.name}: {member}" for member, heirs in members.items() if not heirs]
        heirs = tuple(dict.fromkeys(heir for found in members.values() for heir in found))
        kept.append(Region(scheme=region.scheme, code=region.code, name=region.name, members=heirs))
    return tuple(region for region in kept if region.members), tuple(noticed(*_LOST["heirless"], lost))


def _heirs(member: str, by_code: Mapping[str, str], pieces: frozenset[str]) -> Iterator[str]:
    if member in pieces:
        yield member
        return
    six = codes.with_check_digit(member[:5]) if member.isdigit() else codes.NORTHERN_TERRITORIES
    near = [six] if six in by_code else sorted(kinship.kin(frozenset({six})) & by_code.keys())
    yield from (by_code[code] for code in near)


def _by_code(drawing: Drawing) -> tuple[dict[str, Geometries], dict[str, str], list[str]]:
    """Return shapes and name of each code, and the rows that have no code or no shape."""
    parts, names, lost = defaultdict[str, list[BaseGeometry]](list), dict[str, str](), list[str]()
    for given, code, name, shape in zip(drawing.given, drawing.codes, drawing.names, drawing.shapes, strict=True):
        if code is None or shape is None or shapely.is_empty(shape):
            lost.append(f"{given or '-'} {name}")
            continue
        names.setdefault(code, name)
        parts[code].append(shape)
    return {code: np.array(found, dtype=object) for code, found in parts.items()}, names, lost


def _within(shapes: Mapping[str, Geometries], units: Units) -> tuple[dict[str, list[int]], list[int]]:
    """Return the units that lie mostly in each region, and those that lie in none."""
    names = list(shapes)
    whole = np.array([shapely.union_all(polygonal(found)) for found in shapes.values()], dtype=object)
    unit, region = shapely.STRtree(whole).query(units.shapes, predicate="intersects")
    shared = np.ones(len(unit))  # what meets one region only need not be measured
    torn = np.bincount(unit, minlength=len(units.members))[unit] > 1
    shared[torn] = shapely.area(shapely.intersection(units.shapes[unit[torn]], whole[region[torn]]))
    best: dict[int, tuple[float, int]] = {}
    for row, at, share in zip(unit.tolist(), region.tolist(), shared.tolist(), strict=True):
        best[row] = max(best.get(row, (0.0, at)), (share, at))
    homes = {row: at for row, (_, at) in best.items()}
    homes |= _islets([row for row in range(len(units.members)) if row not in best], homes, units, whole)
    found = {name: sorted(row for row, home in homes.items() if home == at) for at, name in enumerate(names)}
    return found, [row for row in range(len(units.members)) if row not in homes]


def _islets(apart: Sequence[int], homes: Mapping[int, int], units: Units, whole: Geometries) -> dict[int, int]:
    """Return the nearest region of its own prefecture for each unit around which no region is drawn."""
    held: dict[str, set[int]] = defaultdict(set)
    for row, at in homes.items():
        held[units.members[row][:2]].add(at)
    found: dict[int, int] = {}
    for row in apart:
        distances = {at: float(shapely.distance(units.shapes[row], whole[at])) for at in held[units.members[row][:2]]}
        nearest = min(distances, key=distances.__getitem__, default=None)
        if nearest is not None and distances[nearest] <= _NEAR_DEG:
            found[row] = nearest
    return found


def _along(shapes: Mapping[str, Geometries], units: Units) -> tuple[dict[str, list[int]], list[int]]:
    return shores(shapes, units.shapes, [member[:2] for member in units.members])


# --- what is said -----------------------------------------------------------------------------------------------------

_LOST = {
    "shape": ("dropped.region", Text("コードか図形のない区域を除いた", "regions without a code or a shape left out")),
    "empty": (
        "dropped.empty",
        Text("どの市区町村にもかからない区域を除いた", "regions that hold no municipality left out"),
    ),
    "heirless": (
        "dropped.member",
        Text("引き継げない市区町村を区域から除いた", "members without a successor left out"),
    ),
}


def _homeless(drawing: Drawing) -> tuple[str, Text]:
    name = NAMES[drawing.kind]
    if drawing.kind == TSUNAMI:
        return "missing.coast", Text(f"どの{name}にも属さない沿岸", "shore that belongs to no coast")
    return "missing.region", Text(f"どの{name}にも属さない市区町村", f"places in no region of {drawing.kind}")


def whole_units(places: Sequence[Municipality], shapes: Geometries) -> Units:
    """Return units of whole municipalities."""
    return Units(tuple(map(member_code, places)), tuple(place.name for place in places), shapes)


def is_grouping(drawing: Drawing) -> bool:
    """Whether a sheet draws regions; the other kinds draw municipalities or pieces of them."""
    return drawing.kind in NAMES and drawing.kind != CLASS20
