"""What a shared log adds to the contract: lost answers, other nodes, a server that hangs, forgets, or is another."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from lalert.core.model import Entry, Realm
from lalert.errors import Unavailable
from lalert.settings import Storage
from lalert.store.base import Appended, Gap, Outcome, Repeated, Stale, Store, WentBack
from lalert.store.opening import open_store
from lalert.store.redis import RedisStore, deliveries, pruning
from lalert.store.redis.scripts import script
from tests.contract.making import START, cancel, day, expiry, keep, message, update
from tests.contract.test_keys import key
from tests.contract.test_recipients import attempt, endpoint, resident
from tests.rig.proxy import Proxy, proxied
from tests.rig.redis import RedisServer

Opened = Callable[..., Awaitable[RedisStore]]
TIMEOUT_S = 1.0


@pytest.fixture
def storage(redis_server: RedisServer, tmp_path: Path) -> Storage:
    """Where the log of this test is: an empty database of the common server."""
    return Storage(data=tmp_path / "node", url=redis_server.empty_database(), timeout_s=TIMEOUT_S)


@pytest.fixture
async def opened(storage: Storage) -> AsyncIterator[Opened]:
    """Opens a store, with changed settings if wanted; all are closed at the end."""
    async with AsyncExitStack() as stack:

        async def made(**changes: object) -> RedisStore:
            store = await RedisStore.open(replace(storage, **changes), Realm.LIVE)  # type: ignore[arg-type]
            stack.push_async_callback(store.close)
            return store

        yield made


@pytest.fixture
async def proxy(redis_server: RedisServer) -> AsyncIterator[Proxy]:
    """A way to the common server that can lose answers."""
    async with proxied(redis_server.port) as way:
        yield way


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that the test may kill, pause and restore."""
    server = RedisServer(tmp_path / "redis").start()
    yield server
    server.kill()


def number_of(storage: Storage) -> int:
    """Return the number of this test's database."""
    assert storage.url is not None
    return int(storage.url.rpartition("/")[2])


def through(proxy: Proxy, storage: Storage) -> str:
    """Return the URL of this test's database by way of the proxy."""
    return f"redis://127.0.0.1:{proxy.port}/{number_of(storage)}"


async def log_of(store: Store) -> list[str]:
    """Return the identifiers in the log."""
    return [entry.alert.identifier for entry in await store.read(0, 10_000)]


# --- lost answers ----------------------------------------------------------------------------------------------


async def test_a_lost_answer_is_asked_for_again(opened: Opened, storage: Storage, proxy: Proxy) -> None:
    """The batch was kept and the connection ended before the reply: asked again, it is told as kept, and kept once."""
    store = await opened(url=through(proxy, storage))
    await keep(store, message("a"))
    proxy.cut_reply_to(script("append").sha.encode())
    outcomes = await store.append([message("b"), message("b"), message("c")])
    assert [type(outcome) for outcome in outcomes] == [Appended, Repeated, Appended]
    assert proxy.lost == 1
    assert await log_of(store) == ["a", "b", "c"]


async def test_a_lost_answer_to_a_change_is_asked_for_again(opened: Opened, storage: Storage, proxy: Proxy) -> None:
    """Nobody is told that a key exists because the same question had added it, or that it was revoked before."""
    store = await opened(url=through(proxy, storage))
    proxy.cut_reply_to(script("add").sha.encode())
    await store.add_key(key("k1"))
    proxy.cut_reply_to(script("end").sha.encode())
    assert await store.revoke_key("k1", START)
    proxy.cut_reply_to(script("add").sha.encode())
    await store.add_endpoint(endpoint())
    assert proxy.lost == 3
    assert (len(await store.keys()), len(await store.endpoints())) == (1, 1)


async def test_a_line_of_the_log_is_not_written_twice(opened: Opened, storage: Storage, proxy: Proxy) -> None:
    """What cannot be recognised is not sent again: whoever asked is told, and may ask what became of it."""
    store = await opened(url=through(proxy, storage))
    await store.add_attempts([attempt("lane", "a")])
    proxy.cut_reply_to(script("add_attempts").sha.encode())
    with pytest.raises(Unavailable) as failed:
        await store.add_attempts([attempt("lane", "b")])
    assert failed.value.code == "store.unreachable"
    assert [line.identifier for line in await store.attempts()] == ["a", "b"]


async def test_nothing_is_kept_after_it_was_given_up(opened: Opened, storage: Storage, proxy: Proxy) -> None:
    """A batch that lay in a hanging server is refused there: its sender was told that nothing was kept."""
    store = await opened(url=through(proxy, storage), timeout_s=0.2)
    other = await opened()
    await keep(store, message("a"))
    proxy.hold(script("append").sha.encode())
    with pytest.raises(Unavailable) as failed:
        await store.append([message("b")])
    assert failed.value.code == "store.timeout"
    await proxy.release()
    assert await log_of(other) == ["a"]
    await keep(store, message("b"))


async def test_scripts_that_redis_forgot_are_taught_again(opened: Opened, own_server: RedisServer) -> None:
    """After SCRIPT FLUSH, and after a restart, everything goes on."""
    store = await opened(url=own_server.url)
    await keep(store, message("a"))
    with own_server.client() as client:
        client.script_flush()
    await keep(store, message("b"))
    own_server.kill()
    own_server.start()
    await keep(store, message("c"))
    await store.add_attempts([attempt("lane", "c")])
    assert await log_of(store) == ["a", "b", "c"]


# --- other nodes -----------------------------------------------------------------------------------------------


async def test_what_two_nodes_post_at_once_is_kept_once(opened: Opened) -> None:
    """The same thousand messages on both at the same moment: one entry each, and both senders are told of it."""
    one, two = await opened(), await opened()
    drafts = [message(f"{number}") for number in range(1000)]
    for first in range(0, len(drafts), 50):
        batch = drafts[first : first + 50]
        told = await asyncio.gather(*(store.append([draft]) for draft in batch for store in (one, two)))
        for here, there in zip(told[::2], told[1::2], strict=True):
            assert sorted(type(outcome).__name__ for outcome in (*here, *there)) == ["Appended", "Repeated"]
            assert entry_of(here[0]) == entry_of(there[0])
    assert sorted(await log_of(one), key=int) == [f"{number}" for number in range(1000)]


async def test_two_nodes_that_change_one_thread_leave_one_in_force(opened: Opened) -> None:
    """Every Update reaches all who heard the one before, whichever node has kept that meanwhile."""
    one, two = await opened(), await opened()
    first = message("first")
    await keep(one, first)
    updates = [update(f"{number}", first, place=number % 9) for number in range(40)]
    await asyncio.gather(*((one, two)[n % 2].append([draft]) for n, draft in enumerate(updates)))
    log = await two.read(0, 100)
    assert len(log) == 41
    for before, after in pairwise(log):
        assert before.alert.identity in [reach.identity for reach in after.supersedes]
    assert [posted.entry for posted in await one.in_force()] == [log[-1]]


async def test_a_node_is_woken_by_what_another_keeps(opened: Opened) -> None:
    """Who follows gets the entry that came by another way, and all that came meanwhile."""
    one, two = await opened(), await opened()
    await keep(one, message("a"))
    waiting = asyncio.create_task(two.follow(1, 10))
    [entry] = await keep(one, message("b"))
    assert list(await waiting) == [entry]
    await keep(one, message("c"), message("d"))
    assert [entry.alert.identifier for entry in await two.follow(1, 2)] == ["b", "c"]


async def test_following_ends_when_nothing_comes(opened: Opened) -> None:
    """Whoever follows is let go in time to look after other things."""
    store = await opened(timeout_s=0.2)
    assert list(await store.follow(0, 10)) == []


async def test_following_a_log_that_was_cut_is_a_gap(opened: Opened) -> None:
    """What was dropped while nobody looked is not passed over."""
    store = await opened()
    await keep(store, *(cancel(f"{n}", at=START + day(n)) for n in range(4)))
    await store.prune(START + day(2))
    for after in (1, 5):
        with pytest.raises(Gap):
            await store.follow(after, 10)
    assert len(await store.follow(2, 10)) == 2


async def test_appends_that_wait_together_go_together(opened: Opened, storage: Storage) -> None:
    """Sixty-four at once take a few round trips, not sixty-four: each would wait for a flush of its own."""
    store = await opened()
    await keep(store, message("first"))
    before = await calls_of_scripts(store)
    await asyncio.gather(*(store.append([message(f"{number}")]) for number in range(64)))
    assert await calls_of_scripts(store) - before <= 8


async def calls_of_scripts(store: RedisStore) -> int:
    """Return how many scripts the server has run."""
    [said] = await store._links[0].exchange(("INFO", "commandstats"))
    line = next(line for line in bytes(said).decode().splitlines() if line.startswith("cmdstat_evalsha:"))  # type: ignore[call-overload]
    return int(line.partition("calls=")[2].partition(",")[0])


def entry_of(outcome: Outcome) -> Entry:
    """Return the entry that was told."""
    assert not isinstance(outcome, Stale)
    return outcome.entry


# --- a server that hangs or is gone ----------------------------------------------------------------------------


def questions(store: RedisStore, name: str) -> list[Awaitable[object]]:
    """Return one of each kind."""
    return [
        store.append([message(name)]),
        store.read(0, 10),
        store.follow(0, 10),
        store.in_force(),
        store.keys(),
        store.residents(0, 10),
        store.prune(START),
        store.add_attempts([attempt("lane", name)]),
    ]


@pytest.mark.parametrize(("trouble", "code"), [("pause", "store.timeout"), ("kill", "store.unreachable")])
async def test_nobody_waits_longer_than_patience(
    opened: Opened, own_server: RedisServer, trouble: str, code: str
) -> None:
    """A server that hangs or is gone is told as Unavailable, all at once; when it is back, everything goes on."""
    store = await opened(url=own_server.url, timeout_s=0.4)
    await keep(store, message("a"))
    getattr(own_server, trouble)()
    async with asyncio.timeout(10):
        results = await asyncio.gather(*questions(store, "b"), return_exceptions=True)
    assert {(type(result), getattr(result, "code", None)) for result in results} == {(Unavailable, code)}
    own_server.resume() if trouble == "pause" else own_server.start()
    await keep(store, message("b"))
    assert await log_of(store) == ["a", "b"]


async def test_what_waits_for_a_server_that_is_back_in_time_is_kept(opened: Opened, own_server: RedisServer) -> None:
    """A restart that is shorter than patience costs nobody an answer."""
    store = await opened(url=own_server.url, timeout_s=20.0)
    await keep(store, message("a"))
    own_server.kill()
    waiting = asyncio.gather(*(store.append([message(f"{number}")]) for number in range(8)))
    await asyncio.sleep(0)
    own_server.start()
    assert all(isinstance(outcome, Appended) for [outcome] in await waiting)


async def test_too_many_waiting_calls_are_refused(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line before the log has a bound; whoever finds it full is told so at once."""
    monkeypatch.setattr("lalert.store.redis.appender.MAX_WAITING", 2)
    store = await opened()
    appends = [store.append([message(f"{number}")]) for number in range(3)]
    results = await asyncio.gather(*appends, return_exceptions=True)
    assert [getattr(result, "code", None) for result in results] == [None, None, "store.busy"]


async def test_a_full_redis_refuses_writing_and_goes_on_reading(opened: Opened, own_server: RedisServer) -> None:
    """Nothing is evicted and nothing is half kept; what is in force can be read; retention makes room."""
    store = await opened(url=own_server.url)
    await keep(store, message("a"), cancel("c"))
    own_server.set("maxmemory", "100000")
    with pytest.raises(Unavailable) as failed:
        await store.append([message("b")])
    assert failed.value.code == "store.full"
    assert await log_of(store) == ["a", "c"]
    assert await store.prune(START + day(1)) == 1
    own_server.set("maxmemory", "0")
    await keep(store, message("b"))


# --- another log -----------------------------------------------------------------------------------------------


async def test_a_restored_backup_gets_another_name(opened: Opened, own_server: RedisServer) -> None:
    """The log went back behind what was seen of it: nothing more from this store, and no position is used twice."""
    store, other = await opened(url=own_server.url), await opened(url=own_server.url)
    await keep(store, message("a"))
    own_server.kill()
    shutil.copytree(own_server.folder, own_server.folder.with_name("backup"))
    own_server.start()
    [lost] = await keep(store, message("b"))
    own_server.kill()
    shutil.rmtree(own_server.folder)
    own_server.folder.with_name("backup").rename(own_server.folder)
    own_server.start()

    with pytest.raises(WentBack) as noticed:
        await store.append([message("c")])
    assert (noticed.value.code, noticed.value.seen) == ("store.went_back", lost.cursor)
    for question in (store.span(), store.read(0, 1), store.follow(0, 1), other.append([message("c")]), other.span()):
        with pytest.raises(WentBack):
            await question
    again = await opened(url=own_server.url)
    [entry] = await keep(again, message("c"))
    assert (entry.cursor.seq, entry.cursor.epoch == lost.cursor.epoch) == (2, False)
    assert await log_of(again) == ["a", "c"]


async def test_a_log_that_changes_under_an_append_is_noticed(
    opened: Opened, storage: Storage, proxy: Proxy, redis_server: RedisServer
) -> None:
    """Between the look and the writing the log got another name: nothing is written into it."""
    store = await opened(url=through(proxy, storage))
    await keep(store, message("a"))
    proxy.hold(script("append").sha.encode())
    appending = asyncio.create_task(store.append([message("b")]))
    await proxy.until_held()
    with redis_server.client() as client:
        client.select(number_of(storage))
        client.hset("lalert:{live}:origin", "epoch", "0ther")
        proxy.pass_on()
        with pytest.raises(WentBack):
            await appending
        assert client.xlen("lalert:{live}:log") == 1


async def test_a_log_that_went_back_while_nobody_looked_gets_another_name(
    opened: Opened, own_server: RedisServer
) -> None:
    """The machine has noted how far it had seen; the next program on it finds out, once."""
    store = await opened(url=own_server.url)
    [_, last] = await keep(store, message("a"), message("b"))
    await store.close()
    with own_server.client() as client:
        client.hset("lalert:{live}:origin", "head", 1)
        client.xdel("lalert:{live}:log", "2-0")
    again = await opened(url=own_server.url)
    span = await again.span()
    assert (span.head.seq, span.head.epoch == last.cursor.epoch) == (1, False)
    await again.close()
    third = await opened(url=own_server.url)
    assert (await third.span()).head == span.head


async def test_a_node_that_knew_the_log_under_its_earlier_name_changes_nothing(
    opened: Opened, own_server: RedisServer, tmp_path: Path
) -> None:
    """Another node has renamed the log already: the one that comes back finds its name among the earlier ones."""
    here, there = tmp_path / "here", tmp_path / "there"
    store = await opened(url=own_server.url, data=there)
    await keep(store, message("a"), message("b"))
    await store.close()
    shutil.copytree(there, here)
    with own_server.client() as client:
        client.hset("lalert:{live}:origin", "head", 1)
        client.xdel("lalert:{live}:log", "2-0")
    renamed = (await (await opened(url=own_server.url, data=here)).span()).head
    assert (await (await opened(url=own_server.url, data=there)).span()).head == renamed


async def test_a_backup_from_before_a_change_of_name_gets_another_name(opened: Opened, own_server: RedisServer) -> None:
    """The epoch that this machine knew is not among those of the restored log: its positions were used since."""
    store = await opened(url=own_server.url)
    await keep(store, message("a"))
    await store.close()
    with own_server.client() as client:
        client.hset("lalert:{live}:origin", "epoch", "0ld0")
        client.delete("lalert:{live}:epochs")
        client.sadd("lalert:{live}:epochs", "0ld0")
    assert (await (await opened(url=own_server.url)).span()).head.epoch != "0ld0"


# --- the seal --------------------------------------------------------------------------------------------------


async def test_all_nodes_have_one_key(opened: Opened, tmp_path: Path) -> None:
    """A node without the key, or with another, opens nothing and makes none; alerts go on; with it, it reads."""
    first = await opened(data=tmp_path / "first")
    kept = await first.add_resident(resident())
    second = await opened(data=tmp_path / "second")
    with pytest.raises(Unavailable) as failed:
        await second.resident(kept.id)
    assert failed.value.code == "store.seal"
    assert not (tmp_path / "second" / "live.seal").exists()
    await keep(second, message("a"))

    key_file = (tmp_path / "first" / "live.seal").read_bytes()
    (tmp_path / "second" / "live.seal").write_bytes(key_file[::-1])
    with pytest.raises(Unavailable):
        await (await opened(data=tmp_path / "second")).add_resident(resident())
    (tmp_path / "second" / "live.seal").write_bytes(key_file)
    assert await (await opened(data=tmp_path / "second")).resident(kept.id) == kept


async def test_the_command_line_leaves_nothing_behind(storage: Storage) -> None:
    """It issues keys from any machine: no folder, no key of the seal, no note; and what it makes a hub can use."""
    store = await open_store(storage, Realm.LIVE, exclusive=False)
    await store.add_key(key("k1"))
    await store.close()
    assert not storage.data.exists()
    hub = await open_store(storage, Realm.LIVE)
    assert [kept.key_id for kept in await hub.keys()] == ["k1"]
    await hub.add_resident(resident())
    await hub.close()
    assert {file.name for file in storage.data.iterdir()} == {"live.left", "live.seal"}


# --- bounds ----------------------------------------------------------------------------------------------------


async def test_the_delivery_log_drops_its_oldest_lines(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a bound, and what leads to a dropped line goes with it."""
    monkeypatch.setattr(deliveries, "ATTEMPT_LIMIT", 4)
    store = await opened()
    for seq in range(5):
        await store.add_attempts([attempt("a", "x", seq), attempt("b", "y", seq)])
    assert seqs(await store.attempts()) == [3, 3, 4, 4]
    assert seqs(await store.attempts(lane="a")) == seqs(await store.attempts(identifier="y")) == [3, 4]
    assert seqs(await store.attempts(lane="a", identifier="y")) == []


def seqs(lines: object) -> list[int]:
    """Return the positions that the lines speak of."""
    return [line.seq for line in lines]  # type: ignore[attr-defined]


async def test_a_long_delivery_log_is_looked_through_in_pieces(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest lines of a lane are found behind many of others."""
    monkeypatch.setattr(deliveries, "_CHUNK", 3)
    store = await opened()
    lines = [attempt(lane, "x", seq) for seq in range(8) for lane in ("rare", "often", "often")]
    await store.add_attempts(lines)
    assert (
        list(await store.attempts(lane="rare", identifier="x", limit=5)) == [x for x in lines if x.lane == "rare"][-5:]
    )


async def test_nothing_stays_of_what_was_dropped(opened: Opened, storage: Storage, redis_server: RedisServer) -> None:
    """No index, no name, no note of what it forestalled: a log that is pruned does not grow."""
    store = await opened()
    a = message("a")
    await keep(store, a, update("u", a, references=["unseen"]), message("b"))
    await keep(store, *[expiry(posted) for posted in await store.in_force()])
    assert await store.prune(START + day(1)) == 5
    with redis_server.client() as client:
        client.select(number_of(storage))
        left = {name.decode().rpartition("}:")[2] for name in client.scan_iter()}
    assert left == {"origin", "epochs", "log", "audit"}  # an empty stream remembers how far it came


async def test_retention_goes_on_where_a_crash_has_ended_it(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """The beginning moves first: until the rest is dropped nobody is shown it, and the next run drops it."""
    monkeypatch.setattr(pruning, "_CHUNK", 2)
    store = await opened()
    a = message("a")
    await keep(store, a, message("b"), *(cancel(f"{n}") for n in range(5)), cancel("last", a, at=START + day(5)))
    link = store._links[0]
    await link.run("begin", 8)
    await link.run("drop", 0, 4)
    assert (await store.span()).oldest == 8
    with pytest.raises(Gap):
        await store.read(3, 10)
    assert await store.prune(START + day(1)) == 3
    assert [posted.entry.alert.identifier for posted in await store.in_force()] == ["b"]
    assert [entry.alert.identifier for entry in await store.thread("a")] == ["a", "last"]
