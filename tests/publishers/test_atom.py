"""Atom feeds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from lalert.cap.model import AreaBlock, NamedValue, Status
from lalert.core.model import CancelKind, Kind, Standing, State
from lalert.publishers.atom import ATOM, CAP, PAGE_BYTES, atom_entry, atom_feed, atom_id, pages
from lalert.render.xml import legal
from tests.render.entries import SENT, alert, entry, info
from tests.render.hostile import texts
from tests.render.test_wording import cancel

NS = {"a": ATOM, "cap": CAP, "fh": "http://purl.org/syndication/history/1.0"}
SITE = "https://hub.example.jp"
ENDED = Standing(state=State.CANCELLED, cancel_kind=CancelKind.LIFTED)


def feed(*entries: bytes, **links: str) -> etree._Element:
    """Return a feed as a reader parses it."""
    made = atom_feed(
        entries, feed_id="urn:x:feed", self_url=f"{SITE}/feeds/all.atom", title="全国", updated=SENT, **links
    )
    return etree.fromstring(made)


def only(*entries: bytes) -> etree._Element:
    """Return the one entry of a feed."""
    (found,) = feed(*entries).findall("a:entry", NS)
    return found


def test_a_feed_has_what_rfc_4287_demands() -> None:
    """Id, title, updated, author and a self link; in the Atom namespace, in Japanese."""
    root = feed()
    assert root.tag == f"{{{ATOM}}}feed"
    assert root.findtext("a:id", namespaces=NS) == "urn:x:feed"
    assert root.findtext("a:title", namespaces=NS) == "全国"
    assert root.findtext("a:updated", namespaces=NS) == "2026-07-06T02:30:00+09:00"
    assert root.findtext("a:author/a:name", namespaces=NS) == "lalert"
    assert root.xpath("string(a:link[@rel='self']/@href)", namespaces=NS) == f"{SITE}/feeds/all.atom"
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "ja"


def test_a_browser_is_shown_the_style_sheet() -> None:
    """The processing instruction stands before the root."""
    before = feed().getprevious()
    assert before is not None
    assert before.text == 'type="text/xsl" href="/static/feed.xsl"'


def test_hub_and_archive_links() -> None:
    """WebSub's hub and RFC 5005's archive chain; an archive says that it is one, the newest page does not."""
    archive = feed(
        hub_url=f"{SITE}/hub", prev_archive=f"{SITE}/1", next_archive=f"{SITE}/3", current=f"{SITE}/feeds/all.atom"
    )
    found = {link.get("rel"): link.get("href") for link in archive.findall("a:link", NS)}
    assert (found["hub"], found["prev-archive"], found["next-archive"]) == (f"{SITE}/hub", f"{SITE}/1", f"{SITE}/3")
    assert archive.find("fh:archive", NS) is not None
    assert feed().find("fh:archive", NS) is None


def test_an_entry_leads_to_cap_and_to_html() -> None:
    """Two alternates, told apart by type, under the realm's own tree."""
    made = only(atom_entry(entry(), public_url=SITE, base="/drill"))
    links = {link.get("type"): (link.get("rel"), link.get("href")) for link in made.findall("a:link", NS)}
    assert links["application/cap+xml"] == ("alternate", f"{SITE}/drill/api/v1/alerts/jp-chiyoda-2026-0001.cap")
    assert links["text/html"] == ("alternate", f"{SITE}/drill/alerts/jp-chiyoda-2026-0001")


def test_an_entry_says_who_when_and_what() -> None:
    """Published is the message's `sent`, updated when the hub accepted it; the title is the canonical headline."""
    made = only(atom_entry(entry(), public_url=SITE, base=""))
    assert made.findtext("a:title", namespaces=NS) == "警戒レベル4 神田川流域に避難指示を発令"
    assert made.findtext("a:updated", namespaces=NS) == "2026-07-06T02:31:00+09:00"
    assert made.findtext("a:published", namespaces=NS) == "2026-07-06T02:30:00+09:00"
    assert made.findtext("a:author/a:name", namespaces=NS) == "千代田区"
    assert "全員避難" in (made.findtext("a:summary", namespaces=NS) or "")


def test_cap_elements() -> None:
    """CAP's own facts stand in the entry, with shapes as CAP writes them."""
    made = only(atom_entry(entry(), public_url=SITE, base=""))
    facts = {etree.QName(e).localname: e.text for e in made if etree.QName(e).namespace == CAP}
    assert facts == {
        "identifier": "jp-chiyoda-2026-0001",
        "status": "Actual",
        "msgType": "Alert",
        "category": "Met",
        "event": "避難指示",
        "urgency": "Immediate",
        "severity": "Severe",
        "certainty": "Likely",
        "effective": "2026-07-06T02:30:00+09:00",
        "expires": "2026-07-06T08:30:00+09:00",
        "areaDesc": "神田川流域",
        "polygon": "35.66,139.73 35.66,139.78 35.7,139.78 35.66,139.73",
        "circle": "35.69,139.75 1.5",
        "geocode": None,
    }
    assert made.findtext("cap:geocode/cap:valueName", namespaces=NS) == "JISX0402"
    assert made.findtext("cap:geocode/cap:value", namespaces=NS) == "131016"


def test_what_has_ended_comes_again_marked() -> None:
    """The same id, a later `updated`, the end in title and category."""
    first = only(atom_entry(entry(), public_url=SITE, base=""))
    ended_at = SENT + timedelta(hours=1)
    again = only(atom_entry(entry(), public_url=SITE, base="", standing=ENDED, ended_at=ended_at))
    assert first.findtext("a:id", namespaces=NS) == again.findtext("a:id", namespaces=NS)
    assert again.findtext("a:updated", namespaces=NS) == ended_at.isoformat()
    assert (again.findtext("a:title", namespaces=NS) or "").startswith("【解除】")
    states = [e.xpath("string(a:category[@scheme='urn:lalert:state']/@term)", namespaces=NS) for e in (first, again)]
    assert states == ["in_force", "cancelled"]


def test_an_expiry_is_updated_when_it_happened() -> None:
    """The end by time is no message with a `sent` of its own: its entry's time counts."""
    made = only(atom_entry(entry(kind=Kind.EXPIRE, state=State.EXPIRED), public_url=SITE, base=""))
    assert made.findtext("a:updated", namespaces=NS) == "2026-07-06T02:31:00+09:00"


def test_a_cancel_without_info_is_a_valid_entry() -> None:
    """No event, no area: the sender is the author, the facts of the envelope stay."""
    made = only(atom_entry(cancel(), public_url=SITE, base=""))
    assert made.findtext("a:author/a:name", namespaces=NS) == "s@example.jp"
    assert made.find("cap:event", NS) is None
    assert made.find("a:category[@scheme='urn:lalert:level']", NS) is None


def test_half_an_area_is_never_given() -> None:
    """An area too large for a feed is left out as a whole; its description stays."""
    codes = tuple(NamedValue("JISX0402", f"{number:06d}") for number in range(2000))
    ring = ((35.0, 139.0), (35.0, 140.0), (36.0, 140.0), (35.0, 139.0))
    wide = info(areas=(AreaBlock(area_desc="全国", polygons=(ring,), geocodes=codes),), expires=None)
    made = only(atom_entry(entry(alert(wide)), public_url=SITE, base=""))
    assert [made.find(f"cap:{name}", NS) for name in ("polygon", "geocode", "expires")] == [None] * 3
    assert made.findtext("cap:areaDesc", namespaces=NS) == "全国"


@pytest.mark.parametrize(
    ("identifier", "iri"),
    [
        ("urn:oid:2.49.0.1.392.0", "urn:oid:2.49.0.1.392.0"),
        ("https://x.example/1", "https://x.example/1"),
        ("jp-chiyoda-2026-0001", "urn:cap:jp-chiyoda-2026-0001"),
        ("警 <1>", "urn:cap:%E8%AD%A6%20%3C1%3E"),
    ],
)
def test_an_entry_id_is_an_iri(identifier: str, iri: str) -> None:
    """RFC 4287 §4.2.6: what is no absolute IRI is made one; what is stays."""
    assert atom_id(identifier) == iri


@given(texts, texts, texts, texts, st.sampled_from(list(Status)))
def test_no_text_breaks_a_feed(headline: str, event: str, name: str, code: str, status: Status) -> None:
    """Whatever a CAP text holds, the feed parses, holds one entry, and gives the text back."""
    area = AreaBlock(area_desc=name, geocodes=(NamedValue(code, code),))
    said = info(headline=headline, event=event, sender_name=name, areas=(area,))
    made = only(atom_entry(entry(alert(said, status=status)), public_url=SITE, base=""))
    assert (made.findtext("cap:event", namespaces=NS) or "") == legal(event)
    assert len(made.findall("a:title", NS)) == 1


@given(st.lists(st.integers(1, 400).map(lambda size: b"x" * size), max_size=60))
def test_pages_lose_nothing_and_keep_their_size(entries: list[bytes]) -> None:
    """Every page fits, the pages hold every entry, and the first starts with the newest."""
    made = pages(entries, limit=4_000 + 1_000)
    held = [blob for page in reversed(made[1:]) for blob in reversed(page)]
    assert all(sum(map(len, page)) <= 1_000 for page in made)
    assert made[0] == entries[: len(made[0])]
    assert len(held) + len(made[0]) >= len(entries)
    assert held == entries[::-1][: len(held)]


def test_an_archive_page_does_not_change_when_news_come() -> None:
    """Pages fill from the oldest: a new entry leaves the full pages as they were."""
    old = [b"%03d" % number * 100 for number in range(20)][::-1]
    before, after = pages(old, limit=4_000 + 1_000), pages([b"new" * 100, *old], limit=4_000 + 1_000)
    assert after[-len(before) + 1 :] == before[1:]


def test_a_full_page_is_at_most_100_kb() -> None:
    """Head and entries together stay within the limit that readers are promised."""
    blobs = [atom_entry(entry(), public_url=SITE, base="")] * 200
    made = atom_feed(pages(blobs)[0], feed_id="urn:x", self_url=SITE, title="x" * 200, updated=SENT)
    assert PAGE_BYTES * 0.9 < len(made) <= PAGE_BYTES


def test_a_megabyte_of_text_is_one_bounded_entry() -> None:
    """However long the sender's texts are, an entry leaves room for others."""
    long = info(headline="長" * 10**5, event="長" * 10**5, instruction="長" * 10**5, sender_name="長" * 10**5)
    assert len(atom_entry(entry(alert(long, note="長" * 10**5)), public_url=SITE, base="")) < 32_000
