"""Who comes in and does not ask: nothing else ends such a connection, and each keeps a descriptor from those who do.

A connection that says nothing, a head that comes letter by letter, a body that never ends: whoever has not asked
wholly from one look to the next but one is shown out. aiohttp sees to those who have been answered and stay.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import StreamReader, web
from aiohttp.web_protocol import RequestHandler

LOOK_S: Final = 30.0  # between two looks: 1 MiB in that time is 35 KB a second

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Doorman:
    """Watches the connections of one server."""

    def __init__(self) -> None:
        self._server: web.Server | None = None
        self._asked: dict[RequestHandler, StreamReader] = {}  # the body of the last request on each connection
        self._waiting: dict[RequestHandler, StreamReader | None] = {}  # who was still asking at the last look

    def watch(self, server: web.Server | None) -> None:
        """Look after the connections of this server from now on."""
        self._server = server

    @web.middleware
    async def note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note that a head is complete."""
        self._asked[request.protocol] = request.content
        return await handler(request)

    async def look(self) -> None:
        """Close what was asking at the last look and still asks the same."""
        lines = self._server.connections if self._server is not None else []
        self._asked = {line: self._asked[line] for line in lines if line in self._asked}
        asking = {line: self._asked.get(line) for line in lines}
        waiting = {line: body for line, body in asking.items() if body is None or not body.is_eof()}
        for line, body in waiting.items():
            if line in self._waiting and self._waiting[line] is body:
                line.force_close()
        self._waiting = waiting
