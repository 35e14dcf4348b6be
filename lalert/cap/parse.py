"""CAP text to values: hardened XML, the schema, and the small grammars, with everything wrong reported at once.

`decode` never raises for bad input: it reads on past a defect, puts a neutral value in its place, and lists it. What
the schema accepts is read straight on (`sound`), and patiently only where that gives up. `parse` is `decode` for
callers who only want a message that is sound. A DOCTYPE is refused, so there are no entities to expand and nothing to
fetch; size, tags, attributes and depth are bounded (libxml2 refuses more than 256 levels).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from lxml import etree

from lalert.cap import grammar, sound, structure
from lalert.cap.catalogue import finding
from lalert.cap.dictionary import VERSIONS, Read, Table, tables
from lalert.cap.grammar import Malformed
from lalert.cap.hardened import Bounds, hardened
from lalert.cap.model import (
    Alert,
    AreaBlock,
    Certainty,
    Info,
    MsgType,
    NamedValue,
    Resource,
    Scope,
    Severity,
    Status,
    Urgency,
)
from lalert.cap.places import finding_at
from lalert.errors import Finding, Text, rejected
from lalert.errors import Severity as Weight

MAX_BYTES: Final = 4 << 20  # public feeds carry more than a megabyte of base64
MAX_TAGS: Final = 60_000
MAX_ATTRIBUTES: Final = 5_000  # CAP has none; namespaces and signatures bring a few
MAX_CHILDREN: Final = 6_000  # of one element: libxml2 counts siblings for each error that it reports

_BOUNDS: Final = Bounds(MAX_BYTES, MAX_TAGS, MAX_ATTRIBUTES)
_SPARSE: Final = len("<a/>") * MAX_CHILDREN  # in so many bytes there is no room for more children
_CROWDED: Final = etree.XPath(f"boolean(//*[count(*) > {MAX_CHILDREN}])")


_PARSER: Final = hardened()
_TRIMMING: Final = hardened(trimming=True)
_TRANSPARENT: Final = frozenset({"UTF-8", "utf-8", "US-ASCII", "ISO-8859-1"})  # bytes below 128 are what they say

UNREADABLE: Final = datetime(1, 1, 1, tzinfo=UTC)  # in place of a `sent` that could not be read

_NEUTRAL: Final[dict[str, dict[str, Any]]] = {
    "alert": {
        "identifier": "",
        "sender": "",
        "sent": UNREADABLE,
        "status": Status.DRAFT,
        "msg_type": MsgType.ERROR,
        "scope": Scope.PUBLIC,
    },
    "info": {
        "event": "",
        "categories": (),
        "urgency": Urgency.UNKNOWN,
        "severity": Severity.UNKNOWN,
        "certainty": Certainty.UNKNOWN,
    },
    "resource": {"resource_desc": ""},
    "area": {"area_desc": ""},
}
_OF_VALUES: Final = frozenset({"cap.schema.enumeration", "cap.schema.type"})
_MODELS: Final[dict[str, type[Any]]] = {"info": Info, "resource": Resource, "area": AreaBlock}


@dataclass(frozen=True, slots=True)
class Decoded:
    """What could be read. `alert` is None only where there is no tree with a CAP root; `root` locates later findings.

    Where `findings` has an error, `alert` holds neutral values in the places that could not be read.
    """

    alert: Alert | None
    findings: tuple[Finding, ...]
    root: etree._Element | None = field(default=None, repr=False)


def parse(raw: bytes) -> Alert:
    """Return the message in `raw`, or raise `Rejected` (422) with all that its structure has wrong."""
    decoded = decode(raw)
    if decoded.alert is None or any(f.severity is Weight.ERROR for f in decoded.findings):
        raise rejected(
            decoded.findings,
            code=next(f.code for f in decoded.findings if f.severity is Weight.ERROR),
            message=Text("CAPとして読めないため受け付けられません。", "The message cannot be read as CAP."),
        )
    return decoded.alert


def decode(raw: bytes) -> Decoded:
    """Return what can be read of `raw`, with every defect of its structure."""
    root, findings = _tree(raw)
    if root is None:
        return Decoded(None, tuple(findings))
    namespace, _, name = str(root.tag).removeprefix("{").rpartition("}")
    if name != "alert":
        return Decoded(None, (finding("cap.xml.root", path="/", line=1, found=str(root.tag)),))
    version = VERSIONS.get(namespace)
    valid = version is not None and structure.is_valid(root, version)
    if valid and version is not None and (alert := sound.read(root, version, raw)):
        old = () if version == "1.2" else (finding_at("cap.version.old", root, version),)
        return Decoded(alert, old, root)
    reading = _Reading(tables(namespace), version or "1.2")
    values = reading.block(root, "alert")
    if version is None:
        reading.note("cap.xml.namespace", root, namespace)
    elif not valid:
        reading.add_schema_findings(root, version)
    if reading.version != "1.2":
        reading.note("cap.version.old", root, version)
    return Decoded(Alert(**values, version=reading.version, raw=raw), tuple(reading.findings), root)


def _tree(raw: bytes) -> tuple[etree._Element | None, list[Finding]]:
    """Return the document's root, or why there is none. No entity, no network, no DTD, no huge tree."""
    breach = _BOUNDS.breach(raw)
    if breach is not None:
        return None, [breach]
    try:
        root = _parsed(raw)
    except etree.XMLSyntaxError as error:
        return None, [_syntax_finding(error, raw)]
    if root is None:
        return None, [finding("cap.xml.doctype", path="/", line=1)]
    if len(raw) > _SPARSE and raw.count(b"<") > MAX_CHILDREN and _CROWDED(root):
        return None, [finding("cap.xml.elements", path="/", line=1, facts={"limit": MAX_CHILDREN})]
    return root, []


def _parsed(raw: bytes) -> etree._Element | None:
    """Return the root, or None where there is a DOCTYPE.

    White space between elements is dropped where it is sure not to be of a text: such trees are read and checked a
    quarter faster.
    """
    if _is_plain(raw):
        root = etree.fromstring(raw, _TRIMMING)
        if root.getroottree().docinfo.encoding in _TRANSPARENT:
            return root
    root = etree.fromstring(raw, _PARSER)
    return root if root.getroottree().docinfo.internalDTD is None else None


def _is_plain(raw: bytes) -> bool:
    """Whether `raw` is but elements and text: beside a comment, a section or an instruction blanks may be text."""
    # One byte is found at memory's speed, two are not: most messages hold neither `!` nor a later `?`.
    return (b"!" not in raw or b"<!" not in raw) and (
        raw.rfind(b"?") < (start := raw.find(b"alert")) or raw.rfind(b"<?") < start
    )


def _syntax_finding(error: etree.XMLSyntaxError, raw: bytes) -> Finding:
    if b"<!DOCTYPE" in raw:  # its entities are why libxml2 gave up
        return finding("cap.xml.doctype", path="/", line=1)
    code = "cap.xml.depth" if "depth" in (error.msg or "") else "cap.xml.syntax"
    return finding(code, line=error.lineno or 1, found=error.msg)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One patient pass over one tree: reads by the tables of its version and collects what is wrong."""

    tables: dict[str, Table]
    version: str
    findings: list[Finding] = field(default_factory=list)

    def note(self, code: str, element: etree._Element, found: str | None = None) -> None:
        """Report `code` at `element`; beyond the bound one error stands for all the rest."""
        if len(self.findings) < structure.MAX_FINDINGS:
            self.findings.append(finding_at(code, element, found))
        elif len(self.findings) == structure.MAX_FINDINGS:
            facts = {"name": "findings", "limit": structure.MAX_FINDINGS}
            self.findings.append(finding("cap.limits", path="/alert", line=element.sourceline, facts=facts))

    def block(self, element: etree._Element, kind: str) -> dict[str, Any]:
        """Return the values of a block by Python's names; what cannot be read gets a neutral value."""
        slots = self.tables[kind].slots
        values = _NEUTRAL[kind].copy()
        lists: dict[str, list[Any]] = {}
        for child in element:
            slot = slots.get(child.tag)  # type: ignore[arg-type]
            if slot is None:
                continue  # the schema says so
            value: object
            if slot.read is not None:
                value = self.text(child, slot.read)
            elif slot.words is not None:
                value = slot.words.get(child.text) or self.alien(child)
            else:
                value = self.nested(child, slot.block) if slot.block else child.text or None
            if value is None:
                continue
            if slot.many:
                lists.setdefault(slot.name, []).append(value)
            else:
                values[slot.name] = value
        for name, several in lists.items():
            values[name] = tuple(several)
        return values

    def alien(self, element: etree._Element) -> object:
        """Report a word that may not stand here; nothing takes its place."""
        self.note("cap.schema.enumeration", element, element.text)
        return None

    def text(self, element: etree._Element, read: Read) -> object:
        """Return the value of a leaf; outside its grammar None, or the time that is still plain."""
        try:
            return read(element.text or "")
        except Malformed as error:
            self.note(self.softened(error.code), element, error.found)
            return grammar.maybe_time(error.found) if error.code.startswith("cap.time.") else None

    def softened(self, code: str) -> str:
        """Return the code for this version: CAP 1.0 and 1.1 gave references no form that could be held against them."""
        return "cap.references.old" if self.version != "1.2" and code.startswith("cap.references.") else code

    def nested(self, element: etree._Element, kind: str) -> object:
        """Return the value of an element that holds elements."""
        return _named_value(element) if kind == "pair" else _MODELS[kind](**self.block(element, kind))

    def add_schema_findings(self, root: etree._Element, version: str) -> None:
        """Add what the schema says, less its word on values of which something more precise was said."""
        told = {f.path for f in self.findings if f.severity is Weight.ERROR}
        self.findings.extend(
            f for f in structure.findings(root, version) if f.path not in told or f.code not in _OF_VALUES
        )


def _named_value(element: etree._Element) -> NamedValue:
    """Return a valueName/value pair; CAP 1.0 writes it as one text, `name=value`."""
    if len(element) == 0:
        name, _, value = (element.text or "").partition("=")
        return NamedValue(name.strip(), value.strip())
    texts = {str(child.tag).rpartition("}")[2]: child.text or "" for child in element}
    return NamedValue(texts.get("valueName", ""), texts.get("value", ""))
