"""Who lives where an alert holds: millions of subscriptions by municipality and by grid square, asked in milliseconds.

A subscription is a number, its codes and its cells (JIS X 0410, 1 km, 500 m or 250 m), and a *tag*: 63 bits that its
owner gets back with the number and that mean nothing here. There is no coordinate to find anybody by.

All cells are kept as keys of ten digits in one sorted array, a coarser cell with zeros at its end. What lies inside a
square of any size is then one slice of the array. So an area is looked up from large squares to small ones: a square
wholly inside is a slice, one on the edge is divided, and only into cells that somebody asked for.

`Index` is a value; `Residents` is one that changes: what came and went since the index was built is laid over it, and
`rebuilt` makes a new index elsewhere while this one goes on answering.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
from shapely.geometry.base import BaseGeometry

from lalert.geo import measure, mesh
from lalert.geo.mesh import Ints, Level

CELLS: Final = (Level.THIRD, Level.HALF, Level.QUARTER)
"""The sizes that may be subscribed to. A finer one would come close to an address."""

_LEVELS: Final = tuple(Level)
_DIGITS: Final = Level.QUARTER.digits

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one subscription is: `codes` of 2 or 6 digits, `cells` of 8 to 10."""

    number: int
    codes: frozenset[str]
    cells: frozenset[str]
    tag: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """Subscriptions in ascending order of their numbers, each with its tag."""

    numbers: Ints
    tags: Ints

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True)
class _Postings:
    """Rows by key: those of `keys[i]` are `rows[offsets[i]:offsets[i + 1]]`."""

    keys: Ints
    offsets: Ints
    rows: Ints

    @classmethod
    def of(cls, keys: Ints, rows: Ints) -> _Postings:
        """Return the postings of pairs in any order."""
        order = np.argsort(keys, kind="stable")
        unique, first = np.unique(keys[order], return_index=True)
        return cls(unique, np.append(first, len(keys)), rows[order])

    def pairs(self) -> tuple[Ints, Ints]:
        """Return what `of` was given, in order of the keys."""
        return np.repeat(self.keys, np.diff(self.offsets)), self.rows

    def mark(self, mask: Mask, low: Ints, high: Ints) -> None:
        """Set `mask` for the rows of all keys from each `low` up to, not including, its `high`."""
        begin = self.offsets[np.searchsorted(self.keys, low)]
        end = self.offsets[np.searchsorted(self.keys, high)]
        for first, last in zip(begin.tolist(), end.tolist(), strict=True):
            mask[self.rows[first:last]] = True

    @cached_property
    def squares(self) -> dict[Level, Ints]:
        """The squares of every size that hold a key, sorted."""
        return {level: np.unique(self.keys // _scale(level)) for level in _LEVELS}


@dataclass(frozen=True)
class Index:
    """Subscriptions as they were when it was built. A value: any thread may ask it."""

    numbers: Ints
    tags: Ints
    codes: _Postings
    cells: _Postings

    @classmethod
    def of(cls, places: Iterable[Place]) -> Index:
        """Return the index of `places`, whose numbers are unique and whose codes and cells were checked."""
        ordered = sorted(places, key=lambda place: place.number)
        return cls(
            np.array([place.number for place in ordered], dtype=np.int64),
            np.array([place.tag for place in ordered], dtype=np.int64),
            _postings([(int(code), row) for row, place in enumerate(ordered) for code in place.codes]),
            _postings([(_key(cell), row) for row, place in enumerate(ordered) for cell in place.cells]),
        )

    def __len__(self) -> int:
        return len(self.numbers)

    def matching(self, geometry: BaseGeometry | None, codes: Iterable[str]) -> Found:
        """Return everybody in one of the municipalities `codes` (or its prefecture) or in a cell that shares ground
        with `geometry` (lon/lat in degrees; None: only the municipalities count).
        """
        mask = np.zeros(len(self), dtype=np.bool_)
        wanted = np.array(sorted({int(part) for code in codes for part in (code, code[:2])}), dtype=np.int64)
        self.codes.mark(mask, wanted, wanted + 1)
        if geometry is not None and len(self.cells.keys) and not geometry.is_empty:
            self._mark_cells(mask, geometry)
        return Found(self.numbers[mask], self.tags[mask])

    def without(self, numbers: Iterable[int]) -> Index:
        """Return the index without these subscriptions."""
        kept = ~np.isin(self.numbers, np.fromiter(numbers, dtype=np.int64))
        place = np.cumsum(kept) - 1
        return Index(
            self.numbers[kept], self.tags[kept], _kept(self.codes, kept, place), _kept(self.cells, kept, place)
        )

    def merged(self, other: Index) -> Index:
        """Return the index of both; they share no number."""
        numbers = np.concatenate((self.numbers, other.numbers))
        order = np.argsort(numbers, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        mine, theirs = place[: len(self)], place[len(self) :]
        return Index(
            numbers[order],
            np.concatenate((self.tags, other.tags))[order],
            _joined(self.codes, mine, other.codes, theirs),
            _joined(self.cells, mine, other.cells, theirs),
        )

    def _mark_cells(self, mask: Mask, geometry: BaseGeometry) -> None:
        shape = measure.prepared(geometry)
        squares = self.cells.squares
        edge = squares[Level.FIRST]
        for level, finer in zip(_LEVELS, (*_LEVELS[1:], None), strict=True):
            edge, inside = mesh.sorted_out(shape, edge, level)
            scale = _scale(level)
            self.cells.mark(mask, inside * scale, (inside + 1) * scale)
            if level in CELLS:
                self.cells.mark(mask, edge * scale, edge * scale + 1)
            if finer is not None:
                step = scale // _scale(finer)
                edge = _within(squares[finer], edge * step + (level in CELLS), (edge + 1) * step)


class Residents:
    """An index that changes. For one event loop; what `view` returns may be asked by any thread."""

    def __init__(self, index: Index | None = None) -> None:
        self._index = index or Index.of(())
        self._changes: dict[int, Place | None] = {}
        self._view: View | None = None

    def __len__(self) -> int:
        """How many there are at most: one that changed or went counts until the next rebuild."""
        return len(self._index) + len(self._changes)

    @property
    def changes(self) -> int:
        """How many subscriptions came, changed or went since the index was built: time to rebuild when it grows."""
        return len(self._changes)

    def put(self, place: Place) -> None:
        """Add a subscription, or change it."""
        self._changes[place.number] = place
        self._view = None

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget subscriptions."""
        self._changes.update(dict.fromkeys(numbers))
        self._view = None

    def view(self) -> View:
        """Return the state of this moment."""
        if self._view is None:
            self._view = View(self._index, dict(self._changes))
        return self._view

    def settle(self, view: View, index: Index) -> None:
        """Go on from `index`, which `view.rebuilt()` returned; what changed meanwhile stays laid over it."""
        unseen = object()
        later = ((n, change) for n, change in self._changes.items() if view.changes.get(n, unseen) is not change)
        self._index, self._changes, self._view = index, dict(later), None


@dataclass(frozen=True)
class View:
    """An index with `changes` laid over it: a place that came or changed, None for one that went. A value."""

    index: Index
    changes: Mapping[int, Place | None]

    def matching(self, geometry: BaseGeometry | None, codes: Iterable[str]) -> Found:
        """Return everybody whom the area concerns (see `Index.matching`)."""
        codes = frozenset(codes)
        found = self.index.matching(geometry, codes)
        if not self.changes:
            return found
        stays = ~np.isin(found.numbers, self._changed)
        return _together(Found(found.numbers[stays], found.tags[stays]), self._fresh.matching(geometry, codes))

    def rebuilt(self) -> Index:
        """Return the index with all changes in it. Takes a second for a million: not on the event loop."""
        return self.index.without(self.changes).merged(self._fresh)

    @cached_property
    def _changed(self) -> Ints:
        return np.fromiter(self.changes, dtype=np.int64)

    @cached_property
    def _fresh(self) -> Index:
        return Index.of(place for place in self.changes.values() if place is not None)


def _together(a: Found, b: Found) -> Found:
    numbers = np.concatenate((a.numbers, b.numbers))
    order = np.argsort(numbers, kind="stable")
    return Found(numbers[order], np.concatenate((a.tags, b.tags))[order])


def _postings(pairs: Sequence[tuple[int, int]]) -> _Postings:
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return _Postings.of(table[:, 0], table[:, 1])


def _kept(postings: _Postings, kept: Mask, place: Ints) -> _Postings:
    keys, rows = postings.pairs()
    stays = kept[rows]
    return _Postings.of(keys[stays], place[rows[stays]])


def _joined(a: _Postings, places_a: Ints, b: _Postings, places_b: Ints) -> _Postings:
    keys_a, rows_a = a.pairs()
    keys_b, rows_b = b.pairs()
    return _Postings.of(np.concatenate((keys_a, keys_b)), np.concatenate((places_a[rows_a], places_b[rows_b])))


def _key(cell: str) -> int:
    return int(cell.ljust(_DIGITS, "0"))


def _scale(level: Level) -> int:
    return int(10 ** (_DIGITS - level.digits))


def _within(squares: Ints, low: Ints, high: Ints) -> Ints:
    """Return the `squares` (sorted) from each `low` up to, not including, its `high`."""
    begin, end = np.searchsorted(squares, low), np.searchsorted(squares, high)
    counts = end - begin
    shift = np.repeat(begin - np.append(0, np.cumsum(counts)[:-1]), counts)
    return squares[np.arange(counts.sum()) + shift] if len(counts) else squares[:0]
