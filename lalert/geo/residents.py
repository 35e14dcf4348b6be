"""Who lives where an alert holds: millions of subscriptions by municipality and by grid square, asked in milliseconds.

A subscription is a number, its codes and its cells (JIS X 0410, 1 km, 500 m or 250 m), and a *tag*: 63 bits that its
owner gets back with the number and that mean nothing here. There is no coordinate to find anybody by.

All cells are kept as keys of ten digits in order, a coarser cell with zeros at its end. What lies inside a square of
any size is then one range of keys. So an area is looked up from large squares to small ones: a square wholly inside is
a range, one on the edge is divided, and only into cells that somebody asked for. A cell that shares ground with the
area is concerned.

`Index` is a value, in shards of about a million numbers each. An answer comes shard by shard in ascending order of the
numbers, so that whoever needs the first need not wait for the last; and what changed is built anew in its shard only.
`Residents` is an index that changes: what came and went since it was built is laid over it, and `rebuilt` makes a new
one elsewhere while this one goes on answering.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Final

import numpy as np
from shapely.geometry.base import BaseGeometry

from lalert.geo.mesh import Ints, Level, Mask
from lalert.geo.outline import Outline
from lalert.geo.postings import NO_KEYS, NOTHING, Pairs, Postings, Ranges, firsts

CELLS: Final = (Level.THIRD, Level.HALF, Level.QUARTER)
"""The sizes that may be subscribed to. A finer one would come close to an address."""

SHARD: Final = 1 << 20
"""As many subscriptions as are built at a time."""

_LEVELS: Final = tuple(Level)
_DIGITS: Final = Level.QUARTER.digits
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


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

    @classmethod
    def joined(cls, parts: Iterable[Found]) -> Found:
        """Return what follows each other as one."""
        listed = list(parts)
        numbers = np.concatenate([NO_KEYS, *(part.numbers for part in listed)])
        return cls(numbers, np.concatenate([NO_KEYS, *(part.tags for part in listed)]))

    def __len__(self) -> int:
        return len(self.numbers)

    def between(self, low: int, high: int) -> Found:
        """Return those with numbers from `low` up to, not including, `high`."""
        begin, end = np.searchsorted(self.numbers, (low, high))
        return Found(self.numbers[begin:end], self.tags[begin:end])


@dataclass(frozen=True, slots=True)
class Shard:
    """Subscriptions whose numbers follow each other, in ascending order."""

    numbers: Ints
    tags: Ints
    codes: Postings
    cells: Postings

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""
        return self.numbers.nbytes + self.tags.nbytes + self.codes.nbytes + self.cells.nbytes

    def matching(self, codes: Ranges, cells: Ranges) -> Found:
        """Return everybody with one of these codes or cells."""
        rows = np.sort(np.concatenate((self.codes.under(codes), self.cells.under(cells))))
        rows = rows[firsts(rows)]
        return Found(self.numbers[rows], self.tags[rows])

    def without(self, numbers: Iterable[int]) -> Shard:
        """Return the shard without these numbers."""
        return self._kept(~np.isin(self.numbers, np.fromiter(numbers, dtype=np.int64)))

    def joined(self, other: Shard) -> Shard:
        """Return both; they share no number."""
        numbers = np.concatenate((self.numbers, other.numbers))
        order = np.argsort(numbers, kind="stable")
        place = np.empty(len(order), dtype=np.uint32)
        place[order] = np.arange(len(order), dtype=np.uint32)
        mine, theirs = place[: len(self)], place[len(self) :]
        return Shard(
            numbers[order],
            np.concatenate((self.tags, other.tags))[order],
            Postings.joined(self.codes.at(mine), other.codes.at(theirs)),
            Postings.joined(self.cells.at(mine), other.cells.at(theirs)),
        )

    def parts(self) -> Iterator[Shard]:
        """Yield it in pieces of up to SHARD."""
        if len(self) <= SHARD:
            yield self
            return
        rows = np.arange(len(self))
        for begin in range(0, len(self), SHARD):
            yield self._kept((begin <= rows) & (rows < begin + SHARD))

    def _kept(self, kept: Mask) -> Shard:
        place = (np.cumsum(kept) - 1).astype(np.uint32)
        return Shard(self.numbers[kept], self.tags[kept], self.codes.moved(kept, place), self.cells.moved(kept, place))


@dataclass(frozen=True)
class Index:
    """Subscriptions as they were when it was built. A value: any thread may ask it.

    `squares` are those of every size that hold a cell that somebody asked for, as keys of their own digits, in order.
    """

    shards: tuple[Shard, ...]
    squares: Mapping[Level, Ints]

    @classmethod
    def of(cls, places: Iterable[Place]) -> Index:
        """Return the index of `places`, whose numbers are unique and whose codes and cells were checked."""
        builder = Builder()
        for place in sorted(places, key=lambda place: place.number):
            builder.add(place)
        return builder.index()

    @classmethod
    def joined(cls, shards: Sequence[Shard]) -> Index:
        """Return the index of shards that follow each other."""
        shards = [shard for shard in shards if len(shard)] or [_NOBODY]
        keys = np.sort(np.concatenate([shard.cells.keys for shard in shards]), kind="stable")
        squares = {level: keys // _scale(level) for level in _LEVELS}
        return cls(tuple(shards), {level: held[firsts(held)] for level, held in squares.items()})

    def __len__(self) -> int:
        return sum(map(len, self.shards))

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""
        return sum(shard.nbytes for shard in self.shards) + sum(keys.nbytes for keys in self.squares.values())

    def chunks(self, geometry: BaseGeometry | None, codes: Iterable[str]) -> Iterator[Found]:
        """Yield, shard by shard, everybody in one of the municipalities `codes` (or its prefecture) or in a cell that
        shares ground with `geometry` (lon/lat in degrees; None: only the municipalities count).
        """
        wanted = Ranges.of({int(part) for code in codes for part in (code, code[:2])})
        cells = self._touched(geometry) if geometry is not None else NOTHING
        for shard in self.shards:
            yield shard.matching(wanted, cells)

    def matching(self, geometry: BaseGeometry | None, codes: Iterable[str]) -> Found:
        """Return all of `chunks` at once."""
        return Found.joined(self.chunks(geometry, codes))

    def _touched(self, geometry: BaseGeometry) -> Ranges:
        """Return the keys of all cells, of those that somebody asked for, that share ground with `geometry`."""
        edge = self.squares[Level.FIRST]
        if geometry.is_empty or not len(edge):
            return NOTHING
        outline, ranges = Outline(geometry), []
        for level, finer in zip(_LEVELS, (*_LEVELS[1:], None), strict=True):
            found, scale = outline.sorted_out(edge, level), _scale(level)
            ranges.append(Ranges(found.inside * scale, (found.inside + 1) * scale))
            if level in CELLS:
                ranges.append(Ranges(found.touched * scale, found.touched * scale + 1))
            if finer is not None:
                step = scale // _scale(finer)
                edge = _within(self.squares[finer], found.edge * step + (level in CELLS), (found.edge + 1) * step)
        return Ranges.joined(ranges)


class Builder:
    """Makes an index of subscriptions that come in ascending order of their numbers, a shard at a time."""

    def __init__(self) -> None:
        self._shards: list[Shard] = []
        self._begin()

    def add(self, place: Place) -> None:
        """Take the next one."""
        row = len(self._numbers)
        self._numbers.append(place.number)
        self._tags.append(place.tag)
        for code in place.codes:
            self._codes.add(int(code), row)
        for cell in place.cells:
            self._cells.add(_key(cell), row)
        if row + 1 == SHARD:
            self._finish()

    def index(self) -> Index:
        """Return the index of all that were added."""
        if self._numbers:
            self._finish()
        return Index.joined(self._shards)

    def _begin(self) -> None:
        self._numbers, self._tags = array("q"), array("q")
        self._codes, self._cells = Pairs(), Pairs()

    def _finish(self) -> None:
        numbers, tags = np.array(self._numbers, dtype=np.int64), np.array(self._tags, dtype=np.int64)
        self._shards.append(Shard(numbers, tags, self._codes.postings(), self._cells.postings()))
        self._begin()


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

    def chunks(self, geometry: BaseGeometry | None, codes: Iterable[str]) -> Iterator[Found]:
        """Yield everybody whom the area concerns, shard by shard (see `Index.chunks`).

        Each chunk has the numbers of its shard, so that the chunks of two questions to one view go together.
        """
        codes = frozenset(codes)
        found = self.index.chunks(geometry, codes)
        if not self.changes:
            yield from found
            return
        fresh = self._fresh.matching(geometry, codes)
        for old, (low, high) in zip(found, self._bounds, strict=True):
            yield self._overlaid(old, fresh.between(low, high))

    def matching(self, geometry: BaseGeometry | None, codes: Iterable[str]) -> Found:
        """Return all of `chunks` at once."""
        return Found.joined(self.chunks(geometry, codes))

    def rebuilt(self) -> Index:
        """Return the index with all changes in it. Takes 0.2 s for each shard that changed: not on the event loop."""
        shards: list[Shard] = []
        for old, (low, high) in zip(self.index.shards, self._bounds, strict=True):
            for shard in self._renewed(old, low, high):
                if shards and len(shards[-1]) + len(shard) <= SHARD:
                    shard = shards.pop().joined(shard)
                shards.append(shard)
        return Index.joined(shards)

    def _renewed(self, old: Shard, low: int, high: int) -> Iterator[Shard]:
        """Yield what became of one shard, whose numbers go from `low` up to, not including, `high`."""
        changes = {number: place for number, place in self.changes.items() if low <= number < high}
        if not changes:
            yield old
            return
        come = Index.of(place for place in changes.values() if place is not None)
        yield from reduce(Shard.joined, come.shards, old.without(changes)).parts()

    def _overlaid(self, old: Found, fresh: Found) -> Found:
        stays = ~np.isin(old.numbers, self._changed)
        numbers = np.concatenate((old.numbers[stays], fresh.numbers))
        order = np.argsort(numbers, kind="stable")
        return Found(numbers[order], np.concatenate((old.tags[stays], fresh.tags))[order])

    @cached_property
    def _bounds(self) -> tuple[tuple[int, int], ...]:
        """The numbers of each shard: from the first up to, not including, the second."""
        begins = [int(shard.numbers[0]) for shard in self.index.shards[1:]]
        return tuple(zip([_LOWEST, *begins], [*begins, _HIGHEST], strict=True))

    @cached_property
    def _changed(self) -> Ints:
        return np.fromiter(self.changes, dtype=np.int64)

    @cached_property
    def _fresh(self) -> Index:
        return Index.of(place for place in self.changes.values() if place is not None)


_NOBODY: Final = Shard(NO_KEYS, NO_KEYS, Pairs().postings(), Pairs().postings())


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
