"""The canary: a test of the line on every way out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from lalert.core.model import Realm
from lalert.web.server import Server
from tests.rig.author import Author
from tests.rig.caller import Caller
from tests.rig.listener import Listener

WAYS = {"log", "stream", "changes", "feed", "alert"}


async def test_canary_comes_out_of_every_way(server: Server, live: Caller, drill: Caller) -> None:
    """After one song the age of the canary is known for every way, in both realms, and in the metrics."""
    for ctx in server.contexts:
        await ctx.canary.sing()
    for realm, caller in ((Realm.LIVE, live), (Realm.DRILL, drill)):
        status = (await caller.get("/status.json")).json
        assert set(status["realms"][realm]["canaryAgeSeconds"]) == WAYS
    text = (await live.get("/metrics")).text
    for way in WAYS:
        for realm in Realm:
            assert f'lalert_canary_seen_timestamp_seconds{{realm="{realm}",way="{way}"}}' in text


async def nobody(*_: object) -> None:
    """Find nothing."""


@pytest.mark.parametrize(
    ("way", "part", "broken"),
    [
        ("feed", "lalert.web.feeds._newest", lambda *_: []),
        ("alert", "lalert.web.alerts.newest", nobody),
        ("stream", "lalert.web.fanout.reaches", lambda *_: False),
    ],
)
async def test_way_that_carries_nothing_is_not_noted(
    server: Server, monkeypatch: pytest.MonkeyPatch, way: str, part: str, broken: Callable[..., object]
) -> None:
    """It answers, and what should be in it is not: its age goes on growing."""
    monkeypatch.setattr(part, broken)
    monkeypatch.setattr("lalert.web.canary._PATIENCE_S", 2.0)
    with capture_logs():
        await server.contexts[0].canary.sing()
    seen = set(server.contexts[0].canary.seen)
    assert way not in seen
    assert seen == ({"log"} if way == "stream" else WAYS - {way})


async def test_canary_is_heard_by_nobody_who_did_not_ask(server: Server, live: Caller) -> None:
    """A test of the line is in no stream, feed, list or page unless it is asked for."""
    async with Listener(server.url) as plain, Listener(server.url, "include=system") as asked:
        await server.contexts[0].canary.sing()
        order = Author().order()
        await live.publish(order)
        await plain.until_identifier(order.identifier)
        await asked.until_identifier(order.identifier)
    assert plain.identifiers == [order.identifier]
    assert [name.startswith("canary-") for name in asked.identifiers] == [True, False]
    for path in ("/", "/feeds/all.atom", "/api/v1/alerts/active"):
        assert "canary" not in (await live.get(path)).text
