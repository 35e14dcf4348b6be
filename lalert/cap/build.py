"""Valid messages of the Japanese profile from plain values: for those who send, for scenarios, drills and the canary.

The CAP words follow the vocabulary in force, drills are marked at both ends of every text, and each later message
references the earlier one and keeps its area:

    first = order(level=4, hazard="flood", codes=["131113"], sender="bousai@city.example.jp", identifier="2026-0001",
                  sent=datetime.now(timezone(timedelta(hours=9))), area_desc="大田区")
    above = update(first, order(level=5, ...))      # 引上げ: what holds from now on, whole; several parts: `together`
    right = correct(above, identifier="2026-0003", sent=..., note="避難所の名称の誤り", description=...)     # 訂正
    over = lift(right, identifier="2026-0004", sent=...)                                                # 解除

What is returned is what a receiver reads, times to the second, with the bytes to post in `raw`. Whatever no hub would
take is never returned: `Rejected` (`cap.invalid`) lists everything that is wrong. Only a hub knows its map: whether a
code exists and whose it is comes with the receipt. What is changed afterwards (`dataclasses.replace`) must be written
anew (`render.to_xml`): its `raw` is that of before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from lalert.cap import meaning, reader
from lalert.cap.model import (
    Alert,
    AreaBlock,
    Category,
    Certainty,
    Circle,
    Identity,
    Info,
    MsgType,
    NamedValue,
    ResponseType,
    Ring,
    Scope,
    Severity,
    Status,
    Urgency,
)
from lalert.cap.profile import is_all_clear
from lalert.cap.render import to_xml
from lalert.cap.vocabulary import Act, Vocabulary, vocabulary_at
from lalert.errors import Finding, Text, rejected
from lalert.errors import Severity as Grade

_CATEGORIES: Final = {
    "missile": Category.SECURITY,
    "eew": Category.GEO,
    "earthquake": Category.GEO,
    "tsunami": Category.GEO,
    "volcano": Category.GEO,
    "fire": Category.FIRE,
    "shelter": Category.SAFETY,
    "notice": Category.OTHER,
}
_MUNICIPALITY: Final = "JISX0402"
_ALL_CLEAR_LASTS: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What an info says in one language. `event` is the name of the announcement in that language."""

    event: str
    headline: str | None = None
    description: str | None = None
    instruction: str | None = None

    def marked(self, mark: str) -> Words:
        """Return the words of a drill: `mark` at both ends of every text."""
        return Words(
            event=self.event,
            headline=_marked(self.headline or self.event, mark),
            description=_marked(self.description, mark),
            instruction=_marked(self.instruction, mark),
        )


def _marked(text: str | None, mark: str) -> str | None:
    return text if text is None or text.startswith(mark) else f"{mark}{text}{mark}"


def order(
    *,
    level: int | None,
    hazard: str,
    sender: str,
    identifier: str,
    sent: datetime,
    act: str | None = None,
    codes: Sequence[str] = (),
    geocodes: Mapping[str, Sequence[str]] | None = None,
    polygons: Sequence[Ring] = (),
    circles: Sequence[Circle] = (),
    area_desc: str | None = None,
    expires: datetime | None = None,
    headline: str | None = None,
    description: str | None = None,
    instruction: str | None = None,
    languages: Mapping[str, Words] | None = None,
    status: Status = Status.ACTUAL,
    sender_name: str | None = None,
    decided_at: datetime | None = None,
    contact: str | None = None,
    parameters: Mapping[str, str] | None = None,
    note: str | None = None,
    source: str | None = None,
) -> Alert:
    """Return the message that announces an act (発令・発表).

    `level` 3, 4, 5 chooses the mayor's order; `act` names any other announcement of the vocabulary (`大津波警報`,
    `レベル4危険警報`, `避難指示` for a tsunami with `level=None`). `hazard` is a word such as `flood`, `landslide`,
    `tsunami`. The area is the union of `codes`, six digits of a municipality each, of `geocodes`, further codes by
    their scheme (`{"JMA:class20": ["1310100"]}`), of `polygons`, closed rings of (lat, lon), and of `circles`.
    `headline` ... are Japanese; `languages` adds an info in each further language. Without `expires` it holds for 24
    hours.

    Raises `ValueError` for an act, a level or a hazard that the vocabulary of `sent` does not know, `Rejected` for
    whatever else is wrong.
    """
    words = vocabulary_at(sent)
    deed = _deed(words, act, level)
    if hazard not in words.hazard_names:
        raise ValueError(f"unknown hazard {hazard!r}: one of {', '.join(words.hazard_names)}")
    area = AreaBlock(
        area_desc=area_desc or "、".join(codes) or "対象地域",
        polygons=tuple(tuple(ring) for ring in polygons),
        circles=tuple(circles),
        geocodes=tuple(
            NamedValue(scheme, code)
            for scheme, named in {_MUNICIPALITY: codes, **(geocodes or {})}.items()
            for code in named
        ),
    )
    japanese = Words(
        event=act or deed.name,
        headline=headline or f"{words.hazard_names[hazard][0]}：{deed.name}",
        description=description,
        instruction=instruction,
    )
    first = Info(
        language="ja",
        event=japanese.event,
        categories=(_CATEGORIES.get(hazard, Category.MET),),
        response_types=deed.responses,
        urgency=deed.urgency[0],
        severity=deed.severity[0],
        certainty=deed.certainty[0],
        audience=deed.audience,
        effective=sent,
        expires=expires or sent + timedelta(hours=24),
        sender_name=sender_name,
        contact=contact,
        parameters=_parameters(deed, level, hazard, decided_at) + _pairs(parameters),
        areas=(area,),
    )
    drill = status is Status.EXERCISE
    said = {"ja": japanese, **(languages or {})}
    return _sound(
        Alert(
            identifier=identifier,
            sender=sender,
            sent=sent,
            status=status,
            msg_type=MsgType.ALERT,
            scope=Scope.PUBLIC,
            source=source,
            note=note or ("訓練" if drill else None),
            infos=tuple(_spoken(first, language, text, drill=drill) for language, text in said.items()),
        )
    )


def _sound(made: Alert) -> Alert:
    """Return `made` as whoever receives it at once reads it. Raises `Rejected` for what nobody would take."""
    reading = reader.read(to_xml(made), now=made.sent)
    if reading.alert is None:
        raise rejected(reading.findings, code="cap.invalid", message=_refusal(reading.findings))
    return reading.alert


def _refusal(findings: Sequence[Finding]) -> Text:
    wrong = [finding for finding in findings if finding.severity is Grade.ERROR]
    return Text(
        "受け付けられない電文です。" + "".join(f"{one.message.ja}（{one.path}）" for one in wrong),
        " ".join(["No hub would take this message.", *(f"{one.message.en} ({one.path})" for one in wrong)]),
    )


def _deed(words: Vocabulary, act: str | None, level: int | None) -> Act:
    """Return the act that was asked for. Raises `ValueError` with those that there are."""
    try:
        return words.act(act) if act else words.order_of(level or 0)
    except KeyError:
        pass
    abolished = words.abolished_in(act or "")
    known = abolished[1:] if abolished else [each.name for each in words.acts]
    raise ValueError(f"unknown act {act!r}, level {level}: use {', '.join(known)}")


def _spoken(info: Info, language: str, words: Words, *, drill: bool) -> Info:
    said = words.marked(_drill_mark(language)) if drill else words
    return replace(
        info,
        language=language,
        event=said.event,
        headline=said.headline,
        description=said.description,
        instruction=said.instruction,
    )


def _drill_mark(language: str) -> str:
    return "【訓練】" if language.startswith("ja") else "【DRILL】"


def _parameters(act: Act, level: int | None, hazard: str, decided_at: datetime | None) -> tuple[NamedValue, ...]:
    values = {
        meaning.LEVEL: str(level) if level else None,
        meaning.ORDER: act.name,
        meaning.HAZARD: hazard,
        meaning.CATEGORY: act.category,
        meaning.DECIDED_AT: decided_at.isoformat(timespec="seconds") if decided_at else None,
    }
    return _pairs({name: value for name, value in values.items() if value})


def _pairs(values: Mapping[str, str] | None) -> tuple[NamedValue, ...]:
    return tuple(NamedValue(name, value) for name, value in (values or {}).items())


def update(previous: Alert, following: Alert, *, also: Sequence[Identity] = ()) -> Alert:
    """Return `following` (made by `order`) as the Update that takes the place of `previous` and of `also`."""
    return _sound(replace(following, msg_type=MsgType.UPDATE, references=(previous.identity, *also)))


def together(first: Alert, *others: Alert) -> Alert:
    """Return one message that says what all of these say: several levels or places, each part as it was made.

    Head, references and msgType are those of `first`. A part that is lifted comes from `lift`:
    `together(update(previous, order(...)), lift(order(...), ...))`.
    """
    return _sound(replace(first, infos=tuple(info for one in (first, *others) for info in one.infos)))


def lift(
    previous: Alert,
    *,
    identifier: str,
    sent: datetime,
    headline: str | None = None,
    description: str | None = None,
    expires: datetime | None = None,
    languages: Mapping[str, Words] | None = None,
    note: str | None = None,
) -> Alert:
    """Return the 解除 of `previous`: an Update whose infos are all clear, over the same area.

    Without `expires` it holds for an hour. Of the `note` of `previous` only that of an exercise stays: of a 訂正 it
    said what had been wrong.
    """
    return _follow(
        previous,
        identifier=identifier,
        sent=sent,
        note=note or (previous.note if previous.status is Status.EXERCISE else None),
        infos=tuple(
            _ended(
                info,
                sent,
                expires or sent + _ALL_CLEAR_LASTS,
                _lift_words(info, headline, description, languages),
                ResponseType.ALL_CLEAR,
            )
            for info in previous.infos
        ),
    )


def _lift_words(
    info: Info, headline: str | None, description: str | None, languages: Mapping[str, Words] | None
) -> Words:
    if languages and info.language in languages:
        return languages[info.language]
    if info.language == "ja":
        return Words(event=info.event, headline=headline or f"{info.event}を解除", description=description)
    return Words(
        event=info.event,
        headline=f"{info.event}: lifted" if not info.language.startswith("ja") else f"{info.event}を解除",
    )


def _ended(info: Info, sent: datetime, expires: datetime, words: Words, response: ResponseType) -> Info:
    ended = replace(
        info,
        response_types=(response,),
        urgency=Urgency.PAST,
        severity=Severity.MINOR,
        certainty=Certainty.OBSERVED,
        effective=sent,
        onset=None,
        expires=expires,
        parameters=tuple(p for p in info.parameters if p.name != meaning.INFO_TYPE),  # what ends a 訂正 is none
        resources=(),
    )
    return _spoken(ended, info.language, words, drill=_is_marked(info))


def _is_marked(info: Info) -> bool:
    return (info.headline or "").startswith(_drill_mark(info.language))


def correct(
    previous: Alert,
    *,
    identifier: str,
    sent: datetime,
    note: str,
    languages: Mapping[str, Words] | None = None,
    headline: str | None = None,
    description: str | None = None,
    instruction: str | None = None,
) -> Alert:
    """Return the 訂正 of `previous`: same act and area, other words; `note` says what was wrong."""
    said = dict(languages or {})
    infos = tuple(
        _corrected(info, said.get(info.language), headline, description, instruction) for info in previous.infos
    )
    return _follow(previous, identifier=identifier, sent=sent, infos=infos, note=note)


def _corrected(
    info: Info, words: Words | None, headline: str | None, description: str | None, instruction: str | None
) -> Info:
    if words is None and info.language == "ja":
        words = Words(
            event=info.event,
            headline=headline or info.headline,
            description=description or info.description,
            instruction=instruction or info.instruction,
        )
    kept = tuple(p for p in info.parameters if p.name != meaning.INFO_TYPE)
    marked = replace(info, parameters=(*kept, NamedValue(meaning.INFO_TYPE, meaning.CORRECTION)))
    return _spoken(marked, info.language, words, drill=_is_marked(info)) if words else marked


def cancel(previous: Alert, *, identifier: str, sent: datetime, note: str) -> Alert:
    """Return the 取消 (false message) of `previous`: `note` gives the reason, infos say so over the same area.

    Raises `ValueError` for a 解除: what was lifted by mistake is announced again, by `update`.
    """
    if previous.infos and all(is_all_clear(info) for info in previous.infos):
        raise ValueError("this is an all clear: announce again what was lifted by mistake, by update")
    until = sent + _ALL_CLEAR_LASTS
    # Not AllClear: nothing is over, for nothing ever was.
    infos = tuple(_ended(i, sent, until, _cancel_words(i, note), ResponseType.NONE) for i in previous.infos)
    return _follow(previous, identifier=identifier, sent=sent, infos=infos, note=note, msg_type=MsgType.CANCEL)


def _cancel_words(info: Info, note: str) -> Words:
    if info.language.startswith("ja"):
        return Words(event=info.event, headline=f"{info.event}は誤りのため取り消します", description=note)
    return Words(event=info.event, headline=f"{info.event}: cancelled, sent in error")


def _follow(
    previous: Alert,
    *,
    identifier: str,
    sent: datetime,
    infos: tuple[Info, ...],
    note: str | None,
    msg_type: MsgType = MsgType.UPDATE,
) -> Alert:
    following = replace(
        previous,
        identifier=identifier,
        sent=sent,
        msg_type=msg_type,
        references=(previous.identity,),
        note=note,
        infos=infos,
    )
    return _sound(following)


def system(*, sender: str, identifier: str, sent: datetime, note: str, references: Sequence[Identity] = ()) -> Alert:
    """Return a test of the line (heartbeat, canary): status System, no info, no area."""
    return _sound(
        Alert(
            identifier=identifier,
            sender=sender,
            sent=sent,
            status=Status.SYSTEM,
            msg_type=MsgType.ALERT,
            scope=Scope.PUBLIC,
            note=note,
            references=tuple(references),
        )
    )
