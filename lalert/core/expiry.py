"""Expiry: a message that has reached its end is ended aloud, on every way out."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime

from lalert.core.model import Draft, Kind, Posted, State


def expiry_of(posted: Posted, *, now: datetime) -> Draft:
    """Return the draft that ends `posted` because its time has come.

    It speaks of the same message with the same zones and reaches, so exactly those who heard the alert hear its end.
    """
    draft = Draft(**{f.name: getattr(posted.entry, f.name) for f in fields(Draft)})
    return replace(
        draft,
        kind=Kind.EXPIRE,
        at=now,
        state=State.EXPIRED,
        cancel_kind=None,
        ends_at=None,
        omission=None,
        silent=False,
        key_id="",
        findings=(),
        matched=(),
    )
