"""A Redis that could lose what was acknowledged is refused, with the line to change; what it could lose is hidden."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lalert.core.model import Realm
from lalert.errors import Rejected, Unavailable
from lalert.settings import Durability, Storage
from lalert.store.base import Appended, Repeated
from lalert.store.redis import RedisStore
from lalert.store.redis.durability import parse_info, refusal
from tests.contract.making import START, keep, message
from tests.contract.test_keys import key
from tests.contract.test_recipients import attempt, endpoint, resident
from tests.laws.documents import OPERATIONS, text_of
from tests.rig.certificates import certificate_of
from tests.rig.redis import DURABLE, RedisServer, free_port
from tests.store.test_nodes import beaten

Opened = Callable[..., Awaitable[RedisStore]]

FIT = {
    "redis_version": "7.0.15",
    "role": "master",
    "maxmemory_policy": "noeviction",
    "aof_enabled": "1",
}
FLUSHING = {"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no"}
RIGHTS = "~lalert:* +@read +@write +@connection -@dangerous +evalsha +script|load +info +config|get +wait +time"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A durable server whose configuration the tests change, each putting it right again."""
    config = {**DURABLE, "repl-diskless-sync-delay": "0"}
    started = RedisServer(tmp_path_factory.mktemp("durable"), config).start()
    yield started
    started.kill()


@pytest.fixture
def replica(server: RedisServer, tmp_path: Path) -> Iterator[RedisServer]:
    """A replica of the server."""
    started = RedisServer(tmp_path / "replica", {"replicaof": f"127.0.0.1 {server.port}"}).start()
    server.await_replica()
    yield started
    started.kill()


@pytest.fixture
async def opened(server: RedisServer, tmp_path: Path) -> AsyncIterator[Opened]:
    """Opens a store in an empty database of the server; all are closed at the end."""
    url = server.empty_database()
    async with AsyncExitStack() as stack:

        async def made(**changes: object) -> RedisStore:
            settings = {"data": tmp_path / "node", "url": url, "timeout_s": 1.0} | changes
            store = await RedisStore.open(Storage(**settings), Realm.LIVE)  # type: ignore[arg-type]
            stack.push_async_callback(store.close)
            return store

        yield made


# --- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found", "right"),
    [
        ("appendonly", "no", "yes"),
        ("appendfsync", "everysec", "always"),
        ("appendfsync", "no", "always"),
        ("no-appendfsync-on-rewrite", "yes", "no"),
    ],
)
async def test_a_server_that_does_not_flush_is_refused(
    opened: Opened, server: RedisServer, name: str, found: str, right: str
) -> None:
    """The finding names what was found and the line for redis.conf; allowed by name it is used, and that is logged."""
    server.set(name, found)
    try:
        with pytest.raises(Rejected) as refused:
            await opened()
        assert refused.value.code == "store.durability"
        [finding] = refused.value.findings
        assert (finding.code, finding.path, finding.found) == ("store.durability", name, found)
        for advice in (finding.advice.ja, finding.advice.en):
            assert f"{name} {right}" in advice
            assert f"CONFIG SET {name} {right}" in advice
        with capture_logs() as logged:
            await keep(await opened(durability=Durability.NONE), message("a"))
        assert [line["event"] for line in logged if line["log_level"] == "warning"] == ["store.not_durable"]
    finally:
        server.set(name, right)


@pytest.mark.parametrize("durability", list(Durability))
async def test_a_server_that_evicts_is_refused_always(
    opened: Opened, server: RedisServer, durability: Durability
) -> None:
    """A log from which keys vanish answers wrongly, and nobody would know: not even `none` allows it."""
    server.set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(Rejected) as refused:
            await opened(durability=durability)
        assert "store.eviction" in [finding.code for finding in refused.value.findings]
    finally:
        server.set("maxmemory-policy", "noeviction")


async def test_a_replica_is_refused(opened: Opened, replica: RedisServer) -> None:
    """It cannot be written to, and what it shows may be behind."""
    with pytest.raises(Rejected) as refused:
        await opened(url=replica.url, durability=Durability.NONE)
    assert [finding.code for finding in refused.value.findings] == ["store.replica"]


async def test_everything_wrong_is_told_at_once() -> None:
    """Whoever corrects the configuration does it once."""
    info = FIT | {"redis_version": "6.2.7", "role": "slave", "maxmemory_policy": "volatile-ttl", "aof_enabled": "0"}
    refused = refusal(info, FLUSHING, wanted=Durability.ALWAYS, replicas=1)
    assert refused is not None
    assert [finding.code for finding in refused.findings] == [
        "store.version",
        "store.replica",
        "store.eviction",
        "store.durability",
    ]


@pytest.mark.parametrize("version", ["7.0.15", "8.2.1", "10.0.0"])
def test_a_server_that_flushes_is_taken(version: str) -> None:
    """Redis 7 and everything after it; Valkey calls itself 7.2."""
    assert refusal(FIT | {"redis_version": version}, FLUSHING, wanted=Durability.ALWAYS, replicas=1) is None


def test_what_info_says_is_read() -> None:
    """Headings and blank lines aside, each line is one fact; values may have colons."""
    assert parse_info("# Server\r\nredis_version:7.0.15\r\n\r\nexecutable:/a:b\r\n") == {
        "redis_version": "7.0.15",
        "executable": "/a:b",
    }


# --- what may not be asked -------------------------------------------------------------------------------------


def user(server: RedisServer, rights: str) -> str:
    """Return the URL of a user with these rights."""
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "hub", "reset", "on", ">hush-password", *rights.split())
    return server.empty_database().replace("redis://", "redis://hub:hush-password@")


async def test_the_rights_in_the_documents_are_enough(opened: Opened, server: RedisServer) -> None:
    """A user that may do nothing else can run a hub."""
    store = await opened(url=user(server, RIGHTS))
    await keep(store, message("a"), message("b"))
    assert len(await store.follow(1, 10)) == 1
    assert list(await store.follow(2, 10)) == []
    await store.read_from(START, 10)
    await store.thread("a")
    await store.add_key(key("k1"))
    await store.add_endpoint(endpoint())
    await store.add_resident(resident())
    await store.add_attempts([attempt("lane", "a")])
    assert (len(await store.attempts(lane="lane")), len(await store.residents(0, 10))) == (1, 1)
    await store.prune(START)
    assert (await store.span()).head.seq == 2


def test_the_rights_stand_in_the_documents() -> None:
    """Operators copy them from there."""
    assert f"user lalert on >PASSWORD {RIGHTS}" in text_of(OPERATIONS)


async def test_what_cannot_be_checked_is_refused(opened: Opened, server: RedisServer) -> None:
    """Without CONFIG GET nobody knows whether the server flushes: said so, with what to allow."""
    url = user(server, RIGHTS.replace("+config|get", ""))
    with pytest.raises(Rejected) as refused:
        await opened(url=url)
    [finding] = refused.value.findings
    assert finding.code == "store.unchecked"
    assert "+config|get" in finding.advice.ja
    await keep(await opened(url=url, durability=Durability.NONE), message("a"))


async def test_a_wrong_password_is_told_without_it(opened: Opened, server: RedisServer) -> None:
    """Refused at once, and neither the message nor what is printed of the settings gives the password away."""
    url = user(server, RIGHTS).replace("hush-password", "hush-wrong")
    with pytest.raises(Unavailable) as failed:
        await opened(url=url)
    assert failed.value.code == "store.denied"
    assert "hush" not in str(failed.value) + failed.value.message.ja + repr(Storage(url=url))


async def test_a_command_that_is_not_allowed_is_told(opened: Opened, server: RedisServer) -> None:
    """A user that lacks a right is no outage that passes: the code says so."""
    with pytest.raises(Unavailable) as failed:
        await opened(url=user(server, RIGHTS.replace("+evalsha", "")))
    assert failed.value.code == "store.denied"


# --- while it runs ---------------------------------------------------------------------------------------------


async def test_every_new_connection_is_checked(opened: Opened, server: RedisServer) -> None:
    """A server that was changed, or another one behind the same address, is not trusted until it is right."""
    store = await opened()
    await keep(store, message("a"))
    server.set("appendfsync", "everysec")
    try:
        server.drop_connections()
        for question in (store.append([message("b")]), store.read(0, 1)):
            with pytest.raises(Unavailable) as failed:
                await question
            assert failed.value.code == "store.durability"
    finally:
        server.set("appendfsync", "always")
    await keep(store, message("b"))


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [("appendfsync", "everysec", "always"), ("maxmemory-policy", "allkeys-lru", "noeviction")],
)
async def test_a_server_that_is_configured_anew_is_noticed(
    opened: Opened, server: RedisServer, name: str, wrong: str, right: str
) -> None:
    """CONFIG SET ends no connection: the next beat of a node sees it, and nothing is kept until it is right again."""
    store = await opened()
    await keep(store, message("a"))
    await beaten(store, "a")
    server.set(name, wrong)
    try:
        for question in (beaten(store, "a"), store.append([message("b")])):
            with pytest.raises(Unavailable) as failed:
                await question
            assert failed.value.code == "store.durability"
    finally:
        server.set(name, right)
    await beaten(store, "a")
    await keep(store, message("b"))


async def test_a_master_that_became_a_replica_is_left(opened: Opened, server: RedisServer) -> None:
    """After a failover the old master can still be read, and stands still: it is asked nothing any more."""
    store = await opened()
    await keep(store, message("a"))
    waiting = asyncio.create_task(store.follow(1, 10))
    await asyncio.gather(*(store.span() for _ in range(4)))
    with server.client() as client:
        client.replicaof("127.0.0.1", free_port())
        try:
            [refused, _] = await asyncio.gather(store.append([message("b")]), waiting, return_exceptions=True)
            assert isinstance(refused, Unavailable)
            for question in (store.span(), store.follow(1, 10), store.append([message("b")])):
                with pytest.raises(Unavailable) as failed:
                    await question
                assert failed.value.code == "store.durability"
        finally:
            client.replicaof("NO", "ONE")
    await keep(store, message("b"))


# --- replicas --------------------------------------------------------------------------------------------------


async def test_with_replicas_nothing_is_told_before_they_have_it(
    opened: Opened, server: RedisServer, replica: RedisServer
) -> None:
    """What only the master has is acknowledged to nobody and shown to nobody; when the replica has it, it is."""
    how = {"durability": Durability.REPLICAS, "timeout_s": 0.8}
    one, two = await opened(**how), await opened(**how)
    await keep(one, message("a"))
    waiting = asyncio.create_task(two.follow(1, 10))
    replica.pause()
    with pytest.raises(Unavailable) as failed:
        await one.append([message("b")])
    assert failed.value.code == "store.replicas"
    for question in (waiting, two.read(1, 1), two.find("b"), two.append([message("b")])):
        with pytest.raises(Unavailable) as failed:
            await question
        assert failed.value.code == "store.replicas"
    replica.resume()
    [repeated] = await one.append([message("b")])
    assert isinstance(repeated, Repeated)
    assert await two.read(1, 1) == [repeated.entry]
    assert isinstance((await two.append([message("c")]))[0], Appended)


async def test_too_few_replicas_are_refused(opened: Opened) -> None:
    """A hub that could acknowledge nothing does not start."""
    with pytest.raises(Rejected) as refused:
        await opened(durability=Durability.REPLICAS)
    assert [finding.code for finding in refused.value.findings] == ["store.replicas"]


@pytest.mark.parametrize(("state", "is_enough"), [("online", True), ("wait_bgsave", False)])
def test_a_replica_that_is_being_filled_does_not_count(state: str, is_enough: bool) -> None:
    """It is connected, and has nothing yet."""
    info = FIT | {"connected_slaves": "1", "slave0": f"ip=127.0.0.1,port=6380,state={state},offset=0,lag=0"}
    refused = refusal(info, None, wanted=Durability.REPLICAS, replicas=1)
    assert (refused is None) is is_enough


# --- the way there ---------------------------------------------------------------------------------------------


async def test_a_socket_of_this_machine_will_do(opened: Opened, server: RedisServer) -> None:
    """Hub and Redis on one machine need no port."""
    number = server.empty_database().rpartition("/")[2]
    await keep(await opened(url=f"unix://{server.socket}?db={number}"), message("a"))


async def test_the_way_may_be_encrypted(opened: Opened, tmp_path: Path) -> None:
    """rediss:// checks who answers: a server whose certificate nobody vouches for is not talked to."""
    certificate, key_file = certificate_of("127.0.0.1", tmp_path)
    tls = {"port": "0", "tls-cert-file": certificate, "tls-key-file": key_file, "tls-auth-clients": "no"}
    encrypted = RedisServer(tmp_path / "tls", {**DURABLE, **tls, "tls-port": (port := free_port())}).start()
    try:
        store = await opened(url=f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificate}")
        await keep(store, message("a"))
        with pytest.raises(Unavailable) as failed:
            await opened(url=f"rediss://127.0.0.1:{port}/0")
        assert failed.value.code == "store.unreachable"
    finally:
        encrypted.kill()


@pytest.mark.parametrize("more", [":99999/0", ":0/0", "/0?socket_timeout=9", "/0?redis_connect_func=x", "/0?foo=1"])
async def test_what_a_url_must_not_say(opened: Opened, more: str) -> None:
    """What the driver would take as its own settings could switch off every check; the URL is not repeated."""
    with pytest.raises(Rejected) as refused:
        await opened(url=f"redis://:hush@127.0.0.1{more}")
    assert refused.value.code == "settings.value"
    assert "hush" not in str(refused.value)


# --- not there -------------------------------------------------------------------------------------------------


async def test_a_server_that_is_not_there_is_told(opened: Opened) -> None:
    """The hub does not start, and says why; it would be right to try again."""
    with pytest.raises(Unavailable) as failed:
        await opened(url=f"redis://127.0.0.1:{free_port()}/0", timeout_s=0.2)
    assert failed.value.code == "store.unreachable"
