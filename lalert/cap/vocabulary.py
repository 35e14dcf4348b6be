"""The words of Japanese warnings as dated tables: a change in the law is a new file, not a release.

`vocabulary/2021-05.toml` holds from 2021-05-20, `2026-05.toml` from 2026-05-28; a message is read by the table that was
in force when it was sent, an older one by the oldest table.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from lalert.cap.model import Certainty, ResponseType, Severity, Urgency

_EDITION: Final = re.compile(r"\d{4}-\d\d\.toml", re.ASCII)
_LEVEL = re.compile(r"警戒レベル([1-5１-５])|^レベル([1-5１-５])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One kind of announcement: its level, and the CAP words that fit it; the first of each is the usual one."""

    name: str
    en: str
    match: re.Pattern[str]
    category: str
    urgency: tuple[Urgency, ...]
    severity: tuple[Severity, ...]
    certainty: tuple[Certainty, ...]
    responses: tuple[ResponseType, ...]
    level: int | None = None
    hazard: str | None = None
    audience: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The tables of one edition."""

    since: datetime
    acts: tuple[Act, ...]
    abolished: dict[str, str]
    hazard_words: tuple[tuple[str, str], ...]  # (word, hazard), the more particular first
    hazard_names: dict[str, tuple[str, str]]  # hazard -> (ja, en)
    geocodes: dict[str, re.Pattern[str]]
    drill_marks: tuple[str, ...]
    jma: dict[str, tuple[str, int]]  # code -> (hazard, level; 0 for none)
    river: dict[str, tuple[str, int]]
    tsunami: dict[str, str]  # code -> name of the act

    def act(self, name: str) -> Act:
        """Return the act called `name`. Raises KeyError."""
        return next((act for act in self.acts if act.name == name), None) or _unknown(name)

    def act_in(self, text: str) -> Act | None:
        """Return the first act that `text` speaks of."""
        return next((act for act in self.acts if act.match.search(text)), None)

    def order_of(self, level: int) -> Act:
        """Return the mayor's order of a level (3, 4 or 5). Raises KeyError."""
        return next((a for a in self.acts if a.level == level and a.category == "避難情報"), None) or _unknown(
            str(level)
        )

    def hazard_in(self, text: str) -> str | None:
        """Return the hazard that `text` speaks of."""
        lower = text.lower()
        return next((hazard for word, hazard in self.hazard_words if word in lower), None)

    def level_in(self, text: str) -> int | None:
        """Return the 警戒レベル that `text` speaks of, by its own figure or by the name of the act."""
        figure = _LEVEL.search(text)
        if figure:
            return int(figure[1] or figure[2])
        act = self.act_in(text)
        return act.level if act else None

    def abolished_in(self, text: str) -> tuple[str, str] | None:
        """Return the abolished term in `text` and its successor."""
        return next(((old, new) for old, new in self.abolished.items() if old in text), None)


def _unknown(name: str) -> Act:
    raise KeyError(name)


@cache
def editions() -> tuple[Vocabulary, ...]:
    """Return all editions, oldest first: every file of the folder that is named after a month."""
    folder = files("lalert.cap") / "vocabulary"
    texts = (file.read_text("utf-8") for file in folder.iterdir() if _EDITION.fullmatch(file.name))
    return tuple(sorted(map(read, texts), key=lambda edition: edition.since))


def read(text: str) -> Vocabulary:
    """Return the edition in a TOML text that `lalert.cap.edition` finds nothing wrong with."""
    return _vocabulary(tomllib.loads(text))


def vocabulary_at(sent: datetime | None) -> Vocabulary:
    """Return the edition in force at `sent`; the newest where no time is given."""
    if sent is None:
        return editions()[-1]
    return next((edition for edition in reversed(editions()) if edition.since <= sent), editions()[0])


def _vocabulary(table: dict[str, Any]) -> Vocabulary:
    return Vocabulary(
        since=table["since"],
        acts=tuple(_act(act) for act in table["acts"]),
        abolished=table["abolished"],
        hazard_words=tuple((word, hazard) for hazard, words in table["hazards"].items() for word in words),
        hazard_names={hazard: (ja, en) for hazard, (ja, en) in table["hazard_names"].items()},
        geocodes={name: re.compile(form, re.ASCII) for name, form in table["geocodes"].items()},
        drill_marks=tuple(table["drill"]["marks"]),
        jma={code: (hazard, level) for code, (hazard, level) in table["jma"].items()},
        river={code: (hazard, level) for code, (hazard, level) in table["river"].items()},
        tsunami=table["tsunami"],
    )


def _act(table: dict[str, Any]) -> Act:
    return Act(
        name=table["name"],
        en=table["en"],
        match=re.compile(table["match"]),
        category=table["category"],
        urgency=tuple(map(Urgency, table["urgency"])),
        severity=tuple(map(Severity, table["severity"])),
        certainty=tuple(map(Certainty, table["certainty"])),
        responses=tuple(map(ResponseType, table["responses"])),
        level=table.get("level"),
        hazard=table.get("hazard"),
        audience=table.get("audience"),
    )
