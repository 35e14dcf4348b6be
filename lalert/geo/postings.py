"""Rows by key, as sorted arrays: what a database calls an index, in four bytes a row.

Keys are integers; whoever wants a range of them gets one slice of the rows, however many keys lie in it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lalert.geo.mesh import Ints, Mask

Rows = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Ranges:
    """Keys from each `low` up to, not including, its `high`."""

    low: Ints
    high: Ints

    @classmethod
    def of(cls, keys: Iterable[int]) -> Ranges:
        """Return the ranges that hold just these keys."""
        low = np.array(sorted(keys), dtype=np.int64)
        return cls(low, low + 1)

    @classmethod
    def joined(cls, parts: Iterable[Ranges]) -> Ranges:
        """Return all of `parts`, in order of the keys."""
        listed = list(parts)
        low = np.concatenate([NO_KEYS, *(part.low for part in listed)])
        high = np.concatenate([NO_KEYS, *(part.high for part in listed)])
        order = np.argsort(low)
        return cls(low[order], high[order])


NO_KEYS: Ints = np.zeros(0, dtype=np.int64)
NOTHING = Ranges(NO_KEYS, NO_KEYS)


@dataclass(frozen=True, slots=True)
class Postings:
    """The rows of `keys[i]` are `rows[offsets[i]:offsets[i + 1]]`. A value: any thread may ask it."""

    keys: Ints
    offsets: Rows
    rows: Rows

    @classmethod
    def of(cls, keys: Ints, rows: Rows) -> Postings:
        """Return the postings of pairs in any order."""
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        first = firsts(ordered)
        return cls(ordered[first], np.append(first, len(keys)).astype(np.uint32), rows[order])

    @classmethod
    def joined(cls, a: Postings, b: Postings) -> Postings:
        """Return the postings of both."""
        return cls.of(np.concatenate((a._repeated(), b._repeated())), np.concatenate((a.rows, b.rows)))

    def __len__(self) -> int:
        return len(self.rows)

    def under(self, wanted: Ranges) -> Rows:
        """Return the rows of all keys in `wanted`, whose ranges do not overlap, in any order."""
        begin = self.offsets[np.searchsorted(self.keys, wanted.low)].astype(np.int64)
        counts = self.offsets[np.searchsorted(self.keys, wanted.high)] - begin
        ends = np.cumsum(counts)
        shift = np.repeat(begin - ends + counts, counts)
        rows: Rows = self.rows[np.arange(len(shift)) + shift]
        return rows

    def at(self, place: Rows) -> Postings:
        """Return the postings of the same rows at another `place` each."""
        return Postings(self.keys, self.offsets, place[self.rows])

    def moved(self, kept: Mask, place: Rows) -> Postings:
        """Return the postings of the rows that are `kept`, each at its new `place`."""
        stays = kept[self.rows]
        counts = np.append(np.uint32(0), np.cumsum(stays, dtype=np.uint32))[self.offsets]
        some = counts[1:] > counts[:-1]
        offsets = np.append(counts[:-1][some], counts[-1])
        return Postings(self.keys[some], offsets, place[self.rows[stays]])

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""
        return self.keys.nbytes + self.offsets.nbytes + self.rows.nbytes

    def _repeated(self) -> Ints:
        return np.repeat(self.keys, np.diff(self.offsets))


def firsts(ordered: npt.NDArray[np.integer]) -> Ints:
    """Return where each value of an array in ascending order is first: 100 times as fast as `np.unique`."""
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])


@dataclass(slots=True)
class Pairs:
    """Keys and rows as they come, to make postings of: sixteen bytes a pair."""

    _keys: array[int] = field(default_factory=lambda: array("q"))
    _rows: array[int] = field(default_factory=lambda: array("q"))

    def add(self, key: int, row: int) -> None:
        """Note that `row` has `key`."""
        self._keys.append(key)
        self._rows.append(row)

    def postings(self) -> Postings:
        """Return what was noted."""
        return Postings.of(_ints(self._keys), _ints(self._rows).astype(np.uint32))


def _ints(values: array[int]) -> Ints:
    return np.frombuffer(values, dtype=np.int64) if values else NO_KEYS
