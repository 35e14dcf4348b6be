"""The canonical wording: the sender's words in the hub's frame."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.cap.model import Alert, AreaBlock, MsgType, ResponseType, Scope, Severity, Status
from lalert.core.model import CancelKind, Entry, Kind, LeftOut, Omission, Standing, State, Zone
from lalert.render.text import plain
from lalert.render.wording import (
    action,
    action_tongue,
    duty,
    gloss,
    gravity,
    headline,
    main_info,
    one_line,
    stands,
    summary,
    term,
    ticker,
    where,
)
from tests.render.entries import CHIYODA, CHUO, KAWAGUCHI, SENT, alert, area, entry, info, reach
from tests.render.hostile import texts

LIFTED = Standing(state=State.CANCELLED, cancel_kind=CancelKind.LIFTED, replaced_by="jp-2")
EXPIRED = Standing(state=State.EXPIRED)
SUPERSEDED = Standing(state=State.SUPERSEDED, replaced_by="jp-2")


def cancel() -> Entry:
    """Return a Cancel without any info, heard in two wards."""
    said = Alert(
        identifier="c",
        sender="s@example.jp",
        sent=SENT,
        status=Status.ACTUAL,
        msg_type=MsgType.CANCEL,
        scope=Scope.PUBLIC,
        note="誤って送信しました。",
    )
    return entry(
        said,
        kind=Kind.CANCEL,
        state=State.CANCELLED,
        cancel_kind=CancelKind.FALSE_ALARM,
        level=None,
        hazards=(),
        zones=(),
        area=None,
        supersedes=(reach(CHIYODA, CHUO),),
    )


def test_headline_is_the_senders_with_its_level() -> None:
    """The sender's headline stays as it came; the level goes before it."""
    assert headline(entry(), "ja") == "警戒レベル4 神田川流域に避難指示を発令"


@pytest.mark.parametrize("said", ["レベル4 避難指示", "警戒レベル４避難指示"])
def test_a_level_that_the_sender_says_is_not_said_twice(said: str) -> None:
    """A level in the sender's own words, full-width digits included, is enough."""
    assert headline(entry(alert(info(headline=said))), "ja") == said


def test_another_level_in_the_headline_does_not_hide_the_level() -> None:
    """A headline that speaks of the level before still gets the level that holds."""
    said = headline(entry(alert(info(headline="警戒レベル3から引上げ"))), "ja")
    assert said == "警戒レベル4 警戒レベル3から引上げ"


def test_without_headline_one_is_made_in_order() -> None:
    """Source, hazard, place: the order that works."""
    said = headline(entry(alert(info(headline=None))), "ja")
    assert said == "千代田区　警戒レベル4 避難指示（洪水）　東京都千代田区"


def test_english_beside_japanese() -> None:
    """The English frame stands around an English info."""
    both = entry(alert(info(), info(language="en", event="Evacuation order", headline="Leave now")))
    assert headline(both, "en") == "Alert level 4: Leave now"


@pytest.mark.parametrize("status", [Status.EXERCISE, Status.TEST, Status.DRAFT])
@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("length", [20, 40, 80])
def test_every_drill_text_is_marked_at_both_ends(status: Status, lang: str, length: int) -> None:
    """【訓練】 stands at both ends of every text that is not real."""
    drill = entry(alert(status=status))
    said = [headline(drill, lang), summary(drill, lang), ticker(drill, length, lang=lang)]
    assert all(text.startswith("【訓練") and text.endswith(("訓練】", "DRILL】")) for text in said)


@pytest.mark.parametrize("own", ["【訓練】", "【DRILL】", "[EXERCISE]"])
@pytest.mark.parametrize(("lang", "mark"), [("ja", "【訓練】"), ("en", "【訓練 DRILL】")])
def test_the_senders_own_marks_are_not_doubled(own: str, lang: str, mark: str) -> None:
    """A drill headline that bears marks, whichever the profile knows, gets those of the frame once, in their place."""
    drill = entry(alert(info(language=lang, headline=f"{own}level 4 order{own}"), status=Status.EXERCISE))
    assert headline(drill, lang) == f"{mark}level 4 order{mark}"


def test_a_real_headline_stays_as_it_came() -> None:
    """What is Actual loses nothing at its ends."""
    assert headline(entry(alert(info(headline="[DRILL]避難指示 警戒レベル4"))), "ja") == "[DRILL]避難指示 警戒レベル4"


def test_a_real_alert_is_never_marked_as_a_drill() -> None:
    """What is Actual bears no 【訓練】, in no language."""
    assert "訓練" not in headline(entry(), "ja") + summary(entry(), "en") + ticker(entry(), 40)


@pytest.mark.parametrize(
    ("standing", "mark"), [(LIFTED, "【解除】"), (EXPIRED, "【期限終了】"), (SUPERSEDED, "【更新済】")]
)
def test_what_has_ended_says_so_first(standing: Standing, mark: str) -> None:
    """The end of an alert stands before its text and takes its call to act away."""
    assert headline(entry(), "ja", standing=standing).startswith(mark)
    assert action(entry(), "ja", standing=standing) == ""
    assert action(entry(alert(info(instruction="直ちに避難を"))), "ja", standing=standing) == ""
    assert "全員避難" not in summary(entry(), "ja", standing=standing) + ticker(entry(), 80, standing=standing)


def test_an_expiry_is_not_an_all_clear() -> None:
    """When the time is over nobody has said that the danger is."""
    assert "解除の発表ではありません" in summary(entry(), "ja", standing=EXPIRED)


def test_a_cancel_without_info_says_what_and_where() -> None:
    """A Cancel that carries nothing still names the places that heard the alarm, and why."""
    assert headline(cancel(), "ja") == "【取消】s@example.jp　先に出した情報　東京都千代田区・中央区"
    assert "誤って送信しました。" in summary(cancel(), "ja")
    assert ticker(cancel(), 20) == "【取消】先に出した情報 千代田区ほか1"


def test_a_correction_is_marked_and_explained() -> None:
    """訂正 names what was corrected, and the call to act stays."""
    corrected = entry(alert(note="避難所の住所"), kind=Kind.UPDATE, cancel_kind=CancelKind.CORRECTED)
    said = summary(corrected, "ja")
    assert headline(corrected, "ja").startswith("【訂正】")
    assert "避難所の住所。" in said
    assert "全員避難" in said


def test_an_all_clear_raises_no_level_and_calls_to_nothing() -> None:
    """解除 carries neither level nor official action; the sender's own instruction stays."""
    clear = info(
        headline="避難指示を解除", response_types=(ResponseType.ALL_CLEAR,), level=None, instruction="足元に注意"
    )
    lifted = entry(alert(clear), kind=Kind.UPDATE, state=State.CANCELLED, cancel_kind=CancelKind.LIFTED, level=None)
    assert headline(lifted, "ja") == "【解除】避難指示を解除"
    assert action(lifted, "ja") == "足元に注意"
    assert "全員避難" not in ticker(lifted, 80)


def test_an_all_clear_without_instruction_says_no_action() -> None:
    """The official words of a level are not said for what is lifted."""
    clear = info(response_types=(ResponseType.ALL_CLEAR,), level=None)
    assert action(entry(alert(clear), level=None), "ja") == ""


def test_the_instruction_is_given_as_it_came() -> None:
    """The sender's instruction goes before the official words."""
    assert action(entry(alert(info(instruction="2階へ"))), "ja") == "2階へ"


@pytest.mark.parametrize(
    ("event", "kind", "told"),
    [
        ("大津波警報", ResponseType.EVACUATE, "直ちに高台や避難ビルへ避難してください"),
        ("津波注意報", ResponseType.AVOID, "直ちに海から上がり、海岸から離れてください"),
        ("緊急地震速報（警報）", ResponseType.SHELTER, "まず身の安全を確保してください"),
        ("ミサイル発射情報", ResponseType.SHELTER, "建物の中または地下に避難してください"),
        ("噴火警報", ResponseType.EVACUATE, "直ちに避難してください"),
    ],
)
def test_without_level_the_response_types_speak(event: str, kind: ResponseType, told: str) -> None:
    """A tsunami has no level: what to do, and where to, comes from the hazard and CAP's response types."""
    unlevelled = info(event=event, headline=event, level=None, response_types=(kind, ResponseType.NONE))
    assert action(entry(alert(unlevelled), level=None, hazards=()), "ja") == told


def test_who_reads_english_is_told_in_english_what_a_japanese_message_orders() -> None:
    """A sender who writes Japanese alone is heard in both: the official English name and words, then its own."""
    said = entry(alert(info(headline="千代田区に避難指示", instruction="体育館へ避難してください。")))
    assert headline(said, "en") == "Alert level 4: Evacuation Order – 千代田区に避難指示"
    assert gloss(said, "en") == "Everyone evacuate from dangerous places"
    assert (action(said, "en"), action_tongue(said, "en")) == ("体育館へ避難してください。", "ja")
    told = summary(said, "en")
    assert "Evacuation Order (避難指示) (flood)" in told
    assert "Everyone evacuate from dangerous places. 体育館へ避難してください。" in told
    assert (gloss(said, "ja"), gloss(said, "en", standing=LIFTED)) == ("", "")


@pytest.mark.parametrize("event", ["避難指示の訓練", "避難指示（解除）", "ほかの情報"])
def test_only_what_is_surely_known_is_named_in_english(event: str) -> None:
    """A wrong translation is worse than none: an event that is no official name stays as it is."""
    assert "Order" not in headline(entry(alert(info(event=event))), "en")


def test_a_kind_of_alert_is_named_with_its_hazard() -> None:
    """避難指示 is said with what it is for, 津波警報 needs no more; grave is what CAP calls severe."""
    order, warning = info(event="避難指示"), info(event="津波警報", level=None, severity=Severity.EXTREME)
    kinds = entry(alert(order), hazards=("flood",)), entry(alert(warning), level=None, zones=(), hazards=("tsunami",))
    assert [term(one, "ja") for one in kinds] == ["避難指示（洪水）", "津波警報"]
    assert [gravity(one) for one in kinds] == [1, 0]
    assert duty(entry(alert(replace(order, instruction="体育館へ"))), "ja") == "危険な場所から全員避難"


def test_the_gravest_info_speaks() -> None:
    """Of several infos the one with the highest level gives the headline."""
    low = info(event="高齢者等避難", headline="低い", level=3)
    assert headline(entry(alert(low, info())), "ja") == "警戒レベル4 神田川流域に避難指示を発令"


def test_without_level_the_severity_decides() -> None:
    """Of a 津波注意報 and a 大津波警報 in one message the warning speaks."""
    advisory = info(event="津波注意報", headline=None, level=None, severity=Severity.MODERATE)
    major = info(event="大津波警報", headline=None, level=None, severity=Severity.EXTREME)
    found = main_info(entry(alert(advisory, major), level=None), "ja")
    assert found is major


def test_a_translation_that_lacks_the_gravest_part_is_not_used() -> None:
    """When only the Japanese carries the level in force, English readers get the Japanese text, not a milder one."""
    mild = info(language="en", event="Advisory", headline="Be careful", level=2)
    assert "Be careful" not in headline(entry(alert(info(), mild)), "en")


@pytest.mark.parametrize(
    ("asked", "expected"), [("ja", "ja-JP"), ("ja-x-easy", "ja-x-easy"), ("en-US", "en"), ("ko", "ja-JP")]
)
def test_the_language_is_chosen_exactly_then_broadly(asked: str, expected: str) -> None:
    """やさしい日本語 is given to those who ask for it; an unknown language gets the Japanese."""
    said = alert(info(language="ja-x-easy"), info(language="ja-JP"), info(language="en"))
    found = main_info(entry(said), asked)
    assert found
    assert found.language == expected


def test_only_easy_japanese_is_better_than_none() -> None:
    """A message in easy Japanese alone is given to who asks for Japanese."""
    assert main_info(entry(alert(info(language="ja-x-easy"))), "ja") is not None


def test_no_info_is_no_info() -> None:
    """A message without infos has no gravest one, and no action."""
    assert main_info(cancel(), "ja") is None
    assert action(cancel(), "ja") == ""


def test_the_level_of_one_part_is_not_said_of_another() -> None:
    """Level 4 here and level 3 there: the headline names the places of level 4 only."""
    zones = (
        Zone(area=area(CHIYODA), level=4, hazard="flood"),
        Zone(area=area(KAWAGUCHI), level=3, hazard="flood"),
        Zone(area=area(CHUO), level=None, hazard="flood", lifted=True),
    )
    said = entry(alert(info(headline=None)), zones=zones, area=area(CHIYODA, KAWAGUCHI, CHUO))
    assert headline(said, "ja") == "千代田区　警戒レベル4 避難指示（洪水）　東京都千代田区"
    assert "このほか：警戒レベル3 埼玉県川口市、解除 東京都中央区。" in summary(said, "ja")


def test_places_of_an_equally_grave_other_event_are_not_taken() -> None:
    """大津波警報 here and 津波警報 there have no level to tell them apart: the sender's own district names do."""
    here, there = AreaBlock(area_desc="岩手県"), AreaBlock(area_desc="青森県")
    major = info(event="大津波警報", headline=None, level=None, severity=Severity.EXTREME, areas=(here,))
    minor = info(event="津波警報", headline=None, level=None, areas=(there,))
    zones = (
        Zone(area=area(CHIYODA), level=None, hazard="tsunami"),
        Zone(area=area(CHUO), level=None, hazard="tsunami"),
    )
    said = entry(alert(major, minor), level=None, hazards=("tsunami",), zones=zones)
    assert where(said, "ja") == "岩手県"
    assert "このほか：津波警報 青森県。" in summary(said, "ja")
    assert "中央区" not in ticker(said, 40)


def test_summary_says_when_it_was_looked_up() -> None:
    """「hh:mm 現在」 in Japan time closes every summary."""
    assert summary(entry(), "ja", as_of=SENT + timedelta(minutes=10)).endswith("（02:40 現在）")
    assert summary(entry(), "en").endswith("(As of 02:31 JST)")


def test_summary_goes_source_hazard_place_action_time() -> None:
    """The paragraph follows the order that works."""
    said = summary(entry(), "ja")
    parts = ["千代田区 7月6日02:30発表", "警戒レベル4 避難指示（洪水）", "東京都千代田区", "全員避難", "現在"]
    assert sorted(parts, key=said.index) == parts


def test_summary_says_what_an_update_leaves_out() -> None:
    """Where an Update no longer reaches, it lifts, and the summary names the place; a drill keeps its marks."""
    chuo, minato = LeftOut("131024", "中央区", whole=True, en="Chuo City"), LeftOut("131032", "港区", whole=False)
    said = entry(kind=Kind.UPDATE, omission=Omission(municipalities=(chuo, minato), names=("築地\n一丁目",)))
    told = "対象から外れて解除：東京都中央区。一部で解除：東京都港区。前回あって今回ない区域：築地 一丁目"
    assert told in summary(said, "ja")
    assert "No longer included, lifted there: Tokyo: Chuo City (中央区)" in summary(said, "en")
    assert "解除" not in summary(entry(), "ja")


def test_ticker_drops_what_matters_least() -> None:
    """20 characters keep level, event and place; 80 have room for source, action and time."""
    long = entry(alert(info(sender_name="埼玉県川口市危機管理部")))
    assert ticker(long, 20) == "警戒レベル4 避難指示（洪水） 千代田区"
    assert ticker(long, 40) == "埼玉県川口市危機管理部 警戒レベル4 避難指示（洪水） 千代田区 02:30"
    assert "危険な場所から全員避難" in ticker(long, 80)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_shortest_ticker_keeps_level_and_place(lang: str) -> None:
    """However long the name of what is announced, twenty characters say where and how grave."""
    long = entry(alert(info(event="氾濫のおそれによる避難のための立退きの指示", language="ja")))
    assert ticker(long, 20, lang=lang) == {"ja": "L4 千代田区", "en": "L4 Chiyoda City"}[lang]


@pytest.mark.parametrize(("lang", "told"), [("ja", "従う必要はありません"), ("en", "Do not act on it")])
def test_what_was_sent_in_error_says_that_nobody_need_follow_it(lang: str, told: str) -> None:
    """The Cancel and the message that it cancels say so wherever they are summed up: pushes, feeds, plain text."""
    cancelled = Standing(state=State.CANCELLED, cancel_kind=CancelKind.FALSE_ALARM, replaced_by="c")
    assert told in summary(cancel(), lang)
    assert told in summary(entry(), lang, standing=cancelled)
    assert told in plain(cancel(), lang, as_of=SENT)
    assert told not in summary(entry(), lang, standing=LIFTED) + summary(entry(), lang)


@given(texts, texts, st.sampled_from([20, 40, 80]), st.sampled_from(["ja", "en"]), st.sampled_from(list(Status)))
def test_tickers_keep_their_length_whatever_was_sent(
    event: str, source: str, length: int, lang: str, status: Status
) -> None:
    """A ticker never exceeds its length, in any state, and is the same every time."""
    said = entry(alert(info(event=event, sender_name=source), status=status))
    for standing in (None, LIFTED, EXPIRED, SUPERSEDED):
        text = ticker(said, length, lang=lang, standing=standing)
        assert len(text) <= length
        assert text == ticker(said, length, lang=lang, standing=standing)


@given(texts)
def test_headlines_stay_on_one_line(text: str) -> None:
    """No line break and no direction override of the sender's reaches a headline."""
    line = headline(entry(alert(info(headline=text))), "ja")
    assert line.splitlines() == [line]
    assert not set(line) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def test_one_line_is_bounded() -> None:
    """A text of a million characters is cut, and says so."""
    assert one_line("あ" * 1_000_000, 10) == "あ" * 9 + "…"


def test_standing_equal_to_its_own_changes_nothing() -> None:
    """Until something happens to a message, its own word holds; what replaced it is still told."""
    corrected = entry(kind=Kind.UPDATE, cancel_kind=CancelKind.CORRECTED)
    same = Standing(state=State.IN_FORCE)
    assert stands(corrected, same) == stands(corrected, None)
    assert stands(replace(corrected), LIFTED) is LIFTED
