"""Names of logs. A log that could use a position for the second time gets another name first."""

from __future__ import annotations

import secrets
from typing import Final

_LETTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH: Final = 4


def random_epoch() -> str:
    """Return a name for a new log."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
