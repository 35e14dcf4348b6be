"""Who must sign, held against who there is: a demand of somebody who is not there demands nothing, and is told."""

from __future__ import annotations

from typing import Final

import structlog

from lalert.sources.source import PREFIX
from lalert.web.context import Context

log = structlog.get_logger("lalert.web")

_MOST: Final = 100  # of a log line


def tell_strangers(ctx: Context) -> None:
    """Log the `key_id` in the trust file that no key and no source of this realm bears.

    It is no reason not to start, because the key may be issued yet; but a misspelt one lets unsigned messages in.
    """
    trust = ctx.hub.signatures.trust
    if trust is None:
        return
    sources = {f"{PREFIX}{source['name']}" for source in ctx.watch.to_list()}
    strangers = sorted(key_id for key_id in trust.by_key_id if key_id not in sources and not ctx.keyring.has(key_id))
    if strangers:
        log.warning("signatures.key_unknown", realm=ctx.hub.realm.value, key_ids=strangers[:_MOST])
