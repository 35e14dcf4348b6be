"""A resident who asked for pushes: where, what, when not, and the browser to send them to. Nobody knows who it is.

A place is a municipality or a grid square (JIS X 0410), never a coordinate; the browser turns a position into a cell
itself. There is no account: whoever holds the secret that was given out once may test and end the subscription.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Final

JAPAN: Final = timezone(timedelta(hours=9))
DAY_MIN: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Quiet:
    """The hours in which only grave alarms make a sound: minutes of the day in Japan, `begin` on, `end` no more.

    A night that passes midnight has its end before its beginning.
    """

    begin_min: int
    end_min: int

    def holds_at(self, at: datetime) -> bool:
        """Whether the hours hold at `at`."""
        now_min = minute_of_day(at)
        if self.begin_min <= self.end_min:
            return self.begin_min <= now_min < self.end_min
        return now_min >= self.begin_min or now_min < self.end_min


def minute_of_day(at: datetime) -> int:
    """Return the minute of the day in Japan, 0 to 1,439."""
    local = at.astimezone(JAPAN)
    return local.hour * 60 + local.minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a resident wants to hear of; `areas` (codes of 2 or 6 digits) and `cells` (8 to 10 digits) are alternatives.

    `min_level` None lets every level pass, an empty `hazards` every hazard.
    """

    areas: frozenset[str] = frozenset()
    cells: frozenset[str] = frozenset()
    min_level: int | None = None
    hazards: frozenset[str] = frozenset()
    lang: str = "ja"
    quiet: Quiet | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A browser behind its push service (RFC 8030 §4, RFC 8291 §2.1): a capability, so it is a secret like a key.

    `p256dh` is an uncompressed point of P-256 (65 bytes), `auth` 16 random bytes.
    """

    endpoint: str = field(repr=False)
    p256dh: bytes = field(repr=False)
    auth: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """What tells that two subscriptions are the same browser's, without telling which: SHA-256 of the URL."""
        return hashlib.sha256(self.endpoint.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """One subscription as it is kept. `number` is its place among all, given by the store (0 before that)."""

    id: str  # public: 16 of `0-9a-f`
    digest: str  # SHA-256 of the bearer secret, which has 256 bits of entropy
    wish: Wish
    peer: Peer
    created_at: datetime
    number: int = 0

    def owns(self, secret: str) -> bool:
        """Whether `secret` is the one that was given out; the time taken says nothing about it."""
        return hmac.compare_digest(self.digest, digest_of(secret))


def digest_of(secret: str) -> str:
    """Return what is kept of a bearer secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Changes:
    """Who subscribed (`came`) and who ended (`left`), by number, up to the change numbered `upto`."""

    upto: int
    came: tuple[int, ...] = ()
    left: tuple[int, ...] = ()
