"""From an examined message to a draft: every decision that needs other messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lalert.cap.model import Alert
from lalert.core.draft import draft_of
from lalert.core.model import (
    CancelKind,
    Cursor,
    Draft,
    Entry,
    Kind,
    Posted,
    Priority,
    Realm,
    Role,
    Sender,
    Standing,
    State,
)
from lalert.core.zones import zones_of
from lalert.errors import Finding, Severity, Text
from lalert.geo.boundaries import BoundarySet
from tests.rig.author import CHIYODA, CHUO, Author, now

LIFETIME = timedelta(hours=3)
SENDER = Sender("k1", "千代田区", Realm.LIVE, Role.SENDER, ("13",))

author = Author()


class Log:
    """What was kept before, as the hub would tell it."""

    def __init__(self, japan: BoundarySet) -> None:
        self.japan = japan
        self.posted: dict[str, Posted] = {}
        self.in_force: dict[str, Posted] = {}
        self.priorities: dict[str, Priority] = {}

    def draft(self, alert: Alert, **changes: object) -> Draft:
        """Return what becomes of `alert` now."""
        values: dict[str, object] = {
            "at": now(),
            "sender": SENDER,
            "zones": zones_of(alert, self.japan)[0],
            "boundaries": self.japan,
            "lifetime": LIFETIME,
            "referenced": [self.posted[ref.key] for ref in alert.references if ref.key in self.posted],
            "in_force_of": self.in_force.get,
            "priority_of": self.priorities.get,
        }
        return draft_of(alert, **values | changes)  # type: ignore[arg-type]

    def keep(self, alert: Alert) -> Draft:
        """Keep `alert` and return its draft."""
        draft = self.draft(alert)
        posted = Posted(Entry.of(draft, Cursor("k3f9", len(self.posted) + 1)), Standing(state=draft.state))
        self.posted[draft.key] = posted
        self.priorities[draft.thread] = min(draft.priority, self.priorities.get(draft.thread, draft.priority))
        if draft.state is State.IN_FORCE:
            self.in_force[draft.thread] = posted
        else:
            self.in_force.pop(draft.thread, None)
        return draft


@pytest.fixture
def log(japan: BoundarySet) -> Log:
    """An empty log."""
    return Log(japan)


def test_first_message(log: Log) -> None:
    """An Alert opens a thread of its own name, in force until its `expires`, with the union of its zones."""
    alert = author.order(CHIYODA, CHUO, level=5)
    draft = log.draft(alert, findings=[WARNING])
    assert (draft.kind, draft.thread, draft.state, draft.supersedes) == (
        Kind.ALERT,
        alert.identifier,
        State.IN_FORCE,
        (),
    )
    assert (draft.priority, draft.level, draft.hazards) == (Priority.FLASH, 5, ("flood",))
    assert draft.codes == {CHIYODA, CHUO}
    assert draft.ends_at == alert.infos[0].expires
    assert (draft.key_id, draft.findings) == ("k1", (WARNING,))
    assert not draft.silent


WARNING = Finding(code="x.y.z", severity=Severity.WARNING, message=Text("注意", "note"), advice=Text("", ""))


def test_update_takes_its_place_in_the_thread(log: Log) -> None:
    """An Update supersedes what it references and what is in force, whatever it knew of."""
    first = author.order(level=3)
    second = author.update(first, level=4)
    third = author.update(first, level=4)  # its author did not know of the second
    log.keep(first)
    log.keep(second)
    draft = log.draft(third)
    assert draft.thread == first.identifier
    assert {reach.identity.identifier for reach in draft.supersedes} == {first.identifier, second.identifier}


def test_end_of_an_urgent_thread_is_as_urgent(log: Log) -> None:
    """A lift goes in the lane of the most urgent message that its thread ever had."""
    first = author.order(level=5)
    log.keep(first)
    assert log.draft(author.lift(first)).priority is Priority.FLASH
    lowered = author.update(first, level=3)
    log.keep(lowered)
    assert log.draft(author.lift(lowered)).priority is Priority.FLASH


def test_lift_and_cancel_are_never_in_force(log: Log) -> None:
    """What ends something holds nothing itself: no end of its own, and it says what kind of end it is."""
    order = author.order()
    log.keep(order)
    for alert, kind, state, end in (
        (author.lift(order), Kind.UPDATE, State.CANCELLED, CancelKind.LIFTED),
        (author.cancel(order), Kind.CANCEL, State.CANCELLED, CancelKind.FALSE_ALARM),
    ):
        draft = log.draft(alert)
        assert (draft.kind, draft.state, draft.cancel_kind, draft.ends_at) == (kind, state, end, None)


def test_correction_of_words_is_silent(log: Log) -> None:
    """A 訂正 that changes neither level, area nor action rings nobody again."""
    order = author.order()
    log.keep(order)
    assert log.draft(author.correct(order)).silent
    assert not log.draft(author.update(order, level=5)).silent


def test_test_of_the_line_has_no_area(log: Log) -> None:
    """A System message of the hub itself: no key, no area, an end by the hub's own rule."""
    test = author.line_test()
    draft = log.draft(test, sender=None)
    assert (draft.area, draft.zones, draft.key_id, draft.priority) == (None, (), "", Priority.ROUTINE)
    assert draft.codes == frozenset()


def test_same_name_does_not_join_another_thread(log: Log) -> None:
    """When the name of a thread is taken by another sender's the new thread gets another one."""
    order = author.order()
    assert log.draft(order, taken=True).thread != order.identifier


def test_reference_that_nobody_knows(log: Log) -> None:
    """An Update of a message that never came still has a thread: the name of the first that it references."""
    unknown = author.order()
    draft = log.draft(author.update(unknown))
    assert (draft.thread, draft.supersedes) == (unknown.identifier, ())


def test_lifetime_bounds_what_names_no_end(log: Log) -> None:
    """Without `expires` the hub ends it after its own time."""
    order = author.order()
    endless = replace(order, infos=tuple(replace(info, expires=None, effective=None) for info in order.infos))
    assert log.draft(endless).ends_at == order.sent + LIFETIME


def test_an_update_says_what_it_leaves_out(log: Log) -> None:
    """An Update is the full state: the ward that it no longer names is named as left out; a lifting names none."""
    first = author.order(CHIYODA, CHUO)
    log.keep(first)
    draft = log.draft(author.update(first, CHIYODA))
    assert draft.omission is not None
    assert [(one.code, one.name, one.whole) for one in draft.omission.municipalities] == [(CHUO, "中央区", True)]
    assert log.draft(author.update(first, CHIYODA, CHUO)).omission is None
    assert log.draft(author.lift(first)).omission is None
    assert log.draft(author.cancel(first)).omission is None


@pytest.mark.parametrize("kind", ["update", "lift", "cancel"])
def test_a_change_of_what_nobody_knows_says_so(log: Log, kind: str) -> None:
    """Whoever ends a message by a wrong name must not believe that it has ended."""
    author_of = {"update": author.update, "lift": author.lift, "cancel": author.cancel}[kind]
    alert = author_of(author.order(CHIYODA))
    draft = log.draft(alert, unknown=alert.references)
    assert draft.supersedes == ()
    (told,) = draft.findings
    assert (told.code, told.severity) == ("references.unknown", Severity.WARNING)
    assert alert.references[0].identifier in (told.found or "")
    assert log.draft(author.order(CHIYODA), unknown=alert.references).findings == ()


def test_the_cancel_of_a_raise_takes_back_no_step(log: Log) -> None:
    """Whoever cancels an Update is told that what held before it ends, too, unless that is cancelled with it."""
    first = author.order(CHIYODA, level=3)
    raised = author.update(first, CHIYODA, level=4)
    log.keep(first)
    log.keep(raised)
    (told,) = log.draft(author.cancel(raised)).findings
    assert (told.code, told.severity) == ("references.earlier", Severity.WARNING)
    assert first.identifier in (told.found or "")
    assert log.draft(author.cancel(first)).findings == ()
    whole = author.cancel(raised)
    assert log.draft(replace(whole, references=(first.identity, raised.identity))).findings == ()
    assert log.draft(author.update(raised, CHIYODA, level=5)).findings == ()
