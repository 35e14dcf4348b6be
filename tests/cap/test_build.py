"""lalert.cap.build: what it makes is right, and what would be wrong it does not make."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from lalert.cap import build, render
from lalert.cap.model import Alert, MsgType, NamedValue, Status
from lalert.cap.parse import parse
from lalert.cap.profile import is_all_clear, level_of
from lalert.cap.reader import read
from lalert.errors import Rejected, Severity

from .messages import NOW, SENT, order

GUIDE = (Path(__file__).parents[2] / "docs" / "integration" / "senders.md").read_text("utf-8")

DRILL = order(status=Status.EXERCISE, languages={"en": build.Words(event="Evacuation Order", headline="Leave now")})


@pytest.mark.parametrize(
    "alert",
    [
        order(),
        order(level=5, hazard="landslide"),
        order(level=3),
        order(level=None, act="大津波警報", hazard="tsunami"),
        order(level=None, act="緊急地震速報", hazard="eew"),
        order(level=4, act="レベル4危険警報", hazard="heavy_rain"),
        DRILL,
        build.update(
            order(), order(level=5, identifier="tokyo-2026-0002"), also=[order(identifier="tokyo-2026-0000").identity]
        ),
        build.lift(DRILL, identifier="tokyo-2026-0003", sent=SENT),
        build.lift(
            order(), identifier="x", sent=SENT, languages={"ja": build.Words(event="避難指示", headline="解除")}
        ),
        build.correct(order(), identifier="tokyo-2026-0005", sent=SENT, note="誤り", description="正しくはこちら"),
        build.cancel(DRILL, identifier="tokyo-2026-0004", sent=SENT, note="誤発信のため"),
        build.system(sender="hub.example.jp", identifier="canary-1", sent=SENT, note="canary"),
    ],
)
def test_what_is_built_is_clean(alert: Alert) -> None:
    """Whatever the builder makes passes the Japanese profile with no more than remarks."""
    reading = read(render.to_xml(alert), now=NOW)
    assert [f.code for f in reading.findings if f.severity is not Severity.INFO] == []
    assert reading.alert == alert


def test_builder_knows_only_the_vocabulary() -> None:
    """An act, a level or a hazard that the law does not know cannot be built; an abolished term names its successor."""
    for wrong in ({"act": "避難勧告"}, {"level": 2}, {"level": None}, {"hazard": "meteor"}):
        with pytest.raises(ValueError, match="unknown"):
            order(**wrong)
    with pytest.raises(ValueError, match=r"use 避難指示$"):
        order(act="避難勧告")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"sender": "a b"}, "cap.sender.form"),
        ({"codes": ()}, "jp.area.missing"),
        ({"codes": ("131112",)}, "jp.geocode.check_digit"),
        ({"codes": (), "polygons": [((35.5, 139.7), (35.6, 139.7), (35.6, 139.8))]}, "cap.polygon.short"),
        ({"act": "高齢者等避難"}, "jp.level.order"),
        ({"hazard": "tsunami"}, "jp.level.tsunami"),
        ({"expires": SENT - timedelta(minutes=1)}, "cap.expires.past"),
        ({"headline": "\0"}, "cap.xml.character"),
    ],
)
def test_builder_makes_nothing_that_is_refused(wrong: dict[str, object], code: str) -> None:
    """What no hub would take is never returned: all that is wrong is told, in the exception's own words, too."""
    with pytest.raises(Rejected) as refused:
        order(**wrong)
    (found,) = (one for one in refused.value.findings if one.code == code)
    assert found.message.en in str(refused.value)


def test_built_message_is_what_is_received() -> None:
    """A built message is what a receiver reads of its `raw`: times to the second, texts without outer blanks."""
    made = order(
        sent=SENT + timedelta(microseconds=500),
        headline=" 避難 ",
        codes=[],
        geocodes={"JMA:class20": ["1310100"]},
        polygons=[[(35.5, 139.7), (35.6, 139.7), (35.6, 139.8), (35.5, 139.7)]],
    )
    assert read(made.raw, now=NOW).alert == made
    assert made.sent == SENT
    assert made.infos[0].areas[0].geocodes == (NamedValue("JMA:class20", "1310100"),)


def test_what_was_wrong_once_is_no_note_of_the_end() -> None:
    """The 解除 of a corrected message does not repeat what the 訂正 had put right; a drill stays named as one."""
    corrected = build.correct(order(), identifier="a", sent=SENT, note="電話番号の誤り")
    assert build.lift(corrected, identifier="b", sent=SENT).note is None
    assert build.lift(DRILL, identifier="b", sent=SENT).note == "訓練"


def test_drill_is_marked_at_both_ends() -> None:
    """Every text of a drill is marked at both ends, once."""
    lifted = build.lift(DRILL, identifier="a", sent=SENT)
    assert DRILL.infos[0].headline == "【訓練】千代田区に避難指示【訓練】"
    assert DRILL.infos[1].headline == "【DRILL】Leave now【DRILL】"
    assert lifted.infos[0].headline == "【訓練】避難指示を解除【訓練】"
    corrected = build.correct(DRILL, identifier="b", sent=SENT, note="x")
    assert corrected.infos[0].headline == DRILL.infos[0].headline


def test_life_cycle_keeps_area_and_names_its_predecessor() -> None:
    """Whoever heard the alarm is in the area of what ends it."""
    for follower in (
        build.lift(order(), identifier="a", sent=SENT),
        build.cancel(order(), identifier="b", sent=SENT, note="誤発信"),
        build.correct(order(), identifier="c", sent=SENT, note="x"),
    ):
        assert follower.references == (order().identity,)
        assert follower.infos[0].areas == order().infos[0].areas


def test_an_all_clear_is_not_cancelled() -> None:
    """The Cancel of a 解除 would call the order false: it cannot be built, and the order is announced again."""
    lifted = build.lift(order(), identifier="a", sent=SENT)
    with pytest.raises(ValueError, match="announce again"):
        build.cancel(lifted, identifier="b", sent=SENT, note="誤って解除")
    assert build.update(lifted, order(identifier="b")).references == (lifted.identity,)


def test_several_parts_are_one_message() -> None:
    """Two levels in two places and a third place that is lifted: one Update, the head of the first."""
    begin = order(codes=["131016", "131024", "131032"])
    higher = build.update(begin, order(identifier="b", level=5, codes=["131016"]))
    over = build.lift(order(codes=["131032"]), identifier="b", sent=SENT)
    made = build.together(higher, order(level=3, codes=["131024"]), over)
    assert (made.identity, made.references) == (higher.identity, (begin.identity,))
    assert [level_of(info, sent=SENT) for info in made.infos[:2]] == [5, 3]
    assert [is_all_clear(info) for info in made.infos] == [False, False, True]
    assert read(made.raw, now=NOW).alert == made


def test_guide_runs_as_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The program in the guide for senders makes an announcement, its correction and its end, all valid."""
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    exec(program, {})
    printed = capsys.readouterr().out.split("</alert>\n")
    first, fixed, ended = (parse(f"{text}</alert>".strip().encode()) for text in printed if text.strip())
    assert [one.msg_type for one in (first, fixed, ended)] == [MsgType.ALERT, MsgType.UPDATE, MsgType.UPDATE]
    assert (fixed.references, ended.references) == ((first.identity,), (fixed.identity,))
    assert {one.status for one in (first, fixed, ended)} == {Status.EXERCISE}
