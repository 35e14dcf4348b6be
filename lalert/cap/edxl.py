"""EDXL-DE 1.0: the envelope in which some systems send CAP messages (OASIS, EDXL Distribution Element 1.0, 2006).

What is in the envelope is judged message by message, as if each had come alone. The envelope itself must say who sent
it, when, whether it is real (`distributionStatus`) and that it brings news (`distributionType`): where it contradicts a
message, nobody can tell which of the two is true, and the message is refused.

Not read: `targetArea` and `explicitAddress` (a message says itself where it holds, and everybody may read it),
`combinedConfidentiality` (free text; CAP's `scope` decides), copies of parts in `keyXMLContent`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from lxml import etree

from lalert.cap import grammar
from lalert.cap.catalogue import finding
from lalert.cap.embedded import Document, messages_in, open_document
from lalert.cap.model import Alert, MsgType, Status
from lalert.errors import Finding

DE: Final = "urn:oasis:names:tc:emergency:EDXL:DE:1.0"
MAX_MESSAGES: Final = 100
MAX_FINDINGS: Final = 100  # about contents

_CONTENT: Final = "contentObject"
_EMBEDDED: Final = "embeddedXMLContent"

# The first tag, behind a byte order mark, a declaration, comments and processing instructions. Possessive: linear.
_ROOT: Final = re.compile(
    rb"\A(?:\xef\xbb\xbf)?+(?:\s++|<\?(?:[^?]++|\?(?!>))*+\?>|<!--(?:[^-]++|-(?!->))*+-->)*+"
    rb"<(?:[^\s<>/:]++:)?+EDXLDistribution[\s/>]"
)
_CAP_MIME: Final = frozenset({"application/cap+xml", "application/xml", "text/xml"})
_STATUSES: Final = {status.value: status for status in Status if status is not Status.DRAFT}
_NEWS: Final = ("Report", "Update", "Cancel")  # the distribution types that may bring an alert to the public
_REQUIRED: Final = (
    "distributionID",
    "senderID",
    "dateTimeSent",
    "distributionStatus",
    "distributionType",
    "combinedConfidentiality",
)


@dataclass(frozen=True, slots=True)
class Enclosed:
    """One message in an envelope; `line` is where it begins there. A file was encoded: its own lines are not there."""

    raw: bytes = field(repr=False)
    line: int
    is_file: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An envelope and its messages. `status` is None where it says none that CAP knows; `findings` are its own."""

    distribution_id: str
    sender_id: str
    sent: datetime | None
    status: Status | None
    kind: str
    messages: tuple[Enclosed, ...]
    findings: tuple[Finding, ...]

    def objections(self, alert: Alert) -> list[Finding]:
        """Return where the envelope contradicts `alert`, which is in it. What it does not say contradicts nothing."""
        found = []
        if self.status is not None and alert.status is not self.status:
            says = {"status": self.status.value}
            found.append(finding("cap.edxl.disagrees", path="/alert/status", found=alert.status.value, facts=says))
        if self.kind == "Cancel" and alert.msg_type is not MsgType.CANCEL:
            found.append(finding("cap.edxl.cancel", path="/alert/msgType", found=alert.msg_type.value))
        return found


def is_envelope(raw: bytes) -> bool:
    """Whether `raw` begins like an envelope. Linear in its length, whatever it holds."""
    return _ROOT.match(raw) is not None


def open_envelope(raw: bytes, *, limit: int = MAX_MESSAGES) -> Envelope:
    """Return the envelope in `raw` with everything that is wrong with it, and its first `limit` messages.

    Raises `Rejected` (422) only where it cannot be read at all.
    """
    document = open_document(raw)
    root = document.root
    if root.tag != f"{{{DE}}}EDXLDistribution":
        wrong = finding("cap.edxl.root", path="/", line=root.sourceline, found=str(root.tag))
        return _envelope(root, (), [wrong])
    enclosed, odd = _contents(document)
    found = [*_missing(root), *_unknown(root), *odd]
    if not enclosed:
        found.append(finding("cap.edxl.empty", path="/EDXLDistribution", line=root.sourceline))
    if len(enclosed) > limit:
        found.append(finding("cap.edxl.many", path="/EDXLDistribution", line=1, facts={"limit": limit}))
    return _envelope(root, tuple(enclosed[:limit]), found)


def _envelope(root: etree._Element, messages: tuple[Enclosed, ...], findings: list[Finding]) -> Envelope:
    return Envelope(
        distribution_id=_text(root, "distributionID"),
        sender_id=_text(root, "senderID"),
        sent=grammar.maybe_time(_text(root, "dateTimeSent")),
        status=_STATUSES.get(_text(root, "distributionStatus")),
        kind=_text(root, "distributionType"),
        messages=messages,
        findings=tuple(findings),
    )


def _contents(document: Document) -> tuple[list[Enclosed], list[Finding]]:
    """Return the messages in the order of the envelope, and what is wrong with its content objects, or no message."""
    embedded = _by_content(document)
    enclosed: list[Enclosed] = []
    found = []
    for number, content in enumerate(document.root.iterchildren(f"{{*}}{_CONTENT}"), 1):
        path = f"/EDXLDistribution/contentObject[{number}]"
        if content.tag != f"{{{DE}}}{_CONTENT}":
            found.append(finding("cap.edxl.namespace", path=path, line=content.sourceline, found=str(content.tag)))
        file = _file(content)
        here = embedded.get(content, [])
        if file is not None:
            here = [*here, Enclosed(_decoded(file), content.sourceline or 1, is_file=True)]
        if not here:
            found.append(finding("cap.edxl.content", path=path, line=content.sourceline))
        enclosed += here
    return enclosed, found[:MAX_FINDINGS]


def _by_content(document: Document) -> dict[etree._Element, list[Enclosed]]:
    """Return the messages that are embedded as XML, by their content object.

    Only the names are asked for: public feeds put the content object, and all in it, into CAP's namespace.
    """
    found: dict[etree._Element, list[Enclosed]] = {}
    for message in messages_in(document):
        above = list(message.element.iterancestors(f"{{*}}{_EMBEDDED}", f"{{*}}{_CONTENT}"))
        if [etree.QName(element).localname for element in above[:2]] == [_EMBEDDED, _CONTENT]:
            found.setdefault(above[1], []).append(Enclosed(message.raw, message.line))
    return found


def _file(content: etree._Element) -> etree._Element | None:
    """Return the data of a content that is a file and calls itself XML."""
    file = content.find(f"{{{DE}}}nonXMLContent")
    if file is None or _text(file, "mimeType").partition(";")[0].lower() not in _CAP_MIME:
        return None
    return file.find(f"{{{DE}}}contentData")


def _decoded(data: etree._Element) -> bytes:
    """Return what the base64 of `data` says; what is none stays as it is, for whoever reads it as a message."""
    text = "".join((data.text or "").split())
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return text.encode()


def _missing(root: etree._Element) -> Iterator[Finding]:
    for name in _REQUIRED:
        if not _text(root, name):
            line = root.sourceline
            yield finding("cap.edxl.missing", path=f"/EDXLDistribution/{name}", line=line, facts={"name": name})


def _unknown(root: etree._Element) -> Iterator[Finding]:
    """Yield what is there and cannot be understood, or does not bring news."""
    status, kind, sent = (_text(root, name) for name in ("distributionStatus", "distributionType", "dateTimeSent"))
    if status and status not in _STATUSES:
        yield _at(root, "distributionStatus", "cap.edxl.status", {"words": ", ".join(_STATUSES)})
    if kind and kind not in _NEWS:
        yield _at(root, "distributionType", "cap.edxl.type", {"words": ", ".join(_NEWS)})
    if sent and grammar.maybe_time(sent) is None:
        yield _at(root, "dateTimeSent", "cap.edxl.time", {})


def _at(root: etree._Element, name: str, code: str, facts: dict[str, str]) -> Finding:
    element = root.find(f"{{{DE}}}{name}")
    line = root.sourceline if element is None else element.sourceline
    return finding(code, path=f"/EDXLDistribution/{name}", line=line, found=_text(root, name), facts=facts)


def _text(parent: etree._Element, name: str) -> str:
    return (parent.findtext(f"{{{DE}}}{name}") or "").strip()
