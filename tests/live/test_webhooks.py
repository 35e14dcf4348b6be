"""Webhooks of a running hub, over real sockets: each alert once, signed, whatever the peer does."""

from __future__ import annotations

import asyncio
import base64
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


async def test_end_by_itself_is_told(live: Caller, media: Caller) -> None:
    """When the time of an order is over, JSON endpoints hear it; to CAP endpoints the message itself had said it."""
    async with Peer() as heard, Peer() as cap:
        await register(media, heard)
        endpoint = await register(media, cap, format="cap")
        order = Author().ending_soon()
        await live.publish(order)
        ended = json.loads((await heard.until(2))[1].body)
        assert (ended["kind"], ended["alert"]["identifier"]) == ("expire", order.identifier)
        await eventually(lambda: settled(media, endpoint, 2))
    assert [request.body for request in cap.requests] == [order.raw]


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


# --- the interface ------------------------------------------------------------------------------------------------


async def test_only_media_and_operators_have_endpoints(server: Server, live: Caller, media: Caller) -> None:
    """Without a key nothing is told, a sender's key has no right, an operator sees and ends what others registered."""
    body = {"url": "https://203.104.209.71/"}
    assert (await call(media, "post", "", body, key="none")).status == 401
    assert (await call(media, "post", "", body, key=live.key)).json["title"] == "key.role"
    async with Peer() as peer:
        endpoint = await register(media, peer)
    stranger, operator = [await hubs.issue(server, role=role) for role in (Role.MEDIA, Role.OPERATOR)]
    assert (await call(media, "get", "", key=stranger)).json == {"endpoints": []}
    for method, path in (("get", ""), ("delete", ""), ("get", "/deliveries"), ("post", "/test")):
        answer = await call(media, method, f"/{endpoint['id']}{path}", key=stranger)
        assert (answer.status, answer.json["title"]) == (404, "http.not_found")
    assert len((await call(media, "get", "", key=operator)).json["endpoints"]) == 1
    assert (await call(media, "delete", f"/{endpoint['id']}", key=operator)).status == 204
    assert (await call(media, "get", "")).json == {"endpoints": []}


async def test_secret_is_shown_once(media: Caller) -> None:
    """The signing secret is in the answer to the registration and in no other."""
    async with Peer() as peer:
        endpoint = await register(media, peer, filter={"area": "131016", "min_level": 3})
        assert endpoint["secret"].startswith("whsec_")
        (told,) = (await call(media, "get", "")).json["endpoints"]
        assert told == (await call(media, "get", f"/{endpoint['id']}")).json
        assert told == {name: value for name, value in endpoint.items() if name != "secret"}
        assert told["filter"] == {"area": ["131016"], "min_level": 3}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://10.0.0.1/", "endpoint.address"),
        ("https://169.254.169.254/latest/meta-data", "endpoint.address"),
        ("http://203.104.209.71/", "endpoint.scheme"),
        ("https://nobody.invalid/", "endpoint.name"),
        ("ftp://media.example.jp/", "endpoint.url"),
    ],
)
async def test_inward_and_broken_urls_are_refused(media: Caller, url: str, code: str) -> None:
    """What may never be reached is refused at once, with what to do."""
    answer = await call(media, "post", "", {"url": url})
    assert (answer.status, answer.json["title"], answer.codes) == (422, "endpoint.invalid", {code})
    assert (await call(media, "get", "")).json == {"endpoints": []}


async def test_loopback_is_closed_by_default(servers: hubs.Start) -> None:
    """A hub as it comes reaches nothing on its own machine."""
    server = await servers()
    async with Peer() as peer, Caller(server.url, await hubs.issue(server, role=Role.MEDIA)) as media:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
            answer = await call(media, "post", "", {"url": f"https://{host}:{peer.port}/"})
            assert answer.codes == {"endpoint.address"}
    assert peer.connections == 0


async def test_body_must_be_json(media: Caller) -> None:
    """Another content type, no object, too much: refused as such."""
    headers = {"Authorization": f"Bearer {media.key}", "Content-Type": "text/plain"}
    path = "/api/v1/endpoints"
    assert (await media.ask("post", path, data=b"{}", headers=headers)).status == 415
    headers |= {"Content-Type": "application/json"}
    assert (await media.ask("post", path, data=b"[]", headers=headers)).status == 400
    assert (await media.ask("post", path, data=b"x" * (2 << 20), headers=headers)).status == 413


async def test_key_has_a_bounded_number(server: Server, media: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key cannot fill the hub."""
    monkeypatch.setattr("lalert.web.desk.MOST_PER_KEY", 2)
    async with Peer() as peer:
        for _ in range(2):
            await register(media, peer)
        answer = await call(media, "post", "", {"url": peer.url})
        assert (answer.status, answer.json["title"]) == (409, "endpoint.many")


@pytest.mark.parametrize(("form", "media_type"), [("json", "application/json"), ("cap", "application/cap+xml")])
async def test_test_button_posts_at_once(media: Caller, form: str, media_type: str) -> None:
    """A test is signed like an alert, cannot be taken for one, and is in the log; its failure is told as it is."""
    async with Peer(peers.in_turn(peers.saying(peers.OK), peers.status(500))) as peer:
        endpoint = await register(media, peer, format=form)
        became = (await call(media, "post", f"/{endpoint['id']}/test")).json
        assert became["outcome"] == "delivered"
        (request,) = peer.requests
        assert request.headers["content-type"] == media_type
        assert request.headers["webhook-id"] == became["webhookId"]
        Webhook(endpoint["secret"]).verify(request.body, dict(request.headers), json_parse=False)
        if form == "json":
            assert json.loads(request.body)["kind"] == "test"
        else:
            assert b"<status>System</status>" in request.body
        failed = (await call(media, "post", f"/{endpoint['id']}/test")).json
        assert (failed["outcome"], failed["reason"]) == ("later", "http_500")
        lines = (await call(media, "get", f"/{endpoint['id']}/deliveries?limit=5")).json["deliveries"]
        assert [line["outcome"] for line in lines] == ["later", "delivered"]
        assert [line["seq"] for line in lines] == [None, None]
        assert (await call(media, "get", f"/{endpoint['id']}")).json["state"] == "active"
        answer = await call(media, "post", f"/{endpoint['id']}/test")
        while answer.status == 200:
            answer = await call(media, "post", f"/{endpoint['id']}/test")
        assert (answer.status, answer.json["title"]) == (429, "limit.rate")  # it is no gun to point at others


async def test_replay_sends_again_with_the_same_ids(live: Caller, media: Caller) -> None:
    """Everything after a position comes once more, under the ids that it had, so that a receiver can tell."""
    async with Peer() as peer:
        endpoint = await register(media, peer)
        orders = [Author().order() for _ in range(3)]
        receipts = [await live.publish(order) for order in orders]
        await peer.until(3)
        await eventually(lambda: settled(media, endpoint, 3))
        answer = await call(media, "post", f"/{endpoint['id']}/replay?since={receipts[0]['cursor']}")
        assert (answer.status, answer.json["since"]) == (202, receipts[0]["cursor"])
        again = (await peer.until(5))[3:]
        assert sorted(identifiers(again)) == sorted(order.identifier for order in orders[1:])
        assert {r.headers["webhook-id"] for r in again} == {f"live-{r['cursor']}" for r in receipts[1:]}


async def test_replay_of_what_is_not_there_is_said(media: Caller) -> None:
    """A position of another log or ahead of the head is a gap; none or a wrong one is a mistake."""
    async with Peer() as peer:
        endpoint = await register(media, peer)
        path = f"/{endpoint['id']}/replay"
        epoch = endpoint["cursor"].partition("-")[0]
        for since, status, code in (
            (f"?since=zzzz-{endpoint['cursor'].partition('-')[2]}", 410, "cursor.gap"),
            (f"?since={epoch}-999", 410, "cursor.gap"),
            ("", 400, "query.invalid"),
            ("?since=", 400, "query.invalid"),
            ("?since=yesterday", 400, "query.invalid"),
            (f"?since={epoch}-0&x=1", 400, "query.invalid"),
        ):
            answer = await call(media, "post", path + since)
            assert (answer.status, answer.json["title"]) == (status, code), since


async def test_removed_endpoint_gets_nothing(live: Caller, media: Caller) -> None:
    """After DELETE nothing is posted, and nothing is known of it."""
    async with Peer() as gone, Peer() as other:
        endpoint = await register(media, gone)
        await register(media, other)
        assert (await call(media, "delete", f"/{endpoint['id']}")).status == 204
        assert (await call(media, "delete", f"/{endpoint['id']}")).status == 404
        await live.publish(Author().order())
        await other.until(1)
    assert gone.requests == []


# --- what lasts ---------------------------------------------------------------------------------------------------


async def test_endpoint_survives_sigkill(hub_process: hubs.HubProcess) -> None:
    """Killed in the middle, started again: everything that was acknowledged arrives, signed, and each id is taken once.

    The receiver is down when the hub dies, so that what was published before and after waits for both.
    """
    hub_process.set(SOON)
    await hub_process.start()
    key, media_key = [await hubs.issue_in(hub_process.data, role=role) for role in (Role.SENDER, Role.MEDIA)]
    orders = [Author().order() for _ in range(6)]
    async with Caller(hub_process.url, key) as live, Caller(hub_process.url, media_key) as media:
        async with Peer() as peer:
            port = peer.port
            endpoint = await register(media, peer)
            for order in orders[:2]:
                await live.publish(order)
            first = list(await peer.until(2))
        for order in orders[2:4]:
            await live.publish(order)  # nobody listens
        await hub_process.kill()
        await hub_process.start()
        await live.publish(orders[4])
        async with Peer(port=port) as peer:
            await live.publish(orders[5])
            await eventually(lambda: {o.identifier for o in orders[2:]} <= set(identifiers(peer.requests)))
            await eventually(lambda: settled(media, endpoint, 6))
            requests = first + peer.requests
    for request in requests:
        verified(endpoint, request)
    by_id = {request.headers["webhook-id"]: request for request in requests}
    assert sorted(identifiers(list(by_id.values()))) == sorted(order.identifier for order in orders)
    assert len(requests) - len(by_id) <= 2  # what was delivered in the last moment before the kill, at most


async def test_nothing_secret_is_kept_or_logged_in_clear(hub_process: hubs.HubProcess) -> None:
    """Neither the data nor the log hold the signing secret, the URL or the filter's place in clear."""
    hub_process.set(SOON)
    await hub_process.start()
    key, media_key = [await hubs.issue_in(hub_process.data, role=role) for role in (Role.SENDER, Role.MEDIA)]
    faltering = Peer(peers.in_turn(peers.status(500), peers.saying(peers.OK)))
    async with Caller(hub_process.url, key) as live, Caller(hub_process.url, media_key) as media, faltering as peer:
        endpoint = await register(media, peer, filter={"point": "35.6940,139.7536"})
        await live.publish(Author().order())
        await peer.until(2)
        await call(media, "post", f"/{endpoint['id']}/test")
    await hub_process.stop()
    kept = b"".join(file.read_bytes() for file in hub_process.data.iterdir())
    kept += "\n".join(hub_process.log).encode()
    secret = endpoint["secret"].removeprefix("whsec_")
    for clear in (secret.encode(), base64.b64decode(secret), peer.url.encode(), b"139.7536", media_key.encode()):
        assert clear not in kept
