"""The values that cross the house."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.core.expiry import expiry_of
from lalert.core.model import Cursor, Entry, Priority, Received
from tests.core.messages import CHIYODA, SENT, History, alert


@given(st.from_regex(r"[0-9a-z]{1,16}", fullmatch=True), st.integers(0, 10**18 - 1))
def test_a_cursor_is_read_back_from_its_text(epoch: str, seq: int) -> None:
    """What a reader is given, it may give back."""
    cursor = Cursor(epoch, seq)
    assert Cursor.maybe_parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text", ["", "k3f9", "k3f9-", "-1", "k3f9--1", "k3f9-01", "K3F9-1", "k3f9-1 ", "k3f9-１", "a-1-2"]
)
def test_what_is_no_cursor_is_none(text: str) -> None:
    """One spelling for one position; nothing is guessed."""
    assert Cursor.maybe_parse(text) is None


def test_lanes_have_the_names_that_users_see() -> None:
    """The names of JSON, metrics and filters, most urgent first."""
    assert [lane.label for lane in sorted(Priority)] == ["flash", "urgent", "prompt", "routine"]


def test_an_entry_is_its_draft_at_a_position() -> None:
    """Nothing of a draft is lost on its way into the log."""
    log = History()
    draft = log.draft(alert())
    entry = Entry.of(draft, Cursor("k3f9", 7))
    assert entry.cursor == Cursor("k3f9", 7)
    assert all(getattr(entry, name) == getattr(draft, name) for name in ("kind", "alert", "thread", "zones", "area"))
    assert (entry.codes, entry.key) == ({CHIYODA}, alert().identity.key)


def test_an_expiry_has_a_key_of_its_own() -> None:
    """The message and its expiry are two entries."""
    log = History()
    entry = log.post(alert())
    assert expiry_of(log.posted[entry.key], now=SENT).key == f"expire:{entry.key}"


def test_what_waits_knows_its_lane_and_thread() -> None:
    """The queue asks what waits; nothing else of it matters there."""
    draft = History().draft(alert(identifier="A"))
    assert (Received(draft=draft).priority, Received(draft=draft).thread) == (draft.priority, "A")
