"""The gate: whatever the hub connects to that others chose, it reaches through one of these two sessions.

The guard stands where the socket is made: it sees the very address that is connected to, whether it was written in the
URL or came from the name service, this time and at every other. So a name that means a public address when it is
registered and a private one a second later (DNS rebinding) gains nothing. No proxy is taken from the environment, no
cookie is kept. Whoever opens a gate has look-ups and sessions of its own.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from lalert import __version__
from lalert.publishers.outgoing import Failure
from lalert.settings import Networks
from lalert.web.addresses import may_reach

_RESOLVERS: Final = 8  # look-ups at a time: a name server that does not answer must not take everybody's threads
_NAMES_S: Final = 30  # seconds for which a name is remembered
_IDLE_S: Final = 30.0
_HEADERS: Final = {"User-Agent": f"lalert/{__version__}", "Accept-Encoding": "identity"}

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]


class Resolver(AbstractResolver):
    """The machine's name service, asked in threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`. Raises `OSError`."""
        look_up = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """Take no more questions."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class Gate:
    """Two sessions: https to everything public and the networks `allowed`, http to those alone. `async with` opens it.

    `timeout_s` bounds a request as a whole, and a look-up.
    """

    def __init__(
        self,
        allowed: Networks,
        *,
        timeout_s: float,
        resolver: AbstractResolver | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.allowed = allowed
        self._timeout_s = timeout_s
        self._resolver = resolver or Resolver()
        self._trust = trust or ssl.create_default_context()
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        self._sessions = {"https": self._session(inside_only=False), "http": self._session(inside_only=True)}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions.values():
            await session.close()
        await self._resolver.close()

    def session(self, url: str) -> aiohttp.ClientSession:
        """Return the session for `url`, which begins with https: or http:."""
        return self._sessions[url.partition(":")[0].lower()]

    async def addresses(self, host: str) -> list[str]:
        """Return what `host` means now. Raises `OSError`."""
        async with asyncio.timeout(self._timeout_s):
            return [found["host"] for found in await self._resolver.resolve(host, 0, socket.AF_UNSPEC)]

    def _session(self, *, inside_only: bool) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=self._trust,
                limit=0,  # bounded by whoever asks; a common pool would let slow peers starve the others
                resolver=self._resolver,
                ttl_dns_cache=_NAMES_S,
                keepalive_timeout=_IDLE_S,
                socket_factory=partial(_guarded_socket, self.allowed, inside_only),
            ),
            connector_owner=True,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(total=self._timeout_s, ceil_threshold=60),
            auto_decompress=False,  # an answer of a few bytes must not become a gigabyte
            trust_env=False,
        )


def _guarded_socket(allowed: Networks, inside_only: bool, info: AddressInfo) -> socket.socket:
    """Return the socket for a connection to this address. Raises `PermissionError` for one that may not be reached."""
    family, kind, proto, _, address = info
    if not may_reach(str(address[0]), allowed, inside_only=inside_only):
        raise PermissionError(errno.EACCES, "address not allowed")
    return socket.socket(family, kind, proto)


def failure_of(error: Exception) -> Failure:
    """Return what went wrong, without a word about where."""
    if isinstance(error, TimeoutError):
        return Failure.TIMEOUT
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Failure.NAME
    if isinstance(error, aiohttp.ClientSSLError):
        return Failure.TLS
    if isinstance(error, aiohttp.ClientConnectorError):
        return Failure.ADDRESS if error.os_error.errno == errno.EACCES else Failure.CONNECTION
    if isinstance(
        error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError | aiohttp.ClientPayloadError | OSError
    ):
        return Failure.CLOSED
    return Failure.PROTOCOL
