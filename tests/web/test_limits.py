"""Rate limits by name: fair to each, and a table that stays small."""

from __future__ import annotations

import pytest

from lalert.web import limits
from lalert.web.limits import Limits, TooMany


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self.now_s


def test_each_has_a_bucket_of_its_own() -> None:
    """Who asks too fast is told when to come back; others are not slowed."""
    clock = Clock()
    checked = Limits(rate=0.5, burst=2, clock=clock)
    checked.check("a")
    checked.check("a")
    with pytest.raises(TooMany) as told:
        checked.check("a")
    assert (told.value.status, told.value.code, told.value.retry_after_s) == (429, "limit.rate", 3)
    assert "3" in told.value.message.ja
    checked.check("b")
    clock.now_s += told.value.retry_after_s
    checked.check("a")


def test_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its bound the buckets that are full again go first; then the oldest, so that a crowd cannot grow it."""
    monkeypatch.setattr(limits, "_MOST_BUCKETS", 3)
    clock = Clock()
    checked = Limits(rate=1.0, burst=1, clock=clock)
    checked.check("a")
    clock.now_s += 10  # a is full again
    for who in ("b", "c", "d"):
        checked.check(who)
    assert set(checked._buckets) == {"b", "c", "d"}
    checked.check("e")
    assert set(checked._buckets) == {"c", "d", "e"}
    for who in ("c", "d", "e"):
        with pytest.raises(TooMany):
            checked.check(who)
