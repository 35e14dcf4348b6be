"""What a stream says, however it is framed."""

from __future__ import annotations

import json

from lalert.core.model import Cursor
from lalert.publishers import events
from tests.render.entries import SENT

AT = Cursor("k3f9", 1042)


def test_heartbeat_lets_a_reader_check_itself() -> None:
    """Cursor, last identifiers, number in force, server time; and an id to resume from."""
    event = events.heartbeat(AT, last=["b", "a"], in_force=3, now=SENT)
    assert (event.name, event.cursor) == ("heartbeat", AT)
    assert json.loads(event.data) == {
        "cursor": "k3f9-1042",
        "last": ["b", "a"],
        "inForce": 3,
        "now": "2026-07-06T02:30:00+09:00",
    }


def test_gap_says_what_was_lost_and_keeps_the_place() -> None:
    """A gap has no id: a reader cut off after it asks again from the same place."""
    event = events.gap(since="old-1", oldest=AT, archive="https://x/feeds/all.atom")
    assert (event.name, event.cursor) == ("gap", None)
    assert json.loads(event.data) == {"since": "old-1", "oldest": "k3f9-1042", "archive": "https://x/feeds/all.atom"}


def test_bye_gives_its_reason() -> None:
    """Whoever is sent away learns why, and keeps its place."""
    event = events.bye("shutdown")
    assert (event.name, event.data, event.cursor) == ("bye", b'{"reason":"shutdown"}', None)
