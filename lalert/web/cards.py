"""Alerts as lists show them: one card a message.

A page about one place speaks of that place: an alert that is level 4 in a town and level 3 in the next is level 3 on
the next town's page, and where a part was lifted it is not in force there, whatever holds elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from lalert.core.model import CancelKind, Entry, Kind, Posted, Priority, State, Zone
from lalert.core.situation import Situation
from lalert.errors import Text
from lalert.render.entry import links
from lalert.render.palette import Look, look_of
from lalert.render.places import concerned, place_names
from lalert.render.wording import action, headline, main_info, one_line
from lalert.render.words import LEVEL_ACTIONS, level_label, pick
from lalert.web.phrases import phrases


@dataclass(frozen=True, slots=True)
class Badge:
    """The box that tells the level: what it prints, the sheet's class for its pattern, how it is read out."""

    mark: str
    style: str
    label: str

    @property
    def word(self) -> bool:
        """Whether the mark is a word and not a number."""
        return not self.mark.isdecimal()


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
    group: str
    badge: Badge
    headline: str
    tongue: str
    place: str
    here: str  # the level at the place asked for, when it is not the one in the headline
    action: str
    source: str
    issued: datetime
    until: datetime | None
    codes: frozenset[str]
    updated: bool
    partly_lifted: bool
    ended: datetime | None = None
    reason: str = ""


def badge_of(group: str, lang: str) -> Badge:
    """Return the badge of a group: 1 to 5, `s` (without a level by law), `0` (notices), `x` (sent in error)."""
    if group in "12345":
        return Badge(group, f"v{group}", level_label(int(group), lang))
    words = phrases(lang)
    return Badge(words[f"mark_{group}"], f"v{group}", words[f"group_{group}"])


def group_of(level: int | None, priority: Priority) -> str:
    """Return the group of a level; what has none is in the group that the maps' look of it says."""
    if level is not None:
        return str(level)
    return "0" if look_of(None, priority) is Look.NOTICE else "s"


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
    group = group_of(level, entry.priority)
    return Card(
        key=str(entry.cursor),
        href=links(entry.alert.identifier, base=reader.base)["html"],
        group=group,
        badge=badge_of(group, lang),
        headline=headline(entry, lang, standing=posted.standing),
        tongue=tongue_of(entry, lang),
        place=place_names(concerned(entry), lang, limit=5),
        here=_here(level, entry, lang),
        action=_action(level, posted, lang),
        source=one_line((info and info.sender_name) or entry.alert.sender),
        issued=entry.alert.sent,
        until=entry.ends_at,
        codes=entry.codes,
        updated=entry.kind is Kind.UPDATE,
        partly_lifted=any(zone.lifted for zone in _zones(entry, reader.codes)),
    )


def _ended_card(thread: list[Posted], situation: Situation, reader: Reader) -> Card:
    """Return the card of the last message that held, with what ended it: when, and why if it was sent in error."""
    last = thread[-1].entry
    subject = next((posted for posted in reversed(thread) if posted.entry.state is State.IN_FORCE), thread[-1])
    ended = situation.ended_at(subject.entry.alert.identity.key)
    card = replace(_card(subject, reader), key=str(last.cursor), action="", here="", ended=ended)
    if subject.standing.cancel_kind is not CancelKind.FALSE_ALARM:
        return card
    return replace(card, group="x", badge=badge_of("x", reader.lang), reason=one_line(last.alert.note or ""))


def _here(level: int | None, entry: Entry, lang: str) -> str:
    if level is None or level == entry.level:
        return ""
    label = level_label(level, lang)
    return pick(Text(f"この地域は{label}です", f"Here: {label}"), lang)


def _action(level: int | None, posted: Posted, lang: str) -> str:
    """Return what to do here: the message's own words unless another level than theirs holds here."""
    if level is None or level == posted.entry.level:
        return action(posted.entry, lang, standing=posted.standing)
    return pick(LEVEL_ACTIONS[level], lang)


def _holds(entry: Entry, codes: frozenset[str] | None) -> bool:
    return any(not zone.lifted for zone in _zones(entry, codes))


def _zones(entry: Entry, codes: frozenset[str] | None) -> list[Zone]:
    return [zone for zone in entry.zones if codes is None or not codes.isdisjoint(zone.area.codes)]


def _concerns(thread: list[Posted], codes: frozenset[str] | None) -> bool:
    return codes is None or any(not codes.isdisjoint(posted.entry.codes) for posted in thread)
