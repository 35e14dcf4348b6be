"""`lalert doctor`: what is wrong is found where it is, and nothing is changed by looking."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner

from lalert.cli import main
from lalert.cli.doctor import files, folder, hub, machine
from lalert.cli.doctor import store as stores
from lalert.cli.doctor.check import Grade
from lalert.cli.doctor.command import exit_code
from lalert.core.model import Cursor, Realm
from lalert.geo.boundaries import BoundarySet
from lalert.publishers import vapid
from lalert.settings import Settings, Signatures, Storage
from lalert.store.base import Span
from lalert.store.look import Look
from lalert.store.opening import look_at, open_store
from tests.contract.making import keep, message
from tests.contract.test_recipients import resident
from tests.rig import hubs, signers
from tests.rig.author import Author
from tests.rig.caller import Caller
from tests.rig.hubs import HubProcess
from tests.rig.redis import RedisServer, free_port

NOW = datetime.now(UTC)

Found = dict[str, tuple[str, str]]
"""What each check found: its grade, and the English text with the advice."""


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the tester's own settings, a port where nobody is, and English talk."""
    for name in ("LALERT_CONFIG", "LALERT_DATA", "LALERT_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LALERT_SERVER_PORT", str(free_port()))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


async def doctor(*arguments: object) -> tuple[int, Found]:
    """Run the command in a thread; return its exit code and what it found, the gravest of each name."""
    done = await asyncio.to_thread(CliRunner().invoke, main, ["doctor", "--json", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    checks = json.loads(done.stdout)["checks"]
    ranked = sorted(checks, key=lambda check: list(Grade).index(Grade(check["grade"])))
    return done.exit_code, {c["check"]: (c["grade"], f"{c['found']['en']} {c['advice']['en']}") for c in ranked}


async def fill(settings: Storage) -> None:
    """Keep one entry, one resident and one key in each realm, as a hub leaves them."""
    for realm in Realm:
        store = await open_store(settings, realm)
        await keep(store, message("one"))
        await store.add_resident(resident())
        vapid.load_or_make(settings.data / f"vapid-{realm}.pem")
        await hubs.issue_at(store)
        await store.close()


def snapshot(path: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file below `path`, when it was changed, and what is in it."""
    return {str(file): (file.stat().st_mtime_ns, file.read_bytes()) for file in path.rglob("*") if file.is_file()}


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """The folder of a hub that was ended in order."""
    made = tmp_path / "data"
    await fill(Storage(data=made))
    return made


async def test_a_healthy_folder_is_0_and_stays_as_it_is(data: Path) -> None:
    """All is told as right but that no hub runs, and not a byte, a file or a date has changed."""
    before = snapshot(data)
    code, found = await doctor("--data", data)
    assert snapshot(data) == before
    assert code == 0
    assert {found[name][0] for name in ("settings", "data", "store.live", "keys.drill", "seal.live", "clock.live")} == {
        "ok"
    }
    assert found["hub"][0] == "warning"


async def test_before_the_first_start_nothing_is_made(tmp_path: Path) -> None:
    """A folder that is not there yet is no error, and is not there afterwards either."""
    code, found = await doctor("--data", tmp_path / "none")
    assert (code, found["data"][0], found["store.live"][0]) == (0, "warning", "warning")
    assert not (tmp_path / "none").exists()


async def test_settings_are_told_whole(tmp_path: Path) -> None:
    """What keeps the hub from starting is told as the hub tells it, every mistake of the file at once."""
    config = tmp_path / "lalert.toml"
    config.write_text("[server]\nport = 99999999\nprot = 1\n", "utf-8")
    code, found = await doctor("--config", config)
    assert (code, found["settings"][0]) == (1, "error")
    assert "server.port" in found["settings"][1]
    assert "server.prot" in found["settings"][1]


async def test_a_lost_seal_and_lost_data(data: Path) -> None:
    """Without the seal's key nobody can be told, and a log that is gone is no new beginning: both are errors."""
    (data / "live.seal").unlink()
    (data / "drill.sqlite").unlink()
    code, found = await doctor("--data", data)
    assert code == 1
    assert found["seal.live"][0] == "error"
    assert "live.seal" in found["seal.live"][1]
    assert "store.emptied" in found["store.drill"][1]
    assert not (data / "live.seal").exists()


async def test_data_of_the_other_realm_and_rubbish(data: Path) -> None:
    """A file of the wrong realm and one that is no store are refused here as a hub refuses them."""
    for name in ("live.sqlite", "drill.sqlite"):
        (data / name).rename(data / f"{name}.old")
    (data / "drill.sqlite.old").rename(data / "live.sqlite")
    (data / "drill.sqlite").write_bytes(b"rubbish" * 1_000)
    code, found = await doctor("--data", data)
    assert (code, found["store.live"][0], found["store.drill"][0]) == (1, "error", "error")
    assert "store.realm" in found["store.live"][1]
    assert "store.damaged" in found["store.drill"][1]


async def test_the_operators_files(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates that end, keys that others may read, a register and a boundary set that cannot be read."""
    ending = signers.identity("city", begin=NOW - timedelta(days=1), lasts=timedelta(days=8))
    key, certificate = ending.write(data, "signing")
    monkeypatch.setenv("LALERT_SIGNATURES_KEY", str(key))
    monkeypatch.setenv("LALERT_SIGNATURES_CERTIFICATE", str(certificate))
    (data / "sources.toml").write_text("[[source]]\nname = 'x'\n", "utf-8")
    monkeypatch.setenv("LALERT_SOURCES_FILE", str(data / "sources.toml"))
    (data / "vapid-live.pem").write_text("no key", "utf-8")
    (data / "boundaries").mkdir()
    (data / "boundaries" / "current").write_text("n03-none\n", "utf-8")
    code, found = await doctor("--data", data)
    assert code == 1
    assert found["signatures.live"][0] == "warning"
    for name in ("sources", "push_key.live", "boundaries"):
        assert found[name][0] == "error", name
    key.chmod(0o644)
    assert (await doctor("--data", data))[1]["signatures.live"][0] == "error"


def test_dates_of_certificates(tmp_path: Path) -> None:
    """What is over or not yet begun is an error, what ends within 30 days a warning; trusted ones count as our own."""
    day = timedelta(days=1)
    cases = ((-9, 5, Grade.ERROR), (2, 90, Grade.ERROR), (-9, 20, Grade.WARNING), (-9, 90, Grade.OK))
    for begin, lasts, grade in cases:
        one = signers.identity("city", begin=NOW + begin * day, lasts=lasts * day)
        one.write(tmp_path, "city")
        trust = tmp_path / "trust.toml"
        trust.write_text("[[signer]]\nsender = 'x'\ncertificate = 'city.crt'\n", "utf-8")
        settings = Settings(signatures=Signatures(trust=trust))
        assert [check.grade for check in files.signatures(settings, Realm.LIVE, now=NOW)] == [grade]
        assert list(files.signatures(settings, Realm.DRILL, now=NOW)) == []


async def test_beside_a_running_hub(hub_process: HubProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that the hub is ready and where its log is, and the hub goes on keeping alerts meanwhile."""
    await hub_process.start()
    monkeypatch.setenv("LALERT_SERVER_PORT", str(hub_process.port))
    async with Caller(hub_process.url, await hubs.issue_in(hub_process.data)) as caller:
        first = await caller.publish(Author().order())
        (_, found), _ = await asyncio.gather(doctor("--data", hub_process.data), caller.publish(Author().order()))
        assert found["hub"][0] == "ok"
        assert "1 in force" in found["hub"][1] or "2 in force" in found["hub"][1]
        assert found["store.live"][1].startswith(f"live: {first['cursor'].split('-')[0]}-")
        await caller.publish(Author().order())


async def test_after_a_crash(hub_process: HubProcess) -> None:
    """What a hub that was killed has left is read to its last entry, and left for the hub to take up."""
    await hub_process.start()
    async with Caller(hub_process.url, await hubs.issue_in(hub_process.data)) as caller:
        receipt = await caller.publish(Author().order())
    await hub_process.kill()
    index = "-shm"  # SQLite's index of the WAL, made anew by whoever reads
    before = {name: file for name, file in snapshot(hub_process.data).items() if not name.endswith(index)}
    code, found = await doctor("--data", hub_process.data)
    after = {name: file for name, file in snapshot(hub_process.data).items() if not name.endswith(index)}
    assert (code, after == before) == (0, True)
    assert receipt["cursor"] in found["store.live"][1]


async def test_what_answers_is_no_hub(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program on the port is an error; one that takes connections and says nothing is 75."""

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    async with hubs.misbehaving([web.get("/{any:.*}", hello)]) as url:
        monkeypatch.setenv("LALERT_SERVER_PORT", url.rpartition(":")[2])
        code, found = await doctor("--data", data)
    assert (code, found["hub"][0]) == (1, "error")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(hub, "_PATIENCE_S", 0.2)
        monkeypatch.setenv("LALERT_SERVER_PORT", str(silent.getsockname()[1]))
        code, found = await doctor("--data", data)
    assert (code, found["hub"][0]) == (75, "unreachable")


async def test_what_a_hub_says_is_failing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version, a store that refuses, late canaries, failing recipients and sources, a wrong clock: all told."""
    feed = {"name": "pref", "failures": 3, "failure": "timeout"}
    realm = {
        "cursor": "a-1",
        "inForce": 0,
        "streams": 0,
        "lastChange": "2026-01-01T00:00:00+00:00",
        "boundaries": {"fault": "boundaries.damaged"},
        "canaryAgeSeconds": {"stream": 999.0},
        "sources": [feed],
    }
    ready = {"status": "degraded", "realms": {"live": {"store": "store.full", "residents": "ok"}}}
    page = '# TYPE lalert_push_failing_lanes gauge\nlalert_push_failing_lanes{realm="live",way="webhook"} 2.0\n'

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/metrics":
            return web.Response(text=page)
        body = ready if request.path == "/readyz" else {"version": "0.0.1", "realms": {"live": realm}}
        status = 503 if request.path == "/readyz" else 200
        return web.json_response(body, status=status, headers={"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})

    async with hubs.misbehaving([web.get("/{any:.*}", answer)]) as url:
        monkeypatch.setenv("LALERT_SERVER_PORT", url.rpartition(":")[2])
        code, found = await doctor("--data", data)
    assert code == 1
    assert {name: grade for name, (grade, _) in found.items() if name.startswith("hub")} == {
        "hub": "error",
        "hub.version": "warning",
        "hub.canary": "error",
        "hub.sources": "warning",
        "hub.boundaries": "error",
        "hub.recipients": "warning",
        "hub.clock": "error",
    }
    assert "store.full" in found["hub"][1]
    assert "pref failed 3 times" in found["hub.sources"][1]


async def test_the_key_of_notifications(data: Path) -> None:
    """Where residents signed up a key must be there, whole, for its owner only, and that of the other nodes."""
    file = data / "vapid-live.pem"
    file.unlink()
    found = await look_at(Storage(data=data), Realm.LIVE)
    assert found is not None
    assert [check.grade for check in stores.push_key(found, file)] == [Grade.ERROR]
    assert list(stores.push_key(replace(found, residents=0), file)) == []
    own = vapid.Vapid(vapid.load_or_make(file), subject="").public_key
    for agreed, grade in (({}, Grade.OK), ({vapid.AGREED: own}, Grade.OK), ({vapid.AGREED: "other"}, Grade.ERROR)):
        assert [check.grade for check in stores.push_key(replace(found, agreed=agreed), file)] == [grade]
    file.chmod(0o640)
    assert [check.grade for check in stores.push_key(found, file)] == [Grade.ERROR]


async def test_keys_for_nowhere(data: Path, japan: BoundarySet) -> None:
    """A sender's key without an area, or for one that the map does not have, is an error; without any it is told."""
    found = await look_at(Storage(data=data), Realm.LIVE)
    assert found is not None
    (key,) = found.keys
    for areas, grade in (
        (("*",), Grade.OK),
        (("13", "131016"), Grade.OK),
        ((), Grade.ERROR),
        (("999999",), Grade.ERROR),
    ):
        (check,) = stores.keys(replace(found, keys=(replace(key, areas=areas),)), japan)
        assert check.grade is grade, areas
    (check,) = stores.keys(replace(found, keys=(replace(key, revoked_at=NOW),)), japan)
    assert check.grade is Grade.WARNING


async def test_named_areas(data: Path) -> None:
    """What is wrong in the list of named areas is told, group by group."""
    (data / "groups.toml").write_text("[[group]]\nname = '川'\ncodes = ['999999']\n", "utf-8")
    code, found = await doctor("--data", data)
    assert (code, found["groups"][0]) == (0, "warning")


async def test_a_redis_that_may_be_trusted(
    tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version, log, keys, seal and clock of a shared store; an empty one stays empty."""
    url = redis_server.empty_database()
    monkeypatch.setenv("LALERT_STORE_URL", url)
    code, found = await doctor("--data", tmp_path)
    assert (code, found["store.live"][0]) == (0, "warning")
    with redis_server.client() as client:
        client.select(int(url.rpartition("/")[2]))
        assert client.dbsize() == 0
    await fill(Storage(data=tmp_path, url=url))
    code, found = await doctor("--data", tmp_path)
    assert code == 0
    assert {found[name][0] for name in ("store.live", "keys.live", "seal.drill", "clock.live")} == {"ok"}
    assert "redis_version" in found["store.live"][1]
    with redis_server.client() as client:
        client.select(int(url.rpartition("/")[2]))
        client.flushdb()
    code, found = await doctor("--data", tmp_path)
    assert (code, "store.emptied" in found["store.live"][1]) == (1, True)


async def test_a_redis_that_may_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that could lose an alert are errors that name the line; a Redis that is away is 75."""
    server = RedisServer(tmp_path / "redis", {"appendonly": "no", "maxmemory-policy": "allkeys-lru"}).start()
    monkeypatch.setenv("LALERT_STORE_URL", server.url)
    monkeypatch.setenv("LALERT_STORE_TIMEOUT_S", "0.5")
    try:
        code, found = await doctor("--data", tmp_path)
        assert code == 1
        assert "appendonly yes" in found["store.live"][1]
        assert "maxmemory-policy noeviction" in found["store.live"][1]
    finally:
        server.kill()
    code, found = await doctor("--data", tmp_path)
    assert (code, found["store.live"][0]) == (75, "unreachable")


async def test_the_report_for_people(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Japanese at 80 columns: the errors last, each with what to do."""
    (data / "live.seal").unlink()
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    monkeypatch.setenv("COLUMNS", "80")
    done = await asyncio.to_thread(CliRunner().invoke, main, ["doctor", "--data", str(data)])
    assert done.exit_code == 1
    lines = [line for line in done.stdout.splitlines() if line.startswith("│")]
    assert next(i for i, line in enumerate(lines) if "異常" in line) > max(
        i for i, line in enumerate(lines) if "正常" in line
    )
    assert "異常 1" in done.stdout.splitlines()[-1]


def test_the_machine() -> None:
    """Too few descriptors for the readers that the settings allow are told, with the line for the unit."""
    assert machine.descriptors(1_024, Settings()).grade is Grade.WARNING
    assert machine.descriptors(resource.RLIM_INFINITY, Settings()).grade is Grade.OK
    assert (machine.zones().grade, machine.versions().grade) == (Grade.OK, Grade.OK)


def test_disks_that_forget(tmp_path: Path) -> None:
    """SQLite on what a power cut empties or on another machine's disk is an error; the innermost mount counts."""
    mounts = (
        "1 0 8:1 / / rw - ext4 /dev/a rw\n"
        f"2 1 0:9 / {tmp_path} rw shared:1 - tmpfs tmpfs rw\n"
        "3 1 0:8 / /other rw - nfs4 x rw\n"
        "4 1 0:7 / /防災\\040データ rw - xfs x rw\n"
    )
    assert folder.kind_of(Path("/防災 データ/hub"), mounts) == "xfs"
    assert folder.kind_of(tmp_path / "data", mounts) == "tmpfs"
    assert folder.kind_of(Path("/otherwise"), mounts) == "ext4"
    grades = [folder.disk(kind).grade for kind in ("tmpfs", "nfs4", "ext4", "")]
    assert grades == [Grade.ERROR, Grade.ERROR, Grade.OK, Grade.OK]
    assert [folder.room(free).grade for free in (1 << 20, 500 << 20, 50 << 30)] == [
        Grade.ERROR,
        Grade.WARNING,
        Grade.OK,
    ]


def test_a_folder_that_others_may_see(tmp_path: Path) -> None:
    """The data folder is for its owner alone; what cannot be written to is an error."""
    tmp_path.chmod(0o755)
    assert folder.owner(tmp_path).grade is Grade.WARNING
    tmp_path.chmod(0o700)
    assert folder.owner(tmp_path).grade is Grade.OK
    if os.geteuid():
        tmp_path.chmod(0o500)
        assert folder.owner(tmp_path).grade is Grade.ERROR
        tmp_path.chmod(0o700)


def test_clocks() -> None:
    """A store whose clock, or whose newest entry, is ahead of this machine's says that one of them is wrong."""
    found = Look(
        realm=Realm.LIVE, span=Span(Cursor("a", 1), 1), keys=(), endpoints=0, residents=0, has_sealed=False, opens=False
    )
    assert list(stores.clock(found, NOW)) == []
    for look, grade in (
        (replace(found, clock_off_s=-60.0), Grade.ERROR),
        (replace(found, clock_off_s=0.2), Grade.OK),
        (replace(found, last_at=NOW + timedelta(minutes=5)), Grade.ERROR),
        (replace(found, last_at=NOW - timedelta(days=5)), Grade.OK),
    ):
        (check,) = stores.clock(look, NOW)
        assert check.grade is grade


async def test_every_check_is_explained(data: Path) -> None:
    """The manual has a row for whatever the report can name."""
    manual = (hubs.ROOT / "docs/operations.md").read_text("utf-8")
    _, found = await doctor("--data", data)
    explained = ("`{}`", "`{}.*`")
    missing = [name for name in found if not any(form.format(name.partition(".")[0]) in manual for form in explained)]
    assert missing == []


def test_exit_codes() -> None:
    """An error outweighs what gave no answer; warnings alone are 0."""
    ok, warning = machine.versions(), machine.descriptors(1, Settings())
    away, wrong = replace(ok, grade=Grade.UNREACHABLE), replace(ok, grade=Grade.ERROR)
    assert [exit_code(found) for found in ([ok, warning], [ok, away], [away, wrong])] == [0, 75, 1]
