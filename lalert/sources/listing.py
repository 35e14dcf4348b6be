"""What is found at a source's address: messages themselves, or entries that hold or name them.

Atom (RFC 4287), RSS 2.0 and 1.0, a CAP message or a document of several (`<alerts>`, as IPAWS has it), an EDXL-DE
envelope, a page or a text full of links. An entry may hold
its message inline, or lead to it by `content@src`, `enclosure` or a link; of several ways the one that says it is CAP
is taken. CAP elements beside an entry (as the US weather service has them) are a summary, never the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final
from urllib.parse import urljoin, urlsplit

from lxml import etree

from lalert.cap import edxl, salvage
from lalert.cap.dictionary import VERSIONS
from lalert.cap.embedded import Document, messages_in, open_document
from lalert.cap.parse import decode
from lalert.errors import Rejected, Text
from lalert.sources.source import Form

MAX_ITEMS: Final = 5_000
MAX_URL: Final = 2_048

_ATOM: Final = "http://www.w3.org/2005/Atom"
_ROOTS: Final = {
    "feed": Form.ATOM,
    "rss": Form.RSS,
    "RDF": Form.RSS,
    "alert": Form.CAP,
    "EDXLDistribution": Form.EDXL,
    "html": Form.INDEX,
}
_CONTRADICTORY: Final = frozenset({"cap.edxl.root", "cap.edxl.status", "cap.edxl.type"})
_CAP_TYPE: Final = "application/cap+xml"
_XML_TYPES: Final = frozenset({"application/xml", "text/xml", "application/edxl+xml"})
_NO_MESSAGE: Final = ("text/html", "application/xhtml+xml", "application/json", "application/atom+xml", "image/")
_ALERTS: Final = tuple(f"{{{namespace}}}alert" for namespace in VERSIONS)
_NAMESPACES: Final = tuple(namespace.encode() for namespace in VERSIONS)
_FILE: Final = re.compile(r"\.(?:cap|xml)\Z", re.IGNORECASE)
_WEB: Final = ("https://", "http://")

_HTML: Final = etree.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, huge_tree=False)


@dataclass(frozen=True, slots=True)
class Item:
    """One entry: the address of its message, or the message itself. `stamp` changes when the entry does."""

    url: str | None
    raw: bytes | None = field(default=None, repr=False)
    stamp: str = ""


def read_listing(raw: bytes, *, form: Form, base: str) -> tuple[Item, ...]:
    """Return what is at the address `base`, in its order, each address once.

    Raises `Rejected` (`source.form`, `xml.unreadable`) where it is nothing of the kind.
    """
    body = raw.lstrip(b" \t\r\n\0")
    found = form if form is not Form.AUTO else _form_of(body)
    if found is Form.CAP:
        return _distinct(Item(None, message) for message in _collected(raw))
    if found is Form.EDXL:
        return tuple(Item(None, message.raw) for message in _enveloped(body))
    items = _links(body, base) if found is Form.INDEX else _entries(_opened(body), found, base)
    return _distinct(items)


def messages_of(raw: bytes) -> tuple[bytes, ...]:
    """Return the messages in what was found behind a link: one, several, or those of an envelope. Raises `Rejected`."""
    return tuple(message.raw for message in _enveloped(raw)) if edxl.is_envelope(raw) else _collected(raw)


def _opened(raw: bytes) -> Document:
    """Return the document in `raw`. Raises `Rejected`.

    One bare `&` in the title of an entry makes a whole feed unreadable: no warning is lost to that.
    """
    try:
        return open_document(raw)
    except Rejected:
        if (better := salvage.readable(raw)) == raw:
            raise
        return open_document(better)


def _collected(raw: bytes) -> tuple[bytes, ...]:
    """Return the messages of a document that only holds them, or `raw`, which is one or may be mended to be one."""
    try:
        document = _opened(raw.lstrip(b" \t\r\n\0"))
    except Rejected:
        return (raw,)
    if etree.QName(document.root).localname == "alert":
        return (raw,)
    return tuple(message.raw for message in messages_in(document)) or (raw,)


def _enveloped(raw: bytes) -> Iterator[edxl.Enclosed]:
    """Yield the messages that their envelope does not contradict: others made both, but nobody knows which is true."""
    envelope = edxl.open_envelope(raw, limit=MAX_ITEMS)
    if any(finding.code in _CONTRADICTORY for finding in envelope.findings):
        raise _not("edxl")
    for message in envelope.messages:
        if not _contradicted(envelope, message.raw):
            yield message


def _contradicted(envelope: edxl.Envelope, raw: bytes) -> bool:
    alert = decode(raw).alert
    return alert is not None and bool(envelope.objections(alert))


def _form_of(raw: bytes) -> Form:
    """Return what `raw` looks like. What is no XML may still be a message that can be mended."""
    try:
        root = _opened(raw).root
    except Rejected:
        return Form.CAP if any(namespace in raw for namespace in _NAMESPACES) else Form.INDEX
    holds = next(root.iter(*_ALERTS), None) is not None
    return _ROOTS.get(etree.QName(root).localname, Form.CAP if holds else Form.INDEX)


def _entries(document: Document, form: Form, base: str) -> Iterator[Item]:
    name = "entry" if form is Form.ATOM else "item"
    if _ROOTS.get(etree.QName(document.root).localname) is not form:
        raise _not(form)
    inline = _inline(document)
    for raw in inline.pop(None, []):
        yield Item(None, raw)
    for entry in document.root.iter(f"{{*}}{name}"):
        messages = inline.get(entry) or _escaped(entry)
        if messages:
            yield from (Item(None, raw) for raw in messages)
        elif item := _linked(entry, base, form):
            yield item


def _inline(document: Document) -> dict[etree._Element | None, list[bytes]]:
    """Return the messages that entries hold, by entry; None for those that stand in the feed itself."""
    found: dict[etree._Element | None, list[bytes]] = {}
    for message in messages_in(document):
        entry = next(message.element.iterancestors("{*}entry", "{*}item"), None)
        found.setdefault(entry, []).append(message.raw)
    return found


def _linked(entry: etree._Element, base: str, form: Form) -> Item | None:
    """Return where the message of an entry is."""
    ways = _atom_ways(entry) if form is Form.ATOM else _rss_ways(entry)
    url = _best(ways, base)
    return None if url is None else Item(url, None, _stamp(entry))


def _escaped(entry: etree._Element) -> list[bytes]:
    """Return the message that an entry holds as text (`<![CDATA[<alert …>]]>`)."""
    for element in entry.iterchildren("{*}content", "{*}summary", "{*}description"):
        text = (element.text or "").strip()
        if text.startswith("<") and any(namespace in text.encode() for namespace in _NAMESPACES):
            return [text.encode()]
    return []


def _atom_ways(entry: etree._Element) -> Iterator[tuple[str, str, str]]:
    """Yield (address, media type, relation) of everything that an Atom entry leads to."""
    for content in entry.iterchildren("{*}content"):
        if content.get("src"):
            yield content.get("src", ""), content.get("type", ""), "alternate"
    for link in entry.iterchildren("{*}link"):
        yield link.get("href", ""), link.get("type", ""), link.get("rel", "alternate")
    for name in entry.iterchildren("{*}id"):
        yield from _address(name)


def _rss_ways(entry: etree._Element) -> Iterator[tuple[str, str, str]]:
    """Yield (address, media type, relation) of everything that an RSS item leads to."""
    for enclosure in entry.iterchildren("{*}enclosure"):
        yield enclosure.get("url", ""), enclosure.get("type", ""), "enclosure"
    for link in entry.iterchildren(f"{{{_ATOM}}}link"):
        yield link.get("href", ""), link.get("type", ""), link.get("rel", "alternate")
    for link in entry.iterchildren("link", "{*}link"):
        yield (link.text or "").strip(), "", "alternate"
    for guid in entry.iterchildren("guid"):
        yield from _address(guid)


def _address(name: etree._Element) -> Iterator[tuple[str, str, str]]:
    """Yield the name of an entry, if it is an address."""
    text = (name.text or "").strip()
    if text.startswith(_WEB) and name.get("isPermaLink", "true") == "true":
        yield text, "", "id"


_RELATIONS: Final = {"alternate": 0, "enclosure": 1, "related": 2, "via": 2, "id": 3}


def _best(ways: Iterable[tuple[str, str, str]], base: str) -> str | None:
    """Return the address that most likely leads to the message."""
    ranked: list[tuple[tuple[int, int, int], str]] = []
    for href, kind, relation in ways:
        kind = kind.partition(";")[0].strip().lower()
        url = maybe_url(href, base)
        if url is not None and relation in _RELATIONS and not kind.startswith(_NO_MESSAGE):
            ranked.append(((_type_rank(kind, url), _RELATIONS[relation], len(ranked)), url))
    return min(ranked)[1] if ranked else None


def _type_rank(kind: str, url: str) -> int:
    if kind == _CAP_TYPE:
        return 0
    if kind in _XML_TYPES:
        return 1
    return 2 if _FILE.search(urlsplit(url).path) else 3


def maybe_url(href: str, base: str) -> str | None:
    """Return the web address that `href` is when read at `base`, or None."""
    try:
        url = urljoin(base, href.strip())
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return None
    return url.partition("#")[0] if is_web and href.strip() and len(url) <= MAX_URL else None


def _links(raw: bytes, base: str) -> Iterator[Item]:
    """Yield the files that a page links to, or the addresses in a text, one a line."""
    if b"<" in raw[:4_096]:
        try:
            root = etree.fromstring(raw, _HTML)
        except etree.XMLSyntaxError:
            root = None
        hrefs = [] if root is None else [a.get("href", "") for a in root.iter("{*}a", "a")]
        urls = [url for href in hrefs if (url := maybe_url(href, base)) and _FILE.search(urlsplit(url).path)]
    else:
        lines = (line for line in raw.decode("utf-8", "replace").split() if line.startswith(_WEB))
        urls = [url for line in lines if (url := maybe_url(line, base))]
    if not urls:
        raise _not(Form.INDEX)
    yield from (Item(url) for url in urls)


def _stamp(entry: etree._Element) -> str:
    """Return a text that changes whenever an entry says something else."""
    return sha256(etree.tostring(entry, encoding="utf-8", with_tail=False)).hexdigest()


def _distinct(items: Iterable[Item]) -> tuple[Item, ...]:
    """Return `items` without a second entry of the same address, at most as many as a round can bear."""
    found: dict[object, Item] = {}
    for item in items:
        found.setdefault(item.url or item.raw, item)
        if len(found) == MAX_ITEMS:
            break
    return tuple(found.values())


def _not(form: str) -> Rejected:
    text = Text(f"{form} として読めません。", f"This cannot be read as {form}.")
    return Rejected(text, code="source.form")
