"""One post by itself: everything that is wrong with it at once, and nothing of other messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lalert.cap.reader import Strictness
from lalert.core.examine import Examined, examine
from lalert.core.model import Realm, Role, Sender
from lalert.errors import Rejected, Severity
from lalert.geo.boundaries import BoundarySet
from tests.rig.author import CHIYODA, YOKOSUKA, Author, now

TOKYO = Sender("k", "東京都", Realm.LIVE, Role.SENDER, ("13",))

author = Author()


UPSTREAM = replace(TOKYO, strictness=Strictness.UPSTREAM)


def examined(raw: bytes, japan: BoundarySet, *, sender: Sender = TOKYO, later: timedelta = timedelta(0)) -> Examined:
    """Return what is found out about `raw`."""
    return examine(raw, sender=sender, now=now() + later, slack_m=500, boundaries=japan)


def test_good_message(japan: BoundarySet) -> None:
    """A good message is there with its zones, and may go on."""
    order = author.order(CHIYODA, level=4)
    found = examined(order.raw, japan)
    assert found.checked() == order
    assert [(zone.level, zone.hazard, zone.area.codes) for zone in found.zones] == [(4, "flood", {CHIYODA})]
    assert found.refusal is None


@pytest.mark.parametrize("raw", [b"", b"rubbish", b"<alert/>", b"\xff\xfe", b"<!DOCTYPE x><alert/>"])
def test_what_cannot_be_read(japan: BoundarySet, raw: bytes) -> None:
    """Bytes that are no message have findings and a refusal, and no alert."""
    found = examined(raw, japan)
    assert found.alert is None or found.refusal is not None
    assert found.findings
    with pytest.raises(Rejected) as refused:
        found.checked()
    assert (refused.value.status, refused.value.code) == (422, "cap.invalid")


def test_document_and_area_are_told_together(japan: BoundarySet) -> None:
    """Errors of the document do not hide those of the area."""
    raw = author.order(CHIYODA).raw.replace(b"131016", b"999995").replace(b"<urgency>Immediate", b"<urgency>Future")
    codes = {f.code for f in examined(raw, japan).findings if f.severity is Severity.ERROR}
    assert any(code.startswith(("jp.", "cap.")) for code in codes), codes
    assert any(code.startswith("area.") or "geocode" in code for code in codes), codes


def test_who_it_is_is_known_of_an_expired_message(japan: BoundarySet) -> None:
    """A message whose time is over is refused, and still has its identity: it may be a repeat."""
    order = author.order(lasts=timedelta(minutes=1))
    found = examined(order.raw, japan, later=timedelta(hours=1))
    assert found.alert is not None
    assert found.alert.identity == order.identity
    assert found.refusal is not None


def test_audience_and_jurisdiction_are_asked_last(japan: BoundarySet) -> None:
    """An otherwise right message for the wrong realm or place is refused with the reason alone."""
    drill = examined(Author(drill=True).order(CHIYODA).raw, japan)
    outside = examined(author.order(YOKOSUKA).raw, japan)
    assert drill.refusal is not None
    assert drill.refusal.code == "audience.refused"
    assert outside.refusal is not None
    assert (outside.refusal.code, outside.refusal.status) == ("jurisdiction.outside", 403)
    assert outside.zones


def test_warnings_travel_on(japan: BoundarySet) -> None:
    """What is merely unwise is kept with the message."""
    found = examined(author.order(CHIYODA).raw, japan)
    assert {f.code for f in found.findings} == {"cap.geocode.alone"}


def test_defects_of_an_upstream_are_published_with_it(japan: BoundarySet) -> None:
    """What its producer would have to correct goes on with a warning when others relay it; white space is mended."""
    raw = b"\n " + author.order(CHIYODA).raw.replace(b"<urgency>Immediate", b"<urgency>Future")
    assert examined(raw, japan).refusal is not None
    relayed = examined(raw, japan, sender=UPSTREAM)
    assert relayed.checked().raw == raw
    assert {f.severity for f in relayed.findings} <= {Severity.WARNING, Severity.INFO}
    assert "cap.repair.wrapping" in {f.code for f in relayed.findings}


def test_upstream_is_no_excuse_for_an_unknown_place(japan: BoundarySet) -> None:
    """An area that cannot be resolved, and one outside what the source may alert, are refused as from anybody."""
    nowhere = examined(author.order(CHIYODA).raw.replace(b"131016", b"999995"), japan, sender=UPSTREAM)
    outside = examined(author.order(YOKOSUKA).raw, japan, sender=UPSTREAM)
    assert nowhere.refusal is not None
    assert outside.refusal is not None
    assert outside.refusal.code == "jurisdiction.outside"
