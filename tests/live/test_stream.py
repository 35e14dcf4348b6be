"""The event stream over real sockets: nothing missed, nothing twice, and everything that must be known said aloud."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from lalert.core.model import Realm
from lalert.publishers.framing import PLAIN
from lalert.web.line import Line
from lalert.web.server import Server, serving
from tests.rig import hubs
from tests.rig.author import CHIYODA, CHUO, NAHA, YOKOSUKA, Author
from tests.rig.caller import Caller
from tests.rig.hubs import HubProcess
from tests.rig.listener import Listener

author = Author()


async def history(caller: Caller, count: int) -> list[str]:
    """Publish `count` orders and return their cursors, the oldest first."""
    return [(await caller.publish(author.order()))["cursor"] for _ in range(count)]


async def test_entry_arrives_as_the_interface_says(server: Server, live: Caller) -> None:
    """`event` is the kind, `id` the cursor of the receipt, `data` the entry on one line."""
    async with Listener(server.url) as listener:
        order = author.order(CHIYODA, level=4)
        receipt = await live.publish(order)
        heard = await listener.until_identifier(order.identifier)
    assert (heard.event, heard.id) == ("alert", receipt["cursor"])
    assert heard.json["alert"]["identifier"] == order.identifier
    assert heard.json == (await live.get(f"/api/v1/alerts/{order.identifier}.json")).json


async def test_headers_keep_proxies_from_holding_back(server: Server, live: Caller) -> None:
    """The answer is an event stream that nobody caches, buffers or compresses, readable from other origins."""
    async with Listener(server.url) as listener:
        headers = listener.headers
    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Accel-Buffering"] == "no"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Content-Encoding" not in headers


async def test_a_life_from_alert_to_lift(server: Server, live: Caller) -> None:
    """Alert, Update, correction, lift and Cancel come as `alert`, `update` and `cancel`, in the order of acceptance."""
    first = author.order(level=3)
    second = author.update(first, level=4)
    third = author.correct(second)
    fourth = author.lift(third)
    fifth = author.order()
    sixth = author.cancel(fifth)
    said = [first, second, third, fourth, fifth, sixth]
    async with Listener(server.url) as listener:
        for alert in said:
            await live.publish(alert)
        await listener.until_identifier(sixth.identifier)
    assert listener.identifiers == [alert.identifier for alert in said]
    assert [h.event for h in listener.entries] == ["alert", "update", "update", "update", "alert", "cancel"]
    assert [h.json["cancelKind"] for h in listener.entries] == [None, None, "corrected", "lifted", None, "false_alarm"]
    assert [h.json["silent"] for h in listener.entries] == [False, False, True, False, False, False]


@pytest.mark.parametrize("seen", [0, 1, 249, 250])
async def test_last_event_id_resumes_exactly(server: Server, live: Caller, seen: int) -> None:
    """A reader that saw `seen` of 250 entries gets exactly the others, in order, and then what is new."""
    await live.publish(author.order(NAHA))
    names = [author.order(CHIYODA) for _ in range(250)]
    for start in range(0, 250, 50):
        await asyncio.gather(*(live.publish(order) for order in names[start : start + 50]))
    log = (await live.get("/api/v1/changes?since=" + await first_cursor(server))).json["entries"]
    cursors = [entry["cursor"] for entry in log]
    async with Listener(server.url, last_event_id=cursors[seen]) as listener:
        last = await live.publish(author.order())
        await listener.until(lambda h: h.id == last["cursor"])
    assert [h.id for h in listener.entries] == [*cursors[seen + 1 :], last["cursor"]]


async def first_cursor(server: Server) -> str:
    """Return the position before the first entry."""
    return f"{server.hub(Realm.LIVE).tail.head.epoch}-0"


async def test_since_is_last_event_id_for_those_who_cannot_send_headers(server: Server, live: Caller) -> None:
    """`?since=` resumes too; where both are given `Last-Event-ID` counts, for it is the newer."""
    cursors = await history(live, 4)
    async with (
        Listener(server.url, f"since={cursors[0]}") as one,
        Listener(server.url, f"since={cursors[0]}", last_event_id=cursors[2]) as other,
    ):
        await one.until(lambda h: h.id == cursors[3])
        await other.until(lambda h: h.id == cursors[3])
    assert [h.id for h in one.entries] == cursors[1:]
    assert [h.id for h in other.entries] == cursors[3:]


async def test_resume_from_behind_the_tail(servers: hubs.Start) -> None:
    """A reader further back than what is in memory is served from the store, and joins without gap or repeat."""
    server = await servers(stream__tail_entries=100)
    async with Caller(server.url, await hubs.issue(server)) as caller:
        cursors = await history(caller, 450)
        assert not server.hub(Realm.LIVE).tail.holds(10)
        async with Listener(server.url, last_event_id=cursors[10]) as listener:
            cursors += await history(caller, 5)
            await listener.until(lambda h: h.id == cursors[-1])
    assert [h.id for h in listener.entries] == cursors[11:]


async def test_resume_across_a_restart(hub_process: HubProcess) -> None:
    """After `kill -9` the reader's cursor still holds: it gets what it missed, and nothing twice."""
    hub = await hub_process.start()
    key = await hubs.issue_in(hub.data)
    async with Caller(hub.url, key) as caller, Listener(hub.url) as before:
        cursors = await history(caller, 3)
        seen = await before.until(lambda h: h.id == cursors[1])
        await hub.kill()
        await before.until_cut()
    await hub.start()
    async with Caller(hub.url, key) as caller, Listener(hub.url, last_event_id=seen.id) as after:
        cursors += await history(caller, 2)
        await after.until(lambda h: h.id == cursors[-1])
    assert [h.id for h in after.entries] == cursors[2:]


async def test_filters_let_the_right_ones_through(server: Server, live: Caller) -> None:
    """Area (prefecture or municipality), point, level, hazard and category each let through what they name only."""
    chiyoda = author.order(CHIYODA, level=3, hazard="flood")
    chuo = author.order(CHUO, level=5, hazard="storm_surge")
    yokosuka = author.order(YOKOSUKA, level=4, hazard="landslide")
    tsunami = author.order(NAHA, level=None, hazard="tsunami", act="大津波警報")
    everything = [chiyoda, chuo, yokosuka, tsunami]
    wanted = {
        "": everything,
        "area=13": [chiyoda, chuo],
        f"area={CHIYODA},14": [chiyoda, yokosuka],
        "point=35.694,139.7536": [chiyoda],
        "min_level=4": [chuo, yokosuka, tsunami],
        "hazard=flood,landslide": [chiyoda, yokosuka],
        "category=Geo": [tsunami],
        "area=13&min_level=5": [chuo],
        "area=01": [],
    }
    listeners = {query: Listener(server.url, query) for query in wanted}
    async with asyncio.timeout(30):
        for listener in listeners.values():
            await listener.__aenter__()
        for alert in everything:
            await live.publish(alert)
        # What everybody gets, so that each is known to have got all that was for it.
        fence = author.order("011002", CHIYODA, CHUO, YOKOSUKA, NAHA, level=5, hazard="flood")
        fence_2 = author.order("011002", level=None, hazard="tsunami", act="大津波警報")
        await live.publish(fence)
        await live.publish(fence_2)
        for query, listener in listeners.items():
            last = fence_2 if query in ("", "category=Geo", "min_level=4", "area=01") else fence
            await listener.until_identifier(last.identifier)
            await listener.__aexit__(None, None, None)
    fences = {fence.identifier, fence_2.identifier}
    for query, expected in wanted.items():
        got = [name for name in listeners[query].identifiers if name not in fences]
        assert got == [alert.identifier for alert in expected], query


async def test_filter_mistakes_are_told_at_once(live: Caller) -> None:
    """400 with every mistake: an unknown name, code, level or place must not become a silent stream."""
    answer = await live.get("/stream?area=999999&min_level=9&point=x&colour=red&category=Weather&include=all")
    assert answer.status == 400
    assert {finding["path"] for finding in answer.json["errors"]} == {
        *("area", "min_level", "point", "colour", "category", "include")
    }


async def test_who_heard_the_alarm_hears_everything_after(server: Server, live: Caller) -> None:
    """Whoever got a message gets its Update, lift, Cancel and end, though level and area would not match any more."""
    raised = author.order(CHIYODA, CHUO, level=4)
    lowered = author.update(raised, CHUO, level=2, act="レベル2注意報", hazard="heavy_rain")
    lifted = author.lift(lowered)
    false = author.order(CHIYODA, level=5)
    cancelled = author.cancel(false)
    short = author.ending_soon(CHIYODA, level=4)
    async with Listener(server.url, f"area={CHIYODA}&min_level=4") as listener:
        for alert in (raised, lowered, lifted, false, cancelled, short):
            await live.publish(alert)
        await listener.until_identifier(short.identifier, event="expire")
    assert [(h.event, h.identifier) for h in listener.entries] == [
        ("alert", raised.identifier),
        ("update", lowered.identifier),
        ("update", lifted.identifier),
        ("alert", false.identifier),
        ("cancel", cancelled.identifier),
        ("alert", short.identifier),
        ("expire", short.identifier),
    ]


async def test_nobody_hears_the_end_of_what_they_never_heard(server: Server, live: Caller) -> None:
    """An all clear for others is no news: a reader of another area or a higher level gets none of it."""
    order = author.order(CHIYODA, level=3)
    fence = author.order(CHIYODA, NAHA, level=5)
    async with Listener(server.url, "area=47") as elsewhere, Listener(server.url, "min_level=4") as higher:
        for alert in (order, author.lift(order), fence):
            await live.publish(alert)
        await elsewhere.until_identifier(fence.identifier)
        await higher.until_identifier(fence.identifier)
    assert elsewhere.identifiers == higher.identifiers == [fence.identifier]


@pytest.mark.parametrize(
    "lost",
    [lambda c: "zzzz-1", lambda c: f"{c}999", lambda c: "not a cursor", lambda c: "", lambda c: "x" * 500],
    ids=["other log", "future", "malformed", "empty", "long"],
)
async def test_gap_is_said_aloud(server: Server, live: Caller, lost: Callable[[str], str]) -> None:
    """A position that the log cannot continue from is answered with `gap` first, then with what is new."""
    cursor = (await live.publish(author.order()))["cursor"]
    async with Listener(server.url, last_event_id=lost(cursor)) as listener:
        gap = await listener.until_event("gap")
        new = await live.publish(author.order())
        await listener.until(lambda h: h.id == new["cursor"])
    assert listener.heard[0] is gap
    assert gap.id is None
    assert gap.json["since"] == lost(cursor)[:80]
    assert gap.json["oldest"].endswith("-1")
    assert gap.json["archive"].startswith(server.url)
    assert [h.id for h in listener.entries] == [new["cursor"]]
    archive = await live.get(gap.json["archive"].removeprefix(server.url))
    assert "<entry" in archive.text


async def test_since_that_is_no_cursor_is_a_mistake(live: Caller) -> None:
    """A malformed `since` was written by a person: 400. A browser's `Last-Event-ID` cannot be corrected by anybody."""
    assert (await live.get("/stream?since=abc")).status == 400


async def test_heartbeat_lets_a_reader_check_itself(server: Server, live: Caller) -> None:
    """The heartbeat carries the head, the last ten identifiers of the reader's filter, and what is in force for it."""
    async with Listener(server.url, "area=13") as tokyo, Listener(server.url, "area=47") as naha:
        for _ in range(12):
            await live.publish(author.order(CHIYODA))
        last = await live.publish(author.order(NAHA))
        ctx = server.contexts[0]
        await ctx.fanout.heartbeat(ctx.hub.count_in_force)
        beats = await tokyo.until_event("heartbeat"), await naha.until_event("heartbeat")
    assert [beat.id for beat in beats] == [last["cursor"]] * 2
    assert [beat.json["cursor"] for beat in beats] == [last["cursor"]] * 2
    assert beats[0].json["last"] == tokyo.identifiers[-10:]
    assert beats[1].json["last"] == [last["identifier"]]
    assert [beat.json["inForce"] for beat in beats] == [12, 1]
    assert tokyo.heard.index(beats[0]) == 12  # after everything that it counts


async def test_bye_before_a_shutdown(servers: hubs.Start, tmp_path: object) -> None:
    """A reader is told that the server goes, and the line ends."""
    settings = hubs.settings_for(tmp_path / "other")  # type: ignore[operator]
    async with serving(settings) as server:
        listener = await Listener(server.url).__aenter__()
    bye = await listener.until_event("bye")
    await listener.until_cut()
    assert bye.json == {"reason": "shutdown"}
    assert listener.heard == [bye]
    await listener.__aexit__(None, None, None)


class Deaf:
    """A connection that asks for the stream and reads nothing until it is told to."""

    def __init__(self, url: str, query: str = "") -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((str(address.hostname), int(address.port or 0)))
        self._socket.sendall(f"GET /stream?{query} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        self.events: list[str] = []  # the names of what it has read

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    async def hear(self, last: str) -> list[str]:
        """Read at last, up to the entry at `last` (or the end of the line), and return the positions that came."""
        reader, writer = await asyncio.open_connection(sock=self._socket, limit=1 << 20)
        heard: list[str] = []
        async with asyncio.timeout(30):
            while heard[-1:] != [last] and (line := await reader.readline()):
                if line.startswith(b"event: "):
                    self.events.append(line[7:].decode().strip())
                if line.startswith(b"id: "):
                    heard.append(line[4:].decode().strip())
        writer.close()
        return heard


LONG = "避難してください。" * 4_000  # the buffers of the sockets themselves hold megabytes


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something in the server holds; it has no event of its own to wait for."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def has_cut(server: Server) -> bool:
    """Whether a reader of the live realm was cut."""
    return b'lalert_stream_cut_total{realm="live"} 1.0' in server.hub(Realm.LIVE).metrics.page()


async def drown(server: Server, caller: Caller) -> list[str]:
    """Publish until a reader is so far behind that the fan-out hands it back; return the positions."""
    fanout, posted = server.contexts[0].fanout, []
    await until(lambda: len(fanout) == 2)
    async with asyncio.timeout(60):
        while len(fanout) == 2:
            posted.append((await caller.publish(author.order(description=LONG)))["cursor"])
    return posted


async def test_who_does_not_read_is_cut_and_nobody_waits(servers: hubs.Start) -> None:
    """A reader that takes nothing is cut; the others get everything meanwhile."""
    server = await servers(stream__buffer_bytes=65_536, stream__stall_s=1)
    async with Caller(server.url, await hubs.issue(server)) as caller, Listener(server.url) as listener:
        deaf = Deaf(server.url)
        posted = await drown(server, caller)
        posted.append((await caller.publish(author.order()))["cursor"])
        await listener.until(lambda h: h.id == posted[-1])
        await until(lambda: has_cut(server))
        deaf.close()
    assert [h.id for h in listener.entries] == posted


async def test_who_catches_up_hears_bye(tmp_path: Path) -> None:
    """A reader that lags when the server goes hears `bye` after the last entry that it gets, and goes on from there."""
    settings = hubs.settings_for(tmp_path / "other", stream__buffer_bytes=65_536)
    async with AsyncExitStack() as running:
        server = await running.enter_async_context(serving(settings))
        async with Caller(server.url, await hubs.issue(server)) as caller, Listener(server.url):
            deaf = Deaf(server.url)
            posted = await drown(server, caller)
        ending = asyncio.create_task(running.aclose())
        heard = await deaf.hear("the end of the line")
        await ending
    assert heard
    assert heard == posted[: len(heard)]
    assert deaf.events == [*["alert"] * len(heard), "bye"]


async def test_who_reads_late_gets_everything_once(servers: hubs.Start) -> None:
    """A reader that lags goes on from where it was, at its own pace: no gap, no repeat, and nobody waits for it."""
    server = await servers(stream__buffer_bytes=65_536, stream__tail_entries=100)
    async with Caller(server.url, await hubs.issue(server)) as caller, Listener(server.url) as listener:
        deaf = Deaf(server.url)
        posted = await drown(server, caller)
        posted += await history(caller, 250)  # further than memory goes
        await listener.until(lambda h: h.id == posted[-1])
        assert await deaf.hear(posted[-1]) == posted


async def test_who_does_not_read_its_replay_is_cut(servers: hubs.Start) -> None:
    """A replay that nobody takes is ended, too: a crowd of dead readers must not hold connections for ever."""
    server = await servers(stream__stall_s=1)
    async with Caller(server.url, await hubs.issue(server)) as caller:
        orders = [author.order(description=LONG) for _ in range(250)]
        await asyncio.gather(*(caller.publish(order) for order in orders))
        deaf = Deaf(server.url, f"since={await first_cursor(server)}")
        await until(lambda: has_cut(server))
        deaf.close()


async def test_http_1_0_is_served_without_chunks(server: Server, live: Caller) -> None:
    """A client of HTTP/1.0 gets the events as they are; those of HTTP/1.1 get chunks."""
    address = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"GET /stream HTTP/1.0\r\nHost: x\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    assert (await reader.readuntil(b"\n\n")).startswith(b"retry: ")
    receipt = await live.publish(author.order())
    frame = await reader.readuntil(b"\n\n")
    assert frame.startswith(f"event: alert\nid: {receipt['cursor']}\ndata: {{".encode())
    writer.close()


async def test_streams_have_a_bound(servers: hubs.Start) -> None:
    """503 with Retry-After for one stream too many; one that leaves makes room."""
    server = await servers(server__max_connections=16)
    async with Caller(server.url) as caller:
        listeners = [await Listener(server.url).__aenter__() for _ in range(16)]
        answer = await caller.get("/stream")
        assert (answer.status, answer.json["title"]) == (503, "stream.full")
        assert answer.headers["Retry-After"] == "10"
        for listener in listeners:
            await listener.__aexit__(None, None, None)
        await until(lambda: len(server.contexts[0].fanout) == 0)
        async with Listener(server.url) as late:
            assert late.status == 200


async def test_store_that_fails_during_a_replay_cuts_the_stream(
    servers: hubs.Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay that cannot go on ends the line; no second answer is written into it, and the reader resumes."""
    server = await servers(stream__tail_entries=100)
    hub = server.hub(Realm.LIVE)
    async with Caller(server.url, await hubs.issue(server)) as caller:
        cursors = await history(caller, 250)
        working, reads = hub.store.read, []

        async def failing(after: int, limit: int) -> object:
            reads.append(after)
            if len(reads) == 2:
                raise RuntimeError("a defect")
            return await working(after, limit)

        monkeypatch.setattr(hub.store, "read", failing)
        try:
            async with Listener(server.url, last_event_id=cursors[0]) as listener:
                await listener.until_cut()
        except aiohttp.ClientError:
            got = []  # the line was cut before the client saw that it had been answered
        else:
            assert all(h.is_entry for h in listener.heard)
            got = listener.entries
        last = got[-1].id if got else cursors[0]
        async with Listener(server.url, last_event_id=last) as again:
            await again.until(lambda h: h.id == cursors[-1])
    assert [h.id for h in (*got, *again.entries)] == cursors[1:]


async def test_who_left_before_the_first_byte_is_no_defect(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that hangs up while its request is being looked at is forgotten in silence."""
    left = asyncio.Event()

    async def prepare(self: web.StreamResponse, request: web.BaseRequest) -> None:
        left.set()
        raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")

    monkeypatch.setattr(web.StreamResponse, "prepare", prepare)
    with capture_logs() as told:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientError):
                await session.get(f"{server.url}/stream")
        await left.wait()
    assert told == []


async def test_a_line_that_has_ended_is_told_as_such() -> None:
    """Whoever writes to a reader that has left meets the one error that is no defect, whatever the loop would raise."""
    async with await asyncio.start_server(lambda _, there: there.close(), "127.0.0.1", 0) as listening:
        _, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        writer.close()
        await writer.wait_closed()
        with pytest.raises(ConnectionError):
            Line(writer.transport, None, PLAIN).write(b"data: late\n\n")  # type: ignore[arg-type]
