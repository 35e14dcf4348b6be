"""Alerts as lists show them: one card a message.

A page about one place speaks of that place: an alert that is level 4 in a town and level 3 in the next is level 3 on
the next town's page, and where a part was lifted it is not in force there, whatever holds elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Final

from lalert.core.model import CancelKind, Entry, Kind, Posted, State, Zone
from lalert.core.situation import Situation
from lalert.errors import Text
from lalert.geo.area import Covered
from lalert.render.entry import links
from lalert.render.palette import Look
from lalert.render.places import concerned, place_names
from lalert.render.wording import action, headline, main_info, one_line
from lalert.render.words import LEVEL_ACTIONS, level_label, pick, status_mark
from lalert.web.badge import Badge, badge_of, badge_of_error, look_at
from lalert.web.phrases import phrases

MAX_PLACES: Final = 5  # names in a list; the message's own page has them all


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
    look: Look
    badge: Badge
    headline: str
    tongue: str
    places: tuple[Place, ...]
    here: str  # the level at the place asked for, when it is not the one in the headline
    action: str
    source: str
    issued: datetime
    until: datetime | None
    codes: frozenset[str]
    updated: bool
    ended: datetime | None = None
    is_error: bool = False  # sent in error, and cancelled
    reason: str = ""


def cards_in_force(posted: Iterable[Posted], reader: Reader) -> list[Card]:
    """Return a card for each message that holds where the reader looks, the newest first."""
    held = (one for one in posted if _holds(one.entry, reader.codes))
    return sorted((_card(one, reader) for one in held), key=lambda card: card.issued, reverse=True)


def cards_ended(situation: Situation, since: datetime, reader: Reader) -> list[Card]:
    """Return a card for each thread that has ended at or after `since`, the latest end first.

    A thread of which something is in force has not ended, whatever it went through.
    """
    going = {posted.entry.thread for posted in situation.in_force()}
    over = [posted for posted in situation.ended(since) if posted.entry.thread not in going]
    over.sort(key=lambda posted: (posted.entry.thread, posted.entry.cursor))
    threads = [list(thread) for _, thread in groupby(over, key=lambda posted: posted.entry.thread)]
    cards = [_ended_card(thread, situation, reader) for thread in threads if _concerns(thread, reader.codes)]
    return sorted(cards, key=lambda card: card.ended or card.issued, reverse=True)


def level_here(entry: Entry, codes: frozenset[str] | None) -> int | None:
    """Return the highest level that holds in the municipalities `codes`; None asks for everywhere."""
    zones = [zone.level for zone in _zones(entry, codes) if zone.level is not None and not zone.lifted]
    return max(zones, default=None) if entry.zones else entry.level


def tongue_of(entry: Entry, lang: str) -> str:
    """Return the language tag of the text that a page in `lang` shows of a message."""
    info = main_info(entry, lang)
    return info.language if info else lang


def _card(posted: Posted, reader: Reader) -> Card:
    entry, lang = posted.entry, reader.lang
    level, info = level_here(entry, reader.codes), main_info(entry, reader.lang)
    look = look_at(level, entry.priority)
    return Card(
        key=str(entry.cursor),
        href=links(entry.alert.identifier, base=reader.base)["html"],
        look=look,
        badge=badge_of(look, lang),
        headline=headline(entry, lang, standing=posted.standing),
        tongue=tongue_of(entry, lang),
        places=_places(entry, lang),
        here=_here(level, entry, lang),
        action=_action(level, posted, lang),
        source=one_line((info and info.sender_name) or entry.alert.sender),
        issued=entry.alert.sent,
        until=entry.ends_at,
        codes=entry.codes,
        updated=entry.kind is Kind.UPDATE,
    )


def _ended_card(thread: list[Posted], situation: Situation, reader: Reader) -> Card:
    """Return the card of the last message that held, with what ended it: when, and why if it was sent in error."""
    last = thread[-1].entry
    subject = next((posted for posted in reversed(thread) if posted.entry.state is State.IN_FORCE), thread[-1])
    ended = situation.ended_at(subject.entry.alert.identity.key)
    card = replace(_card(subject, reader), key=str(last.cursor), action="", here="", ended=ended)
    if subject.standing.cancel_kind is not CancelKind.FALSE_ALARM:
        return card
    reason = one_line(last.alert.note or "")
    return replace(card, is_error=True, badge=badge_of_error(reader.lang), reason=reason)


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
        return in_marks(entry, action(entry, lang, standing=posted.standing), lang)
    return in_marks(entry, pick(LEVEL_ACTIONS[level], lang), lang)


def in_marks(entry: Entry, text: str, lang: str) -> str:
    """Return `text` between the marks of a drill, if it is one and the sender has not set them."""
    mark = status_mark(entry.alert.status, lang)
    if not text or not mark:
        return text
    return ("" if text.startswith("【訓練】") else mark) + text + ("" if text.endswith("【訓練】") else mark)


def _holds(entry: Entry, codes: frozenset[str] | None) -> bool:
    return any(not zone.lifted for zone in _zones(entry, codes))


def _zones(entry: Entry, codes: frozenset[str] | None) -> list[Zone]:
    return [zone for zone in entry.zones if codes is None or not codes.isdisjoint(zone.area.codes)]


def _concerns(thread: list[Posted], codes: frozenset[str] | None) -> bool:
    return codes is None or any(not codes.isdisjoint(posted.entry.codes) for posted in thread)
