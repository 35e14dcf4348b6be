"""Which engine keeps the data: the one place that picks it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lalert.core.model import Realm
from lalert.settings import Storage
from lalert.store.archive import Archive
from lalert.store.base import Store
from lalert.store.look import Look
from lalert.store.redis import RedisStore
from lalert.store.redis.archive import RedisArchive
from lalert.store.redis.look import look as look_at_redis
from lalert.store.sqlite import SqliteStore
from lalert.store.sqlite.archive import SqliteArchive
from lalert.store.sqlite.look import look as look_at_sqlite


async def open_store(settings: Storage, realm: Realm, *, exclusive: bool = True) -> Store:
    """Open the store of `realm` that `settings` name, or create it.

    A hub opens it `exclusive`, the command line does not; a shared store may be open in many hubs. Raises `Rejected`
    for data that this program must not use and for a Redis that could lose what was acknowledged, `Unavailable` when it
    cannot be had now.
    """
    if settings.url is None:
        return await SqliteStore.open(file_of(settings, realm), realm, exclusive=exclusive)
    return await RedisStore.open(settings, realm, is_hub=exclusive)


async def open_archive(settings: Storage, realm: Realm, *, target: bool = False, alone: bool = True) -> Archive:
    """Open what is kept of `realm`, if anything is, to move it; as the `target` to move something there.

    Not `alone`, it may only be looked at. Raises `Unavailable` (store.locked) for a file that a running hub has.
    """
    if settings.url is None:
        return await SqliteArchive.open(file_of(settings, realm), realm, alone=alone)
    return await RedisArchive.open(settings, realm, target=target)


async def look_at(settings: Storage, realm: Realm) -> Look | None:
    """Return what is kept of `realm`, without changing anything; None where nothing is.

    It is checked as a hub checks it at its start. Raises `Rejected` and `Unavailable` like `open_store`.
    """
    file = file_of(settings, realm)
    if settings.url is None:
        return await asyncio.to_thread(look_at_sqlite, file, realm)
    return await look_at_redis(settings, realm, file)


def file_of(settings: Storage, realm: Realm) -> Path:
    """Return the file that keeps `realm` in SQLite; the key files lie beside it, with either engine."""
    return settings.data / f"{realm}.sqlite"
