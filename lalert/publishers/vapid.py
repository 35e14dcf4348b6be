"""Voluntary application server identification (RFC 8292): one key a realm, one token an origin, made twice a day.

The key never changes while the data folder lasts: browsers bind their subscriptions to it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from lalert.errors import Rejected, Text
from lalert.publishers.sealing import encoded

TOKEN_S: Final = 12 * 3_600  # RFC 8292 §2: at most 24 h; clocks of push services may be off by hours
RENEW_S: Final = 3_600
AGREED: Final = "vapid"  # the name under which the nodes of a cluster go by one public key

_MOST_ORIGINS: Final = 256
_HEADER: Final = encoded(b'{"typ":"JWT","alg":"ES256"}')
_SIGNING: Final = ec.ECDSA(SHA256())


@dataclass(slots=True)
class Vapid:
    """The signing key of a realm and its tokens. `subject` (a mailto: or https: URI) is whom a push service asks."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    subject: str
    _tokens: dict[str, tuple[int, str]] = field(default_factory=dict, repr=False)

    @property
    def public_key(self) -> str:
        """What browsers subscribe with (`applicationServerKey`), base64url."""
        return encoded(self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    def authorization(self, endpoint: str, *, now_s: int) -> str:
        """Return the `Authorization` header for `endpoint` at `now_s` (Unix seconds)."""
        origin = origin_of(endpoint)
        expires_s, header = self._tokens.get(origin, (0, ""))
        if expires_s - now_s < RENEW_S:
            expires_s = now_s + TOKEN_S
            header = f"vapid t={self._token(origin, expires_s)},k={self.public_key}"
            self._keep(origin, (expires_s, header))
        return header

    def _token(self, origin: str, expires_s: int) -> str:
        claims = msgspec.json.encode({"aud": origin, "exp": expires_s, "sub": self.subject})
        signed = f"{_HEADER}.{encoded(claims)}"
        r, s = decode_dss_signature(self.key.sign(signed.encode(), _SIGNING))
        return f"{signed}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"  # RFC 7518 §3.4

    def _keep(self, origin: str, token: tuple[int, str]) -> None:
        self._tokens.pop(origin, None)
        self._tokens[origin] = token
        if len(self._tokens) > _MOST_ORIGINS:
            del self._tokens[next(iter(self._tokens))]


def origin_of(endpoint: str) -> str:
    """Return the origin of a URL: scheme, host and, where it is not the scheme's own, port."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}".lower()


def load_or_make(path: Path) -> ec.EllipticCurvePrivateKey:
    """Return the key kept at `path` (PEM, readable by its owner only); the first start makes it.

    Raises `Rejected` (`push.key_file`) when the file holds something else: a new key would silence everybody.
    """
    if not path.exists():
        _make(path)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, OSError) as error:
        raise _unusable(path) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _unusable(path)
    return key


def make() -> ec.EllipticCurvePrivateKey:
    """Return a new key, which no browser knows."""
    return ec.generate_private_key(ec.SECP256R1())


def _make(path: Path) -> None:
    pem = make().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    part = path.with_suffix(f".{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)  # whole or not at all: half a key would stop every later start


def _unusable(path: Path) -> Rejected:
    return Rejected(
        Text(
            f"{path.name} は VAPID の秘密鍵（P-256、PEM形式）として読めません。"
            "バックアップから戻してください。作り直すと、登録済みの全員に届かなくなります。",
            f"{path.name} is no VAPID key (P-256, PEM). Restore it from a backup: a new one would reach nobody.",
        ),
        code="push.key_file",
    )
