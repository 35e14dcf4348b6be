"""What would become of a message that nobody posted: what the hub would keep, or why it would not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lalert.cap.model import Alert
from lalert.cap.reader import Strictness
from lalert.core.inspection import Question, inspect
from lalert.core.model import Realm, State
from lalert.core.trial import Trial, realm_of, trial_of
from lalert.geo.boundaries import BoundarySet
from tests.rig.author import CHIYODA, Author, now


def tried(alert: Alert | bytes, japan: BoundarySet, realm: Realm = Realm.LIVE, **question: object) -> Trial | None:
    """Return the trial of one message."""
    raw = alert.raw if isinstance(alert, Alert) else alert
    inspection = inspect(raw, Question(now=now(), boundaries=japan, **question))  # type: ignore[arg-type]
    return trial_of(inspection.messages[0], realm, at=now(), boundaries=japan, lifetime=timedelta(hours=1))


def test_a_right_message_has_the_entry_that_would_be_kept(japan: BoundarySet) -> None:
    """State, level, area and the warnings of the receipt are those of a message that came alone."""
    trial = tried(Author().order(CHIYODA, level=4), japan)
    assert trial is not None
    assert trial.entry is not None
    assert (trial.is_refused, trial.entry.state, trial.entry.level) == (False, State.IN_FORCE, 4)
    assert trial.entry.codes == {CHIYODA}
    assert "cap.geocode.alone" in {finding.code for finding in trial.entry.findings}


def test_a_wrong_message_has_no_trial(japan: BoundarySet) -> None:
    """What must not go out has nothing that could be shown."""
    assert tried(Author().order(CHIYODA).raw.replace(b"<urgency>Immediate", b"<urgency>Now"), japan) is None


def test_each_realm_refuses_what_is_not_for_it(japan: BoundarySet) -> None:
    """A drill is refused live and an alarm in the drill realm, each with the reason; both go where they belong."""
    drill, real = Author(drill=True).order(CHIYODA), Author().order(CHIYODA)
    for alert, right, wrong in ((drill, Realm.DRILL, Realm.LIVE), (real, Realm.LIVE, Realm.DRILL)):
        assert realm_of(alert) is right
        good, bad = tried(alert, japan, right), tried(alert, japan, wrong)
        assert good is not None
        assert bad is not None
        assert (good.is_refused, bad.is_refused, len(bad.refusals)) == (False, True, 1)


@pytest.mark.parametrize("kind", [b"Error", b"Ack"])
def test_what_is_no_alert_has_no_entry(japan: BoundarySet, kind: bytes) -> None:
    """An Ack or an Error is for nobody: it is refused, and there is nothing of it to show."""
    raw = Author().order(CHIYODA).raw.replace(b"<msgType>Alert", b"<msgType>" + kind)
    trial = tried(raw, japan, profile="core", strictness=Strictness.UPSTREAM)
    assert trial is not None
    assert (trial.entry, trial.is_refused) == (None, True)


def test_no_area_is_refused_unless_none_is_needed(japan: BoundarySet) -> None:
    """An area that is only a name reaches nobody; a test of the line needs none."""
    nowhere = tried(Author().order(CHIYODA).raw.replace(b"JISX0402", b"X-OTHER"), japan, profile="core")
    line = tried(Author().line_test(), japan)
    assert nowhere is not None
    assert line is not None
    assert (nowhere.has_area, nowhere.is_refused, line.is_refused) == (False, True, False)
