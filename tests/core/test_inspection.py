"""Inspecting without posting: the same verdict as the intake's, at the lines of what was handed in."""

from __future__ import annotations

import base64
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from lalert.cap.reader import Strictness
from lalert.core.examine import examine
from lalert.core.inspection import Inspection, Question, inspect
from lalert.core.model import Realm, Role, Sender
from lalert.errors import Severity
from lalert.geo.boundaries import BoundarySet
from tests.rig.author import CHIYODA, CHUO, Author, now
from tests.rig.envelopes import content, envelope

FEEDS = Path(__file__).parents[2] / "sample_feeds"
EXPECTED = tomllib.loads((FEEDS / "bad" / "EXPECTED.toml").read_text("utf-8"))
ANYBODY = Sender("k", "国", Realm.LIVE, Role.SENDER, ("*",))

author = Author()


@pytest.fixture
def question(japan: BoundarySet) -> Question:
    """As a hub asks."""
    return Question(now=now(), boundaries=japan)


def codes(found: Inspection, severity: Severity = Severity.ERROR) -> set[str]:
    """Return the codes of one severity."""
    return {finding.code for finding in found.findings if finding.severity is severity}


def line_in(raw: bytes, word: bytes, which: int = 1) -> int:
    """Return the line on which `word` stands for the `which`th time."""
    at = -1
    for _ in range(which):
        at = raw.index(word, at + 1)
    return raw.count(b"\n", 0, at) + 1


@pytest.mark.parametrize("name", EXPECTED)
def test_the_same_findings_as_the_intake(japan: BoundarySet, question: Question, name: str) -> None:
    """What the intake finds wrong with a message and its area is found here, at the same lines or more exactly."""
    raw = (FEEDS / "bad" / f"{name}.xml").read_bytes()
    examined = examine(raw, sender=ANYBODY, now=question.now, slack_m=0, boundaries=japan)
    found = inspect(raw, question)
    assert sorted(one.code for one in found.findings) == sorted(one.code for one in examined.findings)
    assert (found.verdict == "invalid") == any(one.severity is Severity.ERROR for one in examined.findings)


def test_area_is_asked_for_under_the_japanese_profile_only(question: Question) -> None:
    """A code that does not exist is an error with its line under jp; CAP itself knows no codes."""
    raw = (FEEDS / "bad" / "area-unknown-code.xml").read_bytes()
    found = inspect(raw, question)
    (area,) = (one for one in found.findings if one.code == "area.code_unknown")
    assert area.line == line_in(raw, b"<value>" + str(area.found).encode())
    assert (found.verdict, found.messages[0].alert, found.messages[0].zones) == ("invalid", None, ())
    assert inspect(raw, replace(question, profile="core")).verdict == "valid"
    assert inspect(raw, replace(question, boundaries=None)).verdict == "valid"


def test_good_message_has_its_zones(question: Question) -> None:
    """Whatever may go out is there with where it holds, under either profile."""
    order = author.order(CHIYODA)
    for profile in ("jp", "core"):
        (message,) = inspect(order.raw, replace(question, profile=profile)).messages  # type: ignore[arg-type]
        assert message.alert == order
        assert [zone.area.codes for zone in message.zones] == [{CHIYODA}]
        assert (message.line, message.identifier) == (1, order.identifier)


def test_messages_of_an_envelope_each_by_itself(question: Question) -> None:
    """The good one stays good beside the bad one; the whole is as bad as its worst; lines are the envelope's."""
    bad = author.order(CHUO).raw.replace(b"<urgency>Immediate", b"<urgency>Now")
    raw = envelope(author.order(CHIYODA), bad)
    found = inspect(raw, question)
    assert [message.verdict for message in found.messages] == ["valid", "invalid"]
    assert (found.verdict, found.envelope) == ("invalid", "env-1")
    assert [message.line for message in found.messages] == [line_in(raw, b"<alert ", which) for which in (1, 2)]
    (wrong,) = (one for one in found.findings if one.found == "Now")
    assert wrong.line == line_in(raw, b"<urgency>Now")
    assert inspect(envelope(author.order(CHIYODA)), question).verdict == "valid"


def test_first_tag_over_several_lines(question: Question) -> None:
    """Lines are right where the first tag of a message is broken into lines, and where it borrows its namespace."""
    bad = author.order(CHUO).raw.replace(b"<alert ", b"<alert\n\n ").replace(b"<urgency>Immediate", b"<urgency>Now")
    raw = envelope(bad)
    (wrong,) = (one for one in inspect(raw, question).findings if one.found == "Now")
    assert wrong.line == line_in(raw, b"<urgency>Now")


def test_a_file_in_an_envelope_has_one_line(question: Question) -> None:
    """A message that was encoded is not there line by line: all that is wrong with it is said where it lies."""
    bad = author.order(CHUO).raw.replace(b"<urgency>Immediate", b"<urgency>Now")
    data = b"<contentData>" + base64.b64encode(bad) + b"</contentData>"
    raw = envelope(
        b"<contentObject><nonXMLContent><mimeType>text/xml</mimeType>" + data + b"</nonXMLContent></contentObject>"
    )
    found = inspect(raw, question)
    assert {one.line for one in found.findings} == {line_in(raw, b"<contentObject>")}


def test_envelope_that_contradicts_its_message(question: Question) -> None:
    """Nobody knows which of the two is true: the message is refused, under either strictness."""
    raw = envelope(author.order(CHIYODA), status="Exercise")
    for strictness in Strictness:
        found = inspect(raw, replace(question, strictness=strictness))
        assert codes(found) == {"cap.edxl.disagrees"}
        assert found.verdict == "invalid"
    (wrong,) = (one for one in found.findings if one.code == "cap.edxl.disagrees")
    assert wrong.line == line_in(raw, b"<status>")


def test_envelope_of_somebody_else(question: Question) -> None:
    """What an upstream left out of its envelope is a warning, as with its messages; from our own sender an error."""
    raw = envelope(author.order(CHIYODA), without=("senderID",))
    assert codes(inspect(raw, question)) == {"cap.edxl.missing"}
    lenient = inspect(raw, replace(question, strictness=Strictness.UPSTREAM))
    assert (lenient.verdict, codes(lenient, Severity.WARNING)) == ("valid", {"cap.edxl.missing"})
    empty = envelope(without=())
    assert inspect(empty, replace(question, strictness=Strictness.UPSTREAM)).verdict == "invalid"


@pytest.mark.parametrize("cut", [20, 200, 600])
def test_broken_envelope(question: Question, cut: int) -> None:
    """An envelope that cannot be read is invalid and says where; there are no messages to judge."""
    raw = envelope(content(author.order(CHIYODA)))
    found = inspect(raw[:-cut], question)
    assert (found.verdict, codes(found)) == ("invalid", {"cap.xml.syntax"})
    assert found.to_dict()["messages"] == []


def test_json_of_a_message_is_that_of_its_reading(question: Question) -> None:
    """One message alone has the documented members and no others."""
    assert set(inspect(author.order(CHIYODA).raw, question).to_dict()) == {"verdict", "findings"}
