"""Standard Webhooks: how a receiver knows that a message is ours, whole and new (standardwebhooks.com, version 1).

Signed are the id, the time and the bytes of the body: `HMAC-SHA256(secret, "{id}.{timestamp}.{body}")`. A receiver
refuses what is older than a few minutes, so that an overheard message cannot be sent again, and takes an id only once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from typing import Final

SECRET_BYTES: Final = 32
PREFIX: Final = "whsec_"

_LENGTHS: Final = range(24, 65)  # bytes of a secret, by the specification


def secret_text(secret: bytes) -> str:
    """Return a secret as its holder gets it."""
    return PREFIX + base64.b64encode(secret).decode("ascii")


def maybe_secret(text: str) -> bytes | None:
    """Return the secret that `text` spells, or None."""
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return secret if text.startswith(PREFIX) and len(secret) in _LENGTHS else None


def signed_headers(secret: bytes, *, id_: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the three headers of a message: `id_` is the same at every attempt, `at` is now."""
    timestamp = int(at.timestamp())
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, id_=id_, timestamp=timestamp, body=body),
    }


def signature(secret: bytes, *, id_: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`; `timestamp` counts seconds since 1970."""
    signed = b"%b.%d.%b" % (id_.encode("ascii"), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode("ascii")


def is_signed(secret: bytes, *, given: str, id_: str, timestamp: int, body: bytes) -> bool:
    """Whether one of the signatures in `given` (separated by blanks) is that of this message."""
    own = signature(secret, id_=id_, timestamp=timestamp, body=body).encode("ascii")
    return any(hmac.compare_digest(own, one.encode()) for one in given.split(" "))
