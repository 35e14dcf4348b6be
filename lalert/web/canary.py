"""The canary: a test of the line that takes every way that an alert takes, all the time.

A relay that had been dead for three months was noticed in a town's drill. So the hub says a System message to itself
once a minute, and reads it back over its own sockets from every way out, like any reader who asked for tests of the
line. When it came out last is a metric for each way: a way that broke is seen within minutes, with no alert lost.

Of nodes that share a log one sings. All of them note when they heard it in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from urllib.parse import quote

import aiohttp
import structlog

from lalert.cap import build
from lalert.cap.model import Alert, Status
from lalert.core.model import Entry
from lalert.errors import LalertError
from lalert.hub import Hub

log = structlog.get_logger("lalert.canary")

_PATIENCE_S = 10.0
_SENDER = "canary@lalert.example"


class Canary:
    """Sends one test of the line at a time through `hub`, whose server answers at `url`, with the path of the realm."""

    def __init__(self, hub: Hub, *, url: str, session: aiohttp.ClientSession) -> None:
        self._hub = hub
        self._url = url
        self._session = session
        self.seen: dict[str, datetime] = {}  # when it came out last, by way

    async def sing(self) -> None:
        """Say one System message and look for it on every way out; what did not carry it is logged."""
        before, identifier = self._hub.tail.head, self._identifier()
        try:
            async with asyncio.timeout(_PATIENCE_S), self._listening() as stream:
                await self._hub.say(self._message(identifier))
                await self._look("stream", lambda: _until(stream, identifier))
                await self._look(
                    "changes", lambda: self._find(f"/api/v1/changes?since={before}&include=system", identifier)
                )
                await self._look("feed", lambda: self._find("/feeds/system.atom", identifier))
                await self._look("alert", lambda: self._find(f"/api/v1/alerts/{quote(identifier)}.cap", identifier))
        except (LalertError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("canary.failed", realm=self._hub.realm.value, reason=f"{type(error).__name__}: {error}")

    def heard(self, entries: Iterable[Entry]) -> None:
        """Note that these have come through the log, whoever said them."""
        if any(entry.alert.sender == _SENDER and entry.alert.status is Status.SYSTEM for entry in entries):
            self._note("log")

    async def _look(self, way: str, found: Callable[[], Awaitable[bool]]) -> None:
        try:
            carried = await found()
        except aiohttp.ClientError:
            carried = False
        if not carried:
            log.warning("canary.lost", realm=self._hub.realm.value, way=way)
            return
        self._note(way)

    def _note(self, way: str) -> None:
        now = self.seen[way] = self._hub.clock()
        self._hub.metrics.canary_seen.labels(self._hub.realm.value, way).set(now.timestamp())

    def _listening(self) -> aiohttp.client._RequestContextManager:
        return self._session.get(f"{self._url}/stream?include=system", timeout=aiohttp.ClientTimeout(total=None))

    async def _find(self, path: str, identifier: str) -> bool:
        async with self._session.get(self._url + path) as response:
            return response.status == 200 and identifier in await response.text()

    def _identifier(self) -> str:
        return f"canary-{self._hub.realm}-{self._hub.clock():%Y%m%dT%H%M%S.%f}"

    def _message(self, identifier: str) -> Alert:
        note = "通信試験(自動) / automatic test of the line"
        return build.system(sender=_SENDER, identifier=identifier, sent=self._hub.clock(), note=note)


async def _until(stream: aiohttp.ClientResponse, identifier: str) -> bool:
    """Whether the stream carries this identifier before it ends. The caller bounds the time."""
    tail = b""
    async for chunk in stream.content.iter_any():
        tail = (tail + chunk)[-65_536:]
        if identifier.encode() in tail:
            return True
    return False
