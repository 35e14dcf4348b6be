"""A look at one realm in a Redis: what the hub asks of it at every connection, and what is kept. Nothing is made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from lalert.core.model import Realm
from lalert.errors import Unavailable
from lalert.settings import Storage
from lalert.store import seal
from lalert.store.archive import UNFINISHED, unfinished
from lalert.store.look import Look
from lalert.store.redis import origin
from lalert.store.redis.durability import SECTIONS, parse_info
from lalert.store.redis.link import Link, Unfit
from lalert.store.redis.register import Register
from lalert.store.redis.sight import Mark
from lalert.store.redis.survey import span_of

_CONNECTIONS: Final = 1
_FACTS: Final = ("redis_version", "role", "aof_enabled", "maxmemory_policy", "connected_slaves")


async def look(settings: Storage, realm: Realm, beside: Path) -> Look | None:
    """Return what the Redis at `settings.url` has of `realm`, with the seal's key beside `beside`; None for nothing.

    Raises `Rejected` with every finding for a server that could lose alerts and for data of a newer program,
    `Unavailable` when it cannot be reached.
    """
    link = Link(settings, realm, connections=_CONNECTIONS)
    try:
        return await _looked(link, realm, beside)
    except Unavailable as error:
        if isinstance(error.__cause__, Unfit):
            raise error.__cause__.refused from None
        raise
    finally:
        await link.close()


async def _looked(link: Link, realm: Realm, beside: Path) -> Look | None:
    said, kept, endpoints, residents, told, agreed = await link.exchange(
        ("INFO", *SECTIONS),
        ("HMGET", link.names.origin, "epoch", "head", "oldest", "realm", "compat", origin.SEAL),
        ("HLEN", link.names("endpoint")),
        ("HLEN", link.names("resident:id")),
        ("TIME",),
        ("HGETALL", link.names("agreed")),
    )
    epoch, head, oldest, kept_realm, compat, word = cast(list[bytes | None], kept)
    span = span_of((epoch, head, oldest))
    if span is None or kept_realm is None or compat is None:
        if Mark.maybe_read(beside.with_suffix(".left")) is not None:
            raise origin.gone()
        return None
    if int(compat) == UNFINISHED:
        raise unfinished()
    origin.check(realm, kept_realm.decode(), int(compat))
    flat = [word.decode() for word in cast(list[bytes], agreed)]
    seconds, micros = (int(part) for part in cast(list[bytes], told))
    return Look(
        realm=realm,
        span=span,
        keys=tuple(await Register(link).keys()),
        endpoints=cast(int, endpoints),
        residents=cast(int, residents),
        has_sealed=word is not None,
        opens=word is not None and _opens(beside, word),
        clock_off_s=seconds + micros / 1e6 - datetime.now(UTC).timestamp(),
        agreed=dict(zip(flat[::2], flat[1::2], strict=True)),
        facts=_facts(parse_info(bytes(cast(bytes, said)).decode("utf-8", "replace"))),
    )


def _facts(info: Mapping[str, str]) -> dict[str, str]:
    return {name: info[name] for name in _FACTS if name in info}


def _opens(beside: Path, word: bytes) -> bool:
    try:
        seal.beside(beside, is_needed=True).open(word, about=origin.SEAL)
    except Unavailable:
        return False
    return True
