"""The one way out, over real sockets: whom it reaches, whom it does not, and that no peer can hold it."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lalert.publishers.outgoing import Answer, Failure, NoAnswer
from lalert.settings import Networks, Push
from lalert.web.outbound import Outbound
from tests.rig import peers
from tests.rig.peers import Peer

LOOPBACK = Networks.parse("127.0.0.0/8")
IMPATIENT_S = 0.5


class Names(AbstractResolver):
    """A name service whose answers are given one after another; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the next answer."""
        self.asked += 1
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    """One that may reach the loopback, and has little patience."""
    async with Outbound(Push(allow_networks=LOOPBACK, timeout_s=IMPATIENT_S)) as opened:
        yield opened


@pytest.fixture
async def strict() -> AsyncIterator[Outbound]:
    """One that may reach nothing private."""
    async with Outbound(Push(timeout_s=IMPATIENT_S)) as opened:
        yield opened


async def post(outbound: Outbound, url: str, body: bytes = b"{}") -> Answer | NoAnswer:
    """Post something."""
    return await outbound.post(url, body=body, headers={"Content-Type": "application/json"})


async def test_body_and_headers_arrive_as_given(outbound: Outbound) -> None:
    """What is posted arrives byte by byte, small or large, and the connection is used again."""
    large = b"x" * (3 << 20)
    async with Peer() as peer:
        assert await post(outbound, peer.url + "/in", b"small") == Answer(200)
        assert await post(outbound, peer.url + "/in", large) == Answer(200)
    assert [request.body for request in peer.requests] == [b"small", large]
    assert peer.requests[0].headers["content-type"] == "application/json"
    assert peer.requests[0].headers["user-agent"].startswith("lalert/")
    assert peer.connections == 1


@pytest.mark.parametrize(
    ("host", "failure"),
    [
        ("127.0.0.1", Failure.ADDRESS),
        ("localhost", Failure.ADDRESS),
        ("[::1]", Failure.ADDRESS),
        ("[::ffff:127.0.0.1]", Failure.ADDRESS),
        ("0.0.0.0", Failure.ADDRESS),
        ("169.254.169.254", Failure.ADDRESS),
        ("127.1", Failure.PROTOCOL),  # no address to our client, and no name either
        ("2130706433", Failure.PROTOCOL),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_private_addresses_are_not_connected_to(
    strict: Outbound, scheme: str, host: str, failure: Failure
) -> None:
    """However it is written, the inside of the house is not reached: the peer sees no connection."""
    async with Peer() as peer:
        answer = await post(strict, f"{scheme}://{host}:{peer.port}/")
    assert answer == NoAnswer(failure)
    assert peer.connections == 0


async def test_plain_http_does_not_leave_the_house() -> None:
    """Without TLS only an allowed network is reached, whatever the name service says."""
    async with Outbound(Push(allow_networks=LOOPBACK), resolver=Names(["203.104.209.71"])) as outbound:
        assert await post(outbound, "http://media.example.jp/") == NoAnswer(Failure.ADDRESS)


async def test_name_that_becomes_private_is_not_followed() -> None:
    """DNS rebinding: the first look-up says public, the one for the connection says loopback. Nobody is connected."""
    names = Names(["203.104.209.71"], ["127.0.0.1"])
    async with Peer() as peer, Outbound(Push(), resolver=names) as outbound:
        assert await outbound.addresses("rebind.example.jp") == ["203.104.209.71"]
        assert await post(outbound, f"https://rebind.example.jp:{peer.port}/") == NoAnswer(Failure.ADDRESS)
    assert (names.asked, peer.connections) == (2, 0)


async def test_private_address_among_public_ones_is_skipped() -> None:
    """A name with an allowed and a forbidden address is reached at the allowed one only."""
    narrow = Networks.parse("127.0.0.1/32")
    names = Names(["169.254.169.254", "127.0.0.1"])
    async with Peer() as peer, Outbound(Push(allow_networks=narrow), resolver=names) as outbound:
        assert await post(outbound, f"http://two.example.jp:{peer.port}/") == Answer(200)


async def test_redirects_are_told_and_not_followed(outbound: Outbound) -> None:
    """A peer cannot send us on, inward least of all: the redirect is its answer."""
    async with Peer() as inside, Peer(peers.status(307, Location=f"{inside.url}/secret")) as peer:
        assert await post(outbound, peer.url) == Answer(307)
    assert inside.connections == 0


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch, outbound: Outbound) -> None:
    """A variable in the environment does not lead past the guard."""
    async with Peer() as proxy, Peer() as peer:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert await post(outbound, peer.url) == Answer(200)
    assert (proxy.connections, peer.connections) == (0, 1)


async def test_peer_that_says_nothing_is_left(outbound: Outbound) -> None:
    """Silence ends with the time that the settings give."""
    async with Peer(peers.never) as peer:
        assert await post(outbound, peer.url) == NoAnswer(Failure.TIMEOUT)


async def test_head_that_comes_byte_by_byte_is_not_waited_for(outbound: Outbound) -> None:
    """The time is for the whole head: a byte now and then does not prolong it."""
    async with Peer(peers.byte_by_byte(peers.OK, every_s=0.1)) as peer:
        assert await post(outbound, peer.url) == NoAnswer(Failure.TIMEOUT)


async def test_status_counts_though_the_body_never_ends(outbound: Outbound) -> None:
    """Who said 200 has the message: an endless, slow or broken body changes nothing, and its connection is dropped."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
    endless = peers.saying(head + b"x" * 100_000)
    silent = peers.in_turn(peers.saying(head), peers.never)
    for reply in (endless, silent, peers.closing_after(head + b"x")):
        async with Peer(reply) as peer:
            assert await post(outbound, peer.url) == Answer(200)
            assert await post(outbound, peer.url) in (Answer(200), NoAnswer(Failure.TIMEOUT))
        assert peer.connections == 2


async def test_flood_is_not_swallowed(outbound: Outbound) -> None:
    """Of a body without an end no more is taken than lies in the buffers of both machines."""
    sent_bytes = 0

    async def flood(writer: asyncio.StreamWriter) -> None:
        nonlocal sent_bytes
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
        while True:
            writer.write(bytes(1 << 16))
            await writer.drain()
            sent_bytes += 1 << 16

    async with Peer(flood) as peer:
        assert await post(outbound, peer.url) == Answer(200)
        assert sent_bytes < 16 << 20


async def test_compressed_answer_is_not_unpacked(outbound: Outbound) -> None:
    """A bomb of a few bytes stays a few bytes."""
    bomb = gzip.compress(bytes(1 << 20))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with Peer(peers.saying(head + bomb)) as peer:
        assert await post(outbound, peer.url) == Answer(200)


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (b"", Failure.CLOSED),
        (b"HTTP/1.1 200 OK\r\nContent-", Failure.CLOSED),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Failure.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", Failure.PROTOCOL),
    ],
)
async def test_peer_that_breaks_off_or_speaks_something_else(outbound: Outbound, raw: bytes, failure: Failure) -> None:
    """Half an answer, none, another protocol, an endless header: each is a failure with a name."""
    async with Peer(peers.closing_after(raw)) as peer:
        assert await post(outbound, peer.url) == NoAnswer(failure)


async def test_nobody_listens(outbound: Outbound) -> None:
    """A closed port is a failed connection, a name that nobody knows is said to be one."""
    async with Peer() as peer:
        pass
    assert await post(outbound, peer.url) == NoAnswer(Failure.CONNECTION)
    assert await post(outbound, "https://nobody.invalid/") == NoAnswer(Failure.NAME)


async def test_slow_peers_hold_nobody_up(outbound: Outbound) -> None:
    """A hundred peers that say nothing do not keep a good one waiting."""
    async with Peer(peers.never) as dead, Peer() as good:
        stuck = [asyncio.create_task(post(outbound, dead.url)) for _ in range(100)]
        await dead.until(100)
        assert await post(outbound, good.url) == Answer(200)
        assert not any(task.done() for task in stuck)
        assert set(await asyncio.gather(*stuck)) == {NoAnswer(Failure.TIMEOUT)}


async def test_certificate_is_checked(tmp_path: Path) -> None:
    """TLS with an unknown issuer or for another name is refused; with a trusted one the post arrives."""
    server_side, trusting = _certified(tmp_path, "peer.example.jp")
    push, names = Push(allow_networks=LOOPBACK), Names(["127.0.0.1"])
    async with await asyncio.start_server(_ok, "127.0.0.1", 0, ssl=server_side) as server:
        port = server.sockets[0].getsockname()[1]
        async with Outbound(push, resolver=names) as stranger:
            assert await post(stranger, f"https://peer.example.jp:{port}/") == NoAnswer(Failure.TLS)
        async with Outbound(push, resolver=names, trust=trusting) as friend:
            assert await post(friend, f"https://other.example.jp:{port}/") == NoAnswer(Failure.TLS)
            assert await post(friend, f"https://peer.example.jp:{port}/") == Answer(200)


async def _ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"{}")
    writer.write(peers.OK)
    await writer.drain()
    writer.close()


def _certified(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the context of a server called `name`, and that of a client that trusts it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "peer.crt", folder / "peer.key"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(public, private)
    return server_side, ssl.create_default_context(cafile=str(public))
