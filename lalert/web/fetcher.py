"""Fetching what a source has, through a gate (`lalert.web.gate`).

Every source has sessions of its own: its networks, its patience, its look-ups of names. Redirects are followed here and
not by the client, so that each step is held against the guard: https stays https unless it leads into an allowed
network, and an address inside the house is reached only if the operator has opened it to this source.

Nothing is asked for compressed. Stores that hold a file compressed send it so all the same: gzip is taken, within the
same bound.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import aiohttp

from lalert.sources.fetching import Fetched, Unfetched
from lalert.sources.listing import maybe_url
from lalert.sources.source import Source
from lalert.web.gate import Gate, failure_of

_REDIRECTS: Final = 3
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_CHUNK_BYTES: Final = 1 << 16
_LONGEST_HEADER: Final = 1_024
_GZIP: Final = frozenset({"gzip", "x-gzip"})
_GZIP_ONLY: Final = 16 + zlib.MAX_WBITS


class Fetcher(Gate):
    """Fetches for one source. `async with` opens it."""

    def __init__(self, source: Source) -> None:
        super().__init__(source.allow, timeout_s=source.timeout_s)

    async def get(self, url: str, *, headers: Mapping[str, str], limit: int) -> Fetched | Unfetched:
        """Fetch `url` once, at most `limit` bytes, following a few guarded redirects."""
        for _ in range(1 + _REDIRECTS):
            found = await self._step(url, headers, limit)
            if not isinstance(found, str):
                return found
            url = found
        return Unfetched("redirects")

    async def _step(self, url: str, headers: Mapping[str, str], limit: int) -> Fetched | Unfetched | str:
        """Return the answer, or the address to which it leads."""
        session = self.session(url)
        try:
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status in _MOVED:
                    return maybe_url(response.headers.get("Location", ""), url) or Unfetched("redirects")
                body = await _body(response, limit)
                if body is None:
                    response.close()
                    return Unfetched("too_large")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Unfetched(failure_of(error).value)
        plain = await _plain(response, body, limit)
        if isinstance(plain, Unfetched):
            return plain
        return Fetched(
            status=response.status,
            url=url,
            body=plain,
            etag=_short(response, "ETag"),
            last_modified=_short(response, "Last-Modified"),
            retry_after=_short(response, "Retry-After"),
        )


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """Return the body, or None as soon as it is longer than `limit`."""
    if (response.content_length or 0) > limit:
        return None
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


async def _plain(response: aiohttp.ClientResponse, body: bytes, limit: int) -> bytes | Unfetched:
    """Return the body as it was before it was compressed; what is said beside a status other than 200 nobody reads."""
    coding = response.headers.get("Content-Encoding", "identity").lower()
    if coding == "identity" or response.status != HTTPStatus.OK:
        return body
    return await asyncio.to_thread(_inflated, body, limit) if coding in _GZIP else Unfetched("encoded")


def _inflated(body: bytes, limit: int) -> bytes | Unfetched:
    """Return what gzip packed into `body`: whole, or nothing. A bomb goes off no further than `limit`."""
    unpacking = zlib.decompressobj(_GZIP_ONLY)
    try:
        plain = unpacking.decompress(body, limit + 1)
    except zlib.error:
        return Unfetched("encoded")
    if len(plain) > limit:
        return Unfetched("too_large")
    return plain if unpacking.eof else Unfetched("encoded")


def _short(response: aiohttp.ClientResponse, name: str) -> str | None:
    """Return a header that is going to be remembered, unless it is long."""
    value = response.headers.get(name)
    return value if value is not None and len(value) <= _LONGEST_HEADER else None
