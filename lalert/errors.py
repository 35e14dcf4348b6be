"""What can go wrong, and whose fault it is.

Three branches, one tree: `Rejected` (the sender's message or question is wrong), `Unavailable` (we cannot just
now; try again), `Defect` (a bug of ours). A rejection lists everything that is wrong at once, as `Finding`s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct


class Text(Struct, frozen=True, gc=False):
    """One statement in Japanese and in English."""

    ja: str
    en: str


class Severity(StrEnum):
    """How much a finding matters: an error rejects, a warning travels in the receipt."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Finding(Struct, frozen=True, kw_only=True, gc=False):
    """One thing that is wrong, or worth knowing, in what somebody sent us.

    `code` is stable and documented (`cap.sent.format`); `clause` names the rule (`CAP 1.2 §3.2.1 sent`); `line`
    counts from 1 and `path` is an XPath or JSON Pointer into what was sent; `found` is the offending text, cut short.
    """

    code: str
    severity: Severity
    message: Text
    advice: Text
    clause: str = ""
    line: int | None = None
    path: str | None = None
    found: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form that `validate --json`, receipts and problem documents share."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "clause": self.clause,
            "line": self.line,
            "path": self.path,
            "found": self.found,
            "message": {"ja": self.message.ja, "en": self.message.en},
            "advice": {"ja": self.advice.ja, "en": self.advice.en},
        }


class LalertError(Exception):
    """The root of everything that lalert raises: a stable code, an HTTP status, a text in two languages."""

    def __init__(self, message: Text, *, code: str, status: int, findings: Sequence[Finding] = ()) -> None:
        super().__init__(f"{code}: {message.en}")
        self.message = message
        self.code = code
        self.status = status
        self.findings = tuple(findings)


class Rejected(LalertError):
    """The sender's fault: it will not become right by trying again.

    `members` are further members of the problem document (RFC 9457 §3.2): values that JSON can hold.
    """

    def __init__(
        self,
        message: Text,
        *,
        code: str,
        status: int = 422,
        findings: Sequence[Finding] = (),
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, code=code, status=status, findings=findings)
        self.members = dict(members or {})


class Unavailable(LalertError):
    """Our fault, for now: nothing was kept; the same request is right again after `retry_after_s` seconds."""

    def __init__(self, message: Text, *, code: str, retry_after_s: int = 5) -> None:
        super().__init__(message, code=code, status=503)
        self.retry_after_s = retry_after_s


class Defect(LalertError):
    """A bug of ours. It is logged whole; the sender learns a correlation id only."""

    def __init__(self, message: Text, *, code: str = "defect") -> None:
        super().__init__(message, code=code, status=500)


def rejected(
    findings: Sequence[Finding],
    *,
    code: str,
    status: int = 422,
    message: Text,
    members: Mapping[str, object] | None = None,
) -> Rejected:
    """Return the rejection that lists `findings`, errors first, then by line."""
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
    ranked = sorted(findings, key=lambda f: (order[f.severity], f.line or 0))
    return Rejected(message, code=code, status=status, findings=ranked, members=members)
