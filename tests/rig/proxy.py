"""A way to a server that loses answers, or holds questions back: what no real network does on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_BYTES = 65_536


class _Line:
    """One connection: whether its next reply is to be lost, and whether it has ended."""

    def __init__(self) -> None:
        self.is_cut = False
        self.ended = asyncio.Event()


class Proxy:
    """Passes bytes to a port of this machine and back."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self.lost = 0  # replies that did not come through
        self._to = port
        self._cut: bytes | None = None
        self._held: bytes | None = None
        self._holds = asyncio.Event()
        self._released = asyncio.Event()
        self._holding: list[_Line] = []
        self._lines: set[asyncio.Task[None]] = set()

    def cut_reply_to(self, text: bytes) -> None:
        """Lose the next reply to something that contains `text`, and the connection with it."""
        self._cut = text

    def hold(self, text: bytes) -> None:
        """Keep every question that contains `text` until `release`, whoever has given up meanwhile."""
        self._held = text

    async def until_held(self) -> None:
        """Return once a question is held."""
        await self._holds.wait()

    def pass_on(self) -> None:
        """Let what is held go on."""
        self._held = None
        self._released.set()

    async def release(self) -> None:
        """Let what is held go on, whose askers have given up; return once the server has answered it."""
        self.pass_on()
        for line in self._holding:
            await line.ended.wait()

    def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection."""
        self._lines.add(asyncio.create_task(self._serve(reader, writer)))

    async def close(self) -> None:
        """End every connection."""
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection("127.0.0.1", self._to)
        line = _Line()
        try:
            with suppress(OSError):
                await asyncio.gather(self._ask(reader, to_there, line), self._answer(there, writer, line))
        finally:
            line.ended.set()
            writer.close()
            to_there.close()

    async def _ask(self, reader: asyncio.StreamReader, there: asyncio.StreamWriter, line: _Line) -> None:
        while sent := await reader.read(_BYTES):
            if self._cut is not None and self._cut in sent:
                self._cut = None
                line.is_cut = True
            if self._held is not None and self._held in sent:
                self._holding.append(line)
                self._holds.set()
                await self._released.wait()
            there.write(sent)
        there.write_eof()  # what was asked is answered first

    async def _answer(self, there: asyncio.StreamReader, back: asyncio.StreamWriter, line: _Line) -> None:
        while said := await there.read(_BYTES):
            if line.is_cut:
                self.lost += 1
                back.transport.abort()
                return
            back.write(said)


@asynccontextmanager
async def proxied(port: int) -> AsyncIterator[Proxy]:
    """Run a proxy before `port` as long as the context lasts."""
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.begin, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
