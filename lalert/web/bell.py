"""The bell of one realm: its residents, kept, told and tested."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric import ec

from lalert.core.delivery import Outcome
from lalert.core.model import Cursor
from lalert.core.resident import Resident
from lalert.errors import LalertError, Text, Unavailable
from lalert.hub import Hub
from lalert.publishers.census import Census
from lalert.publishers.outgoing import Outgoing
from lalert.publishers.residents import Pushes
from lalert.publishers.services import lane_of
from lalert.publishers.vapid import Vapid, load_or_make, make

log = structlog.get_logger("lalert.bell")

_SUBJECT: Final = "https://lalert.example/contact"
_VAPID: Final = "vapid"
_NO_KEY: Final = Text(
    "このノードには通知用の鍵がないため、試験送信ができません。管理者に連絡してください。",
    "This node has not the key for notifications and cannot send a test. Tell its operator.",
)


class Bell:
    """Who wants to be told, and the courier that tells them. `start` before the dispatcher, `stop` after it.

    `lanes_changed` is called when residents came on a lane that was not served yet. `public_key` is what browsers
    subscribe with: that of the cluster. `can_push` is False on a node that has not the private key to it.
    """

    def __init__(self, hub: Hub, outgoing: Outgoing, *, key_file: Path) -> None:
        self._hub = hub
        self._key_file = key_file
        self._outgoing = outgoing
        self.census = Census(hub.store, clock=hub.clock)
        self.lanes_changed: Callable[[], Awaitable[None]] = _nobody_listens
        self.can_push = False
        self._followed = hub.tail.head  # where the log was when everybody was known last
        self._is_key_new = not key_file.exists()
        self._use(make(), "")

    async def start(self) -> None:
        """Find the key, and read everybody from the store.

        A lane that was never saved begins where the log does: whoever subscribed after an entry is not told of it, so
        this repeats nothing, and a crash right after the first subscription loses nothing.
        """
        await self._find_key()
        self._followed = self._hub.tail.head
        await self.census.load()
        if self._is_key_new and self.can_push and len(self.census):
            log.error(
                "push.key_made", realm=self._hub.realm.value, residents=len(self.census)
            )  # they hear the old one only
        span = await self._hub.store.span()
        self.courier.serve(self.census.lanes, Cursor(span.head.epoch, span.oldest - 1))

    async def stop(self) -> None:
        """Release the threads."""
        await self.census.close()

    async def follow(self) -> None:
        """Take over who came and left, on whichever node, and serve the lanes that somebody is on for the first time.

        Such a lane begins where the log was when nobody was known to be on it.
        """
        since, self._followed = self._followed, self._hub.tail.head
        try:
            await self.census.follow()
        except LalertError:
            self._followed = since
            raise
        if self.courier.serve(self.census.lanes, since):
            await self.lanes_changed()

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
        """Push a test to one resident. Raises `Unavailable` on a node that has not the key."""
        if not self.can_push:
            raise Unavailable(_NO_KEY, code="push.key_missing", retry_after_s=60)
        return await self.courier.test(resident)

    async def arm(self) -> None:
        """Make some keys ahead, if there is room: the next alert finds them ready."""
        await asyncio.to_thread(self.courier.arm)

    async def _find_key(self) -> None:
        """Use the key that all nodes push with. A new one would silence everybody: it is made for a new store only.

        A node that has another key, or none where there should be one, says so and pushes nothing.
        """
        nodes = self._hub.store.nodes
        agreed = await nodes.agreed(_VAPID)
        if agreed is not None and self._is_key_new:
            self._go_without(agreed)
            return
        key = load_or_make(self._key_file)
        own = Vapid(key, subject=_SUBJECT).public_key
        agreed = await nodes.agree(_VAPID, own)
        if agreed == own:
            self.can_push = True
            self._use(key, own)
            return
        if self._is_key_new:  # another node was faster: no browser ever saw this one
            self._key_file.unlink()
        self._go_without(agreed)

    def _go_without(self, agreed: str) -> None:
        realm, is_other = self._hub.realm.value, not self._is_key_new
        log.error("push.key_missing", realm=realm, file=self._key_file.name, is_other=is_other)
        self._use(make(), agreed)

    def _use(self, key: ec.EllipticCurvePrivateKey, public_key: str) -> None:
        url = self._hub.site.public_url
        # Push services write to the subject when something is wrong; a hub without a public https address has none.
        vapid = Vapid(key, subject=url if url.startswith("https://") else _SUBJECT)
        self.public_key = public_key
        self.courier = Pushes(self.census, self._outgoing, vapid, site=self._hub.site, clock=self._hub.clock)


async def _nobody_listens() -> None:
    pass
