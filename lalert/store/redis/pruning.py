"""Retention in Redis: the log begins later, and what lies before its beginning goes, a few hundred entries at a time.

The beginning moves first. A crash between two chunks leaves entries that no reader is shown any more; the next run
drops them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, cast

from lalert.store.redis.ledger import Ledger
from lalert.store.redis.link import Link

_CHUNK: Final = 200  # entries in one script


class Pruning:
    """Drops what retention allows to drop."""

    def __init__(self, link: Link, ledger: Ledger) -> None:
        self._link = link
        self._ledger = ledger

    async def prune(self, before: datetime) -> int:
        """Let the log begin at the first entry accepted at or after `before`; return how many entries went.

        Of what lies before its beginning, messages in force stay, and those whose end the log still tells.
        """
        await self._link.run("begin", await self._ledger.oldest_from(before))
        return await self._drop("drop") + await self._drop("drop_outside")

    async def _drop(self, name: str) -> int:
        dropped, position, is_done = 0, 0, 0
        while not is_done:
            count, position, is_done = cast(list[int], await self._link.run(name, position, _CHUNK))
            dropped += count
        return dropped
