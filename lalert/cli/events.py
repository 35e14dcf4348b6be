"""A reader of the stream that never misses or repeats: it resumes by itself where it was cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

SOCKETS: Final = ("ws", "wss")
"""The schemes of addresses that are read by WebSocket."""

_SILENCE_S = 45.0  # three pings: a line that says nothing for so long is dead
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 15.0
_MAX_EVENT = 16 << 20


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the stream. `reconnected` stands in front of the first one after a cut."""

    name: str
    id: str | None
    data: str


async def events(
    session: aiohttp.ClientSession,
    *urls: str,
    since: str | None = None,
    connected: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Event]:
    """Yield the events of a stream for ever, reconnecting with `Last-Event-ID`; `ws://` and `wss://` are read, too.

    `urls` are where it can be had: nodes of one cluster. When one is lost the next is asked at once, and after all of
    them there is a pause. `connected` is told of each that answers. Raises `aiohttp.ClientResponseError` for an answer
    that will not become better (4xx).
    """
    last, wait_s = since, _FIRST_WAIT_S
    for failed in count():
        url = urls[failed % len(urls)]
        try:
            read = _messages if urlsplit(url).scheme in SOCKETS else _stream
            async with aclosing(read(session, url, last, partial(connected, url))) as heard:
                async for event in heard:
                    wait_s = _FIRST_WAIT_S
                    last = event.id or last
                    yield event
        except aiohttp.ClientResponseError as error:
            if error.status < 500:
                raise
        except (aiohttp.ClientError, TimeoutError):
            pass
        if (failed + 1) % len(urls) == 0:
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)


async def _stream(
    session: aiohttp.ClientSession, url: str, last: str | None, connected: Callable[[], None]
) -> AsyncGenerator[Event, None]:
    headers = {"Accept": "text/event-stream"} | _place(last)
    timeout = aiohttp.ClientTimeout(total=None, sock_read=_SILENCE_S)
    async with session.get(url, headers=headers, timeout=timeout) as response:
        response.raise_for_status()
        connected()
        async for event in _parse(response.content):
            yield event


class _Message(msgspec.Struct):
    event: str
    id: str | None
    data: msgspec.Raw


async def _messages(
    session: aiohttp.ClientSession, url: str, last: str | None, connected: Callable[[], None]
) -> AsyncGenerator[Event, None]:
    timeout = aiohttp.ClientWSTimeout(ws_receive=_SILENCE_S)
    async with session.ws_connect(url, headers=_place(last), timeout=timeout, max_msg_size=_MAX_EVENT) as socket:
        connected()
        async for said in socket:
            try:
                message = msgspec.json.decode(said.data, type=_Message)
            except (msgspec.MsgspecError, TypeError) as error:
                raise aiohttp.ClientPayloadError("a message of the stream is no event") from error
            yield Event(message.event, message.id, bytes(message.data).decode())


def _place(last: str | None) -> dict[str, str]:
    return {"Last-Event-ID": last} if last else {}


async def _parse(content: aiohttp.StreamReader) -> AsyncIterator[Event]:
    """Yield events (WHATWG HTML §9.2.6); one that was cut off in the middle does not count."""
    fields: dict[str, str] = {}
    buffer = b""
    async for chunk in content.iter_any():
        *lines, buffer = (buffer + chunk).split(b"\n")
        if len(buffer) > _MAX_EVENT:
            raise aiohttp.ClientPayloadError("a line of the stream is too long")
        for line in lines:
            name, _, value = line.decode(errors="replace").rstrip("\r").partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
            elif not line.strip():
                if "data" in fields:
                    yield Event(fields.get("event", "message"), fields.get("id"), fields["data"])
                fields = {}
