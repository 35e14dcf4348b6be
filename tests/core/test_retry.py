"""When to try again and when to give up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.core.retry import Policy, Trial

NOW = datetime(2026, 7, 1, tzinfo=UTC)
POLICY = Policy()


def test_each_wait_is_twice_as_long_up_to_the_longest() -> None:
    """2 s, 4 s, 8 s ... 300 s."""
    waits = [POLICY.wait_s(failures, jitter=0.0) for failures in range(1, 11)]
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


@given(failures=st.integers(1, 10**9), jitter=st.floats(0, 1, exclude_max=True))
def test_jitter_takes_away_at_most_its_share(failures: int, jitter: float) -> None:
    """Lanes that failed together come back apart, never later than the wait and never before half of it."""
    whole = POLICY.wait_s(failures, jitter=0.0)
    assert whole / 2 <= POLICY.wait_s(failures, jitter=jitter) <= whole


@pytest.mark.parametrize(("asked_s", "waits_s"), [(None, 2), (0.0, 2), (1.0, 2), (60.0, 60), (1e9, 3600), (-5.0, 2)])
def test_a_peer_may_ask_for_time(asked_s: float | None, waits_s: float) -> None:
    """Retry-After makes the wait longer, never shorter, and no peer can put us off for ever."""
    assert POLICY.wait_s(1, jitter=0.0, asked_s=asked_s) == waits_s


def test_a_message_is_given_up_for_its_own_faults_only() -> None:
    """A peer that is down says nothing about the message."""
    trial = Trial(NOW)
    for _ in range(100):
        trial = trial.failed(taken=0, is_own_fault=False, due=NOW)
    assert not trial.is_over(POLICY, NOW)
    for _ in range(POLICY.faults):
        assert not trial.is_over(POLICY, NOW)
        trial = trial.failed(taken=0, is_own_fault=True, due=NOW)
    assert trial.is_over(POLICY, NOW)


def test_whose_fault_a_failure_is() -> None:
    """The message's own only when the peer has taken others since it failed last: it may be down now."""
    assert not Trial(NOW).is_own_fault(5)
    trial = Trial(NOW).failed(taken=5, is_own_fault=False, due=NOW)
    assert not trial.is_own_fault(5)
    assert trial.is_own_fault(6)


def test_patience_ends() -> None:
    """After three days of trying, whatever the reason."""
    trial = Trial(NOW)
    assert not trial.is_over(POLICY, NOW + timedelta(hours=72, seconds=-1))
    assert trial.is_over(POLICY, NOW + timedelta(hours=72))
