"""Alerts as lists show them: one card a message.

A page about one place speaks of that place: an alert that is level 4 in a town and level 3 in the next is level 3 on
the next town's page, and where a part was lifted it is not in force there, whatever holds elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lalert.core.model import Entry, Kind, Posted, Zone
from lalert.errors import Text
from lalert.geo.area import Covered
from lalert.render.entry import links
from lalert.render.palette import Look
from lalert.render.places import concerned, place_names
from lalert.render.wording import action, action_tongue, gloss, headline, main_info, one_line, unmarked
from lalert.render.words import LEVEL_ACTIONS, level_label, pick, status_mark
from lalert.web.badge import Badge, badge_of, look_at
from lalert.web.phrases import phrases

MAX_PLACES: Final = 5  # names in a list; the message's own page has them all
MAX_ACTION: Final = 240  # characters of what to do in a list: one sender's essay must not push the next alert away
_SENTENCE_ENDS: Final = ("。", ". ", "！", "! ")


@dataclass(frozen=True, slots=True)
class Place:
    """Where, and where it matters at which level; `label` is empty when one level holds for all."""

    label: str
    names: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """For whom cards are made: page language, the realm's URL prefix, the place (None: the whole country)."""

    lang: str
    base: str
    codes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One alert in a list. `tongue` is the language of the sender's text, which need not be the page's."""

    key: str
    href: str
    badge: Badge
    headline: str
    tongue: str
    places: tuple[Place, ...]
    here: str  # the level at the place asked for, when it is not the one in the headline
    gloss: str  # the official words for what to do, where the sender's are not in the page's language
    action: str
    action_tongue: str
    source: str
    issued: datetime
    until: datetime | None
    updated: bool
    ended: datetime | None = None
    is_error: bool = False  # sent in error, and cancelled
    reason: str = ""


def held_here(posted: Iterable[Posted], reader: Reader) -> list[Posted]:
    """Return the messages that hold where the reader looks, the newest first."""
    held = (one for one in posted if any(not zone.lifted for zone in zones_here(one.entry, reader.codes)))
    return sorted(held, key=lambda one: one.entry.alert.sent, reverse=True)


def look_here(entry: Entry, reader: Reader) -> Look:
    """Return the look of a message where the reader looks."""
    return look_at(level_here(entry, reader.codes), entry.priority)


def level_here(entry: Entry, codes: frozenset[str] | None) -> int | None:
    """Return the highest level that holds in the municipalities `codes`; None asks for everywhere."""
    zones = [zone.level for zone in zones_here(entry, codes) if zone.level is not None and not zone.lifted]
    return max(zones, default=None) if entry.zones else entry.level


def tongue_of(entry: Entry, lang: str) -> str:
    """Return the language tag of the text that a page in `lang` shows of a message."""
    info = main_info(entry, lang)
    return info.language if info else lang


def card_of(posted: Posted, reader: Reader) -> Card:
    """Return the card of one message."""
    entry, lang = posted.entry, reader.lang
    level, look, info = level_here(entry, reader.codes), look_here(entry, reader), main_info(entry, lang)
    return Card(
        key=str(entry.cursor),
        href=links(entry.alert.identifier, base=reader.base)["html"],
        badge=badge_of(look, lang),
        headline=headline(entry, lang, standing=posted.standing),
        tongue=info.language if info else lang,
        places=_places(entry, lang),
        here=_here(level, entry, lang),
        gloss=in_marks(entry, gloss(entry, lang, standing=posted.standing), lang) if level == entry.level else "",
        action=_action(level, posted, lang),
        action_tongue=action_tongue(entry, lang) if level == entry.level else lang,
        source=one_line((info and info.sender_name) or entry.alert.sender),
        issued=entry.alert.sent,
        until=entry.ends_at,
        updated=entry.kind is Kind.UPDATE,
    )


def _places(entry: Entry, lang: str) -> tuple[Place, ...]:
    """Return the places of a message; by level, the highest first and what is lifted last, when it says several."""
    by_label: dict[str, dict[str, Covered]] = {}
    for zone in sorted(entry.zones, key=lambda zone: (zone.lifted, -(zone.level or 0))):
        label = phrases(lang)["lifted"] if zone.lifted else level_label(zone.level, lang)
        by_label.setdefault(label, {}).update({covered.code: covered for covered in zone.area.municipalities})
    if len(by_label) <= 1:
        return (Place("", place_names(concerned(entry), lang, limit=MAX_PLACES)),)
    return tuple(
        Place(label, place_names(tuple(places.values()), lang, limit=MAX_PLACES)) for label, places in by_label.items()
    )


def _here(level: int | None, entry: Entry, lang: str) -> str:
    if level is None or level == entry.level:
        return ""
    label = level_label(level, lang)
    return pick(Text(f"この地域は{label}です", f"Here: {label}"), lang)


def _action(level: int | None, posted: Posted, lang: str) -> str:
    """Return what to do here: the message's own words unless another level than theirs holds here."""
    entry = posted.entry
    if level is None or level == entry.level:
        return in_marks(entry, in_brief(action(entry, lang, standing=posted.standing)), lang)
    return in_marks(entry, pick(LEVEL_ACTIONS[level], lang), lang)


def in_brief(text: str) -> str:
    """Return the first sentences of a long text, whole: half a sentence may say the opposite of the whole."""
    if len(text) <= MAX_ACTION:
        return text
    end = max(text.rfind(mark, 0, MAX_ACTION) + len(mark.strip()) for mark in _SENTENCE_ENDS)
    return text[: end if end > 1 else MAX_ACTION - 1] + "…"


def in_marks(entry: Entry, text: str, lang: str) -> str:
    """Return `text` between the marks of a drill, if it is one; the sender's own marks make room for them."""
    mark = status_mark(entry.alert.status, lang)
    return mark + unmarked(entry, text) + mark if text else ""


def zones_here(entry: Entry, codes: frozenset[str] | None) -> list[Zone]:
    """Return the parts of a message that touch the municipalities `codes`; None asks for all parts."""
    return [zone for zone in entry.zones if codes is None or not codes.isdisjoint(zone.area.codes)]
