"""Signatures on received messages: enveloped XML-DSig over the whole alert (CAP 1.2 §3.3.4.1), judged on its bytes.

Three verdicts. VALID: a key that we trust for this sender signed exactly what the hub reads. INVALID: such a key signed
something else. UNVERIFIABLE: nothing can be said, because the key is not known, the algorithm is weak, or the signature
is over something other than the alert. Whether that matters is for `trust.toml` to say.

What is signed is what is read, because only one form counts: a `Signature` that is a child of the very `alert` that the
hub reads, with one reference to the whole document (`URI=""`) and no transform that could choose a part of it. A copy
of a signed alert that hides somewhere in another message signs nothing.

Several signatures. The enveloped transform takes out the signature that it belongs to, and no other (XMLDSig §6.6.4).
So each is over the alert and those signatures that were there when it was made, or, as Canada does it, over the alert
alone. The others are taken out before it is checked. None of them holds anything that the hub reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from cryptography import x509
from lxml import etree

from lalert.cap.catalogue import finding
from lalert.cap.chain import Key, certificates_of, keys, subject_of
from lalert.cap.model import Alert
from lalert.cap.proof import fits, flaw_of, has_company, method_of, signatures_of, tree_of
from lalert.cap.trust import Signer, Trust, valid_at
from lalert.errors import Finding

MAX_SIGNATURES: Final = 4  # of one message: the sender, and those who hand it on


# From best to worst.
_BEST: Final = (
    "",
    "cap.signature.expired",
    "cap.signature.cover",
    "cap.signature.altered",
    "cap.signature.unknown",
)


class Verdict(StrEnum):
    """What a signature proves."""

    VALID = "valid"
    INVALID = "invalid"
    UNVERIFIABLE = "unverifiable"


_VERDICTS: Final = {"": Verdict.VALID, "cap.signature.altered": Verdict.INVALID, "cap.signature.count": Verdict.INVALID}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What is known of one signature of a message.

    `code` is that of the finding, empty for a valid one. `signer` is the subject (RFC 4514) of the trusted certificate;
    only where none is known, of the one that the message brings along, which proves nothing. `algorithm` is the name
    behind the `#` of the signature method.
    """

    verdict: Verdict
    code: str = ""
    signer: str = ""
    algorithm: str = ""
    line: int | None = None

    def to_dict(self) -> dict[str, str]:
        """Return the JSON form that receipts and `validate --json` share."""
        return {
            "verdict": self.verdict.value,
            "code": self.code,
            "signer": self.signer,
            "algorithm": self.algorithm,
        }


def check(alert: Alert, trust: Trust, *, key_id: str = "") -> tuple[tuple[Signature, ...], list[Finding]]:
    """Return the signatures of a received message, and what is wrong with them or lacking.

    `key_id` names the API key that posted it. Never raises for bad input; a signature that breaks the verifier is
    unverifiable.
    """
    rule = trust.rule_for(alert.sender, key_id)
    signatures = verify(alert.raw, sent=alert.sent, signers=rule.signers)
    findings = [found for number, one in enumerate(signatures, 1) if (found := _finding_of(one, number))]
    if rule.required and not any(one.verdict is Verdict.VALID for one in signatures):
        findings.append(finding("cap.signature.required", path="/alert", line=1, found=alert.sender))
    return signatures, findings


def verify(raw: bytes, *, sent: datetime, signers: Sequence[Signer]) -> tuple[Signature, ...]:
    """Return a verdict on each signature of the message in `raw`, in the order in which they stand there."""
    if b"Signature" not in raw and b"\0" not in raw:  # in UTF-16 every other byte is one
        return ()
    try:
        elements = signatures_of(tree_of(raw))
    except etree.XMLSyntaxError:
        return ()
    if len(elements) > MAX_SIGNATURES:
        return (Signature(verdict=Verdict.INVALID, code="cap.signature.count"),)
    return tuple(_soundly(raw, number, elements, sent, signers) for number in range(len(elements)))


def _finding_of(signature: Signature, number: int) -> Finding | None:
    if signature.verdict is Verdict.VALID:
        return None
    return finding(
        signature.code,
        path=f"/alert/Signature[{number}]",
        line=signature.line,
        found=signature.signer or signature.algorithm or None,
        facts={"limit": MAX_SIGNATURES, "rule": "signature", "error": signature.signer},
    )


def _soundly(
    raw: bytes, number: int, elements: Sequence[etree._Element], sent: datetime, signers: Sequence[Signer]
) -> Signature:
    """Return the verdict on a signature; a defect of ours proves nothing, and costs no alert."""
    try:
        return _judged(raw, number, elements, sent, signers)
    except Exception as error:
        return Signature(verdict=Verdict.UNVERIFIABLE, code="cap.rule.crashed", signer=type(error).__name__)


def _judged(
    raw: bytes, number: int, elements: Sequence[etree._Element], sent: datetime, signers: Sequence[Signer]
) -> Signature:
    """Return the verdict on the signature at `number`, counted from 0: the best that any key gives it."""
    element = elements[number]
    offered = certificates_of(element)
    code, signer = "cap.signature.unknown", subject_of(offered[0]) if offered else ""
    flaw = flaw_of(element)
    if flaw is not None:
        code = flaw
    else:
        made = ((key, fits(raw, number, len(elements), key.certificate)) for key in keys(signers, offered, sent))
        said = [(_code_of(key, fit, raw, offered, sent), key.subject) for key, fit in made]
        code, signer = min([(code, signer), *said], key=lambda each: _BEST.index(each[0]))
    return Signature(
        verdict=_VERDICTS.get(code, Verdict.UNVERIFIABLE),
        code=code,
        signer=signer,
        algorithm=method_of(element),
        line=element.sourceline,
    )


def _code_of(key: Key, fit: bool | None, raw: bytes, offered: Sequence[x509.Certificate], sent: datetime) -> str:
    """Return what follows from how one key fits a signature: the code of a finding, or nothing where all is well."""
    if fit:
        return "" if key.is_bare or valid_at(key.certificate, sent) else "cap.signature.expired"
    if fit is None and key.certificate not in offered:
        return "cap.signature.unknown"  # another key's work
    return "cap.signature.cover" if has_company(raw) else "cap.signature.altered"
