"""When there is too much, or the disk refuses: who is told to come back, and who still gets through."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Sequence
from threading import Thread

import pytest

from lalert.commit import Counting
from lalert.core.model import Draft, Realm
from lalert.store.base import Outcome
from lalert.web.server import Server
from tests.live.test_intake import assert_problem
from tests.rig import hubs
from tests.rig.author import Author
from tests.rig.caller import Caller
from tests.rig.hubs import HubProcess
from tests.rig.listener import Listener

CAPACITY = 1_024

author = Author()


class Gate:
    """Holds every commit of a hub until it is opened, and tells what was submitted."""

    def __init__(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened = asyncio.Event()
        self.submitted: asyncio.Queue[str] = asyncio.Queue()
        hub = server.hub(Realm.LIVE)
        self._append, self._submit = hub.store.append, hub._committer.submit
        monkeypatch.setattr(hub.store, "append", self._held)
        monkeypatch.setattr(hub._committer, "submit", self._told)

    def _told(self, draft: Draft, residents: Counting | None = None) -> asyncio.Future[Outcome]:
        self.submitted.put_nowait(draft.alert.identifier)
        return self._submit(draft, residents)

    async def _held(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        await self.opened.wait()
        return await self._append(drafts)


async def test_full_queue_refuses_the_least_urgent_first(servers: hubs.Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """While routine posts are told 503 and when to come back, a level 5 is taken; all that was taken is kept."""
    server = await servers(queue__capacity=CAPACITY, hub__key_burst=5_000)
    gate = Gate(server, monkeypatch)
    async with Caller(server.url, await hubs.issue(server)) as caller:
        notices = [
            asyncio.create_task(caller.post(author.order(level=None, act="お知らせ", hazard="notice")))
            for _ in range(int(CAPACITY * 0.6) + 80)  # the share of the routine lane, one batch, and some too many
        ]
        refused, waiting = await asyncio.wait(notices, return_when=asyncio.FIRST_COMPLETED)
        assert refused
        for task in refused:
            assert_problem(task.result(), 503, "queue.full")
            assert int(task.result().headers["Retry-After"]) >= 1
        urgent = asyncio.create_task(caller.post(author.order(level=5)))
        gate.opened.set()
        assert (await urgent).status == 201
        answers = [task.result() for task in (await asyncio.wait(waiting))[0]] if waiting else []
        kept = [answer for answer in answers if answer.status == 201]
        assert {answer.status for answer in answers} <= {201, 503}
        span = await server.hub(Realm.LIVE).store.span()
        assert span.head.seq == len(kept) + 1


async def test_urgent_overtakes_what_waits(servers: hubs.Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is most urgent is kept first, whatever came before it; inside a thread the order stays."""
    server = await servers(queue__batch=1)
    gate = Gate(server, monkeypatch)
    async with Caller(server.url, await hubs.issue(server)) as caller, Listener(server.url) as listener:
        posts = []
        first, second = author.order(level=None, act="お知らせ", hazard="notice"), author.order(level=3)
        escalated = author.update(second, level=5)
        fourth = author.order(level=4)
        for alert in (first, second, fourth, escalated):
            posts.append(asyncio.create_task(caller.post(alert)))
            assert await gate.submitted.get() == alert.identifier
        gate.opened.set()
        answers = await asyncio.gather(*posts)
        await listener.until(lambda _: len(listener.entries) == 4)
    assert {answer.status for answer in answers} == {201}
    # The first one was on its way to the disk already; the level 3 goes before the level 4 because its update may not
    # overtake it.
    assert listener.identifiers == [a.identifier for a in (first, second, escalated, fourth)]


async def test_one_defect_does_not_stop_the_hub(
    server: Server, live: Caller, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bug while keeping one message is a 500 with its id; the next message is kept, and so is the same one again."""
    order, hub = author.order(), server.hub(Realm.LIVE)

    async def broken(drafts: Sequence[Draft]) -> Sequence[Outcome]:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(hub.store, "append", broken)
        answer = await live.post(order)
        assert_problem(answer, 500, "defect")
        assert hub.failing_since is not None
    await live.publish(author.order())
    await live.publish(order)
    assert hub.failing_since is None
    assert "ZeroDivisionError" in capsys.readouterr().out


async def test_defect_while_answering_tells_its_id_only(
    server: Server, live: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a bug says inside stays inside: the answer has the correlation id and no word of the exception."""

    async def broken(_: str) -> object:
        raise RuntimeError("a secret")

    monkeypatch.setattr(server.hub(Realm.LIVE).store, "thread", broken)
    answer = await live.get("/api/v1/threads/x")
    assert (answer.status, answer.json["title"]) == (500, "defect")
    assert "secret" not in answer.text


async def test_no_more_threads_refuse_no_alert(server: Server, live: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that starts no thread any more: the hub has those that an alert needs, from its start on."""

    def refused(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(Thread, "start", refused)
        await live.publish(author.order())


@pytest.fixture
async def hub(hub_process: HubProcess) -> HubProcess:
    """A hub in a process of its own."""
    return await hub_process.start()


def set_file_limit(hub: HubProcess, size: int) -> None:
    """Let the hub write no byte beyond `size` into any file: what it meets is EFBIG, as on a full disk."""
    _, hard = resource.prlimit(hub.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(hub.pid, resource.RLIMIT_FSIZE, (size, hard))


async def test_full_disk_refuses_posts_and_serves_readers(hub: HubProcess) -> None:
    """When the disk takes nothing a post gets 503 and `readyz` says so; readers are served; then all is well again."""
    async with Caller(hub.url, await hubs.issue_in(hub.data)) as caller:
        before, refused = author.order(), author.order()
        await caller.publish(before)
        set_file_limit(hub, 1)
        answer = await caller.post(refused)
        assert answer.status == 503
        assert_problem(answer, 503, answer.json["title"])
        assert int(answer.headers["Retry-After"]) >= 1
        ready = await caller.get("/readyz")
        assert ready.status == 503
        assert ready.json["realms"]["live"]["store"] != "ok"
        assert (await caller.get("/healthz")).status == 200
        active = await caller.get("/api/v1/alerts/active")
        assert [entry["alert"]["identifier"] for entry in active.json["alerts"]] == [before.identifier]
        assert active.headers["Warning"].startswith("110")
        assert (await caller.get("/status.json")).json["realms"]["live"]["storeFailingSince"]
        assert 'lalert_store_up{realm="live"} 0.0' in (await caller.get("/metrics")).text
        assert "表示が最新ではない可能性があります" in (await caller.get("/")).text
        set_file_limit(hub, resource.RLIM_INFINITY)
        assert (await caller.post(refused)).status == 201
        assert (await caller.get("/readyz")).status == 200
    assert await hub.stop() == 0


async def test_bad_posts_do_not_stop_good_ones(hub: HubProcess) -> None:
    """A flood of rubbish beside good posts: every good one is kept, every bad one is told why."""
    rubbish = [b"<alert>", b"\x00" * 1000, b"<a>" * 5000, "<alert/>".encode("utf-16"), b"&" * 50_000]
    async with Caller(hub.url, await hubs.issue_in(hub.data)) as caller:
        bad = [asyncio.create_task(caller.post(raw)) for raw in rubbish * 20]
        good = [asyncio.create_task(caller.post(author.order())) for _ in range(10)]
        assert {answer.status for answer in await asyncio.gather(*good)} == {201}
        assert {answer.status for answer in await asyncio.gather(*bad)} == {422}
    assert await hub.stop() == 0
    assert not [line for line in hub.log if "defect" in line]


@pytest.mark.parametrize(
    "said",
    [
        "GET /api/v1/areas?q=府中 HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        b"\x16\x03\x01\x02\x00rubbish\r\n\r\n",
        b"GET /" + b"a" * 9_000,
    ],
)
async def test_what_is_no_http_is_answered_and_not_noted(
    server: Server, live: Caller, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody fills the log with broken requests, and none of them names an address there; others are served."""
    host, port = server.url.removeprefix("http://").rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(said)
    await writer.drain()
    async with hubs.patience():
        answer = await reader.read()
    writer.close()
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert caplog.records == []
    assert (await live.get("/healthz")).status == 200
