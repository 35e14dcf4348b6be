"""The sheet that a map is drawn on."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from lxml import etree

from lalert.render.form import FORMS, SQUARE, Form
from lalert.render.palette import PAINTS, Look
from lalert.render.plane import Box, Plane
from lalert.render.sheet import Sheet, columns, fitted
from lalert.render.words import pick
from tests.render.entries import SENT
from tests.render.hostile import texts

TOKYO = Box(west=139.0, south=35.0, east=140.0, north=36.0)


def drawn(
    title: str = "全国", *, box: Box = TOKYO, drill: bool = False, lang: str = "ja", note: str = "", form: Form = SQUARE
) -> etree._Element:
    """Return an empty map as a reader parses it."""
    sheet = Sheet(title=title, as_of=SENT, credit="出典", drill=drill, lang=lang, note=note, form=form)
    plane = Plane(box, sheet.place)
    return etree.fromstring(sheet.render(defs="", drawing="", facts="なし", looks=list(Look), plane=plane))


def said(root: etree._Element) -> str:
    """Return all text that is drawn."""
    return " ".join(text for text in root.itertext() if text)


def test_a_sheet_says_what_when_and_whose() -> None:
    """Title, 「hh:mm 現在」, legend, scale, north and credit."""
    text = said(drawn(note="図の外"))
    assert all(word in text for word in ("全国", "02:30 現在", "全員避難", "情報なし", "10 km", "北", "出典", "図の外"))


def test_who_does_not_see_it_is_told() -> None:
    """An image with a title and a description for screen readers."""
    root = drawn()
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "title desc")
    assert [root[0].text, root[1].text] == ["全国", "7月6日02:30 現在 なし"]


def test_a_drill_is_unmistakable() -> None:
    """Two bands, and the mark in title and description; a headline's own mark is not doubled."""
    text = said(drawn(drill=True))
    assert text.count("これは訓練です") == 2
    assert text.startswith("【訓練】全国【訓練】 【訓練】7月6日02:30 現在 なし【訓練】")
    assert drawn("【訓練】避難指示【訓練】", drill=True)[0].text == "【訓練】避難指示【訓練】"
    assert "訓練" not in said(drawn())


def test_english() -> None:
    """The whole sheet has English words."""
    text = said(drawn("Japan", lang="en", drill=True))
    assert all(word in text for word in ("As of 02:30 JST", "All evacuate", "None", "N", "NOT A REAL EMERGENCY"))


@pytest.mark.parametrize(("side", "scale"), [(0.01, "100 m"), (0.05, "500 m"), (1.0, "10 km"), (10.0, "100 km")])
def test_the_scale_is_a_round_length(side: float, scale: str) -> None:
    """1, 2 or 5 times a power of ten, in metres or kilometres."""
    assert scale in said(drawn(box=Box(west=139, south=35, east=139 + side, north=35 + side * 0.8)))


@given(texts)
def test_no_title_breaks_the_sheet(title: str) -> None:
    """Whatever a headline holds, the sheet is valid, and nothing of it becomes an element."""
    assert len(list(drawn(title).iter())) == len(list(drawn("x").iter()))


def test_texts_are_fitted_by_their_width() -> None:
    """A full-width character takes two columns."""
    assert columns("あa") == 3
    assert fitted("あいう", 6) == "あいう"
    assert fitted("あいうえ", 6) == "あい…"


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_every_letter_stays_on_the_sheet(lang: str, form: Form) -> None:
    """The longest title, note and legend of all looks, in every format: nothing runs over an edge or each other."""
    root = drawn("避難指示" * 30, lang=lang, note="図の外" * 50, drill=True, form=form)
    boxes = [box_of(text) for text in root.iterfind("{*}g/{*}text") if text.text]
    assert all(
        west >= 0 and north >= 0 and east <= form.width and south <= form.height for west, north, east, south in boxes
    )
    overlaps = [
        (a, b) for a, b in combinations(boxes, 2) if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]
    assert overlaps == []


def box_of(text: etree._Element) -> tuple[float, float, float, float]:
    """Return west, north, east and south of a text, its letters as wide as they are at most."""
    size = float(text.get("font-size") or 0)
    wide, x, y = size / 2 * columns(text.text or ""), float(text.get("x") or 0), float(text.get("y") or 0)
    west = x - {"end": wide, "middle": wide / 2}.get(text.get("text-anchor") or "", 0)
    return west, y - 0.8 * size, west + wide, y


@pytest.mark.parametrize(("lang", "rest"), [("ja", "情報なし"), ("en", "None")])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_legend_names_every_look(lang: str, rest: str, form: Form) -> None:
    """Whatever the format, no look on the map is without its word."""
    said = {text.text for text in drawn(lang=lang, form=form).iterfind("{*}g/{*}text")}
    assert {pick(paint.label, lang) for paint in PAINTS.values()} | {rest} <= said


def test_an_overlay_hides_no_more_than_it_must() -> None:
    """Paper and sea are left out; what letters stand on is not, and a drill keeps its bands."""
    root = drawn(drill=True, form=replace(SQUARE, overlay=True))
    whole = [rect for rect in root.iterfind("{*}rect") if float(rect.get("height") or 0) > SQUARE.height / 2]
    assert whole == []
    assert said(root).count("これは訓練です") == 2
