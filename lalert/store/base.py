"""The durability contract: what every store promises, whatever its engine.

1. **Durable before told.** When `append` returns, every `Appended` entry survives `kill -9` and power loss.
2. **One transaction.** Position, dedup key, entry, standings of what it supersedes and the audit line are kept
   together or not at all. If `append` raises `Unavailable`, nothing of the batch is kept, with one exception that no
   engine behind a network can exclude: the batch was written, and the answer was lost with the connection. Such an
   engine asks again by itself, as the same batch, until its patience is over; only then it raises, and the batch is
   kept whole or not at all. Posting again is harmless: what was kept is `Repeated`.
3. **Once.** A key is appended once, for ever (until retention drops the entry): the same bytes again are `Repeated`
   with the first entry, other bytes under the same key are `Conflicting`, what comes after its own end is `Stale`.
4. **Order.** Positions count from 1 without a hole, in the order of the batch. They are never used twice; a store
   that was emptied or restored has another `epoch`.
5. **One in force.** At most one message of a thread is in force. A kept Update or Cancel ends whatever of its thread
   is in force *at that moment*, and every message in its `supersedes`, whatever the drafter had seen.
6. **Honest history.** `read` after a position older than `oldest - 1` raises `Gap`; it never skips silently.
   A shared log that went back behind what was seen of it (a restored backup) gets another `epoch` before anything is
   appended to it, and every open store of it raises `WentBack` from then on: it must be opened anew. Where nothing is
   left of it at all, the store is away (`Unavailable`, store.emptied) until a backup is there, and keeps nothing.
7. Drivers' exceptions do not leave the store: a failure is `Unavailable`. No call waits longer than the patience that
   the store was opened with.

8. **Sealed.** What must be had in clear to deliver (endpoints, residents' browsers) is unreadable in the data alone.

Entries are immutable values; a stored entry reads back equal to the one that `append` returned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from lalert.core.delivery import Attempt, LaneState
from lalert.core.endpoint import Endpoint
from lalert.core.model import Cursor, Draft, Entry, Posted, Realm, Role, Sender
from lalert.core.resident import Resident
from lalert.core.shares import Deed
from lalert.errors import Rejected, Text, Unavailable
from lalert.store.nodes import Nodes

ENDPOINT_LIMIT: Final = 10_000
RESIDENT_LIMIT: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Appended:
    """The draft is kept."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same bytes were kept before: `entry` is the first."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Conflicting:
    """Other bytes are kept under this identity: `entry` is what they became. Nothing new was kept."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Stale:
    """The draft came too late to hold, and nothing was kept: it is an expiry of a message that is no longer in force,
    or a message that an already kept one, posted with the same key, names among its references (`ended_by`)."""

    ended_by: Entry | None  # None when a message of that name is not known, or its end was dropped since


Outcome = Appended | Repeated | Conflicting | Stale


@dataclass(frozen=True, slots=True)
class Span:
    """What the log holds: positions `oldest` to `head.seq`. Empty when `oldest` is greater than the head."""

    head: Cursor
    oldest: int


class Gap(Rejected):
    """A position that the log cannot continue from: too old, or of another epoch, or ahead of the head."""

    def __init__(self, since: str, span: Span) -> None:
        message = Text(
            ja=f"位置 {since} からの続きは保存されていません。現在の状態と過去分フィードを取得してください。",
            en=f"The log cannot be continued from {since}. Read the present state and the archive.",
        )
        super().__init__(message, code="cursor.gap", status=410)
        self.since = since
        self.span = span


class WentBack(Unavailable):
    """The shared log is not the one that this store was opened on: it was restored or renamed meanwhile."""

    def __init__(self, seen: Cursor, found: Cursor) -> None:
        message = Text(
            ja=f"共有の保存先が過去の状態に戻りました(確認済み {seen}、現在 {found})。再起動が必要です。",
            en=f"The shared log went back: {seen} was seen, now there is {found}. Start the hub anew.",
        )
        super().__init__(message, code="store.went_back")
        self.seen = seen
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A key as it is kept: never the secret, only its SHA-256 digest (the secret has 256 bits of entropy)."""

    key_id: str
    name: str
    role: Role
    areas: tuple[str, ...]
    digest: str
    created_at: datetime
    revoked_at: datetime | None = None

    def sender(self, realm: Realm) -> Sender:
        """Return the rights that this key gives in `realm`."""
        return Sender(self.key_id, self.name, realm, self.role, self.areas)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One thing that somebody did, for the record: never an address, an endpoint or a secret."""

    at: datetime
    actor: str  # key id, or "hub", or "cli"
    action: str
    subject: str


class Store(Protocol):
    """One realm's store. Every method may raise `Unavailable`.

    `nodes` is what it knows of the nodes that share it.
    """

    realm: Realm
    nodes: Nodes
    has_seal: bool  # whether what lies sealed can be opened here (8.)

    @property
    def is_shared(self) -> bool:
        """Whether other hubs append to the same log."""

    async def span(self) -> Span:
        """Return what the log holds now."""

    async def append(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        """Keep `drafts` in their order, in one durable transaction; return one outcome each."""

    async def read(self, after: int, limit: int) -> Sequence[Entry]:
        """Return up to `limit` entries with positions greater than `after`, in order. Raises `Gap`."""

    async def follow(self, after: int, limit: int) -> Sequence[Entry]:
        """Wait, a few seconds at most, until the log goes on after position `after`, by whomever.

        Returns up to `limit` entries that follow, in order; none when nothing came. Raises `Gap`.
        """

    async def read_from(self, at: datetime, limit: int) -> Sequence[Entry]:
        """Return the entries accepted at or after `at`, the newest `limit` of them, in order."""

    async def find(self, identifier: str) -> Sequence[Posted]:
        """Return the messages with this CAP identifier and how they stand, oldest first (expiries are not listed)."""

    async def find_key(self, key: str) -> Posted | None:
        """Return the message with this natural key (`Identity.key`) and how it stands."""

    async def thread(self, thread: str) -> Sequence[Entry]:
        """Return all entries of a thread, expiries included, in order."""

    async def in_force(self) -> Sequence[Posted]:
        """Return the messages in force, in order of position."""

    async def prune(self, before: datetime) -> int:
        """Drop entries accepted before `before` that are not in force, oldest first and without leaving a hole;
        return how many.

        The log begins after them: `oldest` passes a message that is still in force, too. Such a message leaves the
        log (`read`) but not the store: `find`, `thread` and `in_force` know it until what ends it is dropped in turn.
        """

    async def add_key(self, key: StoredKey) -> None:
        """Keep a new key."""

    async def keys(self) -> Sequence[StoredKey]:
        """Return all keys, the revoked ones too, oldest first."""

    async def revoke_key(self, key_id: str, at: datetime) -> bool:
        """End a key; return False when there is none that is valid."""

    async def keys_generation(self) -> int:
        """Return a number that changes whenever a key is added or revoked, by whichever process. Cheap."""

    async def audit(self, line: AuditLine) -> None:
        """Keep one audit line."""

    async def audit_lines(self, limit: int) -> Sequence[AuditLine]:
        """Return the newest `limit` audit lines, oldest first."""

    # --- recipients: they outlive `prune` --------------------------------------------------------------------

    async def add_endpoint(self, endpoint: Endpoint) -> None:
        """Keep a new endpoint. Raises `Rejected`: endpoint.exists (409), endpoint.limit (503)."""

    async def endpoints(self) -> Sequence[Endpoint]:
        """Return all endpoints, the ended ones too, oldest first."""

    async def end_endpoint(self, endpoint_id: str, at: datetime, reason: str) -> bool:
        """Note why an endpoint gets nothing any more; return False when there is none that still does."""

    async def remove_endpoint(self, endpoint_id: str) -> bool:
        """Forget an endpoint; return False when it is not known."""

    async def endpoints_generation(self) -> int:
        """Return a number that changes whenever an endpoint is added, ended or removed, by whichever process."""

    async def add_resident(self, resident: Resident) -> Resident:
        """Keep a resident and return it with its number: greater than any before, never used twice.

        Whoever had the same browser (`peer.digest`) is replaced. Raises `Rejected`: resident.limit (503).
        """

    async def remove_resident(self, resident_id: str) -> bool:
        """Forget a resident; return False when there is none of that id."""

    async def remove_residents(self, numbers: Sequence[int]) -> int:
        """Forget the residents with these numbers; return how many there were."""

    async def resident(self, resident_id: str) -> Resident | None:
        """Return the resident of this id, or None."""

    async def residents(self, after: int, limit: int) -> Sequence[Resident]:
        """Return up to `limit` residents with numbers greater than `after`, in order."""

    async def residents_of(self, numbers: Sequence[int]) -> Sequence[Resident]:
        """Return those with these numbers who are still there, in order."""

    # --- deliveries -------------------------------------------------------------------------------------------

    async def save_lanes(self, states: Sequence[LaneState], under: Mapping[str, Deed] = {}) -> None:
        """Keep these states in place of what was kept of the same lanes: all of them or none.

        `under` are the shares that they belong to, as whoever writes holds them. Raises `Fenced`, with nothing kept,
        when one of these has changed hands.
        """

    async def lanes(self, names: Sequence[str] | None = None) -> Sequence[LaneState]:
        """Return those of these lanes that are known (None: all there are), by name."""

    async def drop_lane(self, lane: str, under: Mapping[str, Deed] = {}) -> bool:
        """Forget a lane; return False when it is not known. `under` as above."""

    async def add_attempts(self, attempts: Sequence[Attempt]) -> None:
        """Append to the delivery log: for people, never state. The store may drop the oldest lines of a long log."""

    async def attempts(
        self, *, identifier: str | None = None, lane: str | None = None, limit: int = 100
    ) -> Sequence[Attempt]:
        """Return the newest `limit` lines about this message and this lane (None: any), oldest first."""

    async def close(self) -> None:
        """Finish what was begun and release everything."""
