"""Rate limits of the requests that cost: posts by key, checks without a key by address. Cached reads have none."""

from __future__ import annotations

from collections.abc import Callable

from lalert.core.bucket import Bucket
from lalert.errors import LalertError, Text

_MOST_BUCKETS = 10_000


class TooMany(LalertError):
    """Somebody asks faster than agreed: 429, again after `retry_after_s`."""

    def __init__(self, retry_after_s: int) -> None:
        message = Text(
            f"要求が多すぎます。{retry_after_s} 秒後に再送してください。",
            f"Too many requests: again in {retry_after_s} s.",
        )
        super().__init__(message, code="limit.rate", status=429)
        self.retry_after_s = retry_after_s


class Limits:
    """A bucket for everybody who came lately. `clock` counts monotonic seconds."""

    def __init__(self, *, rate: float, burst: int, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}

    def check(self, who: str) -> None:
        """Count one request of `who`; raises `TooMany`."""
        now_s = self._clock()
        bucket = self._buckets.get(who)
        if bucket is None:
            self._forget(now_s)
            bucket = self._buckets[who] = Bucket.full(rate=self._rate, burst=self._burst, now_s=now_s)
        wait_s = bucket.take(now_s=now_s)
        if wait_s:
            raise TooMany(int(wait_s) + 1)

    def _forget(self, now_s: float) -> None:
        """Keep the table bounded: drop the buckets that are full again, then the oldest."""
        if len(self._buckets) < _MOST_BUCKETS:
            return
        for who in [who for who, bucket in self._buckets.items() if bucket.is_full(now_s=now_s)]:
            del self._buckets[who]
        while len(self._buckets) >= _MOST_BUCKETS:
            del self._buckets[next(iter(self._buckets))]
