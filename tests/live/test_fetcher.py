"""Fetching from sources over real sockets: whom it reaches, how much it takes, and that no server can hold it."""

from __future__ import annotations

import gzip
import tracemalloc
from dataclasses import replace

import pytest

from lalert.core.model import Realm
from lalert.settings import Networks
from lalert.sources.fetching import Fetched, Unfetched
from lalert.sources.source import Source
from lalert.web.fetcher import Fetcher
from tests.rig import peers
from tests.rig.peers import Peer

OPEN = Source(
    name="s",
    url="http://127.0.0.1/",
    realm=Realm.LIVE,
    areas=("*",),
    attribution="x",
    allow=Networks.parse("127.0.0.0/8"),
    timeout_s=0.5,
)
CLOSED = replace(OPEN, allow=Networks())


def ok(body: bytes, *headers: str) -> bytes:
    """Return a whole answer."""
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 200 OK\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def get(url: str, source: Source = OPEN, *, limit: int = 1_000) -> Fetched | Unfetched:
    """Fetch something."""
    async with Fetcher(source) as fetcher:
        return await fetcher.get(url, headers={"If-None-Match": '"0"'}, limit=limit)


async def test_answer_is_whole_with_its_validators() -> None:
    """Body, ETag and Last-Modified arrive; conditions and our name go out, and no compression is asked for."""
    async with Peer(peers.saying(ok(b"<feed/>", 'ETag: "1"', "Last-Modified: yesterday"))) as peer:
        found = await get(peer.url + "/feed?key=1")
    assert found == Fetched(
        status=200, url=peer.url + "/feed?key=1", body=b"<feed/>", etag='"1"', last_modified="yesterday"
    )
    headers = peer.requests[0].headers
    assert (headers["if-none-match"], headers["accept-encoding"]) == ('"0"', "identity")
    assert headers["user-agent"].startswith("lalert/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_private_addresses_are_for_sources_that_were_given_them(scheme: str, host: str) -> None:
    """A source on the inside of the house is reached only if the operator has said so."""
    async with Peer() as peer:
        assert await get(f"{scheme}://{host}:{peer.port}/", CLOSED) == Unfetched("address_refused")
    assert peer.connections == 0


async def test_redirects_are_followed() -> None:
    """A feed that moved is found; where it came from in the end is told."""
    async with Peer() as old, Peer(peers.saying(ok(b"here"))) as new:
        old.reply = peers.status(301, Location=f"{new.url}/feed")
        assert await get(old.url) == Fetched(status=200, url=new.url + "/feed", body=b"here")


async def test_redirect_to_a_private_address_is_not_followed() -> None:
    """The inside of the house is not reached by way of a server that was allowed."""
    narrow = replace(OPEN, allow=Networks.parse("127.0.0.1/32"))
    async with Peer() as peer:
        peer.reply = peers.status(302, Location=f"http://127.0.0.2:{peer.port}/secret")
        assert await get(peer.url, narrow) == Unfetched("address_refused")
    assert len(peer.requests) == 1


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/", ""])
async def test_redirect_to_something_else_is_none(location: str) -> None:
    """Only web addresses are followed."""
    async with Peer(peers.status(307, Location=location)) as peer:
        assert await get(peer.url) == Unfetched("redirects")


async def test_redirects_in_a_circle_end() -> None:
    """A server that sends us round and round is left."""
    async with Peer() as peer:
        peer.reply = peers.status(302, Location=peer.url)
        assert await get(peer.url) == Unfetched("redirects")
    assert len(peer.requests) == 4


@pytest.mark.parametrize(
    "raw",
    [
        ok(b"x" * 1_001),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"190\r\n" + b"x" * 400 + b"\r\n") * 3,
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 2_000,
    ],
    ids=["told", "chunked", "untold"],
)
async def test_huge_body_is_left(raw: bytes) -> None:
    """A body beyond the bound is not taken, whether its length was told or not."""
    async with Peer(peers.saying(raw)) as peer:
        assert await get(peer.url) == Unfetched("too_large")


async def test_gzip_that_nobody_asked_for_is_read() -> None:
    """A store that holds its feed compressed is no reason to miss an alert."""
    async with Peer(peers.saying(ok(gzip.compress(b"<feed/>"), "Content-Encoding: gzip"))) as peer:
        found = await get(peer.url)
    assert isinstance(found, Fetched)
    assert found.body == b"<feed/>"


@pytest.mark.parametrize(
    ("body", "coding", "reason"),
    [
        (gzip.compress(b" " * 100_000), "gzip", "too_large"),
        (gzip.compress(b"<feed/>")[:-9], "gzip", "encoded"),
        (b"<feed/>", "gzip", "encoded"),
        (b"<feed/>", "br", "encoded"),
    ],
    ids=["bomb", "torn", "not at all", "otherwise"],
)
async def test_compressed_body_is_whole_and_bounded_or_none(body: bytes, coding: str, reason: str) -> None:
    """A few bytes may be a gigabyte, half of a feed may be without the one alert that matters."""
    async with Peer(peers.saying(ok(body, f"Content-Encoding: {coding}"))) as peer:
        assert await get(peer.url) == Unfetched(reason)


async def test_bomb_is_never_unpacked_whole() -> None:
    """Of what a bomb holds no more than the bound ever lies in memory."""
    bomb = ok(gzip.compress(bytes(64 << 20)), "Content-Encoding: gzip")
    async with Peer(peers.saying(bomb)) as peer, Fetcher(OPEN) as fetcher:
        tracemalloc.start()
        try:
            found = await fetcher.get(peer.url, headers={}, limit=1 << 20)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert found == Unfetched("too_large")
    assert peak_bytes < 8 << 20


async def test_busy_server_is_heard_whatever_is_beside_it() -> None:
    """A 429 whose page is compressed is a 429 with its `Retry-After`."""
    async with Peer() as peer:
        peer.reply = peers.status(429, **{"Retry-After": "30", "Content-Encoding": "br"})
        found = await get(peer.url)
    assert isinstance(found, Fetched)
    assert (found.status, found.retry_after) == (429, "30")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (peers.never, "timeout"),
        (peers.byte_by_byte(ok(b"x" * 900), every_s=0.02), "timeout"),
        (peers.closing_after(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), "connection_closed"),
        (peers.closing_after(b""), "connection_closed"),
        (peers.saying(b"rubbish\r\n\r\n"), "protocol_error"),
    ],
    ids=["silent", "slow", "torn", "hangs-up", "rubbish"],
)
async def test_no_server_can_hold_it(reply: peers.Reply, reason: str) -> None:
    """Silence, one byte at a time, half an answer, no HTTP: a name for it, within the source's patience."""
    async with Peer(reply) as peer:
        assert await get(peer.url) == Unfetched(reason)


async def test_nobody_there() -> None:
    """A port on which nobody listens."""
    async with Peer() as peer:
        url = peer.url
    assert await get(url) == Unfetched("connection_failed")


async def test_headers_that_would_be_remembered_are_bounded() -> None:
    """An ETag as long as a book is not kept."""
    async with Peer(peers.saying(ok(b"", f'ETag: "{"x" * 2_000}"', "Retry-After: 5"))) as peer:
        found = await get(peer.url)
    assert isinstance(found, Fetched)
    assert (found.etag, found.retry_after) == (None, "5")
