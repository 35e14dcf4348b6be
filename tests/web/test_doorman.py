"""Connections that ask nothing: who is shown out, and who stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from lalert.web.doorman import Doorman
from tests.rig.hubs import patience

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Door:
    """A server with a doorman; POST answers with what was posted, GET begins an answer that goes on."""

    def __init__(self) -> None:
        self.doorman = Doorman()
        self.came = asyncio.Event()
        self.go_on = asyncio.Event()
        self.port = 0

    async def post(self, request: web.Request) -> web.Response:
        """Answer the body."""
        self.came.set()
        return web.Response(body=await request.read())

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Answer in two parts."""
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        await self.go_on.wait()
        await response.write(b"two")
        return response

    def lines(self) -> list[object]:
        """Return the connections that the server has."""
        assert self.doorman._server is not None
        return list(self.doorman._server.connections)

    async def connect(self, said: bytes) -> Line:
        """Return a connection on which this was said."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(said)
        await writer.drain()
        return reader, writer


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """A server that listens."""
    door = Door()
    app = web.Application(middlewares=[door.doorman.note])
    app.add_routes([web.post("/", door.post), web.get("/", door.stream)])
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    door.doorman.watch(runner.server)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    door.port = runner.addresses[0][1]
    yield door
    await runner.cleanup()


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-", HEAD + b"a"])
async def test_who_does_not_ask_wholly_is_shown_out(door: Door, said: bytes) -> None:
    """Silent, in the middle of a head, in the middle of a body: after two looks the line is closed, not before."""
    reader, writer = await door.connect(said)
    async with patience():
        (answer, other) = await door.connect(HEAD + b"abc")
        await answer.readuntil(b"abc")  # whoever came before is known by now
        await door.doorman.look()
        assert len(door.lines()) == 2
        await door.doorman.look()
        assert await reader.read() == b""
    writer.close()
    other.close()


async def test_who_has_asked_stays(door: Door) -> None:
    """Whoever listens to a long answer, and whoever was answered and may ask again, is none of the doorman's."""
    listener, answered = await door.connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), await door.connect(HEAD + b"abc")
    async with patience():
        assert b"one" in await listener[0].readuntil(b"one")
        await answered[0].readuntil(b"abc")
        for _ in range(3):
            await door.doorman.look()
        door.go_on.set()
        await listener[0].readuntil(b"two")
        answered[1].write(HEAD + b"def")
        await answered[0].readuntil(b"def")
    for _, writer in (listener, answered):
        writer.close()


async def test_another_request_is_another_wait(door: Door) -> None:
    """Whoever posts one message after the other is in the middle of a body at every look, and not of the same one."""
    reader, writer = await door.connect(b"")
    async with patience():
        for _ in range(3):
            door.came.clear()
            writer.write(HEAD + b"a")
            await door.came.wait()
            await door.doorman.look()
            writer.write(b"bc")
            await reader.readuntil(b"abc")
    writer.close()
