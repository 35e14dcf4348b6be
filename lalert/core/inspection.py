"""Inspect what somebody wants to know the faults of, and nobody posted: a message, or an envelope of several.

`lalert validate`, `POST /api/v1/validate` and the validator page all ask here, so that they say the same. Under the
Japanese profile the areas are resolved, too: a message that passes here is not refused at the intake for where it is
meant to hold. What only a post can tell is left to `dry_run`: who the sender is, and what came before.

Every line is one of the document that was handed in, inside an envelope too. Nothing here raises for bad input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from msgspec import structs

from lalert.cap import edxl, places, reader
from lalert.cap.edxl import Enclosed, Envelope
from lalert.cap.model import Alert
from lalert.cap.parse import decode
from lalert.cap.reader import Profile, Strictness
from lalert.cap.signature import Signature
from lalert.cap.trust import Trust
from lalert.core.model import Zone
from lalert.core.zones import maybe_zones_of
from lalert.errors import Finding, Rejected, Severity
from lalert.geo.boundaries import BoundarySet

Verdict = Literal["valid", "invalid"]

_FATAL: Final = frozenset({"cap.edxl.root", "cap.edxl.status", "cap.edxl.type", "cap.edxl.empty"})
"""What keeps an envelope out whoever sent it; anything else an upstream may have wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How to inspect: by which rules, at which moment, with whose keys and on which map.

    Without a `trust` no signature is looked at, without `boundaries` no area. `key_id` names the API key with which it
    would be posted: a trust may know signers of that key alone.
    """

    profile: Profile = "jp"
    strictness: Strictness = Strictness.PRODUCER
    now: datetime
    trust: Trust | None = None
    key_id: str = ""
    boundaries: BoundarySet | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """One message: `alert` is None where it must not go out. `line` is where it begins in the document.

    `identifier` is empty where not even that can be read.
    """

    line: int = 1
    identifier: str = ""
    alert: Alert | None = field(repr=False)
    zones: tuple[Zone, ...] = ()
    findings: tuple[Finding, ...]
    signatures: tuple[Signature, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """`valid` where nothing found is an error."""
        return "invalid" if self.alert is None else "valid"

    def to_dict(self) -> dict[str, object]:
        """Return the verdict with everything found and, where somebody said whom to trust, the signatures."""
        told = {"signatures": [one.to_dict() for one in self.signatures]} if self.signatures else {}
        return {"verdict": self.verdict, "findings": [one.to_dict() for one in self.findings], **told}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A document: its messages in their order and, of an envelope, its name and what is wrong with itself."""

    messages: tuple[Inspected, ...]
    envelope: str | None = None
    own: tuple[Finding, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """`valid` where every message is, and the envelope around them."""
        wrong = any(one.severity is Severity.ERROR for one in self.own)
        return "invalid" if wrong or any(one.alert is None for one in self.messages) else "valid"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was found, by line."""
        found = [*self.own, *(finding for message in self.messages for finding in message.findings)]
        return tuple(sorted(found, key=lambda finding: finding.line or 0))

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form: that of the one message, or of an envelope with each of its messages."""
        if self.envelope is None:
            return self.messages[0].to_dict()
        return {
            "verdict": self.verdict,
            "findings": [finding.to_dict() for finding in self.findings],
            "distributionId": self.envelope,
            "messages": [{"line": message.line, **message.to_dict()} for message in self.messages],
        }


def inspect(raw: bytes, question: Question) -> Inspection:
    """Return what is wrong with the document in `raw`, and what it means where it is right."""
    if not edxl.is_envelope(raw):
        return Inspection(messages=(_message(raw, question),))
    try:
        envelope = edxl.open_envelope(raw)
    except Rejected as refused:
        return Inspection(messages=(), envelope="", own=refused.findings)
    own = tuple(_weighed(finding, question) for finding in envelope.findings)
    messages = tuple(_enclosed(message, envelope, question) for message in envelope.messages)
    return Inspection(messages=messages, envelope=envelope.distribution_id, own=own)


def _message(raw: bytes, question: Question) -> Inspected:
    reading = reader.read(
        raw,
        profile=question.profile,
        strictness=question.strictness,
        now=question.now,
        trust=question.trust,
        key_id=question.key_id,
    )
    found, alert = Inspected(alert=reading.alert, findings=reading.findings), reading.alert or decode(raw).alert
    if alert is None:
        return found
    found = replace(found, identifier=alert.identifier, signatures=reading.signatures)
    return found if question.boundaries is None else _placed(found, alert, question.boundaries, question.profile)


def _placed(found: Inspected, alert: Alert, boundaries: BoundarySet, profile: Profile) -> Inspected:
    """Return what was found in `alert` with its zones, and with what is wrong about them."""
    zones, more = maybe_zones_of(alert, boundaries, found.findings)
    if profile != "jp":  # CAP itself asks of an area only that it has a name
        return replace(found, zones=zones)
    findings = sorted([*found.findings, *_located(more, alert.raw)], key=lambda finding: finding.line or 0)
    wrong = any(finding.severity is Severity.ERROR for finding in more)
    return replace(found, zones=zones, findings=tuple(findings), alert=None if wrong else found.alert)


def _located(findings: Sequence[Finding], raw: bytes) -> Iterator[Finding]:
    """Yield `findings` about a message at the lines of their elements."""
    root = decode(raw).root if findings else None
    for finding in findings:
        yield finding if root is None else structs.replace(finding, line=places.line_of(root, finding.path or "/"))


def _enclosed(message: Enclosed, envelope: Envelope, question: Question) -> Inspected:
    """Return a message of an envelope, which must not contradict it, at its lines in there."""
    found = _message(message.raw, question)
    alert = found.alert or decode(message.raw).alert
    objections = envelope.objections(alert) if alert is not None else []
    findings = [*_located(objections, message.raw), *found.findings]
    return replace(
        found,
        line=message.line,
        alert=None if objections else found.alert,
        findings=tuple(_moved(finding, message) for finding in findings),
    )


def _moved(finding: Finding, message: Enclosed) -> Finding:
    """Return what was found in a message at its line of the envelope; a file that was encoded has one for all."""
    own = finding.line or 1
    return structs.replace(finding, line=message.line if message.is_file else message.line + own - 1)


def _weighed(finding: Finding, question: Question) -> Finding:
    """Return what is wrong with an envelope; of what others sent, whatever leaves its messages clear is a warning."""
    is_lenient = question.strictness is Strictness.UPSTREAM and finding.code not in _FATAL
    return structs.replace(finding, severity=Severity.WARNING) if is_lenient else finding
