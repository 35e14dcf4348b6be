"""One message with all that it says: every language, every part, how it stands, and what came before and after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from lalert.cap.model import Info
from lalert.cap.profile import decided_at, is_all_clear, level_of
from lalert.cap.rules import MAX_NAME
from lalert.cap.signature import Verdict
from lalert.core.model import CancelKind, Entry, Kind, Posted, Standing, State, Zone
from lalert.geo.area import Covered
from lalert.render.entry import links
from lalert.render.places import concerned, prefecture
from lalert.render.wording import action, action_tongue, gloss, headline, left_out, main_info, one_line, stands
from lalert.render.words import STATE_REMARKS, level_label, pick, state_label
from lalert.web.badge import Badge, badge_of, badge_of_end, badge_of_error, look_at
from lalert.web.cards import in_marks, tongue_of
from lalert.web.phrases import phrases
from lalert.web.tongues import endonym

MAX_STEPS: Final = 200  # of a thread's history; a thread longer than that is read as data


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """How a message that does not hold stands: the word, what that means, what replaced it."""

    word: str
    remark: str
    reason: str
    newer: str | None
    false_alarm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the sender says in one language about one part of the area."""

    tongue: str
    title: str
    place: str
    level: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """What the sender says in a language that is not the page's: its tag, what it calls itself, the texts."""

    tongue: str
    name: str
    spoken: tuple[Said, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One zone of the area: its level, or that it is lifted, and its municipalities by prefecture.

    The badge is for what holds: where nothing does any more, the level is told in words alone.
    """

    badge: Badge | None
    label: str
    prefectures: tuple[tuple[str, tuple[Covered, ...]], ...]
    area_km2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of the thread's history."""

    at: datetime
    kind: str
    headline: str
    tongue: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Everything that the page of one message shows. `facts` are (label, text or time) in the order shown."""

    headline: str
    tongue: str
    badge: Badge
    banner: Banner | None
    gloss: str
    todo: str
    todo_tongue: str
    spoken: tuple[Said, ...]
    others: tuple[Translation, ...]
    parts: tuple[Part, ...]
    facts: tuple[tuple[str, str | datetime], ...]
    web: str
    attached: tuple[tuple[str, str], ...]
    history: tuple[Step, ...]
    links: dict[str, str]
    has_map: bool


def message_of(posted: Posted, thread: Sequence[Entry], *, lang: str, base: str) -> Message:
    """Return the page of `posted`; `thread` are all entries of its thread in order, its own among them."""
    entry, standing = posted.entry, stands(posted.entry, posted.standing)
    info = main_info(entry, lang)
    todo = _todo(entry, posted.standing, info, lang)
    spoken, others = _said(entry, lang, shown=info if todo else None)
    return Message(
        headline=headline(entry, lang, standing=posted.standing),
        tongue=tongue_of(entry, lang),
        badge=_badge(entry, standing, lang),
        banner=_banner(entry, standing, thread, lang=lang, base=base),
        gloss=in_marks(entry, gloss(entry, lang, standing=posted.standing), lang),
        todo=todo,
        todo_tongue=action_tongue(entry, lang),
        spoken=spoken,
        others=others,
        parts=tuple(_part(zone, entry, standing, lang) for zone in entry.zones),
        facts=_facts(entry, info, standing, lang),
        web=web_address(info.web) if info else "",
        attached=_attached(info),
        history=tuple(_step(one, entry, lang=lang, base=base) for one in thread[-MAX_STEPS:]),
        links=links(entry.alert.identifier, base=base),
        has_map=bool(concerned(entry)),
    )


def web_address(text: str | None) -> str:
    """Return `text` if it is an http(s) address, else nothing: no `javascript:` link comes from a message."""
    stripped = (text or "").strip()
    return stripped if stripped.lower().startswith(("https://", "http://")) else ""


def _badge(entry: Entry, standing: Standing, lang: str) -> Badge:
    """Return the sign at the head: the level while it holds, then the word for how it ended. An old 5 is no alarm."""
    if standing.cancel_kind is CancelKind.FALSE_ALARM:
        return badge_of_error(lang)
    if standing.state is not State.IN_FORCE:
        return badge_of_end(state_label(standing.state, lang, standing.cancel_kind))
    return badge_of(look_at(entry.level, entry.priority), lang)


def _banner(entry: Entry, standing: Standing, thread: Sequence[Entry], *, lang: str, base: str) -> Banner | None:
    if standing.state is State.IN_FORCE:
        return None
    ended_by = next((one for one in thread if one.alert.identifier == standing.replaced_by), None)
    false_alarm = standing.cancel_kind is CancelKind.FALSE_ALARM
    reason = (ended_by or entry).alert.note if false_alarm else None
    return Banner(
        word=state_label(standing.state, lang, standing.cancel_kind),
        remark=_remark(entry, standing, lang),
        reason=in_marks(entry, one_line(reason or ""), lang),
        newer=links(standing.replaced_by, base=base)["html"] if standing.replaced_by else None,
        false_alarm=false_alarm,
    )


def _remark(entry: Entry, standing: Standing, lang: str) -> str:
    """Return what the state means: a message that itself ends others says so, others say what became of them."""
    if standing.state in STATE_REMARKS:
        return pick(STATE_REMARKS[standing.state], lang)
    manner = "false" if standing.cancel_kind is CancelKind.FALSE_ALARM else "lifted"
    voice = "was" if entry.state is State.IN_FORCE else "says"
    return phrases(lang)[f"banner_{voice}_{manner}"]


def _todo(entry: Entry, standing: Standing, info: Info | None, lang: str) -> str:
    """Return what to do in the sender's own lines, else in the official words; nothing once it does not hold."""
    told = action(entry, lang, standing=standing)
    return in_marks(entry, info.instruction.strip() if told and info and info.instruction else told, lang)


def _said(entry: Entry, lang: str, *, shown: Info | None) -> tuple[tuple[Said, ...], tuple[Translation, ...]]:
    """Return the infos in the language of the page's text, and those in each other, in the order of the message.

    The instruction of `shown` stands above all text already.
    """
    tongue = tongue_of(entry, lang)
    told: dict[str, list[Said]] = {tongue: []}
    for info in entry.alert.infos:
        told.setdefault(info.language, []).append(_say(info, entry, lang, has_todo=info is shown))
    own = tuple(told.pop(tongue))
    return own, tuple(Translation(tongue=tag, name=endonym(tag), spoken=tuple(said)) for tag, said in told.items())


def _say(info: Info, entry: Entry, lang: str, *, has_todo: bool) -> Said:
    texts = (info.description, None if has_todo else info.instruction)
    level = None if is_all_clear(info) else level_of(info, sent=entry.alert.sent)
    return Said(
        tongue=info.language,
        title=in_marks(entry, one_line(info.headline or info.event), info.language),
        place="、".join(one_line(area.area_desc) for area in info.areas),
        level=level_label(level, lang),
        paragraphs=tuple(in_marks(entry, text.strip(), info.language) for text in texts if text),
    )


def _part(zone: Zone, entry: Entry, standing: Standing, lang: str) -> Part:
    badge = badge_of(look_at(zone.level, entry.priority), lang)
    by_prefecture = groupby(zone.area.municipalities, key=lambda covered: prefecture(covered.code, lang))
    return Part(
        badge=None if zone.lifted or standing.state is not State.IN_FORCE else badge,
        label=phrases(lang)["lifted"] if zone.lifted else badge.label,
        prefectures=tuple((name, tuple(municipalities)) for name, municipalities in by_prefecture),
        area_km2=zone.area.area_km2,
    )


def _facts(entry: Entry, info: Info | None, standing: Standing, lang: str) -> tuple[tuple[str, str | datetime], ...]:
    alert, words = entry.alert, phrases(lang)
    told: list[tuple[str, str | datetime | None]] = [
        ("state", state_label(standing.state, lang, standing.cancel_kind)),
        ("event", one_line(info.event) if info else None),
        ("left_out", left_out(entry, lang)),
        ("sender", one_line((info and info.sender_name) or alert.sender)),
        ("decided", decided_at(info) if info else None),
        ("sent", alert.sent),
        ("received", entry.at),
        ("effective", info.effective if info and info.effective != alert.sent else None),
        ("onset", info.onset if info else None),
        ("expires", entry.ends_at),
        ("contact", one_line(info.contact) if info and info.contact else None),
        ("note", one_line(alert.note) if alert.note else None),
        ("attribution", entry.attribution),
        ("identifier", one_line(alert.identifier, MAX_NAME)),
        ("signed", _signed(entry)),
    ]
    return tuple((words[name], value) for name, value in told if value)


def _signed(entry: Entry) -> str:
    """Return who has surely signed the message; what proves nothing is for its sender, in the receipt."""
    signers = (one.signer for one in entry.signatures if one.verdict is Verdict.VALID)
    return one_line("、".join(dict.fromkeys(signers)))


def _attached(info: Info | None) -> tuple[tuple[str, str], ...]:
    """Return (description, address) of the files beside the text that can be opened from here."""
    if info is None:
        return ()
    found = [(one_line(item.resource_desc), web_address(item.uri)) for item in info.resources]
    return tuple((text, address) for text, address in found if address)


def _step(one: Entry, shown: Entry, *, lang: str, base: str) -> Step:
    return Step(
        at=one.at,
        kind=_kind(one, lang),
        headline=headline(one, lang),
        tongue=tongue_of(one, lang),
        href=links(one.alert.identifier, base=base)["html"],
        current=one.cursor == shown.cursor,
    )


def _kind(entry: Entry, lang: str) -> str:
    """Return 発表, 更新, 訂正, 解除, 取消 or 期限終了."""
    if entry.cancel_kind is CancelKind.CORRECTED:
        return phrases(lang)["kind_correction"]
    if entry.kind is not Kind.EXPIRE and entry.state is State.CANCELLED:
        return state_label(entry.state, lang, entry.cancel_kind)
    return phrases(lang)[f"kind_{entry.kind.value}"]
