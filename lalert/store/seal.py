"""The seal: what must be had in clear to sign and to encrypt with lies in the store under a key that does not.

AES-256-GCM with a random nonce each; the key is 32 bytes in a file of its own beside the data, 0600. A copy of the data
alone (a backup, a support case) gives away no endpoint's secret and no resident's browser. What is sealed for one
place does not open in another: `about` is authenticated with it.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lalert.errors import Text, Unavailable

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12  # NIST SP 800-38D §8.2.2: random, for up to 2^32 values under one key


class Seal:
    """Seals and opens with one key. Without a key (None: it was lost) both raise `Unavailable`."""

    def __init__(self, key: bytes | None) -> None:
        self._cipher = AESGCM(key) if key is not None else None

    @property
    def has_key(self) -> bool:
        """Whether it opens anything."""
        return self._cipher is not None

    def seal(self, clear: bytes, *, about: str) -> bytes:
        """Return `clear` sealed for the place `about`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._required().encrypt(nonce, clear, about.encode())

    def open(self, sealed: bytes, *, about: str) -> bytes:
        """Return what was sealed for the place `about`. Raises `Unavailable` when it was not, or with another key."""
        try:
            return self._required().decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode())
        except (InvalidTag, ValueError):
            raise _unusable() from None

    def _required(self) -> AESGCM:
        if self._cipher is None:
            raise _unusable()
        return self._cipher


def beside(path: Path, *, is_needed: bool) -> Seal:
    """Return the seal whose key lies beside the data at `path`; it is made where there is none.

    When the data hold something sealed already (`is_needed`) a new key would open nothing and hide that the right one
    was lost: then there is none until the file is back.
    """
    file = path.with_suffix(".seal")
    if not is_needed:
        _make(file)
    with suppress(FileNotFoundError):
        key = file.read_bytes()
        return Seal(key if len(key) == _KEY_BYTES else None)
    return Seal(None)


def _make(file: Path) -> None:
    """Write a new key, whole or not at all; if there is one, leave it."""
    if file.exists():
        return
    fresh = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(secrets.token_bytes(_KEY_BYTES))
            opened.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):  # another program was faster: its key is the key
            os.link(fresh, file)
    finally:
        fresh.unlink()


def _unusable() -> Unavailable:
    return Unavailable(
        Text(
            "配信先の秘密情報を開けません。保存データの横にある .seal ファイルを、"
            "同じ時点のバックアップから戻してください。",
            "The recipients' secrets cannot be opened. Restore the .seal file beside the data from the same backup.",
        ),
        code="store.seal",
    )
