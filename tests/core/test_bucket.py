"""Rate limits as values: never more than the burst, never more than the rate, and time that never runs back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.core.bucket import Bucket


def test_burst_then_rate() -> None:
    """A full bucket lets its burst through, then one more after each 1/rate seconds."""
    bucket = Bucket.full(rate=2.0, burst=3, now_s=10.0)
    assert [bucket.take(now_s=10.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(now_s=10.4) == pytest.approx(0.1)
    assert bucket.take(now_s=10.5) == 0.0


def test_waiting_as_long_as_told_is_enough() -> None:
    """Whoever waits for what `take` returned gets a token."""
    bucket = Bucket.full(rate=3.0, burst=1, now_s=0.0)
    bucket.take(now_s=0.0)
    wait_s = bucket.take(now_s=0.1)
    assert bucket.take(now_s=0.1 + wait_s + 1e-9) == 0.0


def test_full_means_forgettable() -> None:
    """A bucket is full when nobody would notice that it was replaced by a new one."""
    bucket = Bucket.full(rate=1.0, burst=2, now_s=0.0)
    assert bucket.is_full(now_s=0.0)
    bucket.take(now_s=0.0)
    assert not bucket.is_full(now_s=0.9)
    assert bucket.is_full(now_s=1.0)


def test_clock_that_steps_back_gives_nothing() -> None:
    """A clock that goes back gives no tokens, and none twice for the same time."""
    bucket = Bucket.full(rate=1.0, burst=1, now_s=10.0)
    bucket.take(now_s=10.0)
    assert bucket.take(now_s=5.0) == 1.0
    assert bucket.take(now_s=10.5) == 0.5


@given(
    rate=st.floats(0.1, 100),
    burst=st.integers(1, 20),
    steps=st.lists(st.floats(0, 5), min_size=1, max_size=100),
)
def test_never_more_than_burst_and_rate_allow(rate: float, burst: int, steps: list[float]) -> None:
    """Within any time from the start at most burst + rate × time requests pass."""
    bucket, now_s, passed = Bucket.full(rate=rate, burst=burst, now_s=0.0), 0.0, 0
    for step in steps:
        now_s += step
        passed += bucket.take(now_s=now_s) == 0.0
        assert passed <= burst + rate * now_s + 1e-6
