"""The pages: whole, escaped, honest about what does not hold, the same in list and map."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from lxml import html
from markupsafe import Markup

from lalert.cap import build
from lalert.cap.build import Words
from lalert.cap.model import Resource, Status
from lalert.core.expiry import expiry_of
from lalert.core.model import Cursor, Entry, Realm
from lalert.errors import Finding, Rejected, Severity, Text
from lalert.render.map import area_map, japan
from lalert.web.assets import assets
from lalert.web.views import MAX_QUERY
from tests.web.scene import NOW, Scene, boundaries, order, pages, visit, zone

CHIYODA, CHUO, SHINGU = "131016", "131024", "302074"
HOSTILE = "</h1><script>alert(1)</script>\"'&\u202e{{ 7*7 }}"


def parsed(body: bytes) -> html.HtmlElement:
    """Return the page as a tree."""
    return html.document_fromstring(body.decode())


def text_of(body: bytes) -> str:
    """Return what the main part of a page says, blanks collapsed."""
    return " ".join(parsed(body).get_element_by_id("main").text_content().split())


def every_page(scene: Scene, realm: Realm = Realm.LIVE, **changes: object) -> dict[str, bytes]:
    """Return one page of each kind."""
    made, seen, situation = pages(realm), visit(**changes), scene.situation
    posted = scene.posted(scene.entries[0].alert.identifier)
    said = Text(HOSTILE, HOSTILE)
    wrong = Finding(code="x.y", severity=Severity.ERROR, message=said, advice=said, found=HOSTILE)
    error = Rejected(Text("ありません。", "Nothing here."), code="http.not_found", status=404, findings=[wrong])
    return {
        "front": made.front(situation, seen),
        "area": made.area(CHIYODA, situation, seen),
        "prefecture": made.area("13", situation, seen),
        "areas": made.areas(HOSTILE, situation, seen),
        "alert": made.alert(posted, scene.thread(posted.entry.thread), seen),
        "problem": made.problem(error, seen, correlation_id="abc"),
        "document": made.document(Text("説明", "About"), Markup("<p>本文</p>"), seen),
    }


@pytest.fixture
def scene() -> Scene:
    """A level 4 in Chiyoda whose every text is hostile."""
    made = Scene()
    hostile = order(
        1,
        headline=HOSTILE,
        description=HOSTILE,
        instruction=HOSTILE,
        area_desc=HOSTILE,
        sender_name=HOSTILE,
        contact=HOSTILE,
        languages={
            "en": Words(event="Evacuation order", headline="Leave now", description="Flood", instruction="Go up")
        },
    )
    made.say(hostile, CHIYODA)
    return made


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("realm", list(Realm))
def test_nothing_that_was_sent_becomes_markup(scene: Scene, lang: str, realm: Realm) -> None:
    """A message's text never becomes an element, an attribute, script or style, on any page."""
    for name, body in every_page(scene, realm, lang=lang).items():
        tree = parsed(body)
        assert [node.get("src").split("?")[0] for node in tree.iter("script")] == ["/static/live.js"], name
        assert not list(tree.iter("style")), name
        assert b"<script>" not in body, name
        assert name in ("areas", "document") or "alert(1)" in text_of(body), name
        for node in tree.iter():
            names = {key.lower() for key in node.attrib} if isinstance(node.tag, str) else set()
            assert not {key for key in names if key == "style" or key.startswith("on")}, name


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_every_page_is_in_the_language_asked_for(scene: Scene, lang: str) -> None:
    """The document names its language, offers the other one, and its links keep the choice."""
    for name, body in every_page(scene, lang=lang).items():
        tree = parsed(body)
        assert tree.get("lang") == lang, name
        other = tree.xpath("//nav//a[@hreflang]")[0]
        assert other.get("hreflang") == {"ja": "en", "en": "ja"}[lang]
        inner = [a.get("href") for a in tree.xpath("//main//a") if re.match(r"/(a|alerts)/", a.get("href"))]
        assert all(("lang=en" in href) is (lang == "en") for href in inner if "." not in href), name


def test_switching_the_language_keeps_the_search() -> None:
    """The language link of a search repeats the search, encoded."""
    tree = parsed(pages().areas("千代田&x", Scene().situation, visit()))
    assert tree.xpath("//nav//a[@hreflang]")[0].get("href") == "?q=%E5%8D%83%E4%BB%A3%E7%94%B0%26x&lang=en"


def test_english_page_shows_the_english_text_and_marks_what_is_japanese(scene: Scene) -> None:
    """A page in English shows the sender's English; where there is none the text says that it is Japanese."""
    scene.say(order(2, headline="避難してください", sent=NOW - timedelta(minutes=5)), CHUO)
    tree = parsed(pages().front(scene.situation, visit(lang="en")))
    links = {a.text: a.get("lang") for a in tree.xpath("//h3/a")}
    assert any("Leave now" in text and lang is None for text, lang in links.items())
    assert any("避難してください" in text and lang == "ja" for text, lang in links.items())


def test_each_page_says_as_of_when(scene: Scene) -> None:
    """「02:40 現在」 stands on every page that can grow old."""
    for name, body in every_page(scene).items():
        assert name == "document" or "02:40 現在" in text_of(body), name


def test_an_empty_page_says_so_and_when_something_was_last_heard() -> None:
    """Blank is not safe: the page tells that nothing is in force, as of when, and that the line is alive."""
    nothing = Scene().situation
    for body in (
        pages().front(nothing, visit(heard=NOW - timedelta(minutes=3))),
        pages().area(CHIYODA, nothing, visit(heard=NOW - timedelta(minutes=3))),
    ):
        said = text_of(body)
        assert "発令中の情報はありません。" in said
        assert "最後に情報を受信した時刻: 02:37" in said
        assert "安全を保証するものではありません" in said
    assert "まだ情報を受信していません" in text_of(pages().front(nothing, visit()))


def test_a_stale_page_says_so_before_anything_else(scene: Scene) -> None:
    """When the store cannot be reached the banner is the first thing in the main part."""
    for name, body in every_page(scene, stale=NOW).items():
        first = parsed(body).get_element_by_id("main")[0]
        assert first.get("role") == "alert", name
        assert "最新ではない可能性" in first.text_content()


def test_the_drill_cannot_be_mistaken() -> None:
    """The drill's title, bands, headings and every alert and action are marked at both ends."""
    made = Scene()
    made.say(order(1, status=Status.EXERCISE), CHIYODA)
    for name, body in every_page(made, Realm.DRILL).items():
        tree = parsed(body)
        title = tree.findtext(".//title")
        assert title.startswith("【訓練】"), name
        assert title.endswith("【訓練】"), name
        assert len(tree.find_class("band")) == 2, name
        assert "drill" in tree.get("class"), name
        assert all(a.get("href").startswith("/drill") for a in tree.xpath("//main//a[starts-with(@href, '/')]")), name
    made_pages = pages(Realm.DRILL)
    for body in (made_pages.front(made.situation, visit()), made_pages.area("13", made.situation, visit())):
        told = parsed(body).xpath("//h3/a | //p[@class='act'] | //h2//small")
        said = [node.text_content() for node in told]
        assert len(said) > 1
        assert all(text.startswith("【訓練】") and text.endswith("【訓練】") for text in said), said


def test_live_pages_bear_no_mark_of_a_drill(scene: Scene) -> None:
    """The live realm never says 訓練."""
    for name, body in every_page(scene).items():
        assert "訓練" not in body.decode(), name
        assert b"band" not in body, name


def test_list_and_map_say_the_same() -> None:
    """Every place and level that the map's description tells is in the list beside it, and the reverse."""
    made = Scene()
    places = {CHIYODA: (5, "千代田区"), CHUO: (4, "中央区"), SHINGU: (3, "新宮市")}
    for number, (code, (level, name)) in enumerate(places.items()):
        made.say(order(number, level=level, sender_name=name), code)
    drawing = japan(made.situation.in_force(), boundaries(), title="全国", as_of=NOW).decode()
    tree = parsed(pages().front(made.situation, visit()))
    for level, name in places.values():
        section = tree.get_element_by_id({5: "five", 4: "four", 3: "three"}[level])
        assert name in section.text_content()
        assert name in drawing
    assert tree.xpath("//figure//img/@src") == [f"/map/japan.svg?g={made.situation.generation}&size=1080x1350"]
    assert tree.xpath("//figure//img/@alt")[0]


def test_a_place_shows_the_level_that_holds_there() -> None:
    """Level 4 in one ward and 3 in the next is level 3 on the next ward's page, with that level's action."""
    made = Scene()
    high, low = order(1, level=4), order(2, level=3)
    both = made.say(high, zones=[zone(high.infos[0], CHIYODA), zone(low.infos[0], CHUO)])
    assert both.level == 4
    there = parsed(pages().area(CHUO, made.situation, visit()))
    assert not there.xpath("//section[@id='four']")
    section = there.get_element_by_id("three").text_content()
    assert "この地域は警戒レベル3です" in section
    assert "危険な場所から高齢者等は避難" in section
    assert "避難してください" not in section
    front = parsed(pages().front(made.situation, visit())).get_element_by_id("four")
    assert [" ".join(p.text_content().split()) for p in front.find_class("place")] == [
        "警戒レベル4東京都千代田区",
        "警戒レベル3東京都中央区",
    ]
    assert 'fill="url(#' in area_map(CHUO, made.situation.in_force(), boundaries(), title="", as_of=NOW).decode()


def test_a_tsunami_has_no_level_and_stands_above_level_four() -> None:
    """What the law gives no level has its own sign and group, between level 5 and level 4, as on the map."""
    made = Scene()
    made.say(order(1, level=4), CHIYODA)
    made.say(order(2, level=None, act="津波警報", hazard="tsunami"), CHUO)
    made.say(order(3, level=5), SHINGU)
    tree = parsed(pages().front(made.situation, visit()))
    assert tree.xpath("//section[@class='group']/@id") == ["five", "unlevelled", "four"]
    badge = tree.get_element_by_id("unlevelled").find_class("lv")[0]
    assert badge[0].text == "!"
    assert "警戒レベル" not in tree.get_element_by_id("unlevelled").find_class("card")[0].text_content()


def test_a_notice_is_no_alarm() -> None:
    """Information without a level and without urgency stands last, without an order to follow."""
    made = Scene()
    made.say(order(1, level=None, act="お知らせ", hazard="notice"), CHIYODA)
    section = parsed(pages().front(made.situation, visit())).get_element_by_id("notice")
    assert not section.xpath("h2//small")
    assert "big" not in section.find_class("card")[0].get("class")


def test_a_cancel_that_says_nothing_is_still_a_page() -> None:
    """A Cancel without any info is told by its state and its note; it has the map of those who heard the alarm."""
    made = Scene()
    alert = order(1)
    made.say(alert, CHIYODA)
    bare = replace(build.cancel(alert, identifier="c", sent=NOW, note="誤りです。"), infos=())
    made.say(bare)
    posted = made.posted("c")
    body = pages().alert(posted, made.thread(posted.entry.thread), visit())
    assert "誤りです。" in text_of(body)
    assert parsed(body).xpath("//figure//img/@src") == ["/alerts/c/map.svg?size=1080x1350"]


def test_files_beside_the_text_are_linked_when_they_can_be_opened() -> None:
    """A resource with a web address is linked under its description; one without is left to the raw message."""
    made = Scene()
    alert = order(1)
    resources = (
        Resource(resource_desc="避難所一覧", uri="https://example.jp/list.pdf"),
        Resource(resource_desc="音声", uri="file:///x"),
    )
    made.say(replace(alert, infos=(replace(alert.infos[0], resources=resources),)), CHIYODA)
    posted = made.posted("jp-example-0001")
    links = parsed(pages().alert(posted, made.entries, visit())).xpath("//a[contains(@rel, 'external')]")
    assert [(link.text, link.get("href")) for link in links] == [("避難所一覧", "https://example.jp/list.pdf")]


def test_what_is_lifted_in_one_place_does_not_hold_there() -> None:
    """A part that is all clear is not in force on that place's page; it still is on the others'."""
    made = Scene()
    alert = order(1)
    lifted = build.lift(alert, identifier="lift", sent=NOW)
    made.say(alert, zones=[zone(alert.infos[0], CHIYODA), zone(lifted.infos[0], CHUO)])
    assert "発令中の情報はありません" in text_of(pages().area(CHUO, made.situation, visit()))
    assert "発令中 1件" in text_of(pages().area(CHIYODA, made.situation, visit()))
    low, high = order(3, level=3), order(4, level=5)
    made.say(low, zones=[zone(low.infos[0], SHINGU), replace(zone(high.infos[0], SHINGU), lifted=True)])
    there = parsed(pages().area(SHINGU, made.situation, visit()))
    assert there.xpath("//section[@class='group']/@id") == ["three"]
    wards = parsed(pages().area("13", made.situation, visit())).xpath(
        "//ul[contains(@class, 'prefs')]/li[a/span]/a/@href"
    )
    assert wards == [f"/a/{CHIYODA}"]
    assert "解除東京都中央区" in text_of(pages().front(made.situation, visit()))


def test_a_false_alarm_is_shown_like_an_alarm_with_its_reason() -> None:
    """取消 has a cell in the numbers, a card of an alarm's size, the reason; a lifting has a line."""
    made = Scene()
    first, second = order(1), order(2)
    made.say(first, CHIYODA)
    made.say(second, CHUO)
    made.say(build.cancel(first, identifier="c", sent=NOW - timedelta(minutes=9), note="誤って発信しました。"), CHIYODA)
    made.say(build.lift(second, identifier="l", sent=NOW - timedelta(minutes=5)), CHUO)
    tree = parsed(pages().front(made.situation, visit()))
    (card,) = tree.get_element_by_id("error").find_class("card")
    assert "big" in card.get("class")
    assert "【取消】" in card.text_content()
    assert "誤って発信しました。" in card.text_content()
    assert tree.find_class("tally")[0].xpath("li/a/@href") == ["#error"]
    (row,) = tree.xpath("//section[@class='ended']//li")
    assert "【解除】" in row.text_content()
    assert "02:35" in row.text_content()
    assert "取消" not in text_of(pages().area(CHUO, made.situation, visit()))


def test_what_goes_on_has_not_ended() -> None:
    """A superseded message is no ended alert: its thread shows the message that holds, marked as an update."""
    made = Scene()
    first = order(1, level=3)
    made.say(first, CHIYODA)
    made.say(build.update(first, order(2, level=4, minutes=5)), CHIYODA)
    tree = parsed(pages().front(made.situation, visit()))
    assert not tree.find_class("ended")
    assert "更新" in tree.get_element_by_id("four").text_content()
    assert "発令中 1件" in text_of(pages().front(made.situation, visit()))


def test_ended_alerts_are_shown_for_72_hours_and_no_longer() -> None:
    """The page forgets an ended alert after 72 hours; of many it tells how many it leaves out."""
    made = Scene()
    for number in range(40):
        alert = order(number, minutes=60)
        made.say(alert, CHIYODA)
        made.say(build.lift(alert, identifier=f"l{number}", sent=NOW - timedelta(minutes=30)), CHIYODA)
    assert "ほか10件" in text_of(pages().front(made.situation, visit()))
    late = parsed(pages().front(made.situation, visit(now=NOW + timedelta(hours=72))))
    assert not late.find_class("ended")


def test_an_expired_alert_is_not_called_lifted() -> None:
    """Nobody has said that the danger is over: the page says 期限終了 and that it is not an all clear."""
    made = Scene()
    alert = order(1, expires=NOW - timedelta(minutes=10))
    made.say(alert, CHIYODA)
    made.keep(Entry.of(expiry_of(made.posted("jp-example-0001"), now=NOW), Cursor("k3f9", 2)))
    posted = made.posted("jp-example-0001")
    page = text_of(pages().alert(posted, made.thread(posted.entry.thread), visit()))
    assert "解除の発表ではありません" in page
    assert "とるべき行動" not in page
    assert "期限終了" in text_of(pages().front(made.situation, visit()))


def test_an_alert_tells_what_became_of_it_and_of_its_thread() -> None:
    """A cancelled message says so first, gives the reason, links what cancelled it; the Cancel says what it is."""
    made = Scene()
    alert = order(1, languages={"en": Words(event="Evacuation order", headline="Leave")})
    made.say(alert, CHIYODA)
    made.say(build.cancel(alert, identifier="c/1", sent=NOW, note="誤りです。"), CHIYODA)
    posted = made.posted("jp-example-0001")
    tree = parsed(pages().alert(posted, made.thread(posted.entry.thread), visit()))
    banner = tree.find_class("note")[0].text_content()
    assert "取消" in banner
    assert "誤りです。" in banner
    assert "/alerts/c%2F1" in tree.xpath("//div[@class='note']//a/@href")
    assert not tree.find_class("todo")
    assert [li.get("aria-current") for li in tree.xpath("//ol[@class='thread']/li")] == ["true", None]
    cancel = made.posted("c/1")
    assert "先に発表された情報の取消です" in text_of(pages().alert(cancel, made.thread(cancel.entry.thread), visit()))


@pytest.mark.parametrize(("kind", "word"), [("lift", "解除"), ("correct", "訂正"), ("update", "更新")])
def test_the_history_names_each_step(kind: str, word: str) -> None:
    """解除, 訂正 and 更新 are told apart in the history, and the first message links what came after it."""
    made = Scene()
    alert = order(1)
    following = {
        "lift": lambda: build.lift(alert, identifier="next", sent=NOW),
        "correct": lambda: build.correct(alert, identifier="next", sent=NOW, note="電話番号の誤り"),
        "update": lambda: build.update(alert, order(2, identifier="next", sent=NOW)),
    }
    made.say(alert, CHIYODA)
    made.say(following[kind](), CHIYODA)
    posted = made.posted("jp-example-0001")
    tree = parsed(pages().alert(posted, made.thread(posted.entry.thread), visit()))
    assert word in tree.xpath("//ol[@class='thread']/li[2]//strong")[0].text
    assert "/alerts/next" in tree.xpath("//div[contains(@class, 'note')]//a/@href")
    last = made.posted("next")
    assert text_of(pages().alert(last, made.thread(last.entry.thread), visit()))


def test_an_alert_is_told_in_all_its_languages(scene: Scene) -> None:
    """The page's language first, the others folded, each marked as what it is; the raw message is one link away."""
    posted = scene.posted("jp-example-0001")
    tree = parsed(pages().alert(posted, scene.thread(posted.entry.thread), visit()))
    assert [node.get("lang") for node in tree.find_class("said")] == ["ja", "en"]
    assert "Go up" in tree.xpath("//details")[0].text_content()
    data = tree.find_class("links")[0].xpath("a/@href")
    assert data == [f"/api/v1/alerts/jp-example-0001{suffix}" for suffix in (".cap", ".json", ".geojson")]


def test_only_web_addresses_become_links() -> None:
    """`javascript:` and `data:` addresses of a message are not linked; http and https are."""
    made = Scene()
    for number, address in enumerate(("javascript:alert(1)", "https://example.jp/a?b&c", "data:text/html,x")):
        alert = order(number)
        info = replace(alert.infos[0], web=address)
        made.say(replace(alert, infos=(info,)), CHIYODA)
    found = [
        parsed(pages().alert(made.posted(f"jp-example-{n:04}"), made.entries[n : n + 1], visit())).xpath(
            "//a[contains(@rel, 'external')]/@href"
        )
        for n in range(3)
    ]
    assert found == [[], ["https://example.jp/a?b&c"], []]


def test_areas_are_found_by_name_and_tell_their_level() -> None:
    """The index finds places, shows what holds there, bounds the question, and says when nothing is found."""
    made = Scene()
    made.say(order(1), CHIYODA)
    tree = parsed(pages().areas("千代田", made.situation, visit()))
    (row,) = [li for li in tree.xpath("//ul[contains(@class, 'rows')]/li") if li.xpath(f"a[@href='/a/{CHIYODA}']")]
    assert "警戒レベル4" in row.text_content()
    assert "東京都千代田区" in row.text_content()
    assert len(tree.xpath("//ul[contains(@class, 'prefs')]/li")) == 47
    assert "該当する市区町村はありません" in text_of(pages().areas("ｱ" * 500, made.situation, visit()))
    assert "ｱ" * (MAX_QUERY + 1) not in pages().areas("ｱ" * 500, made.situation, visit()).decode()
    assert "最初の50件" in text_of(pages().areas("市", made.situation, visit()))


def test_areas_are_found_by_postal_code() -> None:
    """The search boxes take one in any spelling; a code that is not in use is told, never read as an empty place."""
    nothing = Scene().situation
    for text in ("100-0001", "〒１００ー０００１"):
        for body in (pages().areas(text, nothing, visit()), pages().notify(text, (), visit())):
            assert f"東京都千代田区 ちよだく {CHIYODA}" in text_of(body)
    three = text_of(pages().areas("9850000", nothing, visit()))
    assert all(name in three for name in ("塩竈市", "多賀城市", "七ヶ浜町"))
    assert "郵便番号 999-9999 は" in text_of(pages().areas("9999999", nothing, visit()))
    assert "no postal code 999-9999" in text_of(pages().notify("9999999", (), visit(lang="en")))


def test_a_place_that_is_not_is_refused() -> None:
    """An unknown code is a Rejected, never an empty page that looks like safety."""
    for code in ("999999", "48", "131017"):
        with pytest.raises(Rejected):
            pages().area(code, Scene().situation, visit())


def test_following_starts_where_the_page_stands(scene: Scene) -> None:
    """The script is told to follow from the page's own position, with the page's own filter."""
    at = Cursor("k3f9", 7)
    front = parsed(pages().front(scene.situation, visit(cursor=at))).get_element_by_id("main")
    area = parsed(pages(Realm.DRILL).area("13", scene.situation, visit(cursor=at))).get_element_by_id("main")
    assert front.get("data-stream") == "/stream?since=k3f9-7"
    assert area.get("data-stream") == "/drill/stream?area=13&since=k3f9-7"
    before = front.get("data-state-of-page")
    scene.say(order(9), CHUO)
    after = parsed(pages().front(scene.situation, visit())).get_element_by_id("main")
    assert after.get("data-state-of-page") != before
    assert after.get("data-stream") == "/stream"


@pytest.mark.parametrize("realm", list(Realm))
def test_the_front_page_is_light(realm: Realm) -> None:
    """With 30 alerts, page and style together take at most 14 KB on the wire."""
    made, codes = Scene(), boundaries().expand("24")
    for number, code in enumerate(codes[:29]):
        name = boundaries().municipality(code).name
        changes = {"status": Status.EXERCISE} if realm is Realm.DRILL else {}
        made.say(order(number, level=3 + number % 3, minutes=number, sender_name=name, area_desc=name, **changes), code)
    made.say(order(99, **({"status": Status.EXERCISE} if realm is Realm.DRILL else {})), CHIYODA)
    body = pages(realm).front(made.situation, visit())
    assert len(parsed(body).find_class("card")) == 30
    assert len(gzip.compress(body)) + len(gzip.compress(assets()["site.css"].body)) <= 14_000


def test_ids_are_unique_and_headings_go_down(scene: Scene) -> None:
    """Each page has one h1, no id twice, a name for every image and field: what a screen reader needs."""
    for name, body in every_page(scene).items():
        tree = parsed(body)
        ids = tree.xpath("//@id")
        assert len(ids) == len(set(ids)), name
        assert len(tree.xpath("//h1")) == (0 if name == "document" else 1), name
        assert not tree.xpath("//img[not(@alt)]"), name
        assert not tree.xpath("//input[not(@type='hidden')][not(@aria-label)]"), name
        assert tree.xpath("//a[@class='skip']/@href") == ["#main"], name
