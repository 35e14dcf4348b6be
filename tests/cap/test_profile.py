"""lalert.cap.profile and meaning: what Japanese warnings must and must not say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lalert.cap import build, meaning, profile
from lalert.cap.model import Alert, Info, MsgType, NamedValue, ResponseType, Status, Urgency
from lalert.cap.model import Severity as Grade
from lalert.errors import Severity

from .messages import NOW, SENT, order


def _errors(alert: Alert) -> list[str]:
    return [f.code for f in profile.check(alert, now=NOW) if f.severity is Severity.ERROR]


def _warnings(alert: Alert) -> list[str]:
    return [f.code for f in profile.check(alert, now=NOW) if f.severity is Severity.WARNING]


def _with_info(alert: Alert, **changes: object) -> Alert:
    return replace(alert, infos=(replace(alert.infos[0], **changes),))  # type: ignore[arg-type]


def _with_parameter(alert: Alert, name: str, value: str) -> Alert:
    kept = tuple(p for p in alert.infos[0].parameters if p.name != name)
    return _with_info(alert, parameters=(*kept, NamedValue(name, value)))


def _with_geocode(name: str, value: str) -> Alert:
    area = replace(order().infos[0].areas[0], geocodes=(NamedValue(name, value),))
    return _with_info(order(), areas=(area,))


def test_good_order_is_clean() -> None:
    """The order that the cases below start from breaks nothing."""
    assert profile.check(order(), now=NOW) == []


UPDATE = build.update(order(), order(identifier="tokyo-2026-0002"))
LIFT = build.lift(order(), identifier="tokyo-2026-0003", sent=SENT)
CANCEL = build.cancel(order(), identifier="tokyo-2026-0004", sent=SENT, note="誤発信のため")
CORRECT = build.correct(order(), identifier="tokyo-2026-0005", sent=SENT, note="電話番号の誤り")
TSUNAMI = order(level=None, act="避難指示", hazard="tsunami")
FIVE = order(level=5)
DRILL = order(status=Status.EXERCISE)


@pytest.mark.parametrize(
    ("alert", "code"),
    [
        (replace(order(), infos=()), "jp.info.missing"),
        (_with_info(order(), areas=()), "jp.area.missing"),
        (_with_info(order(), areas=(replace(order().infos[0].areas[0], geocodes=()),)), "jp.area.missing"),
        (_with_parameter(order(), meaning.LEVEL, "6"), "jp.level.range"),
        (_with_parameter(order(), meaning.LEVEL, "5"), "jp.level.order"),
        (_with_parameter(TSUNAMI, meaning.LEVEL, "4"), "jp.level.tsunami"),
        (_with_info(FIVE, response_types=(ResponseType.EVACUATE,)), "jp.response.evacuate"),
        (_with_info(order(), urgency=Urgency.FUTURE), "jp.urgency.late"),
        (_with_info(order(), event="避難勧告", parameters=()), "jp.term.abolished"),
        (_with_parameter(order(), meaning.ORDER, "避難勧告"), "jp.term.abolished"),
        (replace(LIFT, msg_type=MsgType.CANCEL, note="解除"), "jp.lift.cancel"),
        (replace(LIFT, msg_type=MsgType.ALERT), "jp.lift.type"),
        (_with_info(UPDATE, event="避難指示解除"), "jp.lift.response"),
        (replace(CANCEL, note=None), "jp.cancel.note"),
        (replace(CANCEL, version="1.1", references=()), "jp.references.unread"),
        (replace(UPDATE, version="1.0", references=()), "jp.references.unread"),
        (replace(CORRECT, note=None), "jp.correction.note"),
        (replace(CORRECT, msg_type=MsgType.ALERT), "jp.correction.type"),
        (replace(DRILL, status=Status.ACTUAL), "jp.drill.live"),
        (_with_info(order(), expires=NOW), "cap.expires.past"),
        (_with_info(DRILL, expires=NOW), "cap.expires.past"),
        (replace(order(), sent=NOW + timedelta(hours=2)), "cap.sent.future"),
        (_with_geocode("JISX0402", "13101"), "jp.geocode.form"),
        (_with_geocode("JISX0402", "131011"), "jp.geocode.check_digit"),
        (_with_geocode("JMA:class20", "131010"), "jp.geocode.form"),
    ],
)
def test_what_would_mislead_is_an_error(alert: Alert, code: str) -> None:
    """What would make people act wrongly rejects the message."""
    assert code in _errors(alert)


@pytest.mark.parametrize(
    ("alert", "code"),
    [
        (_with_info(order(), language="en-US"), "jp.language.first"),
        (_with_info(order(), severity=Grade.MINOR), "jp.words.unusual"),
        (_with_info(order(), response_types=(ResponseType.MONITOR,)), "jp.words.unusual"),
        (_with_info(LIFT, urgency=Urgency.IMMEDIATE), "jp.lift.urgency"),
        (_with_info(order(), headline="避難準備・高齢者等避難開始を発令"), "jp.term.headline"),
        (_with_info(DRILL, headline="訓練です"), "jp.drill.marks"),
        (_with_info(DRILL, headline="【訓練】前だけ"), "jp.drill.marks"),
        (_with_parameter(order(), meaning.DECIDED_AT, "昼ごろ"), "jp.decided.form"),
        (_with_parameter(order(), meaning.DECIDED_AT, "2026-09-01T13:00:00+09:00"), "jp.decided.form"),
        (_with_geocode("FIPS6", "131016"), "jp.geocode.name"),
        (replace(order(), sent=NOW + timedelta(minutes=10)), "cap.sent.ahead"),
        (replace(order(), sent=NOW - timedelta(days=2)), "cap.sent.old"),
    ],
)
def test_what_is_merely_odd_is_a_warning(alert: Alert, code: str) -> None:
    """What is unusual is said, but costs no alert."""
    assert code in _warnings(alert)
    assert _errors(alert) == []


@pytest.mark.parametrize("alert", [UPDATE, LIFT, CANCEL, CORRECT, TSUNAMI, FIVE, DRILL, order(level=3)])
def test_right_messages_are_clean(alert: Alert) -> None:
    """Each act of the life-cycle, done right, breaks nothing."""
    assert profile.check(alert, now=NOW) == []


def test_later_all_clear_is_never_too_late() -> None:
    """An all clear goes through even after its expires: somebody still waits for it."""
    assert profile.check(_with_info(LIFT, expires=NOW - timedelta(minutes=1)), now=NOW) == []


def test_partly_expired_message_still_speaks() -> None:
    """One info that has expired does not silence the other."""
    alert = order(languages={"en": build.Words(event="Evacuation Order", headline="Leave now")})
    first, second = alert.infos
    alert = replace(alert, infos=(first, replace(second, expires=NOW)))
    assert _warnings(alert) == ["cap.expires.partly"]
    assert _errors(alert) == []


def test_without_clock_nothing_is_late() -> None:
    """Without `now` no message is too old or too new."""
    assert profile.check(_with_info(order(), expires=SENT)) == []


def test_further_language_may_share_the_area() -> None:
    """An info in a further language without an area takes the first one's; the first itself may not lack it."""
    alert = order(languages={"en": build.Words(event="Evacuation Order", headline="Leave now")})
    first, second = alert.infos
    assert _errors(replace(alert, infos=(first, replace(second, areas=())))) == []
    assert _errors(replace(alert, infos=(replace(first, areas=()), second))) == ["jp.area.missing"]


@pytest.mark.parametrize(
    "alert",
    [replace(order(), status=Status.SYSTEM, infos=()), replace(order(), msg_type=MsgType.ACK, infos=())],
)
def test_what_speaks_to_nobody_is_left_alone(alert: Alert) -> None:
    """Tests of the line and acknowledgements need neither info nor area."""
    assert profile.check(alert, now=NOW) == []


@pytest.mark.parametrize(
    ("code", "digit"), [("13101", "6"), ("27100", "4"), ("01100", "2"), ("47382", "1"), ("13104", "1")]
)
def test_check_digit(code: str, digit: str) -> None:
    """Municipality codes carry the official check digit."""
    assert profile.check_digit(code) == digit


def _info(event: str, **parameters: str) -> Info:
    pairs = tuple(NamedValue(f"jp-alert:{name}", value) for name, value in parameters.items())
    return replace(order().infos[0], event=event, headline=None, parameters=pairs)


@pytest.mark.parametrize(
    ("said", "level", "hazard"),
    [
        (_info("避難指示", level="4", hazard="flood"), 4, "flood"),
        (_info("緊急安全確保"), 5, None),
        (_info("高齢者等避難（土砂災害）"), 3, "landslide"),
        (_info("レベル4大雨危険警報"), 4, "heavy_rain"),
        (_info("警戒レベル３ 高齢者等避難"), 3, None),
        (_info("大津波警報", level="5"), None, "tsunami"),
        (_info("避難指示", level="4", hazard="津波"), None, "tsunami"),
        (_info("噴火警戒レベル5"), None, "volcano"),
        (_info("緊急地震速報"), None, "eew"),
        (_info("大雨警報"), 3, "heavy_rain"),
        (_info("お知らせ", level="x"), None, "notice"),
        (_info("何か"), None, None),
        (replace(_info("土砂災害"), event_codes=(NamedValue("JMA:warning", "49"),)), 4, "landslide"),
        (replace(_info("氾濫"), event_codes=(NamedValue("JMA:river", "51"),)), 5, "flood"),
        (replace(_info("大雪警報"), event_codes=(NamedValue("JMA:warning", "06"),)), None, "snow"),
    ],
)
def test_level_and_hazard(said: Info, level: int | None, hazard: str | None) -> None:
    """Parameters count first, then JMA's codes, then the words; a tsunami has no level whatever is said."""
    assert profile.level_of(said, sent=SENT) == level
    assert profile.hazard_of(said, sent=SENT) == hazard


def test_level_of_jma_name_follows_the_date() -> None:
    """Code 08 (高潮警報) is level 4 equivalent under the tables of 2021 and level 3 since 2026-05-28."""
    said = replace(_info("高潮"), event_codes=(NamedValue("JMA:warning", "08"),))
    assert profile.level_of(said, sent=SENT.replace(year=2025)) == 4
    assert profile.level_of(said, sent=SENT) == 3
    assert profile.level_of(said) == 3


def test_category_and_decision() -> None:
    """Category comes by parameter or by act; the time of decision only where it is a time."""
    assert profile.category_of(_info("避難指示")) == "避難情報"
    assert profile.category_of(_info("x", category="避難所")) == "避難所"
    assert profile.category_of(_info("x")) is None
    assert profile.decided_at(_info("x", decidedAt="2026-09-01T11:50:00+09:00")) == SENT - timedelta(minutes=10)
    assert profile.decided_at(_info("x")) is None


def test_all_clear_and_correction() -> None:
    """解除 and 訂正 are told apart from everything else."""
    assert [profile.is_all_clear(a.infos[0]) for a in (LIFT, CANCEL, CORRECT, order())] == [True, False, False, False]
    assert [profile.is_correction(a) for a in (LIFT, CANCEL, CORRECT, order())] == [False, False, True, False]


def test_a_change_of_older_cap_is_refused_only_where_it_ends_nothing() -> None:
    """CAP 1.1 is taken like 1.2 while its references can be read, and an Alert needs none."""
    assert _errors(replace(CANCEL, version="1.1")) == []
    assert _errors(replace(UPDATE, version="1.0")) == []
    assert _errors(replace(order(), version="1.1")) == []
