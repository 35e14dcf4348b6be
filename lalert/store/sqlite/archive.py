"""SQLite as it is moved from and to: every row as it lies there, with the file held alone.

A file that is read stays in one write transaction to the end, so that nobody adds a key to what has been read already.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TextIO, TypeVar

import msgspec

from lalert.core.model import Cursor, Realm, Standing
from lalert.core.resident import Wish
from lalert.store import archive
from lalert.store.archive import Audited, Forestalled, Hooked, Item, Key, Lane, Logged, Origin, Subscribed, Terms, Tried
from lalert.store.epoch import random_epoch
from lalert.store.files import make_private
from lalert.store.sqlite import database

T = TypeVar("T")

_BUSY_S: Final = 5.0
_ORIGIN: Final = """
    SELECT realm, epoch, max(coalesce((SELECT max(seq) FROM entry), 0), oldest - 1), oldest, created_at, keys,
        endpoints, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'resident'), 0)
    FROM origin
"""
_ENTRIES: Final = """
    SELECT entry.seq, key, entry.thread, coalesce(identifier, ''), at, body, raw, coalesce(ended, 0),
        state, replaced_by, cancel_kind
    FROM entry LEFT JOIN message USING (seq) ORDER BY entry.seq
"""
_FORESTALLED: Final = "SELECT key, key_id FROM forestalled WHERE seq = ? ORDER BY key, key_id"


@dataclass(frozen=True, slots=True)
class _Table:
    """Where items of one kind lie, their fields in the order of the columns."""

    kind: type[Item]
    name: str
    columns: str
    order: str = "number"

    @property
    def select(self) -> str:
        """All of them, in their order."""
        return f"SELECT {self.columns} FROM {self.name} ORDER BY {self.order}"  # noqa: S608 - our own names

    def item(self, row: Sequence[Any]) -> Item:
        """Return the item that lies there as `row`."""
        values: list[Any] = list(map(_read, self.columns.split(", "), row))
        return self.kind(*values)

    @property
    def insert(self) -> str:
        """One of them."""
        marks = ", ".join("?" * len(self.columns.split(", ")))
        return f"INSERT INTO {self.name} ({self.columns}) VALUES ({marks})"  # noqa: S608


_TABLES: Final = (
    _Table(Key, "api_key", "key_id, name, role, areas, digest, created_at, revoked_at"),
    _Table(Hooked, "endpoint", "id, sealed, ended_at, end_reason"),
    _Table(Audited, "audit", "at, actor, action, subject"),
    _Table(Subscribed, "resident", "number, id, digest, peer_digest, wish, sealed, created_at"),
    _Table(Lane, "lane", "id, state", order="id"),
    _Table(Tried, "attempt", "lane, seq, identifier, at, outcome, reason, took, sent, refused, gone"),
)
_INSERTS: Final = {table.kind: table.insert for table in _TABLES}


class SqliteArchive:
    """One realm's file. Made by `open`."""

    def __init__(self, path: Path, realm: Realm, lock: TextIO | None) -> None:
        self._path = path
        self._realm = realm
        self._lock = lock
        self._connection: sqlite3.Connection | None = None

    @classmethod
    async def open(cls, path: Path, realm: Realm, *, alone: bool = True) -> SqliteArchive:
        """Take the file at `path`, whether it is there or not; not `alone`, it may only be looked at.

        Raises `Unavailable` (store.locked) when a running hub has it, `Rejected` for data of the other realm or of a
        newer program.
        """
        return await asyncio.to_thread(cls._take, path, realm, alone=alone)

    @classmethod
    def _take(cls, path: Path, realm: Realm, *, alone: bool) -> SqliteArchive:
        with database.translated(), ExitStack() as undo:
            taken = cls(path, realm, undo.enter_context(database.lock(path)) if alone else None)
            if path.exists() and path.stat().st_size:
                taken._connection = database.connect(path, busy_s=_BUSY_S, read_only=not alone)
                undo.callback(taken._connection.close)
                taken._hold()
            undo.pop_all()
            return taken

    # --- from -----------------------------------------------------------------------------------------------------

    async def origin(self) -> Origin | None:
        """Return which log there is; None where nothing is."""
        return await _in_thread(self._origin) if self._connection is not None else None

    async def is_unfinished(self) -> bool:
        """Whether something was begun here and not finished."""
        return self._connection is not None and await _in_thread(self._is_unfinished)

    async def check_alone(self) -> None:
        """Nobody else can use it: the file is locked."""

    async def counts(self) -> dict[str, int]:
        """Return how many items of each kind there are."""
        return await _in_thread(self._counts)

    async def pages(self) -> AsyncIterator[Sequence[Item]]:
        """Yield everything, some megabytes at a time."""
        pages = archive.paged(self._items())
        while page := await _in_thread(partial(next, pages, None)):
            yield page

    async def sealed(self) -> tuple[str, bytes] | None:
        """Return something that lies sealed, and the place it is sealed for; None when nothing does."""
        return await _in_thread(self._sealed)

    # --- to -------------------------------------------------------------------------------------------------------

    async def agreed(self) -> Mapping[str, str]:
        """Return nothing: whoever has the file has the keys beside it."""
        return {}

    async def begin(self, origin: Origin, terms: Terms) -> None:
        """Make an empty file that no hub takes before `finish`. The terms are for nodes: a file has one owner."""
        await _in_thread(partial(self._begin, origin))

    async def keep(self, page: Sequence[Item]) -> None:
        """Append a page, durably."""
        await _in_thread(partial(self._keep, page))

    async def finish(self) -> None:
        """What was begun is a store from now on."""
        await _in_thread(self._finish)

    async def hand_over(self) -> None:
        """Leave a note that the log came further than this file: whoever opens it next gives it another name."""
        await _in_thread(partial(self._leave, further=1))

    async def close(self) -> None:
        """Release the file."""
        await _in_thread(self._close)

    # --- reading, in a thread -------------------------------------------------------------------------------------

    @property
    def _file(self) -> sqlite3.Connection:
        assert self._connection is not None  # there is a file
        return self._connection

    def _hold(self) -> None:
        """Bring the schema up to date, as the hub would, and let nobody write from now on."""
        if self._lock is None:
            self._file.execute("BEGIN")
            version, known = self._file.execute("PRAGMA user_version").fetchone()[0], len(database.migrations())
            database.check(self._file, version, realm=self._realm, known=known, owner=False)
            return
        if not self._is_unfinished():
            database.prepare(self._file, realm=self._realm, owner=True, now=datetime.now(UTC), new_epoch=random_epoch)
        self._file.execute("BEGIN IMMEDIATE")

    def _is_unfinished(self) -> bool:
        known = self._file.execute("SELECT 1 FROM sqlite_master WHERE name = 'origin'").fetchone()
        return bool(known and self._file.execute("SELECT compat FROM origin").fetchone()[0] == archive.UNFINISHED)

    def _origin(self) -> Origin:
        realm, *counters = self._file.execute(_ORIGIN).fetchone()
        return Origin(Realm(realm), *counters)

    def _counts(self) -> dict[str, int]:
        tables = {"entries": "entry"} | {archive.KINDS[table.kind]: table.name for table in _TABLES}
        return {
            kind: self._file.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608
            for kind, name in tables.items()
        }

    def _sealed(self) -> tuple[str, bytes] | None:
        for noun in ("endpoint", "resident"):
            found = self._file.execute(f"SELECT id, sealed FROM {noun} LIMIT 1").fetchone()  # noqa: S608
            if found:
                return f"{noun} {found[0]}", found[1]
        return None

    def _items(self) -> Iterator[Item]:
        for row in self._file.execute(_ENTRIES):
            yield self._logged(row)
        for table in _TABLES:
            for row in self._file.execute(table.select):
                yield table.item(row)

    def _logged(self, row: Sequence[Any]) -> Logged:
        *plain, state, replaced_by, cancel_kind = row
        standing = msgspec.convert(
            {"state": state, "replaced_by": replaced_by, "cancel_kind": cancel_kind} if state else None,
            Standing | None,
        )
        forestalls = self._file.execute(_FORESTALLED, (plain[0],))
        values: list[Any] = [*plain, standing, tuple(Forestalled(*found) for found in forestalls)]
        return Logged(*values)

    # --- writing, in a thread -------------------------------------------------------------------------------------

    def _begin(self, origin: Origin) -> None:
        self._drop()
        make_private(self._path)
        self._connection = database.connect(self._path, busy_s=_BUSY_S)
        database.prepare(
            self._file,
            realm=origin.realm,
            owner=True,
            now=datetime.now(UTC),
            new_epoch=lambda: origin.epoch,
            compat=archive.UNFINISHED,
        )
        with database.transaction(self._file, write=True):
            self._file.execute(
                "UPDATE origin SET oldest = ?, created_at = ?, keys = ?, endpoints = ?",
                (origin.oldest, origin.created_at_us, origin.keys, origin.endpoints),
            )
            self._file.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('resident', ?)", (origin.resident,))

    def _drop(self) -> None:
        """Remove what an earlier attempt left; the file itself last, for it says that it is unfinished."""
        if self._connection is not None:
            self._connection.rollback()
            self._connection.close()
        for suffix in ("-wal", "-shm", ""):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _keep(self, page: Sequence[Item]) -> None:
        with database.transaction(self._file, write=True):
            for item in page:
                if isinstance(item, Logged):
                    self._insert_logged(item)
                else:
                    self._file.execute(_INSERTS[type(item)], [_kept(value) for value in msgspec.structs.astuple(item)])

    def _insert_logged(self, item: Logged) -> None:
        self._file.execute(
            "INSERT INTO entry (seq, key, thread, at, body, raw) VALUES (?, ?, ?, ?, ?, ?)",
            (item.seq, item.key, item.thread, item.at_us, item.body, item.raw),
        )
        if (standing := item.standing) is not None:
            self._file.execute(
                "INSERT INTO message (seq, identifier, thread, state, replaced_by, cancel_kind, ended)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    item.seq,
                    item.identifier,
                    item.thread,
                    standing.state,
                    standing.replaced_by,
                    standing.cancel_kind,
                    item.ended_by or None,
                ),
            )
        self._file.executemany(
            "INSERT INTO forestalled (key, key_id, seq) VALUES (?, ?, ?)",
            [(one.key, one.key_id, item.seq) for one in item.forestalls],
        )

    def _finish(self) -> None:
        with database.transaction(self._file, write=True):
            self._file.execute("UPDATE origin SET compat = ?", (database.COMPAT,))
        self._leave()

    def _leave(self, further: int = 0) -> None:
        assert self._lock is not None  # only looked at, nothing is changed
        origin = self._origin()
        database.leave(self._lock, Cursor(origin.epoch, origin.head + further))

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.rollback()
            self._connection.close()
        if self._lock is not None:
            self._lock.close()


async def _in_thread(work: Callable[[], T]) -> T:
    def translated() -> T:
        with database.translated():
            return work()

    return await asyncio.to_thread(translated)


def _read(column: str, value: Any) -> Any:
    """Return the field that lies in `column` as `value`."""
    if column == "areas":
        return tuple(str(value).split())
    return msgspec.json.decode(value, type=Wish) if column == "wish" else value


def _kept(value: object) -> object:
    """Return what lies in the column of a field with this value."""
    if isinstance(value, tuple):
        return " ".join(value)
    return msgspec.json.encode(value, order="deterministic") if isinstance(value, Wish) else value
