"""The boundary set in memory: looked up by code, by name, by point and by shape.

Built once, read by many threads: everything is computed on construction and never changes. Codes are six digits for
a municipality, two for a prefecture; coordinates are lon/lat in degrees.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from lalert.errors import Finding
from lalert.geo import codes, faults, measure, packed
from lalert.geo.area import Covered
from lalert.geo.packed import Packed, Source
from lalert.geo.place import Municipality, Prefecture

# A point this near to a municipality, and in no other, is taken to lie in it: the embedded coast is drawn to 10 m,
# and piers and new ground lie beyond it.
BORDER_TOLERANCE_M = 300.0

_KATAKANA_TO_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
_CLIP_FROM = 2_000  # vertices of a shape from which cutting it down before intersecting pays


@dataclass(frozen=True, slots=True)
class Extent:
    """What a code stands for: whole municipalities, and shapes that are parts of municipalities."""

    codes: tuple[str, ...] = ()
    parts: tuple[BaseGeometry, ...] = ()


class BoundarySet:
    """Municipalities and prefectures of Japan with their shapes."""

    def __init__(self, content: Packed, source: Source) -> None:
        names = content.names
        self.source = source
        self.municipalities: tuple[Municipality, ...] = names.municipalities
        self.prefectures: tuple[Prefecture, ...] = names.prefectures
        self.cities: tuple[Municipality, ...] = names.cities
        self._shapes = content.municipalities
        self._codes = tuple(place.code for place in self.municipalities)
        self._index = {code: number for number, code in enumerate(self._codes)}
        self._places = {place.code: place for place in (*self.cities, *self.municipalities)}
        self._prefectures = {prefecture.code: prefecture for prefecture in self.prefectures}
        self._members = _grouped(self.municipalities)
        self._lacking = names.lacking
        self._class20 = _class20(content)
        self._regions = {region.code: region.members for region in names.regions}
        self._outlines = dict(zip(self._codes, content.outlines, strict=True))
        self._outlines |= {p.code: shape for p, shape in zip(self.prefectures, content.prefectures, strict=True)}
        self._areas_m2 = measure.areas_m2(self._shapes)
        self._search_keys = tuple(_search_keys(place) for place in self.municipalities)
        self._tree = shapely.STRtree(self._shapes)
        shapely.prepare(self._shapes)
        self._tree.query(shapely.Point(0, 0))  # GEOS builds the tree at the first question: now, in one thread

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
        """Return the Japanese name of a municipality or prefecture code of this set, or the code itself."""
        place = self._places.get(code) or self._prefectures.get(code)
        return place.name if place else code

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

    def jma_area(self, code: str, *, path: str = "") -> Extent:
        """Return what a JMA code stands for: 市町村等 (seven digits, exactly that part) or 一次細分 (six digits)."""
        if code in self._class20:
            return self._class20[code]
        if code in self._regions:
            return _joined(self._class20[member] for member in self._regions[code])
        if len(code) == 7 and code.endswith("00"):
            return Extent(codes=self.expand(codes.normalise(code, path=path), path=path))
        raise faults.refusal([self._unknown(code, path)])

    def shape_of(self, code: str) -> BaseGeometry:
        """Return the exact shape of one municipality, designated city or prefecture. Raises Rejected."""
        return self.geometry_of(self.expand(code))

    def geometry_of(self, codes: Iterable[str]) -> BaseGeometry:
        """Return the union of whole municipalities (six-digit codes of this set)."""
        rows = sorted({self._index[code] for code in codes})
        if len(rows) == 1:
            return self._shapes[rows[0]]
        return shapely.coverage_union_all(self._shapes[rows])

    def at(self, *, lon: float, lat: float) -> str | None:
        """Return the municipality at a point, or the nearest within BORDER_TOLERANCE_M, or None (the sea, abroad)."""
        point = shapely.Point(lon, lat)
        hits = self._tree.query(point, predicate="intersects")
        return self._codes[int(hits.min())] if len(hits) else self.nearest(point, within_m=BORDER_TOLERANCE_M)

    def nearest(self, geometry: BaseGeometry, *, within_m: float) -> str | None:
        """Return the municipality that lies nearest to a shape, if one does within `within_m` metres."""
        rows = self._tree.query(measure.widened(geometry, within_m), predicate="intersects")
        apart = [(measure.distance_m(geometry, self._shapes[row]), self._codes[row]) for row in rows]
        distance_m, code = min(apart, default=(np.inf, ""))
        return code if distance_m <= within_m else None

    def covered(self, geometry: BaseGeometry) -> tuple[Covered, ...]:
        """Return the municipalities whose land `geometry` covers, with the share of it, in the order of codes.

        Exact: edges are straight in lon/lat, shares are equal-area. Borders touched without ground are left out.
        """
        rows, grounds_m2 = self.ground(geometry)
        shares = np.minimum(grounds_m2 / self._areas_m2[rows], 1.0)
        return tuple(self._covered(row, share) for row, share in zip(rows, shares, strict=True) if share > 0)

    def ground(self, geometry: BaseGeometry) -> tuple[npt.NDArray[np.intp], measure.Floats]:
        """Return the rows of the municipalities met, and the square metres of each that `geometry` covers."""
        shapely.prepare(geometry)
        rows = np.sort(self._tree.query(geometry, predicate="intersects"))
        shapes = self._shapes[rows]
        grounds_m2 = np.where(shapely.covers(geometry, shapes), self._areas_m2[rows], 0.0)
        cut = np.flatnonzero(grounds_m2 == 0)
        grounds_m2[cut] = measure.areas_m2(_intersections(geometry, shapes[cut]))
        return rows, grounds_m2

    def simplified(self, code: str) -> BaseGeometry:
        """Return the coarse outline of a municipality (six digits) or prefecture (two), for small maps only.

        Outlines of neighbours fit together; islets are left out. Raises Rejected for a code without an outline.
        """
        outline = self._outlines.get(code)
        if outline is None:
            return shapely.coverage_union_all([self._outlines[ward] for ward in self.expand(code)])
        return outline

    def search(self, text: str, *, limit: int = 50) -> tuple[Municipality, ...]:
        """Return municipalities by part of name, kana, English name or code; the closest first."""
        wanted = _search_key(text[:40])
        if not wanted:
            return ()
        ranked = ((_closeness(wanted, keys), row) for row, keys in enumerate(self._search_keys))
        best = sorted((closeness, row) for closeness, row in ranked if closeness is not None)
        return tuple(self.municipalities[row] for _, row in best[:limit])

    def _covered(self, row: int, share: float) -> Covered:
        place = self.municipalities[row]
        return Covered(code=place.code, name=place.name, share=float(share))

    def _unknown(self, code: str, path: str) -> Finding:
        change = codes.maybe_change(code)
        if change is not None:
            return faults.abolished(code, change.name, change.on, change.successors, path)
        if code in self._lacking:
            return faults.ward_without_shape(code, self._lacking[code], path)
        return faults.unknown_code(code, path)


@cache
def load(folder: Path | None = None) -> BoundarySet:
    """Return the set in `folder`, or the embedded one. Read once, then shared. Raises Unavailable when damaged."""
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
    boxes = shapely.bounds(shapes)
    cut = [shapely.intersection(geometry, shapely.box(*bounds)) for bounds in boxes]
    return np.asarray(shapely.intersection(np.array(cut, dtype=object), shapes), dtype=object)


def _search_key(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).translate(_KATAKANA_TO_HIRAGANA)
    return "".join(plain.casefold().split())


def _search_keys(place: Municipality) -> tuple[str, ...]:
    return tuple(_search_key(key) for key in (place.name, place.full_name, place.kana, place.en, place.code))


def _closeness(wanted: str, keys: tuple[str, ...]) -> int | None:
    """Return 0 for the whole of a key, 1 for its beginning, 2 for inside it, None for nowhere."""
    if wanted in keys:
        return 0
    if any(key.startswith(wanted) for key in keys):
        return 1
    return 2 if any(wanted in key for key in keys) else None
