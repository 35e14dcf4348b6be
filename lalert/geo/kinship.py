"""Kinship of codes: what else a place has been called, or is called in another edition of the boundary data.

People subscribe under the code of their day, and stay subscribed through mergers (`changes.toml`) and through a
change of the boundary set: one holds 札幌市 whole, another its wards. Asked about one code, everybody who lives there
under another name is found. Residents of a sister ward are no kin: they live elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache, lru_cache

from lalert.geo.codes import NORTHERN_TERRITORIES, changes, with_check_digit

# Designated cities (政令指定都市) by the first five digits. Their wards follow each of them, up to the next one.
DESIGNATED = (
    *("01100", "04100", "11100", "12100", "14100", "14130", "14150", "15100", "22100", "22130"),
    *("23100", "26100", "27100", "27140", "28100", "33100", "34100", "40100", "40130", "43100"),
)
NORTHERN_VILLAGES = tuple(with_check_digit(five) for five in ("01695", "01696", "01697", "01698", "01699", "01700"))
NORTHERN = frozenset({NORTHERN_TERRITORIES, *NORTHERN_VILLAGES})  # not among the 1,741 of the statistics

_LAST_WARD = 199  # JIS X 0402: 101 to 199 are wards


def city_of(code: str) -> str | None:
    """Return the designated city of a ward (six digits), or None. Tokyo's 特別区 belong to no city."""
    five = code[:5]
    if not code[2:5].startswith("1") or five in DESIGNATED:
        return None
    before = [city for city in DESIGNATED if city[:2] == five[:2] and city < five]
    return with_check_digit(before[-1]) if before else None


@lru_cache(maxsize=1024)
def kin(codes: frozenset[str]) -> frozenset[str]:
    """Return `codes` (six digits) with every other code that somebody who lives there may have subscribed under."""
    return frozenset(relative for code in codes for relative in _family(code))


@cache
def _family(code: str) -> frozenset[str]:
    """Return a code, what it was or became, the city that it is a ward of, and the wards that it may have."""
    return frozenset({code, *_renamed().get(code, ()), *_around(code), *_inside(code)})


def _around(code: str) -> Iterable[str]:
    city = NORTHERN_TERRITORIES if code in NORTHERN_VILLAGES else city_of(code)
    return () if city is None else (city,)


def _inside(code: str) -> Iterable[str]:
    """Return every code that a ward of this city can have: which of them exist, the boundary set knows."""
    if code == NORTHERN_TERRITORIES:
        return NORTHERN_VILLAGES
    if code[:5] not in DESIGNATED:
        return ()
    numbers = range(int(code[2:5]) + 1, _LAST_WARD + 1)
    wards = (with_check_digit(f"{code[:2]}{number}") for number in numbers if f"{code[:2]}{number}" not in DESIGNATED)
    return tuple(ward for ward in wards if city_of(ward) == code)


@cache
def _renamed() -> dict[str, frozenset[str]]:
    """Return predecessors and successors, each by the code of the other."""
    pairs: dict[str, set[str]] = defaultdict(set)
    for change in changes().values():
        for successor, _ in change.successors:
            pairs[change.code].add(successor)
            pairs[successor].add(change.code)
    return {code: frozenset(others) for code, others in pairs.items()}
