"""The legend of a sheet: which of its columns are code and name, and what kind of areas it draws.

Known by their columns: 国土数値情報 N03 (of every year: wards stand in N03_004 until 2023, in N03_005 since) and the
予報区等 GIS of the JMA. For any other file the operator names the two columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import shapely

from lalert.errors import Finding, Rejected, Severity, Text, rejected
from lalert.geo import codes, schemes
from lalert.geo.mapfile import Sheet
from lalert.geo.measure import Geometries

N03: Final = "国土数値情報(国土交通省)"
JMA: Final = "気象庁"
UNASSIGNED: Final = "所属未定地"
KINDS: Final = (schemes.JIS, *schemes.NAMES)

_MARKS: Final = {
    schemes.CLASS10: ("1saibun", "一次細分"),
    schemes.CLASS15: ("matome", "まとめた地域"),
}
_LINES: Final = frozenset({1, 5})  # GEOS: LineString, MultiLineString


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What an operator says of a file that does not say it itself: its columns, and the kind of its areas."""

    code: str | None = None
    name: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A sheet understood. `kind` is a geocode's name (JISX0402: municipalities); an unusable code is None.

    `homes` are the names of prefectures where the sheet has them; `is_japan` says whether codes are Japan's.
    """

    label: str
    kind: str
    given: tuple[str, ...]
    codes: tuple[str | None, ...]
    names: tuple[str, ...]
    homes: tuple[str | None, ...]
    shapes: Geometries
    is_japan: bool = True
    authority: str = ""  # whom the credit names


def understood(sheet: Sheet, fields: Fields) -> Drawing | None:
    """Return what a sheet draws, or None for one without municipalities (N03's prefectures and regions).

    Raises Rejected `boundaries.columns` when it cannot be told.
    """
    if fields.code is not None or fields.name is not None:
        return _named(sheet, fields)
    if "N03_007" in sheet.columns:
        return _n03(sheet) if "N03_004" in sheet.columns else None
    if "regioncode" in sheet.columns and "regionname" in sheet.columns:
        return _drawing(sheet, fields.kind or schemes.CLASS20, "regioncode", "regionname")
    if "code" in sheet.columns and "name" in sheet.columns:
        kind = fields.kind or _jma_kind(sheet)
        if kind is not None:
            return _drawing(sheet, kind, "code", "name")
    raise _refused(sheet, _FORMLESS)


def six_digits(text: str | None) -> str | None:
    """Return the house's spelling of a municipality's code as files have it, or None for what is none.

    Five digits or six with the right check digit; a leading zero may be lost. A prefecture's code is no municipality's.
    """
    digits = (text or "").removesuffix(".0")
    if not digits.isascii() or not digits.isdigit():
        return None
    digits = digits.zfill(5)
    if not codes.is_prefecture(digits[:2]) or digits[2:5] == "000":
        return None
    right = codes.with_check_digit(digits[:5])
    return right if len(digits) == 5 or digits == right else None


def _n03(sheet: Sheet) -> Drawing:
    """N03_001 prefecture, N03_003 county or city, N03_004 municipality or ward, N03_005 ward, N03_007 code."""
    column = {name: sheet.columns.get(name, (None,) * len(sheet)) for name in _N03}
    rows = list(zip(*column.values(), strict=True))
    return Drawing(
        label=sheet.label,
        kind=schemes.JIS,
        given=tuple(code or "" for *_, code in rows),
        codes=tuple(None if name == UNASSIGNED else six_digits(code) for _, _, name, _, code in rows),
        names=tuple(_n03_name(county, name, ward) for _, county, name, ward, _ in rows),
        homes=tuple(home for home, *_ in rows),
        shapes=sheet.shapes,
        authority=N03,
    )


_N03: Final = ("N03_001", "N03_003", "N03_004", "N03_005", "N03_007")


def _n03_name(county: str | None, name: str | None, ward: str | None) -> str:
    if ward and name:
        return name + ward
    is_ward = bool(county and county.endswith("市") and name and name.endswith("区"))
    return (county or "") + (name or "") if is_ward else name or UNASSIGNED


def _named(sheet: Sheet, fields: Fields) -> Drawing:
    code, name = (_column(sheet, wanted) for wanted in (fields.code, fields.name))
    found = [six_digits(text) for text in sheet.columns[code]]
    is_japan = 2 * sum(one is not None for one in found) >= len(found)
    if fields.kind not in (None, schemes.JIS):
        return _drawing(sheet, str(fields.kind), code, name)
    given = tuple(text or "" for text in sheet.columns[code])
    return Drawing(
        label=sheet.label,
        kind=schemes.JIS,
        given=given,
        codes=tuple(found) if is_japan else tuple(text if _is_plain(text) else None for text in given),
        names=tuple(text or "" for text in sheet.columns[name]),
        homes=(None,) * len(sheet),
        shapes=sheet.shapes,
        is_japan=is_japan,
    )


def _is_plain(text: str) -> bool:
    """Whether another country's code can be kept as it is."""
    return text.isascii() and text.isprintable() and 1 <= len(text) <= 40 and " " not in text


def _column(sheet: Sheet, wanted: str | None) -> str:
    if wanted is None:
        raise _refused(sheet, _BOTH)
    found = {name.casefold(): name for name in sheet.columns}.get(wanted.casefold())
    if found is None:
        raise _refused(sheet, _columnless(wanted, sheet))
    return found


def _drawing(sheet: Sheet, kind: str, code: str, name: str) -> Drawing:
    """Return a sheet of the JMA's: codes of another form than the kind has (0: 帰属未定) are unusable."""
    digits = schemes.DIGITS[kind]
    given = tuple(text or "" for text in sheet.columns[code])
    return Drawing(
        label=sheet.label,
        kind=kind,
        given=given,
        codes=tuple(text if text.isascii() and text.isdigit() and len(text) == digits else None for text in given),
        names=tuple(text or "" for text in sheet.columns[name]),
        homes=(None,) * len(sheet),
        shapes=sheet.shapes,
        authority=JMA,
    )


def _jma_kind(sheet: Sheet) -> str | None:
    """Tell the JMA's sheets apart: coasts are lines, EEW regions have four digits; the others by the file's name."""
    types = Counter(shapely.get_type_id(sheet.shapes[shapely.is_geometry(sheet.shapes)]).tolist())
    if types and set(types) <= _LINES:
        return schemes.TSUNAMI
    lengths = Counter(len(text or "") for text in sheet.columns["code"])
    common = lengths.most_common(1)[0][0] if lengths else 0
    if common == schemes.DIGITS[schemes.EEW]:
        return schemes.EEW
    marked = (kind for kind, marks in _MARKS.items() if any(mark in sheet.label for mark in marks))
    return next(marked, None) if common == schemes.DIGITS[schemes.CLASS10] else None


# --- mistakes ---------------------------------------------------------------------------------------------------------

_FORMLESS: Final = Text(
    "N03 でも気象庁の予報区等でもない列名です。--code-field と --name-field で列を、--as で種類を指定してください。",
    "These are not the columns of N03 or of the JMA. Name them with --code-field and --name-field, the kind with --as.",
)
_BOTH: Final = Text("--code-field と --name-field の両方が必要です。", "Both --code-field and --name-field are needed.")


def _columnless(wanted: str, sheet: Sheet) -> Text:
    near = get_close_matches(wanted, sheet.columns, n=1)
    known = (f"{near[0]}?" if near else ", ".join(list(sheet.columns)[:30])) or "-"
    return Text(f"列 {wanted} がありません。ある列: {known}", f"There is no column {wanted}. There are: {known}")


def _refused(sheet: Sheet, why: Text) -> Rejected:
    columns: Sequence[str] = list(sheet.columns)[:30]
    finding = Finding(
        code="boundaries.columns",
        severity=Severity.ERROR,
        message=why,
        advice=Text("使用中の境界データはそのままです。", "The boundary set in use stays as it is."),
        path=sheet.label,
        found=", ".join(columns),
    )
    message = Text("どの列がコードと名称か分かりません。", "It cannot be told which columns are code and name.")
    return rejected([finding], code="boundaries.columns", message=message)
