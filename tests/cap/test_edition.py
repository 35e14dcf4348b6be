"""lalert.cap.edition: the test kit of a vocabulary, held against what is shipped and each way to break it."""

from __future__ import annotations

from importlib.resources import files
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lalert.cap import vocabulary
from lalert.cap.edition import MAX_CHARACTERS, check

FOLDER = files("lalert.cap") / "vocabulary"
TEXTS = sorted(
    (file.read_text("utf-8") for file in FOLDER.iterdir() if vocabulary._EDITION.fullmatch(file.name)),
    key=lambda text: vocabulary.read(text).since,
)
NEWEST = TEXTS[-1]
BEFORE = vocabulary.read(TEXTS[-2])
SIX = 'name = "高齢者等避難"'


def test_shipped_editions_are_whole() -> None:
    """Each edition is without fault by itself and after the one before it; all of them are in force at their time."""
    assert check(TEXTS[0]) == []
    for before, after in pairwise(TEXTS):
        assert check(after, previous=vocabulary.read(before)) == []
    assert [edition.since for edition in vocabulary.editions()] == [vocabulary.read(text).since for text in TEXTS]


@pytest.mark.parametrize(
    ("old", "new", "where", "says"),
    [
        ("since =", "since", "-", "TOML"),
        ("since = 2026-05-28T00:00:00+09:00", "", "since", "missing"),
        ("since = 2026-05-28T00:00:00+09:00", "since = 2026-05-28", "since", "form"),
        ("since = 2026-05-28T00:00:00+09:00", "since = 2021-05-20T00:00:00+09:00", "since", "after"),
        ("[abolished]", "[extra]\n[abolished]", "extra", "no such table"),
        ("[river]", "[rivers]", "rivers", "no such table"),
        ('"33" = ["heavy_rain", 5]', '"33" = ["heavy_rain", 6]', "jma", "form"),
        ('"33" = ["heavy_rain", 5]', '"33" = ["meteor", 5]', "jma", "meteor"),
        ('"20" = ["flood", 2]', '"20" = ["deluge", 2]', "river", "deluge"),
        ('"62" = "津波注意報"', '"62" = "満潮の知らせ"', "tsunami", "no act"),
        ('urgency = ["Immediate"]', 'urgency = ["Now"]', "acts[1]", "form"),
        ('urgency = ["Immediate"]', "urgency = []", "acts[1]", "form"),
        ('urgency = ["Immediate"]', 'urgency = ["Future"]', "緊急安全確保", "Immediate"),
        ('responses = ["Shelter"]', 'responses = ["Evacuate"]', "緊急安全確保", "evacuate"),
        ('responses = ["Shelter"]', 'responses = ["AllClear"]', "緊急安全確保", "all clear"),
        ("match = '緊急安全確保'", "match = '緊急安全確保('", "acts[1]", "pattern"),
        ("match = '緊急安全確保'", "match = '緊急安全'\nmatches = 1", "acts[1]", "form"),
        ("match = '避難指示'", "match = '避難命令'", "避難指示", "own name"),
        ('name = "避難指示"', 'name = "緊急安全確保"', "緊急安全確保", "Two acts"),
        ('name = "避難指示"', 'name = "避難勧告"', "避難勧告", "abolished"),
        ("level = 3\n", "", "acts", "Level 3"),
        ("level = 3\n", "level = 4\n", "acts", "Level 4"),
        ("level = 3\n", "level = 0\n", "acts[3]", "form"),
        ("level = 5\n", 'level = 5\nhazard = "tsunami"\n', "緊急安全確保", "no level"),
        ("level = 5\n", 'level = 5\nhazard = "meteor"\n', "緊急安全確保", "meteor"),
        ('"避難勧告" = "避難指示"', '"避難勧告" = "避難命令"', "abolished", "避難命令"),
        ('"災害発生情報" = "緊急安全確保"', "", "abolished", "災害発生情報"),
        ('fire = ["火災", "fire"]', "", "hazard_names", "fire"),
        ("\"JMA:class10\" = '\\d{6}'", "", "geocodes", "JMA:class10"),
        ("\"JMA:class10\" = '\\d{6}'", "\"JMA:class10\" = '\\d{6'\n\"x\" = '('", "geocodes", "pattern"),
        ('"【DRILL】", ', "", "drill", "【DRILL】"),
    ],
)
def test_a_fault_is_told(old: str, new: str, where: str, says: str) -> None:
    """Each way to break an edition is told with its place; a single change draws it."""
    assert old in NEWEST
    faults = check(NEWEST.replace(old, new, 1), previous=BEFORE)
    assert any(fault.where == where and says in fault.what.en for fault in faults), faults
    assert all(fault.what.ja for fault in faults)


def test_an_act_may_not_be_lost() -> None:
    """An act of the edition before stays an act or is abolished by name: nobody's words fail without an answer."""
    start = NEWEST.index("[[acts]]", NEWEST.index(SIX) - 30)
    shorter = NEWEST[:start] + NEWEST[NEWEST.index("[[acts]]", start + 8) :]
    faults = check(shorter, previous=BEFORE)
    assert {fault.where for fault in faults} >= {"高齢者等避難", "acts", "abolished"}


def test_all_faults_of_form_are_told_at_once() -> None:
    """Several tables that are wrong are told together."""
    text = NEWEST.replace("[river]", "[rivers]").replace('urgency = ["Immediate"]', "urgency = 1")
    assert len(check(text)) > 3


def test_it_is_bounded() -> None:
    """A text beyond the bound is not read."""
    assert [fault.where for fault in check("#" * (MAX_CHARACTERS + 1))] == ["-"]


CHANGED = st.builds(
    lambda at, what: NEWEST[:at] + what + NEWEST[at:], st.integers(0, 9_000), st.text('[]{}="\n1a', max_size=4)
)


@settings(max_examples=30)
@given(st.text(max_size=60) | CHANGED)
def test_any_text_is_judged(text: str) -> None:
    """Whatever is given, there is an answer and no exception."""
    check(text, previous=BEFORE)
