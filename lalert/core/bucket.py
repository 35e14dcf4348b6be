"""Rate limits: a token bucket as a value. Time comes in as an argument."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """Lets `rate` tokens a second pass, and at most `burst` at once. Times are seconds of any monotonic clock."""

    rate: float
    burst: float
    tokens: float
    at_s: float

    @classmethod
    def full(cls, *, rate: float, burst: float, now_s: float) -> Bucket:
        """Return a bucket that was not used yet."""
        return cls(rate, burst, burst, now_s)

    def take(self, *, now_s: float) -> float:
        """Take one token; return 0.0 when it was there, else the seconds until one will be."""
        self.tokens = min(self.burst, self.tokens + max(0.0, now_s - self.at_s) * self.rate)
        self.at_s = max(self.at_s, now_s)
        if self.tokens >= 1.0:
            self.tokens -= 1.0
            return 0.0
        return (1.0 - self.tokens) / self.rate

    def is_full(self, *, now_s: float) -> bool:
        """Whether forgetting this bucket would change nothing."""
        return self.tokens + max(0.0, now_s - self.at_s) * self.rate >= self.burst
