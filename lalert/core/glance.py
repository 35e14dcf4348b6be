"""A glance at a post that nobody has read yet: how urgent does it look?

It decides nothing but who is examined first. A flood of routine posts is examined at some hundred a second; a level 5
among them must not wait its turn. What it takes for urgent and is not loses nothing but the advantage: the rank that
counts (`core.priority`) is that of the examined message.
"""

from __future__ import annotations

import re

from lalert.core.model import Priority

_AT_ONCE = re.compile(rb"[<:]urgency>\s*Immediate\s*<")
_EXTREME = re.compile(rb"[<:]severity>\s*Extreme\s*<")
_SEVERE = re.compile(rb"[<:]severity>\s*Severe\s*<")
_CANCEL = re.compile(rb"[<:]msgType>\s*Cancel\s*<")
_SOON = re.compile(rb"[<:]urgency>\s*Expected\s*<")


def glance(raw: bytes) -> Priority:
    """Return how urgent the message in `raw` looks. Linear in its length, whatever it holds."""
    if _CANCEL.search(raw):
        return Priority.FLASH  # what it takes back may be as urgent as anything
    if _AT_ONCE.search(raw):
        return Priority.FLASH if _EXTREME.search(raw) else Priority.URGENT
    return Priority.PROMPT if _SEVERE.search(raw) or _SOON.search(raw) else Priority.ROUTINE
