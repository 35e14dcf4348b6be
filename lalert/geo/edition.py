"""A new edition of the boundary set: what operators' files draw, on top of the set in use.

Files of municipalities replace all municipalities; sheets of the JMA replace the regions of their kind. What no file
speaks of is carried over: readings by code, the JMA's pieces and regions by code and kinship. So one file alone is
enough to renew one thing.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import shapely

from lalert.errors import Rejected, Text
from lalert.geo import codes, kinship, packed
from lalert.geo.cleaning import for_maps, polygonal
from lalert.geo.land import Land, land_of
from lalert.geo.legend import JMA, N03, Drawing
from lalert.geo.measure import Geometries
from lalert.geo.notices import Notice, Step
from lalert.geo.packed import Packed
from lalert.geo.place import Gazetteer, Municipality, Piece
from lalert.geo.regions import Units, carried, drawn_regions, is_grouping, member_code, whole_units
from lalert.geo.schemes import CLASS20, JIS, TSUNAMI
from lalert.geo.source import Source

# The villages of the Northern Territories, which the embedded set holds as one.
_VILLAGES = {
    "016951": ("しこたんむら", "Shikotan Village"),
    "016969": ("とまりむら", "Tomari Village"),
    "016977": ("るやべつむら", "Ruyabetsu Village"),
    "016985": ("るべつむら", "Rubetsu Village"),
    "016993": ("しゃなむら", "Shana Village"),
    "017001": ("しべとろむら", "Shibetoro Village"),
}

STEPS = ("read", "clean", "name", "regions", "pack", "compare")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """A set as it would be kept, and what was noticed on the way."""

    content: Packed
    data: bytes
    notices: tuple[Notice, ...]
    authorities: tuple[str, ...] = ()  # of its files


def composed(drawings: Sequence[Drawing], base: Packed, *, tolerance_m: float, step: Step) -> Edition:
    """Return the edition that `drawings` make of `base`.

    Raises Rejected `boundaries.*` for files that cannot become one.
    """
    kinds = {drawing.kind for drawing in drawings}
    if not kinds:
        raise Rejected(_NOTHING, code="boundaries.file")
    names, shapes, notices = base.names, base.municipalities, list[Notice]()
    if JIS in kinds:
        drawn_towns = [drawing for drawing in drawings if drawing.kind == JIS]
        land, found = land_of(drawn_towns, base.names, tolerance_m=tolerance_m, step=step)
        notices += found
        step("name")
        names, shapes = _named(land, base.names), land.shapes
    step("regions")
    pieces, piece_shapes = _pieces(drawings, names, base)
    held = frozenset(piece.code for piece in pieces)
    whole = (*names.municipalities, *names.cities)
    renewed = kinds - {CLASS20}  # its regions are made of pieces, which a sheet renews one by one
    kept = (region for region in base.names.regions if region.scheme not in renewed)
    regions, found = carried(kept if names.prefectures else (), whole, held)  # another country has none of them
    notices += found
    towns = whole_units(names.municipalities, shapes)
    units = _units(names.municipalities, shapes, pieces, piece_shapes)
    for drawing in filter(is_grouping, drawings):
        drawn, found = drawn_regions(drawing, towns if drawing.kind == TSUNAMI else units)
        regions, notices = (*regions, *drawn), [*notices, *found]
    step("pack")
    regions = tuple(sorted(regions, key=lambda region: (region.scheme, region.code)))
    content = _packed(replace(names, pieces=pieces, regions=regions), shapes, piece_shapes, base)
    return Edition(
        content=content, data=packed.encode(content), notices=tuple(notices), authorities=_authorities(drawings)
    )


def source_of(
    edition: Edition, base: Source, *, version: str, files: Sequence[str], counts: Mapping[str, int]
) -> Source:
    """Return what is known of an imported edition; operators see in it which files it was made from."""
    listed = ", ".join(files[:5]) + (f" … ({len(files)} files)" if len(files) > 5 else "")
    return Source(
        version=version,
        source=f"{listed}; {base.source}"[:2_000],
        licence="取り込んだファイルの利用条件に従う / as the imported files say; " + base.licence.split("; ", 1)[-1],
        credit=_credit(edition.authorities, base.credit),
        note=f"on top of {base.version}",
        tools=f"lalert boundaries import; shapely {shapely.__version__}, GEOS {shapely.geos_version_string}",
        counts=dict(counts),
        sha256=hashlib.sha256(edition.data).hexdigest(),
    )


def _authorities(drawings: Sequence[Drawing]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(drawing.authority for drawing in drawings if drawing.authority))


def _credit(authorities: Sequence[str], before: str) -> str:
    """Return the line that maps show: every authority once, short enough to be read whole."""
    named = [one for one in (N03, JMA) if one in authorities or one in before]
    return "・".join(named) + "のデータを加工して作成" if named else before


def _packed(names: Gazetteer, shapes: Geometries, pieces: Geometries, base: Packed) -> Packed:
    if shapes is base.municipalities:
        outlines, prefectures = base.outlines, base.prefectures
    else:
        outlines, prefectures = for_maps(shapes, [place.prefecture for place in names.municipalities])
        prefectures = prefectures if names.prefectures else prefectures[:0]
    return Packed(names=names, municipalities=shapes, pieces=pieces, outlines=outlines, prefectures=prefectures)


# --- names ------------------------------------------------------------------------------------------------------------


def _named(land: Land, known: Gazetteer) -> Gazetteer:
    """Return the names of new land: the readings are those of the set in use, wherever the place is still the same."""
    if not land.is_japan:
        return _abroad(land)
    readings = {place.code: place for place in (*known.lacking, *known.municipalities, *known.cities)}
    homes = {prefecture.code: prefecture.name for prefecture in known.prefectures}
    cities = _cities(land.codes)
    municipalities = tuple(
        _municipality(code, name, readings.get(code), homes[code[:2]], cities.get(code))
        for code, name in zip(land.codes, land.names, strict=True)
    )
    held = set(land.codes)
    wards = (place for place in (*known.lacking, *known.municipalities) if place.city and place.code not in held)
    return Gazetteer(
        municipalities=municipalities,
        prefectures=known.prefectures,
        cities=tuple(_city(readings[code], cities) for code in sorted(set(cities.values()))),
        pieces=(),
        regions=(),
        lacking=tuple(sorted((replace(ward, class20=()) for ward in wards), key=lambda ward: ward.code)),
    )


def _cities(held: Sequence[str]) -> dict[str, str]:
    """Return the city of each ward that is held, and the Northern Territories of each village."""
    owners = {code: kinship.city_of(code) for code in held}
    owners |= dict.fromkeys(set(held) & set(kinship.NORTHERN_VILLAGES), codes.NORTHERN_TERRITORIES)
    return {code: city for code, city in owners.items() if city is not None and city not in owners}


def _municipality(code: str, name: str, known: Municipality | None, home: str, city: str | None) -> Municipality:
    if known is not None and (known.name.endswith(name) or name.endswith(known.name)):
        class20 = known.class20 if known.class20 or city else (member_code(known),)
        return replace(known, class20=class20, city=city, wards=())
    class20 = () if city else (f"{code[:5]}00",)
    kana, en = _VILLAGES.get(code, ("", ""))  # a name that is new has no reading: it is found by name and code
    return Municipality(
        code=code, prefecture=code[:2], prefecture_name=home, name=name, kana=kana, en=en, class20=class20, city=city
    )


def _city(known: Municipality, cities: Mapping[str, str]) -> Municipality:
    wards = tuple(sorted(ward for ward, owner in cities.items() if owner == known.code))
    return replace(known, wards=wards, city=None)


def _abroad(land: Land) -> Gazetteer:
    """Return the names of another country's land: no prefectures, and nothing that the JMA knows."""
    places = tuple(
        Municipality(
            code=code, prefecture="", prefecture_name="", name=name, kana="", en=name if name.isascii() else ""
        )
        for code, name in zip(land.codes, land.names, strict=True)
    )
    return Gazetteer(municipalities=places, prefectures=(), cities=(), pieces=(), regions=(), lacking=())


# --- pieces -----------------------------------------------------------------------------------------------------------


def _pieces(drawings: Sequence[Drawing], names: Gazetteer, base: Packed) -> tuple[tuple[Piece, ...], Geometries]:
    """Return the parts of municipalities that the JMA warns apart: of a new sheet, and the others as they were."""
    held = {place.code for place in (*names.municipalities, *names.cities)}
    parts = {piece.code: (piece, shape) for piece, shape in zip(base.names.pieces, base.pieces, strict=True)}
    known = set(parts)
    for drawing in (drawing for drawing in drawings if drawing.kind == CLASS20):
        found = polygonal(np.where(shapely.is_missing(drawing.shapes), shapely.Polygon(), drawing.shapes))
        for code, name, shape in zip(drawing.codes, drawing.names, found, strict=True):
            if code in known and not shape.is_empty:
                parts[code] = replace(parts[code][0], name=name.removeprefix("気象庁予報警報規程別表")), shape
    kept = [parts[code] for code in sorted(parts) if parts[code][0].municipality in held]
    shapes = np.empty(len(kept), dtype=object)
    shapes[:] = [shape for _, shape in kept]
    return tuple(piece for piece, _ in kept), shapes


def _units(
    places: Sequence[Municipality], shapes: Geometries, pieces: Sequence[Piece], piece_shapes: Geometries
) -> Units:
    """Return what regions are made of: municipalities, but for those that the JMA warns in pieces their pieces."""
    rows = defaultdict[str, list[int]](list)
    for row, piece in enumerate(pieces):
        rows[piece.municipality].append(row)
    whole = [row for row, place in enumerate(places) if place.code not in rows]
    cut = [row for place in places for row in rows.get(place.code, ())]
    plain = whole_units([places[row] for row in whole], shapes[whole])
    return Units(
        (*plain.members, *(pieces[row].code for row in cut)),
        (*plain.names, *(pieces[row].name for row in cut)),
        cast(Geometries, np.concatenate((plain.shapes, piece_shapes[cut]))),
    )


_NOTHING = Text(
    "市区町村も気象庁の区域も見つかりません。N03 の都道府県・振興局の層だけでは取り込めません。",
    "No municipalities and no areas of the JMA were found; N03's layers of prefectures alone are not enough.",
)
