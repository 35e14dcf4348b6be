"""From bytes to a judged message: what intake, `lalert validate` and upstream feeds all go through.

`read` never raises for bad input. Structure, CAP's rules and the Japanese profile are reported together, each finding
with its line, wherever the tree can be read at all.

Two strictnesses. Our own senders (PRODUCER): every error rejects. Upstream feeds (UPSTREAM): what others made is
published with its defects; only what cannot be read, attributed or dated, or is beyond the bounds, is withheld.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Literal

from msgspec import structs

from lalert.cap import places, repair, rules, signature, structure
from lalert.cap import profile as japan
from lalert.cap.model import Alert
from lalert.cap.parse import UNREADABLE, Decoded, decode
from lalert.cap.signature import Signature
from lalert.cap.trust import Trust
from lalert.errors import Finding, Severity

Profile = Literal["jp", "core"]


class Strictness(StrEnum):
    """How a message is held against the rules: as its producer's, or as one that somebody else made."""

    PRODUCER = "producer"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read: `alert` is None where the message must not go out; `findings` are ordered by line.

    `signatures` are those of the message, empty where nobody said whom to trust.
    """

    alert: Alert | None
    findings: tuple[Finding, ...]
    signatures: tuple[Signature, ...] = ()

    @property
    def verdict(self) -> Literal["valid", "invalid"]:
        """`valid` where nothing found is an error."""
        return "invalid" if self.alert is None else "valid"

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form that `validate --json` and `POST /api/v1/validate` share."""
        told = {"signatures": [one.to_dict() for one in self.signatures]} if self.signatures else {}
        return {"verdict": self.verdict, "findings": [finding.to_dict() for finding in self.findings], **told}


def read(
    raw: bytes,
    *,
    profile: Profile = "jp",
    strictness: Strictness = Strictness.PRODUCER,
    now: datetime | None = None,
    trust: Trust | None = None,
    key_id: str = "",
) -> Reading:
    """Return the message in `raw` with all its findings. Without `now` nothing is held against the clock.

    Signatures are looked at where there is a `trust`; `key_id` names the API key that posted the message.
    """
    upstream = strictness is Strictness.UPSTREAM
    decoded, repaired = repair.decode(raw) if upstream else (decode(raw), ())
    alert = decoded.alert
    if alert is None:
        return Reading(alert=None, findings=_ordered((*decoded.findings, *repaired)))
    judged = rules.check(alert) + (japan.check(alert, now=now) if profile == "jp" else [])
    signatures, unproven = signature.check(alert, trust, key_id=key_id) if trust else ((), [])
    if not judged and not decoded.findings and not repaired and not unproven and not _is_in_utc(alert):
        return Reading(alert=alert, findings=(), signatures=signatures)
    found = [*repaired, *decoded.findings, *_utc(decoded), *_added(judged, decoded), *unproven]
    if upstream:
        alert, mended = repair.mend(alert)
        blank = _blank(alert)
        found = [*(_softened(f, blank) for f in found), *_located(mended, decoded)]
    invalid = any(f.severity is Severity.ERROR for f in found)
    return Reading(alert=None if invalid else alert, findings=_ordered(found), signatures=signatures)


def _added(judged: Iterable[Finding], decoded: Decoded) -> Iterator[Finding]:
    """Yield the findings about values with their lines, less those about places that could not be read anyway.

    What a message needs by its msgType cannot be said where that is not known.
    """
    told = {f.path for f in decoded.findings if f.severity is Severity.ERROR or f.code == "cap.references.old"}
    moot = _OF_ITS_TYPE if "/alert/msgType" in told else frozenset[str]()
    fresh = (finding for finding in judged if finding.path not in told and finding.code not in moot)
    yield from _located(sorted(fresh, key=_weight)[: structure.MAX_FINDINGS], decoded)


def _weight(finding: Finding) -> int:
    """Return what must not be cut off first: bounds, errors, the rest."""
    return 0 if finding.code in _BOUNDS else 1 if finding.severity is Severity.ERROR else 2


def _located(findings: Iterable[Finding], decoded: Decoded) -> Iterator[Finding]:
    """Yield `findings` with the lines of their paths."""
    for finding in findings:
        line = places.line_of(decoded.root, finding.path or "/") if decoded.root is not None else None
        yield structs.replace(finding, line=line)


def _blank(alert: Alert) -> frozenset[str]:
    """Return where an upstream's message lacks what nothing can make up for: whose it is, which, and of when."""
    lacking = {
        "/alert/identifier": not alert.identifier.strip(),
        "/alert/sender": not alert.sender.strip(),
        "/alert/sent": alert.sent == UNREADABLE,
    }
    return frozenset(path for path, lacks in lacking.items() if lacks)


def _softened(finding: Finding, blank: frozenset[str]) -> Finding:
    """Return an upstream's error as a warning, unless it withholds the message: no name, time or proof, or too much."""
    if finding.severity is not Severity.ERROR or finding.code in _WITHHOLDING:
        return finding
    if (finding.path or "").partition("[")[0] in blank:  # the first of its name or another
        return finding
    return structs.replace(finding, severity=Severity.WARNING)


_BOUNDS: Final = frozenset({"cap.limits", "cap.name.long", "cap.references.many"})
_WITHHOLDING: Final = _BOUNDS | {"cap.signature.required"}
_OF_ITS_TYPE: Final = frozenset({"cap.references.missing", "cap.note.error"})


def _ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: f.line or 0))


def _utc(decoded: Decoded) -> Iterator[Finding]:
    """Yield each time that writes UTC as `+00:00`: values no longer show it."""
    if decoded.alert is None or decoded.root is None or b"+00:00" not in decoded.alert.raw:
        return
    for element in decoded.root.iter(*_TIMES):
        if (element.text or "").rstrip().endswith("+00:00"):
            yield places.finding_at("cap.time.utc", element, element.text)


def _is_in_utc(alert: Alert) -> bool:
    """Whether a time of `alert` has no offset, and may be written as `+00:00`."""
    if alert.sent.tzinfo == UTC:
        return True
    for info in alert.infos:
        for at in (info.effective, info.onset, info.expires):
            if at is not None and at.tzinfo == UTC:
                return True
    return False


_TIMES: Final = tuple(f"{{*}}{name}" for name in ("sent", "effective", "onset", "expires"))
