"""When to try again, and when to give up: values. Time and jitter come in as arguments.

Two things can be wrong, and from one answer nobody can tell which: the peer, or this one message. So a failure first
makes the whole lane wait, a little longer each time. When the same message fails again although the peer has taken
others since, it is the message: it waits alone, and is given up after a few such faults. A peer that is down for hours
loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How patient we are.

    The nth wait is `first_s * 2 ** (n - 1)`, at most `longest_s`, of which a share up to `spread` is taken away at
    random, so that a thousand lanes that failed together do not come back together. A peer may ask for a longer
    wait, up to `asked_s`. A message is given up after `faults` failures of its own, or `patience_s` after its first.
    """

    first_s: float = 2.0
    longest_s: float = 300.0
    spread: float = 0.5
    asked_s: float = 3600.0
    faults: int = 8
    patience_s: float = 72 * 3600.0

    def wait_s(self, failures: int, *, jitter: float, asked_s: float | None = None) -> float:
        """Return the seconds to wait after `failures` in a row (1 and more); `jitter` is a random number in [0, 1)."""
        # No larger power is needed: 2 ** 30 times anything is longer than the longest wait.
        wait_s = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 30))
        return max(wait_s * (1.0 - self.spread * jitter), min(asked_s or 0.0, self.asked_s))


@dataclass(frozen=True, slots=True)
class Trial:
    """What one message has been through: `tries` failed, before `faults` of them the peer had taken others."""

    since: datetime
    tries: int = 0
    faults: int = 0
    due: datetime | None = None  # not before
    taken: int = 0  # how many the peer had taken when it failed last

    def is_own_fault(self, taken: int) -> bool:
        """Whether a failure now is the message's own: the peer has taken others since it failed last."""
        return self.tries > 0 and taken > self.taken

    def failed(self, *, taken: int, is_own_fault: bool, due: datetime) -> Trial:
        """Return the trial after one more failure."""
        return replace(self, tries=self.tries + 1, faults=self.faults + is_own_fault, due=due, taken=taken)

    def set_back(self, by: timedelta) -> Trial:
        """Return the trial by a clock that shows so much less than before."""
        return replace(self, since=self.since - by, due=None if self.due is None else self.due - by)

    def is_over(self, policy: Policy, now: datetime) -> bool:
        """Whether to give it up."""
        return self.faults >= policy.faults or now - self.since >= timedelta(seconds=policy.patience_s)
