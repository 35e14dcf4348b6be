"""The bell of one realm: its residents, kept, told and tested."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric import ec

from lalert.commit import Counting
from lalert.core.delivery import Outcome
from lalert.core.model import Cursor, Draft
from lalert.core.resident import Resident
from lalert.errors import LalertError, Text, Unavailable
from lalert.hub import Hub
from lalert.publishers.census import Census
from lalert.publishers.outgoing import Outgoing
from lalert.publishers.residents import WAY, Pushes
from lalert.publishers.services import lane_of
from lalert.publishers.vapid import AGREED, Vapid, load_or_make, make

log = structlog.get_logger("lalert.bell")

_RETRY_S: Final = 2.0
_DEFECT_S: Final = 60.0  # everybody is read anew then
_SUBJECT: Final = "https://lalert.example/contact"
_NO_KEY: Final = Text(
    "このノードには通知用の鍵がないため、試験送信ができません。管理者に連絡してください。",
    "This node has not the key for notifications and cannot send a test. Tell its operator.",
)


class Bell:
    """Who wants to be told, and the courier that tells them. `start` before the dispatcher, `stop` after it.

    Nothing waits for the residents to be read: `read` does so beside everything else. Until it has (`is_complete`) no
    lane is listed, and as the node does not say that it can push (`can_push`), it is given none either: each stays
    where it was saved.

    `lanes_changed` is called when residents came on a lane that was not served yet, `on_complete` when everybody is
    known. `public_key` is what browsers subscribe with: that of the cluster. `has_key` is False on a node that has not
    the private key to it. `fault` is the code of what keeps the residents from being read now, empty if nothing does.
    """

    def __init__(self, hub: Hub, outgoing: Outgoing, *, key_file: Path) -> None:
        self._hub = hub
        self._key_file = key_file
        self._outgoing = outgoing
        self.census = Census(hub.store, clock=hub.clock, calm=hub.calm)
        self.lanes_changed: Callable[[], Awaitable[None]] = _nobody_listens
        self.on_complete: Callable[[], None] = lambda: None
        self.is_complete = False
        self.has_key = False
        self.fault = ""
        self._followed = hub.tail.head  # where the log was when everybody was known last
        self._is_key_new = not key_file.exists()
        self._use(make(), "")

    @property
    def can_push(self) -> bool:
        """Whether this node knows everybody and has the keys to reach them."""
        return self.is_complete and self.has_key and self._hub.store.has_seal

    async def start(self) -> None:
        """Find the key. Raises `Unavailable`: then this node pushes nothing."""
        self._hub.metrics.residents_complete.labels(self._hub.realm.value).set(0)
        await self._find_key()

    async def read(self) -> None:
        """Read everybody from the store, and serve their lanes; when the store is away, go on when it is back.

        Without the key of the seal nobody can be read: that is said, and their lanes rest until the hub starts with it.
        """
        realm = self._hub.realm.value
        while not self.is_complete:
            try:
                await self._read()
            except Exception as error:
                self._note(error)
                if not self._hub.store.has_seal:
                    return
                await asyncio.sleep(_RETRY_S if isinstance(error, Unavailable) else _DEFECT_S)
        log.info("residents.complete", realm=realm, residents=len(self.census))
        self._hub.metrics.residents_complete.labels(realm).set(1)
        self.on_complete()

    async def _read(self) -> None:
        """Read everybody, and list their lanes.

        A lane that was never saved begins where the log does: whoever subscribed after an entry is not told of it, so
        this repeats nothing, and a crash right after the first subscription loses nothing.
        """
        since = self._hub.tail.head
        await self.census.load()
        await self.census.follow()  # it may read everybody anew: here it may take its time
        span = await self._hub.store.span()
        self.courier.serve(self.census.lanes, Cursor(span.head.epoch, span.oldest - 1))
        self._followed, self.is_complete, self.fault = since, True, ""
        if self._is_key_new and self.has_key and len(self.census):  # they hear the old one only
            log.error("push.key_made", realm=self._hub.realm.value, residents=len(self.census))

    def _note(self, error: Exception) -> None:
        """Say aloud, and once, why nobody can be told."""
        realm = self._hub.realm.value
        if not isinstance(error, Unavailable):
            log.error("residents.defect", realm=realm, exc_info=error)
            self.fault = "defect"
        elif error.code != self.fault:
            log.error("recipients.unreadable", realm=realm, way=WAY, code=error.code, read=self.census.read)
            self.fault = error.code

    async def stop(self) -> None:
        """Release the threads."""
        await self.census.close()

    async def follow(self) -> None:
        """Take over who came and left, on whichever node, and serve the lanes that somebody is on for the first time.

        Such a lane begins where the log was when nobody was known to be on it.
        """
        if not self.is_complete:
            return
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
        if self.is_complete and self.courier.serve([lane_of(kept.peer.endpoint, kept.number)], head):
            await self.lanes_changed()
        return kept

    async def remove(self, resident: Resident) -> None:
        """Forget a resident."""
        await self._hub.store.remove_resident(resident.id)
        self.census.drop([resident.number])

    async def test(self, resident: Resident) -> Outcome:
        """Push a test to one resident. Raises `Unavailable` on a node that has not the key."""
        if not self.has_key:
            raise Unavailable(_NO_KEY, code="push.key_missing", retry_after_s=60)
        return await self.courier.test(resident)

    def counting(self, draft: Draft) -> Counting | None:
        """Return how to count the residents who would be told of `draft`; None while not everybody is known."""
        return self.census.counting(draft) if self.is_complete else None

    async def arm(self) -> None:
        """Make some keys ahead, if there is room: the next alert finds them ready."""
        await asyncio.to_thread(self.courier.arm)

    async def _find_key(self) -> None:
        """Use the key that all nodes push with. A new one would silence everybody: it is made for a new store only.

        A node that has another key, or none where there should be one, says so and pushes nothing.
        """
        nodes = self._hub.store.nodes
        agreed = await nodes.agreed(AGREED)
        if agreed is not None and self._is_key_new:
            self._go_without(agreed)
            return
        key = load_or_make(self._key_file)
        own = Vapid(key, subject=_SUBJECT).public_key
        agreed = await nodes.agree(AGREED, own) if agreed is None else agreed  # a full store takes no new word
        if agreed == own:
            self.has_key = True
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
