"""A push service of one's own (RFC 8030, server side) with phones behind it: for the demo and the tests.

It is as strict as the real ones: no token, a wrong audience, a missing TTL, a topic of the wrong form or a body of more
than one record is refused. What it takes it decrypts with PyPI `http_ece`, an implementation that shares nothing with
ours, and shows on a page that looks like a phone.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final

import http_ece
import msgspec
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lalert.publishers.sealing import RECORD_BYTES, encoded, maybe_bytes

_TOPIC: Final = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_URGENCIES: Final = frozenset({"very-low", "low", "normal", "high"})
_LONGEST_TOKEN_S: Final = 86_400
_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Arrival:
    """One push as the phone got it: decrypted, with the headers that the service saw."""

    token: str
    payload: Mapping[str, object]
    ttl_s: int
    urgency: str
    topic: str

    @property
    def notification(self) -> Mapping[str, object]:
        """What is shown."""
        shown = self.payload["notification"]
        assert isinstance(shown, dict)
        return shown


@dataclass(frozen=True, slots=True)
class Phone:
    """A browser: its keys, and the JSON that it gives to an application server."""

    token: str
    private: ec.EllipticCurvePrivateKey = field(repr=False)
    auth: bytes = field(repr=False)
    endpoint: str

    @property
    def subscription(self) -> dict[str, object]:
        """What `PushSubscription.toJSON()` returns."""
        public = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.endpoint, "keys": {"p256dh": encoded(public), "auth": encoded(self.auth)}}


class PushService:
    """Takes pushes for its phones. `answer` may decide otherwise: a status and headers instead of 201."""

    def __init__(self) -> None:
        self.origin = ""
        self.arrivals: list[Arrival] = []
        self.refused: list[tuple[int, str]] = []
        self.answer: Callable[[str], tuple[int, Mapping[str, str]] | None] = lambda _: None
        self.news = asyncio.Condition()
        self._phones: dict[str, Phone] = {}

    def phone(self) -> Phone:
        """Return a new phone, ready to receive."""
        token = secrets.token_urlsafe(16)
        private = ec.generate_private_key(ec.SECP256R1())
        self._phones[token] = Phone(token, private, secrets.token_bytes(16), f"{self.origin}/push/{token}")
        return self._phones[token]

    def switch_off(self, phone: Phone) -> None:
        """End a phone's subscription: 410 from now on."""
        self._phones.pop(phone.token, None)

    def of(self, phone: Phone) -> list[Arrival]:
        """Return what came to one phone, in order."""
        return [arrival for arrival in self.arrivals if arrival.token == phone.token]

    async def until(self, is_so: Callable[[], object], patience_s: float = 30.0) -> None:
        """Wait until something that came makes `is_so` true. Raises TimeoutError."""
        async with asyncio.timeout(patience_s), self.news:
            await self.news.wait_for(is_so)

    async def take(self, request: web.Request) -> web.Response:
        """Take one push (RFC 8030 §5)."""
        token = request.match_info["token"]
        decided = self.answer(token)
        if decided is not None:
            await request.read()
            status, headers = decided
            return web.Response(status=status, headers=headers)
        body = await request.content.read(RECORD_BYTES + 1)
        fault = self._fault(request.headers, body)
        if fault is not None:
            self.refused.append(fault)
            return web.Response(status=fault[0], text=fault[1])
        phone = self._phones.get(token)
        if phone is None:
            return web.Response(status=410)
        plain = http_ece.decrypt(body, private_key=phone.private, auth_secret=phone.auth, version="aes128gcm")
        await self._arrived(
            Arrival(
                token,
                json.loads(plain),
                int(request.headers["TTL"]),
                request.headers.get("Urgency", "normal"),
                request.headers.get("Topic", ""),
            )
        )
        return web.Response(status=201, headers={"Location": f"{self.origin}/message/{secrets.token_urlsafe(8)}"})

    async def page(self, _: web.Request) -> web.Response:
        """Show a phone."""
        html = (files("lalert.cli") / "phone.html").read_text("utf-8")
        return web.Response(text=html, content_type="text/html")

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """Tell the page what came and what comes, as server-sent events."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        sent = max(0, len(self.arrivals) - _SHOWN)
        while True:
            async with self.news:
                await self.news.wait_for(lambda: len(self.arrivals) > sent)  # noqa: B023 - awaited at once
            for arrival in self.arrivals[sent:]:
                await response.write(b"data: " + msgspec.json.encode(arrival.notification) + b"\n\n")
            sent = len(self.arrivals)

    async def _arrived(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)
        async with self.news:
            self.news.notify_all()

    def _fault(self, headers: Mapping[str, str], body: bytes) -> tuple[int, str] | None:
        """Return status and reason of what a strict push service refuses."""
        if len(body) > RECORD_BYTES:
            return 413, "more than one record"
        if not headers.get("TTL", "").isdigit():
            return 400, "no TTL"
        if not _TOPIC.fullmatch(headers.get("Topic", "x")):
            return 400, "no topic"
        if headers.get("Urgency", "normal") not in _URGENCIES:
            return 400, "no urgency"
        if headers.get("Content-Encoding") != "aes128gcm":
            return 415, "no known encoding"
        return self._unauthorised(headers.get("Authorization", ""))

    def _unauthorised(self, header: str) -> tuple[int, str] | None:
        """Say what is wrong with a VAPID header (RFC 8292 §4.2)."""
        parts = dict(part.strip().partition("=")[::2] for part in header.removeprefix("vapid ").split(","))
        if not header.startswith("vapid ") or not {"t", "k"} <= set(parts):
            return 401, "no vapid"
        claims = _verified(parts["t"], maybe_bytes(parts["k"]) or b"")
        if claims is None:
            return 403, "no valid signature"
        left_s = float(str(claims.get("exp", 0))) - time.time()
        is_right = claims.get("aud") == self.origin and 0 < left_s <= _LONGEST_TOKEN_S
        return None if is_right else (403, "another audience, or too old")


@asynccontextmanager
async def running(*, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[PushService]:
    """Run a push service as long as the context lasts."""
    service = PushService()
    app = web.Application(client_max_size=1 << 16)
    app.add_routes(
        [
            web.post("/push/{token}", service.take),
            web.get("/", service.page),
            web.get("/messages", service.messages, allow_head=False),
        ]
    )
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        addresses: Sequence[tuple[str, int]] = runner.addresses
        service.origin = f"http://{host}:{addresses[0][1]}"
        yield service
    finally:
        await runner.cleanup()


def _verified(token: str, key: bytes) -> dict[str, object] | None:
    """Return the claims of an ES256 token that `key` has signed, or None."""
    signed, _, signature = token.rpartition(".")
    raw = maybe_bytes(signature) or b""
    claims = maybe_bytes(signed.partition(".")[2])
    if len(raw) != 64 or claims is None:
        return None
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
        public.verify(der, signed.encode(), ec.ECDSA(SHA256()))
    except (ValueError, InvalidSignature):
        return None
    return msgspec.json.decode(claims, type=dict[str, object])
