"""Which positions are settled: against a plain set."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lalert.core.positions import Positions

SPANS = st.lists(st.tuples(st.integers(-5, 40), st.integers(0, 6)), max_size=30)


@given(floor=st.integers(0, 10), spans=SPANS)
def test_it_is_a_set(floor: int, spans: list[tuple[int, int]]) -> None:
    """It holds what was added and nothing else, however it overlapped; its ranges are disjoint and do not touch."""
    held, positions = set(range(-10, floor + 1)), Positions(floor)
    for first, length in spans:
        positions.add(first, first + length)
        held |= set(range(first, first + length + 1))
        assert {number for number in range(-10, 60) if number in positions} == held
    edges = [positions.floor, *(edge for span in positions.ranges for edge in span)]
    assert all(b - a > 1 for a, b in zip(edges[::2], edges[1::2], strict=False))
    assert len(positions) == len(positions.ranges)


@given(floor=st.integers(0, 10), spans=SPANS)
def test_it_reads_back(floor: int, spans: list[tuple[int, int]]) -> None:
    """Floor and ranges are all of it."""
    positions = Positions(floor)
    for first, length in spans:
        positions.add(first, first + length)
    again = Positions(positions.floor, positions.ranges)
    assert (again.floor, again.ranges) == (positions.floor, positions.ranges)


def test_it_stays_small() -> None:
    """A hundred thousand positions with one gap are one range."""
    positions = Positions(0)
    for position in range(2, 100_000):
        positions.add(position)
    assert positions.ranges == ((2, 99_999),)
    positions.add(1)
    assert (positions.floor, positions.ranges) == (99_999, ())
