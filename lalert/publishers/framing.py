"""Framings: how a connection carries events. The ways to read a stream differ in this, and in nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lalert.publishers import sse, websocket
from lalert.publishers.events import Event


@dataclass(frozen=True, slots=True, eq=False)
class Framing:
    """What is written to the socket for an event, and for a sign of life that is none.

    Frames are whole: one after the other they are a stream, wherever it begins and ends.
    """

    name: str
    frame: Callable[[Event], bytes]
    ping: bytes


PLAIN: Final = Framing("sse", sse.frame, sse.PING)
"""Server-sent events as they are: HTTP/1.0."""

CHUNKED: Final = Framing("sse-chunked", lambda event: sse.chunked(sse.frame(event)), sse.chunked(sse.PING))
"""Server-sent events, each a chunk of HTTP/1.1."""

WEBSOCKET: Final = Framing("websocket", websocket.frame, websocket.PING)
"""Text messages of a WebSocket."""
