"""`lalert watch --check`: a reader that trusts nobody, against servers that break their word."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from lalert.cli.events import Event, events
from lalert.cli.watch import stream_of as address_of
from lalert.web.server import Server
from tests.rig import hubs
from tests.rig.author import CHIYODA, NAHA, Author
from tests.rig.caller import Caller


def entry(seq: int, name: str = "", epoch: str = "abcd") -> bytes:
    """Return an event as a hub sends it."""
    identifier = name or f"m{seq}"
    data = {"cursor": f"{epoch}-{seq}", "level": 4, "at": "2026-07-06T02:40:00+09:00", "kind": "alert",
            "priority": "urgent",
            "wording": {"ja": {"headline": "避難指示"}, "en": {"headline": "Evacuate"}},
            "alert": {"identifier": identifier}}  # fmt: skip
    return f"event: alert\nid: {epoch}-{seq}\ndata: {json.dumps(data)}\n\n".encode()


def heartbeat(*last: str) -> bytes:
    """Return a heartbeat that says that these came last."""
    data = {"cursor": "abcd-9", "last": list(last), "inForce": 0, "now": "2026-07-06T02:40:00+09:00"}
    return f"event: heartbeat\nid: abcd-9\ndata: {json.dumps(data)}\n\n".encode()


GAP = b'event: gap\ndata: {"since": "abcd-1", "oldest": "abcd-5", "archive": "x"}\n\n'


@asynccontextmanager
async def stream_of(connections: Sequence[Sequence[bytes]]) -> AsyncIterator[str]:
    """Serve each connection its frames and close it; the last one stays open."""
    waiting = iter(connections)

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        frames = next(waiting, None)
        for frame in frames or ():
            await response.write(frame)
        if frames is None or frames is connections[-1]:
            await asyncio.Event().wait()
        return response

    async with hubs.misbehaving([web.get("/stream", stream)]) as url:
        yield url


@pytest.mark.parametrize(
    ("connections", "told"),
    [
        ([[GAP]], "gap"),
        ([[entry(1), entry(1)]], "repeat: abcd-1"),
        ([[entry(2), entry(1)]], "out of order: abcd-1"),
        ([[entry(1)], [entry(1)]], "repeat: abcd-1"),
        ([[heartbeat(), entry(1), heartbeat("m1", "m2")]], "never arrived: m2"),
    ],
    ids=["gap", "repeat", "order", "repeat after a reconnect", "missed"],
)
async def test_broken_promise_is_1(connections: list[list[bytes]], told: str) -> None:
    """The first gap, repeat, step back or missing message ends `--check` with 1 and says which."""
    async with stream_of(connections) as url:
        code, _, err = await hubs.run("watch", url, "--check")
    assert code == 1
    assert told in err


async def watched(arguments: Sequence[str], is_done: Callable[[list[str]], bool]) -> tuple[int, list[str], list[str]]:
    """Run `lalert watch` until its output satisfies `is_done`, then interrupt it; return code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        *hubs.COMMAND, "watch", *arguments, env=hubs.environment(), cwd=hubs.ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    out: list[str] = []
    async with hubs.patience():
        while not is_done(out):
            line = await process.stdout.readline()
            assert line, (await process.stderr.read()).decode()
            out.append(line.decode())
        process.send_signal(signal.SIGINT)
        rest, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, [*out, *rest.decode().splitlines()], err.decode().splitlines()


async def test_silent_while_promises_are_kept() -> None:
    """A cut line that resumes where it was is no breach: nothing is told, and Ctrl-C ends it."""
    good = [[heartbeat(), entry(1), entry(2), heartbeat("m1", "m2")], [entry(3), heartbeat("m2", "m3"), entry(4)]]
    async with stream_of(good) as url:
        code, out, err = await watched([url, "--check", "--json"], lambda out: len(out) == 4)
    assert code in (0, 130, -signal.SIGINT)
    assert [json.loads(line)["alert"]["identifier"] for line in out] == ["m1", "m2", "m3", "m4"]
    assert not [line for line in err if not line.startswith("[heartbeat]")]


async def test_goes_on_at_the_next_node() -> None:
    """Of several nodes the next is asked when one is lost, with the position after which it was lost."""
    asked: list[str | None] = []

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        asked.append(request.headers.get("Last-Event-ID"))
        await response.write(entry(len(asked)))
        if len(asked) == 2:
            await asyncio.Event().wait()
        return response

    async with hubs.misbehaving([web.get("/stream", stream)]) as one:
        _, out, _ = await watched([one, "http://127.0.0.1:1", one, "--check", "--json"], lambda out: len(out) == 2)
    assert asked == [None, "abcd-1"]
    assert [json.loads(line)["alert"]["identifier"] for line in out] == ["m1", "m2"]


@pytest.mark.parametrize(("scheme", "path"), [("http", "/stream?area=13"), ("ws", "/ws?area=13")])
async def test_watches_a_hub(server: Server, live: Caller, scheme: str, path: str) -> None:
    """Against a real hub: what comes, in order, through the filter of the URL, from where `--since` says."""
    orders = [Author().order(code) for code in (CHIYODA, NAHA, CHIYODA)]
    start = (await live.get("/api/v1/changes")).json["cursor"]
    for order in orders:
        await live.publish(order)
    arguments = [server.url.replace("http", scheme) + path, "--since", start, "--json", "--check"]
    _, out, _ = await watched(arguments, lambda out: len(out) == 2)
    assert [json.loads(line)["alert"]["identifier"] for line in out] == [orders[0].identifier, orders[2].identifier]


async def test_shows_people_what_holds(server: Server, live: Caller) -> None:
    """Without `--json` a line a person can read: the headline of what came, and where an Update lifts."""
    start = (await live.get("/api/v1/changes")).json["cursor"]
    author = Author()
    order = author.order(CHIYODA, NAHA, level=5)
    await live.publish(order)
    await live.publish(author.update(order, CHIYODA))
    _, out, _ = await watched([server.url, "--since", start], lambda out: len(out) == 3)
    assert "5" in out[0]
    assert "那覇市" in out[2]


@pytest.mark.parametrize(
    ("url", "stream"),
    [
        ("https://hub.example.jp", "https://hub.example.jp/stream"),
        ("https://hub.example.jp/drill/", "https://hub.example.jp/drill/stream"),
        ("https://hub.example.jp/stream?area=13", "https://hub.example.jp/stream?area=13"),
        ("wss://ws.example.jp", "wss://ws.example.jp/ws"),
        ("wss://hub.example.jp/drill", "wss://hub.example.jp/drill/ws"),
        ("ws://hub.example.jp/ws?area=13", "ws://hub.example.jp/ws?area=13"),
    ],
)
def test_the_stream_of_an_address(url: str, stream: str) -> None:
    """A hub stands for its stream, by the way that the scheme names; a stream stands for itself."""
    assert address_of(url) == stream


async def test_what_is_no_event_ends_the_line() -> None:
    """A server that says something else over its WebSocket is left and asked again, never believed."""
    asked: list[str | None] = []

    async def socket(request: web.Request) -> web.StreamResponse:
        response = web.WebSocketResponse()
        await response.prepare(request)
        asked.append(request.headers.get("Last-Event-ID"))
        message = {"event": "gap", "id": f"abcd-{len(asked)}", "data": {}}
        await response.send_json(message)
        await (response.send_bytes(b"x") if len(asked) == 1 else response.send_json(["no event"]))
        await response.receive()
        return response

    async with (
        hubs.misbehaving([web.get("/ws", socket)]) as url,
        aiohttp.ClientSession() as session,
        hubs.patience(),
    ):
        heard = events(session, url.replace("http", "ws") + "/ws")
        got = [await anext(heard) for _ in range(3)]
        await heard.aclose()
    assert got == [Event("gap", f"abcd-{n}", "{}") for n in (1, 2, 3)]
    assert asked == [None, "abcd-1", "abcd-2"]


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_wrong_filter_is_1(server: Server, scheme: str) -> None:
    """A question that will never be right is not asked for ever."""
    path = "/stream" if scheme == "http" else "/ws"
    code, out, err = await hubs.run("watch", f"{server.url.replace('http', scheme)}{path}?colour=red")
    assert (code, out) == (1, "")
    assert "400" in err
