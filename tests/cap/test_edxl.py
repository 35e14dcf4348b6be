"""lalert.cap.edxl: envelopes of EDXL-DE 1.0, what is in them, and what they contradict."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.cap.dictionary import CAP_1_2
from lalert.cap.edxl import DE, MAX_MESSAGES, is_envelope, open_envelope
from lalert.cap.model import Alert, Status
from lalert.cap.parse import decode, parse
from lalert.errors import Rejected, Severity
from tests.rig.author import Author
from tests.rig.envelopes import bare, content, envelope

author = Author()
ORDER = author.order()


def codes(raw: bytes) -> set[str]:
    """Return what is wrong with an envelope itself."""
    return {finding.code for finding in open_envelope(raw).findings}


def file_of(data: str, mime: str = "application/cap+xml") -> bytes:
    """Return a content that is a file."""
    inside = f"<mimeType>{mime}</mimeType><contentData>{data}</contentData>"
    return f"<contentObject><nonXMLContent>{inside}</nonXMLContent></contentObject>".encode()


def in_cap_namespace(alert: Alert) -> bytes:
    """Return a content as some public feeds write it: all of it in the namespace of CAP."""
    return content(alert).replace(b"<contentObject", f'<contentObject xmlns="{CAP_1_2}"'.encode())


def test_content_in_the_wrong_namespace_holds_its_message() -> None:
    """A message whose content object is in CAP's namespace is there nevertheless, and the mistake is named."""
    message = author.order()
    opened = open_envelope(envelope(in_cap_namespace(message), author.order()))
    assert opened.messages[0].raw == bare(message)
    assert [f.path for f in opened.findings] == ["/EDXLDistribution/contentObject[1]"]


def test_envelope_gives_its_messages_as_they_are() -> None:
    """Each message is the very bytes that were put in, in their order, with the line where it begins."""
    first, second = author.order(), author.order()
    opened = open_envelope(envelope(first, second, identifier="env-7"))
    assert [message.raw for message in opened.messages] == [bare(first), bare(second)]
    assert [parse(message.raw) for message in opened.messages] == [first, second]
    assert opened.messages[0].line < opened.messages[1].line
    assert (opened.distribution_id, opened.status, opened.kind) == ("env-7", Status.ACTUAL, "Report")
    assert opened.sent is not None
    assert opened.findings == ()


def test_file_in_base64_is_a_message() -> None:
    """A file that calls itself XML counts; the blanks of its base64 do not."""
    message = author.order()
    text = base64.encodebytes(message.raw).decode()
    opened = open_envelope(envelope(file_of(text), author.order()))
    assert opened.messages[0].raw == message.raw
    assert opened.findings == ()


def test_broken_file_is_a_message_that_cannot_be_read() -> None:
    """What is no base64 is judged like any message, and keeps none of the others out."""
    opened = open_envelope(envelope(file_of("&lt;not base64&gt;"), author.order()))
    assert [decode(one.raw).alert is None for one in opened.messages] == [True, False]


def test_copies_of_parts_are_no_messages() -> None:
    """`keyXMLContent` repeats parts of the content for routers: nothing is taken from there."""
    message = author.order()
    key = b"<keyXMLContent>" + bare(message) + b"</keyXMLContent>"
    inside = content(message).replace(b"<xmlContent>", b"<xmlContent>" + key)
    assert len(open_envelope(envelope(inside)).messages) == 1


def test_what_is_no_message_is_named() -> None:
    """A picture in an envelope is left out aloud, and its neighbour goes on."""
    opened = open_envelope(envelope(file_of("aGk=", "image/png"), author.order()))
    assert [(f.code, f.severity) for f in opened.findings] == [("cap.edxl.content", Severity.WARNING)]
    assert opened.findings[0].path == "/EDXLDistribution/contentObject[1]"
    assert len(opened.messages) == 1


@pytest.mark.parametrize(
    ("raw", "wrong"),
    [
        (envelope(author.order(), namespace="urn:oasis:names:tc:emergency:EDXL:DE:2.0"), {"cap.edxl.root"}),
        (envelope(), {"cap.edxl.empty"}),
        (envelope(author.order(), status="Practice"), {"cap.edxl.status"}),
        (envelope(author.order(), status="Draft"), {"cap.edxl.status"}),
        (envelope(author.order(), kind="Ack"), {"cap.edxl.type"}),
        (envelope(author.order()).replace(b"04:36:00+09:00", b"noon"), {"cap.edxl.time"}),
        (envelope(author.order(), without=["senderID", "distributionStatus"]), {"cap.edxl.missing"}),
        (envelope(*[b"<contentObject/>"], author.order(), kind="x"), {"cap.edxl.content", "cap.edxl.type"}),
        (envelope(in_cap_namespace(author.order())), {"cap.edxl.namespace"}),
    ],
    ids=["namespace", "empty", "status", "draft", "type", "time", "missing", "several", "content"],
)
def test_what_is_wrong_with_an_envelope(raw: bytes, wrong: set[str]) -> None:
    """Everything that is wrong is said at once."""
    assert codes(raw) == wrong


def test_every_missing_element_is_named() -> None:
    """Each required element that is not there has its own finding."""
    names = ["distributionID", "distributionType", "combinedConfidentiality"]
    found = open_envelope(envelope(author.order(), without=names)).findings
    assert [finding.path for finding in found] == [f"/EDXLDistribution/{name}" for name in names]


def test_number_of_messages_is_bounded() -> None:
    """More messages than an envelope may have are refused, not worked off."""
    message = content(author.order())
    opened = open_envelope(envelope(*[message] * (MAX_MESSAGES + 1)))
    assert "cap.edxl.many" in {finding.code for finding in opened.findings}
    assert len(opened.messages) == MAX_MESSAGES


def test_unreadable_bytes_are_refused() -> None:
    """What is not XML is no envelope at all."""
    with pytest.raises(Rejected):
        open_envelope(b"<EDXLDistribution")


@pytest.mark.parametrize(
    ("status", "drill", "agrees"),
    [("Actual", False, True), ("Exercise", True, True), ("Exercise", False, False), ("Actual", True, False)],
)
def test_status_of_envelope_and_message_must_agree(status: str, drill: bool, agrees: bool) -> None:
    """A drill in a real envelope, or the reverse: nobody can tell which of the two is true."""
    message = Author(drill=drill).order()
    found = open_envelope(envelope(message, status=status)).objections(message)
    assert [finding.code for finding in found] == ([] if agrees else ["cap.edxl.disagrees"])


def test_cancelling_envelope_holds_cancels() -> None:
    """An alert in an envelope that says Cancel is not published."""
    order = author.order()
    cancelling = open_envelope(envelope(order, kind="Cancel"))
    assert [finding.code for finding in cancelling.objections(order)] == ["cap.edxl.cancel"]
    assert cancelling.objections(author.cancel(order)) == []


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (envelope(), True),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a - b --><?p ?><d:EDXLDistribution xmlns:d='x'>", True),
        (b"<EDXLDistribution/>", True),
        (b"<EDXLDistributionX/>", False),
        (b"<alert><EDXLDistribution/></alert>", False),
        (b"<!-- <EDXLDistribution> --><alert/>", False),
        (b"", False),
        (b"<!--" + b"-" * 100_000, False),
        (b"<?" + b"?" * 100_000, False),
        (b" " * 1_000_000, False),
    ],
    ids=["plain", "behind", "empty", "other-name", "inside", "comment", "nothing", "dashes", "marks", "blanks"],
)
def test_envelope_is_known_by_its_first_tag(raw: bytes, expected: bool) -> None:
    """Only the root counts, and no text makes the look slow."""
    assert is_envelope(raw) is expected


@given(st.binary(max_size=200), st.integers(0, 900), st.integers(0, 40))
def test_never_anything_but_an_envelope_or_a_refusal(noise: bytes, at: int, cut: int) -> None:
    """Whatever stands in place of some of its bytes: an envelope with findings, or Rejected."""
    raw = envelope(ORDER)
    mutated = raw[:at] + noise + raw[at + cut :]
    try:
        opened = open_envelope(mutated)
    except Rejected:
        return
    assert opened.messages or any(finding.severity is Severity.ERROR for finding in opened.findings)


def test_namespace_is_that_of_the_standard() -> None:
    """EDXL-DE 1.0 has this namespace and no other."""
    assert DE == "urn:oasis:names:tc:emergency:EDXL:DE:1.0"
