"""The largest message that the reader takes goes the whole way, on both stores: nothing in between is smaller."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from lalert.cap.parse import MAX_BYTES
from lalert.core.model import Role
from lalert.settings import Settings
from lalert.web.server import Server, serving
from tests.rig import hubs
from tests.rig.author import CHIYODA, Author
from tests.rig.caller import Caller
from tests.rig.listener import Listener
from tests.rig.peers import Peer
from tests.rig.redis import RedisServer

PAGES = ("/", f"/a/{CHIYODA}", "/feeds/all.atom", "/api/v1/alerts/active.geojson")
PUSHING = {"push__allow_networks": "127.0.0.0/8", "push__retry_first_s": 0.05, "push__timeout_s": 20}


@pytest.fixture(params=["sqlite", "redis"])
def settings(request: pytest.FixtureRequest, redis_server: RedisServer, tmp_path: Path) -> Settings:
    """A hub that takes posts as large as a message may be."""
    shared = {"store__url": redis_server.empty_database()} if request.param == "redis" else {}
    return hubs.settings_for(tmp_path / "data", server__max_body_bytes=MAX_BYTES, **PUSHING, **shared)


def filled(raw: bytes, make: Callable[[int], tuple[bytes, bytes]]) -> bytes:
    """Return the message with what `make` gives put before a tag, so that it is as large as a message may be."""
    before, filling = make(MAX_BYTES - len(raw))
    assert before in raw
    whole = raw.replace(before, filling + before, 1)
    assert MAX_BYTES - 4 <= len(whole) <= MAX_BYTES
    return whole


def with_photograph(room: int) -> tuple[bytes, bytes]:
    """Return a resource that carries its content."""
    head = b"<resource><resourceDesc>x</resourceDesc><mimeType>image/png</mimeType><uri>x.png</uri><derefUri>"
    tail = b"</derefUri></resource>"
    content = random.Random(1).randbytes((room - len(head) - len(tail)) // 4 * 3)
    return b"<area>", head + base64.b64encode(content) + tail


def with_words(room: int) -> tuple[bytes, bytes]:
    """Return a description of a million characters."""
    return b"</description>", "水".encode() * (room // 3)


@pytest.mark.parametrize("make", [with_photograph, with_words])
async def test_the_largest_message_goes_the_whole_way(
    settings: Settings, make: Callable[[int], tuple[bytes, bytes]], watched_loop: None
) -> None:
    """It is kept, told on the stream, posted, listed and shown, found again after a restart, and lifted."""
    author = Author()
    order = author.order(description="大雨です。")
    raw = filled(order.raw, make)
    async with serving(settings) as server, Peer() as json_peer, Peer() as cap_peer:
        key = await hubs.issue(server)
        async with Caller(server.url, key) as caller, Listener(server.url) as listener:
            await listen(server, json_peer, "json")
            await listen(server, cap_peer, "cap")
            answer = await caller.post(raw)
            assert answer.status == 201, answer.text
            heard = await listener.until_identifier(order.identifier)
            assert b"derefUri" not in heard.data.encode()
            (posted,) = await json_peer.until(1)
            assert json.loads(posted.body) == heard.json
            (forwarded,) = await cap_peer.until(1)
            assert forwarded.body == raw
            await look(caller, order.identifier, raw)
    async with serving(settings) as server, Caller(server.url, key) as caller:
        begin = f"{answer.json['cursor'].rpartition('-')[0]}-0"
        async with Listener(server.url, last_event_id=begin) as late:
            assert (await late.until_identifier(order.identifier)).json["alert"] == heard.json["alert"]
        await look(caller, order.identifier, raw)
        await caller.publish(author.lift(order))
        told = (await caller.get(f"/api/v1/alerts/{quote(order.identifier)}")).json
        assert told["state"] == "cancelled"


async def listen(server: Server, peer: Peer, form: str) -> None:
    """Have everything posted to a peer."""
    async with Caller(server.url, await hubs.issue(server, role=Role.MEDIA)) as media:
        headers = {"Authorization": f"Bearer {media.key}", "Content-Type": "application/json"}
        body = json.dumps({"url": f"{peer.url}/in", "format": form}).encode()
        assert (await media.ask("post", "/api/v1/endpoints", data=body, headers=headers)).status == 201


async def look(caller: Caller, identifier: str, raw: bytes) -> None:
    """Assert that every face of the message is there, and that its bytes are those that were posted."""
    name = quote(identifier)
    assert (await caller.get(f"/api/v1/alerts/{name}.cap")).body == raw
    for path in (f"/api/v1/alerts/{name}.json", "/api/v1/alerts/active", "/api/v1/changes", *PAGES, f"/alerts/{name}"):
        answer = await caller.get(path)
        assert answer.status == 200, path
        assert b"derefUri" not in answer.body, path


async def test_a_larger_message_is_refused(settings: Settings) -> None:
    """One byte more is told at the door."""
    async with serving(settings) as server, Caller(server.url, await hubs.issue(server, areas=(CHIYODA,))) as caller:
        assert (await caller.post(b"<alert>" + b" " * MAX_BYTES)).status == 413
