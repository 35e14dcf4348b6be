"""The stream over WebSockets: what server-sent events say, no more and no less, whatever a client says to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest
from structlog.testing import capture_logs

from lalert.core.model import Realm
from lalert.web import websocket
from lalert.web.server import Server
from tests.rig import hubs
from tests.rig.author import CHIYODA, CHUO, NAHA, Author
from tests.rig.caller import Caller
from tests.rig.hubs import HubProcess
from tests.rig.listener import Heard, Listener
from tests.rig.sockets import HANDSHAKE, RawSocket, SocketListener, framed

author = Author()

LONG = "避難してください。" * 4_000  # the buffers of the sockets themselves hold megabytes
FINAL, TEXT, BINARY, CLOSE, PING = 0x80, 0x1, 0x2, 0x8, 0x9


async def history(caller: Caller, count: int, *, description: str = "") -> list[str]:
    """Publish `count` orders and return their cursors, the oldest first."""
    orders = [author.order(description=description) for _ in range(count)]
    return [(await caller.publish(order))["cursor"] for order in orders]


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something in the server holds; it has no event of its own to wait for."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def said(heard: Heard) -> tuple[str, str | None, object]:
    """Return what a reader understands of an event."""
    return heard.event, heard.id, heard.json


async def test_it_says_what_the_stream_says(server: Server, live: Caller) -> None:
    """With the same filter both ways hear the same events, ids and data, in the same order, to the heartbeat."""
    raised = author.order(CHIYODA, CHUO, level=4)
    lowered = author.update(raised, CHUO, level=2, act="レベル2注意報", hazard="heavy_rain")
    naha = author.order(NAHA, level=None, hazard="tsunami", act="大津波警報")
    false = author.order(CHIYODA, level=5)
    short = author.ending_soon(CHIYODA, level=4)
    alerts = [raised, lowered, author.lift(lowered), naha, false, author.cancel(false), short]
    queries = ["", f"area={CHIYODA}", "area=47", "min_level=4", "hazard=flood", "area=01"]
    async with AsyncExitStack() as stack:
        pairs = [
            [await stack.enter_async_context(way(server.url, query)) for way in (Listener, SocketListener)]
            for query in queries
        ]
        for alert in alerts:
            await live.publish(alert)
        await pairs[0][0].until_identifier(short.identifier, event="expire")
        ctx = server.contexts[0]
        await ctx.fanout.heartbeat(ctx.hub.count_in_force)
        for stream, socket in pairs:
            await stream.until_event("heartbeat")
            await socket.until_event("heartbeat")
    for query, (stream, socket) in zip(queries, pairs, strict=True):
        assert [said(heard) for heard in socket.heard] == [said(heard) for heard in stream.heard], query
    assert [len(stream.heard) for stream, _ in pairs] == [9, 8, 2, 9, 8, 1]


async def test_since_resumes_exactly(servers: hubs.Start) -> None:
    """A reader that comes back gets what it missed, in order and once, from memory or from behind it, and then what
    is new; where `Last-Event-ID` is given too, that counts."""
    server = await servers(stream__tail_entries=100)
    async with Caller(server.url, await hubs.issue(server)) as caller:
        cursors = await history(caller, 230)
        async with (
            SocketListener(server.url, f"since={cursors[3]}") as far,
            SocketListener(server.url, f"since={cursors[3]}", last_event_id=cursors[-2]) as near,
        ):
            cursors += await history(caller, 2)
            await far.until(lambda h: h.id == cursors[-1])
            await near.until(lambda h: h.id == cursors[-1])
    assert [h.id for h in far.heard] == cursors[4:]
    assert [h.id for h in near.heard] == cursors[229:]


async def test_gap_is_said_aloud(server: Server, live: Caller) -> None:
    """A position of another log is answered with `gap`, without an id; then comes what is new."""
    await live.publish(author.order())
    async with SocketListener(server.url, "since=zzzz-1") as socket:
        gap = await socket.until_event("gap")
        (new,) = await history(live, 1)
        await socket.until(lambda h: h.id == new)
    assert [h.id for h in socket.heard] == [None, new]
    assert gap.json["since"] == "zzzz-1"
    assert gap.json["archive"] == f"{server.url}/feeds/all.atom"


async def test_killed_and_stopped(hub_process: HubProcess) -> None:
    """After `kill -9` the reader's cursor still holds: nothing is lost, nothing comes twice. SIGTERM is told: `bye`,
    then the close frame of an endpoint that goes away; who does not answer it holds nothing up."""
    hub = await hub_process.start()
    key = await hubs.issue_in(hub.data)
    async with Caller(hub.url, key) as caller, SocketListener(hub.url) as before:
        cursors = await history(caller, 3)
        await before.until(lambda h: h.id == cursors[1])
        await hub.kill()
        await before.until_cut()
    assert before.close_code == 1006
    seen = [heard.id for heard in before.heard]
    await hub.start()
    async with SocketListener(hub.url, f"since={seen[-1]}") as after, RawSocket(hub.url) as silent:
        async with Caller(hub.url, key) as caller:
            cursors += await history(caller, 2)
            await after.until(lambda h: h.id == cursors[-1])
        assert await hub.stop() == 0
        await after.until_cut()
        assert said(after.heard[-1]) == ("bye", None, {"reason": "shutdown"})
        assert after.close_code == 1001
        assert [heard.event for heard in await silent.messages()] == ["alert", "alert", "bye"]
    assert seen + [heard.id for heard in after.heard[:-1]] == cursors


async def drown(server: Server, caller: Caller) -> list[str]:
    """Publish until one of two readers is so far behind that the fan-out hands it back; return the positions."""
    fanout, posted = server.contexts[0].fanout, list[str]()
    await until(lambda: len(fanout) == 2)
    async with asyncio.timeout(60):
        while len(fanout) == 2:
            posted += await history(caller, 1, description=LONG)
    return posted


async def test_who_reads_late_gets_everything_once(servers: hubs.Start) -> None:
    """A reader that lags goes on from where it was, at its own pace; the others have everything meanwhile."""
    server = await servers(stream__buffer_bytes=65_536, stream__tail_entries=100)
    async with (
        Caller(server.url, await hubs.issue(server)) as caller,
        SocketListener(server.url) as other,
        RawSocket(server.url) as late,
    ):
        posted = await drown(server, caller)
        posted += await history(caller, 120)
        await other.until(lambda h: h.id == posted[-1])
        assert [heard.id for heard in await late.messages(posted[-1])] == posted
    assert [heard.id for heard in other.heard] == posted


async def test_who_does_not_read_is_cut_and_nobody_waits(servers: hubs.Start) -> None:
    """A reader that takes nothing is cut, however often it says that it is there; the others get everything."""
    server = await servers(stream__buffer_bytes=65_536, stream__stall_s=1)
    metrics = server.hub(Realm.LIVE).metrics
    async with (
        Caller(server.url, await hubs.issue(server)) as caller,
        SocketListener(server.url) as other,
        RawSocket(server.url) as deaf,
    ):
        posted = await drown(server, caller)
        deaf.say(framed(FINAL | PING, b"here") * 1000)
        posted += await history(caller, 1)
        await other.until(lambda h: h.id == posted[-1])
        await until(lambda: b'lalert_stream_cut_total{realm="live"} 1.0' in metrics.page())
    assert [heard.id for heard in other.heard] == posted


HOSTILE = {
    "too long": (framed(FINAL | TEXT, b"a" * 4096), 1009),
    "claims to be endless": (framed(FINAL | BINARY, size=1 << 40), 1009),
    "more than a length can be": (framed(FINAL | BINARY, size=(1 << 64) - 1), 1009),
    "fragments without end": (framed(TEXT, b"a" * 2000) + framed(0, b"a" * 2000) * 3, 1009),
    "reserved bits": (framed(FINAL | 0x20 | TEXT, b"a"), 1002),
    "compressed, which was not agreed on": (framed(FINAL | 0x40 | TEXT, b"a"), 1002),
    "unknown opcode": (framed(FINAL | 0x3, b"a"), 1002),
    "a ping in pieces": (framed(PING, b"a"), 1002),
    "a ping too long": (framed(FINAL | PING, b"a" * 126), 1002),
    "the middle of nothing": (framed(FINAL, b"a"), 1002),
    "a code that may not be sent": (framed(FINAL | CLOSE, (1005).to_bytes(2)), 1002),
    "half a code": (framed(FINAL | CLOSE, b"\x03"), 1002),
    "a request": (b"GET /stream HTTP/1.1\r\n\r\n", 1002),
}


async def test_who_breaks_the_protocol_is_sent_away(server: Server, live: Caller) -> None:
    """Each breach is answered with its code (RFC 6455 §7.4.1), is no defect of ours, and troubles nobody else."""
    with capture_logs() as told:
        async with SocketListener(server.url) as other:
            for name, (frames, code) in HOSTILE.items():
                async with RawSocket(server.url) as socket:
                    socket.say(frames)
                    assert await socket.closing() == code, name
            (cursor,) = await history(live, 1)
            await other.until(lambda h: h.id == cursor)
            await until(lambda: len(server.contexts[0].fanout) == 1)
    assert [line for line in told if line["log_level"] in ("warning", "error")] == []


HARMLESS = {
    "words": framed(FINAL | TEXT, b'{"area":"13"}'),
    "no UTF-8": framed(FINAL | TEXT, b"\xff\xfe"),
    "bytes": framed(FINAL | BINARY, b"\x00" * 4000),
    "pieces": framed(TEXT, b"a") + framed(0, b"b") + framed(FINAL | PING) + framed(FINAL, b"c"),
    "not masked": framed(FINAL | TEXT, b"plain", mask=b""),
    "a pong that nobody asked for": framed(FINAL | 0xA, b"x"),
    "half a frame": framed(FINAL | TEXT, b"abc")[:5],
}


async def test_what_a_client_says_changes_nothing(server: Server, live: Caller) -> None:
    """It is dropped, whatever it is: the subscription stays as it was asked for."""
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(RawSocket(server.url, "area=13")) for _ in HARMLESS]
        for socket, frames in zip(sockets, HARMLESS.values(), strict=True):
            socket.say(frames)
        await live.publish(author.order(NAHA))
        wanted = (await live.publish(author.order(CHIYODA)))["cursor"]
        for name, socket in zip(HARMLESS, sockets, strict=True):
            assert [heard.id for heard in await socket.messages(wanted)] == [wanted], name


async def test_a_flood_is_held_back(server: Server, live: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each message the server rests before it reads the next: a flood waits, and everybody hears all the same."""
    monkeypatch.setattr(websocket, "_PACE_S", 3600)
    flood = framed(FINAL | PING, b"1") + framed(FINAL | PING, b"2") + framed(FINAL | TEXT, b"x") * 1_000_000
    async with SocketListener(server.url) as other, RawSocket(server.url) as socket:
        socket.say(flood)
        assert await socket.frame() == (0xA, b"1")
        cursors = await history(live, 3)
        await other.until(lambda h: h.id == cursors[-1])
        frames = [await socket.frame() for _ in cursors]
    assert [frame and json.loads(frame[1])["id"] for frame in frames] == cursors


async def test_ping_is_answered_and_close_is_echoed(server: Server) -> None:
    """A pong with the same bytes; the close code comes back, the line ends, and its place is free."""
    async with RawSocket(server.url) as socket:
        socket.say(framed(FINAL | PING, b"are you there") + framed(FINAL | CLOSE, (1000).to_bytes(2)))
        assert await socket.frame() == (0xA, b"are you there")
        assert await socket.frame() == (CLOSE, (1000).to_bytes(2))
        assert await socket.frame() is None
    await until(lambda: len(server.contexts[0].fanout) == 0)


async def test_it_pings_who_is_silent(server: Server) -> None:
    """A sign of life that no program sees, for the proxies between; nobody is shown out for saying nothing."""
    async with RawSocket(server.url) as socket:
        await until(lambda: len(server.contexts[0].fanout) == 1)
        await server.contexts[0].fanout.ping()
        assert await socket.frame() == (PING, b"")


async def test_mistakes_in_filters_are_told_before_the_handshake(server: Server) -> None:
    """400 with every mistake, as on `/stream`: none becomes a silent stream."""
    async with Caller(server.url) as caller:
        for path in ("/ws", "/stream"):
            answer = await caller.get(f"{path}?area=999999&min_level=9&colour=red&since=x", **HANDSHAKE)
            assert answer.status == 400
            assert {finding["path"] for finding in answer.json["errors"]} == {"area", "min_level", "colour", "since"}


@pytest.mark.parametrize(
    ("changes", "version"),
    [
        ({"Upgrade": "h2c"}, "1.1"),
        ({"Connection": "close"}, "1.1"),
        ({"Sec-WebSocket-Version": "12"}, "1.1"),
        ({"Sec-WebSocket-Version": ""}, "1.1"),
        ({"Sec-WebSocket-Key": "short"}, "1.1"),
        ({"Sec-WebSocket-Key": "鍵" * 8}, "1.1"),
        ({"Sec-WebSocket-Key": ""}, "1.1"),
        ({}, "1.0"),
    ],
)
async def test_what_is_no_handshake_is_told_so(server: Server, changes: dict[str, str], version: str) -> None:
    """426 with what is spoken here (RFC 9110 §15.5.22, RFC 6455 §4.4), never an error of ours."""
    async with RawSocket(server.url, head=HANDSHAKE | changes, version=version) as socket:
        assert socket.status == 426
        assert b"\r\nUpgrade: websocket\r\n" in socket.answer
        assert b"\r\nSec-WebSocket-Version: 13\r\n" in socket.answer


async def test_nothing_is_agreed_on_that_costs_a_client(server: Server) -> None:
    """Compression and subprotocols that a client offers are not taken: the same bytes go to everybody."""
    offers = {"Sec-WebSocket-Extensions": "permessage-deflate", "Sec-WebSocket-Protocol": "chat"}
    async with RawSocket(server.url, head=HANDSHAKE | offers | {"Origin": "https://elsewhere.example"}) as socket:
        assert socket.status == 101
        assert b"Sec-WebSocket-Extensions" not in socket.answer
        assert b"Sec-WebSocket-Protocol" not in socket.answer


async def test_it_shares_the_bound_of_the_stream(servers: hubs.Start) -> None:
    """503 with Retry-After for one connection too many of either way; one that leaves makes room."""
    server = await servers(server__max_connections=16)
    async with Caller(server.url) as caller, AsyncExitStack() as stack:
        for way in (Listener, SocketListener):
            for _ in range(8):
                await stack.enter_async_context(way(server.url))
        answer = await caller.get("/ws", **HANDSHAKE)
        assert (answer.status, answer.json["title"], answer.headers["Retry-After"]) == (503, "stream.full", "10")
        await stack.aclose()
        await until(lambda: len(server.contexts[0].fanout) == 0)
        async with SocketListener(server.url):
            await until(lambda: len(server.contexts[0].fanout) == 1)


async def test_five_hundred_readers(server: Server, live: Caller) -> None:
    """Each of 500 gets every entry, once."""
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(RawSocket(server.url)) for _ in range(500)]
        await until(lambda: len(server.contexts[0].fanout) == 500)
        cursors = await history(live, 3)
        for socket in sockets:
            assert [heard.id for heard in await socket.messages(cursors[-1])] == cursors


async def test_drills_are_apart(server: Server, live: Caller, drill: Caller) -> None:
    """`/ws` hears nothing of a drill, `/drill/ws` nothing else; neither takes the other's position."""
    async with SocketListener(server.url) as earnest, SocketListener(server.url + "/drill") as exercise:
        real = await live.publish(author.order())
        played = await drill.publish(author.order(status="Exercise"))
        await earnest.until(lambda h: h.id == real["cursor"])
        await exercise.until(lambda h: h.id == played["cursor"])
    assert [h.id for h in earnest.heard] == [real["cursor"]]
    assert [h.id for h in exercise.heard] == [played["cursor"]]
    async with SocketListener(server.url + "/drill", f"since={real['cursor']}") as lost:
        await lost.until_event("gap")


async def test_who_left_before_the_handshake_is_no_defect(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that hangs up while its request is being looked at is forgotten in silence."""
    left = asyncio.Event()

    async def prepare(self: object, request: object) -> None:
        left.set()
        raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")

    monkeypatch.setattr(aiohttp.web.WebSocketResponse, "prepare", prepare)
    with capture_logs() as told:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientError):
                await session.ws_connect(f"{server.url}/ws")
        await left.wait()
    assert told == []
