"""Text that may go into XML: whatever a sender wrote, it neither breaks nor escapes its place."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2 Char


def legal(text: str) -> str:
    """Return `text` with what XML cannot carry shown as U+FFFD: one bad character must not cost a document."""
    return _ILLEGAL.sub("\ufffd", text)


def escaped(text: str) -> str:
    """Return `text` for an element or a quoted attribute."""
    return escape(legal(text), {'"': "&quot;", "'": "&#39;"})
