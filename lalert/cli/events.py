"""A reader of server-sent events that never misses or repeats: it resumes by itself where it was cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import count

import aiohttp

_SILENCE_S = 45.0  # three pings: a line that says nothing for so long is dead
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 15.0
_MAX_LINE = 16 << 20


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
    """Yield the events of a stream for ever, reconnecting with `Last-Event-ID`.

    `urls` are where it can be had: nodes of one cluster. When one is lost the next is asked at once, and after all of
    them there is a pause. `connected` is told of each that answers. Raises `aiohttp.ClientResponseError` for an answer
    that will not become better (4xx).
    """
    last, wait_s = since, _FIRST_WAIT_S
    for failed in count():
        url = urls[failed % len(urls)]
        try:
            headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
            timeout = aiohttp.ClientTimeout(total=None, sock_read=_SILENCE_S)
            async with session.get(url, headers=headers, timeout=timeout) as response:
                if 400 <= response.status < 500:
                    response.raise_for_status()
                connected(url)
                async for event in _parse(response.content):
                    wait_s = _FIRST_WAIT_S
                    last = event.id or last
                    yield event
        except aiohttp.ClientResponseError:
            raise
        except (aiohttp.ClientError, TimeoutError):
            pass
        if (failed + 1) % len(urls) == 0:
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)


async def _parse(content: aiohttp.StreamReader) -> AsyncIterator[Event]:
    """Yield events (WHATWG HTML §9.2.6); one that was cut off in the middle does not count."""
    fields: dict[str, str] = {}
    buffer = b""
    async for chunk in content.iter_any():
        *lines, buffer = (buffer + chunk).split(b"\n")
        if len(buffer) > _MAX_LINE:
            raise aiohttp.ClientPayloadError("a line of the stream is too long")
        for line in lines:
            name, _, value = line.decode(errors="replace").rstrip("\r").partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
            elif not line.strip():
                if "data" in fields:
                    yield Event(fields.get("event", "message"), fields.get("id"), fields["data"])
                fields = {}
