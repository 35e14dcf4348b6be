"""What SQLite adds to the contract: files, locks, schema versions, and failures of the disk."""
# ruff: noqa: ASYNC240  # a test may wait for its own small files

from __future__ import annotations

import asyncio
import errno
import resource
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lalert.core.model import Cursor, Realm, Role
from lalert.errors import Rejected, Unavailable
from lalert.store.base import Appended, StoredKey
from lalert.store.epoch import random_epoch
from lalert.store.files import make_private
from lalert.store.sqlite import SqliteStore, database
from lalert.store.sqlite.register import AUDIT_LIMIT
from lalert.store.sqlite.writer import MAX_JOINED, MAX_WAITING, Writer
from tests.contract.making import START, cancel, message

Opened = Callable[..., Awaitable[SqliteStore]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the data of this test lie."""
    return tmp_path / "data" / "live.sqlite"


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file behind the store's back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


async def opened(path: Path, **how: object) -> SqliteStore:
    """Open the live store at `path`."""
    return await SqliteStore.open(path, Realm.LIVE, busy_s=0.05, **how)  # type: ignore[arg-type]


# --- files and locks -------------------------------------------------------------------------------------------


async def test_nobody_else_may_read_the_data(path: Path) -> None:
    """Data, log and lock are 0600 in a folder of 0700."""
    store = await opened(path)
    await store.append([message("a")])
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert set(modes) == {"live.sqlite", "live.sqlite-wal", "live.sqlite-shm", "live.sqlite.lock", "live.seal"}
    assert set(modes.values()) == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    await store.close()


async def test_rights_that_became_too_wide_are_narrowed(path: Path) -> None:
    """A copy that was restored as world-readable does not stay so."""
    await (await opened(path)).close()
    path.chmod(0o644)
    await (await opened(path)).close()
    assert path.stat().st_mode & 0o777 == 0o600


async def test_one_hub_a_file(path: Path) -> None:
    """A second hub is turned away at once; when the first has gone it may have the data."""
    first = await opened(path)
    with pytest.raises(Unavailable) as refused:
        await opened(path)
    assert refused.value.code == "store.locked"
    await first.close()
    await (await opened(path)).close()


async def test_the_command_line_may_issue_keys_while_the_hub_runs(path: Path) -> None:
    """A key made by another program is seen by the hub, and so is that something changed."""
    hub = await opened(path)
    before = await hub.keys_generation()
    tool = await opened(path, exclusive=False)
    key = StoredKey(key_id="k1", name="x", role=Role.MEDIA, areas=(), digest="0" * 64, created_at=START)
    await tool.add_key(key)
    await tool.close()
    assert await hub.keys_generation() != before
    assert list(await hub.keys()) == [key]
    await hub.append([message("a")])
    await hub.close()


async def test_the_command_line_may_come_first(path: Path) -> None:
    """A key can be issued before the hub ever ran; the hub finds it, in the same log."""
    tool = await opened(path, exclusive=False)
    epoch = (await tool.span()).head.epoch
    await tool.close()
    hub = await opened(path)
    assert (await hub.span()).head.epoch == epoch
    await hub.close()


async def test_every_commit_is_flushed(path: Path) -> None:
    """WAL with synchronous=FULL; NORMAL would lose acknowledged alerts in a power cut."""
    store = await opened(path)
    pragmas = store._files.writing.execute
    assert pragmas("PRAGMA journal_mode").fetchone() == ("wal",)
    assert pragmas("PRAGMA synchronous").fetchone() == (2,)
    await store.close()


async def test_the_reading_connection_cannot_write(path: Path) -> None:
    """One thread writes; a slip in a query cannot break that."""
    store = await opened(path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store._files.reading.execute("UPDATE origin SET oldest = 9")
    await store.close()


async def test_questions_use_their_indexes(path: Path) -> None:
    """No question that the hub asks while it works scans the log."""
    store = await opened(path)
    statements: list[str] = []
    store._files.reading.set_trace_callback(statements.append)
    await store.span()
    await store.read(0, 10)
    await store.read_from(START, 10)
    await store.find("a")
    await store.find_key("a")
    await store.thread("a")
    await store.in_force()
    store._files.reading.set_trace_callback(None)
    await store.close()
    with raw(path) as connection:
        plans = {
            statement: [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
            for statement in statements
            if "SELECT" in statement
        }
    assert len(plans) >= 7
    for statement, plan in plans.items():
        scans = [step for step in plan if step.startswith("SCAN") and "origin" not in step and "USING" not in step]
        assert not scans, (statement, plan)


# --- the name of the log ---------------------------------------------------------------------------------------


def test_an_epoch_can_stand_in_a_cursor() -> None:
    """Four of 0-9a-z, and not the same each time."""
    names = {random_epoch() for _ in range(50)}
    assert len(names) > 1
    assert all(len(name) == 4 and name.isalnum() and name == name.lower() and name.isascii() for name in names)


async def test_a_restored_log_has_another_name(path: Path) -> None:
    """Yesterday's backup would use positions again that readers have seen: their cursors must not fit."""
    epochs = iter(["aaaa", "bbbb"])
    store = await opened(path, new_epoch=lambda: next(epochs))
    await store.append([message("a")])
    await store.close()
    backup = path.read_bytes()
    store = await opened(path, new_epoch=lambda: next(epochs))
    await store.append([message("b")])
    await store.close()
    path.write_bytes(backup)
    store = await opened(path, new_epoch=lambda: next(epochs))
    [outcome] = await store.append([message("c")])
    assert isinstance(outcome, Appended)
    assert str(outcome.entry.cursor) == "bbbb-2"
    await store.close()
    store = await opened(path)
    assert (await store.span()).head.epoch == "bbbb"
    await store.close()


@pytest.mark.parametrize("what", ["the folder", "the log", "the log of SQLite"])
async def test_data_that_are_removed_under_a_hub_keep_nothing(path: Path, what: str) -> None:
    """What has no name any more ends with the process: nothing is told to be kept there; put back, all goes on."""
    store = await opened(path)
    await store.append([message("a")])
    moved = {"the folder": path.parent, "the log": path, "the log of SQLite": path.with_name("live.sqlite-wal")}[what]
    aside = moved.rename(path.parent.with_name("aside"))
    with pytest.raises(Unavailable) as refused:
        await store.append([message("b")])
    assert refused.value.code == "store.moved"
    assert len(await store.read(0, 10)) == 1
    aside.rename(moved)
    await store.append([message("b")])
    await store.close()
    store = await opened(path)
    assert (await store.span()).head.seq == 2
    await store.close()


async def test_a_backup_put_under_a_hub_is_not_written_past(path: Path) -> None:
    """What would be kept in the file that was replaced is refused, until a hub starts with the other one."""
    store = await opened(path)
    await store.append([message("a")])
    backup = path.with_name("backup")
    with raw(path) as source, raw(backup) as target:
        source.backup(target)
    backup.replace(path)
    with pytest.raises(Unavailable) as refused:
        await store.append([message("b")])
    assert refused.value.code == "store.moved"
    await store.close()


@pytest.mark.parametrize("is_killed", [False, True])
async def test_a_log_that_is_gone_is_not_begun_anew(path: Path, is_killed: bool) -> None:
    """An empty log in its place would show that nothing is in force; without the note of the first a hub may begin."""
    store = await opened(path)
    await store.append([message("a")])
    noted = path.with_name("live.sqlite.lock").read_bytes()
    await store.close()
    path.unlink()
    if is_killed:
        path.with_name("live.sqlite.lock").write_bytes(noted)
    for _ in range(2):
        with pytest.raises(Unavailable) as refused:
            await opened(path)
        assert refused.value.code == "store.emptied"
    path.with_name("live.sqlite.lock").unlink()
    await (await opened(path)).close()


@pytest.mark.parametrize("was", ["", "aaaa-100\n"])
async def test_a_note_is_written_over_the_one_before(path: Path, was: str) -> None:
    """On a full disk a block that is given up first may be gone: there is never a moment without a note."""
    make_private(path)
    with database.lock(path) as held:
        held.write(was)
        held.flush()
        database.leave(held, Cursor("bbbb", 9))
        assert database.left(held) == Cursor("bbbb", 9)


# --- schema ----------------------------------------------------------------------------------------------------


async def test_the_other_realm_is_refused(path: Path) -> None:
    """Live data are never opened as drill data, whatever the configuration says."""
    await (await opened(path)).close()
    with pytest.raises(Rejected) as refused:
        await SqliteStore.open(path, Realm.DRILL)
    assert refused.value.code == "store.realm"
    await (await opened(path)).close()


async def test_data_of_a_newer_program_are_refused(path: Path) -> None:
    """A program that does not know what the data rely on must not touch them."""
    await (await opened(path)).close()
    with raw(path) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("UPDATE origin SET compat = 99")
    with pytest.raises(Rejected) as refused:
        await opened(path)
    assert refused.value.code == "store.too_new"


async def test_a_newer_schema_that_stayed_compatible_is_used(path: Path) -> None:
    """An addition that older programs can ignore does not lock them out, and they do not turn it back."""
    await (await opened(path)).close()
    with raw(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    store = await opened(path)
    await store.append([message("a")])
    await store.close()
    with raw(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)


async def test_an_older_schema_is_upgraded_by_its_owner_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub upgrades; a tool that comes first is told to wait, because an older hub could be running."""
    store = await opened(path)
    await store.append([message("a")])
    await store.close()
    steps = [*database.migrations(), "-- a step; with a comment\nCREATE TABLE later (x TEXT) STRICT;\n"]
    monkeypatch.setattr(database, "migrations", lambda: steps)
    with pytest.raises(Unavailable) as refused:
        await opened(path, exclusive=False)
    assert refused.value.code == "store.outdated"
    store = await opened(path)
    assert [entry.alert.identifier for entry in await store.read(0, 10)] == ["a"]
    await store.close()
    with raw(path) as connection:
        assert connection.execute("SELECT count(*) FROM later").fetchone() == (0,)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(steps),)


async def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an upgrade would be worse than none."""
    await (await opened(path)).close()
    with monkeypatch.context() as patch:
        broken = [*database.migrations(), "CREATE TABLE later (x TEXT);\nCREATE TABLE entry (x TEXT);\n"]
        patch.setattr(database, "migrations", lambda: broken)
        with pytest.raises(Unavailable):
            await opened(path)
    with raw(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(database.migrations()),)
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'later'").fetchone()
    await (await opened(path)).close()


async def test_the_creation_is_dated_by_the_clock_that_was_given(path: Path) -> None:
    """The store asks no clock behind the caller's back; without one it asks the machine's, in UTC."""
    await (await opened(path, clock=lambda: datetime(1970, 1, 2, tzinfo=UTC))).close()
    with raw(path) as connection:
        assert connection.execute("SELECT created_at FROM origin").fetchone() == (86_400_000_000,)


# --- failures --------------------------------------------------------------------------------------------------


async def test_a_file_that_is_no_store_is_unavailable(path: Path) -> None:
    """A foreign or ruined file is named as such, and the driver's exception stays inside."""
    path.parent.mkdir()
    path.write_bytes(b"not a database, but long enough to look like one" * 100)
    with pytest.raises(Unavailable) as refused:
        await opened(path)
    assert refused.value.code == "store.damaged"


async def test_a_path_that_cannot_be_is_unavailable(tmp_path: Path) -> None:
    """A folder that is a file: an error of the file system is told in the house's words."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable) as refused:
        await opened(tmp_path / "file" / "live.sqlite")
    assert refused.value.code == "store.io"


@contextmanager
def no_file_grows(limit: int) -> Iterator[None]:
    """Refuse every write beyond `limit` bytes of a file, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_that_refuses_keeps_nothing_and_recovers(path: Path) -> None:
    """The write fails in the middle of a large batch: nothing of it is kept; reading goes on; later appends work."""
    store = await opened(path)
    await store.append([message("a")])
    giants = [message(f"g{n}", text="x" * 900_000) for n in range(20)]
    with no_file_grows(8 << 20):
        with pytest.raises(Unavailable) as refused:
            await store.append([cancel("c", message("a")), *giants])
        assert refused.value.code in {"store.full", "store.io"}
        assert [posted.entry.alert.identifier for posted in await store.in_force()] == ["a"]
    assert (await store.span()).head.seq == 1
    await store.append([cancel("c", message("a")), *giants])
    assert (await store.span()).head.seq == 22
    await store.close()


async def test_a_full_store_is_unavailable_and_recovers(path: Path) -> None:
    """SQLITE_FULL: everybody who waits is told, and the next who comes when there is room is served."""
    store = await opened(path)
    pages = store._files.writing.execute("PRAGMA page_count").fetchone()[0]
    store._files.writing.execute(f"PRAGMA max_page_count = {pages}")
    text = "x" * 900_000
    appends = [store.append([message(f"{n}", text=text)]) for n in range(12)]
    results = await asyncio.gather(*appends, return_exceptions=True)
    refused = [result for result in results if isinstance(result, Unavailable)]
    assert {error.code for error in refused} == {"store.full"}
    kept = 12 - len(refused)
    assert (await store.span()).head.seq == kept < 12
    store._files.writing.execute("PRAGMA max_page_count = 1000000")
    await store.append([message("later", text=text)])
    assert (await store.span()).head.seq == kept + 1
    await store.close()


async def test_a_hub_starts_on_a_full_disk(path: Path) -> None:
    """What is in force must be told even when nothing new can be kept."""
    store = await opened(path)
    await store.append([message("a")])
    await store.close()
    with no_file_grows(path.stat().st_size):
        store = await opened(path)
        assert len(await store.in_force()) == 1
        await store.close()


async def test_the_last_room_is_not_taken_for_speed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a disk that is nearly full nothing is taken ahead: the other realm needs it to be opened."""
    usage = shutil.disk_usage(path.parent.parent)
    for free, is_taken in ((20 << 20, False), (1 << 30, True)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        store = await opened(path)
        taken = sum(file.stat().st_size for file in path.parent.iterdir())
        assert (taken > 5 << 20) is is_taken
        await store.close()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "store.full"),
        (errno.EDQUOT, "store.full"),
        (errno.EROFS, "store.read_only"),
        (errno.EACCES, "store.read_only"),
        (errno.EIO, "store.io"),
    ],
)
def test_what_the_file_system_says_is_told(number: int, code: str) -> None:
    """A full disk is called full, whoever met it first: SQLite, or a file beside it."""
    with pytest.raises(Unavailable) as refused, database.translated():
        raise OSError(number, "no")
    assert refused.value.code == code


async def test_a_locked_store_is_unavailable_and_recovers(path: Path) -> None:
    """Another program sits on the data: the append gives up in time, and works when that has gone."""
    store = await opened(path)
    with raw(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as refused:
            await store.append([message("a")])
        assert refused.value.code == "store.busy"
        assert list(await store.read(0, 10)) == []
        other.execute("ROLLBACK")
    await store.append([message("a")])
    await store.close()


async def test_a_writer_takes_a_bounded_number_of_calls(path: Path) -> None:
    """When the disk hangs, callers are refused before memory runs out; those who waited are served after."""
    store = await opened(path)
    with raw(path) as other:
        other.execute("BEGIN IMMEDIATE")
        store._files.writing.execute("PRAGMA busy_timeout = 60000")
        waiting = [asyncio.create_task(store.keys_generation()) for _ in range(2)]
        appends = [asyncio.create_task(store.append([message("a")])) for _ in range(MAX_WAITING + MAX_JOINED + 1)]
        await asyncio.gather(*waiting)
        refused = [task.exception() for task in appends if task.done()]
        other.execute("ROLLBACK")
    assert refused
    assert {error.code for error in refused if isinstance(error, Unavailable)} == {"store.busy"}
    results = await asyncio.gather(*appends, return_exceptions=True)
    assert sum(isinstance(result, list) for result in results) == len(appends) - len(refused)
    await store.close()


async def test_the_log_is_folded_back(path: Path) -> None:
    """However much goes through, the file beside the data stays small."""
    store = await opened(path)
    for batch in range(30):
        await store.append([message(f"{batch}-{n}", text="x" * 20_000) for n in range(100)])
    assert path.with_name(path.name + "-wal").stat().st_size < 16_000_000
    assert path.stat().st_size > 30 * 100 * 20_000 - 16_000_000
    await store.close()


async def test_the_audit_trail_is_bounded(path: Path) -> None:
    """Retention trims the oldest lines beyond the limit, and only those."""
    store = await opened(path)
    await store.append([message("a"), message("b")])
    with raw(path) as other:
        other.execute(f"UPDATE audit SET number = {AUDIT_LIMIT + 1} WHERE number = 2")
    await store.prune(START - timedelta(days=1))
    assert len(await store.audit_lines(10)) == 1
    await store.close()


async def test_a_failing_checkpoint_ends_nothing(path: Path) -> None:
    """Folding back is housekeeping: its failure is not the failure of an append that was kept."""
    make_private(path)
    connection = database.connect(path, busy_s=0.05)
    writer = Writer(connection, asyncio.get_running_loop(), check=lambda: None)
    connection.set_authorizer(
        lambda action, name, *_: sqlite3.SQLITE_DENY if name == "wal_checkpoint" else sqlite3.SQLITE_OK
    )
    assert await writer.run(lambda: 1, size=MAX_JOINED) == 1
    assert await writer.run(lambda: 2, size=MAX_JOINED) == 2
    await writer.close()
    connection.close()
