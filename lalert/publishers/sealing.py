"""Message encryption for Web Push (RFC 8291 over RFC 8188, `aes128gcm`), on `cryptography` alone.

Everything that lasts is made once: the loaded public key of a browser is kept, HMAC goes to OpenSSL in one call. What
must be new for each message is new: the key pair and the salt. A key pair depends on nobody, so an `Armoury` makes some
ahead, while there is nothing to send.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEY_BYTES: Final = 65  # an uncompressed point of P-256: 0x04, x, y
AUTH_BYTES: Final = 16
SALT_BYTES: Final = 16
RECORD_BYTES: Final = 4_096  # what every push service takes (RFC 8030 §7.2)
MAX_PLAIN_BYTES: Final = RECORD_BYTES - 16 - 4 - 1 - KEY_BYTES - 16 - 1  # salt, record size, id length, key, tag, end

_CURVE: Final = ec.SECP256R1()
_ECDH: Final = ec.ECDH()
_HEADER: Final = RECORD_BYTES.to_bytes(4, "big") + bytes([KEY_BYTES])
_LAST_RECORD: Final = b"\x02"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The sender's keys for one message. Used once."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)
    public: bytes

    @classmethod
    def new(cls) -> KeyPair:
        """Return a pair that nobody has seen."""
        private = ec.generate_private_key(_CURVE)
        return cls(private, private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


class Armoury:
    """Up to `limit` key pairs made ahead. Any thread may take and fill."""

    def __init__(self, limit: int = 4_096) -> None:
        self._limit = limit
        self._pairs: deque[KeyPair] = deque()

    def __len__(self) -> int:
        return len(self._pairs)

    def take(self) -> KeyPair:
        """Return a pair, once; a new one when none is left."""
        try:
            return self._pairs.popleft()
        except IndexError:
            return KeyPair.new()

    def fill(self, most: int) -> None:
        """Make up to `most` pairs, as long as there is room."""
        for _ in range(min(most, self._limit - len(self._pairs))):
            self._pairs.append(KeyPair.new())


def encrypt(plain: bytes, *, p256dh: bytes, auth: bytes, mine: KeyPair | None = None) -> bytes:
    """Return the body that only the browser with these keys can read. `plain` has at most `MAX_PLAIN_BYTES` bytes.

    Raises ValueError for keys that are none.
    """
    if len(plain) > MAX_PLAIN_BYTES:
        raise ValueError(f"{len(plain)} bytes are more than {MAX_PLAIN_BYTES}")
    return _encrypted(plain, p256dh, auth, mine or KeyPair.new(), secrets.token_bytes(SALT_BYTES))


def is_key(p256dh: bytes) -> bool:
    """Whether this is an uncompressed point that lies on the curve."""
    try:
        _loaded(p256dh)
    except ValueError:
        return False
    return True


def maybe_bytes(text: str) -> bytes | None:
    """Return what base64url text stands for, with or without padding, or None."""
    try:
        raw = urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except (NotBase64, ValueError):
        return None
    return raw if encoded(raw) == text.rstrip("=") else None


def encoded(raw: bytes) -> str:
    """Return base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _encrypted(plain: bytes, p256dh: bytes, auth: bytes, mine: KeyPair, salt: bytes) -> bytes:
    shared = mine.private.exchange(_ECDH, _loaded(p256dh))
    material = _expanded(_hmac(auth, shared), b"WebPush: info\x00" + p256dh + mine.public)  # RFC 8291 §3.4
    secret = _hmac(salt, material)
    key = _expanded(secret, b"Content-Encoding: aes128gcm\x00")[:16]  # RFC 8188 §2.2, §2.3
    nonce = _expanded(secret, b"Content-Encoding: nonce\x00")[:12]
    return b"".join((salt, _HEADER, mine.public, AESGCM(key).encrypt(nonce, plain + _LAST_RECORD, None)))


@lru_cache(maxsize=65_536)
def _loaded(p256dh: bytes) -> ec.EllipticCurvePublicKey:
    if len(p256dh) != KEY_BYTES:
        raise ValueError(f"{len(p256dh)} bytes are no uncompressed point of P-256")
    return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, p256dh)


def _expanded(key: bytes, info: bytes) -> bytes:
    """HKDF-Expand (RFC 5869 §2.3) of one block."""
    return _hmac(key, info + b"\x01")


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
