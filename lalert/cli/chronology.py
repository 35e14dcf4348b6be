"""A chronology: who announced, raised, corrected, lifted or cancelled what, where and when, read from TOML.

It is a few *parts*. A part is who speaks (every municipality of `codes` for itself, or one weather office for all of
them together) and its *acts* in the event's own time, so that the file can be held against its published source.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from lalert.cap.vocabulary import editions
from lalert.cli import phrases
from lalert.core.model import Realm
from lalert.errors import Finding, Rejected, Severity, Text, rejected

T = TypeVar("T")
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Line = Annotated[str, Meta(max_length=400)]
Code = Annotated[str, Meta(pattern=r"^([0-9]{6}|[0-9]{2}|all)$")]
Moment = Annotated[datetime, Meta(tz=True)]


class Do(StrEnum):
    """What a part does at one moment. An announcement after the first one is an Update of it."""

    ANNOUNCE = "announce"  # 発令・発表
    CORRECT = "correct"  # 訂正
    LIFT = "lift"  # 解除
    CANCEL = "cancel"  # 取消


class Voice(StrEnum):
    """Who speaks: each municipality for itself, or one weather office for all of them together."""

    MUNICIPALITY = "municipality"
    WEATHER = "weather"


class Side(StrEnum):
    """A side of a municipality: a stand-in for the districts along its river."""

    NORTH = "north"
    SOUTH = "south"
    EAST = "east"
    WEST = "west"


class _Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen value that one table of the file fills; an unknown key is an error."""


class Slice(_Value, frozen=True, kw_only=True):
    """The part of a municipality that its polygon covers: `share` of its extent, counted from `side`."""

    side: Side
    share: Annotated[float, Meta(gt=0, le=1)]


class Act(_Value, frozen=True, kw_only=True):
    """One line of the chronology, `at` the event's own time.

    An announcement has a `level` (3-5: the mayor's order) or names another `act` of the vocabulary, shown as `event`
    where that differs. `add` is one more sentence, `note` the reason of a 訂正 or 取消. `hold_s` is how long it holds
    (without it: well past the next act).
    """

    at: Moment
    do: Do = Do.ANNOUNCE
    level: Annotated[int, Meta(ge=3, le=5)] | None = None
    act: Line | None = None
    event: Line | None = None
    add: Line = ""
    note: Line = ""
    hold_s: Annotated[int, Meta(ge=60, le=604_800)] | None = None


class Part(_Value, frozen=True, kw_only=True):
    """Who says what, where. `codes` are six digits, two (a prefecture) or `all`.

    `every_s` staggers the municipalities, in seconds. The area is their codes; `slice` or `circle_km` (a circle of that
    radius around the middle) gives a shape instead. `place` is what a weather office calls the whole.
    """

    name: Name
    hazard: Name
    codes: Annotated[list[Code], Meta(min_length=1, max_length=2_000)]
    acts: Annotated[list[Act], Meta(min_length=1, max_length=100)]
    by: Voice = Voice.MUNICIPALITY
    place: Line = ""
    every_s: Annotated[float, Meta(ge=0, le=3_600)] = 60.0
    slice: Slice | None = None
    circle_km: Annotated[float, Meta(gt=0, le=100)] | None = None


class Title(_Value, frozen=True, kw_only=True):
    """What the event is called."""

    ja: Line
    en: Line


class Head(_Value, frozen=True, kw_only=True):
    """What the file says of itself. `begins` is the event's own time at which playing starts."""

    realm: Realm
    begins: Moment
    title: Title
    sources: Annotated[list[Line], Meta(max_length=50)] = []


class Scenario(_Value, frozen=True, kw_only=True):
    """A checked chronology."""

    name: str
    head: Head
    parts: tuple[Part, ...]


def parse(text: str, *, name: str) -> Scenario:
    """Return the scenario that `text` (TOML) describes. Raises `Rejected` (`scenario.invalid`) with every fault."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise refusal([fault("toml", "/", str(error))]) from error
    findings: list[Finding] = []
    rows = tables.pop("part", None)
    head = _converted(tables, Head, "/", findings)
    parts = _converted_all(rows, findings)
    if head and not findings:
        findings.extend(_misfits(head, parts))
    if head is None or findings:
        raise refusal(findings)
    return Scenario(name=name, head=head, parts=tuple(parts))


def _converted(table: object, kind: type[T], path: str, findings: list[Finding]) -> T | None:
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        findings.append(fault("value", path, str(error)))
        return None


def _converted_all(rows: object, findings: list[Finding]) -> list[Part]:
    if not isinstance(rows, list) or not rows:
        findings.append(fault("value", "/part", "no [[part]]"))
        return []
    parts = [_converted(row, Part, f"/part/{number}", findings) for number, row in enumerate(rows)]
    return [part for part in parts if part is not None]


def _misfits(head: Head, parts: list[Part]) -> Iterator[Finding]:
    """Yield what is well-formed and yet makes no chronology."""
    for name, count in Counter(part.name for part in parts).items():
        if count > 1:
            yield fault("name", "/part", f"name = {name!r}")
    for number, part in enumerate(parts):
        yield from _misfits_of(part, number, head.begins)


def _misfits_of(part: Part, number: int, begins: datetime) -> Iterator[Finding]:
    if part.hazard not in editions()[-1].hazard_names:
        yield fault("hazard", f"/part/{number}/hazard", part.hazard)
    if (part.slice and part.circle_km) or (part.by is Voice.WEATHER and (part.slice or part.circle_km)):
        yield fault("shape", f"/part/{number}", part.name)
    if part.by is Voice.WEATHER and "all" in part.codes:
        yield fault("all", f"/part/{number}/codes", part.name)
    times = [begins, *(act.at for act in part.acts)]
    if times[1] < times[0] or any(a >= b for a, b in pairwise(times[1:])):
        yield fault("order", f"/part/{number}/acts", part.name)
    for position, act in enumerate(part.acts):
        problem = _problem(part, position, act)
        if problem:
            yield fault(problem, f"/part/{number}/acts/{position}", part.name)


def _problem(part: Part, position: int, act: Act) -> str | None:
    """Return what is wrong with one act where it stands, or None."""
    if act.do is Do.ANNOUNCE and phrases.maybe_act(act.act, act.level, part.hazard) is None:
        return "act"
    if position == 0 and act.do is not Do.ANNOUNCE:
        return "first"
    if position < len(part.acts) - 1 and act.do in (Do.LIFT, Do.CANCEL):
        return "last"
    if act.do in (Do.CORRECT, Do.CANCEL) and not act.note:
        return "note"
    return None


_FAULTS = {
    "toml": Text("TOML として読めません。", "This is not TOML."),
    "value": Text(
        "項目が足りないか、名前・型・範囲が違います。", "A key is missing or unknown, or a value is out of range."
    ),
    "name": Text("同じ name の part があります。", "Two parts have the same name."),
    "hazard": Text("災害の種類が語彙にありません。", "The vocabulary does not know this hazard."),
    "shape": Text(
        "slice と circle_km は、市区町村ごとの発表に、どちらか一方だけ使えます。",
        "Either slice or circle_km, and only where each municipality speaks for itself.",
    ),
    "all": Text("気象台の発表には codes に all を使えません。", "A weather office names its codes; `all` is not one."),
    "order": Text("時刻が begins より前か、昇順ではありません。", "The times are before `begins`, or not ascending."),
    "act": Text("発表の種類か警戒レベルがわかりません。", "Neither a level nor an act that there are words for."),
    "first": Text("最初は発表（announce）でなければなりません。", "A part must begin with an announcement."),
    "last": Text("解除・取消のあとは新しい part にしてください。", "After a lifting or a cancel, begin a new part."),
    "note": Text("訂正・取消には理由（note）が必要です。", "A correction or a cancel needs its reason (note)."),
    "unknown": Text("その名前のシナリオはありません。", "There is no scenario of this name."),
    "unreadable": Text("ファイルを読めません。", "The file cannot be read."),
}
_ADVICE = Text("sample_feeds/README.md の書き方を見てください。", "See sample_feeds/README.md for how to write one.")


def fault(kind: str, path: str, found: str) -> Finding:
    """Return the finding `scenario.<kind>` at `path` of the file."""
    return Finding(
        code=f"scenario.{kind}",
        severity=Severity.ERROR,
        message=_FAULTS[kind],
        advice=_ADVICE,
        path=path,
        found=found[:200],
    )


def refusal(findings: list[Finding]) -> Rejected:
    """Return the rejection of a scenario that lists all of `findings`."""
    message = Text("シナリオを使えません。", "The scenario cannot be used.")
    return rejected(findings, code="scenario.invalid", message=message)
