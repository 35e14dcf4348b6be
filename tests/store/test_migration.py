"""What moves between engines is all of it, once, or nothing; both engines, a real Redis."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from lalert.core.delivery import LaneState
from lalert.core.model import Cursor, Realm, Role
from lalert.errors import LalertError, Rejected, Unavailable
from lalert.settings import Storage
from lalert.store.archive import Archive, Item
from lalert.store.base import AuditLine, Stale, Store, StoredKey
from lalert.store.migration import migrate
from lalert.store.nodes import Beat, Report
from lalert.store.opening import open_archive, open_store
from lalert.store.sqlite import SqliteStore
from tests.contract.making import START, cancel, day, expiry, keep, message, update
from tests.contract.test_recipients import attempt, endpoint, resident
from tests.rig.redis import RedisServer

LIVE = (Realm.LIVE,)


@pytest.fixture
def folder(tmp_path: Path) -> Storage:
    """SQLite in a folder, with its key files."""
    return Storage(data=tmp_path / "one")


@pytest.fixture
def shared(tmp_path: Path, redis_server: RedisServer) -> Storage:
    """An empty Redis, with the key files of `folder`."""
    return Storage(data=tmp_path / "one", url=redis_server.empty_database())


@pytest.fixture(params=["sqlite", "redis"])
def ways(request: pytest.FixtureRequest, folder: Storage, shared: Storage) -> tuple[Storage, Storage]:
    """From one engine to the other."""
    return (folder, shared) if request.param == "sqlite" else (shared, folder)


async def fill(settings: Storage) -> None:
    """Keep something of every kind, and of every way in which an entry may stand."""
    store = await open_store(settings, Realm.LIVE)
    try:
        await keep(store, message("old"), message("held"), update("new", message("old")), message("早い", text="電文"))
        await store.append([update("end", references=["to-come", "and-this"]), message("later", at=START + day(40))])
        await store.append([expiry(posted) for posted in await store.find("早い")])
        await store.append([cancel("over", message("later"), at=START + day(41))])
        await store.prune(START + day(39))
        for name in ("a", "b"):
            key = StoredKey(
                key_id=name, name="市", role=Role.SENDER, areas=("13", "271004"), digest="d", created_at=START
            )
            await store.add_key(key)
        await store.revoke_key("a", START + day(2))
        await store.audit(AuditLine(at=START, actor="cli", action="key.add", subject="a"))
        await store.add_endpoint(endpoint("ep_1"))
        await store.add_endpoint(endpoint("ep_2"))
        await store.end_endpoint("ep_1", START + day(1), "gone")
        many = (resident(f"{number:04x}", browser=f"{number}") for number in range(300))
        await asyncio.gather(*map(store.add_resident, many))
        await store.remove_resident("0001")
        await store.remove_resident(f"{299:04x}")
        await store.save_lanes([LaneState(lane=f"webhook:{n}", cursor=Cursor("x", n)) for n in range(3)])
        await store.add_attempts([attempt("webhook:1", "held"), attempt("webhook:2", "new", 3)])
    finally:
        await store.close()


async def stream(settings: Storage) -> list[Item]:
    """Return everything that is kept."""
    archive = await open_archive(settings, Realm.LIVE)
    try:
        return [item async for page in archive.pages() for item in page]
    finally:
        await archive.close()


async def seen(store: Store) -> list[object]:
    """Return what a hub asks of its store."""
    span = await store.span()
    return [
        span,
        list(await store.read(span.oldest - 1, 100)),
        list(await store.in_force()),
        [list(await store.find(name)) for name in ("old", "held", "new", "later", "over")],
        list(await store.thread("old")),
        list(await store.keys()),
        await store.keys_generation(),
        list(await store.endpoints()),
        await store.endpoints_generation(),
        list(await store.residents(0, 1000)),
        list(await store.lanes()),
        list(await store.attempts()),
        list(await store.attempts(lane="webhook:2")),
        list(await store.audit_lines(100)),
    ]


async def asked(settings: Storage) -> list[object]:
    """Open the store as a hub does and ask it."""
    store = await open_store(settings, Realm.LIVE)
    try:
        return await seen(store)
    finally:
        await store.close()


async def test_everything_arrives_and_reads_back_equal(ways: tuple[Storage, Storage]) -> None:
    """Entries byte for byte, under the same name and positions; everything else as it was."""
    source, target = ways
    await fill(source)
    before, items = await asked(source), await stream(source)
    [moved] = await migrate(source, target, LIVE)
    assert await stream(target) == items
    assert await asked(target) == before
    assert moved.counts == {
        "entries": 7,
        "keys": 2,
        "endpoints": 2,
        "audit": 9,
        "residents": 298,
        "lanes": 3,
        "attempts": 2,
    }


async def test_there_and_back_is_the_same(folder: Storage, shared: Storage, tmp_path: Path) -> None:
    """SQLite, Redis, SQLite: the digest of all of it does not change."""
    await fill(folder)
    [there] = await migrate(folder, shared, LIVE)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "live.seal").write_bytes((folder.data / "live.seal").read_bytes())
    back = dataclasses.replace(folder, data=tmp_path / "two")
    [again] = await migrate(dataclasses.replace(shared, data=back.data), back, LIVE)
    assert (again.digest, again.counts) == (there.digest, there.counts)


async def test_the_log_goes_on(ways: tuple[Storage, Storage]) -> None:
    """The next entry has the next position; what was forestalled stays so; numbers and keys are not given again."""
    source, target = ways
    await fill(source)
    await migrate(source, target, LIVE)
    store = await open_store(target, Realm.LIVE)
    try:
        head = (await store.span()).head
        [entry] = await keep(store, message("next"))
        assert entry.cursor == Cursor(head.epoch, head.seq + 1)
        [outcome] = await store.append([message("to-come")])
        assert isinstance(outcome, Stale)
        assert (await store.add_resident(resident("ffff", browser="new"))).number == 301
        [repeated] = await store.append([message("held")])
        assert repeated == type(repeated)((await store.find("held"))[0].entry)
    finally:
        await store.close()


async def test_the_old_log_has_another_name_when_a_hub_goes_on_with_it(ways: tuple[Storage, Storage]) -> None:
    """Two logs that both go on under one name would make readers miss what the other had."""
    source, target = ways
    await fill(source)
    await migrate(source, target, LIVE)
    old, new = await open_store(source, Realm.LIVE), await open_store(target, Realm.LIVE)
    try:
        assert (await old.span()).head.epoch != (await new.span()).head.epoch
        assert (await old.span()).head.seq == (await new.span()).head.seq
    finally:
        await old.close()
        await new.close()


async def refused(source: Storage, target: Storage, realms: Sequence[Realm] = LIVE) -> str:
    """Return why a migration is refused."""
    with pytest.raises(LalertError) as refusal:
        await migrate(source, target, realms)
    return refusal.value.code


async def test_a_running_hub_is_left_alone(folder: Storage, shared: Storage) -> None:
    """A file that a hub has is locked; a Redis with a living node is in use."""
    await fill(folder)
    hub = await open_store(folder, Realm.LIVE)
    assert await refused(folder, shared) == "store.locked"
    await hub.close()
    await migrate(folder, shared, LIVE)
    (folder.data / "live.sqlite").unlink()
    node = await open_store(shared, Realm.LIVE)
    report = Report(id="n1", name="east", where="east:8080", version="1", since=START)
    await node.nodes.beat(Beat(report=report, lease_s=60.0))
    assert await refused(shared, folder) == "store.in_use"
    await node.nodes.leave("n1")
    await node.close()
    await migrate(shared, folder, LIVE)


async def test_nothing_is_moved_onto_something(folder: Storage, shared: Storage) -> None:
    """A target that holds a log is refused, and keeps it; a source that holds none has nothing to move."""
    assert await refused(folder, shared) == "store.nothing"
    await fill(folder)
    await (await open_store(shared, Realm.LIVE)).close()
    before = await stream(shared)
    assert await refused(folder, shared) == "store.not_empty"
    assert await stream(shared) == before
    assert await refused(folder, shared, list(Realm)) == "store.not_empty"


async def test_what_is_sealed_moves_with_its_key_only(folder: Storage, shared: Storage) -> None:
    """Without the key file the recipients would be lost: nothing begins."""
    await fill(folder)
    key = folder.data / "live.seal"
    kept = key.read_bytes()
    key.write_bytes(bytes(32))
    assert await refused(folder, shared) == "store.seal"
    key.unlink()
    assert await refused(folder, shared) == "store.seal"
    assert not key.exists()
    key.write_bytes(kept)
    await migrate(folder, shared, LIVE)


class Breaking:
    """An archive that loses something on its way in."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def __getattr__(self, name: str) -> object:
        return getattr(self._archive, name)

    async def keep(self, page: Sequence[Item]) -> None:
        """Keep all but the last."""
        await self._archive.keep(page[:-1])


async def test_what_did_not_arrive_is_found(ways: tuple[Storage, Storage], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides are read at the end; when they differ the target stays unfinished, and the source as it was."""
    source, target = ways
    await fill(source)
    before = await stream(source)

    async def breaking(settings: Storage, realm: Realm, *, target: bool = False) -> Archive:
        opened = await open_archive(settings, realm, target=target)
        return Breaking(opened) if target else opened  # type: ignore[return-value]

    monkeypatch.setattr("lalert.store.migration.open_archive", breaking)
    assert await refused(source, target) == "store.differs"
    with pytest.raises(Rejected, match=r"store\.unfinished"):
        await open_store(target, Realm.LIVE)
    assert await stream(source) == before
    monkeypatch.undo()
    await migrate(source, target, LIVE)
    assert await stream(target) == before


async def test_who_changes_the_source_meanwhile_is_noticed(
    folder: Storage, shared: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is issued while Redis is read would be lost: nothing is finished."""
    await fill(shared)

    async def disturbed(settings: Storage, realm: Realm, *, target: bool = False) -> Archive:
        opened = await open_archive(settings, realm, target=target)
        if not target:
            store = await open_store(settings, realm)
            await store.revoke_key("b", START)
            await store.close()
        return opened

    monkeypatch.setattr("lalert.store.migration.open_archive", disturbed)
    assert await refused(shared, folder) == "store.in_use"


async def test_a_file_that_is_read_takes_no_keys(folder: Storage) -> None:
    """Nobody writes to a file that is being moved, not even a command beside the hub."""
    await fill(folder)
    archive = await open_archive(folder, Realm.LIVE)
    with pytest.raises(Unavailable, match=r"store\.busy"):
        await SqliteStore.open(folder.data / "live.sqlite", Realm.LIVE, exclusive=False, busy_s=0.01)
    await archive.close()


async def test_a_store_that_may_be_in_use_can_be_looked_at(ways: tuple[Storage, Storage]) -> None:
    """How much there is can be asked beside a running hub."""
    source, _ = ways
    await fill(source)
    hub = await open_store(source, Realm.LIVE)
    archive = await open_archive(source, Realm.LIVE, alone=False)
    try:
        origin = await archive.origin()
        assert origin is not None
        assert Cursor(origin.epoch, origin.head) == (await hub.span()).head
        assert (await archive.counts())["residents"] == 298
    finally:
        await archive.close()
        await hub.close()
