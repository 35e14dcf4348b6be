"""What a stream says: the events, before any connection's framing.

The log's cursor is the event id, so a reader resumes where it stopped. The protocol says aloud what a reader must
know: `gap` when history is lost, `heartbeat` so that silence can be told from safety, `bye` before a shutdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from lalert.core.model import Cursor


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name, its data as JSON on one line, and the position that a reader has after it, if any."""

    name: str
    data: bytes = field(repr=False)
    cursor: Cursor | None = None


def heartbeat(cursor: Cursor, *, last: Sequence[str], in_force: int, now: datetime) -> Event:
    """Return a sign of life that lets a reader check itself.

    `last` are the newest public identifiers: a reader that misses one of them has lost it. The event has an id, so a
    reader whose filter lets little through keeps a fresh position; it must be sent after every entry up to `cursor`,
    never before.
    """
    facts = {"cursor": str(cursor), "last": list(last), "inForce": in_force, "now": now.isoformat(timespec="seconds")}
    return Event("heartbeat", msgspec.json.encode(facts), cursor)


def gap(*, since: str, oldest: Cursor, archive: str) -> Event:
    """Return the news that the log cannot be continued from `since`; `archive` is the URL of what can still be read.

    It has no id: a reader that is cut off right after it asks again from the same place and is told again.
    """
    return Event("gap", msgspec.json.encode({"since": since, "oldest": str(oldest), "archive": archive}))


def bye(reason: str) -> Event:
    """Return the farewell before the server ends the stream; the reader comes back by itself."""
    return Event("bye", msgspec.json.encode({"reason": reason}))
