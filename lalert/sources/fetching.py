"""What the sources know of the network: an address is asked, and a whole answer comes back or none does.

The fetcher behind it (`lalert.web.fetcher`) decides which addresses may be reached at all, how long it may take and how
much it may be. Failures are values; their names are all that logs and status say about what went wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer, whole. `url` is where it came from after redirects; headers are as they came."""

    status: int
    url: str
    body: bytes = field(repr=False)
    etag: str | None = None
    last_modified: str | None = None
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Unfetched:
    """Nothing that can be used: `reason` is a name such as `timeout`, `address_refused` or `too_large`."""

    reason: str


class Fetching(Protocol):
    """Where requests go out."""

    async def get(self, url: str, *, headers: Mapping[str, str], limit: int) -> Fetched | Unfetched:
        """Fetch `url` once, redirects included, at most `limit` bytes."""
