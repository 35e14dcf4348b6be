"""What is found at a source's address: feeds of every kind, and the way to the message that each entry leads to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.cap.edxl import MAX_MESSAGES
from lalert.errors import Rejected
from lalert.sources.listing import MAX_ITEMS, Item, maybe_url, messages_of, read_listing
from lalert.sources.source import Form
from tests.rig.author import Author
from tests.rig.envelopes import bare, envelope
from tests.rig.upstream import atom, entry, inline, rss

BASE = "https://feeds.example.jp/cap/feed.atom"
author = Author()


def listed(raw: bytes, form: Form = Form.AUTO) -> tuple[Item, ...]:
    """Return what is in a listing."""
    return read_listing(raw, form=form, base=BASE)


def urls(raw: bytes, form: Form = Form.AUTO) -> list[str | None]:
    """Return where the entries of a listing lead."""
    return [item.url for item in listed(raw, form)]


def links(*tags: str) -> bytes:
    """Return an Atom feed with one entry that holds these tags."""
    return atom(f"<entry>{''.join(tags)}</entry>")


def test_atom_entry_leads_to_its_message() -> None:
    """The link that says it is CAP is taken, whatever stands before it."""
    page = '<link rel="alternate" type="text/html" href="https://a.example.jp/page"/>'
    plain = '<link rel="alternate" href="https://a.example.jp/x"/>'
    message = '<link rel="enclosure" type="application/cap+xml" href="/m.cap"/>'
    assert urls(links(page, plain, message)) == ["https://feeds.example.jp/m.cap"]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ('<link href="m.xml"/>', "https://feeds.example.jp/cap/m.xml"),
        ('<link href="https://b.example.jp/1"/><link type="text/xml" href="/2"/>', "https://feeds.example.jp/2"),
        ('<link rel="related" href="/1"/><link rel="alternate" href="/2"/>', "https://feeds.example.jp/2"),
        ('<link rel="alternate" href="/1"/><link rel="enclosure" href="/2.cap"/>', "https://feeds.example.jp/2.cap"),
        ('<content type="application/cap+xml" src="/3"/>', "https://feeds.example.jp/3"),
        ("<id>https://api.example.gov/alerts/urn:oid:2.49.0</id>", "https://api.example.gov/alerts/urn:oid:2.49.0"),
        ('<link rel="self" href="/1"/><link rel="edit" href="/2"/>', None),
        ('<link type="text/html" href="/1"/>', None),
        ("<id>urn:oid:2.49.0</id>", None),
        ('<link href="javascript:alert(1)"/>', None),
        ('<link href="file:///etc/passwd"/>', None),
        ('<link href="https://user:secret@a.example.jp/"/>', None),
        ('<link href="https://[::1/"/>', None),
        ('<link href=""/>', None),
    ],
)
def test_best_way_to_the_message(tags: str, expected: str | None) -> None:
    """By type, then by name, then by relation; pages of people and addresses that are none are no way."""
    assert urls(links(tags)) == ([expected] if expected else [])


def test_message_inside_an_entry_is_taken_as_it_is() -> None:
    """Inline CAP needs no request, under any XML type; the link beside it is not followed."""
    one, two = author.order(), author.order()
    feed = atom(inline(one), inline(two, "text/xml"))
    assert listed(feed) == (Item(None, bare(one)), Item(None, bare(two)))


@pytest.mark.parametrize("title", ["Wind & rain", "Wind&nbsp;rain", "Wind\x0brain"])
def test_title_costs_no_warning(title: str) -> None:
    """What XML does not allow in one title takes neither the links nor the messages of a feed with it."""
    message = author.order()
    feed = atom(f"<entry><title>{title}</title></entry>", entry("https://a.example.jp/1"), inline(message))
    assert [(item.url, item.raw) for item in listed(feed)] == [("https://a.example.jp/1", None), (None, bare(message))]


def test_every_message_of_a_feed_counts() -> None:
    """Several messages in one entry, and those that stand in the feed itself, are messages like the others."""
    one, two, three = author.order(), author.order(), author.order()
    several = inline(one).replace("</content>", bare(two).decode() + "</content>")
    assert [item.raw for item in listed(atom(bare(three).decode(), several))] == [bare(three), bare(one), bare(two)]


def test_message_inside_an_entry_as_text() -> None:
    """CAP in CDATA or escaped, in a description: it is text there, and a message all the same."""
    message = author.order()
    text = "<![CDATA[" + bare(message).decode() + "]]>"
    assert listed(rss(f"<item><description>{text}</description></item>")) == (Item(None, bare(message)),)
    assert listed(rss("<item><description>&lt;b&gt;bold&lt;/b&gt;</description></item>")) == ()


def test_cap_elements_beside_an_entry_are_no_message() -> None:
    """A summary of CAP elements, as weather services have it, leads to the message and is not taken for it."""
    summary = '<cap:event xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2">Flood</cap:event>'
    feed = atom(entry("https://api.example.gov/1").replace("</entry>", summary + "</entry>"))
    assert urls(feed) == ["https://api.example.gov/1"]


def test_rss_item_leads_to_its_message() -> None:
    """Enclosures of CAP first, then the link, then a permanent guid."""
    enclosure = '<enclosure url="https://a.example.jp/1" type="application/cap+xml" length="1"/>'
    picture = '<enclosure url="https://a.example.jp/p.png" type="image/png" length="1"/>'
    feed = rss(
        f"<item><link>https://a.example.jp/page</link>{picture}{enclosure}</item>",
        "<item><link>https://a.example.jp/2</link></item>",
        "<item><guid>https://a.example.jp/3.cap</guid></item>",
        '<item><guid isPermaLink="false">https://a.example.jp/4.cap</guid></item>',
    )
    assert urls(feed) == ["https://a.example.jp/1", "https://a.example.jp/2", "https://a.example.jp/3.cap"]


def test_rss_1_is_read() -> None:
    """RDF feeds have their items beside the channel, in another namespace."""
    rdf = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        "<item><link>https://a.example.jp/1.xml</link></item></rdf:RDF>"
    )
    assert urls(rdf.encode()) == ["https://a.example.jp/1.xml"]


def test_message_and_envelope_are_listings_of_their_own() -> None:
    """At the address there may be the message itself, or an envelope of several."""
    one, two = author.order(), author.order()
    assert listed(one.raw) == (Item(None, one.raw),)
    assert listed(b"\n \xef\xbb\xbf" + one.raw) == (Item(None, b"\n \xef\xbb\xbf" + one.raw),)
    assert [item.raw for item in listed(envelope(one, two))] == [bare(one), bare(two)]


def test_document_of_several_messages_is_a_listing() -> None:
    """A document may do nothing but hold messages; behind a link it counts the same, and a form `cap` says it too."""
    one, two = author.order(), author.order()
    both = b'<p:alerts xmlns:p="urn:feed">' + bare(one) + b"<p:x/>" + bare(two) + b"</p:alerts>"
    assert [item.raw for item in listed(both)] == [bare(one), bare(two)]
    assert [item.raw for item in listed(both, Form.CAP)] == [bare(one), bare(two)]
    assert messages_of(both) == (bare(one), bare(two))
    assert messages_of(b"<p/>") == (b"<p/>",)


def test_page_of_links() -> None:
    """Of a page the files are taken, of a text every address."""
    page = b'<!DOCTYPE html><html><a href="1.xml">1</a><a href="/2.CAP?x=1">2</a><a href="about.html">no</a></html>'
    assert urls(page) == ["https://feeds.example.jp/cap/1.xml", "https://feeds.example.jp/2.CAP?x=1"]
    assert urls(b"https://a.example.jp/1\nhttps://a.example.jp/2\n") == [
        "https://a.example.jp/1",
        "https://a.example.jp/2",
    ]


def test_address_that_is_listed_twice_is_read_once() -> None:
    """Feeds name the same file again and again."""
    feed = atom(entry("https://a.example.jp/1"), entry("https://a.example.jp/1", updated="2"))
    assert urls(feed) == ["https://a.example.jp/1"]


def test_stamp_changes_with_the_entry() -> None:
    """An entry that says something else, and only that, is looked at again."""
    (first,) = listed(atom(entry("https://a.example.jp/1")))
    (same,) = listed(atom(entry("https://a.example.jp/1")))
    (other,) = listed(atom(entry("https://a.example.jp/1", updated="2")))
    assert first == same
    assert first.stamp != other.stamp


def test_number_of_entries_is_bounded() -> None:
    """A feed without an end is not worked off."""
    assert len(listed(atom(*(entry(f"https://a.example.jp/{n}") for n in range(MAX_ITEMS + 5))))) == MAX_ITEMS


@pytest.mark.parametrize(
    ("raw", "form", "code"),
    [
        (b"{}", Form.AUTO, "source.form"),
        (b"", Form.AUTO, "source.form"),
        (b"<html></html>", Form.AUTO, "source.form"),
        (rss(), Form.ATOM, "source.form"),
        (b"<feed", Form.ATOM, "xml.unreadable"),
        (b"<!DOCTYPE f [<!ENTITY a 'b'>]><feed>&a;</feed>", Form.ATOM, "xml.unreadable"),
        (b"<EDXLDistribution", Form.EDXL, "xml.unreadable"),
        (envelope(author.order(), status="Practice"), Form.AUTO, "source.form"),
        (envelope(author.order(), kind="Ack"), Form.AUTO, "source.form"),
    ],
    ids=["json", "empty", "page", "other", "broken", "doctype", "torn", "status", "ack"],
)
def test_what_is_no_listing(raw: bytes, form: Form, code: str) -> None:
    """What is of no form, or of another than the operator named, is refused."""
    with pytest.raises(Rejected) as refused:
        listed(raw, form)
    assert refused.value.code == code


def test_message_that_its_envelope_contradicts_is_left_out() -> None:
    """A drill in a real envelope: nobody knows which is true, so it is not published; its neighbour is."""
    real, exercise = author.order(), Author(drill=True).order()
    assert [item.raw for item in listed(envelope(exercise, real))] == [bare(real)]


def test_envelope_that_says_no_status_contradicts_nothing() -> None:
    """A public feed whose envelope lacks its distributionStatus loses no warning."""
    real = author.order()
    assert [item.raw for item in listed(envelope(real, without=["distributionStatus"]))] == [bare(real)]


def test_envelope_of_a_feed_may_hold_as_much_as_a_feed() -> None:
    """On the worst day a feed holds more warnings than one of our senders may post at once: none is left out."""
    several = [author.order() for _ in range(MAX_MESSAGES + 1)]
    assert len(listed(envelope(*several))) == len(several)


def test_what_is_behind_a_link() -> None:
    """A message, or the messages of an envelope."""
    one, two = author.order(), author.order()
    assert messages_of(one.raw) == (one.raw,)
    assert messages_of(envelope(one, two)) == (bare(one), bare(two))
    assert messages_of(b"rubbish") == (b"rubbish",)


@pytest.mark.parametrize("href", ["", " ", "#x", "//", "https://", "mailto:a@b", "https://a b/", "\x00"])
def test_rubbish_is_no_address(href: str) -> None:
    """What cannot be asked for is no way, and never an exception."""
    url = maybe_url(href, "https://a.example.jp/")
    assert url is None or url.startswith("https://")


@given(st.binary(max_size=300), st.sampled_from(list(Form)))
def test_never_anything_but_items_or_a_refusal(raw: bytes, form: Form) -> None:
    """Whatever is at the address: items, or Rejected."""
    try:
        found = listed(raw, form)
    except Rejected:
        return
    assert all((item.url is None) != (item.raw is None) for item in found)
