"""Query strings: what a reader asked for, with every mistake named. An unknown parameter is a mistake, not noise."""

from __future__ import annotations

import math
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from multidict import MultiMapping

from lalert.cap.model import Category
from lalert.core.model import Cursor, Subscription
from lalert.errors import Finding, Rejected, Severity, Text, rejected
from lalert.geo.boundaries import BoundarySet
from lalert.geo.codes import normalise

_EXAMPLES: Final = {
    "area": "131016,14",
    "point": "35.69,139.75",
    "min_level": "4",
    "hazard": "flood,tsunami",
    "category": "Met,Geo",
    "lang": "ja",
    "include": "system",
}
FILTERS: Final = frozenset(_EXAMPLES)
"""What narrows an answer."""

_MAX_LIST = 200


class Query:
    """One query string, read piece by piece; `done` raises everything that was wrong with it at once."""

    def __init__(self, query: MultiMapping[str], allowed: Iterable[str]) -> None:
        self._query = query
        self._findings: list[Finding] = []
        known = sorted(allowed)
        for name in dict.fromkeys(query):
            if name not in known:
                self._unknown(name, known)
            elif len(query.getall(name)) > 1:
                self.wrong(name, Text("同じ項目が複数あります。", "It is given more than once."), "a,b,c")

    def text(self, name: str) -> str | None:
        """Return the value of `name`, or None when it is absent or empty."""
        return self._query.get(name) or None

    def verbatim(self, name: str) -> str | None:
        """Return the value of `name`, even an empty one; None when it is absent."""
        return self._query.get(name)

    def is_blank(self, name: str) -> bool:
        """Whether `name` is given, but with nothing in it."""
        text = self._query.get(name)
        return text is not None and not text.strip(", ")

    def items(self, name: str) -> list[str]:
        """Return the comma list `name`."""
        items = [item for item in (self.text(name) or "").split(",") if item]
        if len(items) > _MAX_LIST:
            self.wrong(name, Text(f"{_MAX_LIST} 件までです。", f"At most {_MAX_LIST} items."), "")
            return []
        return items

    def integer(self, name: str, low: int, high: int) -> int | None:
        """Return the whole number `name` within `low` to `high`, or None when absent."""
        text = self.text(name)
        if text is None:
            return None
        if text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high:
            return int(text)
        self.wrong(name, Text(f"{low} から {high} の整数です。", f"A whole number from {low} to {high}."), str(low))
        return None

    def cursor(self, name: str) -> Cursor | None:
        """Return the cursor `name`, or None when absent."""
        text = self.text(name)
        if text is None:
            return None
        cursor = Cursor.maybe_parse(text)
        if cursor is None:
            self.wrong(name, Text("位置(cursor)の形ではありません。", "It is no cursor."), "k3f9-1042")
        return cursor

    def wrong(self, name: str, message: Text, example: str) -> None:
        """Note that parameter `name` cannot be used."""
        advice = Text(f"例: {name}={example}", f"Example: {name}={example}") if example else Text("", "")
        found = self._query.get(name, "")
        self._findings.append(
            Finding(
                code="query.value",
                severity=Severity.ERROR,
                path=name,
                found=found[:80],
                message=Text(f"{name}: {message.ja}", f"{name}: {message.en}"),
                advice=advice,
            )
        )

    def done(self) -> None:
        """Raise `Rejected` (400) with every mistake, if there was one."""
        if self._findings:
            text = Text("問い合わせの項目に誤りがあります。", "The query has mistakes.")
            raise rejected(self._findings, code="query.invalid", status=400, message=text)

    def _unknown(self, name: str, known: list[str]) -> None:
        near = get_close_matches(name, known, n=1)
        hint = f"{near[0]}?" if near else ", ".join(known)
        self._findings.append(
            Finding(
                code="query.unknown",
                severity=Severity.ERROR,
                path=name[:80],
                message=Text(f"項目 {name[:80]} はありません。", f"There is no parameter {name[:80]}."),
                advice=Text(f"使える項目: {hint}", f"Known: {hint}"),
            )
        )


def subscription(query: Query, boundaries: BoundarySet) -> Subscription:
    """Return the filter that `query` spells. Mistakes are noted in it: call its `done` afterwards.

    A filter with nothing in it is one: whoever's variable was empty would get all of Japan for his own town.
    """
    for name, example in _EXAMPLES.items():
        if query.is_blank(name):
            query.wrong(name, _BLANK, example)
    areas = _areas(query, boundaries)
    spot = query.text("point")
    if spot and query.text("area"):
        query.wrong("point", Text("area と同時には使えません。", "It excludes area."), "35.69,139.75")
    categories = frozenset(query.items("category"))
    unknown = categories - {category.value for category in Category}
    if unknown:
        query.wrong("category", Text("CAP の category ではありません。", "It is no category of CAP."), "Met,Geo")
    include = query.items("include")
    if set(include) - {"system"}:
        query.wrong("include", Text("system だけが使えます。", "Only system is known."), "system")
    return Subscription(
        areas=areas,
        point=point(query, spot, "point") if spot else None,
        min_level=query.integer("min_level", 1, 5),
        hazards=frozenset(query.items("hazard")),
        categories=categories,
        lang=query.text("lang"),
        system="system" in include,
    )


_BLANK = Text(
    "値がありません。絞り込まないときは、項目ごと省いてください。", "It is empty. Leave it out to have everything."
)


def _areas(query: Query, boundaries: BoundarySet) -> frozenset[str]:
    codes: set[str] = set()
    for text in query.items("area"):
        try:
            codes |= place_codes(text, boundaries)
        except Rejected as refused:
            query.wrong("area", refused.message, "131016,14")
    return frozenset(codes)


def place_codes(text: str, boundaries: BoundarySet) -> frozenset[str]:
    """Return what a subscription keeps of a code in any form: a prefecture's two digits, or municipalities' six.

    A city that is held as wards stands for its wards. Raises `Rejected` for a place that is not.
    """
    code = normalise(text)
    inside = boundaries.expand(code)
    return frozenset([code] if len(code) == 2 else inside)


def point(query: Query, text: str, name: str) -> tuple[float, float] | None:
    """Return (lon, lat) of "lat,lon" in degrees; what cannot be a place is noted under parameter `name`."""
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError:
        lat = lon = math.nan
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        query.wrong(
            name, Text("緯度,経度(度)の形で指定してください。", "Latitude and longitude in degrees."), "35.69,139.75"
        )
        return None
    # Four decimals are 11 m: nobody's address is needed to answer, and none is kept.
    return round(lon, 4), round(lat, 4)
