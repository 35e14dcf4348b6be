"""A look at one realm's log and its nodes from outside: nothing is made, kept or claimed, and one thing forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from lalert.core.model import Cursor, Realm
from lalert.settings import Storage
from lalert.store.base import Span
from lalert.store.nodes import Table
from lalert.store.redis.link import Link
from lalert.store.redis.nodes import table_of

_CONNECTIONS: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What there is of a realm: `span` is None while there is no log; `agreed` is what its nodes go by."""

    realm: Realm
    span: Span | None
    table: Table
    agreed: Mapping[str, str]
    residents: int


async def survey(settings: Storage, realm: Realm) -> Survey:
    """Return what the Redis at `settings.url` has of `realm`.

    Raises `Unavailable` when it cannot be reached, also when it is not as durable as the settings want it.
    """
    link = Link(settings, realm, connections=_CONNECTIONS)
    try:
        table = table_of(await link.run("table"))
        kept, said, residents = await link.exchange(
            ("HMGET", link.names.origin, "epoch", "head", "oldest"),
            ("HGETALL", link.names("agreed")),
            ("HLEN", link.names("resident:id")),
        )
    finally:
        await link.close()
    flat = [word.decode() for word in cast(list[bytes], said)]
    return Survey(
        realm=realm,
        span=span_of(cast(list[bytes | None], kept)),
        table=table,
        agreed=dict(zip(flat[::2], flat[1::2], strict=True)),
        residents=cast(int, residents),
    )


async def forget(settings: Storage, realm: Realm, name: str) -> None:
    """Let nodes agree anew on what they go by under `name`, each at its next start. Raises `Unavailable`."""
    link = Link(settings, realm, connections=_CONNECTIONS)
    try:
        await link.exchange(("HDEL", link.names("agreed"), name))
    finally:
        await link.close()


def span_of(kept: Sequence[bytes | None]) -> Span | None:
    """Return the span that epoch, head and oldest of an origin tell; None where there is no log."""
    epoch, head, oldest = kept
    if epoch is None or head is None or oldest is None:
        return None
    return Span(Cursor(epoch.decode(), int(head)), int(oldest))
