"""The one session through which the hub sends to addresses that others chose.

The guard stands where the socket is made: it sees the very address that is connected to, whether it was written in the
URL or came from the name service, this time and at every other. So a name that means a public address when it is
registered and a private one a second later (DNS rebinding) gains nothing. Redirects are not followed, no proxy is taken
from the environment, no cookie is kept, the answer's body is thrown away and its end is not waited for.
"""

from __future__ import annotations

import asyncio
import errno
import io
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from lalert import __version__
from lalert.publishers.outgoing import Answer, Failure, NoAnswer
from lalert.settings import Networks, Push
from lalert.web.addresses import may_reach

_DRAIN_BYTES: Final = 4_096  # of the answer's body: as much as is read so that the connection can be used again
_DRAIN_S: Final = 1.0
_LARGE_BYTES: Final = 1 << 20  # a body from here on is sent piece by piece
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


class Outbound:
    """Posts to the public internet by https, and to the allowed networks by https or http. `async with` opens it."""

    def __init__(
        self, settings: Push, *, resolver: AbstractResolver | None = None, trust: ssl.SSLContext | None = None
    ) -> None:
        self._settings = settings
        self._resolver = resolver or Resolver()
        self._trust = trust or ssl.create_default_context()
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Outbound:
        self._sessions = {
            "https": self._session(inside_only=False),
            "http": self._session(inside_only=True),
        }
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions.values():
            await session.close()
        await self._resolver.close()

    @property
    def allowed(self) -> Networks:
        """The private networks that it may reach."""
        return self._settings.allow_networks

    async def addresses(self, host: str) -> list[str]:
        """Return what `host` means now, for a first look at registration. Raises `OSError`."""
        async with asyncio.timeout(self._settings.timeout_s):
            return [found["host"] for found in await self._resolver.resolve(host, 0, socket.AF_UNSPEC)]

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer | NoAnswer:
        """Post `body` to `url` once; redirects are not followed."""
        session = self._sessions[url.partition(":")[0].lower()]
        data = io.BytesIO(body) if len(body) > _LARGE_BYTES else body
        try:
            async with session.post(url, data=data, headers=headers, allow_redirects=False) as response:
                answer = Answer(response.status, response.headers.get("Retry-After"))
                await _drain(response)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return NoAnswer(failure_of(error))
        return answer

    def _session(self, *, inside_only: bool) -> aiohttp.ClientSession:
        guard = Guard(self._settings.allow_networks, inside_only=inside_only)
        return guarded_session(guard, self._resolver, self._trust, timeout_s=self._settings.timeout_s)


@dataclass(frozen=True, slots=True)
class Guard:
    """What a session may connect to: the allowed networks and, unless it stays inside, the public internet."""

    allowed: Networks
    inside_only: bool


def guarded_session(
    guard: Guard, resolver: AbstractResolver, trust: ssl.SSLContext, *, timeout_s: float
) -> aiohttp.ClientSession:
    """Return a session whose every socket is guarded. `timeout_s` bounds a request as a whole."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            ssl=trust,
            limit=0,  # bounded by whoever asks; a common pool would let slow peers starve the others
            resolver=resolver,
            ttl_dns_cache=_NAMES_S,
            keepalive_timeout=_IDLE_S,
            socket_factory=partial(_guarded_socket, guard.allowed, guard.inside_only),
        ),
        connector_owner=True,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=_HEADERS,
        timeout=aiohttp.ClientTimeout(total=timeout_s, ceil_threshold=60),
        auto_decompress=False,  # an answer of a few bytes must not become a gigabyte
        trust_env=False,
    )


def _guarded_socket(allowed: Networks, inside_only: bool, info: AddressInfo) -> socket.socket:
    """Return the socket for a connection to this address. Raises `PermissionError` for one that may not be reached."""
    family, kind, proto, _, address = info
    if not may_reach(str(address[0]), allowed, inside_only=inside_only):
        raise PermissionError(errno.EACCES, "address not allowed")
    return socket.socket(family, kind, proto)


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Take a short body, so that the connection can be used again; whatever is longer or slower ends with it.

    The peer has said what it does with the message: how its body goes on changes nothing.
    """
    try:
        async with asyncio.timeout(_DRAIN_S):
            await response.content.read(_DRAIN_BYTES)
    except (aiohttp.ClientError, TimeoutError, OSError):
        response.close()


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
