"""The boundary set in memory: looked up by code, by name, by point and by shape.

Built once, read by many threads: everything is computed on construction and never changes. Codes are six digits for
a municipality, two for a prefecture; coordinates are lon/lat in degrees.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable
from copy import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from lalert.errors import Finding
from lalert.geo import codes, faults, groups, kinship, measure, packed
from lalert.geo.area import Covered, Extent
from lalert.geo.directory import Directory
from lalert.geo.groups import Groups
from lalert.geo.packed import Packed
from lalert.geo.place import Municipality, Prefecture
from lalert.geo.schemes import CLASS20, DIGITS
from lalert.geo.source import Source

# A point this near to a municipality, and in no other, is taken to lie in it: the embedded coast is drawn to 10 m,
# and piers and new ground lie beyond it.
BORDER_TOLERANCE_M = 300.0

# Less ground than this is rounding along a shared border.
NO_GROUND_M2 = 1.0

_ROUNDING = 1e-9
_CLIP_FROM = 2_000  # vertices of a shape from which cutting it down before intersecting pays
_MANY, _UNIONS = 100, 64  # municipalities whose union is kept, and how many such unions


@dataclass(frozen=True, slots=True)
class Meeting:
    """What a shape and a municipality share: the part of its land, and that in square metres."""

    covered: Covered
    part: BaseGeometry
    ground_m2: float


class BoundarySet:
    """Municipalities and prefectures of Japan with their shapes."""

    def __init__(self, content: Packed, source: Source) -> None:
        names = content.names
        self.source = source
        self.groups = groups.NONE
        self.municipalities: tuple[Municipality, ...] = names.municipalities
        self.prefectures: tuple[Prefecture, ...] = names.prefectures
        self.cities: tuple[Municipality, ...] = names.cities
        self._shapes = content.municipalities
        self._codes = tuple(place.code for place in self.municipalities)
        self._index = {code: number for number, code in enumerate(self._codes)}
        self._places = {place.code: place for place in (*self.cities, *self.municipalities)}
        self._prefectures = {prefecture.code: prefecture for prefecture in self.prefectures}
        self._members = _grouped(self.municipalities)
        self._lacking = {ward.code: ward for ward in names.lacking}
        self._class20 = _class20(content)
        self._regions = {(region.scheme, region.code): region.members for region in names.regions}
        self.schemes = frozenset({CLASS20, *(region.scheme for region in names.regions)})
        self._outlines = dict(zip(self._codes, content.outlines, strict=True))
        self._outlines |= {p.code: shape for p, shape in zip(self.prefectures, content.prefectures, strict=True)}
        self._areas_m2 = measure.areas_m2(self._shapes)
        self._directory = Directory(names, self.heirs)
        self._unions: dict[frozenset[int], BaseGeometry] = {}
        self._tree = shapely.STRtree(self._shapes)
        self._tree.query(shapely.Point(0, 0))  # GEOS builds the tree at the first question: now, in one thread

    def with_groups(self, named: Groups) -> BoundarySet:
        """Return the same set with an operator's named areas."""
        other = copy(self)
        other.groups = named
        return other

    @property
    def version(self) -> str:
        """The version that areas are stamped with."""
        return self.source.version

    @property
    def licence(self) -> str:
        """The licence of the boundary data."""
        return self.source.licence

    @property
    def credit(self) -> str:
        """The credit line that maps must show."""
        return self.source.credit

    def __len__(self) -> int:
        return len(self._codes)

    def __contains__(self, code: object) -> bool:
        """Whether `code` is a prefecture, a designated city or a municipality of this set."""
        return code in self._places or code in self._prefectures

    def municipality(self, code: str) -> Municipality:
        """Return the municipality (or designated city) of a six-digit code. Raises Rejected."""
        place = self._places.get(code)
        if place is None:
            raise faults.refusal([self._unknown(code, "")])
        return place

    def prefecture(self, code: str) -> Prefecture:
        """Return the prefecture of a two-digit code. Raises Rejected."""
        prefecture = self._prefectures.get(code)
        if prefecture is None:
            raise faults.refusal([self._unknown(code, "")])
        return prefecture

    def name_of(self, code: str) -> str:
        """Return the Japanese name of a municipality or prefecture, of another edition, too; else the code itself."""
        place = self._known(code)
        change = codes.maybe_change(code) if place is None else None
        return place.name if place else change.name if change else code

    def as_covered(self, code: str, *, share: float = 1.0) -> Covered:
        """Return a municipality by its names, as one of whose land `share` is covered."""
        place = self._known(code)
        return Covered(code=code, name=self.name_of(code), share=share, en=place.en if place else "")

    def _known(self, code: str) -> Municipality | Prefecture | None:
        """Return what this set calls by `code`, whether it has a shape of it or not."""
        return self._places.get(code) or self._prefectures.get(code) or self._lacking.get(code)

    def heirs(self, code: str) -> tuple[str, ...]:
        """Return the codes of this set that stand for a code of any edition: itself, or else its successors, its
        city or its wards, so that what was resolved with another set can be shown. Never for deciding who is warned.
        """
        if code in self:
            return (code,)
        return tuple(sorted(relative for relative in kinship.kin(frozenset({code})) if relative in self))

    def expand(self, code: str, *, path: str = "") -> tuple[str, ...]:
        """Return every municipality that a normalised code stands for.

        A prefecture gives all inside, a designated city that is held as wards its wards, any other itself. Raises
        Rejected for an abolished code (naming its successors), a ward that this set has no shape of, an unknown code.
        """
        if code in self._index:
            return (code,)
        if code in self._members:
            return self._members[code]
        raise faults.refusal([self._unknown(code, path)])

    def jma_area(self, scheme: str, code: str, *, path: str = "") -> Extent:
        """Return what a JMA code stands for: exactly a 市町村等 area (JMA:class20), or all members of a region.

        `scheme` is one of `schemes`. Raises Rejected for a code that it does not have.
        """
        members = self._regions.get((scheme, code), ())
        if members:
            return _joined(self.jma_area(CLASS20, member, path=path) for member in members)
        if scheme == CLASS20 and code in self._class20:
            return self._class20[code]
        if scheme == CLASS20 and len(code) == DIGITS[CLASS20] and code.endswith("00"):
            return Extent(codes=self.expand(codes.normalise(code, path=path), path=path))
        raise faults.refusal([self._unknown(code, path)])

    def shape_of(self, code: str) -> BaseGeometry:
        """Return the exact shape of one municipality, designated city or prefecture. Raises Rejected."""
        return self.geometry_of(self.expand(code))

    def geometry_of(self, codes: Iterable[str]) -> BaseGeometry:
        """Return the union of whole municipalities (six-digit codes of this set)."""
        rows = frozenset(self._index[code] for code in codes)
        if len(rows) == 1:
            return self._shapes[next(iter(rows))]
        known = self._unions.get(rows)
        if known is None:
            known = shapely.coverage_union_all(self._shapes[sorted(rows)])
            self._keep(rows, known)
        return known

    def _keep(self, rows: frozenset[int], union: BaseGeometry) -> None:
        """Keep the unions of many: the whole country is named often, and takes a tenth of a second to make."""
        if len(rows) >= _MANY:
            if len(self._unions) >= _UNIONS:
                self._unions.clear()
            self._unions[rows] = union

    def at(self, *, lon: float, lat: float) -> str | None:
        """Return the municipality at a point, or the nearest within BORDER_TOLERANCE_M, or None (the sea, abroad)."""
        return self.nearest(shapely.Point(lon, lat), within_m=BORDER_TOLERANCE_M)

    def has_land(self, geometry: BaseGeometry, *, within_m: float) -> bool:
        """Whether a shape meets land of Japan, or has some within about `within_m` metres."""
        return bool(len(self._tree.query(geometry, predicate="intersects")) or self.near(geometry, within_m=within_m))

    def nearest(self, geometry: BaseGeometry, *, within_m: float) -> str | None:
        """Return a municipality that a shape meets, or else the nearest within `within_m` metres, or None."""
        rows = self._tree.query(geometry, predicate="intersects")
        if len(rows):
            return self._codes[int(rows.min())]
        around = self._around(geometry, within_m)
        apart = [(measure.distance_m(geometry, self._shapes[row]), self._codes[row]) for row in around]
        distance_m, code = min(apart, default=(np.inf, ""))
        return code if distance_m <= within_m else None

    def near(self, geometry: BaseGeometry, *, within_m: float) -> frozenset[str]:
        """Return the municipalities that have land within about `within_m` metres of a shape."""
        return frozenset(self._codes[row] for row in self._around(geometry, within_m))

    def _around(self, geometry: BaseGeometry, within_m: float) -> npt.NDArray[np.intp]:
        reach_deg = measure.reach_deg(geometry, within_m)
        return np.sort(self._tree.query(geometry, predicate="dwithin", distance=reach_deg))

    def covered(self, geometry: BaseGeometry) -> tuple[Covered, ...]:
        """Return the municipalities whose land `geometry` covers, with the share of it, in the order of codes.

        Exact: edges are straight in lon/lat, shares are equal-area. Borders touched without ground are left out.
        """
        return tuple(meeting.covered for meeting in self.meet(geometry))

    def meet(self, geometry: BaseGeometry) -> tuple[Meeting, ...]:
        """Return what `geometry` and each municipality share, in the order of codes."""
        geometry = measure.prepared(geometry)
        rows = np.sort(self._tree.query(geometry, predicate="intersects"))
        parts = self._shapes[rows]
        grounds_m2 = self._areas_m2[rows]
        cut = np.flatnonzero(~shapely.covers(geometry, parts))
        parts[cut] = _intersections(geometry, parts[cut])
        grounds_m2[cut] = measure.areas_m2(parts[cut])
        met = zip(rows, parts, grounds_m2, strict=True)
        return tuple(self._meeting(row, part, ground_m2) for row, part, ground_m2 in met if ground_m2 >= NO_GROUND_M2)

    def area_m2(self, *codes: str) -> float:
        """Return the land of municipalities in square metres."""
        return float(self._areas_m2[[self._index[code] for code in codes]].sum())

    def is_along(self, part: BaseGeometry, others: Container[str], *, within_m: float) -> bool:
        """Whether all of `part` lies within `within_m` metres of the land of `others`.

        Measured in degrees of latitude: east to west it asks for up to a third less.
        """
        within_deg = within_m / measure.METRES_A_DEGREE
        near = self._tree.query(part, predicate="dwithin", distance=within_deg)
        rows = [row for row in near if self._codes[row] in others]
        west, south, east, north = part.bounds
        reach = (west - within_deg, south - within_deg, east + within_deg, north + within_deg)
        points = measure.outline_points(part)
        for land in shapely.clip_by_rect(self._shapes[rows], *reach):  # only what can be near: a tenth of the work
            shapely.prepare(land)  # a fresh copy: nobody else has it
            points = points[~shapely.dwithin(land, points, within_deg)]
            if not len(points):
                return True
        return False

    def simplified(self, code: str) -> BaseGeometry:
        """Return the coarse outline of a municipality (six digits) or prefecture (two), for small maps only.

        Outlines of neighbours fit together; islets are left out. Raises Rejected for a code without an outline.
        """
        outline = self._outlines.get(code)
        if outline is None:
            return shapely.coverage_union_all([self._outlines[ward] for ward in self.expand(code)])
        return outline

    def search(self, text: str, *, limit: int = 50) -> tuple[Municipality | Prefecture, ...]:
        """Return places by part of name, kana, Latin letters or code, the closest first: see `Directory.search`."""
        return self._directory.search(text, limit=limit)

    def _meeting(self, row: int, part: BaseGeometry, ground_m2: float) -> Meeting:
        share = float(ground_m2 / self._areas_m2[row])
        covered = self.as_covered(self._codes[row], share=share if share < 1 - _ROUNDING else 1.0)
        return Meeting(covered, part, float(ground_m2))

    def _unknown(self, code: str, path: str) -> Finding:
        change = codes.maybe_change(code)
        if change is not None:
            return faults.abolished(code, change.name, change.on, change.successors, path)
        if code in self._lacking:
            return faults.ward_without_shape(code, self._lacking[code].name, path)
        return faults.unknown_code(code, path)


@cache
def load(folder: Path | None = None) -> BoundarySet:
    """Return the set in `folder`, or the embedded one. Read once, then shared. Raises Defect when damaged."""
    return BoundarySet(*packed.read(folder or packed.EMBEDDED))


def _grouped(places: Iterable[Municipality]) -> dict[str, tuple[str, ...]]:
    """Return the municipalities inside each prefecture and each designated city."""
    groups: dict[str, list[str]] = defaultdict(list)
    for place in places:
        groups[place.prefecture].append(place.code)
        if place.city:
            groups[place.city].append(place.code)
    return {code: tuple(members) for code, members in groups.items()}


def _class20(content: Packed) -> dict[str, Extent]:
    """Return what each JMA 市町村等 area is: a whole municipality, or a piece of one."""
    whole = {p.class20[0]: Extent(codes=(p.code,)) for p in content.names.municipalities if len(p.class20) == 1}
    pieces = zip(content.names.pieces, content.pieces, strict=True)
    return whole | {piece.code: Extent(parts=(shape,)) for piece, shape in pieces}


def _joined(extents: Iterable[Extent]) -> Extent:
    listed = tuple(extents)
    return Extent(
        codes=tuple(code for extent in listed for code in extent.codes),
        parts=tuple(part for extent in listed for part in extent.parts),
    )


def _intersections(geometry: BaseGeometry, shapes: measure.Geometries) -> measure.Geometries:
    """Return what `geometry` shares with each shape; one of many vertices is cut down to each shape's box first."""
    if shapely.get_num_coordinates(geometry) < _CLIP_FROM:
        return np.asarray(shapely.intersection(geometry, shapes), dtype=object)
    cut = np.array([_clipped(geometry, bounds) for bounds in shapely.bounds(shapes)], dtype=object)
    return np.asarray(shapely.intersection(cut, shapes), dtype=object)


def _clipped(geometry: BaseGeometry, bounds: measure.Floats) -> BaseGeometry:
    """Return what lies in a box: by GEOS' fast way, and by the sure way where that one fails."""
    fast = shapely.clip_by_rect(geometry, *bounds)
    return fast if fast.is_valid else shapely.intersection(geometry, shapely.box(*bounds))
