"""WebSocket: the bytes of its frames, each made once for all readers (RFC 6455 §5).

A server's frames are not masked and, without a compression that keeps state for each client, the same for everybody.
So the web floor writes them as they are; the handshake and what a client says are aiohttp's.
"""

from __future__ import annotations

import struct

import msgspec

from lalert.publishers.events import Event

_FINAL, _TEXT, _PING = 0x80, 0x1, 0x9
_SHORT, _MEDIUM, _LONG = 125, 126, 127  # a length that fits; two bytes of it follow; eight follow (§5.2)


def message(event: Event) -> bytes:
    """Return `event` as one JSON object, whole: `id` is null where the event has none."""
    cursor = str(event.cursor) if event.cursor else None
    return msgspec.json.encode({"event": event.name, "id": cursor, "data": msgspec.Raw(event.data)})


def frame(event: Event) -> bytes:
    """Return `event` as one text message in one frame."""
    return _frame(_TEXT, message(event))


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size <= _SHORT:
        head = struct.pack("!BB", _FINAL | opcode, size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", _FINAL | opcode, _MEDIUM, size)
    else:
        head = struct.pack("!BBQ", _FINAL | opcode, _LONG, size)
    return head + payload


PING = _frame(_PING, b"")
"""A control frame: keeps proxies from closing a silent connection; the client's library answers, its program sees
nothing."""
