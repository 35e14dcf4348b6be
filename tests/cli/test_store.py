"""`lalert store`: what operators type, and what they are told."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis

from lalert.cli import main
from lalert.core.model import Realm
from lalert.publishers.vapid import Vapid, load_or_make
from lalert.settings import Storage
from lalert.store.opening import open_store
from tests.contract.making import keep, message
from tests.contract.test_recipients import resident
from tests.rig.redis import RedisServer


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the tester's own settings, and English talk."""
    for name in ("LALERT_CONFIG", "LALERT_DATA", "LALERT_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


async def call(*arguments: object) -> Result:
    """Run `lalert store` with these arguments, in a thread: it has an event loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, main, ["store", *map(str, arguments)])


async def fill(settings: Storage) -> None:
    """Keep one entry in each realm, and one resident."""
    for realm in Realm:
        store = await open_store(settings, realm)
        await keep(store, message("one"))
        await store.add_resident(resident())
        await store.close()


async def test_both_realms_move_and_the_figures_are_told(tmp_path: Path, redis_server: RedisServer) -> None:
    """JSON lines, one a realm: where the log stands, how much of everything, and the digest of all of it."""
    url = redis_server.empty_database()
    await fill(Storage(data=tmp_path))
    done = await call("migrate", "--from", tmp_path, "--to", url, "--json")
    assert done.exit_code == 0, done.output
    live, drill = map(json.loads, done.stdout.splitlines())
    assert (live["realm"], drill["realm"]) == ("live", "drill")
    assert live["counts"]["entries"] == live["counts"]["residents"] == 1
    assert len(live["digest"]) == 64
    assert "both sides were read and are the same" in done.stderr
    looked = await call("info", "--data", tmp_path, "--store", url, "--json")
    told = json.loads(looked.stdout.splitlines()[0])
    assert told == {name: live[name] for name in ("realm", "head", "oldest", "counts")} | {"engine": "Redis"}
    assert live["head"].split("-")[0] in (await call("info", "--data", tmp_path)).stdout


async def test_what_is_left_out_is_what_the_settings_name(
    tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL with a password belongs in the environment: the option for it may be left out."""
    monkeypatch.setenv("LALERT_STORE_URL", redis_server.empty_database())
    await fill(Storage(data=tmp_path))
    done = await call("migrate", "--from", tmp_path, "--realm", "live")
    assert done.exit_code == 0, done.output
    monkeypatch.setenv("LALERT_DATA", str(tmp_path))
    (tmp_path / "live.sqlite").unlink()
    back = await call("migrate", "--from", os.environ["LALERT_STORE_URL"], "--realm", "live")
    assert back.exit_code == 0, back.output
    assert back.stdout.split("SHA-256")[1] == done.stdout.split("SHA-256")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--from", "a", "--to", "b"),
        ("--from", "redis://h:1", "--to", "redis://h:2"),
        ("--from", "a"),
        ("--from", "redis://user:secret@h", "--to", "a"),
        ("--from", "redis://h?password=secret", "--to", "a"),
        ("--from", "redis://[", "--to", "a"),
    ],
)
async def test_sides_that_make_no_sense_are_explained(arguments: tuple[str, ...]) -> None:
    """One side is a folder, the other a Redis; a password is not for everybody who lists processes."""
    done = await call("migrate", *arguments)
    assert done.exit_code == 2
    assert "secret" not in done.output


async def test_nothing_moves_without_the_key_that_residents_know(tmp_path: Path, redis_server: RedisServer) -> None:
    """What browsers subscribed with goes along; a folder with another key, or none, is refused before it begins."""
    shared = Storage(data=tmp_path, url=redis_server.empty_database())
    await fill(Storage(data=tmp_path))
    key = Vapid(load_or_make(tmp_path / "vapid-live.pem"), subject="").public_key
    done = await call("migrate", "--from", tmp_path, "--to", shared.url, "--realm", "live")
    assert done.exit_code == 0, done.output
    store = await open_store(shared, Realm.LIVE)
    assert await store.nodes.agreed("vapid") == key
    await store.close()
    (tmp_path / "live.sqlite").unlink()
    (tmp_path / "vapid-live.pem").unlink()
    for other in (False, True):
        if other:
            load_or_make(tmp_path / "vapid-live.pem")
        refused = await call("migrate", "--from", shared.url, "--to", tmp_path, "--realm", "live")
        assert (refused.exit_code, "store.vapid" in refused.stderr) == (1, True)
    assert not (tmp_path / "live.sqlite").exists()


@pytest.mark.parametrize("engine", ["sqlite", "redis"])
async def test_a_restored_log_gets_another_name(engine: str, tmp_path: Path, redis_server: RedisServer) -> None:
    """Whoever restores a backup says so, and no position is used again under its old name."""
    settings = Storage(data=tmp_path, url=redis_server.empty_database() if engine == "redis" else None)
    await fill(settings)
    before = json.loads((await call("info", "--realm", "live", "--json", *place(settings))).stdout)["head"]
    done = await call("restored", *place(settings))
    assert done.exit_code == 0, done.output
    store = await open_store(settings, Realm.LIVE)
    head = (await store.span()).head
    assert head.epoch != before.split("-")[0]
    assert f"-{head.seq}" in before
    refused = await call("restored", *place(settings))
    assert (refused.exit_code == 75) is (engine == "sqlite")
    await store.close()


def place(settings: Storage) -> tuple[str, ...]:
    """Return how commands are told where the data are."""
    return ("--data", str(settings.data), *(("--store", settings.url) if settings.url else ()))


async def test_what_cannot_be_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to look at, nothing to move, nobody at the other end."""
    monkeypatch.setenv("LALERT_STORE_TIMEOUT_S", "0.1")
    nothing = await call("info", "--data", tmp_path)
    assert (nothing.exit_code, "store.nothing" in nothing.stderr) == (1, True)
    (tmp_path / "live.sqlite").write_bytes(b"rubbish" * 1000)
    damaged = await call("info", "--data", tmp_path)
    assert (damaged.exit_code, "store.damaged" in damaged.stderr) == (75, True)
    store = await open_store(Storage(data=tmp_path / "other"), Realm.LIVE)
    await store.close()
    (tmp_path / "other" / "live.sqlite").rename(tmp_path / "other" / "drill.sqlite")
    wrong = await call("info", "--data", tmp_path / "other", "--realm", "drill")
    assert (wrong.exit_code, "store.realm" in wrong.stderr) == (1, True)
    away = await call("info", "--data", tmp_path, "--store", f"unix://{tmp_path}/none.sock")
    assert (away.exit_code, "store." in away.stderr) == (75, True)


async def test_rubbish_in_redis_is_said(redis_server: RedisServer) -> None:
    """What is not a log of ours is neither shown nor moved, and ends in words."""
    url = redis_server.empty_database()
    with Redis.from_url(url) as client:
        client.hset("lalert:{live}:origin", "foo", "bar")
    damaged = await call("info", "--store", url, "--realm", "live")
    assert (damaged.exit_code, "store.damaged" in damaged.stderr) == (75, True)
