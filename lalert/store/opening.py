"""Which engine keeps the data: the one place that picks it."""

from __future__ import annotations

from lalert.core.model import Realm
from lalert.settings import Storage
from lalert.store.base import Store
from lalert.store.redis import RedisStore
from lalert.store.sqlite import SqliteStore


async def open_store(settings: Storage, realm: Realm, *, exclusive: bool = True) -> Store:
    """Open the store of `realm` that `settings` name, or create it.

    A hub opens it `exclusive`, the command line does not; a shared store may be open in many hubs. Raises `Rejected`
    for data that this program must not use and for a Redis that could lose what was acknowledged, `Unavailable` when it
    cannot be had now.
    """
    if settings.url is None:
        return await SqliteStore.open(settings.data / f"{realm}.sqlite", realm, exclusive=exclusive)
    return await RedisStore.open(settings, realm, is_hub=exclusive)
