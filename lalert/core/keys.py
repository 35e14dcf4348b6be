"""API keys as text: `lalert_<realm>_<key id>_<secret>`.

The realm stands in the text, so that a drill key that is used in earnest is refused by name and not as unknown; the
prefix lets secret scanners find keys that were committed by mistake. The secret has 256 bits of entropy, so its plain
SHA-256 digest is enough to keep: there is nothing to guess and nothing to salt.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Final

from lalert.core.model import Realm
from lalert.errors import Defect, Text

SECRET_BYTES: Final = 32

_KEY_ID: Final = "[0-9a-z]{4,16}"
_ENTROPY: Final = "[A-Za-z0-9_-]{43}"  # 32 bytes in URL-safe Base64 without padding
_TEXT: Final = re.compile(f"lalert_({'|'.join(Realm)})_({_KEY_ID})_({_ENTROPY})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its holder has it."""

    realm: Realm
    key_id: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"lalert_{self.realm}_{self.key_id}_{self.secret}"

    @property
    def digest(self) -> str:
        """What is kept of the secret: SHA-256, 64 hexadecimal digits."""
        return hashlib.sha256(self.secret.encode("ascii")).hexdigest()

    def matches(self, digest: str) -> bool:
        """Whether this key is the one of which `digest` was kept; the time taken says nothing about either."""
        return hmac.compare_digest(self.digest, digest)


def make(realm: Realm, *, key_id: str, entropy: bytes) -> ApiKey:
    """Return the key `key_id` (4 to 16 of `0-9a-z`) whose secret is the 32 random bytes `entropy`."""
    made = ApiKey(realm, key_id, urlsafe_b64encode(entropy).decode("ascii").rstrip("="))
    if maybe_parse(str(made)) != made:
        raise Defect(Text("キーの形式が正しくありません。", "Not the parts of a key."), code="key.form")
    return made


def maybe_parse(text: str) -> ApiKey | None:
    """Return the key that `text` spells, or None."""
    found = _TEXT.fullmatch(text)
    return ApiKey(Realm(found[1]), found[2], found[3]) if found else None
