"""A look at one realm's log and its nodes from outside: nothing is made, kept or claimed."""

from __future__ import annotations

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
    """What there is of a realm: `span` is None while there is no log."""

    realm: Realm
    span: Span | None
    table: Table


async def survey(settings: Storage, realm: Realm) -> Survey:
    """Return what the Redis at `settings.url` has of `realm`.

    Raises `Unavailable` when it cannot be reached, also when it is not as durable as the settings want it.
    """
    link = Link(settings, realm, connections=_CONNECTIONS)
    try:
        table = table_of(await link.run("table"))
        [kept] = await link.exchange(("HMGET", link.names.origin, "epoch", "head", "oldest"))
    finally:
        await link.close()
    epoch, head, oldest = cast(list[bytes | None], kept)
    if epoch is None or head is None or oldest is None:
        return Survey(realm=realm, span=None, table=table)
    return Survey(realm=realm, span=Span(Cursor(epoch.decode(), int(head)), int(oldest)), table=table)
