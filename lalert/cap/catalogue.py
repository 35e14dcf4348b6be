"""The catalogue of findings: what each code means and what the sender can do, in Japanese and English.

The texts are data (`vocabulary/findings.toml`), so that wording can be improved without touching a rule. Every code has
a section of the same name in `docs/findings.md`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from lalert.errors import Finding, Severity, Text

FOUND_LENGTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One code: how bad it is, which clause it serves, what to say and what to advise. Texts hold `{facts}`."""

    severity: Severity
    clause: str
    message: Text
    advice: Text
    is_fixed: bool  # no text holds a fact


@cache
def entries() -> dict[str, Entry]:
    """Return every code that `lalert.cap` can report, with its texts."""
    text = (files("lalert.cap") / "vocabulary" / "findings.toml").read_text("utf-8")
    return {code: _entry(table) for code, table in tomllib.loads(text).items()}


def _entry(table: dict[str, str]) -> Entry:
    return Entry(
        is_fixed=not any("{" in text for text in table.values()),
        severity=Severity(table["severity"]),
        clause=table["clause"],
        message=Text(table["ja"], table["en"]),
        advice=Text(table["advice_ja"], table["advice_en"]),
    )


def finding(
    code: str,
    *,
    path: str | None = None,
    line: int | None = None,
    found: str | None = None,
    facts: Mapping[str, object] | None = None,
) -> Finding:
    """Return the finding `code` at `path`, with `facts` filled into its texts and `found` cut short."""
    entry = entries()[code]
    if entry.is_fixed:
        facts = None
    return Finding(
        code=code,
        severity=entry.severity,
        clause=entry.clause.format_map(facts) if facts else entry.clause,
        message=_fill(entry.message, facts),
        advice=_fill(entry.advice, facts),
        path=path,
        line=line,
        found=None if found is None else shortened(found),
    )


def shortened(text: str) -> str:
    """Return `text` on one line and at most `FOUND_LENGTH` characters long."""
    line = " ".join(text[: FOUND_LENGTH * 4].split())
    return line if len(line) <= FOUND_LENGTH and len(text) <= FOUND_LENGTH * 4 else line[: FOUND_LENGTH - 1] + "…"


def _fill(text: Text, facts: Mapping[str, object] | None) -> Text:
    return Text(text.ja.format_map(facts), text.en.format_map(facts)) if facts else text
