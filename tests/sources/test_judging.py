"""Which of a feed's messages are news here: what is history, what goes on, what must not be changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from lalert.cap.model import Alert
from lalert.core.draft import draft_of
from lalert.core.model import Cursor, Entry, Posted, Realm, Role, Sender, Standing
from lalert.geo.boundaries import BoundarySet
from lalert.sources.judging import Judged, Known, Left, Message, judge, read
from tests.rig.author import CHUO, Author, as_received, now

WEEK = timedelta(hours=168)
author = Author()


def messages(*alerts: Alert) -> list[Message]:
    """Return alerts as they were read from a source."""
    return [Message(alert.raw, alert) for alert in alerts]


def posted(alert: Alert, japan: BoundarySet, *, key_id: str = "source:upstream") -> Posted:
    """Return what the hub knows of an alert that came by this key."""
    sender = Sender(key_id, "x", Realm.LIVE, Role.SENDER, ("*",))
    draft = draft_of(alert, at=now(), sender=sender, zones=(), boundaries=japan, lifetime=WEEK)
    return Posted(Entry.of(draft, Cursor("e", 1)), Standing(state=draft.state))


def judged(
    alerts: Sequence[Alert],
    *known: Posted,
    may_change: Callable[[Posted], bool] = lambda _: True,
    ended: Sequence[Alert] = (),
    at: datetime | None = None,
) -> Judged:
    """Return what is made of `alerts` by a hub that knows this, all of it in force."""
    knows = Known(
        posted={one.entry.alert.identity.key: one for one in known},
        in_force=[one.entry.alert for one in known],
        holding={one.entry.thread: one for one in known},
        may_change=may_change,
    )
    keys = {alert.identity.key for alert in ended}
    return judge(messages(*alerts), knows, is_ended=keys.__contains__, now=at or now(), lifetime=WEEK)


def kept(found: Judged) -> list[list[str]]:
    """Return the identifiers of what is to be kept, by chain."""
    return [[message.alert.identifier for message in chain] for chain in found.chains]


def left(found: Judged) -> dict[str, Left]:
    """Return why the others are not."""
    return {message.alert.identifier: why for message, why in found.left}


def test_message_in_force_is_news() -> None:
    """What nobody here has heard of, and what holds, is kept."""
    order = author.order()
    assert kept(judged([order])) == [[order.identifier]]


def test_message_that_is_over_is_history() -> None:
    """An alert whose time has passed is not published late."""
    order = author.order(lasts=timedelta(hours=1))
    assert left(judged([order], at=now() + timedelta(hours=2))) == {order.identifier: Left.OVER}


def test_only_the_newest_of_an_unknown_chain_is_told() -> None:
    """Alert, raised, lowered, in any order: what holds now, once; the others would be false alarms."""
    first = author.order(level=3)
    second = author.update(first, level=4)
    third = author.update(second, level=3)
    found = judged([third, first, second])
    assert kept(found) == [[third.identifier]]
    assert left(found) == {first.identifier: Left.SUPERSEDED, second.identifier: Left.SUPERSEDED}


def test_what_was_ended_before_we_heard_of_it_is_not_told() -> None:
    """Alert and Cancel in one feed: neither is published, for there is nothing to take back."""
    order = author.order()
    cancel, lifted = author.cancel(order), author.order()
    found = judged([order, cancel, lifted, author.lift(lifted)])
    assert kept(found) == []
    assert set(left(found).values()) == {Left.SUPERSEDED, Left.EFFECTLESS}


def test_change_of_an_earlier_round_counts() -> None:
    """The Cancel came with the last round, the Alert only now: it stays unpublished."""
    order = author.order()
    assert left(judged([order], ended=[order])) == {order.identifier: Left.SUPERSEDED}


def test_chain_that_is_known_is_told_to_its_end(japan: BoundarySet) -> None:
    """Whoever heard the beginning hears every step, in order, even the one that lifts it."""
    first = author.order(level=3)
    second = author.update(first, level=4)
    third = author.lift(second)
    found = judged([third, second, first], posted(first, japan))
    assert kept(found) == [[second.identifier, third.identifier]]
    assert left(found) == {first.identifier: Left.REPEATED}


def test_same_message_from_elsewhere_is_a_repeat(japan: BoundarySet) -> None:
    """Other bytes that say the same are the same message; under one identity nothing else is taken."""
    order = author.order()
    spaced = as_received(order)
    assert left(judged([replace(spaced, raw=b" ")], posted(order, japan))) == {order.identifier: Left.REPEATED}
    other = replace(order, note="changed")
    assert left(judged([other], posted(order, japan))) == {order.identifier: Left.CONFLICT}


def test_two_contents_under_one_identity_in_a_feed() -> None:
    """The first is kept; the other contradicts it."""
    order = author.order()
    found = judged([order, replace(order, note="changed"), order])
    assert kept(found) == [[order.identifier]]
    assert [why for _, why in found.left] == [Left.CONFLICT, Left.REPEATED]


def test_what_holds_already_is_not_issued_again(japan: BoundarySet) -> None:
    """The same words under another name, beside what holds or in one feed: published once, the name is noted."""
    order = author.order()
    again = replace(order, identifier="again", sent=order.sent + timedelta(minutes=1))
    found = judged([again], posted(order, japan))
    assert left(found) == {"again": Left.REISSUED}
    assert found.aliases == ((again.identity, order.identity),)
    together = judged([order, again])
    assert (kept(together), left(together)) == ([[order.identifier]], {"again": Left.REISSUED})


def test_longer_or_elsewhere_is_not_the_same(japan: BoundarySet) -> None:
    """Another end, another place, another sender: that is a message of its own."""
    order = author.order()
    longer = replace(order, identifier="longer", infos=author.order(lasts=timedelta(hours=9)).infos)
    elsewhere = author.order(CHUO)
    relayed = replace(order, sender="other@example.jp")
    assert len(judged([longer, elsewhere, relayed], posted(order, japan)).chains) == 3


def test_what_was_posted_with_a_key_is_not_changed(japan: BoundarySet) -> None:
    """A Cancel and an Update of what this source may not change are refused, and what hangs on them."""
    order = author.order()
    update = author.update(order, level=5)
    follow = author.cancel(update)
    keyed = posted(order, japan, key_id="abcdef")
    found = judged([update, follow], keyed, may_change=lambda one: one.entry.key_id.startswith("source:"))
    assert kept(found) == []
    assert set(left(found).values()) == {Left.DISTRUSTED}


def test_what_holds_in_the_thread_counts_too(japan: BoundarySet) -> None:
    """Referring to an old message of a thread ends what holds there now: that must be changeable as well."""
    first = author.order()
    update = author.update(first)
    held = posted(update, japan, key_id="abcdef")
    held = replace(held, entry=replace(held.entry, thread=first.identifier))
    own = posted(first, japan)
    knows = Known(
        posted={first.identity.key: own},
        in_force=[],
        holding={first.identifier: held},
        may_change=lambda one: one.entry.key_id.startswith("source:"),
    )
    cancel = author.cancel(first)
    found = judge(messages(cancel), knows, is_ended=lambda _: False, now=now(), lifetime=WEEK)
    assert left(found) == {cancel.identifier: Left.DISTRUSTED}


def test_tests_of_the_line_are_not_relayed() -> None:
    """Heartbeats that an upstream sends as alerts stay there."""
    test = author.line_test()
    assert left(judged([test])) == {test.identifier: Left.EFFECTLESS}


def test_reading_keeps_what_others_made_and_names_what_it_is_not() -> None:
    """Defects are no reason to withhold; what has no name, no time or is no XML is."""
    order = author.order()
    flawed = order.raw.replace(b"<urgency>Immediate", b"<urgency>Soon")
    found, unread = read([order.raw, flawed, b"<html/>", order.raw.replace(b"<sent>", b"<sent>x")], now=now())
    assert [message.raw for message in found] == [order.raw, flawed]
    assert ["cap.xml.root" in {finding.code for finding in one.findings} for one in unread] == [True, False]
    assert all(one.findings for one in unread)
