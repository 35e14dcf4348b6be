"""The whole text of an alert."""

from __future__ import annotations

from lalert.cap.model import Status
from lalert.core.model import CancelKind, Standing, State
from lalert.render.text import plain
from tests.render.entries import SENT, alert, entry, info
from tests.render.test_wording import cancel


def test_every_fact_has_its_line() -> None:
    """Source, place, content, action, validity and state, each with its label."""
    said = alert(info(description="氾濫のおそれ\n二行目", instruction="高台へ", contact="03-0000-0000"))
    assert plain(entry(said), "ja", as_of=SENT).splitlines() == [
        "警戒レベル4 神田川流域に避難指示を発令",
        "発表：千代田区 7月6日02:30",
        "対象：東京都千代田区",
        "地区：神田川流域",
        "内容：氾濫のおそれ",
        "二行目",
        "連絡先：03-0000-0000",
        "行動：高台へ",
        "有効：7月6日08:30",
        "状態：発令中 (02:30 現在)",
    ]


def test_a_drill_is_marked_around_the_whole() -> None:
    """【訓練】 opens and closes the text."""
    lines = plain(entry(alert(status=Status.EXERCISE)), "ja", as_of=SENT).splitlines()
    assert (lines[0], lines[-1]) == ("【訓練】", "【訓練】")


def test_the_state_is_explained() -> None:
    """Expired is not lifted, and the text says so."""
    said = plain(entry(), "ja", as_of=SENT, standing=Standing(state=State.EXPIRED))
    assert said.endswith(
        "状態：期限終了 (02:30 現在) 有効期限を過ぎました。解除の発表ではありません。最新の情報を確認してください。"
    )
    lifted = Standing(state=State.CANCELLED, cancel_kind=CancelKind.LIFTED)
    assert plain(entry(), "en", as_of=SENT, standing=lifted).endswith("State: Lifted (As of 02:30 JST)")


def test_a_cancel_without_info_has_a_text() -> None:
    """Where and why are told even if the message carries nothing else."""
    said = plain(cancel(), "ja", as_of=SENT)
    assert "対象：東京都千代田区・中央区" in said
    assert "補足：誤って送信しました。" in said
