"""The catalogue of findings: what each code means and what the sender can do, in Japanese and English.

The texts are data (`vocabulary/findings.toml`), so that wording can be improved without touching a rule. Every code has
a section of the same name in `docs/findings.md`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from lalert.errors import Finding, Severity, Text

FOUND_LENGTH = 80

# White space that is none of XML's, and what takes no room: whoever looks for the mistake in a number would not see it.
_UNSEEN = re.compile("[^\\S \t\r\n]|[\u200b-\u200f\u2060\ufeff]")


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
    """Return `text` on one line and at most `FOUND_LENGTH` characters long.

    In what is ASCII but for them, unseen characters are named: in a Japanese sentence 全角空白 are no mistake.
    """
    begin = text[: FOUND_LENGTH * 4]
    if not begin.isascii() and _UNSEEN.sub("", begin).isascii():
        begin = _UNSEEN.sub(_named, begin)
    line = " ".join(begin.split())
    return line if len(line) <= FOUND_LENGTH and len(text) <= FOUND_LENGTH * 4 else line[: FOUND_LENGTH - 1] + "…"


def _named(found: re.Match[str]) -> str:
    return f"[U+{ord(found[0]):04X}]"


def _fill(text: Text, facts: Mapping[str, object] | None) -> Text:
    return Text(text.ja.format_map(facts), text.en.format_map(facts)) if facts else text
