"""A look at what is kept, for whoever wants to know whether it can be used: nothing is made, kept or claimed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lalert.core.model import Realm
from lalert.store.base import Span, StoredKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What there is of one realm.

    `has_sealed` says that something lies under the seal, `opens` that the key beside the data opens it. `last_at` is
    when the newest entry was kept, by the clock of then. `clock_off_s` is how far the store's own clock is ahead of
    this machine's, None where it has none. `agreed` is what nodes go by, `facts` what the engine says of itself.
    """

    realm: Realm
    span: Span
    keys: tuple[StoredKey, ...] = field(repr=False)
    endpoints: int
    residents: int
    has_sealed: bool
    opens: bool
    last_at: datetime | None = None
    clock_off_s: float | None = None
    agreed: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
