"""Whose signatures count and what the hub signs with: taken up from the operator's files while the hub runs.

Who must sign is held against who there is: a demand of somebody who is not there demands nothing, and is told.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from lalert.core.model import Realm
from lalert.core.signatures import Signatures, load
from lalert.settings import Settings
from lalert.sources.source import PREFIX
from lalert.web.context import Context
from lalert.web.followed import Followed, Note, told

log = structlog.get_logger("lalert.web")

_MOST: Final = 100  # of a log line


def followed(settings: Settings, realm: Realm) -> Followed[Signatures]:
    """Return the files of a realm's signatures, to be read."""

    def read(note: Note) -> Signatures:
        return load(settings.signatures, realm, note=note)

    return Followed(read)


async def follow(ctx: Context) -> None:
    """Take what the files say now, if they have changed; what is wrong leaves those before in force, and is told."""
    files = ctx.signatures
    if not await asyncio.to_thread(files.is_due):
        return
    with told(ctx.hub, "signatures"):
        ctx.hub.take_signatures(await asyncio.to_thread(files.read))
        tell_strangers(ctx)


def tell_strangers(ctx: Context) -> None:
    """Log the `key_id` in the trust file that no key and no source of this realm bears.

    It is no reason not to start, because the key may be issued yet; but a misspelt one lets unsigned messages in.
    """
    trust = ctx.hub.signatures.trust
    if trust is None:
        return
    sources = {f"{PREFIX}{source['name']}" for source in ctx.sources.watch.to_list()}
    strangers = sorted(key_id for key_id in trust.by_key_id if key_id not in sources and not ctx.keyring.has(key_id))
    if strangers:
        log.warning("signatures.key_unknown", realm=ctx.hub.realm.value, key_ids=strangers[:_MOST])
