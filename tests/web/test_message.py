"""The page of one message: what its sign says, and who has signed it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from lxml import html

from lalert.cap import build
from lalert.cap.signature import Signature, Verdict
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
    assert title.find_class("lifted")
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
