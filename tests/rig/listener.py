"""A reader of the event stream that records what it hears, in order, as a browser would."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import aiohttp

PATIENCE_S = 20.0
"""A test that waits longer has failed; nothing is ever asserted about less."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One event: `id` is the cursor, None where the event has none."""

    event: str
    id: str | None
    data: str = field(repr=False)

    @property
    def json(self) -> Any:
        """The data as JSON."""
        return json.loads(self.data)

    @property
    def is_entry(self) -> bool:
        """Whether it is an entry of the log."""
        return self.event in ("alert", "update", "cancel", "expire")

    @property
    def identifier(self) -> str:
        """The CAP identifier of the entry."""
        return str(self.json["alert"]["identifier"])


class Listener:
    """Reads `url`/stream with `query` from `last_event_id` on, until it is closed. `async with` connects."""

    path = "/stream"

    def __init__(self, url: str, query: str = "", *, last_event_id: str | None = None) -> None:
        self.heard: list[Heard] = []
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.is_cut = False  # the line ended
        self._url = f"{url.rstrip('/')}{self.path}{'?' + query if query else ''}"
        self._sent = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Listener:
        self._session = aiohttp.ClientSession()
        timeout = aiohttp.ClientTimeout(total=None)
        self._response = await self._session.get(self._url, headers=self._sent, timeout=timeout)
        self.status, self.headers = self._response.status, self._response.headers
        assert self.status == 200, await self._response.text()
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        await self._hang_up()
        await self._session.close()

    async def _hang_up(self) -> None:
        self._response.close()

    @property
    def entries(self) -> list[Heard]:
        """What came of the log, in order."""
        return [heard for heard in self.heard if heard.is_entry]

    @property
    def identifiers(self) -> list[str]:
        """The identifiers of the entries, in order."""
        return [heard.identifier for heard in self.entries]

    async def until(self, is_there: Callable[[Heard], bool]) -> Heard:
        """Return the first event, of those heard already or to come, for which `is_there` holds."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: self.is_cut or any(map(is_there, self.heard)))
        found = next(filter(is_there, self.heard), None)
        assert found is not None, f"the stream ended before it came; heard {[(h.event, h.id) for h in self.heard]}"
        return found

    async def until_identifier(self, identifier: str, *, event: str | None = None) -> Heard:
        """Return the entry of this message (of this kind, if it is given)."""
        return await self.until(lambda h: h.is_entry and event in (None, h.event) and h.identifier == identifier)

    async def until_event(self, name: str) -> Heard:
        """Return the first event of this name."""
        return await self.until(lambda h: h.event == name)

    async def until_cut(self) -> None:
        """Wait until the line ends."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: self.is_cut)

    async def _read(self) -> None:
        try:
            fields: dict[str, str] = {}
            buffer = b""
            async for chunk in self._response.content.iter_any():
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    fields = await self._line(line.decode(), fields)
        except aiohttp.ClientError:
            pass  # cut in the middle: what was whole counts
        finally:
            self.is_cut = True
            async with self._news:
                self._news.notify_all()

    async def _line(self, line: str, fields: dict[str, str]) -> dict[str, str]:
        if line:
            name, _, value = line.partition(":")
            return fields | {name: value.removeprefix(" ")}
        if "data" in fields:
            self.heard.append(Heard(fields.get("event", "message"), fields.get("id"), fields["data"]))
            async with self._news:
                self._news.notify_all()
        return {}
