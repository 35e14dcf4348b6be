"""Server-sent events: the bytes of the stream, each made once for all readers (WHATWG HTML §9.2).

The log's cursor is the event id, so `Last-Event-ID` resumes where the reader stopped. The protocol says aloud what
a reader must know: `gap` when history is lost, `heartbeat` so that silence can be told from safety, `bye` before a
shutdown. Nothing here sends: the web floor writes these bytes, and `chunked` frames them for HTTP/1.1 so that not
even the chunk header is made per client.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from lalert.core.model import Cursor, Kind
from lalert.errors import Defect, Text

PING = b": ping\n\n"
"""A comment: keeps proxies from closing a silent connection, and is not seen by the reader's program."""

LAST_CHUNK = b"0\r\n\r\n"
"""Ends a chunked HTTP/1.1 body (RFC 9112 §7.1)."""


def event_frame(kind: Kind, cursor: Cursor, data: bytes) -> bytes:
    """Return the frame of one entry: `data` is its JSON on one line."""
    return _frame(kind.value, data, cursor)


def heartbeat_frame(cursor: Cursor, *, last: Sequence[str], in_force: int, now: datetime) -> bytes:
    """Return a sign of life that lets a reader check itself.

    `last` are the newest public identifiers: a reader that misses one of them has lost it. The frame carries an id,
    so a reader whose filter lets little through keeps a fresh position; it must be sent after every entry up to
    `cursor`, never before.
    """
    facts = {"cursor": str(cursor), "last": list(last), "inForce": in_force, "now": now.isoformat(timespec="seconds")}
    return _frame("heartbeat", msgspec.json.encode(facts), cursor)


def gap_frame(*, since: str, oldest: Cursor, archive: str) -> bytes:
    """Return the news that the log cannot be continued from `since`; `archive` is the URL of what can still be read.

    It carries no id: a reader that is cut off right after it asks again from the same place and is told again.
    """
    facts = {"since": since, "oldest": str(oldest), "archive": archive}
    return _frame("gap", msgspec.json.encode(facts))


def bye_frame(reason: str) -> bytes:
    """Return the farewell before the server closes the stream; the reader comes back by itself after `retry:`."""
    return _frame("bye", msgspec.json.encode({"reason": reason}))


def retry_line(retry_ms: int) -> bytes:
    """Return the reconnection delay, in milliseconds. Give each client its own: all at once would be a second flood."""
    return b"retry: %d\n\n" % retry_ms


def chunked(frame: bytes) -> bytes:
    """Return `frame` as one HTTP/1.1 chunk. Of nothing comes nothing: an empty chunk would end the body."""
    return b"%x\r\n%b\r\n" % (len(frame), frame) if frame else b""


def _frame(name: str, data: bytes, cursor: Cursor | None = None) -> bytes:
    """Return one frame; a line break inside `data` would let a text forge an event, so it is a bug, not a frame."""
    if b"\n" in data or b"\r" in data:
        raise Defect(Text("SSE のデータに改行があります。", "SSE data holds a line break."), code="sse.line-break")
    position = f"id: {cursor}\n" if cursor else ""
    return f"event: {name}\n{position}data: ".encode() + data + b"\n\n"
