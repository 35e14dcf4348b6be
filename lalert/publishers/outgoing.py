"""What a courier knows of the network: one request goes out, and an answer comes back or none does.

The session behind it (`lalert.web.gate`) decides which addresses may be reached at all. Failures are values here,
and their names are all that the log and the receipts ever say about a peer: never its address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final, Protocol

LONGEST_WAIT_S: Final = 86_400.0  # a peer that wants to be left alone for longer is asked once a day


class Failure(StrEnum):
    """Why there was no answer."""

    NAME = "name_unknown"
    ADDRESS = "address_refused"  # the guard's own: a private address that no setting allows
    CONNECTION = "connection_failed"
    TLS = "tls_failed"
    TIMEOUT = "timeout"
    CLOSED = "connection_closed"
    PROTOCOL = "protocol_error"


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an HTTP answer; what its body says does not matter. `retry_after` is that header as it came."""

    status: int
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing that can be called an answer."""

    failure: Failure


class Outgoing(Protocol):
    """Where requests go out."""

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer | NoAnswer:
        """Post `body` to `url` once, within the time that the settings give; redirects are not followed."""


def retry_after_s(text: str | None, *, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` asks for (RFC 9110 §10.2.3: seconds or a date), or None."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT_S)
    try:
        at = parsedate_to_datetime(text[:64])
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), LONGEST_WAIT_S)
