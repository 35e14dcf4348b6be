"""EDXL-DE envelopes and feeds around messages, as others write them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lalert.cap.edxl import DE
from lalert.cap.model import Alert

_DECLARATION = re.compile(rb"\A\s*<\?xml[^>]*\?>\s*")


def bare(message: Alert | bytes) -> bytes:
    """Return a message as it stands inside another document: without its XML declaration."""
    return _DECLARATION.sub(b"", message.raw if isinstance(message, Alert) else message).strip()


def content(message: Alert | bytes) -> bytes:
    """Return a message as the content of an envelope."""
    inside = b"<embeddedXMLContent>" + bare(message) + b"</embeddedXMLContent>"
    return b"<contentObject><xmlContent>" + inside + b"</xmlContent></contentObject>"


def envelope(
    *contents: Alert | bytes,
    status: str = "Actual",
    kind: str = "Report",
    identifier: str = "env-1",
    namespace: str = DE,
    without: Sequence[str] = (),
) -> bytes:
    """Return an envelope of messages; bytes that are a `contentObject` already go in as they are."""
    said = {
        "distributionID": identifier,
        "senderID": "bousai@pref.example.jp",
        "dateTimeSent": "2026-11-23T04:36:00+09:00",
        "distributionStatus": status,
        "distributionType": kind,
        "combinedConfidentiality": "Unclassified",
    }
    head = "".join(f"<{name}>{text}</{name}>\n" for name, text in said.items() if name not in without).encode()
    parts = (c if isinstance(c, bytes) and c.startswith(b"<contentObject") else content(c) for c in contents)
    opening = f'<?xml version="1.0" encoding="UTF-8"?>\n<EDXLDistribution xmlns="{namespace}">\n'.encode()
    return opening + head + b"\n".join(parts) + b"</EDXLDistribution>\n"
