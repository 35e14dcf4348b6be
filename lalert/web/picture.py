"""The picture of a page: its cards by level, and their numbers; what it says at the first glance."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from lalert.core.model import Posted
from lalert.geo.kinship import kin
from lalert.render.palette import Look
from lalert.render.wording import action, action_tongue, duty, gloss, gravity, term
from lalert.render.words import LEVEL_ACTIONS, pick
from lalert.web.badge import GRAVEST_FIRST, Badge, badge_of, badge_of_error, look_at
from lalert.web.cards import Card, Reader, card_of, in_brief, in_marks, look_here, tongue_of
from lalert.web.ended import Over, ended_card
from lalert.web.phrases import phrases

ALWAYS_TOLD: Final = frozenset({Look.FIVE, Look.UNLEVELLED, Look.FOUR, Look.THREE, Look.TWO})
MAX_KINDS: Final = 8  # the gravest; a sender names what it announces as it likes
MAX_ENDED: Final = 30  # what was sent in error is never left out


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of alert among too many for cards: its name, how many, and what to do, each with its language."""

    name: str
    tongue: str
    count: int
    action: str
    action_tongue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The alerts of one level: as cards or, where they are too many for the page, by kind and by prefecture."""

    badge: Badge
    action: str
    is_grave: bool
    count: int
    cards: tuple[Card, ...]
    kinds: tuple[Kind, ...] = ()
    unnamed: int = 0  # how many are of further kinds
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


def picture_of(held: Sequence[Posted], over: Sequence[Over], reader: Reader, *, limit: int | None = None) -> Picture:
    """Return the picture of the messages `held` and the threads that are `over`; `limit` as for `grouped`."""
    groups = grouped(held, reader, limit=limit)
    errors = [one for one in over if one.is_error]
    ended = [one for one in over if not one.is_error]
    return Picture(
        total=len(held),
        tallies=tuple(_tallies(groups, len(errors), reader.lang)),
        groups=tuple(groups),
        errors=tuple(ended_card(one, reader) for one in errors),
        ended=tuple(ended_card(one, reader) for one in ended[:MAX_ENDED]),
        more=max(0, len(ended) - MAX_ENDED),
    )


def grouped(held: Iterable[Posted], reader: Reader, *, limit: int | None = None) -> list[Group]:
    """Return the groups that are not empty, the gravest first, as it is inside each; 大津波警報 before 津波注意報.

    One of more than `limit` goes by kind and by prefecture.
    """
    by_look: dict[Look, list[Posted]] = defaultdict(list)
    for posted in sorted(held, key=lambda one: gravity(one.entry)):
        by_look[look_here(posted.entry, reader)].append(posted)
    return [_group(look, by_look[look], reader, limit) for look in GRAVEST_FIRST if look in by_look]


def worst_by_code(held: Iterable[Posted], reader: Reader) -> dict[str, Badge]:
    """Return the badge of the gravest that holds in each municipality (6 digits) and prefecture (2)."""
    looks: dict[str, Look] = {}
    for posted in held:
        for zone in posted.entry.zones:
            if not zone.lifted:
                look = look_at(zone.level, posted.entry.priority)
                for code in kin(zone.area.codes):
                    looks[code] = _graver(look, looks.get(code))
                    looks[code[:2]] = _graver(look, looks.get(code[:2]))
    badges = {look: badge_of(look, reader.lang) for look in GRAVEST_FIRST}
    return {code: badges[look] for code, look in looks.items()}


def _graver(look: Look, other: Look | None) -> Look:
    return look if other is None else min(look, other, key=GRAVEST_FIRST.index)


def _tallies(groups: Iterable[Group], errors: int, lang: str) -> list[Tally]:
    """Return how many alerts each group has, and how many were taken back as errors."""
    counts = {group.badge.style: group.count for group in groups}
    badges = {look: badge_of(look, lang) for look in GRAVEST_FIRST}
    told = [badge for look, badge in badges.items() if look in ALWAYS_TOLD or badge.style in counts]
    cells = [Tally(badge, counts.get(badge.style, 0)) for badge in told]
    return [*cells, Tally(badge_of_error(lang), errors)] if errors else cells


def _group(look: Look, held: Sequence[Posted], reader: Reader, limit: int | None) -> Group:
    crowded = limit is not None and len(held) > limit
    kinds = _kinds(held, reader)[:MAX_KINDS] if crowded else ()
    return Group(
        badge=badge_of(look, reader.lang),
        action=_action(look, reader.lang),
        is_grave=GRAVEST_FIRST.index(look) <= GRAVEST_FIRST.index(Look.FOUR),
        count=len(held),
        cards=() if crowded else tuple(card_of(posted, reader) for posted in held),
        kinds=kinds,
        unnamed=len(held) - sum(kind.count for kind in kinds) if crowded else 0,
        prefectures=_by_prefecture(held) if crowded else (),
    )


def _action(look: Look, lang: str) -> str:
    if look.value.isdecimal():
        return pick(LEVEL_ACTIONS[int(look.value)], lang)
    return phrases(lang)["follow"] if look is Look.UNLEVELLED else ""


def _kinds(held: Sequence[Posted], reader: Reader) -> tuple[Kind, ...]:
    """Return the kinds of alerts among `held` in its order. What to do is their senders' words, if these all agree."""
    by_name: dict[tuple[str, str], list[Posted]] = defaultdict(list)
    for posted in held:
        by_name[term(posted.entry, reader.lang), tongue_of(posted.entry, reader.lang)].append(posted)
    return tuple(_kind(name, tongue, alike, reader.lang) for (name, tongue), alike in by_name.items())


def _kind(name: str, tongue: str, alike: Sequence[Posted], lang: str) -> Kind:
    """Return one kind: in the reader's language there is one official word for all, in the sender's maybe many."""
    first = alike[0].entry
    told = {_in_words(posted, lang) for posted in alike}
    text, spoken = told.pop() if len(told) == 1 else (duty(first, lang), lang)
    return Kind(in_marks(first, name, tongue), tongue, len(alike), in_marks(first, in_brief(text), lang), spoken)


def _in_words(posted: Posted, lang: str) -> tuple[str, str]:
    """Return what to do, and in which language: the reader's where the official words have it."""
    official = gloss(posted.entry, lang, standing=posted.standing)
    if official:
        return official, lang
    return action(posted.entry, lang, standing=posted.standing), action_tongue(posted.entry, lang)


def _by_prefecture(held: Iterable[Posted]) -> tuple[tuple[str, int], ...]:
    """Return how many alerts concern each prefecture; one that reaches over a border counts on both sides."""
    counted = Counter(code for posted in held for code in {code[:2] for code in posted.entry.codes})
    return tuple(sorted(counted.items()))
