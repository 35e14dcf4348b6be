"""Webhooks of a running hub, over real sockets: each alert once, signed, whatever the peer does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from lalert.core.model import Realm, Role
from lalert.web.server import Server
from tests.rig import hubs, peers
from tests.rig.author import CHIYODA, NAHA, Author
from tests.rig.caller import Answer, Caller
from tests.rig.peers import Peer, Request

SOON = {"push__allow_networks": "127.0.0.0/8", "push__retry_first_s": 0.05, "push__retry_longest_s": 0.2}


@pytest.fixture
async def server(servers: hubs.Start) -> Server:
    """A server that may post to this machine, and tries again soon."""
    return await servers(**SOON, push__timeout_s=0.5)


@pytest.fixture
async def media(server: Server) -> AsyncIterator[Caller]:
    """A newsroom with a key of its own."""
    async with Caller(server.url, await hubs.issue(server, role=Role.MEDIA)) as caller:
        yield caller


async def call(caller: Caller, method: str, path: str, body: object = None, key: str | None = None) -> Answer:
    """Ask with the caller's key, or with `key`."""
    headers = {"Authorization": f"Bearer {key or caller.key}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    return await caller.ask(method, f"/api/v1/endpoints{path}", data=data, headers=headers)


async def register(caller: Caller, peer: Peer, **more: object) -> Any:
    """Register a peer, and return what the hub says of it."""
    answer = await call(caller, "post", "", {"url": f"{peer.url}/in", **more})
    assert answer.status == 201, answer.text
    return answer.json


async def eventually(holds: Callable[[], Any]) -> Any:
    """Return what `holds` gives once that is true; it may be a coroutine function."""
    async with asyncio.timeout(peers.PATIENCE_S):
        while True:
            found = holds()
            found = await found if asyncio.iscoroutine(found) else found
            if found:
                return found
            await asyncio.sleep(0.02)


def identifiers(requests: list[Request]) -> list[str]:
    """Return the identifiers of what came, in order."""
    return [json.loads(request.body)["alert"]["identifier"] for request in requests]


def verified(endpoint: Any, request: Request) -> Any:
    """Return the body of a webhook that the reference library takes."""
    return Webhook(endpoint["secret"]).verify(request.body, dict(request.headers))


# --- each alert once, signed --------------------------------------------------------------------------------------


async def test_alert_is_posted_signed_and_once(live: Caller, media: Caller) -> None:
    """What is published after the registration arrives once, as the stream carries it, signed."""
    await live.publish(Author().order())
    async with Peer() as peer:
        endpoint = await register(media, peer)
        order = Author().order()
        receipt = await live.publish(order)
        lifted = Author().lift(order)
        await live.publish(lifted)
        requests = await peer.until(2)
        assert identifiers(requests) == [order.identifier, lifted.identifier]
        assert verified(endpoint, requests[0])["cursor"] == receipt["cursor"]
        assert requests[0].headers["webhook-id"] == f"live-{receipt['cursor']}"
        assert receipt["matched"]["endpoints"] == 1
        state = await eventually(lambda: settled(media, endpoint, 3))
        assert (state["state"], state["failures"], state["failingSince"]) == ("active", 0, None)
    assert len(peer.requests) == 2


async def settled(media: Caller, endpoint: Any, seq: int) -> Any:
    """Return the endpoint once everything up to `seq` is settled, None before."""
    told = (await call(media, "get", f"/{endpoint['id']}")).json
    return told if int(told["cursor"].rpartition("-")[2]) >= seq else None


async def test_cap_body_is_what_was_posted(live: Caller, media: Caller) -> None:
    """With `format: cap` the body is the sender's, byte by byte."""
    async with Peer() as peer:
        endpoint = await register(media, peer, format="cap")
        order = Author().order()
        await live.publish(order)
        (request,) = await peer.until(1)
    assert (request.body, request.headers["content-type"]) == (order.raw, "application/cap+xml")
    Webhook(endpoint["secret"]).verify(request.body, dict(request.headers), json_parse=False)


async def test_filter_is_that_of_the_stream(live: Caller, media: Caller) -> None:
    """Only what the filter lets pass is posted, and the end to whom the alarm was posted."""
    author = Author()
    async with Peer() as peer:
        await register(media, peer, filter={"area": ["13"], "min_level": 4})
        elsewhere, low, wanted = author.order(NAHA), author.order(CHIYODA, level=3), author.order(CHIYODA)
        for order in (elsewhere, low, wanted):
            await live.publish(order)
        lifted = author.lift(wanted)
        await live.publish(lifted)
        assert identifiers(await peer.until(2)) == [wanted.identifier, lifted.identifier]


async def test_realms_do_not_meet(server: Server, live: Caller, drill: Caller) -> None:
    """An endpoint of the drill realm hears drills only; a live media key opens nothing there."""
    live_key = await hubs.issue(server, role=Role.MEDIA)
    drill_key = await hubs.issue(server, Realm.DRILL, role=Role.MEDIA)
    async with Peer() as peer, Caller(server.url + "/drill", drill_key) as media:
        assert (await call(media, "get", "", key=live_key)).json["title"] == "key.realm"
        await register(media, peer)
        await live.publish(Author().order())
        exercise = Author(drill=True).order()
        await drill.publish(exercise)
        assert identifiers(await peer.until(1)) == [exercise.identifier]
        assert peer.requests[0].headers["webhook-id"].startswith("drill-")


# --- bad peers ----------------------------------------------------------------------------------------------------

BAD = {
    "500": peers.status(500),
    "503": peers.status(503, Retry_After="0"),
    "401": peers.status(401),
    "never": peers.never,
    "byte by byte": peers.byte_by_byte(peers.OK, every_s=0.1),
    "closes": peers.closing_after(b""),
    "half an answer": peers.closing_after(b"HTTP/1.1 200 OK\r\nCon"),
    "redirect": peers.status(302, Location="http://127.0.0.1:1/"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_peer_loses_nothing_and_slows_nobody(live: Caller, media: Caller, name: str) -> None:
    """While one peer misbehaves another has everything; when it behaves again it gets all of it, in order."""
    async with Peer(BAD[name]) as bad, Peer() as good:
        endpoint = await register(media, bad)
        await register(media, good)
        order = Author().order()
        await live.publish(order)
        await bad.until(2)
        lifted = Author().lift(order)
        await live.publish(lifted)
        assert identifiers(await good.until(2)) == [order.identifier, lifted.identifier]
        state = await eventually(lambda: failing(media, endpoint))
        assert state["failingSince"] is not None
        before = len(bad.requests)
        bad.reply = peers.saying(peers.OK)
        await eventually(lambda: settled(media, endpoint, 2))
        taken = identifiers(bad.requests[before:])
        assert list(dict.fromkeys(taken)) == [order.identifier, lifted.identifier]
        assert bad.most_at_once == 1
        ids = {request.headers["webhook-id"] for request in bad.requests}
        assert len(ids) == 2


async def failing(media: Caller, endpoint: Any) -> Any:
    """Return the endpoint once it is known to fail, None before."""
    told = (await call(media, "get", f"/{endpoint['id']}")).json
    return told if told["state"] == "failing" else None


async def test_gone_ends_the_endpoint(live: Caller, media: Caller) -> None:
    """After 410 nothing is posted any more, and the list says why."""
    async with Peer(peers.status(410)) as peer, Peer() as other:
        endpoint = await register(media, peer)
        await register(media, other)
        await live.publish(Author().order())
        await peer.until(1)
        told = await eventually(lambda: ended(media, endpoint))
        assert told["endReason"] == "http_410"
        await live.publish(Author().order())
        await other.until(2)
        answer = await call(media, "post", f"/{endpoint['id']}/replay?since={told['cursor']}")
        assert (answer.status, answer.json["title"]) == (409, "endpoint.ended")
    assert len(peer.requests) == 1


async def ended(media: Caller, endpoint: Any) -> Any:
    """Return the endpoint once it has ended, None before."""
    told = (await call(media, "get", f"/{endpoint['id']}")).json
    return told if told["state"] == "ended" else None


async def test_message_that_is_refused_does_not_block(live: Caller, media: Caller) -> None:
    """422 is a word about one message: it is not sent again, and the next one is."""
    async with Peer(peers.in_turn(peers.status(422), peers.saying(peers.OK))) as peer:
        endpoint = await register(media, peer)
        first, second = Author().order(), Author().order(NAHA)
        await live.publish(first)
        await peer.until(1)
        await live.publish(second)
        assert identifiers(await peer.until(2)) == [first.identifier, second.identifier]
        await eventually(lambda: settled(media, endpoint, 2))
        lines = (await call(media, "get", f"/{endpoint['id']}/deliveries")).json["deliveries"]
        assert [(line["outcome"], line["reason"]) for line in lines] == [("delivered", ""), ("refused", "http_422")]
    assert len(peer.requests) == 2


async def test_peer_that_asks_for_time_gets_it(live: Caller, media: Caller) -> None:
    """`Retry-After` is obeyed: nothing is tried before."""
    async with Peer(peers.status(429, Retry_After="3600")) as peer:
        endpoint = await register(media, peer)
        await live.publish(Author().order())
        told = await eventually(lambda: failing(media, endpoint))
        assert told["nextAttemptAt"] > told["failingSince"]
        await live.publish(Author().order())
        lines = (await call(media, "get", f"/{endpoint['id']}/deliveries")).json["deliveries"]
        assert [line["reason"] for line in lines] == ["http_429"]
    assert len(peer.requests) == 1
