"""What one attempt to deliver may end in, and what is noted of it: values, no sockets.

A failure is an outcome, not an exception. A courier says what the peer did; what follows from it (again later, the next
one, the end of the lane) is decided in `core.lanes`, the same for every way out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from lalert.core.model import Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many recipients one attempt reached: a webhook is one, a batch of residents is many."""

    sent: int = 0
    refused: int = 0
    gone: int = 0


_ONE_SENT = Tally(sent=1)
_ONE_REFUSED = Tally(refused=1)
_ONE_GONE = Tally(gone=1)
_NOBODY = Tally()


@dataclass(frozen=True, slots=True)
class Delivered:
    """The peer has it, all of it."""

    tally: Tally = _ONE_SENT


@dataclass(frozen=True, slots=True)
class Partly:
    """A batch is out, and more is to do: `progress` (at most 4 KB) comes back with the next `send` of this entry.

    It is durable before that, and something more urgent may go between two batches. What is left is only for later
    (peers that asked to wait) when `retry_after_s` is not 0; other entries go meanwhile.
    """

    progress: str
    tally: Tally = _NOBODY
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Later:
    """The peer did not take it: down, busy, too slow. `retry_after_s` is what it asked for itself.

    `progress` is how far it came all the same; None where nothing changed.
    """

    reason: str
    retry_after_s: float | None = None
    progress: str | None = None
    tally: Tally = _NOBODY


@dataclass(frozen=True, slots=True)
class Refused:
    """The peer will never take this one; others it may."""

    reason: str
    tally: Tally = _ONE_REFUSED


@dataclass(frozen=True, slots=True)
class Gone:
    """The peer wants nothing any more: its lane ends."""

    reason: str
    tally: Tally = _ONE_GONE


Outcome = Delivered | Partly | Later | Refused | Gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One line of the delivery log: never state, never an address. Kept for people and for receipts.

    `outcome` is one of `delivered`, `partly`, `later`, `refused`, `gone`, `gave_up`, `lost`; `took_s` is in seconds.
    """

    lane: str
    seq: int
    identifier: str
    at: datetime  # when it began
    outcome: str
    reason: str = ""
    took_s: float = 0.0
    tally: Tally = _NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneState:
    """All that lasts of a lane: what its peer has. Everything else is a cache of this and the log.

    Everything up to `cursor` is settled. The exceptions: `settled` are ranges (first, last) beyond it that are settled,
    too, and `progress` says how far entries came that are out in part.
    """

    lane: str
    cursor: Cursor
    settled: tuple[tuple[int, int], ...] = ()
    progress: tuple[tuple[int, str], ...] = ()
    failures: int = 0  # in a row; 0 while the peer takes what it gets
    failing_since: datetime | None = None
    resume_at: datetime | None = field(default=None)  # not before; None: at once
