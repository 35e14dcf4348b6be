"""The durability contract on Redis: one log that several hubs share.

Every change is one script (`lua/`), so that Redis keeps it whole or not at all and two hubs can never both be first.
What happens in them is in `appender` and `plan` (the log), `ledger` (reading it), `pruning`, `register`, `peers` and
`deliveries`; the connections in `link`, what a Redis must be to be trusted in `durability`, what was seen of the log
and must not be gone in `sight`. Nothing here blocks the event loop: what computes long does so in threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog

from lalert.core.delivery import Attempt, LaneState
from lalert.core.endpoint import Endpoint
from lalert.core.model import Draft, Entry, Posted, Realm
from lalert.core.resident import Resident
from lalert.core.shares import Deed
from lalert.settings import Durability, Storage
from lalert.store.base import AuditLine, Outcome, Span, StoredKey
from lalert.store.epoch import random_epoch
from lalert.store.nodes import Nodes
from lalert.store.redis import origin
from lalert.store.redis.appender import Appender
from lalert.store.redis.deliveries import Deliveries
from lalert.store.redis.fence import Fence
from lalert.store.redis.ledger import Ledger
from lalert.store.redis.link import Link
from lalert.store.redis.nodes import RedisNodes
from lalert.store.redis.peers import Peers
from lalert.store.redis.pruning import Pruning
from lalert.store.redis.register import Register
from lalert.store.redis.sight import Mark, Sight
from lalert.store.seal import Seal

log = structlog.get_logger("lalert.store.redis")

_CONNECTIONS: Final = 16
_FOLLOWERS: Final = 4  # connections that wait for the log to go on


def _now() -> datetime:
    return datetime.now(UTC)


class RedisStore:
    """One realm's store in one Redis. Made by `open`."""

    is_shared: Final = True

    def __init__(self, link: Link, following: Link, sight: Sight, fence: Fence, sealing: Seal) -> None:
        self.realm = link.names.realm
        self._links = (link, following)
        self._sight = sight
        self._ledger = Ledger(link, following, sight, fence)
        self._appender = Appender(link, self._ledger, sight, fence)
        self._pruning = Pruning(link, self._ledger)
        self._register = Register(link)
        self._peers = Peers(link, sealing)
        self._deliveries = Deliveries(link)
        self.nodes: Nodes = RedisNodes(link, fence)
        self.has_seal = sealing.has_key
        self._is_closed = False

    @classmethod
    async def open(
        cls,
        settings: Storage,
        realm: Realm,
        *,
        is_hub: bool = True,
        new_epoch: Callable[[], str] = random_epoch,
        clock: Callable[[], datetime] = _now,
    ) -> RedisStore:
        """Open the store in the Redis at `settings.url`, or create it with `new_epoch()` as the name of its log.

        The key files of a hub and its note of where the log was left lie in `settings.data`; the command line goes by
        the note, too, where there is one. Raises `Rejected` for a Redis that could lose what was acknowledged
        (store.durability, with the lines to change) and for data that this program must not use, `Unavailable` when
        Redis cannot be had now, or when it has nothing of the log that was left.
        """
        if is_hub and settings.durability is Durability.NONE:
            log.warning("store.not_durable", realm=realm.value, durability=settings.durability.value)
        link = Link(settings, realm, connections=_CONNECTIONS)
        following = Link(settings, realm, connections=_FOLLOWERS)
        try:
            file = settings.data / f"{realm}.left"
            left = await asyncio.to_thread(Mark.maybe_read, file)
            mark = await origin.find(link, left, now=clock(), new_epoch=new_epoch)
            sealing = await origin.sealing(link, settings.data / f"{realm}.redis") if is_hub else Seal(None)
        except BaseException:
            await link.close()
            await following.close()
            raise
        sight = Sight(link, mark, file if is_hub else None, new_epoch=new_epoch)
        return cls(link, following, sight, Fence(link, settings), sealing)

    # --- the log ------------------------------------------------------------------------------------------------

    async def span(self) -> Span:
        """Return what the log holds now."""
        return await self._ledger.span()

    async def append(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        """Keep `drafts` in their order, in one durable transaction; return one outcome each."""
        return await self._appender.append(drafts) if drafts else []

    async def read(self, after: int, limit: int) -> Sequence[Entry]:
        """Return up to `limit` entries with positions greater than `after`, in order. Raises `Gap`."""
        return await self._ledger.read(after, limit)

    async def follow(self, after: int, limit: int) -> Sequence[Entry]:
        """Return up to `limit` entries after `after` as soon as there are any, whoever appended them."""
        return await self._ledger.follow(after, limit)

    async def read_from(self, at: datetime, limit: int) -> Sequence[Entry]:
        """Return the entries accepted at or after `at`, the newest `limit` of them, in order."""
        return await self._ledger.read_from(at, limit)

    async def find(self, identifier: str) -> Sequence[Posted]:
        """Return the messages with this CAP identifier and how they stand, oldest first."""
        return await self._ledger.find(identifier)

    async def find_key(self, key: str) -> Posted | None:
        """Return the message with this natural key and how it stands."""
        return await self._ledger.find_key(key)

    async def thread(self, thread: str) -> Sequence[Entry]:
        """Return all entries of a thread, expiries included, in order."""
        return await self._ledger.thread(thread)

    async def in_force(self) -> Sequence[Posted]:
        """Return the messages in force, in order of position."""
        return await self._ledger.in_force()

    async def prune(self, before: datetime) -> int:
        """Drop what retention allows to drop (see `Store.prune`); return how many entries went."""
        return await self._pruning.prune(before)

    # --- keys and audit -----------------------------------------------------------------------------------------

    async def add_key(self, key: StoredKey) -> None:
        """Keep a new key. Raises `Rejected` (key.exists) when its id is taken."""
        await self._register.add_key(key)

    async def keys(self) -> Sequence[StoredKey]:
        """Return all keys, the revoked ones too, oldest first."""
        return await self._register.keys()

    async def revoke_key(self, key_id: str, at: datetime) -> bool:
        """End a key; return False when there is none that is valid."""
        return await self._register.revoke_key(key_id, at)

    async def keys_generation(self) -> int:
        """Return a number that changes with every change of the keys, on whichever node."""
        return await self._register.keys_generation()

    async def audit(self, line: AuditLine) -> None:
        """Keep one audit line."""
        await self._register.audit(line)

    async def audit_lines(self, limit: int) -> Sequence[AuditLine]:
        """Return the newest `limit` audit lines, oldest first."""
        return await self._register.audit_lines(limit)

    # --- recipients -----------------------------------------------------------------------------------------------

    async def add_endpoint(self, endpoint: Endpoint) -> None:
        """Keep a new endpoint. Raises `Rejected` when its id is taken or too many are kept."""
        await self._peers.add_endpoint(endpoint)

    async def endpoints(self) -> Sequence[Endpoint]:
        """Return all endpoints, the ended ones too, oldest first."""
        return await self._peers.endpoints()

    async def end_endpoint(self, endpoint_id: str, at: datetime, reason: str) -> bool:
        """Note why an endpoint gets nothing any more; return False when there is none that still does."""
        return await self._peers.end_endpoint(endpoint_id, at, reason)

    async def remove_endpoint(self, endpoint_id: str) -> bool:
        """Forget an endpoint; return False when it is not known."""
        return await self._peers.remove_endpoint(endpoint_id)

    async def endpoints_generation(self) -> int:
        """Return a number that changes with every change of the endpoints, on whichever node."""
        return await self._peers.endpoints_generation()

    async def add_resident(self, resident: Resident) -> Resident:
        """Keep a resident in place of whoever had the same browser; return it with its number."""
        return await self._peers.add_resident(resident)

    async def remove_resident(self, resident_id: str) -> bool:
        """Forget a resident; return False when there is none of that id."""
        return await self._peers.remove_resident(resident_id)

    async def remove_residents(self, numbers: Sequence[int]) -> int:
        """Forget the residents with these numbers; return how many there were."""
        return await self._peers.remove_residents(numbers)

    async def resident(self, resident_id: str) -> Resident | None:
        """Return the resident of this id, or None."""
        return await self._peers.resident(resident_id)

    async def residents(self, after: int, limit: int) -> Sequence[Resident]:
        """Return up to `limit` residents with numbers greater than `after`, in order."""
        return await self._peers.residents(after, limit)

    async def residents_of(self, numbers: Sequence[int]) -> Sequence[Resident]:
        """Return those with these numbers who are still there, in order."""
        return await self._peers.residents_of(numbers)

    # --- deliveries -----------------------------------------------------------------------------------------------

    async def save_lanes(self, states: Sequence[LaneState], under: Mapping[str, Deed] = {}) -> None:
        """Keep these states in place of what was kept of the same lanes. Raises `Fenced`."""
        await self._deliveries.save_lanes(states, under)

    async def lanes(self, names: Sequence[str] | None = None) -> Sequence[LaneState]:
        """Return those of these lanes that are known (None: all there are), by name."""
        return await self._deliveries.lanes(names)

    async def drop_lane(self, lane: str, under: Mapping[str, Deed] = {}) -> bool:
        """Forget a lane; return False when it is not known. Raises `Fenced`."""
        return await self._deliveries.drop_lane(lane, under)

    async def add_attempts(self, attempts: Sequence[Attempt]) -> None:
        """Append to the delivery log."""
        await self._deliveries.add_attempts(attempts)

    async def attempts(
        self, *, identifier: str | None = None, lane: str | None = None, limit: int = 100
    ) -> Sequence[Attempt]:
        """Return the newest `limit` lines about this message and this lane, oldest first."""
        return await self._deliveries.attempts(identifier, lane, limit)

    # --- the end ------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Finish what was begun and release everything."""
        if self._is_closed:
            return
        self._is_closed = True
        await self._appender.close()
        for link in self._links:
            await link.close()
        await self._sight.close()
        await asyncio.to_thread(self._ledger.close)
