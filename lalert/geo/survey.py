"""Is a boundary set fit to decide who is warned? Counted, measured and checked as it will be loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from lalert.errors import Rejected, Text
from lalert.geo import codes, kinship
from lalert.geo.measure import areas_m2
from lalert.geo.packed import Packed
from lalert.geo.place import Gazetteer

MUNICIPALITIES = (1_650, 1_760)  # 1,741 since 2014; mergers come one at a time
PREFECTURES = 47
AREA_KM2 = (371_000.0, 380_000.0)  # 国土地理院: about 378,000, of which 5,000 are the Northern Territories


@dataclass(frozen=True, slots=True)
class Survey:
    """What a set holds, and what is wrong with it (nothing, when it may be used)."""

    counts: dict[str, int]
    area_km2: float
    problems: tuple[Text, ...]


def survey(candidate: Packed) -> Survey:
    """Count, measure and check a set as it will be loaded; one without prefectures is another country's."""
    names, shapes = candidate.names, candidate.municipalities
    counts = _counts(names)
    area_km2 = float(areas_m2(shapes).sum()) / 1e6
    codes_held = {place.code for place in names.municipalities}
    claims = {
        _SHAPELESS: bool(np.all(shapely.is_valid(shapes) & ~shapely.is_empty(shapes))),
        _PIECES: bool(np.all(shapely.is_valid(candidate.pieces))),
        _OVERLAP: bool(shapely.coverage_is_valid(shapes)),
        _TWICE: len(codes_held) == len(names.municipalities),
        _UNEVEN: len(shapes) == len(names.municipalities) == len(candidate.outlines),
    }
    claims |= _claims_of_japan(names, counts, area_km2) if names.prefectures else {}
    return Survey(counts, area_km2, tuple(claim for claim, holds in claims.items() if not holds))


def unfit(problems: Sequence[Text]) -> Rejected:
    """Return the refusal `boundaries.unfit` of a set with these problems."""
    ja, en = ("; ".join(one.ja for one in problems), "; ".join(one.en for one in problems))
    return Rejected(Text(f"境界データとして使えません: {ja}", f"Unfit as boundary data: {en}"), code="boundaries.unfit")


def _claims_of_japan(names: Gazetteer, counts: dict[str, int], area_km2: float) -> dict[Text, bool]:
    held, number = {place.prefecture for place in names.municipalities}, counts["municipalities"]
    return {
        Text(
            f"市区町村が{number:,}(全国でおよそ1,741)", f"{number:,} municipalities, about 1,741 in all of Japan"
        ): MUNICIPALITIES[0] <= number <= MUNICIPALITIES[1],
        Text(f"都道府県が{len(held)}(全国で{PREFECTURES})", f"{len(held)} prefectures of {PREFECTURES}"): (
            len(held) == len(names.prefectures) == PREFECTURES
        ),
        Text(
            f"面積が{area_km2:,.0f} km²(全国でおよそ378,000 km²)",
            f"{area_km2:,.0f} km2, about 378,000 in all of Japan",
        ): AREA_KM2[0] <= area_km2 <= AREA_KM2[1],
        _CHECK_DIGIT: all(_is_sound(place.code) for place in names.municipalities),
    }


def _counts(names: Gazetteer) -> dict[str, int]:
    places = [place for place in names.municipalities if place.code not in kinship.NORTHERN]
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


_SHAPELESS: Final = Text("図形のない、または壊れた市区町村がある", "a municipality has no valid shape")
_PIECES: Final = Text("壊れた気象庁の区域がある", "a JMA area has no valid shape")
_OVERLAP: Final = Text("図形が重なっている", "shapes overlap")
_TWICE: Final = Text("同じコードが2回ある", "a code comes twice")
_UNEVEN: Final = Text("図形と名称の数が合わない", "shapes and names differ in number")
_CHECK_DIGIT: Final = Text("検査数字の誤ったコードがある", "a code has a wrong check digit")
