"""Residents over real sockets: a strict push service takes the pushes, and phones read them with another
implementation of the encryption."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lalert.cli.pushservice import Arrival, Phone, PushService, running
from lalert.core.model import Realm
from lalert.geo import mesh
from lalert.geo.mesh import Level
from lalert.publishers import sealing
from lalert.publishers.webpush import topic_of
from lalert.web.server import Server, serving
from tests.rig import hubs
from tests.rig.author import CHIYODA, NAHA, YOKOSUKA, Author
from tests.rig.caller import Answer, Caller
from tests.rig.hubs import HubProcess

LOOPBACK = "127.0.0.0/8"
SUBSCRIPTIONS = "/api/v1/push/subscriptions"

author = Author()


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    """A push service on a free port."""
    async with running() as started:
        yield started


@pytest.fixture
async def server(servers: hubs.Start, service: PushService) -> Server:
    """A server that may push to this machine."""
    return await servers(push__allow_networks=LOOPBACK, push__retry_first_s=0.01, push__save_s=0.0)


async def sign_up(caller: Caller, phone: Phone, **wish: object) -> Any:
    """Subscribe a phone to Chiyoda, or to what `wish` says; return what the hub answered."""
    body = {"subscription": phone.subscription} | (
        {"areas": [CHIYODA]} if not {"areas", "postal", "cells"} & set(wish) else {}
    )
    answer = await send(caller, body | wish)
    assert answer.status == 201, answer.text
    return answer.json


async def send(caller: Caller, body: object) -> Answer:
    """Post a subscription."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await caller.ask("post", SUBSCRIPTIONS, data=raw, headers={"Content-Type": "application/json"})


def bearer(secret: str) -> dict[str, str]:
    """Return the header of whoever holds `secret`."""
    return {"Authorization": f"Bearer {secret}"}


def titles(arrivals: list[Arrival]) -> list[object]:
    """Return what the phone shows in big letters."""
    return [arrival.notification["title"] for arrival in arrivals]


async def test_an_alert_is_pushed_to_whom_it_concerns(live: Caller, service: PushService) -> None:
    """By municipality, once, readable as Declarative Web Push, and nobody else is told."""
    here, there = service.phone(), service.phone()
    await sign_up(live, here, minLevel=3)
    await sign_up(live, there, areas=[NAHA])
    alert = author.order(level=4)
    receipt = await live.publish(alert)
    await service.until(lambda: service.of(here))
    assert receipt["matched"]["residents"] == 1
    (arrival,) = service.of(here)
    shown = arrival.notification
    assert arrival.payload["web_push"] == 8030
    assert shown["navigate"] == f"{live.url}/alerts/{alert.identifier}"
    assert "警戒レベル4" in str(shown["title"])
    assert (arrival.urgency, arrival.topic, shown["tag"]) == ("high", topic_of(alert.identifier), arrival.topic)
    assert 21_000 < arrival.ttl_s <= 21_600
    assert (service.of(there), service.refused) == ([], [])


async def test_a_cell_that_the_polygon_touches(live: Caller, service: PushService) -> None:
    """The shape itself decides: a cell that it touches is told, the next one in the same municipality is not."""
    touched = mesh.code_at(lon=139.75, lat=35.69, level=Level.QUARTER)
    beside = mesh.code_at(lon=139.765, lat=35.69, level=Level.QUARTER)
    inside, outside = service.phone(), service.phone()
    await sign_up(live, inside, cells=[touched])
    await sign_up(live, outside, cells=[beside])
    ring = ((35.689, 139.749), (35.689, 139.751), (35.691, 139.751), (35.691, 139.749), (35.689, 139.749))
    await live.publish(author.order(level=4, polygons=(ring,)))
    marker = author.order(level=4)
    await live.publish(marker)
    await service.until(lambda: len(service.of(inside)) + len(service.of(outside)) == 1)
    assert service.of(outside) == []


async def test_whoever_heard_the_alarm_hears_the_end(live: Caller, service: PushService) -> None:
    """Raised, lowered below the filter, lifted: the phone follows; a silent 訂正 stays silent, a 取消 comes."""
    phone = service.phone()
    await sign_up(live, phone, minLevel=4)
    four = author.order(level=4)
    for message in (four, author.correct(four)):
        await live.publish(message)
    await service.until(lambda: len(service.of(phone)) == 1)
    three = author.update(four, level=3)
    await live.publish(three)
    await service.until(lambda: len(service.of(phone)) == 2)
    await live.publish(author.lift(three))
    await service.until(lambda: len(service.of(phone)) == 3)
    assert "【解除】" in str(titles(service.of(phone))[-1])
    wrong = author.order(level=5)
    await live.publish(wrong)
    await service.until(lambda: len(service.of(phone)) == 4)
    await live.publish(author.cancel(wrong))
    await service.until(lambda: len(service.of(phone)) == 5)
    assert "【取消】" in str(titles(service.of(phone))[-1])


async def test_tests_reach_the_browser_at_once(live: Caller, service: PushService) -> None:
    """Whoever holds the secret may have a test pushed; nobody else, and after the end nobody."""
    phone = service.phone()
    told = await sign_up(live, phone, lang="en")
    path = f"{SUBSCRIPTIONS}/{told['id']}"
    assert (await live.ask("post", f"{path}/test", headers=bearer(told["secret"]))).status == 200
    assert titles(service.of(phone)) == ["Test notification"]
    assert (await live.ask("post", f"{path}/test", headers=bearer("wrong"))).status == 404
    assert (await live.ask("post", f"{path}/test")).status == 401
    service.switch_off(phone)
    assert (await live.ask("post", f"{path}/test", headers=bearer(told["secret"]))).status == 410
    assert (await live.ask("post", f"{path}/test", headers=bearer(told["secret"]))).status == 404


async def test_one_tap_ends_it(live: Caller, service: PushService) -> None:
    """After DELETE nothing is pushed, and nothing is left to delete."""
    phone, other = service.phone(), service.phone()
    told = await sign_up(live, phone)
    await sign_up(live, other)
    path = f"{SUBSCRIPTIONS}/{told['id']}"
    assert (await live.ask("delete", path, headers=bearer("wrong"))).status == 404
    assert (await live.ask("delete", path)).status == 401
    assert (await live.ask("delete", path, headers=bearer(told["secret"]))).status == 204
    assert (await live.ask("delete", path, headers=bearer(told["secret"]))).status == 404
    receipt = await live.publish(author.order())
    await service.until(lambda: service.of(other))
    assert service.of(phone) == []
    assert receipt["matched"]["residents"] == 1


async def test_a_browser_that_subscribes_again_is_told_once(live: Caller, service: PushService) -> None:
    """The new wish takes the place of the old one, whose secret opens nothing any more."""
    phone = service.phone()
    old = await sign_up(live, phone, areas=[NAHA])
    await sign_up(live, phone)
    assert (await live.ask("delete", f"{SUBSCRIPTIONS}/{old['id']}", headers=bearer(old["secret"]))).status == 404
    await live.publish(author.order())
    await service.until(lambda: service.of(phone))
    await live.publish(author.order(NAHA))
    last = author.order()
    await live.publish(last)
    await service.until(lambda: len(service.of(phone)) >= 2)
    assert [a.topic for a in service.of(phone)][1:] == [topic_of(last.identifier)]


async def test_a_browser_that_is_gone_is_forgotten(live: Caller, server: Server, service: PushService) -> None:
    """410 ends the subscription: it is neither counted nor kept any more."""
    phone, other = service.phone(), service.phone()
    for each in (phone, other):
        await sign_up(live, each)
    service.switch_off(phone)
    await live.publish(author.order())
    await live.publish(author.order())  # the same lane: it goes out after everything of the first was done
    await service.until(lambda: len(service.of(other)) == 2)
    assert len(await server.hub(Realm.LIVE).store.residents(0, 10)) == 1
    assert (await live.publish(author.order()))["matched"]["residents"] == 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_service_that_is_busy_is_asked_again(live: Caller, service: PushService, status: int) -> None:
    """What the service could not take is pushed again until it does, and once."""
    phone = service.phone()
    await sign_up(live, phone)
    turned_away = []

    def busy(token: str) -> tuple[int, dict[str, str]] | None:
        turned_away.append(token)
        return (status, {"Retry-After": "0"}) if len(turned_away) < 2 else None

    service.answer = busy
    await live.publish(author.order())
    await service.until(lambda: service.of(phone))
    assert len(turned_away) == 2


async def test_the_drill_is_another_world(live: Caller, drill: Caller, service: PushService) -> None:
    """Its own key, its own residents; a drill says so at both ends of title and text."""
    keys = [(await caller.get("/api/v1/push/key")).json["publicKey"] for caller in (live, drill)]
    assert len(set(keys)) == 2
    phone, exercised = service.phone(), service.phone()
    await sign_up(live, phone)
    await sign_up(drill, exercised)
    await drill.publish(Author(drill=True).order())
    await service.until(lambda: service.of(exercised))
    shown = service.of(exercised)[0].notification
    for text in (str(shown["title"]), str(shown["body"])):
        assert text.startswith("【訓練】")
        assert text.endswith("【訓練】")
    assert service.of(phone) == []
    assert shown["navigate"].startswith(f"{drill.url}/alerts/")  # type: ignore[attr-defined]


async def test_a_postal_code_becomes_its_municipalities(live: Caller, server: Server, service: PushService) -> None:
    """Whoever gives a postal code is told of alerts there; what is kept are municipalities, never the code."""
    phone = service.phone()
    await sign_up(live, phone, postal=["１００－０００１", "498-0000"], areas=[NAHA])
    (kept,) = await server.hub(Realm.LIVE).store.residents(0, 10)
    assert kept.wish.areas == {CHIYODA, "232351", "243035", NAHA}
    await live.publish(Author().order())
    await service.until(lambda: service.of(phone))
    assert "避難指示" in str(titles(service.of(phone))[0])


async def test_mistakes_are_named_all_at_once(live: Caller, service: PushService) -> None:
    """Everything wrong in one answer, each with where it stands; nothing is kept, and no endpoint is told back."""
    good = service.phone().subscription
    answer = await send(
        live,
        {
            "subscription": {"endpoint": "http://192.0.2.7/secret-path", "keys": {"p256dh": "AAAA", "auth": "AAAA"}},
            "areas": ["131017", "131016"],
            "postal": ["100-0001", "999-9999", "100"],
            "cells": ["53394611", "5339", "5339461199"],
            "minLevel": 6,
            "hazards": ["flood", "godzilla"],
            "lang": "fr",
            "quiet": {"from": "25:00", "to": "06:00"},
            "lat": 35.69,
        },
    )
    assert answer.status == 422
    assert [(error["code"], error["path"]) for error in answer.json["errors"]] == [
        ("push.unknown", "/lat"),
        ("push.area", "/areas/0"),
        ("postal.unknown", "/postal/1"),
        ("postal.form", "/postal/2"),
        ("push.cell", "/cells/1"),
        ("push.cell", "/cells/2"),
        ("push.level", "/minLevel"),
        ("push.hazard", "/hazards/1"),
        ("push.lang", "/lang"),
        ("push.quiet", "/quiet"),
        ("push.endpoint", "/subscription/endpoint"),
        ("push.key", "/subscription/keys/p256dh"),
        ("push.auth", "/subscription/keys/auth"),
    ]
    assert "secret-path" not in answer.text
    nowhere = await send(live, {"subscription": good})
    assert nowhere.json["errors"][0]["code"] == "push.nowhere"
    many = await send(live, {"subscription": good, "cells": ["53394611"] * 101, "postal": ["1000001"] * 21, "areas": 5})
    assert [error["path"] for error in many.json["errors"]] == ["/areas", "/postal", "/cells"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "application/json", 400),
        (b"[1]", "application/json", 400),
        (b'{"a":' * 2_000, "application/json", 400),
        (b"{}" + b" " * 20_000, "application/json", 413),
        (b"{}", "text/plain", 415),
        (b"{}", "application/json", 422),
    ],
)
async def test_what_is_no_subscription(live: Caller, body: bytes, content_type: str, status: int) -> None:
    """No JSON object, too much, another media type, nothing in it: refused by name."""
    answer = await live.ask("post", SUBSCRIPTIONS, data=body, headers={"Content-Type": content_type})
    assert answer.status == status


@pytest.mark.parametrize(
    "endpoint",
    ["http://push.example/1", "https://10.0.0.1/1", "https://[::1]/1", "https://169.254.169.254/", "ftp://a.example/",
     "https:///1", "https://u:p@a.example/", "https://a.example/#x", "https://a.example:0/", "https://a.example:x/",
     "https://[::1/", "https://a.example/" + "x" * 2_048, "https://あ.example/", 7],
)  # fmt: skip
async def test_an_endpoint_that_nobody_may_push_to(servers: hubs.Start, service: PushService, endpoint: object) -> None:
    """http, a private address, no URL of a push service: refused when it is given, not when an alert comes."""
    server = await servers()
    phone = service.phone()
    subscription = phone.subscription | {"endpoint": endpoint}
    async with Caller(server.url) as caller:
        answer = await send(caller, {"subscription": subscription, "areas": [CHIYODA]})
    assert answer.status == 422
    assert answer.codes == {"push.endpoint"}


async def test_a_restart_keeps_residents_and_key(tmp_path: Path, servers: hubs.Start, service: PushService) -> None:
    """After a restart everybody is still told, with the key that their browsers know."""
    settings = hubs.settings_for(tmp_path / "twice", push__allow_networks=LOOPBACK)
    phone, keys = service.phone(), []
    for number in range(2):
        async with serving(settings) as server, Caller(server.url, await hubs.issue(server)) as caller:
            keys.append((await caller.get("/api/v1/push/key")).json["publicKey"])
            if number == 0:
                await sign_up(caller, phone, areas=[YOKOSUKA])
            else:
                await caller.publish(author.order(YOKOSUKA))
                await service.until(lambda: service.of(phone))
    assert keys[0] == keys[1]


async def test_nothing_about_a_person_is_kept_in_clear(hub_process: HubProcess, service: PushService) -> None:
    """Whole store and whole log: no position, no endpoint, no key and no secret of anybody, also of who was refused."""
    phone = service.phone()
    hub_process.set({"push__allow_networks": LOOPBACK})
    await hub_process.start()
    async with Caller(hub_process.url, await hubs.issue_in(hub_process.data)) as caller:
        told = await sign_up(caller, phone, cells=["5339461132"], areas=[CHIYODA])
        body = {"subscription": phone.subscription, "areas": [CHIYODA], "lat": 35.694003, "lon": 139.753595}
        assert (await send(caller, body)).status == 422
        await caller.ask("post", f"{SUBSCRIPTIONS}/{told['id']}/test", headers=bearer(told["secret"]))
        await caller.ask("post", f"{SUBSCRIPTIONS}/{told['id']}/test", headers=bearer("guessed-secret"))
        await caller.publish(author.order())
        await service.until(lambda: len(service.of(phone)) == 2)
    await hub_process.stop()
    keys = phone.subscription["keys"]
    assert isinstance(keys, dict)
    raw = [sealing.maybe_bytes(text) or b"" for text in keys.values()]
    secrets = [told["secret"], "guessed-secret", phone.token, *keys.values(), "35.694", "139.753"]
    kept = b"".join(file.read_bytes() for file in hub_process.data.rglob("*") if file.is_file())
    said = "\n".join(hub_process.log)
    assert b"5339461132" in kept  # the square is what is kept: the test looks into the right files
    for secret in secrets:
        assert secret.encode() not in kept, secret
        assert secret not in said, secret
    assert not any(each in kept for each in raw)


async def test_signing_up_is_limited_by_address(live: Caller) -> None:
    """A script that signs up without end is told when to come back; what it sends is not even looked at."""
    answer = await send(live, b"x")
    tries = 1
    while answer.status != 429 and tries < 1_000:
        answer = await send(live, b"x")
        tries += 1
    assert (answer.status, answer.json["title"]) == (429, "limit.rate")
    assert int(answer.headers["Retry-After"]) > 0
    assert tries > 200, "a mobile carrier hides thousands behind one address"
