"""A webhook of one of the media, as it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from lalert.core.model import Cursor, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Everything after `since` that its filter lets pass is posted to `url`, signed with `secret`.

    Both must be had in clear, so no store keeps them so (`lalert.store.seal`), and this value does not print them.
    `ended_at` and `end_reason` say why it gets nothing any more (its peer answered 410).
    """

    id: str
    key_id: str  # whose it is
    url: str = field(repr=False)
    format: str  # "json" or "cap"
    subscription: Subscription
    secret: bytes = field(repr=False)
    since: Cursor
    created_at: datetime
    ended_at: datetime | None = None
    end_reason: str = ""
