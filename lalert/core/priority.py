"""How urgent a message is: which lane it takes, everywhere.

The rank is a table of plain questions about one info, most urgent first; a message is as urgent as its most urgent
info. What *changes* a message is ranked with an eye on its thread, because the people who heard the alarm act on it
until they hear the change:

- A Cancel, an all clear and a correction are as urgent as the thread ever was: a false level 5 does its harm until the
  Cancel is there.
- Any other Update waits at most one lane below. 5 -> 3 is not routine for those who heard 5; but days of updates to
  what began as a level 5 must not stand in the way of the next earthquake warning.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lalert.cap.model import Alert, Info, MsgType, Severity, Status, Urgency
from lalert.cap.profile import hazard_of, is_all_clear, is_correction, level_of
from lalert.core.model import Priority

_LINE_TESTS = frozenset({Status.SYSTEM, Status.TEST})
_AT_ONCE = frozenset({"eew", "missile"})
_GRAVE = frozenset({Severity.EXTREME, Severity.SEVERE, Severity.MODERATE})


def rank(alert: Alert, *, thread_priority: Priority | None) -> Priority:
    """Return the lane of `alert`; `thread_priority` is the most urgent that its thread ever was, None if it is new.

    Exercises rank like the real thing (they rehearse it, in their own realm); tests of the line never get in the way.
    """
    if alert.status in _LINE_TESTS:
        return Priority.ROUTINE
    own = min((_rank_of(info, alert.sent) for info in alert.infos if not is_all_clear(info)), default=Priority.ROUTINE)
    if thread_priority is None or alert.msg_type is MsgType.ALERT:
        return own
    if _ends_or_corrects(alert):
        return min(own, thread_priority)
    return min(own, Priority(min(thread_priority + 1, Priority.ROUTINE)))


def level_of_alert(alert: Alert) -> int | None:
    """Return the highest 警戒レベル (1-5) that `alert` puts in force, None where there is none."""
    levels = (level_of(info, sent=alert.sent) for info in alert.infos if not is_all_clear(info))
    return max((level for level in levels if level is not None), default=None)


def hazards_of(alert: Alert) -> tuple[str, ...]:
    """Return the hazards that `alert` speaks of, the lifted ones too, each once and in its order."""
    hazards = (hazard_of(info, sent=alert.sent) for info in alert.infos)
    return tuple(dict.fromkeys(hazard for hazard in hazards if hazard is not None))


def _ends_or_corrects(alert: Alert) -> bool:
    return alert.msg_type is MsgType.CANCEL or is_correction(alert) or all(is_all_clear(info) for info in alert.infos)


def _rank_of(info: Info, sent: datetime) -> Priority:
    level, hazard = level_of(info, sent=sent), hazard_of(info, sent=sent)
    return next((priority for priority, applies in _RANKS if applies(info, level, hazard)), Priority.ROUTINE)


def _is_flash(info: Info, level: int | None, hazard: str | None) -> bool:
    return level == 5 or hazard in _AT_ONCE or _is_tsunami(info, hazard) or _is_immediate(info, Severity.EXTREME)


def _is_urgent(info: Info, level: int | None, _hazard: str | None) -> bool:
    return level == 4 or _is_immediate(info, Severity.SEVERE)


def _is_prompt(info: Info, level: int | None, _hazard: str | None) -> bool:
    return level == 3 or info.severity in _GRAVE or info.urgency is Urgency.EXPECTED


def _is_tsunami(info: Info, hazard: str | None) -> bool:
    """Whether it is a tsunami warning or advisory; a 津波予報 (slight changes of the sea level) is Minor."""
    return hazard == "tsunami" and info.severity is not Severity.MINOR


def _is_immediate(info: Info, severity: Severity) -> bool:
    return info.urgency is Urgency.IMMEDIATE and info.severity is severity


_RANKS: tuple[tuple[Priority, Callable[[Info, int | None, str | None], bool]], ...] = (
    (Priority.FLASH, _is_flash),
    (Priority.URGENT, _is_urgent),
    (Priority.PROMPT, _is_prompt),
)
