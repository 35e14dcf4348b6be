"""Receipts: what became of a message on every way out, out of the delivery log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from lalert.core.model import Role
from lalert.web.server import Server
from tests.rig import hubs, peers
from tests.rig.author import Author
from tests.rig.caller import Answer, Caller
from tests.rig.listener import Listener
from tests.rig.peers import Peer


async def receipts(caller: Caller, identifier: str, key: str | None = None) -> Answer:
    """Ask for the receipts of a message."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return await caller.ask("get", f"/api/v1/alerts/{identifier}/receipts", headers=headers)


async def once(caller: Caller, identifier: str, holds: Callable[[Any], bool], key: str | None = None) -> Any:
    """Return the receipts as soon as they are as they should be."""
    async with asyncio.timeout(peers.PATIENCE_S):
        while True:
            told = (await receipts(caller, identifier, key)).json
            if holds(told):
                return told
            await asyncio.sleep(0.02)


async def test_every_way_is_told(servers: hubs.Start) -> None:
    """Accepted, kept, streamed, posted: each time after the one before, and every attempt at a webhook."""
    server = await servers(push__allow_networks="127.0.0.0/8", push__retry_first_s=0.05)
    live_key, media_key = [await hubs.issue(server, role=role) for role in (Role.SENDER, Role.MEDIA)]
    faltering = Peer(peers.in_turn(peers.status(500), peers.saying(peers.OK)))
    async with Caller(server.url, live_key) as live, Listener(server.url) as listener, faltering as peer:
        endpoint = await _register(live, peer, media_key)
        order = Author().order()
        receipt = await live.publish(order)
        await listener.until_identifier(order.identifier)
        await peer.until(2)
        told = await once(live, order.identifier, _is_delivered, live_key)
    ways = told["ways"]
    assert (ways["stream"]["sent"], ways["webhook"]["sent"]) == (1, 1)
    (at_endpoint,) = ways["webhook"]["endpoints"]
    assert at_endpoint["id"] == endpoint
    assert [(a["outcome"], a["reason"]) for a in at_endpoint["attempts"]] == [("later", "http_500"), ("delivered", "")]
    assert told["matched"] == receipt["matched"]
    assert told["acceptedAt"] == receipt["acceptedAt"]
    assert told["isWhole"]
    times = [told["acceptedAt"], told["committedAt"], ways["stream"]["firstAt"], ways["stream"]["lastAt"]]
    moments = [datetime.fromisoformat(time) for time in times]
    assert moments == sorted(moments)
    assert datetime.fromisoformat(ways["webhook"]["firstAt"]) >= moments[1]
    assert ways["webhook"]["lastAt"] >= ways["webhook"]["firstAt"]


def _is_delivered(told: Any) -> bool:
    return {"stream", "webhook"} <= told["ways"].keys() and told["ways"]["webhook"]["sent"] == 1


async def _register(caller: Caller, peer: Peer, key: str) -> str:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    answer = await caller.ask("post", "/api/v1/endpoints", data=b'{"url": "%b"}' % peer.url.encode(), headers=headers)
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


async def test_whose_attempts_are_told(servers: hubs.Start) -> None:
    """Totals are for everybody; attempts one by one for senders and operators, and for the medium whose they are."""
    server = await servers(push__allow_networks="127.0.0.0/8")
    roles = (Role.SENDER, Role.OPERATOR, Role.MEDIA, Role.MEDIA)
    sender, operator, owner, other = [await hubs.issue(server, role=role) for role in roles]
    async with Caller(server.url, sender) as live, Peer() as peer:
        endpoint = await _register(live, peer, owner)
        order = Author().order()
        await live.publish(order)
        await peer.until(1)
        await once(live, order.identifier, lambda told: told["ways"].get("webhook", {}).get("sent") == 1, sender)
        seen = {
            key: [
                one["id"] for one in (await receipts(live, order.identifier, key)).json["ways"]["webhook"]["endpoints"]
            ]
            for key in (None, sender, operator, owner, other)
        }
        assert seen == {None: [], sender: [endpoint], operator: [endpoint], owner: [endpoint], other: []}
        assert (await receipts(live, order.identifier, "none")).status == 401


async def test_message_that_nobody_else_heard(live: Caller) -> None:
    """Without readers and endpoints it still says when the message was accepted and kept."""
    order = Author().order()
    receipt = await live.publish(order)
    told = await once(live, order.identifier, lambda told: told["committedAt"] is not None, live.key)
    assert told["cursor"] == receipt["cursor"]
    assert told["ways"].get("stream", {"sent": 0})["sent"] == 0


async def test_unknown_message_and_parameter(live: Caller) -> None:
    """404 for a message that is not there, 400 for a parameter that does not exist."""
    assert (await receipts(live, "nothing")).status == 404
    order = Author().order()
    await live.publish(order)
    assert (await live.get(f"/api/v1/alerts/{order.identifier}/receipts?x=1")).status == 400
    assert (await live.get(f"/api/v1/alerts/{order.identifier}/receipts?sender={order.sender}")).status == 200
    assert (await live.get(f"/api/v1/alerts/{order.identifier}/receipts?sender=x")).status == 404


async def test_canary_leaves_no_receipts(server: Server) -> None:
    """A test of the line is not noted: its lines would bury the others."""
    ctx = server.contexts[0]
    await ctx.canary.sing()
    await ctx.journal.flush()
    assert await ctx.hub.store.attempts() == []


async def test_strangers_ask_in_moderation(live: Caller) -> None:
    """Receipts are read from the log each time: without a key there is a limit, and it says when to come back."""
    order = Author().order()
    await live.publish(order)
    answer = await receipts(live, order.identifier)
    while answer.status == 200:
        answer = await receipts(live, order.identifier)
    assert (answer.status, answer.json["title"]) == (429, "limit.rate")
    assert int(answer.headers["Retry-After"]) >= 1
    assert (await receipts(live, order.identifier, live.key)).status == 200
