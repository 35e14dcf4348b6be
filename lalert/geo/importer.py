"""From official boundary files to a packed set: clean, dissolve, name, draw coarse outlines, and check it all.

The result must be a coverage: no overlap, shared borders identical. Otherwise a point could lie in two
municipalities, or a simplified map show gaps.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

import geopandas
import numpy as np
import shapely

from lalert.errors import Text, Unavailable
from lalert.geo import codes, jma, packed
from lalert.geo.measure import Geometries, areas_m2
from lalert.geo.packed import Packed, Source
from lalert.geo.place import Gazetteer, Municipality, Piece, Region

WGS84 = 4326
FEATURES = 1_855
MUNICIPALITIES = 1_741
PREFECTURES = 47
AREA_KM2 = (376_500.0, 379_500.0)  # 国土地理院: about 378,000 with the Northern Territories

_GAP_DEG = 0.0003  # slivers of nobody between two municipalities: up to 30 m wide
_OUTLINE_DEG = 0.006
_ISLET_DEG2 = 1.5e-5  # about 0.15 km2
_PREFECTURE_DEG = 0.02
_PREFECTURE_ISLET_DEG2 = 1e-3

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a set holds, and what is wrong with it (nothing, when it may be used)."""

    counts: dict[str, int]
    area_km2: float
    problems: tuple[str, ...]


def build_jma(report: Report = lambda _: None) -> tuple[bytes, Source]:
    """Return the embedded set, made from reversejp and japancode. Raises Unavailable when it fails its survey."""
    report("read")
    features = jma.features()
    if len(features) != FEATURES:
        raise _unfit([f"{len(features)} features, {FEATURES} expected"])
    report("clean")
    areas = cleaned([feature.geometry for feature in features])
    report("dissolve")
    whole = dissolved(areas, [_five(feature.code) for feature in features])
    report("name")
    names = _named(features, whole, areas)
    report("simplify")
    split = {piece.code for piece in names.pieces}
    pieces = areas[[feature.code in split for feature in features]]
    report("pack")
    return finished(names, np.asarray(whole.geometry), pieces)


def cleaned(shapes: Iterable[shapely.Geometry]) -> Geometries:
    """Return valid shapes that neither overlap nor leave slivers between them.

    Where two overlap the smaller one gets the ground: JMA draws 刈羽村 on top of 柏崎市, which encloses it.
    """
    array = np.array(list(shapes), dtype=object)
    valid = shapely.make_valid(array, method="structure", keep_collapsed=False)
    return np.asarray(shapely.coverage_clean(valid, gap_width=_GAP_DEG, merge_strategy="min_area"), dtype=object)


def dissolved(shapes: Geometries, keys: list[str]) -> geopandas.GeoDataFrame:
    """Return one shape for each key, indexed and sorted by it."""
    frame = geopandas.GeoDataFrame({"key": keys}, geometry=shapes, crs=WGS84)
    return frame.dissolve(by="key", method="coverage", sort=True)


def finished(
    names: Gazetteer,
    shapes: Geometries,
    pieces: Geometries,
    *,
    version: str = jma.VERSION,
    source: str = jma.SOURCE,
    licence: str = jma.LICENCE,
    credit: str = jma.CREDIT,
) -> tuple[bytes, Source]:
    """Return the data file and its source. Raises Unavailable with every problem that the survey finds."""
    outlines = coarse(shapes, _OUTLINE_DEG, _ISLET_DEG2)
    data = packed.encode(
        Packed(
            names=names,
            municipalities=shapes,
            pieces=pieces,
            outlines=outlines,
            prefectures=_prefectures(names, shapes),
        )
    )
    result = survey(packed.decode(data))
    if result.problems:
        raise _unfit(result.problems)
    return data, Source(
        version=version,
        source=source,
        licence=licence,
        credit=credit,
        note="Northern Territories as one area (016950); wards only for Hiroshima and Kyoto",
        tools=f"lalert boundaries build; shapely {shapely.__version__}, GEOS {shapely.geos_version_string}",
        counts=result.counts,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def coarse(shapes: Geometries, tolerance_deg: float, islet_deg2: float) -> Geometries:
    """Return coarse shapes whose shared borders still fit, without islets; the largest island of each stays."""
    simple = shapely.coverage_simplify(shapes, tolerance_deg)
    return np.array([_without_islets(shape, islet_deg2) for shape in simple], dtype=object)


def survey(candidate: Packed) -> Survey:
    """Count, measure and check a set as it will be loaded."""
    names, shapes = candidate.names, candidate.municipalities
    counts = _counts(names)
    area_km2 = float(areas_m2(shapes).sum()) / 1e6
    held = {place.prefecture for place in names.municipalities}
    claims = {
        f"{counts['municipalities']} municipalities, {MUNICIPALITIES} expected": (
            counts["municipalities"] == MUNICIPALITIES
        ),
        f"{len(held)} prefectures, {PREFECTURES} expected": len(held) == len(names.prefectures) == PREFECTURES,
        f"{area_km2:,.0f} km2, about 378,000 expected": AREA_KM2[0] <= area_km2 <= AREA_KM2[1],
        "a municipality has no valid shape": bool(np.all(shapely.is_valid(shapes) & ~shapely.is_empty(shapes))),
        "a JMA area has no valid shape": bool(np.all(shapely.is_valid(candidate.pieces))),
        "shapes overlap": bool(shapely.coverage_is_valid(shapes)),
        "a code has a wrong check digit": all(_is_sound(place.code) for place in names.municipalities),
        "a code comes twice": len({place.code for place in names.municipalities}) == len(names.municipalities),
        "shapes and names differ in number": len(shapes) == len(names.municipalities) == len(candidate.outlines),
    }
    return Survey(counts, area_km2, tuple(claim for claim, holds in claims.items() if not holds))


def _counts(names: Gazetteer) -> dict[str, int]:
    places = [place for place in names.municipalities if place.code != codes.NORTHERN_TERRITORIES]
    return {
        "shapes": len(names.municipalities),
        "municipalities": len({place.city or place.code for place in places}),
        "wards": sum(place.city is not None for place in places),
        "northern_territories": len(names.municipalities) - len(places),
        "prefectures": len(names.prefectures),
        "jma_pieces": len(names.pieces),
        "jma_regions": len(names.regions),
    }


def _is_sound(code: str) -> bool:
    return code in (codes.with_check_digit(code[:5]), codes.NORTHERN_TERRITORIES)


def _five(jma_code: str) -> str:
    return codes.NORTHERN_TERRITORIES[:5] if jma_code == jma.NORTHERN else jma_code[:5]


def _six(five: str) -> str:
    northern = codes.NORTHERN_TERRITORIES
    return northern if five == northern[:5] else codes.with_check_digit(five)


def _named(features: list[jma.Feature], whole: geopandas.GeoDataFrame, areas: Geometries) -> Gazetteer:
    groups: dict[str, list[jma.Feature]] = defaultdict(list)
    for feature in features:
        groups[_five(feature.code)].append(feature)
    places = _Places()
    municipalities = tuple(places.municipality(five, groups[five]) for five in whole.index)
    pieces = tuple(
        Piece(code=feature.code, municipality=_six(_five(feature.code)), name=feature.name)
        for feature in features
        if len(groups[_five(feature.code)]) > 1
    )
    held = {place.code for place in municipalities}
    return Gazetteer(
        municipalities=municipalities,
        prefectures=jma.prefectures(),
        cities=places.cities(municipalities),
        pieces=pieces,
        regions=_regions(features, areas),
        lacking=places.lacking(held),
    )


class _Places:
    """Names of municipalities, from JMA's areas and japancode's readings."""

    def __init__(self) -> None:
        self._readings = jma.readings()
        self._prefectures = {prefecture.code: prefecture.name for prefecture in jma.prefectures()}

    def municipality(self, five: str, features: list[jma.Feature]) -> Municipality:
        code, class20 = _six(five), tuple(feature.code for feature in features)
        if code == codes.NORTHERN_TERRITORIES:
            return self._place(code, "北方領土", "ほっぽうりょうど", "Northern Territories", class20=class20)
        reading, en = self._readings[code], jma.english(five, [feature.en for feature in features])
        return self._place(code, reading.name, reading.kana, en, class20=class20, city=self._city(code))

    def cities(self, held: tuple[Municipality, ...]) -> tuple[Municipality, ...]:
        wards: dict[str, list[Municipality]] = defaultdict(list)
        for place in held:
            if place.city:
                wards[place.city].append(place)
        return tuple(self._whole(code, tuple(members)) for code, members in wards.items())

    def lacking(self, held: set[str]) -> dict[str, str]:
        """Return the wards that exist and have no shape in this set, the newest (Hamamatsu 2024) included."""
        known = {code: reading.name for code, reading in self._readings.items() if self._city(code)}
        newest = {code: name for change in codes.changes().values() for code, name in change.successors}
        wards = known | {code: name for code, name in newest.items() if name.endswith("区")}
        return {code: name for code, name in sorted(wards.items()) if code not in held}

    def _whole(self, code: str, wards: tuple[Municipality, ...]) -> Municipality:
        reading, en = self._readings[code], wards[0].en.split(" City ")[0] + " City"
        return self._place(code, reading.name, reading.kana, en, wards=tuple(ward.code for ward in wards))

    def _city(self, code: str) -> str | None:
        """Return the designated city that a ward belongs to: its name begins with the city's."""
        name = self._readings[code].name
        if not name.endswith("区") or "市" not in name:
            return None
        owner = name[: name.index("市") + 1]
        same = (c for c, reading in self._readings.items() if reading.name == owner and c[:2] == code[:2])
        return next(same, None)

    def _place(
        self,
        code: str,
        name: str,
        kana: str,
        en: str,
        *,
        class20: tuple[str, ...] = (),
        city: str | None = None,
        wards: tuple[str, ...] = (),
    ) -> Municipality:
        return Municipality(
            code=code,
            prefecture=code[:2],
            prefecture_name=self._prefectures[code[:2]],
            name=name,
            kana=kana,
            en=en,
            class20=class20,
            city=city,
            wards=wards,
        )


def _regions(features: list[jma.Feature], areas: Geometries) -> tuple[Region, ...]:
    """Return JMA's 一次細分, each with the areas that lie in it, and the composites that its telegrams use."""
    drawn = jma.regions()
    shapes = shapely.make_valid(
        np.array([region.geometry for region in drawn], dtype=object), method="structure", keep_collapsed=False
    )
    members: dict[tuple[str, str], list[str]] = {(region.code, region.name): [] for region in drawn}
    for feature, area in zip(features, areas, strict=True):
        home = drawn[int(np.argmax(shapely.area(shapely.intersection(area, shapes))))]
        members[home.code, home.name].append(feature.code)
    composites = (Region(code=code, name=name, members=parts) for code, name, parts in jma.COMPOSITES)
    groups = (Region(code=code, name=name, members=tuple(parts)) for (code, name), parts in members.items())
    return (*sorted(groups, key=lambda region: region.code), *composites)


def _prefectures(names: Gazetteer, shapes: Geometries) -> Geometries:
    whole = dissolved(shapes, [place.prefecture for place in names.municipalities])
    return coarse(np.asarray(whole.geometry), _PREFECTURE_DEG, _PREFECTURE_ISLET_DEG2)


def _without_islets(shape: shapely.Geometry, islet_deg2: float) -> shapely.Geometry:
    parts = shapely.get_parts(shape)
    sizes = shapely.area(parts)
    kept = parts[(sizes >= islet_deg2) | (sizes == sizes.max())]
    return cast(shapely.Geometry, shapely.MultiPolygon(list(kept)))


def _unfit(problems: Iterable[str]) -> Unavailable:
    listed = "; ".join(problems)
    return Unavailable(
        Text(f"境界データが検査に通りません: {listed}", f"The boundary data fail their survey: {listed}"),
        code="boundaries.unfit",
    )
