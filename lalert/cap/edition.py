"""The test kit of a vocabulary: is a new edition whole and coherent, and does it follow from the one before it?

A change in the law is a new file. What is wrong with it must be found before it is in force, and not by the mayor whose
order is refused at night: prefectures could not send level 5 when it was new.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from lalert.cap.model import Certainty, ResponseType, Severity, Urgency
from lalert.cap.vocabulary import Act, Vocabulary, read
from lalert.errors import Text

MAX_CHARACTERS: Final = 1 << 20

_Word = Annotated[str, Meta(min_length=1, max_length=200)]
_Coded = dict[_Word, tuple[_Word, Annotated[int, Meta(ge=0, le=5)]]]


class _Act(Struct, forbid_unknown_fields=True):
    name: _Word
    en: _Word
    match: _Word
    category: _Word
    urgency: Annotated[list[Urgency], Meta(min_length=1)]
    severity: Annotated[list[Severity], Meta(min_length=1)]
    certainty: Annotated[list[Certainty], Meta(min_length=1)]
    responses: Annotated[list[ResponseType], Meta(min_length=1)]
    level: Annotated[int, Meta(ge=1, le=5)] | None = None
    hazard: _Word | None = None
    audience: _Word | None = None


class _Drill(Struct, forbid_unknown_fields=True):
    marks: Annotated[list[_Word], Meta(min_length=1)]


_TABLES: Final[Mapping[str, object]] = {
    "since": Annotated[datetime, Meta(tz=True)],
    "abolished": dict[_Word, _Word],
    "drill": _Drill,
    "geocodes": Annotated[dict[_Word, _Word], Meta(min_length=1)],
    "hazards": dict[_Word, list[_Word]],
    "hazard_names": dict[_Word, tuple[_Word, _Word]],
    "jma": _Coded,
    "river": _Coded,
    "tsunami": dict[_Word, _Word],
    "acts": Annotated[list[object], Meta(min_length=1)],
}
# Hazards that the code itself speaks of, and what it may call one that has no name of its own.
_NAMELESS: Final = frozenset({"other"})
_HARMLESS: Final = frozenset({"津波予報"})  # slight changes of the sea level: nobody need do anything
_ACTIVE: Final = frozenset({Urgency.IMMEDIATE, Urgency.EXPECTED})
_OF_MAYORS: Final = "避難情報"
_SHARED: Final = "気象警報・注意報"  # these names contain one another: which is meant, the text around them says


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an edition: the table or act, and what about it."""

    where: str
    what: Text


def check(text: str, *, previous: Vocabulary | None = None) -> list[Fault]:
    """Return everything that is wrong with an edition; `previous` is the one that it follows, if any.

    Where its form is wrong only that is told, for all of its tables at once; its sense is for a file of the right form.
    """
    if len(text) > MAX_CHARACTERS:
        return [Fault("-", Text("大きすぎます。", "It is too large."))]
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return [Fault("-", Text(f"TOMLとして読めません：{error}", f"It is not TOML: {error}"))]
    malformed = list(_malformed(table))
    if malformed:
        return malformed
    edition = read(text)
    following = _following(edition, previous) if previous else ()
    return [*_orders(edition), *_acts(edition), *_successors(edition), *_codes(edition), *following]


def _malformed(table: Mapping[str, object]) -> Iterator[Fault]:
    """Yield what has not the right form: tables that are missing, unknown or unfit, and patterns that are none."""
    for name in table.keys() - _TABLES.keys():
        yield Fault(name, Text("このような表はありません。", "There is no such table."))
    for name, form in _TABLES.items():
        if name not in table:
            yield Fault(name, Text("表がありません。", "The table is missing."))
        else:
            yield from _unfit(name, table[name], form)
    acts, geocodes = table.get("acts"), table.get("geocodes")
    for number, act in enumerate(acts if isinstance(acts, list) else (), 1):
        place = f"acts[{number}]"
        yield from _unfit(place, act, _Act)
        yield from _patterns(place, [act.get("match")] if isinstance(act, dict) else ())
    yield from _patterns("geocodes", geocodes.values() if isinstance(geocodes, dict) else ())


def _unfit(where: str, value: object, form: object) -> Iterator[Fault]:
    try:
        msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        yield Fault(where, Text(f"形が違います：{error}", f"It has not the right form: {error}"))


def _patterns(where: str, patterns: Iterable[object]) -> Iterator[Fault]:
    for pattern in patterns:
        try:
            re.compile(str(pattern))
        except re.error as error:
            yield Fault(where, Text(f"正規表現 {pattern} が誤りです：{error}", f"{pattern} is no pattern: {error}"))


def _orders(edition: Vocabulary) -> Iterator[Fault]:
    """Yield what a mayor could not order: levels 3 to 5 each need exactly one order."""
    for level in (3, 4, 5):
        names = [act.name for act in edition.acts if act.level == level and act.category == _OF_MAYORS]
        if len(names) != 1:
            told = "、".join(names) or "-"
            yield Fault(
                "acts",
                Text(
                    f"レベル{level}の避難情報は一つだけ要ります：{told}",
                    f"Level {level} needs exactly one order: {told}",
                ),
            )


def _acts(edition: Vocabulary) -> Iterator[Fault]:
    """Yield acts that are not found by their own names, or whose words would make people act wrongly."""
    names = [act.name for act in edition.acts]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Fault(name, Text("同じ名前が二つあります。", "Two acts have this name."))
    for act in edition.acts:
        yield from (Fault(act.name, what) for what in _faults_of(act, edition))


def _faults_of(act: Act, edition: Vocabulary) -> Iterator[Text]:
    found = edition.act_in(act.name)
    if found is not act and act.category != _SHARED:
        other = found.name if found else "-"
        yield Text(
            f"この名前では {other} が見つかります。match か順番を直してください。", f"Its own name finds {other}."
        )
    if act.hazard is not None and act.hazard not in edition.hazard_names:
        yield Text(f"hazard_names に {act.hazard} がありません。", f"hazard_names lacks {act.hazard}.")
    if act.level is not None and act.level >= 3 and not _ACTIVE.issuperset(act.urgency):
        yield Text(
            "レベル3以上の urgency は Immediate か Expected です。", "Level 3 and above is Immediate or Expected."
        )
    if act.level == 5 and ResponseType.EVACUATE in act.responses:
        yield Text("レベル5は Evacuate ではありません。", "Level 5 does not ask people to evacuate.")
    if act.responses == (ResponseType.ALL_CLEAR,):  # a missile that has passed is all clear, but keep away from debris
        yield Text("解除は発表の種別ではありません。", "An all clear is no act of its own.")
    if act.level is not None and act.hazard == "tsunami":
        yield Text("津波に警戒レベルはありません。", "A tsunami has no level.")
    abolished = edition.abolished_in(act.name)
    if abolished:
        yield Text(f"廃止した {abolished[0]} を名前に含みます。", f"Its name holds {abolished[0]}, which is abolished.")


def _successors(edition: Vocabulary) -> Iterator[Fault]:
    """Yield abolished terms whose successor is no act that is in force."""
    names = {act.name for act in edition.acts}
    for old, new in edition.abolished.items():
        if new not in names:
            yield Fault(
                "abolished",
                Text(
                    f"{old} の後継 {new} が acts にありません。", f"{new}, which takes the place of {old}, is no act."
                ),
            )


def _codes(edition: Vocabulary) -> Iterator[Fault]:
    """Yield codes of JMA's that lead to nothing, and hazards without a name or words."""
    for name, codes in (("jma", edition.jma), ("river", edition.river)):
        for code, (hazard, _level) in codes.items():
            if hazard not in edition.hazard_names.keys() | _NAMELESS:
                yield Fault(name, Text(f"{code} の {hazard} に名前がありません。", f"{hazard} of {code} has no name."))
    for code, act in edition.tsunami.items():
        if act not in _HARMLESS and edition.act_in(act) is None:
            yield Fault("tsunami", Text(f"{code} の {act} が acts にありません。", f"{act} of {code} is no act."))


def _following(edition: Vocabulary, previous: Vocabulary) -> Iterator[Fault]:
    """Yield what would be lost without a word: both editions' messages come side by side for years."""
    if edition.since <= previous.since:
        yield Fault("since", Text("前の版より後の日時にしてください。", "It must begin after the one before it."))
    for act in previous.acts:
        if edition.act_in(act.name) is None and edition.abolished_in(act.name) is None:
            yield Fault(
                act.name,
                Text(
                    "前の版の種別が、acts にも abolished にもありません。",
                    "An act of the edition before is neither among the acts nor abolished.",
                ),
            )
    lost = (
        ("abolished", previous.abolished.keys() - edition.abolished.keys()),
        ("hazard_names", previous.hazard_names.keys() - edition.hazard_names.keys()),
        ("geocodes", previous.geocodes.keys() - edition.geocodes.keys()),
        ("drill", set(previous.drill_marks) - set(edition.drill_marks)),
    )
    for name, gone in lost:
        for one in sorted(gone):
            yield Fault(name, Text(f"前の版にある {one} がありません。", f"{one} of the edition before is missing."))
