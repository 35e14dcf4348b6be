"""The fixed words of the frame."""

from __future__ import annotations

import pytest

from lalert.cap.model import Status
from lalert.core.model import CancelKind, State
from lalert.errors import Text
from lalert.render.words import hazard_label, is_drill, level_label, pick, state_label, status_mark


def test_levels_have_their_official_name() -> None:
    """警戒レベル and its number; no level, no words."""
    assert level_label(5, "ja") == "警戒レベル5"
    assert level_label(4, "en") == "Alert level 4"
    assert level_label(None, "ja") == ""


@pytest.mark.parametrize(
    ("state", "kind", "label"),
    [
        (State.IN_FORCE, None, "発令中"),
        (State.IN_FORCE, CancelKind.CORRECTED, "発令中"),
        (State.SUPERSEDED, None, "更新済"),
        (State.SUPERSEDED, CancelKind.CORRECTED, "訂正済"),
        (State.CANCELLED, CancelKind.LIFTED, "解除"),
        (State.CANCELLED, CancelKind.FALSE_ALARM, "取消"),
        (State.EXPIRED, CancelKind.LIFTED, "期限終了"),
    ],
)
def test_states_are_told_apart(state: State, kind: CancelKind | None, label: str) -> None:
    """解除, 取消, 訂正 and the end of the time are four different things."""
    assert state_label(state, "ja", kind) == label


def test_an_unknown_hazard_says_nothing() -> None:
    """Only known tokens have a word."""
    assert hazard_label("flood", "ja") == "洪水"
    assert hazard_label("godzilla", "en") == ""
    assert hazard_label(None, "en") == ""


def test_every_kind_of_japanese_is_japanese() -> None:
    """A regional or easy form gets the Japanese words, everything else the English ones."""
    both = Text("日", "E")
    assert [pick(both, lang) for lang in ("ja", "ja-JP", "JA-x-easy", "en", "javanese")] == ["日", "日", "日", "E", "E"]


def test_only_real_alerts_and_line_tests_are_no_drill() -> None:
    """Whatever is not Actual or System is a drill; a line test has its own mark."""
    assert [is_drill(status) for status in Status] == [False, True, False, True, True]
    assert status_mark(Status.ACTUAL, "ja") == ""
    assert status_mark(Status.SYSTEM, "ja") == "【試験】"
