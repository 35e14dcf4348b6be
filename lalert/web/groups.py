"""Cards in groups by level, and their numbers: what a page says at the first glance."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from lalert.render.palette import Look
from lalert.render.words import LEVEL_ACTIONS, pick
from lalert.web.badge import GRAVEST_FIRST, Badge, badge_of, badge_of_error
from lalert.web.cards import Card
from lalert.web.phrases import phrases

ALWAYS_TOLD: Final = frozenset({Look.FIVE, Look.UNLEVELLED, Look.FOUR, Look.THREE, Look.TWO})
MAX_ENDED: Final = 30  # what was sent in error is never left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The alerts of one level: as cards or, where they are too many for the page, as a number a prefecture."""

    badge: Badge
    action: str
    is_grave: bool
    count: int
    cards: tuple[Card, ...]
    prefectures: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """One cell of the line of numbers at the top; an empty group is told, too: nought is news."""

    badge: Badge
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What a page lists: the numbers, what is in force, what was sent in error, what has ended (`more`: left out)."""

    total: int
    tallies: tuple[Tally, ...]
    groups: tuple[Group, ...]
    errors: tuple[Card, ...]
    ended: tuple[Card, ...]
    more: int


def picture_of(in_force: Sequence[Card], over: Sequence[Card], lang: str, *, limit: int | None = None) -> Picture:
    """Return the picture of the cards `in_force` and those that are `over`; `limit` as for `grouped`."""
    groups = grouped(in_force, lang, limit=limit)
    errors = tuple(card for card in over if card.is_error)
    ended = tuple(card for card in over if not card.is_error)
    return Picture(
        total=len(in_force),
        tallies=tuple(tallies(groups, len(errors), lang)),
        groups=tuple(groups),
        errors=errors,
        ended=ended[:MAX_ENDED],
        more=max(0, len(ended) - MAX_ENDED),
    )


def grouped(cards: Iterable[Card], lang: str, *, limit: int | None = None) -> list[Group]:
    """Return the groups that have cards, the gravest first; one of more than `limit` goes by prefecture."""
    by_look: dict[Look, list[Card]] = defaultdict(list)
    for card in cards:
        by_look[card.look].append(card)
    return [_group(look, by_look[look], lang, limit) for look in GRAVEST_FIRST if look in by_look]


def tallies(groups: Iterable[Group], errors: int, lang: str) -> list[Tally]:
    """Return how many alerts each group has, and how many were taken back as errors."""
    counts = {group.badge.style: group.count for group in groups}
    badges = {look: badge_of(look, lang) for look in GRAVEST_FIRST}
    told = [badge for look, badge in badges.items() if look in ALWAYS_TOLD or badge.style in counts]
    cells = [Tally(badge, counts.get(badge.style, 0)) for badge in told]
    return [*cells, Tally(badge_of_error(lang), errors)] if errors else cells


def worst_by_code(cards: Iterable[Card]) -> dict[str, Badge]:
    """Return the badge of the gravest card for each municipality (6 digits) and prefecture (2) concerned."""
    ranked = sorted(cards, key=lambda card: GRAVEST_FIRST.index(card.look), reverse=True)
    return {code: card.badge for card in ranked for whole in card.codes for code in (whole, whole[:2])}


def _group(look: Look, cards: Sequence[Card], lang: str, limit: int | None) -> Group:
    crowded = limit is not None and len(cards) > limit
    return Group(
        badge=badge_of(look, lang),
        action=_action(look, lang),
        is_grave=GRAVEST_FIRST.index(look) <= GRAVEST_FIRST.index(Look.FOUR),
        count=len(cards),
        cards=() if crowded else tuple(cards),
        prefectures=_by_prefecture(cards) if crowded else (),
    )


def _action(look: Look, lang: str) -> str:
    if look.value.isdecimal():
        return pick(LEVEL_ACTIONS[int(look.value)], lang)
    return phrases(lang)["follow"] if look is Look.UNLEVELLED else ""


def _by_prefecture(cards: Iterable[Card]) -> tuple[tuple[str, int], ...]:
    """Return how many alerts concern each prefecture; one that reaches over a border counts on both sides."""
    return tuple(sorted(Counter(code for card in cards for code in {code[:2] for code in card.codes}).items()))
