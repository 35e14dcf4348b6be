"""One SQLite file: who may open it, how it is opened, and which schema it has.

Durability rests on two settings: WAL, so that readers never wait for a commit, and `synchronous=FULL`, so that each
commit is flushed before it is told (NORMAL flushes at checkpoints only).
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Final, TextIO

from lalert.core.model import Cursor, Realm
from lalert.errors import Rejected, Text, Unavailable
from lalert.store.archive import UNFINISHED, unfinished
from lalert.store.files import make_private
from lalert.store.instants import micros

# The lowest schema that a program must know to use what this one writes. It follows len(migrations()) only when a
# migration changes what older programs rely on.
COMPAT: Final = 1

_CACHE_KIB: Final = 8192
_PREALLOCATED_BYTES: Final = 6 << 20
_ROOM: Final = 8  # times that: it is written twice, for each realm
_FAILURES: Final = {
    "SQLITE_FULL": ("store.full", Text("保存先の空き容量がありません。", "The disk is full.")),
    "SQLITE_BUSY": ("store.busy", Text("保存先が使用中です。", "The store is busy.")),
    "SQLITE_IOERR": ("store.io", Text("保存先の読み書きに失敗しました。", "The disk failed to read or write.")),
    "SQLITE_READONLY": ("store.read_only", Text("保存先に書き込めません。", "The store cannot be written to.")),
    "SQLITE_CANTOPEN": ("store.open", Text("保存先を開けません。", "The store cannot be opened.")),
    "SQLITE_CORRUPT": ("store.damaged", Text("保存データが壊れています。", "The stored data are damaged.")),
    "SQLITE_NOTADB": ("store.damaged", Text("保存データが壊れています。", "The file is not a store.")),
}
_KINDS: Final = {
    errno.ENOSPC: "SQLITE_FULL",
    errno.EDQUOT: "SQLITE_FULL",
    errno.EROFS: "SQLITE_READONLY",
    errno.EACCES: "SQLITE_READONLY",
}
_FAILED: Final = ("store.failed", Text("保存処理に失敗しました。", "The store failed."))


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the driver and the file system raise into `Unavailable`."""
    try:
        yield
    except sqlite3.Error as error:
        # SQLITE_IOERR_FSYNC and its like are kinds of SQLITE_IOERR.
        primary = "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
        code, message = _FAILURES.get(primary, _FAILED)
        raise Unavailable(message, code=code) from error
    except OSError as error:
        code, message = _FAILURES[_KINDS.get(error.errno or 0, "SQLITE_IOERR")]
        raise Unavailable(message, code=code) from error


def lock(path: Path) -> TextIO:
    """Return the held lock of the hub that owns `path`. Raises `Unavailable` while another hub holds it.

    The lock lies on a file beside, because SQLite has locks of its own on the data. The kernel releases it with the
    process, however that ends.
    """
    beside = path.with_name(path.name + ".lock")
    make_private(beside)
    held = beside.open("r+", encoding="ascii")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        message = Text(f"別のハブが {path} を使用中です。", f"Another hub is using {path}.")
        raise Unavailable(message, code="store.locked") from None
    return held


def left(held: TextIO) -> Cursor | None:
    """Return the position at which the last owner was seen to have the log, or None."""
    return Cursor.maybe_parse(os.pread(held.fileno(), 64, 0).decode("ascii", "replace").partition("\n")[0])


def leave(held: TextIO, head: Cursor) -> None:
    """Note `head` beside the log, where restoring a backup of the log does not touch it.

    It is written over what was there before that is cut: on a full disk a block that is given up may be gone. When it
    cannot be written the older note stays, and a hub starts and ends without it.
    """
    line = f"{head}\n".encode()
    with suppress(OSError):
        os.pwrite(held.fileno(), line, 0)
        os.ftruncate(held.fileno(), len(line))


def require(path: Path, held: TextIO) -> None:
    """Raise `Unavailable` (store.emptied) where a hub had a log, and nothing lies there now.

    With an empty one in its place it would look as if nothing was in force, and no sender would be known.
    """
    if left(held) is not None and not (path.exists() and path.stat().st_size):
        raise Unavailable(
            Text(
                f"{path} がありません(以前の記録の控えはあります)。バックアップから戻してください。"
                f"空の状態から始める場合に限り、{path.name}.lock も消してください。",
                f"{path} is gone, though a log was there. Restore the backup. Only to begin with nothing, remove "
                f"{path.name}.lock, too.",
            ),
            code="store.emptied",
        )


class Place:
    """Where the data lay when they were opened. What is written to a file without a name ends with the process.

    A folder that somebody removes, or a backup that somebody puts in place under a running hub, leaves the open files
    as they are: SQLite would go on and everything would seem to be kept.
    """

    def __init__(self, path: Path) -> None:
        files = (path, path.with_name(path.name + "-wal"))
        self._files = {file: found for file in files if (found := _maybe_file(file)) is not None}

    def check(self) -> None:
        """Raise `Unavailable` (store.moved) unless the files are the same as then."""
        if any(_maybe_file(file) != found for file, found in self._files.items()):
            raise Unavailable(
                Text(
                    "動作中に保存データが移動・削除・置き換えされました。元に戻すか、ハブを再起動してください。",
                    "The data were moved, removed or replaced while the hub runs: put them back, or restart it.",
                ),
                code="store.moved",
            )


def _maybe_file(path: Path) -> tuple[int, int] | None:
    """Return which file `path` names, or None; it may be named while its folder cannot be looked into."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def connect(path: Path, *, busy_s: float, read_only: bool = False, immutable: bool = False) -> sqlite3.Connection:
    """Return a connection that may move between threads, with explicit transactions only.

    `immutable` says that nobody has the file open: it is read without locks, and without the files that WAL makes.
    """
    query = f"mode={'ro' if read_only else 'rw'}{'&immutable=1' if immutable else ''}"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}",
        uri=True,
        timeout=busy_s,
        isolation_level=None,
        check_same_thread=False,
    )
    if not read_only:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    return connection


def preallocate(connection: sqlite3.Connection, path: Path) -> None:
    """Write some megabytes through the log once, so that commits overwrite blocks that the file already has.

    A flush that must also record a new length of the file takes twice as long. The pages that this leaves in the data
    are free for the entries that come.
    """
    # Speed only: a hub with a full disk must start all the same, and go on telling what is in force. The last room is
    # for what the other realm needs to be opened.
    if shutil.disk_usage(path.parent).free < _PREALLOCATED_BYTES * _ROOM:
        return
    with suppress(sqlite3.Error):
        with transaction(connection, write=True):
            connection.execute("CREATE TABLE IF NOT EXISTS ballast (bytes BLOB)")
            connection.execute("INSERT INTO ballast VALUES (zeroblob(?))", (_PREALLOCATED_BYTES,))
        with transaction(connection, write=True):
            connection.execute("DROP TABLE ballast")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


@contextmanager
def transaction(connection: sqlite3.Connection, *, write: bool) -> Iterator[None]:
    """Keep all that is done inside, or nothing. Reads inside see one state."""
    connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself after some failures (disk full, I/O).
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def migrations() -> list[str]:
    """Return the statements of every schema version, the first first."""
    folder = resources.files("lalert.store.sqlite") / "schema"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [file.read_text("utf-8") for file in files]


def prepare(
    connection: sqlite3.Connection,
    *,
    realm: Realm,
    owner: bool,
    now: datetime,
    new_epoch: Callable[[], str],
    compat: int = COMPAT,
) -> None:
    """Bring the schema up to date; make a new log in an empty file, for programs that know `compat`.

    Only the hub that owns the file may upgrade data, because another program could be using them. Raises `Rejected`
    for data of another realm and for data that this program is too old for.
    """
    steps = migrations()
    with transaction(connection, write=True):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version:
            check(connection, version, realm=realm, known=len(steps), owner=owner)
        for step in steps[version:]:
            _run(connection, step)
        if not version:
            connection.execute(
                "INSERT INTO origin (realm, epoch, compat, created_at) VALUES (?, ?, ?, ?)",
                (realm.value, new_epoch(), compat, micros(now)),
            )
        if version < len(steps):
            connection.execute("UPDATE origin SET compat = ?", (compat,))
            connection.execute(f"PRAGMA user_version = {len(steps)}")


def check(connection: sqlite3.Connection, version: int, *, realm: Realm, known: int, owner: bool) -> None:
    """Raise `Rejected` or `Unavailable` for data of this schema that a program that knows `known` must not use."""
    kept, compat = connection.execute("SELECT realm, compat FROM origin").fetchone()
    if compat == UNFINISHED:
        raise unfinished()
    if compat > known:
        raise Rejected(
            Text("保存データはより新しい版の lalert のものです。", "The data belong to a newer version of lalert."),
            code="store.too_new",
        )
    if kept != realm.value:
        raise Rejected(
            Text(f"これは {kept} 系の保存データです。", f"These are the data of the {kept} realm."), code="store.realm"
        )
    if version < known and not owner:
        raise Unavailable(
            Text(
                "保存データの更新が必要です。先にハブを起動してください。", "Start the hub first: it upgrades the data."
            ),
            code="store.outdated",
        )


def _run(connection: sqlite3.Connection, script: str) -> None:
    """Execute statement by statement: `executescript` would commit the transaction that is open."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
