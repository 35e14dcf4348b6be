"""The durability contract on SQLite: one file, nothing to install.

Writes go through one thread that joins what waits (`writer`); reads have a connection and a thread of their own, so
neither waits for the other and neither ever blocks the event loop. What happens inside a transaction is in `ledger`,
`register`, `peers` and `deliveries`; the file itself, its rights and its schema in `database`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, TextIO, TypeVar

from lalert.core.delivery import Attempt, LaneState
from lalert.core.endpoint import Endpoint
from lalert.core.model import Draft, Entry, Posted, Realm
from lalert.core.resident import Resident
from lalert.core.shares import Deed
from lalert.errors import Text, Unavailable
from lalert.store import seal
from lalert.store.base import AuditLine, Outcome, Span, StoredKey
from lalert.store.epoch import random_epoch
from lalert.store.files import make_private
from lalert.store.nodes import Alone, Nodes
from lalert.store.sqlite import database
from lalert.store.sqlite.deliveries import Deliveries
from lalert.store.sqlite.ledger import Ledger
from lalert.store.sqlite.peers import Peers
from lalert.store.sqlite.register import Register, note
from lalert.store.sqlite.writer import Writer

T = TypeVar("T")


_FOLLOW_S: Final = 2.0


def _now() -> datetime:
    return datetime.now(UTC)


class SqliteStore:
    """One realm's store in one SQLite file. Made by `open`."""

    is_shared: Final = False

    def __init__(self, realm: Realm, files: _Files, loop: asyncio.AbstractEventLoop) -> None:
        self.realm = realm
        self.nodes: Nodes = Alone()
        self.has_seal = files.seal.has_key
        self._files = files
        self._loop = loop
        self._writer = Writer(files.writing, loop, check=files.place.check)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="lalert-reader")
        self._kept = Ledger(files.writing, files.epoch)
        self._seen = Ledger(files.reading, files.epoch)
        self._keeping = Peers(files.writing, files.seal)
        self._seeing = Peers(files.reading, files.seal)
        self._is_closed = False
        self._grown = asyncio.Event()  # of those who wait for the next append

    @classmethod
    async def open(
        cls,
        path: Path,
        realm: Realm,
        *,
        new_epoch: Callable[[], str] = random_epoch,
        clock: Callable[[], datetime] = _now,
        exclusive: bool = True,
        busy_s: float = 5.0,
    ) -> SqliteStore:
        """Open the store at `path`, or create it with `new_epoch()` as the name of its log.

        A hub opens it `exclusive`: `Unavailable` (store.locked) while another hub has it. The command line does not; it
        may use the same file meanwhile, and waits up to `busy_s` seconds for a commit of the hub. Raises `Rejected` for
        data of the other realm or of a newer program.

        The log gets a new name, too, when it ends before the position at which this hub last left it: it was restored
        from a backup, and would use positions again that readers have seen.
        """
        files = await asyncio.to_thread(
            _open, path, realm, exclusive=exclusive, busy_s=busy_s, now=clock(), new_epoch=new_epoch
        )
        return cls(realm, files, asyncio.get_running_loop())

    # --- the log ------------------------------------------------------------------------------------------------

    async def span(self) -> Span:
        """Return what the log holds now."""
        return await self._read(self._seen.span)

    async def append(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        """Keep `drafts` in their order, in one durable transaction; return one outcome each."""
        if not drafts:
            return []
        outcomes = await self._writer.run(partial(self._kept.append, tuple(drafts)), size=len(drafts))
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()
        return outcomes

    async def read(self, after: int, limit: int) -> Sequence[Entry]:
        """Return up to `limit` entries with positions greater than `after`, in order. Raises `Gap`."""
        return await self._read(partial(self._seen.read, after, limit))

    async def follow(self, after: int, limit: int) -> Sequence[Entry]:
        """Return up to `limit` entries after `after` as soon as there are any; none when none came in time."""
        grown = self._grown
        entries = await self.read(after, limit)
        if not entries:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FOLLOW_S):
                    await grown.wait()
            entries = await self.read(after, limit)
        return entries

    async def read_from(self, at: datetime, limit: int) -> Sequence[Entry]:
        """Return the entries accepted at or after `at`, the newest `limit` of them, in order."""
        return await self._read(partial(self._seen.read_from, at, limit))

    async def find(self, identifier: str) -> Sequence[Posted]:
        """Return the messages with this CAP identifier and how they stand, oldest first."""
        return await self._read(partial(self._seen.find, identifier))

    async def find_key(self, key: str) -> Posted | None:
        """Return the message with this natural key and how it stands."""
        return await self._read(partial(self._seen.find_key, key))

    async def thread(self, thread: str) -> Sequence[Entry]:
        """Return all entries of a thread, expiries included, in order."""
        return await self._read(partial(self._seen.thread, thread))

    async def in_force(self) -> Sequence[Posted]:
        """Return the messages in force, in order of position."""
        return await self._read(self._seen.in_force)

    async def prune(self, before: datetime) -> int:
        """Drop what retention allows to drop (see `Store.prune`); return how many entries went."""
        return await self._writer.run(partial(self._prune, before))

    def _prune(self, before: datetime) -> int:
        Register(self._files.writing).trim_audit()
        Deliveries(self._files.writing).trim_attempts()
        return self._kept.prune(before)

    # --- keys and audit -----------------------------------------------------------------------------------------

    async def add_key(self, key: StoredKey) -> None:
        """Keep a new key. Raises `Rejected` (key.exists) when its id is taken."""
        await self._writer.run(partial(Register(self._files.writing).add_key, key))

    async def keys(self) -> Sequence[StoredKey]:
        """Return all keys, the revoked ones too, oldest first."""
        return await self._read(Register(self._files.reading).keys)

    async def revoke_key(self, key_id: str, at: datetime) -> bool:
        """End a key; return False when there is none that is valid."""
        return await self._writer.run(partial(Register(self._files.writing).revoke_key, key_id, at))

    async def keys_generation(self) -> int:
        """Return a number that changes with every change of the keys, also by another process."""
        return await self._read(Register(self._files.reading).keys_generation)

    async def audit(self, line: AuditLine) -> None:
        """Keep one audit line."""
        await self._writer.run(partial(note, self._files.writing, line.at, line.actor, line.action, line.subject))

    async def audit_lines(self, limit: int) -> Sequence[AuditLine]:
        """Return the newest `limit` audit lines, oldest first."""
        return await self._read(partial(Register(self._files.reading).audit_lines, limit))

    # --- recipients -----------------------------------------------------------------------------------------------

    async def add_endpoint(self, endpoint: Endpoint) -> None:
        """Keep a new endpoint. Raises `Rejected` when its id is taken or too many are kept."""
        await self._writer.run(partial(self._keeping.add_endpoint, endpoint))

    async def endpoints(self) -> Sequence[Endpoint]:
        """Return all endpoints, the ended ones too, oldest first."""
        return await self._read(self._seeing.endpoints)

    async def end_endpoint(self, endpoint_id: str, at: datetime, reason: str) -> bool:
        """Note why an endpoint gets nothing any more; return False when there is none that still does."""
        return await self._writer.run(partial(self._keeping.end_endpoint, endpoint_id, at, reason))

    async def remove_endpoint(self, endpoint_id: str) -> bool:
        """Forget an endpoint; return False when it is not known."""
        return await self._writer.run(partial(self._keeping.remove_endpoint, endpoint_id))

    async def endpoints_generation(self) -> int:
        """Return a number that changes with every change of the endpoints, also by another process."""
        return await self._read(self._seeing.endpoints_generation)

    async def add_resident(self, resident: Resident) -> Resident:
        """Keep a resident in place of whoever had the same browser; return it with its number."""
        return await self._writer.run(partial(self._keeping.add_resident, resident))

    async def remove_resident(self, resident_id: str) -> bool:
        """Forget a resident; return False when there is none of that id."""
        return await self._writer.run(partial(self._keeping.remove_resident, resident_id))

    async def remove_residents(self, numbers: Sequence[int]) -> int:
        """Forget the residents with these numbers; return how many there were."""
        return await self._writer.run(partial(self._keeping.remove_residents, tuple(numbers)), size=len(numbers))

    async def resident(self, resident_id: str) -> Resident | None:
        """Return the resident of this id, or None."""
        return await self._read(partial(self._seeing.resident, resident_id))

    async def residents(self, after: int, limit: int) -> Sequence[Resident]:
        """Return up to `limit` residents with numbers greater than `after`, in order."""
        return await self._read(partial(self._seeing.residents, after, limit))

    async def residents_of(self, numbers: Sequence[int]) -> Sequence[Resident]:
        """Return those with these numbers who are still there, in order."""
        return await self._read(partial(self._seeing.residents_of, tuple(numbers)))

    # --- deliveries -----------------------------------------------------------------------------------------------

    async def save_lanes(self, states: Sequence[LaneState], under: Mapping[str, Deed] = {}) -> None:
        """Keep these states in place of what was kept of the same lanes: here nobody else could hold them."""
        await self._writer.run(partial(Deliveries(self._files.writing).save_lanes, tuple(states)), size=len(states))

    async def lanes(self, names: Sequence[str] | None = None) -> Sequence[LaneState]:
        """Return those of these lanes that are known (None: all there are), by name."""
        return await self._read(partial(Deliveries(self._files.reading).lanes, names))

    async def drop_lane(self, lane: str, under: Mapping[str, Deed] = {}) -> bool:
        """Forget a lane; return False when it is not known."""
        return await self._writer.run(partial(Deliveries(self._files.writing).drop_lane, lane))

    async def add_attempts(self, attempts: Sequence[Attempt]) -> None:
        """Append to the delivery log."""
        work = partial(Deliveries(self._files.writing).add_attempts, tuple(attempts))
        await self._writer.run(work, size=len(attempts))

    async def attempts(
        self, *, identifier: str | None = None, lane: str | None = None, limit: int = 100
    ) -> Sequence[Attempt]:
        """Return the newest `limit` lines about this message and this lane, oldest first."""
        return await self._read(partial(Deliveries(self._files.reading).attempts, identifier, lane, limit))

    # --- the end ------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Finish what was begun and release everything."""
        if self._is_closed:
            return
        self._is_closed = True
        await self._writer.close()
        await asyncio.to_thread(self._reader.shutdown)
        await asyncio.to_thread(self._release)

    def _release(self) -> None:
        with database.translated():
            if self._files.lock is not None:
                database.leave(self._files.lock, self._kept.span().head)
            self._files.release.close()

    async def _read(self, work: Callable[[], T]) -> T:
        if self._is_closed:
            raise Unavailable(Text("保存先は閉じています。", "The store is closed."), code="store.closed")
        return await self._loop.run_in_executor(self._reader, self._in_one_state, work)

    def _in_one_state(self, work: Callable[[], T]) -> T:
        with database.translated(), database.transaction(self._files.reading, write=False):
            return work()


@dataclass(frozen=True, slots=True)
class _Files:
    """What an open store holds of the operating system; `release` gives it back."""

    writing: sqlite3.Connection
    reading: sqlite3.Connection
    epoch: str
    seal: seal.Seal
    place: database.Place
    lock: TextIO | None
    release: ExitStack


def _open(
    path: Path, realm: Realm, *, exclusive: bool, busy_s: float, now: datetime, new_epoch: Callable[[], str]
) -> _Files:
    with database.translated(), ExitStack() as undo:
        lock = undo.enter_context(database.lock(path)) if exclusive else None
        if lock is not None:
            database.require(path, lock)
        make_private(path)
        writing = database.connect(path, busy_s=busy_s)
        undo.callback(writing.close)
        database.prepare(writing, realm=realm, owner=exclusive, now=now, new_epoch=new_epoch)
        reading = database.connect(path, busy_s=busy_s, read_only=True)
        undo.callback(reading.close)
        epoch = _epoch_of(writing, lock, new_epoch)
        if lock is not None:
            database.preallocate(writing, path)
            database.leave(lock, Ledger(writing, epoch).span().head)
        sealing = seal.beside(path, is_needed=_holds_sealed(writing))
        return _Files(writing, reading, epoch, sealing, database.Place(path), lock, undo.pop_all())


def _holds_sealed(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT EXISTS (SELECT 1 FROM endpoint) OR EXISTS (SELECT 1 FROM resident)")
    return bool(found.fetchone()[0])


def _epoch_of(connection: sqlite3.Connection, lock: TextIO | None, new_epoch: Callable[[], str]) -> str:
    epoch: str = connection.execute("SELECT epoch FROM origin").fetchone()[0]
    left = database.left(lock) if lock is not None else None
    head = Ledger(connection, epoch).span().head
    if left is not None and left.epoch == head.epoch and left.seq > head.seq:
        epoch = new_epoch()
        with database.transaction(connection, write=True):
            connection.execute("UPDATE origin SET epoch = ?", (epoch,))
    return epoch
