"""Server-sent events: the bytes of the stream, each made once for all readers (WHATWG HTML §9.2).

Nothing here sends: the web floor writes these bytes, and `chunked` frames them for HTTP/1.1 so that not even the
chunk header is made per client.
"""

from __future__ import annotations

from lalert.errors import Defect, Text
from lalert.publishers.events import Event

PING = b": ping\n\n"
"""A comment: keeps proxies from closing a silent connection, and is not seen by the reader's program."""

LAST_CHUNK = b"0\r\n\r\n"
"""Ends a chunked HTTP/1.1 body (RFC 9112 §7.1)."""


def frame(event: Event) -> bytes:
    """Return `event` as the stream carries it.

    A line break inside the data would let a text forge an event, so it is a bug, not a frame.
    """
    if b"\n" in event.data or b"\r" in event.data:
        raise Defect(Text("SSE のデータに改行があります。", "SSE data holds a line break."), code="sse.line-break")
    position = f"id: {event.cursor}\n" if event.cursor else ""
    return f"event: {event.name}\n{position}data: ".encode() + event.data + b"\n\n"


def retry_line(retry_ms: int) -> bytes:
    """Return the reconnection delay, in milliseconds. Give each client its own: all at once would be a second flood."""
    return b"retry: %d\n\n" % retry_ms


def chunked(frame: bytes) -> bytes:
    """Return `frame` as one HTTP/1.1 chunk. Of nothing comes nothing: an empty chunk would end the body."""
    return b"%x\r\n%b\r\n" % (len(frame), frame) if frame else b""
