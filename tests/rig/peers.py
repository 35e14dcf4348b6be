"""Peers to push to, on real sockets: good ones that note what they got, and every bad one that there is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType

PATIENCE_S = 20.0

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What a peer does once a request is whole: writes an answer, a piece of one, or nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Peer:
    """A server on the loopback that notes every request and answers with `reply`, which may be changed at any time."""

    def __init__(self, reply: Reply | None = None, *, port: int = 0) -> None:
        self.reply = reply or saying(OK)
        self.port = port
        self.requests: list[Request] = []
        self.connections = 0
        self.most_at_once = 0
        self._at_once = 0
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Peer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def until(self, count: int) -> list[Request]:
        """Wait for `count` requests and return all that came."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while True:
                request = await _read(reader)
                await self._take(request, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the other side has left, or the test is over
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _take(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            async with self._news:
                self.requests.append(request)
                self._news.notify_all()
            await _unless_left(self.reply(writer), reader)
            await writer.drain()
        finally:
            self._at_once -= 1


async def _unless_left(replying: Awaitable[None], reader: asyncio.StreamReader) -> None:
    """Wait for the reply, or until whoever asked hangs up."""
    replied, left = asyncio.ensure_future(replying), asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({replied, left}, return_when=asyncio.FIRST_COMPLETED)
        if not replied.done():
            raise ConnectionResetError
        replied.result()
    finally:
        replied.cancel()
        left.cancel()
        await asyncio.gather(replied, left, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if headers.get("transfer-encoding") == "chunked":
        return Request(first.split(" ")[1], headers, await _chunks(reader))
    return Request(first.split(" ")[1], headers, await reader.readexactly(int(headers.get("content-length", 0))))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body


def saying(raw: bytes) -> Reply:
    """Answer with these bytes."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return reply


def status(code: int, **headers: str) -> Reply:
    """Answer with this status and these headers (underscores are hyphens)."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return saying(f"HTTP/1.1 {code} X\r\n{lines}Content-Length: 0\r\n\r\n".encode())


def in_turn(*replies: Reply) -> Reply:
    """Answer with each of these once, and with the last for ever."""
    left = list(replies)

    async def reply(writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(writer)

    return reply


async def never(_: asyncio.StreamWriter) -> None:
    """Take the request and say nothing."""
    await asyncio.Event().wait()


def byte_by_byte(raw: bytes, *, every_s: float) -> Reply:
    """Answer one byte at a time."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        for byte in raw:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(every_s)

    return reply


def closing_after(raw: bytes) -> Reply:
    """Say this much and hang up."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()
        raise ConnectionResetError

    return reply
