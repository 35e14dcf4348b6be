"""A look at one SQLite file, beside a running hub or without one: no file is made, and nothing in them changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lalert.core.model import Realm
from lalert.errors import Unavailable
from lalert.store import seal
from lalert.store.instants import instant
from lalert.store.look import Look
from lalert.store.sqlite import database
from lalert.store.sqlite.ledger import Ledger
from lalert.store.sqlite.register import Register

_BUSY_S: Final = 5.0
_SEALED: Final = (
    "SELECT 'endpoint ' || id, sealed FROM endpoint UNION ALL SELECT 'resident ' || id, sealed FROM resident LIMIT 1"
)
_COUNTS: Final = "SELECT (SELECT count(*) FROM endpoint), (SELECT count(*) FROM resident)"
_NEWEST: Final = "SELECT at FROM entry ORDER BY seq DESC LIMIT 1"


def look(path: Path, realm: Realm) -> Look | None:
    """Return what is kept at `path`; None where nothing is.

    Raises what a hub would raise at its start: `Rejected` for data of the other realm or of a newer program,
    `Unavailable` for a file that cannot be read.
    """
    with database.translated():
        _require(path)
        if not path.exists() or not path.stat().st_size:
            return None
        with _connected(path) as connection, database.transaction(connection, write=False):
            return _looked(connection, path, realm)


def _require(path: Path) -> None:
    """Raise `Unavailable` (store.emptied) where a hub had a log that is gone. Its lock is read, never taken."""
    beside = path.with_name(path.name + ".lock")
    if beside.exists():
        with beside.open("r", encoding="ascii") as note:
            database.require(path, note)


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection that only reads. Without a WAL nobody has the file open: then not even a lock is taken."""
    is_resting = not path.with_name(path.name + "-wal").exists()
    connection = database.connect(path, busy_s=_BUSY_S, read_only=True, immutable=is_resting)
    try:
        yield connection
    finally:
        connection.close()


def _looked(connection: sqlite3.Connection, path: Path, realm: Realm) -> Look | None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if not version:
        return None
    database.check(connection, version, realm=realm, known=len(database.migrations()), owner=True)
    [epoch] = connection.execute("SELECT epoch FROM origin").fetchone()
    endpoints, residents = connection.execute(_COUNTS).fetchone()
    newest = connection.execute(_NEWEST).fetchone()
    sealed = connection.execute(_SEALED).fetchone()
    return Look(
        realm=realm,
        span=Ledger(connection, epoch).span(),
        keys=tuple(Register(connection).keys()),
        endpoints=endpoints,
        residents=residents,
        has_sealed=sealed is not None,
        opens=sealed is not None and _opens(path, *sealed),
        last_at=instant(newest[0]) if newest else None,
        facts={"SQLite": sqlite3.sqlite_version, "schema": str(version)},
    )


def _opens(path: Path, about: str, sealed: bytes) -> bool:
    """Whether the key beside the data opens what lies in them; none is made."""
    try:
        seal.beside(path, is_needed=True).open(sealed, about=about)
    except Unavailable:
        return False
    return True
