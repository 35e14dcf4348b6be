"""Examine what was posted: read it, check it, find out where it holds and whether its sender may say so.

One pure function from bytes to an `Examined`, fit for a worker thread. It knows nothing of other messages: what needs
the log (repeats, references, threads) is decided afterwards, by `draft` and the hub.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lalert.cap import reader, signing
from lalert.cap.model import Alert
from lalert.cap.parse import decode
from lalert.cap.signature import Signature
from lalert.core import audience, jurisdiction
from lalert.core.model import Sender, Zone
from lalert.core.signatures import Signatures
from lalert.core.zones import maybe_zones_of
from lalert.errors import Finding, Rejected, Severity, Text, rejected
from lalert.geo.boundaries import BoundarySet

_INVALID = Text(
    "電文に誤りがあります。errors をすべて直して再送してください。受け付けていません。",
    "The message has errors. Correct all of them and send it again; nothing was accepted.",
)


NO_SIGNATURES: Final = Signatures()


@dataclass(frozen=True, slots=True)
class Examined:
    """What is known of a posted message by itself. `alert` is None when it could not be read at all.

    `signatures` are those that it bears, `own_signature` the one that the hub adds (`lalert.cap.signing`).
    """

    alert: Alert | None
    zones: tuple[Zone, ...] = ()
    findings: tuple[Finding, ...] = ()
    refusal: Rejected | None = None
    signatures: tuple[Signature, ...] = ()
    own_signature: bytes = b""

    def checked(self) -> Alert:
        """Return the alert that may go on; raises the refusal otherwise."""
        if self.refusal is not None:
            raise self.refusal
        assert self.alert is not None
        return self.alert


def examine(
    raw: bytes,
    *,
    sender: Sender,
    now: datetime,
    slack_m: float,
    boundaries: BoundarySet,
    signatures: Signatures = NO_SIGNATURES,
) -> Examined:
    """Return what `raw` is by itself. Raises nothing: what is wrong is in `findings` and `refusal`.

    Errors of the message and of its area are listed together, so that a sender corrects everything at once. Whether
    the sender may say it is asked last, of a message that is otherwise right.
    """
    reading = reader.read(raw, strictness=sender.strictness, now=now, trust=signatures.trust, key_id=sender.key_id)
    findings = list(reading.findings)
    # A message that may not be accepted any more (it has expired) may still be a repeat: who it is, is told apart.
    alert = reading.alert or decode(raw).alert
    if alert is None:
        return Examined(None, (), tuple(findings), _invalid(findings))
    zones, more = maybe_zones_of(alert, boundaries, reading.findings)
    findings.extend(more)
    if any(finding.severity is Severity.ERROR for finding in findings):
        return Examined(alert, (), tuple(findings), _invalid(findings))
    try:
        audience.check(alert, sender.realm)
        jurisdiction.check(sender, [zone.area for zone in zones], boundaries, slack_m=slack_m)
    except Rejected as refused:
        return Examined(alert, zones, tuple(findings), refused)
    own = signing.sign(alert, signatures.key) if signatures.key else b""
    return Examined(alert, zones, tuple(findings), signatures=reading.signatures, own_signature=own)


def _invalid(findings: list[Finding]) -> Rejected:
    return rejected(findings, code="cap.invalid", message=_INVALID)
