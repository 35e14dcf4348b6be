"""The bell of one realm: its residents, kept, told and tested."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog

from lalert.core.delivery import Outcome
from lalert.core.model import Cursor
from lalert.core.resident import Resident
from lalert.hub import Hub
from lalert.publishers.census import Census
from lalert.publishers.outgoing import Outgoing
from lalert.publishers.residents import Pushes
from lalert.publishers.services import lane_of
from lalert.publishers.vapid import Vapid, load_or_make

log = structlog.get_logger("lalert.bell")

_SUBJECT: Final = "https://lalert.example/contact"


class Bell:
    """Who wants to be told, and the courier that tells them. `start` before the dispatcher, `stop` after it.

    `lanes_changed` is called when residents came on a lane that was not served yet.
    """

    def __init__(self, hub: Hub, outgoing: Outgoing, *, key_file: Path) -> None:
        self._hub = hub
        self._key_is_new = not key_file.exists()
        url = hub.site.public_url
        # Push services write to the subject when something is wrong; a hub without a public https address has none.
        vapid = Vapid(load_or_make(key_file), subject=url if url.startswith("https://") else _SUBJECT)
        self.public_key = vapid.public_key
        self.census = Census(hub.store, clock=hub.clock)
        self.courier = Pushes(self.census, outgoing, vapid, site=hub.site, clock=hub.clock)
        self.lanes_changed: Callable[[], Awaitable[None]] = _nobody_listens

    async def start(self) -> None:
        """Read everybody from the store.

        A lane that was never saved begins where the log does: whoever subscribed after an entry is not told of it, so
        this repeats nothing, and a crash right after the first subscription loses nothing.
        """
        await self.census.load()
        if self._key_is_new and len(self.census):
            log.error(
                "push.key_made", realm=self._hub.realm.value, residents=len(self.census)
            )  # they hear the old one only
        span = await self._hub.store.span()
        self.courier.serve(self.census.lanes, Cursor(span.head.epoch, span.oldest - 1))

    async def stop(self) -> None:
        """Release the threads."""
        await self.census.close()

    async def add(self, resident: Resident) -> Resident:
        """Keep a resident, and tell of everything from now on."""
        head = self._hub.tail.head
        kept = await self._hub.store.add_resident(resident)
        self.census.add(kept)
        if self.courier.serve([lane_of(kept.peer.endpoint, kept.number)], head):
            await self.lanes_changed()
        return kept

    async def remove(self, resident: Resident) -> None:
        """Forget a resident."""
        await self._hub.store.remove_resident(resident.id)
        self.census.drop([resident.number])

    async def test(self, resident: Resident) -> Outcome:
        """Push a test to one resident."""
        return await self.courier.test(resident)

    async def arm(self) -> None:
        """Make some keys ahead, if there is room: the next alert finds them ready."""
        await asyncio.to_thread(self.courier.arm)


async def _nobody_listens() -> None:
    pass
