"""Cards in groups by level, and their numbers: what a page says at the first glance."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from lalert.render.words import LEVEL_ACTIONS, pick
from lalert.web.cards import Badge, Card, badge_of
from lalert.web.phrases import phrases

# A tsunami has no level and leaves no time: what has none by law stands above level 5.
ORDER: Final = ("s", "5", "4", "3", "2", "1", "0")
ALWAYS_TOLD: Final = ("s", "5", "4", "3", "2")
MAX_ENDED: Final = 30  # what was sent in error is never left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The alerts of one level: as cards or, where they are too many for the page, as a number a prefecture."""

    key: str
    badge: Badge
    action: str
    count: int
    cards: tuple[Card, ...]
    prefectures: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """One cell of the line of numbers at the top; an empty group is told, too: nought is news."""

    key: str
    badge: Badge
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What a page lists: the numbers, what is in force, what was sent in error, what has ended (`more`: left out)."""

    total: int
    tallies: tuple[Tally, ...]
    groups: tuple[Group, ...]
    cancelled: tuple[Card, ...]
    ended: tuple[Card, ...]
    more: int


def picture_of(in_force: Sequence[Card], over: Sequence[Card], lang: str, *, limit: int | None = None) -> Picture:
    """Return the picture of the cards `in_force` and those that are `over`; `limit` as for `grouped`."""
    groups = grouped(in_force, lang, limit=limit)
    cancelled = tuple(card for card in over if card.group == "x")
    ended = tuple(card for card in over if card.group != "x")
    return Picture(
        total=len(in_force),
        tallies=tuple(tallies(groups, len(cancelled), lang)),
        groups=tuple(groups),
        cancelled=cancelled,
        ended=ended[:MAX_ENDED],
        more=max(0, len(ended) - MAX_ENDED),
    )


def grouped(cards: Iterable[Card], lang: str, *, limit: int | None = None) -> list[Group]:
    """Return the groups that have cards, the most urgent first; one of more than `limit` goes by prefecture."""
    by_key: dict[str, list[Card]] = defaultdict(list)
    for card in cards:
        by_key[card.group].append(card)
    return [_group(key, by_key[key], lang, limit) for key in ORDER if key in by_key]


def tallies(groups: Iterable[Group], cancelled: int, lang: str) -> list[Tally]:
    """Return how many alerts each group has, and how many were taken back as errors."""
    counts = {group.key: group.count for group in groups}
    told = [key for key in ORDER if key in counts or key in ALWAYS_TOLD]
    cells = [Tally(key, badge_of(key, lang), counts.get(key, 0)) for key in told]
    return [*cells, Tally("x", badge_of("x", lang), cancelled)] if cancelled else cells


def worst_by_code(cards: Iterable[Card]) -> dict[str, Badge]:
    """Return the badge of the most urgent card for each municipality (6 digits) and prefecture (2) concerned."""
    ranked = sorted(cards, key=lambda card: ORDER.index(card.group), reverse=True)
    return {code: card.badge for card in ranked for whole in card.codes for code in (whole, whole[:2])}


def _group(key: str, cards: Sequence[Card], lang: str, limit: int | None) -> Group:
    crowded = limit is not None and len(cards) > limit
    return Group(
        key=key,
        badge=badge_of(key, lang),
        action=_action(key, lang),
        count=len(cards),
        cards=() if crowded else tuple(cards),
        prefectures=_by_prefecture(cards) if crowded else (),
    )


def _action(key: str, lang: str) -> str:
    return pick(LEVEL_ACTIONS[int(key)], lang) if key in "12345" else phrases(lang)[f"group_{key}_action"]


def _by_prefecture(cards: Iterable[Card]) -> tuple[tuple[str, int], ...]:
    """Return how many alerts concern each prefecture; one that reaches over a border counts on both sides."""
    return tuple(sorted(Counter(code for card in cards for code in {code[:2] for code in card.codes}).items()))
