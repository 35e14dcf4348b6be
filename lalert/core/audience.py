"""Who may hear a message at all: one truth table over status, scope, msgType and realm.

Exercises went on air because systems asked `not Actual and not Public` somewhere in their middle. Here nothing is asked
in passing: three small tables, read once at the door, and a message passes when all three let it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lalert.cap.model import Alert, MsgType, Scope, Status
from lalert.core.model import Realm
from lalert.errors import Finding, Severity, Text, rejected


class Audience(StrEnum):
    """Everybody, or only those who asked for tests of the line (`Subscription.system`)."""

    PUBLIC = "public"
    SYSTEM_ONLY = "system_only"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nobody may hear it, and what the sender should do. `path` is the CAP element that decides."""

    code: str
    path: str
    message: Text
    advice: Text


_TO_DRILL = Text(
    ja="訓練用のURL(/drill)へ、訓練用のキー(lalert_drill_…)で送信してください。",
    en="Post it to /drill with a drill key (lalert_drill_…).",
)
_TO_LIVE = Text(
    ja="実際の情報は、本番用のURLへ本番用のキー(lalert_live_…)で送信してください。"
    "訓練であれば status を Exercise にしてください。",
    en="Post real alerts to the live URL with a live key (lalert_live_…). If this is a drill, set status to Exercise.",
)
_NOT_A_DRAFT = Text(
    ja="内容が確定してから、status を Actual(訓練は Exercise)にして送信してください。",
    en="Post it once it is final, with status Actual (Exercise in a drill).",
)
_NOT_LIVE = "本番系には配信しません"
_NOT_IN_DRILL = "訓練系には配信しません"


def _status(code: str, ja: str, en: str, advice: Text) -> Refusal:
    return Refusal(f"audience.status.{code}", "/alert/status", Text(ja=ja, en=en), advice)


_BY_STATUS: dict[tuple[Realm, Status], Audience | Refusal] = {
    (Realm.LIVE, Status.ACTUAL): Audience.PUBLIC,
    (Realm.LIVE, Status.SYSTEM): Audience.SYSTEM_ONLY,
    (Realm.LIVE, Status.EXERCISE): _status(
        "exercise", f"訓練(Exercise)の情報です。{_NOT_LIVE}。", "An Exercise is never published live.", _TO_DRILL
    ),
    (Realm.LIVE, Status.TEST): _status(
        "test", f"試験(Test)の情報です。{_NOT_LIVE}。", "A Test is never published live.", _TO_DRILL
    ),
    (Realm.LIVE, Status.DRAFT): _status(
        "draft", f"下書き(Draft)の情報です。{_NOT_LIVE}。", "A Draft is never published.", _NOT_A_DRAFT
    ),
    (Realm.DRILL, Status.ACTUAL): _status(
        "actual",
        f"実際の情報(Actual)です。{_NOT_IN_DRILL}。",
        "An Actual alert is never published as a drill.",
        _TO_LIVE,
    ),
    (Realm.DRILL, Status.SYSTEM): Audience.SYSTEM_ONLY,
    (Realm.DRILL, Status.EXERCISE): Audience.PUBLIC,
    (Realm.DRILL, Status.TEST): Audience.PUBLIC,
    (Realm.DRILL, Status.DRAFT): _status(
        "draft", f"下書き(Draft)の情報です。{_NOT_IN_DRILL}。", "A Draft is never published.", _NOT_A_DRAFT
    ),
}

_MAKE_PUBLIC = Text(
    ja="住民に公開してよい情報に限り、scope を Public にして送信してください。",
    en="Post it with scope Public, and only if everybody may read it.",
)
_BY_SCOPE: dict[Scope, Refusal | None] = {
    Scope.PUBLIC: None,
    Scope.RESTRICTED: Refusal(
        "audience.scope.restricted",
        "/alert/scope",
        Text(
            ja="限定公開(Restricted)の情報です。ここから配信する情報は全て公開されるため、受け付けません。",
            en="Everything published here is public: a Restricted message is refused.",
        ),
        _MAKE_PUBLIC,
    ),
    Scope.PRIVATE: Refusal(
        "audience.scope.private",
        "/alert/scope",
        Text(
            ja="特定の宛先あて(Private)の情報です。ここから配信する情報は全て公開されるため、受け付けません。",
            en="Everything published here is public: a Private message is refused.",
        ),
        _MAKE_PUBLIC,
    ),
}

_SEND_ALERTS = Text(
    ja="msgType が Alert、Update、Cancel の情報を送信してください。",
    en="Post messages of msgType Alert, Update or Cancel.",
)
_BY_MSG_TYPE: dict[MsgType, Refusal | None] = {
    MsgType.ALERT: None,
    MsgType.UPDATE: None,
    MsgType.CANCEL: None,
    MsgType.ACK: Refusal(
        "audience.msgtype.ack",
        "/alert/msgType",
        Text(
            ja="受信応答(Ack)は住民に知らせる情報ではないため、受け付けません。",
            en="An Ack is not for the public and is refused.",
        ),
        _SEND_ALERTS,
    ),
    MsgType.ERROR: Refusal(
        "audience.msgtype.error",
        "/alert/msgType",
        Text(
            ja="エラー通知(Error)は住民に知らせる情報ではないため、受け付けません。",
            en="An Error is not for the public and is refused.",
        ),
        _SEND_ALERTS,
    ),
}


def judge(status: Status, scope: Scope, msg_type: MsgType, realm: Realm) -> Audience | tuple[Refusal, ...]:
    """Return who may hear such a message, or every reason why nobody may."""
    audience = _BY_STATUS[realm, status]
    verdicts = (audience, _BY_SCOPE[scope], _BY_MSG_TYPE[msg_type])
    refusals = tuple(verdict for verdict in verdicts if isinstance(verdict, Refusal))
    return refusals if refusals or isinstance(audience, Refusal) else audience


def check(alert: Alert, realm: Realm) -> Audience:
    """Return who may hear `alert` in `realm`. Raises `Rejected` (`audience.refused`) with every reason."""
    verdict = judge(alert.status, alert.scope, alert.msg_type, realm)
    if isinstance(verdict, Audience):
        return verdict
    raise rejected(
        [_finding(refusal) for refusal in verdict],
        code="audience.refused",
        message=Text(
            ja="この情報は、ここでは配信できません。",
            en="This message cannot be published here.",
        ),
    )


def _finding(refusal: Refusal) -> Finding:
    return Finding(
        code=refusal.code,
        severity=Severity.ERROR,
        clause="CAP 1.2 §3.2.1",
        path=refusal.path,
        message=refusal.message,
        advice=refusal.advice,
    )
