"""Rows by key, held against a dictionary of lists."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lalert.geo.postings import NOTHING, Pairs, Postings, Ranges

PAIRS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 19)), max_size=40, unique=True)


def postings(pairs: list[tuple[int, int]]) -> Postings:
    """Return the postings of (key, row)."""
    noted = Pairs()
    for key, row in pairs:
        noted.add(key, row)
    return noted.postings()


def found(held: Postings, wanted: Ranges) -> list[int]:
    """Return the rows that are found, each as often as it is."""
    return sorted(held.under(wanted).tolist())


@given(PAIRS, st.sets(st.integers(0, 30)))
def test_rows_of_keys(pairs: list[tuple[int, int]], keys: set[int]) -> None:
    """The rows of just these keys, whether they are there or not."""
    assert found(postings(pairs), Ranges.of(keys)) == sorted(row for key, row in pairs if key in keys)


@given(PAIRS, st.lists(st.integers(0, 31), max_size=8, unique=True))
def test_rows_of_ranges(pairs: list[tuple[int, int]], cuts: list[int]) -> None:
    """A range holds its low and not its high; ranges that follow each other leave nothing out."""
    ends = sorted(cuts)
    spans = list(pairwise(ends))
    wanted = Ranges.joined(Ranges(np.array([low]), np.array([high])) for low, high in reversed(spans))
    assert found(postings(pairs), wanted) == sorted(row for key, row in pairs if any(a <= key < b for a, b in spans))


@given(PAIRS, st.sets(st.integers(0, 19)))
def test_rows_move_and_go(pairs: list[tuple[int, int]], gone: set[int]) -> None:
    """What is left of the pairs when rows go, and the others close up."""
    kept = np.array([row not in gone for row in range(20)])
    place = (np.cumsum(kept) - 1).astype(np.uint32)
    expected = postings([(key, int(place[row])) for key, row in pairs if row not in gone])
    moved = postings(pairs).moved(kept, place)
    assert same(moved, expected)


@given(PAIRS, PAIRS)
def test_two_become_one(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    """Joining is the same as noting everything at once."""
    assert same(Postings.joined(postings(a), postings(b)), postings(a + b))


def test_nothing() -> None:
    """Without pairs nothing is found, without ranges neither, and four bytes are one row."""
    assert found(postings([]), Ranges.of([1])) == []
    assert found(postings([(1, 1)]), NOTHING) == []
    assert (postings([(1, row) for row in range(100)]).rows.nbytes, len(postings([(1, 2), (1, 3)]))) == (400, 2)


def same(a: Postings, b: Postings) -> bool:
    """Whether two hold the same rows under the same keys; rows of one key are in any order."""
    if a.keys.tolist() != b.keys.tolist() or a.offsets.tolist() != b.offsets.tolist():
        return False
    spans = list(pairwise(a.offsets.tolist()))
    return all(sorted(a.rows[i:j].tolist()) == sorted(b.rows[i:j].tolist()) for i, j in spans)
