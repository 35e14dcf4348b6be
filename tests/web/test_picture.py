"""What a page says at the first glance: what it lists, in which order, and what it says of too many to list."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from lxml import html

from lalert.cap import build
from lalert.cap.model import Status
from lalert.core.model import Realm
from lalert.errors import Rejected, Text
from lalert.web.cards import MAX_ACTION, in_brief
from lalert.web.picture import MAX_KINDS
from lalert.web.views import MAX_CARDS, Lang
from tests.web.scene import NOW, Scene, boundaries, order, pages, visit

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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("高台へ。", "高台へ。"),
        ("高台へ。" * 100, "高台へ。" * (MAX_ACTION // 4) + "…"),
        ("あ" * 1000, "あ" * (MAX_ACTION - 1) + "…"),
        ("Go up. " + "x" * 1000, "Go up.…"),
    ],
)
def test_a_long_instruction_is_cut_between_sentences(text: str, told: str) -> None:
    """One sender's essay does not push the next alert off the screen, and no half sentence turns its meaning round."""
    assert in_brief(text) == told


def test_an_essay_stands_whole_on_its_own_page() -> None:
    """The list has the first sentences, the message's own page all of them."""
    made = Scene()
    made.say(order(1, instruction="高台へ避難してください。" * 60), CHIYODA)
    card = parsed(pages().front(made.situation, visit())).find_class("act")[0].text_content()
    posted = made.posted("jp-example-0001")
    whole = parsed(pages().alert(posted, [posted.entry], visit())).find_class("todo")[0].text_content()
    assert (card.count("避難"), whole.count("避難")) == (MAX_ACTION // 12, 60)


def test_the_map_of_a_message_speaks_the_language_of_its_page() -> None:
    """Who reads the English page gets the English map."""
    made = Scene()
    made.say(order(1), CHIYODA)
    posted = made.posted("jp-example-0001")
    for lang, asked in (("ja", ""), ("en", "lang=en&")):
        page = parsed(pages().alert(posted, [posted.entry], visit(lang=lang)))
        assert page.xpath("//figure//img/@src") == [f"/alerts/jp-example-0001/map.svg?{asked}size=1080x1350"]


@pytest.mark.parametrize(("status", "is_told"), [(404, False), (429, True), (503, True)])
def test_who_cannot_be_served_is_told_where_else_to_look(status: int, is_told: bool) -> None:
    """When the hub fails a resident, its page names television, radio and the municipality; a bad address does not."""
    error = Rejected(Text("だめです。", "No."), code="x.y", status=status)
    for lang, word in (("ja", "テレビ"), ("en", "television")):
        assert (word in pages().problem(error, visit(lang=lang)).decode()) is is_told


def test_an_area_offers_its_notifications_at_once() -> None:
    """The way to notifications stands at the head of an area's page, not among its data."""
    page = parsed(pages().area(CHIYODA, Scene().situation, visit()))
    links = page.xpath("//main//a/@href")
    assert links.index(f"/notify?area={CHIYODA}") < links.index(f"/feeds/muni/{CHIYODA}.atom")
    assert page.xpath("//div[@class='pair']/preceding-sibling::p/a/@href") == ["/a/13", f"/notify?area={CHIYODA}"]


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_no_two_hazards_are_called_the_same(lang: Lang) -> None:
    """Who wants earthquakes must see which box is the early warning: two boxes of one name are a missed alarm."""
    form = parsed(pages().notify("", [], visit(lang=lang))).get_element_by_id("notify")
    names = [label.text_content().strip() for label in form.xpath(".//details//label")]
    assert len(names) == len(set(names))
    assert ("緊急地震速報" if lang == "ja" else "earthquake early warning") in names


def test_a_phone_fetches_the_map_when_it_comes_near() -> None:
    """Below a long list the map waits; on the page of the map the drawing is what is looked at."""
    made = Scene()
    made.say(order(1), CHIYODA)
    assert parsed(pages().front(made.situation, visit())).xpath("//figure//img/@loading") == ["lazy"]
    assert not parsed(pages().chart(made.situation, visit())).xpath("//figure//img/@loading")


def test_the_reason_of_a_rehearsed_cancellation_is_marked() -> None:
    """In a drill the reason of a 取消 stands between the marks, too: it may be read alone."""
    made = Scene()
    alert = order(1, status=Status.EXERCISE)
    made.say(alert, CHIYODA)
    made.say(build.cancel(alert, identifier="c", sent=NOW, note="誤発信のため"), CHIYODA)
    drill, posted = pages(Realm.DRILL), made.posted("jp-example-0001")
    told = "理由: 【訓練】誤発信のため【訓練】"
    assert told in drill.front(made.situation, visit()).decode()
    assert told in drill.alert(posted, made.thread(posted.entry.thread), visit()).decode()


@pytest.mark.parametrize("codes", [(), (CHIYODA,)])
def test_a_stale_page_is_as_of_when_it_stopped(codes: tuple[str, ...]) -> None:
    """「02:40 現在」 over what stopped at 02:31 would be a lie, most of all where nothing seems to be in force."""
    made = Scene()
    for code in codes:
        made.say(order(1), code)
    page = parsed(pages().front(made.situation, visit(stale=NOW - timedelta(minutes=9))))
    told = page.get_element_by_id("main").text_content()
    assert "02:31 現在" in told
    assert "02:40 現在" not in told
