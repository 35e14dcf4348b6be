"""The Japanese profile: levels, orders, life-cycle, drills, codes and the clock, one small function a rule.

There is no official Japanese profile of CAP; these rules are this project's (docs/findings.md). An error is what would
make people act wrongly: an order that contradicts itself, an abolished term, a drill that looks real, an alert without
an area. What is merely unusual is a warning, so that no true alert is lost to a table of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lalert.cap import grammar
from lalert.cap.breach import NONE, Breach, Breaches, findings_of
from lalert.cap.meaning import (
    DECIDED_AT,
    LEVEL,
    ORDER,
    category_of,
    decided_at,
    hazard_of,
    is_all_clear,
    is_correction,
    level_of,
)
from lalert.cap.model import Alert, AreaBlock, Info, MsgType, NamedValue, ResponseType, Status, Urgency
from lalert.cap.rules import MAX_AREAS, MAX_INFOS
from lalert.cap.vocabulary import Act, Vocabulary, vocabulary_at
from lalert.errors import Finding

__all__ = ["category_of", "check", "decided_at", "hazard_of", "is_all_clear", "is_correction", "level_of"]

AHEAD: Final = timedelta(minutes=2)  # clocks differ by so much without harm
FUTURE: Final = timedelta(hours=1)
OLD: Final = timedelta(hours=24)

_SPEAKING: Final = frozenset({Status.ACTUAL, Status.EXERCISE})
_ANNOUNCING: Final = frozenset({MsgType.ALERT, MsgType.UPDATE})
_SOON: Final = frozenset({Urgency.IMMEDIATE, Urgency.EXPECTED})
_TOLD: Final = frozenset({MsgType.ALERT, MsgType.UPDATE, MsgType.CANCEL})
_CHANGING: Final = frozenset({MsgType.UPDATE, MsgType.CANCEL})
_TEXTS: Final = ("headline", "description", "instruction")
_LIFTED: Final = "解除"
_LEVELS: Final = frozenset("12345")


@dataclass(frozen=True, slots=True)
class _Message:
    """A message at the time of its checking."""

    alert: Alert
    now: datetime | None


@dataclass(frozen=True, slots=True)
class _Said:
    """One info in its message, with the vocabulary that was in force and the act that it announces."""

    alert: Alert
    info: Info
    words: Vocabulary
    act: Act | None
    lifted: bool

    @property
    def level(self) -> int | None:
        """The 警戒レベル of the info."""
        return level_of(self.info, sent=self.alert.sent)


@dataclass(frozen=True, slots=True)
class _Place:
    """One area, with the vocabulary that was in force."""

    area: AreaBlock
    words: Vocabulary


def check(alert: Alert, *, now: datetime | None = None) -> list[Finding]:
    """Return every breach of the Japanese profile; `now` None leaves the clock out.

    Only what speaks to people is held against it (status Actual or Exercise); tests of the line need no area.
    """
    if alert.status not in _SPEAKING or alert.msg_type not in _TOLD:
        return []
    found = findings_of(MESSAGE_RULES, _Message(alert, now), "/alert")
    words = vocabulary_at(alert.sent)
    for i, info in enumerate(alert.infos[:MAX_INFOS], 1):
        path = f"/alert/info[{i}]"
        act = words.act_in(info.parameter(ORDER) or info.event)
        found += findings_of(INFO_RULES, _Said(alert, info, words, act, is_all_clear(info)), path)
        for j, area in enumerate(info.areas[:MAX_AREAS], 1):
            found += findings_of(PLACE_RULES, _Place(area, words), f"{path}/area[{j}]")
    return found


# The message


def speaks(message: _Message) -> Breaches:
    """An Alert or Update says something: at least one info."""
    alert = message.alert
    return [Breach("jp.info.missing")] if alert.msg_type in _ANNOUNCING and not alert.infos else NONE


def area_named(message: _Message) -> Breaches:
    """Fail closed: no area is never everywhere. A further language may leave its area to the first info."""
    infos = message.alert.infos
    if message.alert.msg_type not in _ANNOUNCING:
        return NONE
    shared = bool(infos) and _is_located(infos[0])
    return [
        Breach("jp.area.missing", f"info[{i}]")
        for i, info in enumerate(infos, 1)
        if not _is_located(info) and not (shared and not info.areas and info.language != infos[0].language)
    ]


def _is_located(info: Info) -> bool:
    return bool(info.areas) and all(area.polygons or area.circles or area.geocodes for area in info.areas)


def japanese_first(message: _Message) -> Breaches:
    """The first info is Japanese: everybody's canonical wording."""
    infos = message.alert.infos
    if not infos or infos[0].language.lower().partition("-")[0] == "ja":
        return NONE
    return [Breach("jp.language.first", "info[1]/language", infos[0].language)]


def unexpired(message: _Message) -> Breaches:
    """A message whose every info has expired warns nobody any more. An all clear is never too late."""
    alert, now = message.alert, message.now
    if now is None or alert.msg_type is MsgType.CANCEL:
        return NONE
    alarms = [(i, info) for i, info in enumerate(alert.infos, 1) if not is_all_clear(info)]
    past = [(i, info.expires) for i, info in alarms if info.expires is not None and info.expires <= now]
    code = "cap.expires.past" if len(past) == len(alarms) else "cap.expires.partly"
    return [Breach(code, f"info[{i}]/expires", grammar.format_time(at)) for i, at in past]


def clock(message: _Message) -> Breaches:
    """`sent` is now, or nearly: a clock that is wrong orders messages wrongly."""
    sent, now = message.alert.sent, message.now
    if now is None:
        return NONE
    found = grammar.format_time(sent)
    if sent > now + FUTURE:
        return [Breach("cap.sent.future", "sent", found)]
    if sent > now + AHEAD:
        return [Breach("cap.sent.ahead", "sent", found)]
    return [Breach("cap.sent.old", "sent", found)] if sent < now - OLD else NONE


def change_understood(message: _Message) -> Breaches:
    """What an Update or Cancel ends can be read. In CAP 1.0 and 1.1 references had no form, so the reader only warns.

    Accepted all the same it would end nothing, and its sender would believe that the alarm is over.
    """
    alert = message.alert
    if alert.version == "1.2" or alert.references or alert.msg_type not in _CHANGING:
        return NONE
    return [Breach("jp.references.unread", "msgType", alert.msg_type.value, {"type": alert.msg_type.value})]


def correction(message: _Message) -> Breaches:
    """訂正 is an Update and says in note what was wrong."""
    alert = message.alert
    if not is_correction(alert):
        return NONE
    breaches = [] if alert.note else [Breach("jp.correction.note", "note")]
    if alert.msg_type is not MsgType.UPDATE:
        breaches.append(Breach("jp.correction.type", "msgType", alert.msg_type.value))
    return breaches


def cancellation(message: _Message) -> Breaches:
    """取消 (Cancel) gives its reason in note, and is never a 解除."""
    alert = message.alert
    if alert.msg_type is not MsgType.CANCEL:
        return NONE
    breaches = [] if alert.note else [Breach("jp.cancel.note", "note")]
    lifting = (i for i, info in enumerate(alert.infos, 1) if is_all_clear(info) or _LIFTED in info.event)
    return breaches + [Breach("jp.lift.cancel", f"info[{i}]") for i in lifting]


# The info


def level_in_range(said: _Said) -> Breaches:
    """警戒レベル is 1 to 5."""
    stated = said.info.parameter(LEVEL)
    if stated is None or stated.strip() in _LEVELS:
        return NONE
    return [Breach("jp.level.range", "parameter", stated)]


def level_of_tsunami(said: _Said) -> Breaches:
    """A tsunami carries no 警戒レベル."""
    stated = said.info.parameter(LEVEL)
    if stated is None or hazard_of(said.info, sent=said.alert.sent) != "tsunami":
        return NONE
    return [Breach("jp.level.tsunami", "parameter", stated)]


def level_fits_order(said: _Said) -> Breaches:
    """The level is that of the order: 避難指示 is 4, and nothing else."""
    stated, act = said.info.parameter(LEVEL), said.act
    if stated is None or act is None or act.level is None or stated.strip() not in _LEVELS:
        return NONE
    if int(stated) == act.level:
        return NONE
    return [Breach("jp.level.order", "parameter", stated, {"act": act.name, "level": act.level})]


def shelter_at_five(said: _Said) -> Breaches:
    """At level 5 it is too late to walk: never Evacuate."""
    if said.lifted or ResponseType.EVACUATE not in said.info.response_types:
        return NONE
    if said.level != 5:
        return NONE
    index = said.info.response_types.index(ResponseType.EVACUATE) + 1
    return [Breach("jp.response.evacuate", f"responseType[{index}]", "Evacuate")]


def urgent_from_three(said: _Said) -> Breaches:
    """From level 3 on people act now: neither Future nor Past nor Unknown."""
    if said.lifted or said.info.urgency in _SOON or not _announces(said):
        return NONE
    level = said.level
    if level is None or level < 3:
        return NONE
    return [Breach("jp.urgency.late", "urgency", said.info.urgency.value, {"level": level})]


def usual_words(said: _Said) -> Breaches:
    """Urgency, severity, certainty and responseType are those of the act."""
    act, info = said.act, said.info
    if act is None or said.lifted or not _announces(said):
        return NONE
    triple: tuple[tuple[str, str, Sequence[str]], ...] = (
        ("urgency", info.urgency, act.urgency),
        ("severity", info.severity, act.severity),
        ("certainty", info.certainty, act.certainty),
    )
    breaches = [_unusual(name, value, usual, act) for name, value, usual in triple if value not in usual]
    if not set(act.responses) & set(info.response_types) and act.responses != (ResponseType.NONE,):
        breaches.append(_unusual("responseType", " ".join(info.response_types), act.responses, act))
    return breaches


def _unusual(name: str, value: str, usual: Sequence[str], act: Act) -> Breach:
    return Breach("jp.words.unusual", name, str(value), {"name": name, "act": act.name, "usual": ", ".join(usual)})


def lifting(said: _Said) -> Breaches:
    """解除 is an Update with AllClear: a 解除 must not sound the alarm, an AllClear must end something."""
    breaches = []
    if _LIFTED in said.info.event and not said.lifted and _announces(said):
        breaches.append(Breach("jp.lift.response", "responseType", said.info.event))
    if said.lifted and said.alert.msg_type is MsgType.ALERT:
        breaches.append(Breach("jp.lift.type", "responseType", said.alert.msg_type.value))
    if said.lifted and said.info.urgency is not Urgency.PAST:
        breaches.append(Breach("jp.lift.urgency", "urgency", said.info.urgency.value))
    return breaches


def terms(said: _Said) -> Breaches:
    """An abolished name is answered with its successor; in a headline it may be part of an ordinary sentence."""
    texts = (
        ("jp.term.abolished", "event", said.info.event),
        ("jp.term.abolished", "parameter", said.info.parameter(ORDER) or ""),
        ("jp.term.headline", "headline", said.info.headline or ""),
    )
    found = ((code, name, said.words.abolished_in(text)) for code, name, text in texts)
    return [Breach(code, name, term[0], {"old": term[0], "new": term[1]}) for code, name, term in found if term]


def drill_marks(said: _Said) -> Breaches:
    """A drill is marked at both ends of every text; what is live bears no such mark."""
    marks = said.words.drill_marks
    texts = [(name, text) for name in _TEXTS if (text := getattr(said.info, name))]
    if said.alert.status is Status.ACTUAL:
        return [Breach("jp.drill.live", name, text) for name, text in texts if text.strip().startswith(marks)]
    bare = [name for name, text in texts if not (text.strip().startswith(marks) and text.strip().endswith(marks))]
    return [Breach("jp.drill.marks", name, getattr(said.info, name), {"name": name}) for name in bare]


def decision(said: _Said) -> Breaches:
    """決定時刻 is a time, and not after `sent`."""
    stated = said.info.parameter(DECIDED_AT)
    if stated is None:
        return NONE
    at = decided_at(said.info)
    return NONE if at is not None and at <= said.alert.sent else [Breach("jp.decided.form", "parameter", stated)]


def _announces(said: _Said) -> bool:
    return said.alert.msg_type in _ANNOUNCING


# The area


def geocodes(place: _Place) -> Breaches:
    """Geocodes have names of this profile and values of their form; a municipality code has its check digit."""
    checked = ((k, code, _geocode_fault(code, place.words)) for k, code in enumerate(place.area.geocodes, 1))
    return [
        Breach(fault, f"geocode[{k}]", f"{code.name} {code.value}", {"name": code.name, "value": code.value})
        for k, code, fault in checked
        if fault
    ]


def _geocode_fault(code: NamedValue, words: Vocabulary) -> str | None:
    form = words.geocodes.get(code.name)
    if form is None:
        return "jp.geocode.name"
    if not form.fullmatch(code.value):
        return "jp.geocode.form"
    if code.name == "JISX0402" and code.value[5] != check_digit(code.value[:5]):
        return "jp.geocode.check_digit"
    return None


def check_digit(five: str) -> str:
    """Return the check digit of a five-digit 全国地方公共団体コード (weights 6 to 2, modulo 11)."""
    total = sum(int(digit) * weight for digit, weight in zip(five, range(6, 1, -1), strict=True))
    return str((11 - total % 11) % 10)


MESSAGE_RULES: Final = (
    speaks,
    area_named,
    japanese_first,
    unexpired,
    clock,
    change_understood,
    correction,
    cancellation,
)
INFO_RULES: Final = (
    level_in_range,
    level_of_tsunami,
    level_fits_order,
    shelter_at_five,
    urgent_from_three,
    usual_words,
    lifting,
    terms,
    drill_marks,
    decision,
)
PLACE_RULES: Final = (geocodes,)
