"""Atom feeds over HTTP, read by a plain XML reader: what is in force, what has ended, and the way back to the start."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

import pytest
from lxml import etree

from lalert.cap.model import Alert
from lalert.core.matching import wants
from lalert.core.model import Realm, Subscription
from lalert.geo.boundaries import BoundarySet
from lalert.web.server import Server
from tests.rig.author import CHIYODA, CHUO, NAHA, YOKOSUKA, Author
from tests.rig.caller import Answer, Caller
from tests.rig.listener import Listener

NS = {
    "a": "http://www.w3.org/2005/Atom",
    "cap": "urn:oasis:names:tc:emergency:cap:1.2",
    "fh": "http://purl.org/syndication/history/1.0",
}

author = Author()


@dataclass(frozen=True)
class FeedEntry:
    """What a feed reader sees of one entry."""

    id: str
    title: str
    updated: datetime
    identifier: str
    state: str
    cap_href: str


class Feed:
    """A parsed feed document; RFC 4287's required elements are checked as it is read."""

    def __init__(self, answer: Answer) -> None:
        assert answer.status == 200, answer.text
        assert answer.content_type == "application/atom+xml"
        self.size = len(answer.body)
        self.root = etree.fromstring(answer.body)
        assert self.root.tag == f"{{{NS['a']}}}feed"
        for name in ("id", "title", "updated", "author/a:name"):
            assert self.root.findtext(f"a:{name}", namespaces=NS)
        self.entries = [_entry(element) for element in self.root.findall("a:entry", NS)]
        assert self.size <= 100_000
        updated = [entry.updated for entry in self.entries]
        assert self.is_archive or updated == sorted(updated, reverse=True)
        assert len({(entry.id, entry.updated) for entry in self.entries}) == len(self.entries)

    @property
    def is_archive(self) -> bool:
        """Whether it is an archive of RFC 5005."""
        return self.root.find("fh:archive", NS) is not None

    def link(self, rel: str) -> str | None:
        """Return where the link `rel` of the feed leads."""
        found = self.root.find(f"a:link[@rel='{rel}']", NS)
        return None if found is None else str(found.get("href"))

    @property
    def identifiers(self) -> list[str]:
        """The CAP identifiers, newest first."""
        return [entry.identifier for entry in self.entries]

    @property
    def states(self) -> dict[str, str]:
        """How each message stands."""
        return {entry.identifier: entry.state for entry in self.entries}


def _entry(element: etree._Element) -> FeedEntry:
    def text(path: str) -> str:
        found = element.findtext(path, namespaces=NS)
        assert found, path
        return found

    (cap,) = element.findall("a:link[@type='application/cap+xml']", NS)
    assert cap.get("rel") == "alternate"
    state = element.find("a:category[@scheme='urn:lalert:state']", NS)
    assert state is not None
    assert text("a:summary")
    return FeedEntry(
        id=text("a:id"),
        title=text("a:title"),
        updated=datetime.fromisoformat(text("a:updated")),
        identifier=text("cap:identifier"),
        state=state.get("term", ""),
        cap_href=cap.get("href", ""),
    )


async def feed(caller: Caller, path: str = "/feeds/all.atom") -> Feed:
    """Return a feed as it is now."""
    return Feed(await caller.get(path))


async def test_entry_leads_to_the_bytes_as_received(live: Caller) -> None:
    """Each entry's link of type application/cap+xml serves exactly what was posted."""
    order = author.order(CHIYODA)
    await live.publish(order)
    (entry,) = (await feed(live)).entries
    cap = await live.get(entry.cap_href.removeprefix(live.url))
    assert (cap.body, cap.content_type) == (order.raw, "application/cap+xml")


async def test_feed_says_who_it_is(live: Caller) -> None:
    """`self` and `id` are the absolute address of the feed."""
    for path in ("/feeds/all.atom", "/feeds/pref/13.atom", "/feeds/muni/131016.atom", "/feeds/level/4.atom"):
        one = await feed(live, path)
        assert one.link("self") == live.url + path
        assert one.root.findtext("a:id", namespaces=NS) == live.url + path
        assert not one.is_archive


@pytest.mark.parametrize("path", ["/feeds/all.atom", "/feeds/pref/13.atom"])
async def test_unchanged_feed_is_not_sent_again(live: Caller, path: str) -> None:
    """`If-None-Match` with the ETag is 304 until something is published."""
    first = await live.get(path)
    again = await live.get(path, If_None_Match=first.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    await live.publish(author.order(CHIYODA))
    news = await live.get(path, If_None_Match=first.headers["ETag"])
    assert news.status == 200
    assert news.headers["ETag"] != first.headers["ETag"]


async def test_feeds_hold_what_their_readers_want(server: Server, live: Caller) -> None:
    """A feed of a prefecture, municipality or level has exactly what `wants` says, ends included."""
    first = author.order(CHIYODA, level=4)
    said = [
        first,
        author.order(CHUO, level=3),
        author.order(YOKOSUKA, level=5),
        author.order(NAHA, level=None, hazard="tsunami", act="大津波警報"),
        author.order(CHUO, YOKOSUKA, level=3),
        author.update(first, CHUO, level=3),
    ]
    for alert in said:
        await live.publish(alert)
    log = [face.entry for face in server.hub(Realm.LIVE).tail.after(0)]
    feeds = {
        "all": Subscription(),
        "pref/13": Subscription(areas=frozenset({"13"})),
        "pref/14": Subscription(areas=frozenset({"14"})),
        "pref/01": Subscription(areas=frozenset({"01"})),
        f"muni/{CHIYODA}": Subscription(areas=frozenset({CHIYODA})),
        f"muni/{CHUO}": Subscription(areas=frozenset({CHUO})),
        **{f"level/{level}": Subscription(min_level=level) for level in range(1, 6)},
    }
    for name, wanted in feeds.items():
        expected = {entry.alert.identifier for entry in log if wants(wanted, entry)}
        assert set((await feed(live, f"/feeds/{name}.atom")).identifiers) == expected, name


async def test_what_has_ended_is_marked(server: Server, live: Caller) -> None:
    """Superseded, cancelled, lifted and expired messages come again with the mark of their end and a new `updated`."""
    raised, false, short = author.order(level=3), author.order(), author.ending_soon()
    async with Listener(server.url) as listener:
        for alert in (raised, false, short):
            await live.publish(alert)
        before = {entry.identifier: entry for entry in (await feed(live)).entries}
        higher = author.update(raised, level=4)
        cancel = author.cancel(false)
        await live.publish(higher)
        await live.publish(cancel)
        await listener.until_identifier(short.identifier, event="expire")
    after = await feed(live)
    assert after.states == {
        raised.identifier: "superseded",
        false.identifier: "cancelled",
        short.identifier: "expired",
        higher.identifier: "in_force",
        cancel.identifier: "cancelled",
    }
    for entry in after.entries:
        if entry.identifier in before:
            old = before[entry.identifier]
            assert entry.id == old.id
            assert entry.updated >= old.updated
            assert entry.title != old.title


@pytest.mark.parametrize(
    "path",
    [
        "/feeds/none.atom",
        "/feeds/pref/48.atom",
        "/feeds/pref/131016.atom",
        "/feeds/muni/13.atom",
        "/feeds/muni/999999.atom",
        "/feeds/level/6.atom",
        "/feeds/level/x.atom",
        "/feeds/sea/1.atom",
        "/feeds/all.atom?archive=99",
    ],
)
async def test_feeds_that_are_not(live: Caller, path: str) -> None:
    """404 for a feed or an archive that does not exist: an empty feed would look like safety."""
    assert (await live.get(path)).status == 404


@pytest.mark.parametrize("text", ["避難。", "避難。" * 300, "避難。" * 2_000], ids=["short", "long", "longer"])
async def test_archive_leads_back_to_the_first_entry(live: Caller, text: str) -> None:
    """From the feed, `prev-archive` by `prev-archive`, every message ever published is met; archives repeat nothing."""
    orders = [author.order(CHIYODA if n % 2 else NAHA, description=text) for n in range(130)]
    for start in range(0, len(orders), 26):
        await asyncio.gather(*(live.publish(order) for order in orders[start : start + 26]))
    for path, wanted in (("/feeds/all.atom", orders), ("/feeds/pref/13.atom", orders[1::2])):
        newest = await feed(live, path)
        archives = await chain(live, newest)
        everything = {order.identifier for order in wanted}
        assert {name for page in (newest, *archives) for name in page.identifiers} == everything
        in_archives = [name for page in archives for name in page.identifiers]
        assert len(in_archives) == len(set(in_archives))
        assert all(page.is_archive and page.link("current") == live.url + path for page in archives)
        forward = await walk(live, archives[-1], "next-archive")
        assert forward[: len(archives) - 1] == [page.link("self") for page in archives[-2::-1]]


async def test_what_is_too_much_for_the_page_is_behind_it(live: Caller, japan: BoundarySet) -> None:
    """A few long messages fill the page: `prev-archive` leads to the block that is still open."""
    orders = [author.order(*japan.expand("01")[:100]) for _ in range(15)]
    for order in orders:
        await live.publish(order)
    newest = await feed(live)
    assert 0 < len(newest.identifiers) < len(orders)
    archives = await chain(live, newest)
    seen = {name for page in (newest, *archives) for name in page.identifiers}
    assert seen == {order.identifier for order in orders}


async def test_what_a_crowd_of_ends_pushes_off_the_page_is_in_the_archive(live: Caller) -> None:
    """When many messages end at once the newest alerts may not fit any more: the chain begins with them."""
    orders = [author.order(CHIYODA, description="避難。" * 300) for _ in range(60)]
    newer = author.order(NAHA)
    for alert in (*orders, newer, *(author.lift(order) for order in orders)):
        await live.publish(alert)
    newest = await feed(live)
    assert newer.identifier not in newest.identifiers
    archives = await chain(live, newest)
    seen = {name for page in (newest, *archives) for name in page.identifiers}
    assert {newer.identifier, *(order.identifier for order in orders)} <= seen
    assert len(seen) == 121


async def walk(caller: Caller, start: Feed, rel: str) -> list[str]:
    """Return the addresses that one meets from `start` by following `rel`."""
    found: list[str] = []
    at = start
    while following := at.link(rel):
        found.append(following)
        at = await feed(caller, following.removeprefix(caller.url))
    return found


async def chain(caller: Caller, newest: Feed) -> list[Feed]:
    """Return the archives behind a feed, the newest first."""
    found: list[Feed] = []
    following = newest.link("prev-archive")
    while following:
        found.append(await feed(caller, following.removeprefix(caller.url)))
        following = found[-1].link("prev-archive")
    return found


async def test_a_full_archive_never_changes(live: Caller) -> None:
    """The bytes of a full block stay, so that everybody may keep them; the open block is not called immutable."""
    orders: list[Alert] = [author.order() for _ in range(25)]
    for order in orders:
        seq = (await live.publish(order))["seq"]
        kept = (await live.get("/feeds/all.atom?archive=0")).headers["Cache-Control"]
        assert ("immutable" in kept) == (seq > 20), "it is full, and the next one has begun"
    full, open_ = await live.get("/feeds/all.atom?archive=0"), await live.get("/feeds/all.atom?archive=1")
    assert "immutable" in full.headers["Cache-Control"]
    assert "immutable" not in open_.headers["Cache-Control"]
    for order in orders:
        await live.publish(author.lift(order))
    assert Feed(await live.get("/feeds/all.atom?archive=0")).identifiers == Feed(full).identifiers
    assert (await live.get("/feeds/all.atom?archive=0")).body == full.body


async def test_tests_of_the_line_have_a_feed_of_their_own(live: Caller) -> None:
    """System messages are in `/feeds/system.atom` and in no other."""
    test = author.line_test()
    await live.publish(test)
    assert (await feed(live, "/feeds/system.atom")).identifiers == [test.identifier]
    assert (await feed(live)).identifiers == []


async def test_style_sheet_makes_it_readable(live: Caller) -> None:
    """A person who opens a feed in a browser gets a page: the style sheet that it names is there."""
    root = etree.fromstring((await live.get("/feeds/all.atom")).body)
    named = root.getroottree().getroot().getprevious()
    assert isinstance(named, etree._ProcessingInstruction)
    assert (await live.get(named.get("href") or "")).status == 200
