"""What scenarios say: one set of texts an announcement, in Japanese, easy Japanese (やさしい日本語) and English.

For demonstrations and drills only; a real sender's own words are never touched. The texts are data (`phrases.toml`) and
keep to the order that works on the air: source, hazard, place, action, time.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Final

from lalert.cap.build import Words
from lalert.cap.vocabulary import Act, Vocabulary, editions

_Texts = dict[str, tuple[str, str, str]]  # language -> headline, description, instruction


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What fills the gaps of a text: names, the hazard, the moment (in Japan's time), one more sentence in Japanese.

    `event` is shown instead of the act's own Japanese name where it is given.
    """

    name_ja: str
    name_en: str
    hazard: str
    at: datetime
    act: str
    event: str | None = None
    add: str = ""


@dataclass(frozen=True, slots=True)
class _Phrases:
    announced: dict[str, _Texts]
    lifted: _Texts
    closed: _Texts
    risk: dict[str, str]


_TSUNAMI_ORDER: Final = "避難指示（津波）"


def maybe_act(act: str | None, level: int | None, hazard: str) -> str | None:
    """Return the vocabulary's name of an announcement that there are words for, or None.

    Either `level` (3-5: the mayor's order) or `act` is given, not both. A tsunami has no level: the law gives it none.
    """
    if (act is None) == (level is None) or hazard not in _phrases().risk or (level and hazard == "tsunami"):
        return None
    name = act or _words().order_of(level or 0).name
    return name if _key(name, hazard) in _phrases().announced else None


def announced(facts: Facts) -> dict[str, Words]:
    """Return the words of an announcement by language. Raises KeyError for one that `maybe_act` denies."""
    return _said(_phrases().announced[_key(facts.act, facts.hazard)], facts)


def lifted(facts: Facts) -> dict[str, Words]:
    """Return the words of a 解除, or of the closing of shelters, by language."""
    return _said(_phrases().closed if facts.hazard == "shelter" else _phrases().lifted, facts)


def _key(act: str, hazard: str) -> str:
    return _TSUNAMI_ORDER if act == "避難指示" and hazard == "tsunami" else act


def _said(texts: _Texts, facts: Facts) -> dict[str, Words]:
    return {language: _spoken(text, _gaps(facts, language)) for language, text in texts.items()}


def _spoken(text: tuple[str, str, str], gaps: dict[str, str]) -> Words:
    headline, description, instruction = (part.format_map(gaps) for part in text)
    return Words(event=gaps["event"], headline=headline, description=description, instruction=instruction)


def _gaps(facts: Facts, language: str) -> dict[str, str]:
    ja, en = _words().hazard_names[facts.hazard]
    if not language.startswith("ja"):
        event = _act(facts.act).en
        return {"name": facts.name_en, "hazard": en, "event": event, "time": f"{facts.at:%H:%M}"}
    return {
        "name": facts.name_ja,
        "hazard": ja,
        "event": facts.event or facts.act,
        "time": f"{facts.at.hour}時{facts.at.minute:02d}分",
        "add": facts.add,
        "risk": _phrases().risk[facts.hazard],
    }


def _words() -> Vocabulary:
    return editions()[-1]


def _act(name: str) -> Act:
    return _words().act(name)


@cache
def _phrases() -> _Phrases:
    tables = tomllib.loads((files("lalert.cli") / "phrases.toml").read_text("utf-8"))
    return _Phrases(
        announced={act: _texts(table) for act, table in tables["announced"].items()},
        lifted=_texts(tables["lifted"]),
        closed=_texts(tables["closed"]),
        risk=tables["risk"],
    )


def _texts(table: dict[str, list[str]]) -> _Texts:
    return {language: (headline, description, todo) for language, (headline, description, todo) in table.items()}
