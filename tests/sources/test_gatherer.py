"""One round on the network, without one: what is asked, in which order, and what waits for the next round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lalert.core.model import Realm
from lalert.sources.fetching import Fetched, Unfetched
from lalert.sources.gatherer import Fault, Gathered, Gatherer
from lalert.sources.memory import Memory
from lalert.sources.source import Form, Source
from tests.rig.author import Author
from tests.rig.envelopes import bare
from tests.rig.upstream import atom, entry, inline

HOME = "https://feeds.example.jp/feed"
author = Author()


class Net:
    """Answers as it is told to, and notes what it is asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        self.headers: list[Mapping[str, str]] = []

    def say(self, url: str, body: bytes = b"", status: int = 200, **headers: str) -> None:
        """Answer `url` with this from now on."""
        self.answers[url] = Fetched(status=status, url=url, body=body, **headers)  # type: ignore[arg-type]

    async def get(self, url: str, *, headers: Mapping[str, str], limit: int) -> Fetched | Unfetched:
        """Answer; a version that the asker knows is 304."""
        self.asked.append(url)
        self.headers.append(headers)
        answer = self.answers.get(url, Unfetched("timeout"))
        if isinstance(answer, Fetched) and answer.etag and headers.get("If-None-Match") == answer.etag:
            return Fetched(status=304, url=url, body=b"")
        assert isinstance(answer, Unfetched) or len(answer.body) <= limit
        return answer  # type: ignore[no-any-return]


def gatherer(net: Net, *, memory: Memory | None = None, fetches: int = 40, form: Form = Form.AUTO) -> Gatherer:
    """Return one that asks `HOME`."""
    source = Source(name="s", url=HOME, realm=Realm.LIVE, areas=("*",), attribution="x", fetches=fetches, form=form)
    return Gatherer(source, net, memory or Memory())


async def gathered(one: Gatherer) -> Gathered:
    """Return what a round brings that does not fail."""
    found = await one.gather()
    assert isinstance(found, Gathered), found
    return found


def link(n: int) -> str:
    """Return the address of the nth message."""
    return f"https://feeds.example.jp/{n}.cap"


async def test_messages_behind_links_and_inside_entries_are_gathered() -> None:
    """Both, once each."""
    one, two = author.order(), author.order()
    net = Net()
    net.say(HOME, atom(entry(link(1)), inline(two)))
    net.say(link(1), one.raw)
    assert set((await gathered(gatherer(net))).contents) == {one.raw, bare(two)}


async def test_link_is_read_once() -> None:
    """A link whose entry has not changed is not read in the next round."""
    net = Net()
    net.say(HOME, atom(entry(link(1))))
    net.say(link(1), author.order().raw)
    one = gatherer(net)
    await gathered(one)
    await gathered(one)
    assert net.asked.count(link(1)) == 1


async def test_entry_that_changed_is_read_again() -> None:
    """Another `updated`: there may be another message."""
    net = Net()
    first, second = author.order(), author.order()
    net.say(HOME, atom(entry(link(1))))
    net.say(link(1), first.raw)
    one = gatherer(net)
    await gathered(one)
    net.say(HOME, atom(entry(link(1), updated="2")))
    net.say(link(1), second.raw)
    assert second.raw in (await gathered(one)).contents


async def test_links_are_looked_at_again_in_turn() -> None:
    """A content may change although its entry does not: some rounds later it is seen, at the price of a condition."""
    net, memory = Net(), Memory()
    first, second = author.order(), author.order()
    net.say(HOME, atom(entry(link(1))))
    net.say(link(1), first.raw, etag='"1"')
    one = gatherer(net, memory=memory)
    memory.settle(first.raw)
    rounds = [await gathered(one) for _ in range(3)]
    assert [found.contents for found in rounds] == [(), (), ()]
    assert net.asked.count(link(1)) == 2
    assert net.headers[-1]["If-None-Match"] == '"1"'
    net.say(link(1), second.raw, etag='"2"')
    found = [await gathered(one) for _ in range(2)]
    assert second.raw in {raw for one_round in found for raw in one_round.contents}


async def test_round_is_bounded_and_the_next_goes_on() -> None:
    """So many links a round, also when the listing itself has not changed since."""
    net = Net()
    net.say(HOME, atom(*(entry(link(n)) for n in range(5))), etag='"1"')
    orders = [author.order() for _ in range(5)]
    for n, order in enumerate(orders):
        net.say(link(n), order.raw)
    memory = Memory()
    one = gatherer(net, memory=memory, fetches=2)
    waiting, seen = [], []
    for _ in range(3):
        found = await gathered(one)
        waiting.append(found.waiting)
        seen += found.contents
        for raw in found.contents:
            memory.settle(raw)
    assert waiting == [3, 1, 0]
    assert set(seen) == {order.raw for order in orders}


async def test_what_was_not_settled_comes_again_without_a_fetch() -> None:
    """The hub could not take it: the next round brings it, and asks nobody for it."""
    net, memory = Net(), Memory()
    order = author.order()
    net.say(HOME, atom(entry(link(1))))
    net.say(link(1), order.raw)
    one = gatherer(net, memory=memory, fetches=1)
    assert (await gathered(one)).contents == (order.raw,)
    assert (await gathered(one)).contents == (order.raw,)
    assert net.asked.count(link(1)) == 1
    memory.settle(order.raw)
    assert (await gathered(one)).contents == ()


async def test_settled_content_under_another_link_is_nothing_new() -> None:
    """The same bytes elsewhere."""
    net, memory = Net(), Memory()
    order = author.order()
    memory.settle(order.raw)
    net.say(HOME, atom(entry(link(1))))
    net.say(link(1), order.raw)
    assert (await gathered(gatherer(net, memory=memory))).contents == ()


async def test_link_that_fails_waits_behind_the_others() -> None:
    """A dead link is tried again, and keeps no other from being read."""
    net = Net()
    net.say(HOME, atom(entry(link(0)), entry(link(1))))
    order = author.order()
    net.say(link(1), order.raw)
    one = gatherer(net, fetches=1)
    await one.gather()
    assert net.asked[-1] == link(0)
    assert (await gathered(one)).contents == (order.raw,)


@pytest.mark.parametrize("status", [404, 410])
async def test_entry_whose_message_is_gone_is_done_with(status: int) -> None:
    """Gone is an answer, not a failure."""
    net = Net()
    net.say(HOME, atom(entry(link(1))))
    net.say(link(1), status=status)
    one = gatherer(net)
    found = await gathered(one)
    assert (found.failed, found.waiting, found.fault) == (0, 0, None)


async def test_busy_server_is_left_alone() -> None:
    """429 with Retry-After behind a link: no further link is read, and the wait is reported."""
    net = Net()
    net.say(HOME, atom(*(entry(link(n)) for n in range(40))))
    for n in range(40):
        net.say(link(n), status=429, retry_after="60")
    found = await gathered(gatherer(net))
    assert found.fault == Fault("http_429", "60")
    assert len(net.asked) <= 1 + 4


async def test_all_links_failing_is_a_fault() -> None:
    """A source of which nothing can be read is in trouble, though its listing is there."""
    net = Net()
    net.say(HOME, atom(entry(link(1))))
    assert (await gathered(gatherer(net))).fault == Fault("timeout")


@pytest.mark.parametrize(
    ("status", "fault"),
    [(500, Fault("http_500")), (503, Fault("http_503", "9")), (404, Fault("http_404")), (304, Fault("http_304"))],
)
async def test_listing_that_cannot_be_had(status: int, fault: Fault) -> None:
    """Every answer that is none is a fault by its status; only a busy server's wait counts."""
    net = Net()
    net.say(HOME, status=status, retry_after="9")
    assert await gatherer(net).gather() == fault


async def test_broken_listing_is_read_again_whole() -> None:
    """A torn feed is a fault, and the next round does not take its ETag for known."""
    net = Net()
    net.say(HOME, b"<feed", etag='"1"')
    one = gatherer(net, form=Form.ATOM)
    assert await one.gather() == Fault("xml.unreadable")
    assert await one.gather() == Fault("xml.unreadable")
    assert all("If-None-Match" not in headers for headers in net.headers)


async def test_what_is_behind_a_link_and_no_message_is_brought_to_be_refused() -> None:
    """A page of people behind a link of a feed: somebody reads it as a message and says what is wrong."""
    net = Net()
    net.say(HOME, atom(entry(link(1)), entry(link(2))))
    net.say(link(1), b"<html>")
    net.say(link(2), b"<EDXLDistribution")
    assert set((await gathered(gatherer(net))).contents) == {b"<html>", b"<EDXLDistribution"}
