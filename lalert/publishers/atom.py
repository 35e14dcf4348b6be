"""Atom (RFC 4287) with what alert readers need: CAP's elements, archives (RFC 5005), a hub (WebSub), a style sheet.

An entry's bytes are made once; a feed is a head, the entries' bytes, and an end. feedgen makes both.

One CAP message is one Atom entry. An Update or a Cancel is a new CAP message, hence a new entry. When a message ends
(superseded, cancelled, expired) its own entry comes again with the same `id`, a new `updated` and the mark of its end
in title and category: RFC 4287 §4.1.1 asks for different `updated` where ids repeat.

`id` must be an IRI (RFC 4287 §4.2.6), a CAP identifier need not be one. An identifier that is an absolute IRI is
taken as it is; any other becomes `urn:cap:` and the identifier, percent-encoded. `cap:identifier` has it verbatim.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from urllib.parse import quote

from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator
from lxml import etree

from lalert.cap.model import AreaBlock, Info, NamedValue, Ring
from lalert.core.model import Entry, Standing, State
from lalert.render.entry import links
from lalert.render.wording import headline, level_label, main_info, stands, state_label, summary
from lalert.render.xml import legal

ATOM = "http://www.w3.org/2005/Atom"
CAP = "urn:oasis:names:tc:emergency:cap:1.2"
PAGE_BYTES = 100_000
"""No page is larger: a head, and as many entries as fit."""

_HEAD_BYTES = 4_000  # more than any head of ours
_AREA_BYTES = 16_000  # shapes of one entry: all of them or none, for half an area would be a wrong area
_END = b"</feed>"
_STYLE = b'<?xml-stylesheet type="text/xsl" href="/static/feed.xsl"?>\n'
_ARCHIVE = b'<fh:archive xmlns:fh="http://purl.org/syndication/history/1.0"/>'
_Fact = tuple[str, str | NamedValue]
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")


def atom_entry(
    entry: Entry, *, public_url: str, base: str, standing: Standing | None = None, ended_at: datetime | None = None
) -> bytes:
    """Return one entry as bytes that any feed can hold.

    `public_url` is the site's root without a slash at its end, `base` the realm's prefix ("" or "/drill"). For a
    message that has ended, `standing` says how and `ended_at` when.
    """
    alert, info = entry.alert, main_info(entry, "ja")
    made = _LinkedEntry()
    made.id(atom_id(alert.identifier))
    made.title(legal(headline(entry, "ja", standing=standing)))
    made.published(alert.sent)
    # Not `sent`: a reader that asks for what is newer than its last visit must not miss what came late.
    made.updated(ended_at or entry.at)
    made.author(name=legal((info and info.sender_name) or alert.sender)[:120])
    made.summary(legal(summary(entry, "ja", standing=standing, as_of=ended_at)), type="text")
    urls = {name: public_url + path for name, path in links(legal(alert.identifier), base=base).items()}
    made.link(href=urls["cap"], rel="alternate", type="application/cap+xml")
    made.link(href=urls["html"], rel="alternate", type="text/html")
    made.link(href=urls["self"], rel="related", type="application/json")
    made.category(list(_categories(entry, stands(entry, standing))))
    if entry.attribution:
        made.rights(legal(entry.attribution))
    return _serialised(made.atom_entry(), _cap_elements(entry, info))


def atom_feed(
    entries: Iterable[bytes],
    *,
    feed_id: str,
    self_url: str,
    title: str,
    updated: datetime,
    hub_url: str | None = None,
    prev_archive: str | None = None,
    next_archive: str | None = None,
    current: str | None = None,
) -> bytes:
    """Return a feed of `entries` (bytes of `atom_entry`). All URLs are absolute.

    A page with `current`, the URL of the newest page, is an archive in the sense of RFC 5005 §4.
    """
    feed = FeedGenerator()
    feed.id(feed_id)
    feed.title(legal(title))
    feed.updated(updated)
    feed.author(name="lalert")
    feed.generator("lalert")
    feed.language("ja")
    related = {"hub": hub_url, "prev-archive": prev_archive, "next-archive": next_archive, "current": current}
    feed.link(href=self_url, rel="self", type="application/atom+xml")
    for rel, href in related.items():
        if href:
            feed.link(href=href, rel=rel)
    declaration, head = feed.atom_str().split(b"\n", 1)
    opened = head.removesuffix(_END) + (_ARCHIVE if current else b"")
    return b"".join((declaration, b"\n", _STYLE, opened, *entries, _END))


def pages(entries: Sequence[bytes], *, limit: int = PAGE_BYTES) -> list[list[bytes]]:
    """Return `entries` (newest first) as pages of at most `limit` bytes, the newest page first.

    Pages are filled from the oldest entry on, so that an archive does not change when something new comes. The first
    page is then topped up from the next one: readers who take only one see as much as there is room for.
    """
    newest = next(_filled(entries, limit - _HEAD_BYTES), [])
    return [newest, *parts(entries, limit=limit)[1:]]


def parts(entries: Sequence[bytes], *, limit: int = PAGE_BYTES) -> list[list[bytes]]:
    """Return `entries` (newest first) as pages of at most `limit` bytes, the newest first, none twice."""
    filled = [page[::-1] for page in _filled(reversed(entries), limit - _HEAD_BYTES)]
    return filled[::-1]


def atom_id(identifier: str) -> str:
    """Return the IRI that stands for a CAP identifier."""
    return identifier if _IRI.fullmatch(identifier) else "urn:cap:" + quote(legal(identifier), safe="@:;,=+$!*'()")


class _LinkedEntry(FeedEntry):  # type: ignore[misc]  # feedgen has no types
    """feedgen 1.0.0 writes an entry's links without `rel` and `type`: readers could not tell CAP from HTML."""

    def atom_entry(self, extensions: bool = True) -> etree._Element:
        """Return the entry with its links as they were given."""
        element: etree._Element = super().atom_entry(extensions)
        for link, given in zip(element.iterfind("link"), self.link(), strict=True):
            link.set("rel", given["rel"])
            link.set("type", given["type"])
        return element


def _categories(entry: Entry, now: Standing) -> Iterator[dict[str, str]]:
    """Yield what a reader may filter by; the state is what marks an ended alert for programs."""
    state = state_label(now.state, "ja", None if now.state is State.IN_FORCE else now.cancel_kind)
    yield {"scheme": "urn:lalert:state", "term": now.state.value, "label": state}
    yield {"scheme": "urn:lalert:priority", "term": entry.priority.label}
    if entry.level is not None:
        yield {"scheme": "urn:lalert:level", "term": str(entry.level), "label": level_label(entry.level, "ja")}
    for hazard in entry.hazards:
        yield {"scheme": "urn:lalert:hazard", "term": hazard}


def _cap_elements(entry: Entry, info: Info | None) -> Iterator[_Fact]:
    """Yield (element, text) as the US weather service puts them into its feeds; a message may have no info."""
    yield "identifier", entry.alert.identifier
    yield "status", entry.alert.status
    yield "msgType", entry.alert.msg_type
    if info is None:
        return
    yield from (("category", category) for category in info.categories)
    yield "event", info.event[:120]
    yield from (("urgency", info.urgency), ("severity", info.severity), ("certainty", info.certainty))
    yield "effective", (info.effective or entry.alert.sent).isoformat(timespec="seconds")
    if info.expires:
        yield "expires", info.expires.isoformat(timespec="seconds")
    yield "areaDesc", "; ".join(area.area_desc for area in info.areas)[:2000]
    shapes = [shape for area in info.areas for shape in _shapes(area)]
    if sum(100 + len(str(shape)) for _, shape in shapes) <= _AREA_BYTES:
        yield from shapes


def _shapes(area: AreaBlock) -> Iterator[_Fact]:
    yield from (("polygon", _ring(ring)) for ring in area.polygons)
    yield from (("circle", f"{circle.lat},{circle.lon} {circle.radius_km}") for circle in area.circles)
    yield from (("geocode", code) for code in area.geocodes)


def _ring(ring: Ring) -> str:
    return " ".join(f"{lat},{lon}" for lat, lon in ring)


def _serialised(element: etree._Element, facts: Iterable[_Fact]) -> bytes:
    """Return the entry with CAP's elements; a parent that declares the prefix keeps it to one declaration an entry."""
    etree.Element("feed", nsmap={"cap": CAP}).append(element)
    for name, fact in facts:
        child = etree.SubElement(element, f"{{{CAP}}}{name}")
        if isinstance(fact, NamedValue):
            etree.SubElement(child, f"{{{CAP}}}valueName").text = legal(fact.name)
            etree.SubElement(child, f"{{{CAP}}}value").text = legal(fact.value)
        else:
            child.text = legal(fact)
    return etree.tostring(element, encoding="utf-8")


def _filled(entries: Iterable[bytes], room: int) -> Iterator[list[bytes]]:
    """Yield runs of `entries`, each as long as fits into `room` bytes and never empty."""
    page: list[bytes] = []
    size = 0
    for entry in entries:
        if page and size + len(entry) > room:
            yield page
            page, size = [], 0
        page.append(entry)
        size += len(entry)
    if page:
        yield page
