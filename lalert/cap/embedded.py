"""CAP messages inside other XML (envelopes, feeds): found in its tree, cut out of its bytes.

A message is cut out byte by byte, not written anew: what its author signed, and every blank of it, stays as it came.
Where it borrows namespace prefixes from the document around it, their declarations are put into its first tag; nothing
else is added. The same bounds hold as for a message alone: no DOCTYPE, no entity, nothing fetched, so much and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat  # nosec - only for where things are; lxml has refused every DOCTYPE by then
from xml.sax.saxutils import quoteattr

from lxml import etree

from lalert.cap.catalogue import finding
from lalert.cap.dictionary import VERSIONS
from lalert.cap.hardened import Bounds, hardened
from lalert.errors import Finding, Rejected, Text, rejected

MAX_BYTES: Final = 8 << 20
MAX_TAGS: Final = 400_000
MAX_ATTRIBUTES: Final = 60_000  # a feed of 5,000 entries has some ten in each

_ALERTS: Final = tuple(f"{{{namespace}}}alert" for namespace in VERSIONS)
_XMLNS: Final = "xmlns"
_UTF_8: Final = frozenset({"", "utf-8", "us-ascii", "ascii"})
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")

_PARSER: Final = hardened()
_BOUNDS: Final = Bounds(MAX_BYTES, MAX_TAGS, MAX_ATTRIBUTES)

Scope = Mapping[str, str]
"""Namespaces by prefix, as they hold at one place of a document."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may hold messages: its tree, and the bytes that it was made of, in UTF-8."""

    root: etree._Element
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Embedded:
    """One message in a document: its element in the tree, its own bytes, and the line on which they begin there."""

    element: etree._Element
    raw: bytes = field(repr=False)
    line: int


def open_document(raw: bytes) -> Document:
    """Return the document in `raw`. Raises `Rejected` (`xml.unreadable`, 422) where it is none, or out of bounds."""
    breach = _BOUNDS.breach(raw)
    if breach is not None:
        raise _unreadable(breach)
    try:
        root = etree.fromstring(raw, _PARSER)
    except etree.XMLSyntaxError as error:
        code = "cap.xml.depth" if "depth" in (error.msg or "") else "cap.xml.syntax"
        raise _unreadable(finding(code, line=error.lineno or 1, found=error.msg)) from None
    info = root.getroottree().docinfo
    if info.internalDTD is not None:
        raise _unreadable(finding("cap.xml.doctype", path="/", line=1))
    try:
        return Document(root, _as_utf_8(raw, info.encoding or ""))
    except (LookupError, ValueError) as error:  # an encoding that libxml2 knows and Python does not
        raise _unreadable(finding("cap.xml.syntax", line=1, found=str(error))) from None


def messages_in(document: Document) -> list[Embedded]:
    """Return the messages of a document in their order; one inside another is a part of it. Raises `Rejected`."""
    elements = [element for element in document.root.iter(*_ALERTS) if not _is_inside_another(element)]
    if not elements:
        return []
    try:
        cut = _Cutter(document.raw).cut()
        return [Embedded(element, raw, line) for element, (raw, line) in zip(elements, cut, strict=True)]
    except (expat.ExpatError, ValueError) as error:  # two parsers that differ: neither is believed
        raise _unreadable(finding("cap.xml.syntax", line=1, found=str(error))) from None


def _is_inside_another(element: etree._Element) -> bool:
    return next(element.iterancestors(*_ALERTS), None) is not None


def _as_utf_8(raw: bytes, encoding: str) -> bytes:
    """Return `raw` in UTF-8 without a declaration, if it was in anything else: pieces of it must read alone."""
    if encoding.lower() in _UTF_8:
        return raw
    text = raw.decode("utf-16" if raw.startswith(_UTF_16) else encoding)
    return (text[text.index("?>") + 2 :] if text.startswith("<?xml") else text).encode()


def _unreadable(found: Finding) -> Rejected:
    text = Text("XMLとして読めないため受け付けられません。", "This cannot be read as XML.")
    return rejected([found], code="xml.unreadable", message=text)


class _Cutter:
    """One pass of expat over the bytes: the only parser here that says where in them it is."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._scopes: list[Scope] = [{}]
        self._own: list[frozenset[str]] = []  # prefixes declared inside the message, by depth; empty outside
        self._outer: Scope = {}  # what holds around the message
        self._borrowed: dict[str, str] = {}
        self._at = self._line = 0
        self._name = ""
        self._found: list[tuple[bytes, int]] = []

    def cut(self) -> list[tuple[bytes, int]]:
        """Return the outermost messages and their lines. Raises `ExpatError`, or `ValueError` for what has no end."""
        self._parser.Parse(self._raw, True)
        return self._found

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        declared = {_declared(key): value for key, value in attributes.items() if key.partition(":")[0] == _XMLNS}
        self._scopes.append({**self._scopes[-1], **declared} if declared else self._scopes[-1])
        if self._own:
            self._own.append(self._own[-1] | declared.keys())
        elif self._is_alert(name):
            self._at, self._line = self._parser.CurrentByteIndex, self._parser.CurrentLineNumber
            self._name, self._outer = name, self._scopes[-2]
            self._own, self._borrowed = [frozenset(declared)], {}
        else:
            return
        self._borrow(name)
        for key in attributes:
            if ":" in key and not key.startswith(("xmlns:", "xml:")):
                self._borrow(key)

    def _end(self, _: str) -> None:
        self._scopes.pop()
        if not self._own:
            return
        self._own.pop()
        if not self._own:
            self._found.append((self._whole(self._raw[self._at : self._after()]), self._line))

    def _after(self) -> int:
        """Return where the element ends whose end is reported: expat is before `</name>`, but behind `<name/>`."""
        here = self._parser.CurrentByteIndex
        return self._raw.index(b">", here) + 1 if self._raw.startswith(b"</", here) else here

    def _is_alert(self, name: str) -> bool:
        prefix, local = _split(name)
        return local == "alert" and self._scopes[-1].get(prefix) in VERSIONS

    def _borrow(self, name: str) -> None:
        """Note the namespace of a name that is declared around the message, not in it."""
        prefix, _ = _split(name)
        if prefix not in self._own[-1] and prefix in self._outer:
            self._borrowed[prefix] = self._outer[prefix]

    def _whole(self, piece: bytes) -> bytes:
        """Return a piece with what it has borrowed."""
        head = 1 + len(self._name.encode())
        declarations = (f" {_declaration(prefix)}={quoteattr(uri)}" for prefix, uri in self._borrowed.items())
        return piece[:head] + "".join(declarations).encode() + piece[head:]


def _split(name: str) -> tuple[str, str]:
    prefix, _, local = name.rpartition(":")
    return prefix, local


def _declared(key: str) -> str:
    """Return the prefix that an `xmlns` attribute declares, "" for the default."""
    return key.partition(":")[2]


def _declaration(prefix: str) -> str:
    return f"{_XMLNS}:{prefix}" if prefix else _XMLNS
