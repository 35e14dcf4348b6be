"""Two boundary sets side by side: is the new one the same country, a little newer, or something else altogether?

A set decides who is warned. What differs more than a year of mergers and surveying explains is told by name, and goes
in only when the operator names it, too: a truncated file must not put half of Japan in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from lalert.errors import Text
from lalert.geo import kinship
from lalert.geo.measure import Geometries, areas_m2
from lalert.geo.packed import Packed
from lalert.geo.place import Gazetteer, Region

MAX_COUNT_SHARE: Final = 0.005
MAX_AREA_SHARE: Final = 0.002
MAX_PLACE_SHARE: Final = 0.10  # of one municipality's land
MAX_PLACES_SHARE: Final = 0.02  # of the municipalities may differ so much
MAX_NEIGHBOURS_SHARE: Final = 0.05
MIN_AGREEMENT: Final = 0.98
_POINTS: Final = 200_000  # about one in twelve lies on land
_SEED: Final = 20260528
_LISTED: Final = 20
_SMALL_M2: Final = 1e6
_BORDER_DEG: Final = 0.001  # neighbours share at least about 100 m


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which two sets differ. It is large when it needs the operator's word."""

    code: str
    what: Text
    is_large: bool
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form."""
        what = {"ja": self.what.ja, "en": self.what.en}
        return {"code": self.code, "what": what, "large": self.is_large, "examples": list(self.examples)}


CODES: Final = ("count", "vanished", "area", "places", "neighbours", "agreement", "regions")


def compared(new: Packed, old: Packed) -> tuple[Difference, ...]:
    """Return how `new` differs from `old`, measured in every way of CODES."""
    return tuple(_differences(new, old))


def _differences(new: Packed, old: Packed) -> Iterator[Difference]:
    yield _count(new.names, old.names)
    yield _vanished(new.names, old.names)
    yield from _areas(new, old)
    yield _neighbours(new, old)
    yield _agreement(new, old)
    yield _regions(new.names, old.names)


def _towns(names: Gazetteer) -> dict[str, str]:
    """Return municipalities by code, a city held as wards once."""
    wards = {ward for city in names.cities for ward in city.wards}
    return {place.code: place.name for place in (*names.cities, *names.municipalities) if place.code not in wards}


def _count(new: Gazetteer, old: Gazetteer) -> Difference:
    now, before = (len(_towns(names).keys() - kinship.NORTHERN) for names in (new, old))
    what = Text(f"市区町村の数: {before:,} → {now:,}", f"municipalities: {before:,} → {now:,}")
    return Difference("count", what, abs(now - before) > MAX_COUNT_SHARE * before)


def _vanished(new: Gazetteer, old: Gazetteer) -> Difference:
    """Codes that are gone without a successor that we know of: whoever names them would be refused."""
    here, before = _towns(new), _towns(old)
    gone = [code for code in before if code not in here and not kinship.kin(frozenset({code})) & here.keys()]
    what = Text(f"後継のない廃止コード: {len(gone)}", f"codes gone without a known successor: {len(gone)}")
    return Difference("vanished", what, bool(gone), tuple(f"{code} {before[code]}" for code in gone[:_LISTED]))


def _areas(new: Packed, old: Packed) -> Iterator[Difference]:
    now, before = _areas_by_town(new), _areas_by_town(old)
    total, earlier = sum(now.values()), sum(before.values())
    what = Text(
        f"面積: {earlier / 1e6:,.0f} → {total / 1e6:,.0f} km²", f"area: {earlier / 1e6:,.0f} → {total / 1e6:,.0f} km2"
    )
    yield Difference("area", what, abs(total - earlier) > MAX_AREA_SHARE * earlier)
    both = [code for code in before if code in now]
    changed = {code: abs(now[code] - before[code]) for code in both}
    large = [code for code in both if changed[code] > max(MAX_PLACE_SHARE * before[code], _SMALL_M2)]
    large.sort(key=lambda code: -changed[code])
    names = _towns(new.names)
    listed = tuple(
        f"{code} {names[code]} {before[code] / 1e6:,.2f} → {now[code] / 1e6:,.2f} km2" for code in large[:_LISTED]
    )
    what = Text(
        f"面積が1割以上変わった市区町村: {len(large)}",
        f"municipalities whose area changed by a tenth or more: {len(large)}",
    )
    yield Difference("places", what, len(large) > MAX_PLACES_SHARE * max(1, len(both)), listed)


def _areas_by_town(content: Packed) -> dict[str, float]:
    city = {ward: place.code for place in content.names.cities for ward in place.wards}
    areas: dict[str, float] = {}
    for place, area_m2 in zip(content.names.municipalities, areas_m2(content.municipalities).tolist(), strict=True):
        code = city.get(place.code, place.code)
        areas[code] = areas.get(code, 0.0) + area_m2
    return areas


def _neighbours(new: Packed, old: Packed) -> Difference:
    now, before = _pairs(new), _pairs(old)
    here = {code for pair in now for code in pair}
    old_here = {pair for pair in before if pair <= here}
    changed = now ^ old_here
    known = _towns(new.names)
    listed = ["・".join(sorted(known.get(code, code) for code in pair)) for pair in sorted(changed, key=sorted)]
    what = Text(
        f"隣り合う市区町村の組: {len(before):,} → {len(now):,}(変わった組 {len(changed):,})",
        f"pairs of neighbours: {len(before):,} → {len(now):,} ({len(changed):,} changed)",
    )
    is_large = len(changed) > MAX_NEIGHBOURS_SHARE * max(1, len(old_here))
    return Difference("neighbours", what, is_large, tuple(listed[:_LISTED]))


def _pairs(content: Packed) -> set[frozenset[str]]:
    """Return the pairs of municipalities with a common border."""
    shapes = content.municipalities
    city = {ward: place.code for place in content.names.cities for ward in place.wards}
    owners = [city.get(place.code, place.code) for place in content.names.municipalities]
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    once = a < b
    a, b = a[once], b[once]
    length = shapely.length(shapely.intersection(shapes[a], shapes[b]))
    touching = zip(a[length >= _BORDER_DEG].tolist(), b[length >= _BORDER_DEG].tolist(), strict=True)
    return {frozenset((owners[x], owners[y])) for x, y in touching if owners[x] != owners[y]}


def _agreement(new: Packed, old: Packed) -> Difference:
    """How many random points on land both sets give to the same municipality."""
    points = _points_on(old)
    pairs = [(_at(points, content), _kin_names(content.names)) for content in (new, old)]
    (now, names), (before, old_names) = pairs
    same = sum(not old_names[town].isdisjoint(names.get(now.get(row, -1), ())) for row, town in before.items())
    share = same / max(1, len(before))
    what = Text(f"無作為な陸上の点の一致: {share:.2%}", f"random points on land that agree: {share:.2%}")
    return Difference("agreement", what, share < MIN_AGREEMENT)


def _points_on(content: Packed) -> Geometries:
    """Return points spread evenly on the ground in the box around a set; those at sea count nowhere."""
    west, south, east, north = shapely.total_bounds(content.municipalities)
    sure = np.random.default_rng(_SEED)
    sines = sure.uniform(np.sin(np.radians(south)), np.sin(np.radians(north)), _POINTS)
    return np.asarray(shapely.points(sure.uniform(west, east, _POINTS), np.degrees(np.arcsin(sines))))


def _at(points: Geometries, content: Packed) -> dict[int, int]:
    """Return the municipality's row of each point's row that lies on land."""
    point, row = shapely.STRtree(content.municipalities).query(points, predicate="intersects")
    return dict(zip(point.tolist(), row.tolist(), strict=True))


def _kin_names(names: Gazetteer) -> dict[int, frozenset[str]]:
    return {row: kinship.kin(frozenset({place.code})) for row, place in enumerate(names.municipalities)}


def _regions(new: Gazetteer, old: Gazetteer) -> Difference:
    here = {(region.scheme, region.code) for region in new.regions} | {piece.code for piece in new.pieces}
    named = (region for region in old.regions if region.code.isdigit())  # what has no code of the JMA's is ours
    gone = [f"{region.scheme} {region.code} {region.name}" for region in named if _key(region) not in here]
    gone += [f"{piece.code} {piece.name}" for piece in old.pieces if piece.code not in here]
    what = Text(f"なくなる気象庁の区域: {len(gone)}", f"areas of the JMA that are gone: {len(gone)}")
    return Difference("regions", what, bool(gone), tuple(gone[:_LISTED]))


def _key(region: Region) -> tuple[str, str]:
    return region.scheme, region.code
