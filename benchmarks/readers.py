"""Many readers of the event stream on one loop, cheap enough that they are not the limit."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from time import perf_counter
from urllib.parse import urlsplit

_EVENT = re.compile(rb"event: (\w+)\nid: ([0-9a-z]+-(\d+))\ndata: ")


class StreamReader(asyncio.Protocol):
    """One reader: notes the position and arrival of every entry, in order."""

    def __init__(self, path: str, since: str | None, arrived: Callable[[int, float], None] | None) -> None:
        self.positions: list[int] = []
        self.last: str | None = since
        self.ended = asyncio.get_running_loop().create_future()
        self.answered = asyncio.get_running_loop().create_future()
        self._path = path
        self._since = since
        self._arrived = arrived
        self._rest = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        resume = f"Last-Event-ID: {self._since}\r\n" if self._since else ""
        request = f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{resume}\r\n"
        transport.write(request.encode())

    def data_received(self, data: bytes) -> None:
        """Note what arrived, and when."""
        now = perf_counter()
        if not self.answered.done():
            self.answered.set_result(None)
        text = self._rest + data
        end = 0
        for found in _EVENT.finditer(text):
            end = found.end()
            if found[1] == b"heartbeat":
                continue
            self.last = found[2].decode()
            self.positions.append(int(found[3]))
            if self._arrived:
                self._arrived(int(found[3]), now)
        self._rest = text[max(end, len(text) - 200) :]  # a header may be cut anywhere

    def connection_lost(self, error: Exception | None) -> None:
        """Tell whoever waits."""
        for future in (self.answered, self.ended):
            if not future.done():
                future.set_result(None)


async def connect(
    url: str, *, path: str = "/stream", since: str | None = None, arrived: Callable[[int, float], None] | None = None
) -> StreamReader:
    """Return a reader that is connected and was answered. Raises OSError."""
    place = urlsplit(url)
    loop = asyncio.get_running_loop()
    _, reader = await loop.create_connection(lambda: StreamReader(path, since, arrived), place.hostname, place.port)
    await reader.answered
    return reader
