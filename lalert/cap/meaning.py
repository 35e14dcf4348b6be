"""What a message of the Japanese profile means: level, hazard, all clear, correction, by parameters or else by words.

Parameters count first (`jp-alert:level`), then JMA's event codes, then the words of the event by the vocabulary that
was in force. A tsunami never has a 警戒レベル: the law gives it none.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from lalert.cap import grammar
from lalert.cap.model import Alert, Info, ResponseType
from lalert.cap.vocabulary import Vocabulary, vocabulary_at

LEVEL: Final = "jp-alert:level"
ORDER: Final = "jp-alert:order"
HAZARD: Final = "jp-alert:hazard"
CATEGORY: Final = "jp-alert:category"
INFO_TYPE: Final = "jp-alert:infoType"
DECIDED_AT: Final = "jp-alert:decidedAt"

CORRECTION: Final = "訂正"

_LEVELS: Final = {"1": 1, "2": 2, "3": 3, "4": 4, "5": 5}
_NO_LEVEL_BY_WORDS: Final = {"volcano", "eew", "earthquake", "missile"}  # 噴火警戒レベル is not a 警戒レベル


def level_of(info: Info, *, sent: datetime | None = None) -> int | None:
    """Return the 警戒レベル of `info` (1-5), or None where it has none. `sent` chooses the vocabulary."""
    words = vocabulary_at(sent)
    hazard = _hazard(info, words)
    stated = info.parameter(LEVEL)
    if hazard == "tsunami":
        return None
    if stated is not None:
        return _LEVELS.get(stated.strip())
    return None if hazard in _NO_LEVEL_BY_WORDS else _level_by_words(info, words)


def _level_by_words(info: Info, words: Vocabulary) -> int | None:
    coded = _by_code(info, words)
    return (coded[1] or None) if coded else words.level_in(info.parameter(ORDER) or info.event)


def hazard_of(info: Info, *, sent: datetime | None = None) -> str | None:
    """Return the hazard of `info` as a lower-case English token (`flood`, `landslide`, `tsunami` ...), or None."""
    return _hazard(info, vocabulary_at(sent))


def _hazard(info: Info, words: Vocabulary) -> str | None:
    stated = info.parameter(HAZARD)
    if stated is not None:
        token = stated.strip().lower()
        return token if token in words.hazard_names else words.hazard_in(token)
    coded = _by_code(info, words)
    return coded[0] if coded else words.hazard_in(info.event) or words.hazard_in(info.headline or "")


def _by_code(info: Info, words: Vocabulary) -> tuple[str, int] | None:
    """Return hazard and level (0 for none) of the first event code of JMA's that is known."""
    tables = {"JMA:warning": words.jma, "JMA:river": words.river}
    return next((tables[c.name][c.value] for c in info.event_codes if c.value in tables.get(c.name, {})), None)


def is_all_clear(info: Info) -> bool:
    """Whether `info` lifts what was announced (解除): responseType AllClear (CAP 1.2 §3.2.2)."""
    return ResponseType.ALL_CLEAR in info.response_types


def is_correction(alert: Alert) -> bool:
    """Whether `alert` is a 訂正: a wrong text, address or number is put right."""
    return any(info.parameter(INFO_TYPE) == CORRECTION for info in alert.infos)


def category_of(info: Info, *, sent: datetime | None = None) -> str | None:
    """Return the L-Alert category of `info` (避難情報, 津波, 避難所 ...), or None where it is not known."""
    stated = info.parameter(CATEGORY)
    if stated:
        return stated
    act = vocabulary_at(sent).act_in(info.parameter(ORDER) or info.event)
    return act.category if act else None


def decided_at(info: Info) -> datetime | None:
    """Return when the decision was taken (決定時刻), or None; `sent` less this is the delay of the input."""
    stated = info.parameter(DECIDED_AT)
    return grammar.maybe_time(stated) if stated else None
