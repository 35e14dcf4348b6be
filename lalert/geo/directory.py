"""The directory of places: found by name, reading, Latin letters or code, however people spell them.

A ward without a shape of its own and a place that a merger ended are found, too: they lead to the city that stands for
them. This is for people who look a place up, never for deciding who is warned.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from lalert.geo import codes, romaji
from lalert.geo.place import Gazetteer, Municipality, Prefecture

Place = Municipality | Prefecture

MAX_TEXT: Final = 40
_MAX_WORDS: Final = 4
_KINDS_OF_TOWN: Final = frozenset({"City", "Ward", "Town", "Village"})
_CLASS20: Final = 7  # digits of a JMA 市町村等 area: the first five are those of its municipality
_VARIANTS: Final = romaji.KATAKANA_TO_HIRAGANA | str.maketrans(
    "ヶヵ竜釜鹽𠮷髙﨑嶋澤瀧濱廣曾桧鯵", "けか龍竈塩吉高崎島沢滝浜広曽檜鰺"
)

_WHOLE, _BEGINNING, _INSIDE, _WORDS = range(4)
"""How close a place is to what was asked: the smaller, the closer."""


@dataclass(frozen=True, slots=True)
class _Keys:
    """Under what a place is found: as Japanese write it, in Latin letters, by digits, and by the words around it."""

    written: tuple[str, ...]
    latin: tuple[str, ...]
    code: str
    home: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What somebody asked for: as one text, in Latin letters, word by word, as the beginning of a code."""

    written: str
    latin: str
    words: tuple[tuple[str, str], ...]
    digits: str


class Directory:
    """The places of a boundary set. `heirs` says which of them stand for a code of any edition."""

    def __init__(self, names: Gazetteer, heirs: Callable[[str], Iterable[str]]) -> None:
        homes = {prefecture.code: _home(prefecture) for prefecture in names.prefectures}
        held: Sequence[Place] = (*names.prefectures, *names.cities, *names.municipalities)
        places = {place.code: place for place in held}
        listed = [(_keys(place, homes), place) for place in held]
        for ward in names.lacking:
            listed += [(_keys(ward, homes), places[heir]) for heir in heirs(ward.code)]
        for change in codes.changes().values():
            former = _Keys((_written(change.name),), (), change.code, homes.get(change.code[:2], ()))
            listed += [(former, places[heir]) for heir in heirs(change.code)]
        self._listed = tuple(listed)

    def search(self, text: str, *, limit: int) -> tuple[Place, ...]:
        """Return places by part of name, kana, Latin letters or code; the closest first, the larger before the smaller.

        Of several words each has to be in the name or in that of the prefecture. Digits may be full-width; long vowels,
        hyphens, small ヶ and old forms of letters may be spelt as anybody likes.
        """
        wanted = _asked(text)
        if not wanted.written:
            return ()
        ranked = ((_closeness(wanted, keys), row) for row, (keys, _) in enumerate(self._listed))
        best = sorted((closeness, row) for closeness, row in ranked if closeness is not None)
        found = {place.code: place for _, row in best for _, place in (self._listed[row],)}
        return tuple(found.values())[:limit]


def _asked(text: str) -> _Wanted:
    words = unicodedata.normalize("NFKC", text[:MAX_TEXT]).split()
    several = tuple((_written(word), romaji.plain(word)) for word in words) if 1 < len(words) <= _MAX_WORDS else ()
    whole = "".join(words)
    return _Wanted(_written(whole), romaji.plain(whole), several, _digits(whole))


def _digits(text: str) -> str:
    """Return a code in the digits that its municipality begins with; nothing for what is no code."""
    if not (text.isascii() and text.isdecimal()):
        return ""
    return text[:5] if len(text) == _CLASS20 else text


def _written(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).translate(_VARIANTS)
    return "".join(plain.casefold().split())


def _keys(place: Place, homes: dict[str, tuple[str, ...]]) -> _Keys:
    bare = " ".join(word for word in place.en.split() if word not in _KINDS_OF_TOWN)
    latin = tuple(filter(None, map(romaji.plain, (place.en, bare, romaji.hepburn(place.kana)))))
    if isinstance(place, Prefecture):
        return _Keys((_written(place.name), _written(place.kana)), latin, place.code)
    names = (place.name, place.full_name, f"{place.prefecture_name[:-1]}{place.name}", place.kana)
    return _Keys(tuple(_written(name) for name in names if name), latin, place.code, homes.get(place.prefecture, ()))


def _home(prefecture: Prefecture) -> tuple[str, ...]:
    latin = (romaji.plain(text) for text in (prefecture.en, romaji.hepburn(prefecture.kana)))
    return _written(prefecture.name), _written(prefecture.kana), *latin


def _closeness(wanted: _Wanted, keys: _Keys) -> int | None:
    if wanted.digits:  # a code found inside another one means another place
        is_whole = keys.code in (wanted.digits, wanted.written)
        return (_WHOLE if is_whole else _BEGINNING) if keys.code.startswith(wanted.digits) else None
    pairs = ((wanted.written, keys.written), (wanted.latin, keys.latin))
    closest = min((_nearness(text, those) for text, those in pairs if text), default=_WORDS)
    if closest < _WORDS:
        return closest
    return _WORDS if wanted.words and _has_all(wanted.words, keys) else None


def _nearness(text: str, keys: Iterable[str]) -> int:
    """Return _WHOLE, _BEGINNING or _INSIDE of the closest key; _WORDS if none has the text."""
    ranks = (_WHOLE if key == text else _BEGINNING if key.startswith(text) else _INSIDE for key in keys if text in key)
    return min(ranks, default=_WORDS)


def _has_all(words: Iterable[tuple[str, str]], keys: _Keys) -> bool:
    own = (*keys.written, *keys.latin)
    strange = [word for word in words if not _is_in(word, keys.home)]
    return bool(strange) and all(_is_in(word, own) for word in strange)


def _is_in(word: tuple[str, str], keys: Iterable[str]) -> bool:
    written, latin = word
    return any(written in key or (latin and latin in key) for key in keys)
