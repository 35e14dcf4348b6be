"""The page of one message: what its sign says, and who has signed it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from lxml import html

from lalert.cap import build
from lalert.cap.build import Words
from lalert.cap.signature import Signature, Verdict
from lalert.core.expiry import expiry_of
from lalert.core.model import Cursor, Entry
from lalert.web.views import Lang
from tests.web.scene import NOW, Scene, order, pages, visit

CHIYODA = "131016"


def test_an_all_clear_bears_no_sign_of_danger() -> None:
    """解除 of an order is no tsunami and no notice, in whatever lane it travels: its page says that it lifts."""
    made = Scene()
    alert = order(1)
    made.say(alert, CHIYODA)
    made.say(build.lift(alert, identifier="lift", sent=NOW - timedelta(minutes=5)), CHIYODA)
    lifting = made.posted("lift")
    title = html.document_fromstring(
        pages().alert(lifting, made.thread(lifting.entry.thread), visit()).decode()
    ).find_class("title")[0]
    assert title.find_class("past")
    assert "津波" not in title.text_content()


def test_a_message_tells_who_surely_signed_it() -> None:
    """Only a signature that was verified is shown to everybody, and by the name that the operator trusts."""
    made = Scene()
    entry = made.say(order(1), CHIYODA)
    signatures = (
        Signature(verdict=Verdict.VALID, signer="CN=bousai,O=Chiyoda"),
        Signature(verdict=Verdict.UNVERIFIABLE, code="cap.signature.unknown", signer="CN=somebody"),
    )
    posted = replace(made.posted("jp-example-0001"), entry=replace(entry, signatures=signatures))
    page = pages().alert(posted, [posted.entry], visit()).decode()
    assert "電子署名（確認済み）" in page
    assert "CN=bousai,O=Chiyoda" in page
    assert "CN=somebody" not in page
    unsigned = made.posted("jp-example-0001")
    assert "電子署名" not in pages().alert(unsigned, [unsigned.entry], visit()).decode()


@pytest.mark.parametrize(
    ("ending", "lang", "word"),
    [
        ("lift", "ja", "解除"),
        ("update", "ja", "更新済"),
        ("expire", "ja", "期限終了"),
        ("correct", "ja", "訂正済"),
        ("lift", "en", "Lifted"),
    ],
)
def test_what_has_ended_does_not_look_like_an_alarm(ending: str, lang: Lang, word: str) -> None:
    """The sign at the head of an order that no longer holds is the word for how it ended, not its level in colour."""
    made = Scene()
    alert = order(1, minutes=600, expires=NOW - timedelta(minutes=10)) if ending == "expire" else order(1)
    made.say(alert, CHIYODA)
    if ending == "expire":
        made.keep(Entry.of(expiry_of(made.posted("jp-example-0001"), now=NOW), Cursor("k3f9", 2)))
    else:
        following = {
            "lift": lambda: build.lift(alert, identifier="next", sent=NOW),
            "update": lambda: build.update(alert, order(2, identifier="next", sent=NOW)),
            "correct": lambda: build.correct(alert, identifier="next", sent=NOW, note="電話番号の誤り"),
        }
        made.say(following[ending](), CHIYODA)
    posted = made.posted("jp-example-0001")
    page = html.document_fromstring(pages().alert(posted, made.thread(posted.entry.thread), visit(lang=lang)).decode())
    assert [sign[0].text for sign in page.find_class("lv")] == [word]
    assert "4" in page.find_class("zones")[0].text_content()


def test_each_language_is_named_as_its_readers_name_it() -> None:
    """Who looks for their language finds its own name, folded one by one: not a tag, not what Japanese calls it."""
    made = Scene()
    languages = {tag: Words(event="x", headline=tag) for tag in ("ja-x-easy", "en", "vi", "zh-Hant", "tlh")}
    made.say(order(1, languages=languages), CHIYODA)
    posted = made.posted("jp-example-0001")
    page = html.document_fromstring(pages().alert(posted, [posted.entry], visit()).decode())
    told = [(summary.get("lang"), summary.text) for summary in page.xpath("//details/summary")]
    names = ["やさしい日本語", "English", "Tiếng Việt", "繁體中文", "tlh"]
    assert told == list(zip(languages, names, strict=True))
    assert [details.find_class("said")[0].get("lang") for details in page.xpath("//details")] == list(languages)
