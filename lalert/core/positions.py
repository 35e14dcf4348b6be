"""Which positions of a log are settled: a floor, and ranges beyond it (as NATS keeps a consumer's acknowledgements).

Ranges that touch are one, and one that touches the floor raises it, so that the value stays small as long as little is
open: its size is the number of gaps, never the length of the log.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable


class Positions:
    """A growing set of whole numbers: everything up to `floor`, and `ranges` (first, last) beyond it."""

    __slots__ = ("_firsts", "_lasts", "floor")

    def __init__(self, floor: int, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self.floor = floor
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    def __contains__(self, position: int) -> bool:
        if position <= self.floor:
            return True
        place = bisect_right(self._firsts, position) - 1
        return place >= 0 and position <= self._lasts[place]

    def __len__(self) -> int:
        """How many ranges lie beyond the floor."""
        return len(self._firsts)

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """The ranges beyond the floor, in order; no two touch."""
        return tuple(zip(self._firsts, self._lasts, strict=True))

    def add(self, first: int, last: int | None = None) -> None:
        """Add `first` to `last` (None: `first` alone)."""
        last = first if last is None else last
        begin = self._first_touched(first)
        end = bisect_right(self._firsts, last + 1)
        if begin < end:
            first, last = min(first, self._firsts[begin]), max(last, self._lasts[end - 1])
        self._firsts[begin:end] = [first]
        self._lasts[begin:end] = [last]
        self._raise_floor()

    def _first_touched(self, first: int) -> int:
        """Return the index of the first range that ends at `first - 1` or later."""
        place = bisect_right(self._firsts, first) - 1
        return place if place >= 0 and self._lasts[place] >= first - 1 else place + 1

    def _raise_floor(self) -> None:
        while self._firsts and self._firsts[0] <= self.floor + 1:
            self.floor = max(self.floor, self._lasts[0])
            del self._firsts[0], self._lasts[0]
