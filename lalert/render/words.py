"""The fixed words of the frame, in Japanese and in English: levels, states, hazards, actions, marks.

Official wording only (内閣府「避難情報に関するガイドライン」): staff and residents know these words by heart.
"""

from __future__ import annotations

from lalert.cap.model import ResponseType
from lalert.cap.model import Status as CapStatus
from lalert.core.model import CancelKind, State
from lalert.errors import Text

LEVEL_ACTIONS = {
    5: Text("命の危険　直ちに安全確保", "Danger to life. Secure your safety at once"),
    4: Text("危険な場所から全員避難", "Everyone evacuate from dangerous places"),
    3: Text("危険な場所から高齢者等は避難", "The elderly and others who need time evacuate from dangerous places"),
    2: Text("自らの避難行動を確認", "Check how and where you would evacuate"),
    1: Text("災害への心構えを高める", "Be prepared"),
}

ACTIONS = {
    ResponseType.SHELTER: Text("安全な場所で身を守ってください", "Take shelter"),
    ResponseType.EVACUATE: Text("直ちに避難してください", "Evacuate at once"),
    ResponseType.PREPARE: Text("避難の準備をしてください", "Prepare to evacuate"),
    ResponseType.EXECUTE: Text("決められた行動をとってください", "Carry out the planned action"),
    ResponseType.AVOID: Text("近づかないでください", "Keep away"),
    ResponseType.MONITOR: Text("今後の情報に注意してください", "Watch for further information"),
}

# What has no level by law says where to, in the words that people know from television and J-ALERT.
HAZARD_ACTIONS = {
    "tsunami": {
        ResponseType.EVACUATE: Text(
            "直ちに高台や避難ビルへ避難してください", "Go to high ground or a tsunami evacuation building at once"
        ),
        ResponseType.AVOID: Text("直ちに海から上がり、海岸から離れてください", "Leave the water and the shore at once"),
    },
    "eew": {ResponseType.SHELTER: Text("まず身の安全を確保してください", "Drop, cover and hold on")},
    "missile": {
        ResponseType.SHELTER: Text("建物の中または地下に避難してください", "Take shelter in a building or underground")
    },
}

HAZARDS = {
    "flood": Text("洪水", "flood"),
    "inundation": Text("内水氾濫", "inundation"),
    "landslide": Text("土砂災害", "landslide"),
    "storm_surge": Text("高潮", "storm surge"),
    "tsunami": Text("津波", "tsunami"),
    "earthquake": Text("地震", "earthquake"),
    "eew": Text("緊急地震速報", "earthquake early warning"),
    "volcano": Text("火山", "volcano"),
    "heavy_rain": Text("大雨", "heavy rain"),
    "snow": Text("大雪", "snow"),
    "wind": Text("暴風", "wind"),
    "wave": Text("高波", "high waves"),
    "missile": Text("弾道ミサイル", "missile"),
    "fire": Text("火災", "fire"),
}

_STATES = {
    State.IN_FORCE: Text("発令中", "In force"),
    State.SUPERSEDED: Text("更新済", "Updated"),
    State.CANCELLED: Text("解除", "Lifted"),
    State.EXPIRED: Text("期限終了", "Expired"),
}

_CANCELS = {
    CancelKind.LIFTED: Text("解除", "Lifted"),
    CancelKind.CORRECTED: Text("訂正済", "Corrected"),
    CancelKind.FALSE_ALARM: Text("取消", "Cancelled"),
}

# An alert whose time is over is not an all clear: nobody has said that the danger is over.
STATE_REMARKS = {
    State.SUPERSEDED: Text(
        "新しい情報に置き換えられました。最新の情報を確認してください。",
        "Replaced by newer information. Read the latest.",
    ),
    State.EXPIRED: Text(
        "有効期限を過ぎました。解除の発表ではありません。最新の情報を確認してください。",
        "Past its time of validity. This is not an all clear. Read the latest information.",
    ),
}

FALSE_ALARM_REMARK = Text(
    "誤って発信されたため取り消されました。従う必要はありません。",
    "It was sent in error and has been cancelled. Do not act on it.",
)

CORRECTION = Text("訂正", "Corrected")
EARLIER = Text("先に出した情報", "Earlier message")
_DRILL = Text("【訓練】", "【訓練 DRILL】")
_LINE_TEST = Text("【試験】", "【試験 SYSTEM TEST】")
_MARKS = {CapStatus.ACTUAL: Text("", ""), CapStatus.SYSTEM: _LINE_TEST}


def pick(text: Text, lang: str) -> str:
    """Return the Japanese side for any kind of Japanese (`ja`, `ja-JP`, `ja-x-easy`), the English one otherwise."""
    return text.ja if lang.lower().split("-")[0] == "ja" else text.en


def status_mark(status: CapStatus, lang: str) -> str:
    """Return what stands at both ends of every text that is not real: whatever is not Actual or System is a drill."""
    return pick(_MARKS.get(status, _DRILL), lang)


def is_drill(status: CapStatus) -> bool:
    """Whether a message rehearses, tests or drafts; a test of the line (System) alarms nobody and is none."""
    return status not in _MARKS


def level_label(level: int | None, lang: str) -> str:
    """Return 警戒レベル4 / Alert level 4; without a level (tsunami has none) nothing."""
    return "" if level is None else pick(Text(f"警戒レベル{level}", f"Alert level {level}"), lang)


def state_label(state: State, lang: str, cancel_kind: CancelKind | None = None) -> str:
    """Return 発令中, 更新済, 訂正済, 解除, 取消 or 期限終了 (In force, Updated, ...)."""
    ended = _CANCELS.get(cancel_kind) if cancel_kind and state in (State.CANCELLED, State.SUPERSEDED) else None
    return pick(ended or _STATES[state], lang)


def hazard_label(hazard: str | None, lang: str) -> str:
    """Return the everyday word for a hazard token; an unknown token says nothing."""
    return pick(HAZARDS[hazard], lang) if hazard in HAZARDS else ""
