"""What a page says at the first glance: what it lists, in which order, and what it says of too many to list."""

from __future__ import annotations

import re
from dataclasses import replace

from lxml import html

from lalert.web.picture import MAX_KINDS
from lalert.web.views import MAX_CARDS
from tests.web.scene import Scene, boundaries, order, pages, visit

CHIYODA, CHUO = "131016", "131024"


def parsed(page: bytes) -> html.HtmlElement:
    """Return a page as a tree."""
    return html.document_fromstring(page.decode())


def test_a_crowd_goes_by_prefecture_with_nothing_left_out() -> None:
    """More alerts of one level than a page bears become numbers by prefecture that link to all of them."""
    made = Scene()
    codes = [*boundaries().expand("13"), *boundaries().expand("30")][: MAX_CARDS + 10]
    for number, code in enumerate(codes):
        made.say(order(number), code)
    section = parsed(pages().front(made.situation, visit())).get_element_by_id("four")
    assert not section.find_class("card")
    counted = {a.get("href"): int(re.search(r"\d+", a.tail)[0]) for a in section.xpath(".//li/a")}
    assert sum(counted.values()) == len(codes)
    assert set(counted) == {"/a/13", "/a/30"}
    there = parsed(pages().area("13", made.situation, visit()))
    assert len(there.find_class("card")) == counted["/a/13"]


def test_a_crowd_says_of_what_and_what_to_do() -> None:
    """Many tsunami warnings are not 「津波など 70件」: each kind is named, the gravest first, with its words."""
    made = Scene()
    codes = [*boundaries().expand("13"), *boundaries().expand("30")][: MAX_CARDS + 10]
    for number, code in enumerate(codes):
        kind, wording = ("大津波警報", "高台へ") if number == 3 else ("津波注意報", f"第{number}小学校の方へ")
        made.say(order(number, level=None, act=kind, hazard="tsunami", instruction=wording), code)
    section = parsed(pages().front(made.situation, visit())).get_element_by_id("unlevelled")
    told = [" ".join(li.text_content().split()) for li in section.find_class("kinds")[0]]
    assert told == [
        "大津波警報 1件 高台へ",
        f"津波注意報 {len(codes) - 1}件 直ちに海から上がり、海岸から離れてください",
    ]


def test_kinds_are_bounded_and_the_rest_is_counted() -> None:
    """A page does not grow with the names that senders invent: eight kinds, and how many alerts are of others."""
    made = Scene()
    codes = [*boundaries().expand("13"), *boundaries().expand("30")][: MAX_CARDS + 10]
    for number, code in enumerate(codes):
        alert = order(number, level=None, act="津波警報", hazard="tsunami")
        made.say(replace(alert, infos=(replace(alert.infos[0], event=f"津波情報その{number}"),)), code)
    kinds = parsed(pages().front(made.situation, visit())).find_class("kinds")[0]
    assert len(kinds) == MAX_KINDS + 1
    assert kinds[-1].text_content() == f"ほか{len(codes) - MAX_KINDS}件"


def test_the_gravest_of_a_kind_stands_first() -> None:
    """What has no level is listed by severity, however new the milder warning is."""
    made = Scene()
    made.say(order(1, level=None, act="大津波警報", hazard="tsunami", minutes=40), CHIYODA)
    made.say(order(2, level=None, act="津波注意報", hazard="tsunami", minutes=5), CHUO)
    titles = parsed(pages().front(made.situation, visit())).xpath("//section[@id='unlevelled']//h3")
    assert ["大津波警報" in title.text_content() for title in titles] == [True, False]


def test_an_english_page_says_in_english_what_was_only_said_in_japanese() -> None:
    """Name and official words come first, the sender's own after them, each marked as the language that it is."""
    made = Scene()
    made.say(order(1, level=None, act="津波警報", hazard="tsunami", instruction="山へ。", languages={}), CHIYODA)
    card = parsed(pages().front(made.situation, visit(lang="en"))).find_class("card")[0]
    assert "Tsunami Warning – " in card.xpath(".//h3")[0].text_content()
    told = [(line.text, line.get("lang")) for line in card.find_class("act")]
    assert told == [("Go to high ground or a tsunami evacuation building at once", None), ("山へ。", "ja")]
    posted = made.posted("jp-example-0001")
    todo = parsed(pages().alert(posted, [posted.entry], visit(lang="en"))).find_class("todo")[0]
    assert [(line.text, line.get("lang")) for line in todo.findall("p")] == told


def test_the_hubs_own_words_are_in_the_language_of_the_page() -> None:
    """Where the sender says nothing of what to do, the English words are not marked as Japanese."""
    made = Scene()
    made.say(order(1, level=None, act="津波警報", hazard="tsunami", languages={}), CHIYODA)
    card = parsed(pages().front(made.situation, visit(lang="en"))).find_class("card")[0]
    assert [line.get("lang") for line in card.find_class("act")] == [None]
