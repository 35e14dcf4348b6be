"""Sources through a running hub: what others publish is on our stream, named, once, and only where it may be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lalert.core.model import Realm
from lalert.errors import Rejected, Text, Unavailable
from lalert.settings import Networks
from lalert.sources.poller import Poller
from lalert.sources.source import Source
from lalert.web.fetcher import Fetcher
from lalert.web.server import Server
from tests.rig import hubs, registers
from tests.rig.author import CHIYODA, CHUO, YOKOSUKA, Author, now
from tests.rig.caller import Caller
from tests.rig.envelopes import envelope
from tests.rig.listener import Listener
from tests.rig.upstream import Upstream, atom, entry, inline, rss

author = Author()
Ask = Callable[..., Awaitable[Poller]]


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A server that plays feeds."""
    async with Upstream() as opened:
        yield opened


@pytest.fixture
async def ask(server: Server, upstream: Upstream) -> AsyncIterator[Ask]:
    """Makes pollers, of the live realm if none is given: `await (await (await ask(areas=("13",)))).poll()`."""
    trusted: dict[str, int] = {}
    stack = AsyncExitStack()

    async def make(path: str = "/feed", *, realm: Realm = Realm.LIVE, **changes: object) -> Poller:
        values: dict[str, object] = {
            "name": "upstream",
            "url": upstream.url + path,
            "realm": realm,
            "areas": ("*",),
            "attribution": "出典：試験庁",
            "allow": Networks.parse("127.0.0.0/8"),
            "timeout_s": 1.0,
        }
        source = Source(**values | changes)  # type: ignore[arg-type]
        trusted[source.name] = source.trust
        fetcher = await stack.enter_async_context(Fetcher(source))
        return Poller(source, server.hub(realm), fetcher, trust_of=trusted.__getitem__, random=lambda: 0.5)

    async with stack:
        yield make


def in_force(server: Server, realm: Realm = Realm.LIVE) -> set[str]:
    """Return the identifiers of what holds."""
    return {posted.entry.alert.identifier for posted in server.hub(realm).situation.in_force()}


def log_of(server: Server) -> int:
    """Return how much was ever kept, tests of the line included."""
    return server.hub(Realm.LIVE).tail.head.seq


# --- through the register: the hub asks by itself -----------------------------------------------------------------


async def test_message_of_a_source_is_on_the_stream_with_its_attribution(
    servers: hubs.Start, upstream: Upstream, tmp_path: Path
) -> None:
    """The hub asks by itself; everybody who gets the message learns whom to name, in JSON, feed and page."""
    order = author.order(CHIYODA)
    url = upstream.put_feed("/feed", order)
    secret = registers.table(url=f"{url}?key=hidden", attribution="出典：試験庁のページ")
    file = registers.write(tmp_path / "sources.toml", secret)
    server = await servers(sources__file=str(file))
    async with Listener(server.url) as listener, Caller(server.url) as reader:
        heard = await listener.until_identifier(order.identifier)
        assert heard.json["attribution"] == "出典：試験庁のページ"
        assert "<rights>出典：試験庁のページ</rights>" in (await reader.get("/feeds/all.atom")).text
        assert "試験庁のページ" in (await reader.get(f"/alerts/{order.identifier}")).text
        status = await reader.get("/status.json")
        (told,) = status.json["realms"]["live"]["sources"]
        assert (told["name"], told["failures"], told["lastMessage"]) == ("upstream", 0, order.identifier)
        assert "hidden" not in status.text
        assert (
            'lalert_source_messages_total{outcome="created",realm="live",source="upstream"} 1.0'
            in (await reader.get("/metrics")).text
        )


async def test_replay_after_a_restart_publishes_nothing_twice(
    hub_process: hubs.HubProcess, upstream: Upstream, tmp_path: Path
) -> None:
    """The memory of a source is a cache: after kill -9 the feed is read anew, and the log stays as it is."""
    order, other = author.order(CHIYODA), author.order(CHUO)
    url = upstream.put_feed("/feed", order)
    hub_process.set({"sources__file": registers.write(tmp_path / "sources.toml", registers.table(url=url))})
    await hub_process.start()
    async with Listener(hub_process.url) as listener:
        cursor = (await listener.until_identifier(order.identifier)).id
    await hub_process.kill()
    upstream.put_feed("/feed", other, order)
    await hub_process.start()
    async with Listener(hub_process.url, last_event_id=cursor) as listener:
        await listener.until_identifier(other.identifier)
        assert listener.identifiers == [other.identifier]


async def test_register_with_mistakes_refuses_the_start(servers: hubs.Start, tmp_path: Path) -> None:
    """A hub that watches half of what its operator wrote does not start."""
    file = registers.write(tmp_path / "sources.toml", registers.table(areas=["999999"]))
    with pytest.raises(Rejected) as refused:
        await servers(sources__file=str(file))
    assert [finding.path for finding in refused.value.findings] == ["source[1].areas"]


# --- round by round -----------------------------------------------------------------------------------------------


async def test_message_comes_once_whatever_way_it_takes(server: Server, upstream: Upstream, ask: Ask) -> None:
    """Under another link, inline, from a second source with other bytes, posted with a key: one entry."""
    order = author.order()
    upstream.put_feed("/feed", order)
    one = await ask()
    await one.poll()
    head = log_of(server)
    upstream.put("/moved.cap", order)
    upstream.put("/feed", atom(entry(upstream.url + "/moved.cap"), inline(order)))
    await one.poll()
    upstream.put("/second", rss(f"<item><description><![CDATA[{order.raw.decode()}]]></description></item>"))
    two = await ask("/second", name="second")
    await two.poll()
    async with Caller(server.url, await hubs.issue(server)) as sender:
        assert (await sender.post(order)).status == 200
    assert log_of(server) == head
    assert two.outcomes["created"] == 0


async def test_other_content_under_the_same_name_is_refused(server: Server, upstream: Upstream, ask: Ask) -> None:
    """What was published stays as it is; the contradiction is counted."""
    order = author.order()
    upstream.put("/feed", order)
    one = await ask()
    await one.poll()
    upstream.put("/feed", order.raw.replace("避難指示".encode(), "避難勧告".encode()))
    await one.poll()
    assert one.outcomes == {"created": 1, "identity.conflict": 1}
    (kept,) = server.hub(Realm.LIVE).situation.find(order.identifier)
    assert kept.entry.alert.raw == order.raw


async def test_unchanged_feed_costs_a_304(upstream: Upstream, ask: Ask) -> None:
    """The second round asks with the ETag, and is told that nothing is new."""
    upstream.put_feed("/feed", author.order())
    one = await ask()
    await one.poll()
    await one.poll()
    assert upstream.unchanged["/feed"] == 1
    assert (one.failures, one.failure) == (0, None)


async def test_changed_link_brings_the_new_message(server: Server, upstream: Upstream, ask: Ask) -> None:
    """An address that always has the newest message: the update follows the alert."""
    order = author.order(level=3)
    upstream.put("/feed", order)
    one = await ask()
    await one.poll()
    update = author.update(order, level=4)
    upstream.put("/feed", update)
    await one.poll()
    assert in_force(server) == {update.identifier}
    (first,) = server.hub(Realm.LIVE).situation.find(order.identifier)
    assert first.standing.replaced_by == update.identifier


async def test_first_round_publishes_what_holds_and_no_history(server: Server, upstream: Upstream, ask: Ask) -> None:
    """A feed of a week: over, updated, cancelled; one that holds. Only that one is published."""
    over = author.order(sent=now() - timedelta(hours=2), expires=now() - timedelta(hours=1))
    first = author.order(level=3)
    update = author.update(first, level=4)
    cancelled = author.order()
    upstream.put_feed("/feed", author.cancel(cancelled), cancelled, update, first, over)
    head = log_of(server)
    one = await ask()
    await one.poll()
    assert in_force(server) == {update.identifier}
    assert log_of(server) == head + 1
    assert one.outcomes == {"created": 1, "superseded": 2, "effectless": 1, "over": 1}


async def test_who_heard_the_alarm_hears_its_end(server: Server, upstream: Upstream, ask: Ask) -> None:
    """Updates and the Cancel of what was published come in their order, whatever the order of the feed."""
    first = author.order(level=3)
    upstream.put_feed("/feed", first)
    one = await ask()
    async with Listener(server.url) as listener:
        await one.poll()
        update = author.update(first, level=4)
        cancel = author.cancel(update)
        upstream.put_feed("/feed", cancel, update, first)
        await one.poll()
        await listener.until_identifier(cancel.identifier)
        assert listener.identifiers == [first.identifier, update.identifier, cancel.identifier]
    assert in_force(server) == set()


async def test_issued_again_under_another_name_and_cancelled_under_it(
    server: Server, upstream: Upstream, ask: Ask
) -> None:
    """Relays number messages anew: it is published once, and the Cancel of the other name ends it."""
    order = author.order()
    upstream.put("/feed", order)
    await (await ask()).poll()
    again = order.raw.replace(order.identifier.encode(), b"renumbered-1")
    upstream.put("/relay", again)
    relay = await ask("/relay", name="relay")
    await relay.poll()
    assert (in_force(server), relay.outcomes) == ({order.identifier}, {"reissued": 1})
    cancel = author.cancel(replace(order, identifier="renumbered-1"))
    upstream.put("/relay", cancel)
    await relay.poll()
    assert in_force(server) == set()
    (ended,) = server.hub(Realm.LIVE).situation.find(order.identifier)
    assert ended.standing.replaced_by == cancel.identifier


async def test_outside_its_area_nothing_is_published_and_nothing_cut(
    server: Server, upstream: Upstream, ask: Ask
) -> None:
    """A message that reaches beyond the source's area is refused whole; its neighbour goes on."""
    inside, beyond = author.order(CHIYODA), author.order(CHIYODA, YOKOSUKA)
    upstream.put_feed("/feed", beyond, inside)
    one = await ask(areas=("13",))
    await one.poll()
    assert in_force(server) == {inside.identifier}
    assert one.outcomes == {"created": 1, "jurisdiction.outside": 1}


async def test_realms_stay_apart(server: Server, upstream: Upstream, ask: Ask) -> None:
    """An Exercise is no news for a live source; a drill source brings it to the drill realm."""
    exercise = Author(drill=True).order()
    upstream.put_feed("/feed", exercise)
    live, drill = await ask(), await ask(name="drill", realm=Realm.DRILL)
    await live.poll()
    await drill.poll()
    assert live.outcomes == {"audience.refused": 1}
    assert (in_force(server), in_force(server, Realm.DRILL)) == (set(), {exercise.identifier})


async def test_nobodys_feed_ends_what_was_posted_with_a_key(server: Server, upstream: Upstream, ask: Ask) -> None:
    """A Cancel of a municipality's own alert, out of a feed, changes nothing."""
    order = author.order()
    async with Caller(server.url, await hubs.issue(server)) as sender:
        await sender.publish(order)
    upstream.put("/feed", author.cancel(order))
    one = await ask(trust=9)
    await one.poll()
    assert (in_force(server), one.outcomes) == ({order.identifier}, {"source.trust": 1})


async def test_less_trusted_source_changes_nothing_of_a_more_trusted(
    server: Server, upstream: Upstream, ask: Ask
) -> None:
    """Trust decides whose messages a source may end; an equal may."""
    order = author.order()
    upstream.put("/high", order)
    await (await ask("/high", name="high", trust=6)).poll()
    upstream.put("/feed", author.cancel(order))
    await (await ask(name="low", trust=5)).poll()
    assert in_force(server) == {order.identifier}
    await (await ask(name="peer", trust=6)).poll()
    assert in_force(server) == set()


async def test_defects_are_published_with_the_message(server: Server, upstream: Upstream, ask: Ask) -> None:
    """What its producer should correct is a warning here; what cannot be read is refused; both are settled."""
    order = author.order()
    flawed = b"\n" + order.raw.replace(b"<urgency>Immediate", b"<urgency>Soon")
    upstream.put("/flawed", flawed)
    upstream.put("/broken", b"<alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'><identifier>")
    upstream.put("/feed", atom(entry(upstream.url + "/broken"), entry(upstream.url + "/flawed")))
    one = await ask()
    await one.poll()
    await one.poll()
    assert one.outcomes == {"created": 1, "cap.invalid": 1}
    (kept,) = server.hub(Realm.LIVE).situation.find(order.identifier)
    assert kept.entry.alert.raw == flawed
    assert {"cap.repair.wrapping", "cap.schema.enumeration"} <= {finding.code for finding in kept.entry.findings}


async def test_envelope_of_two_with_one_bad(server: Server, upstream: Upstream, ask: Ask) -> None:
    """Each message of an envelope is judged by itself, from a feed as from a post."""
    good, bad = author.order(), author.order(CHIYODA).raw.replace(b"131016", b"999995")
    upstream.put("/feed", envelope(bad, good))
    one = await ask()
    await one.poll()
    assert in_force(server) == {good.identifier}
    assert one.outcomes == {"created": 1, "cap.invalid": 1}


# --- trouble ------------------------------------------------------------------------------------------------------


async def test_failures_are_followed_by_longer_and_longer_waits(upstream: Upstream, ask: Ask) -> None:
    """Each wait is twice the last, less a share of chance, up to a bound; success ends it."""
    one = await ask("/gone", interval_s=60.0)
    waits = []
    for _ in range(6):
        await one.poll()
        waits.append((one.due - datetime.now(UTC)).total_seconds())
    assert (one.failures, one.failure) == (6, "http_404")
    assert waits == pytest.approx([45, 90, 180, 360, 675, 675], abs=5)
    upstream.put_feed("/gone", author.order())
    await one.poll()
    assert (one.failures, one.failure) == (0, None)


async def test_retry_after_is_obeyed(upstream: Upstream, ask: Ask) -> None:
    """A server that wants to be left alone for ten minutes is."""
    upstream.put("/feed", b"", status=429, headers={"Retry-After": "600"})
    one = await ask(interval_s=5.0)
    await one.poll()
    assert one.failure == "http_429"
    assert (one.due - datetime.now(UTC)).total_seconds() > 590


async def test_slow_source_delays_no_other(servers: hubs.Start, upstream: Upstream, tmp_path: Path) -> None:
    """While one source does not answer, another brings its news."""
    order = author.order()
    upstream.held["/slow"] = asyncio.Event()
    file = registers.write(
        tmp_path / "sources.toml",
        registers.table(name="slow", url=upstream.url + "/slow", trust=9),
        registers.table(name="good", url=upstream.put_feed("/feed", order)),
    )
    server = await servers(sources__file=str(file))
    async with Listener(server.url) as listener:
        await listener.until_identifier(order.identifier)
    upstream.held["/slow"].set()


async def test_what_the_hub_cannot_take_comes_again(server: Server, upstream: Upstream, ask: Ask) -> None:
    """While the queue is full nothing is lost: the next round brings it, without another request."""
    order = author.order()
    upstream.put_feed("/feed", order)
    one = await ask()
    hub = server.hub(Realm.LIVE)
    accept = hub.accept
    hub.accept = refusing  # type: ignore[method-assign]
    await one.poll()
    assert one.outcomes == {"queue.full": 1}
    hub.accept = accept  # type: ignore[method-assign]
    await one.poll()
    assert in_force(server) == {order.identifier}
    assert upstream.asked[f"/cap/{order.identifier}"] == 1


async def refusing(*_: object, **__: object) -> None:
    """Take nothing just now."""
    raise Unavailable(Text("満杯", "full"), code="queue.full")
