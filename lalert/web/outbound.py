"""Posting to addresses that others chose, through a gate (`lalert.web.gate`).

Redirects are not followed; the answer's body is thrown away and its end is not waited for.
"""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import Mapping
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver

from lalert.publishers.outgoing import Answer, NoAnswer
from lalert.settings import Push
from lalert.web.gate import Gate, failure_of

_DRAIN_BYTES: Final = 4_096  # of the answer's body: as much as is read so that the connection can be used again
_DRAIN_S: Final = 1.0
_LARGE_BYTES: Final = 1 << 20  # a body from here on is sent piece by piece


class Outbound(Gate):
    """Posts to the public internet by https, and to the allowed networks by https or http. `async with` opens it."""

    def __init__(
        self, settings: Push, *, resolver: AbstractResolver | None = None, trust: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(settings.allow_networks, timeout_s=settings.timeout_s, resolver=resolver, trust=trust)

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer | NoAnswer:
        """Post `body` to `url` once; redirects are not followed."""
        session = self.session(url)
        data = io.BytesIO(body) if len(body) > _LARGE_BYTES else body
        try:
            async with session.post(url, data=data, headers=headers, allow_redirects=False) as response:
                answer = Answer(response.status, response.headers.get("Retry-After"))
                await _drain(response)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return NoAnswer(failure_of(error))
        return answer


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Take a short body, so that the connection can be used again; whatever is longer or slower ends with it.

    The peer has said what it does with the message: how its body goes on changes nothing.
    """
    try:
        async with asyncio.timeout(_DRAIN_S):
            await response.content.read(_DRAIN_BYTES)
    except (aiohttp.ClientError, TimeoutError, OSError):
        response.close()
