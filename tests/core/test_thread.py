"""Threads: names, what supersedes what, states and ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lalert.cap.model import Info, MsgType, ResponseType, Severity, Status
from lalert.core import thread
from lalert.core.expiry import expiry_of
from lalert.core.model import CancelKind, Kind, Posted, Standing, State
from tests.core.messages import CHIYODA, CHUO, LIFETIME, SENT, History, alert, all_clear, identity, info, zones

UPDATE, CANCEL = MsgType.UPDATE, MsgType.CANCEL


@pytest.fixture
def log() -> History:
    """A log with the Alert A."""
    history = History()
    history.post(alert(identifier="A"))
    return history


def test_an_alert_names_its_thread(log: History) -> None:
    """The thread of a first message is its own identifier."""
    assert log.entries[0].thread == "A"


def test_a_change_joins_the_thread_of_what_it_references(log: History) -> None:
    """The whole chain bears the name of its first message."""
    log.post(alert(identifier="B", msg_type=UPDATE, refs=[identity("A")]))
    assert log.post(alert(identifier="C", msg_type=CANCEL, refs=[identity("B")])).thread == "A"


def test_the_first_known_reference_decides(log: History) -> None:
    """Unknown references beside known ones do not lead away."""
    update = alert(identifier="B", msg_type=UPDATE, refs=[identity("lost"), identity("A")])
    assert log.post(update).thread == "A"


def test_unknown_references_name_the_thread_after_the_first() -> None:
    """Two changes of one message that never came share a thread."""
    log = History()
    first = log.post(alert(identifier="B", msg_type=UPDATE, refs=[identity("lost")]))
    second = log.post(alert(identifier="C", msg_type=CANCEL, refs=[identity("lost")]))
    assert (first.thread, second.thread) == ("lost", "lost")
    assert [reach.identity.identifier for reach in second.supersedes] == ["B"]


def test_a_cancel_of_an_all_clear_alone_undoes_a_lifting(log: History) -> None:
    """Only where each message that a Cancel names is known, and a 解除; an Update of one is an announcement."""
    log.post(alert(all_clear(), identifier="B", msg_type=UPDATE, refs=[identity("A")]))
    order, lifted = (Posted(entry, Standing(state=entry.state)) for entry in log.entries)
    cancel = alert(identifier="C", msg_type=CANCEL, refs=[identity("B")])
    assert thread.undoes_a_lifting(cancel, [lifted])
    for named in ([lifted, order], [lifted, None], [order], [None], []):
        assert not thread.undoes_a_lifting(cancel, named)
    assert not thread.undoes_a_lifting(alert(identifier="C", msg_type=UPDATE, refs=[identity("B")]), [lifted])


def test_an_alert_with_references_begins_a_thread(log: History) -> None:
    """Only Update and Cancel change a thread."""
    assert log.post(alert(identifier="B", refs=[identity("A")])).thread == "B"
    assert log.entries[-1].supersedes == ()


def test_a_name_that_is_taken_gives_way_to_the_natural_key(log: History) -> None:
    """Two senders may use one identifier; their threads stay apart."""
    other = alert(identifier="A", sender="other@example.jp")
    assert log.post(other).thread == other.identity.key


def test_a_change_never_enters_a_stranger_s_thread(log: History) -> None:
    """An Update of an unknown message with a known identifier ends nothing of the sender who owns the name."""
    stranger = identity("A", "other@example.jp")
    update = log.post(alert(identifier="B", sender="other@example.jp", msg_type=UPDATE, refs=[stranger]))
    assert (update.thread, update.supersedes) == (stranger.key, ())


def test_an_update_without_references_stands_alone() -> None:
    """What references nothing is its own founder (the rules of CAP refuse it before)."""
    assert thread.founder_of(alert(identifier="B", msg_type=UPDATE)) == identity("B")


def test_a_change_supersedes_what_it_references_and_what_is_in_force(log: History) -> None:
    """A Cancel that names only the first message of a chain ends the last as well."""
    log.post(alert(identifier="B", msg_type=UPDATE, refs=[identity("A")]))
    cancel = log.post(alert(identifier="C", msg_type=CANCEL, refs=[identity("A")]))
    assert [reach.identity.identifier for reach in cancel.supersedes] == ["A", "B"]
    assert [reach.area.codes for reach in cancel.supersedes] == [{CHIYODA}, {CHIYODA}]


def test_what_has_no_area_reaches_nobody() -> None:
    """A superseded message without an area is no reach."""
    log = History()
    log.post(alert(identifier="A", msg_type=CANCEL, refs=[identity("lost")]))
    assert log.post(alert(identifier="B", msg_type=UPDATE, refs=[identity("A")])).supersedes == ()


def test_a_message_does_not_supersede_itself(log: History) -> None:
    """A self-reference, seen in public feeds, is not followed."""
    assert (
        thread.supersedes(
            alert(identifier="A", msg_type=UPDATE, refs=[identity("A")]), [], log.posted[identity("A").key]
        )
        == ()
    )


def test_tests_of_the_line_and_alerts_do_not_supersede_each_other(log: History) -> None:
    """Their audiences differ, so nobody would hear the end."""
    test = alert(info(), identifier="T", msg_type=UPDATE, refs=[identity("A")], status=Status.SYSTEM)
    assert log.post(test).supersedes == ()


@pytest.mark.parametrize(
    ("infos", "msg_type", "status", "state", "kind"),
    [
        ([info()], MsgType.ALERT, Status.ACTUAL, State.IN_FORCE, None),
        ([info()], UPDATE, Status.ACTUAL, State.IN_FORCE, None),
        ([info(corrects=True)], UPDATE, Status.ACTUAL, State.IN_FORCE, CancelKind.CORRECTED),
        ([all_clear(), info()], UPDATE, Status.ACTUAL, State.IN_FORCE, None),
        ([all_clear(), all_clear(language="en")], UPDATE, Status.ACTUAL, State.CANCELLED, CancelKind.LIFTED),
        ([all_clear()], MsgType.ALERT, Status.ACTUAL, State.CANCELLED, CancelKind.LIFTED),
        ([all_clear()], CANCEL, Status.ACTUAL, State.CANCELLED, CancelKind.FALSE_ALARM),
        ([], CANCEL, Status.ACTUAL, State.CANCELLED, CancelKind.FALSE_ALARM),
        ([], MsgType.ALERT, Status.SYSTEM, State.EXPIRED, None),
    ],
)
def test_state_and_kind_follow_what_is_said(
    infos: list[Info], msg_type: MsgType, status: Status, state: State, kind: CancelKind | None
) -> None:
    """取消, 解除 and tests of the line are never in force; 訂正 is, and corrects what it replaces."""
    message = alert(*infos, msg_type=msg_type, status=status)
    assert (thread.state_of(message), thread.cancel_kind_of(message)) == (state, kind)


def test_what_is_superseded_stands_as_the_change_says(log: History) -> None:
    """Update: superseded. 訂正: superseded, corrected. 解除 and 取消: cancelled, with the kind. Expiry: expired."""
    changes = {
        "U": alert(identifier="U", msg_type=UPDATE, refs=[identity("A")]),
        "K": alert(info(corrects=True), identifier="K", msg_type=UPDATE, refs=[identity("A")]),
        "L": alert(all_clear(), identifier="L", msg_type=UPDATE, refs=[identity("A")]),
        "C": alert(identifier="C", msg_type=CANCEL, refs=[identity("A")]),
    }
    after = {name: thread.standing_after(log.draft(message)) for name, message in changes.items()}
    assert after == {
        "U": Standing(state=State.SUPERSEDED, replaced_by="U"),
        "K": Standing(state=State.SUPERSEDED, replaced_by="K", cancel_kind=CancelKind.CORRECTED),
        "L": Standing(state=State.CANCELLED, replaced_by="L", cancel_kind=CancelKind.LIFTED),
        "C": Standing(state=State.CANCELLED, replaced_by="C", cancel_kind=CancelKind.FALSE_ALARM),
    }
    expiry = expiry_of(log.posted[identity("A").key], now=SENT)
    assert thread.standing_after(expiry) == Standing(state=State.EXPIRED)


def test_a_message_begins_with_its_own_state(log: History) -> None:
    """A Cancel says why; a correction in force is no longer corrected itself."""
    cancel = log.draft(alert(identifier="C", msg_type=CANCEL, refs=[identity("A")]))
    correction = log.draft(alert(info(corrects=True), identifier="K", msg_type=UPDATE, refs=[identity("A")]))
    assert thread.standing_at_first(cancel) == Standing(state=State.CANCELLED, cancel_kind=CancelKind.FALSE_ALARM)
    assert thread.standing_at_first(correction) == Standing(state=State.IN_FORCE)


@pytest.mark.parametrize(
    ("msg_type", "kind"), [(MsgType.ALERT, Kind.ALERT), (UPDATE, Kind.UPDATE), (CANCEL, Kind.CANCEL)]
)
def test_the_kind_of_an_entry_is_its_msg_type(msg_type: MsgType, kind: Kind) -> None:
    """Alert, Update and Cancel are entries of that kind."""
    assert thread.kind_of(alert(msg_type=msg_type)) is kind


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("infos", "end"),
    [
        ([info(expires=SENT + HOUR), info(expires=SENT + 3 * HOUR)], SENT + 3 * HOUR),
        ([info(expires=SENT + 2 * HOUR), all_clear(expires=SENT + 9 * HOUR)], SENT + 2 * HOUR),
        ([info(expires=None)], SENT + LIFETIME),
        ([info(expires=None, effective=SENT + HOUR)], SENT + HOUR + LIFETIME),
        ([info(expires=None, effective=SENT.replace(year=9999))], SENT + 2 * LIFETIME),
        ([info(expires=SENT + HOUR), info(expires=None)], SENT + LIFETIME),
    ],
)
def test_a_message_ends_with_its_last_part(infos: list[Info], end: object) -> None:
    """The latest end counts; what names none holds for the hub's lifetime; lifted parts do not prolong."""
    assert thread.ends_at(alert(*infos), lifetime=LIFETIME) == end


def test_what_is_never_in_force_has_no_end() -> None:
    """A Cancel, an all clear and a test of the line need no expiry."""
    messages = (alert(msg_type=CANCEL), alert(all_clear(), msg_type=UPDATE), alert(status=Status.SYSTEM))
    assert [thread.ends_at(message, lifetime=LIFETIME) for message in messages] == [None, None, None]


def _is_silent(log: History, *infos: Info, msg_type: MsgType = UPDATE) -> bool:
    message = alert(*infos, identifier="K", msg_type=msg_type, refs=[identity("A")])
    return thread.is_silent(message, zones(message), log.entries[0])


def test_a_correction_of_words_is_silent(log: History) -> None:
    """訂正 with the same level, area and action sounds no alarm again."""
    assert _is_silent(log, info(corrects=True))
    assert log.draft(alert(info(corrects=True), identifier="K", msg_type=UPDATE, refs=[identity("A")])).silent


@pytest.mark.parametrize(
    "said",
    [
        info(corrects=True, level=5),
        info(corrects=True, hazard="landslide"),
        info(corrects=True, codes=[CHIYODA, CHUO]),
        info(corrects=True, codes=[CHUO]),
        info(corrects=True, responses=[ResponseType.SHELTER]),
        info(corrects=True, severity=Severity.EXTREME),
        all_clear(corrects=True),
        info(),
    ],
)
def test_a_correction_that_changes_what_to_do_is_heard(log: History, said: Info) -> None:
    """Another level, place or action is an alarm; an Update that corrects nothing is no correction."""
    assert not _is_silent(log, said)


def test_a_part_more_or_less_is_heard(log: History) -> None:
    """The number of zones counts, too."""
    assert not _is_silent(log, info(corrects=True), info(corrects=True, codes=[CHUO]))


def test_only_a_known_message_is_corrected_silently(log: History) -> None:
    """Nobody heard what is unknown, and an Alert corrects nothing."""
    message = alert(info(corrects=True), identifier="K", msg_type=UPDATE, refs=[identity("lost")])
    assert not thread.is_silent(message, zones(message), None)
    assert not _is_silent(log, info(corrects=True), msg_type=MsgType.ALERT)
