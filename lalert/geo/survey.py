"""Is a boundary set fit to decide who is warned? Counted, measured and checked as it will be loaded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

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
    problems: tuple[str, ...]


def survey(candidate: Packed) -> Survey:
    """Count, measure and check a set as it will be loaded; one without prefectures is another country's."""
    names, shapes = candidate.names, candidate.municipalities
    counts = _counts(names)
    area_km2 = float(areas_m2(shapes).sum()) / 1e6
    claims = {
        "a municipality has no valid shape": bool(np.all(shapely.is_valid(shapes) & ~shapely.is_empty(shapes))),
        "a JMA area has no valid shape": bool(np.all(shapely.is_valid(candidate.pieces))),
        "shapes overlap": bool(shapely.coverage_is_valid(shapes)),
        "a code comes twice": len({place.code for place in names.municipalities}) == len(names.municipalities),
        "shapes and names differ in number": len(shapes) == len(names.municipalities) == len(candidate.outlines),
    }
    claims |= _claims_of_japan(names, counts, area_km2) if names.prefectures else {}
    return Survey(counts, area_km2, tuple(claim for claim, holds in claims.items() if not holds))


def _claims_of_japan(names: Gazetteer, counts: dict[str, int], area_km2: float) -> dict[str, bool]:
    held, number = {place.prefecture for place in names.municipalities}, counts["municipalities"]
    return {
        f"{number} municipalities, about 1,741 expected": MUNICIPALITIES[0] <= number <= MUNICIPALITIES[1],
        f"{len(held)} prefectures, {PREFECTURES} expected": len(held) == len(names.prefectures) == PREFECTURES,
        f"{area_km2:,.0f} km2, about 378,000 expected": AREA_KM2[0] <= area_km2 <= AREA_KM2[1],
        "a code has a wrong check digit": all(_is_sound(place.code) for place in names.municipalities),
    }


def _counts(names: Gazetteer) -> dict[str, int]:
    northern = {codes.NORTHERN_TERRITORIES, *kinship.NORTHERN_VILLAGES}
    places = [place for place in names.municipalities if place.code not in northern]
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
