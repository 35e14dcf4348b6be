"""The truth table of who may hear a message."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from lalert.cap.model import MsgType, Scope, Status
from lalert.core.audience import Audience, Refusal, check, judge
from lalert.core.model import Realm
from lalert.errors import Rejected
from tests.core.messages import alert

_HEARD = {
    (Realm.LIVE, Status.ACTUAL): Audience.PUBLIC,
    (Realm.LIVE, Status.SYSTEM): Audience.SYSTEM_ONLY,
    (Realm.DRILL, Status.EXERCISE): Audience.PUBLIC,
    (Realm.DRILL, Status.TEST): Audience.PUBLIC,
    (Realm.DRILL, Status.SYSTEM): Audience.SYSTEM_ONLY,
}
_TYPES = {MsgType.ALERT, MsgType.UPDATE, MsgType.CANCEL}


@pytest.mark.parametrize(("status", "scope", "msg_type", "realm"), list(product(Status, Scope, MsgType, Realm)))
def test_every_combination_has_one_answer(status: Status, scope: Scope, msg_type: MsgType, realm: Realm) -> None:
    """Of all 150 combinations exactly those of the table are heard; every other is refused with its reasons."""
    heard = _HEARD.get((realm, status)) if scope is Scope.PUBLIC and msg_type in _TYPES else None
    verdict = judge(status, scope, msg_type, realm)
    if heard is not None:
        assert verdict is heard
        return
    assert isinstance(verdict, tuple)
    wrong = {
        "/alert/status": (realm, status) not in _HEARD,
        "/alert/scope": scope is not Scope.PUBLIC,
        "/alert/msgType": msg_type not in _TYPES,
    }
    assert {refusal.path for refusal in verdict} == {path for path, is_wrong in wrong.items() if is_wrong}


def test_every_refusal_speaks_both_languages() -> None:
    """Reasons and advice are there in Japanese and English, and each reason has one code of its own."""
    verdicts = [judge(*row) for row in product(Status, Scope, MsgType, Realm)]
    refusals = {refusal for verdict in verdicts if isinstance(verdict, tuple) for refusal in verdict}
    assert all(isinstance(r, Refusal) and r.message.ja and r.message.en and r.advice.ja for r in refusals)
    assert {r.code for r in refusals} == {
        *(f"audience.status.{name}" for name in ("actual", "exercise", "test", "draft")),
        *(f"audience.scope.{name}" for name in ("restricted", "private")),
        *(f"audience.msgtype.{name}" for name in ("ack", "error")),
    }


def test_a_real_alert_passes_live() -> None:
    """Actual, Public, Alert is heard by everybody."""
    assert check(alert(), Realm.LIVE) is Audience.PUBLIC


def test_an_exercise_is_sent_to_the_drill_realm() -> None:
    """A drill on the live URL is refused, and the sender is told where it belongs."""
    with pytest.raises(Rejected) as caught:
        check(alert(status=Status.EXERCISE), Realm.LIVE)
    assert (caught.value.code, caught.value.status) == ("audience.refused", 422)
    (finding,) = caught.value.findings
    assert "/drill" in finding.advice.ja
    assert finding.path == "/alert/status"


def test_all_reasons_come_at_once() -> None:
    """A message that is wrong three times is told so three times."""
    message = replace(alert(status=Status.DRAFT, msg_type=MsgType.ACK), scope=Scope.PRIVATE)
    with pytest.raises(Rejected) as caught:
        check(message, Realm.LIVE)
    assert len(caught.value.findings) == 3
