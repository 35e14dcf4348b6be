"""The draft that ends a message whose time has come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from lalert.cap.model import MsgType
from lalert.core.expiry import expiry_of
from lalert.core.matching import hearers_of, wants
from lalert.core.model import Entry, Kind, State, Subscription
from lalert.errors import Finding, Severity, Text
from tests.core.messages import CHIYODA, CHUO, SENT, History, alert, info


def test_an_expiry_says_the_same_of_the_same_message() -> None:
    """Message, thread, zones, level, lane and reaches are the alert's own; only what it does and when differ."""
    log = History()
    posted = log.posted[log.post(alert()).alert.identity.key]
    now = SENT + timedelta(hours=6)
    expiry = expiry_of(posted, now=now)
    undone = replace(expiry, kind=Kind.ALERT, at=SENT, state=State.IN_FORCE, ends_at=posted.entry.ends_at)
    assert (expiry.kind, expiry.at, expiry.state, expiry.ends_at) == (Kind.EXPIRE, now, State.EXPIRED, None)
    assert Entry.of(undone, posted.entry.cursor) == posted.entry


def test_an_expiry_is_heard_by_whoever_heard_what_came_before() -> None:
    """Who heard the Alert and lives where its Update does not reach any more hears that the Update has ended, too."""
    log = History()
    first = log.post(alert())
    moved = alert(info(codes=[CHUO]), identifier="B", msg_type=MsgType.UPDATE, refs=[first.alert.identity])
    posted = log.posted[log.post(moved).alert.identity.key]
    expiry = expiry_of(posted, now=SENT + timedelta(hours=6))
    assert wants(Subscription(areas=frozenset({CHIYODA})), expiry)
    assert hearers_of(expiry) == hearers_of(posted.entry)


def test_an_expiry_is_an_entry_of_its_own() -> None:
    """Its natural key differs from the message's, and is the same however often it is made."""
    log = History()
    posted = log.posted[log.post(alert()).alert.identity.key]
    first, second = (expiry_of(posted, now=SENT + timedelta(hours=h)) for h in (6, 7))
    assert first.key == second.key != posted.entry.key


def test_an_expiry_is_said_by_the_hub() -> None:
    """The key, the warnings and the receivers of the post are not those of its end."""
    log = History()
    finding = Finding(code="x", severity=Severity.WARNING, message=Text("あ", "a"), advice=Text("い", "b"))
    draft = replace(log.draft(alert()), key_id="k1", findings=(finding,), matched=(("streams", 3),), silent=True)
    entry = log.keep(draft)
    expiry = expiry_of(log.posted[entry.alert.identity.key], now=SENT)
    assert (expiry.key_id, expiry.findings, expiry.matched, expiry.silent) == ("", (), (), False)
