"""Faults: everything that can be wrong with an area, worded once, in Japanese and in English.

`lalert.geo` raises `Rejected` with these findings, or hands warnings back beside the area. Codes are stable.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from lalert.errors import Finding, Rejected, Severity, Text, rejected

AREA = "CAP 1.2 §3.2.4 area"
POLYGON = "CAP 1.2 §3.2.4 polygon"
CIRCLE = "CAP 1.2 §3.2.4 circle"
GEOCODE = "CAP 1.2 §3.2.4 geocode"

_FOUND_LIMIT = 80


def fault(code: str, clause: str, message: Text, advice: Text, *, path: str, found: str = "") -> Finding:
    """Return an error of the area: `code` without its `area.` prefix."""
    return _finding(code, clause, message, advice, path, found, Severity.ERROR)


def caution(code: str, clause: str, message: Text, advice: Text, *, path: str, found: str = "") -> Finding:
    """Return a warning of the area: the message goes out, and its sender should know this."""
    return _finding(code, clause, message, advice, path, found, Severity.WARNING)


def refusal(findings: Sequence[Finding]) -> Rejected:
    """Return the rejection that lists `findings`; the first error names it."""
    code = next(found.code for found in findings if found.severity is Severity.ERROR)
    message = Text(
        "対象地域を確定できないため、受け付けられません。", "The area cannot be resolved, so the message is refused."
    )
    return rejected(findings, code=code, message=message)


def unknown_code(code: str, path: str) -> Finding:
    """A code in the right form that is no municipality, prefecture or JMA area of the boundary set."""
    message = Text(f"コード {code} の地域は境界データにありません。", f"There is no area with code {code}.")
    advice = Text(
        "コードを確かめてください。該当が無いまま送ると、どこにも届きません。",
        "Check the code; lalert never guesses which area was meant.",
    )
    return fault("code_unknown", GEOCODE, message, advice, path=path, found=code)


def abolished(code: str, name: str, on: date, successors: Sequence[tuple[str, str]], path: str) -> Finding:
    """A code that a merger or a new ward ended."""
    now = "、".join(f"{successor}({title})" for successor, title in successors)
    message = Text(
        f"コード {code}({name})は {on.year}年{on.month}月{on.day}日に廃止されました。現在は {now} です。",
        f"Code {code} ({name}) was abolished on {on.isoformat()}; its area now belongs to {now}.",
    )
    advice = Text(
        "現在のコードで送り直してください。区域が変わった場合は、対象の範囲を確かめてください。",
        "Send again with the code in force, and make sure that its area is the one you mean.",
    )
    return fault("code_abolished", GEOCODE, message, advice, path=path, found=code)


def ward_without_shape(code: str, name: str, path: str) -> Finding:
    """A ward of a designated city whose shape this boundary set lacks: never widened to its city."""
    message = Text(
        f"{name}({code})は、現在の境界データに行政区の境界が無いため使えません。",
        f"The boundary set in use has no shape of the ward {name} ({code}).",
    )
    advice = Text(
        "区の範囲を polygon で示すか、管理者に行政区を含む境界データの取込みを依頼してください。"
        "市全域に広げて配信することはしません。",
        "Draw the ward as a polygon, or have boundary data with wards imported. A ward is never widened to its city.",
    )
    return fault("ward_unavailable", GEOCODE, message, advice, path=path, found=code)


def _finding(code: str, clause: str, message: Text, advice: Text, path: str, found: str, severity: Severity) -> Finding:
    cut = found if len(found) <= _FOUND_LIMIT else found[: _FOUND_LIMIT - 1] + "…"
    return Finding(
        code=f"area.{code}",
        severity=severity,
        message=message,
        advice=advice,
        clause=clause,
        path=path,
        found=cut or None,
    )
