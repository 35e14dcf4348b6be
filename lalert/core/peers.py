"""Whom the hub delivers to: media endpoints and residents, as they are kept.

Both hold secrets that must be had in clear, to sign and to encrypt with; no store keeps them so (`lalert.store.seal`).
None of these values prints them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time

from lalert.core.model import Cursor, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A webhook of one of the media: everything after `since` that its filter lets pass is posted to `url`.

    `secret` signs what is posted. `ended_at` and `end_reason` say why it gets nothing any more (410).
    """

    id: str
    key_id: str  # whose it is
    url: str = field(repr=False)
    format: str  # "json" or "cap"
    subscription: Subscription = field(repr=False)
    secret: bytes = field(repr=False)
    since: Cursor
    created_at: datetime
    ended_at: datetime | None = None
    end_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushAddress:
    """Where a browser's push service takes messages for it (RFC 8030), and its keys (RFC 8291), raw bytes."""

    url: str = field(repr=False)
    p256dh: bytes = field(repr=False)  # 65 bytes, an uncompressed point of P-256
    auth: bytes = field(repr=False)  # 16 bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """Somebody who asked for pushes: no account, no name, no coordinate.

    `digest` is the SHA-256 (hex) of the secret that lets the browser change or end this. `areas` are codes of 2 or 6
    digits, `cells` codes of JIS X 0410 grid squares. `quiet` is the part of the day (Japan time) without sound.
    """

    id: str
    digest: str = field(repr=False)
    push: PushAddress = field(repr=False)
    areas: frozenset[str] = field(default=frozenset(), repr=False)
    cells: frozenset[str] = field(default=frozenset(), repr=False)
    min_level: int | None = None
    hazards: frozenset[str] = frozenset()
    lang: str = "ja"
    quiet: tuple[time, time] | None = None
    created_at: datetime
