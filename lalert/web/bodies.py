"""JSON bodies of requests: one object, whose every mistake is named at once, at its JSON Pointer."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lalert.errors import Finding, Rejected, Severity, Text


def table_of(body: bytes) -> dict[str, object]:
    """Return the members of the object that `body` spells. Raises `Rejected` (http.json, 400) for anything else."""
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        text = Text("本文は JSON のオブジェクトにしてください。", "The body must be a JSON object.")
        raise Rejected(text, code="http.json", status=400) from None


def pointer(name: str) -> str:
    """Return the JSON Pointer of a member (RFC 6901 §3)."""
    return "/" + name[:80].replace("~", "~0").replace("/", "~1")


def mistake(code: str, path: str, found: object, said: Sequence[Text]) -> Finding:
    """Return what is wrong at `path`; `said` is the message and the advice, `found` None where it must not be told."""
    message, advice = said
    return Finding(
        code=code,
        severity=Severity.ERROR,
        path=path,
        found=None if found is None else str(found)[:80],
        message=message,
        advice=advice,
    )
