"""lalert.cap.reader and repair: one judgement of bytes, for our senders and for upstream feeds."""

from __future__ import annotations

import re
from datetime import UTC, timedelta

import pytest

from lalert.cap import parse, rules
from lalert.cap.model import MsgType, Scope, Status
from lalert.cap.parse import UNREADABLE
from lalert.cap.reader import Strictness, read
from lalert.errors import Severity

from .messages import NOW, SENT, SOUND, changed, order

UP = Strictness.UPSTREAM


def _codes(raw: bytes, **how: object) -> set[str]:
    return {f.code for f in read(raw, **how).findings}  # type: ignore[arg-type]


def test_sound_message_is_valid_without_a_word() -> None:
    """A sound message passes with no finding at all."""
    reading = read(SOUND.encode(), now=NOW)
    assert (reading.verdict, reading.findings) == ("valid", ())


def test_structure_rules_and_profile_come_together() -> None:
    """One answer holds the schema's, CAP's and the profile's findings, ordered by line, each with its place."""
    raw = changed("tokyo-2026-0001", "tokyo 2026").replace(b"Severe<", b"Bad<").replace(b"131016", b"131011")
    reading = read(raw, now=NOW)
    assert reading.alert is None
    assert reading.verdict == "invalid"
    errors = [(f.code, f.line, f.path) for f in reading.findings if f.severity is Severity.ERROR]
    assert errors == [
        ("cap.identifier.form", 3, "/alert/identifier"),
        ("cap.schema.enumeration", 15, "/alert/info[1]/severity"),
        ("jp.geocode.check_digit", 28, "/alert/info[1]/area[1]/geocode[1]"),
    ]


@pytest.mark.parametrize("text", ["<msgType>alert</msgType>", "<msgType/>", ""])
def test_a_type_that_is_not_known_asks_for_nothing(text: str) -> None:
    """Where msgType cannot be read, nobody is told what an Update or an Error would need besides."""
    findings = read(changed("<msgType>Alert</msgType>", text)).findings
    assert {finding.path for finding in findings} == {"/alert/msgType"}


def test_missing_element_is_told_once() -> None:
    """A rule is silent about a place that is missing anyway."""
    reading = read(changed("<identifier>tokyo-2026-0001</identifier>", ""), now=NOW)
    assert [f.code for f in reading.findings] == ["cap.schema.missing"]


def test_empty_polygon_hides_no_open_one() -> None:
    """A warning about one shape never silences an error about another."""
    raw = changed("<polygon>", "<polygon/><polygon>").replace(
        b"35.70,139.76 35.68,139.73<", b"35.70,139.76 35.6,139.7<"
    )
    reading = read(raw, now=NOW)
    assert {f.code for f in reading.findings} == {"cap.area.empty", "cap.polygon.open"}
    assert reading.verdict == "invalid"


def test_empty_language_is_english() -> None:
    """CAP 1.2 §3.2.2: a null value of language is en-US; a Japanese message that says so is told."""
    reading = read(changed("<language>ja</language>", "<language/>"), profile="core")
    assert reading.alert is not None
    assert reading.alert.infos[0].language == "en-US"
    assert [(f.code, f.severity) for f in reading.findings] == [("cap.language.empty", Severity.WARNING)]
    assert _codes(changed("<language>ja</language>", "<language> </language>"), profile="core") >= {"cap.schema.type"}


@pytest.mark.parametrize("beside", ["", "<polygon/>"])
def test_empty_mime_type_is_none_however_it_is_read(beside: str) -> None:
    """What is only told (an empty shape) changes nothing about what else is wrong."""
    resource = "<resource><resourceDesc>地図</resourceDesc><mimeType/><uri>https://example.jp/a.png</uri></resource>"
    raw = changed("<area>", resource + "<area>").replace(b"<polygon>", beside.encode() + b"<polygon>", 1)
    assert "cap.mimetype.form" in _codes(raw, profile="core")


def test_core_profile_is_cap_alone() -> None:
    """Profile `core` asks for nothing Japanese."""
    raw = changed("<language>ja</language>", "<language>fr</language>")
    assert _codes(raw, now=NOW) == {"jp.language.first"}
    assert _codes(raw, profile="core", now=NOW) == set()


def test_utc_with_plus_is_a_warning() -> None:
    """CAP 1.2 writes UTC as -00:00; +00:00 is everywhere, so it is told and taken."""
    reading = read(changed("12:00:00+09:00</sent>", "03:00:00+00:00</sent>"), now=NOW)
    assert [(f.code, f.line) for f in reading.findings] == [("cap.time.utc", 5)]
    assert reading.alert is not None
    assert reading.alert.sent == SENT


def test_plus_zero_in_a_text_is_no_time() -> None:
    """Only times are held against the form of times."""
    assert _codes(changed("千代田区に避難指示", "+00:00"), now=NOW) == set()


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"<alert/>", b"<" * 70_000, SOUND.encode("utf-16")])
def test_nothing_raises(raw: bytes) -> None:
    """Whatever comes in, a reading comes out."""
    for strictness in Strictness:
        assert read(raw, strictness=strictness).verdict in {"valid", "invalid"}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (changed("<?xml", "\n <?xml"), "cap.repair.wrapping"),
        (b"\x00junk" + SOUND.encode(), "cap.repair.wrapping"),
        (SOUND.encode() + b"\0\0", "cap.repair.wrapping"),
        (SOUND.encode("shift_jis"), "cap.repair.encoding"),
        (SOUND.encode("euc_jp"), "cap.repair.encoding"),
        (changed("35.70,139.76 35.68,139.73<", "35.70,139.76<"), "cap.repair.ring"),
        (changed("<polygon>", "<polygon>1,1 1,1 1,1</polygon><polygon>"), "cap.repair.shape"),
        (changed("<circle>", "<circle>91,0 1</circle><circle>"), "cap.repair.shape"),
        (changed("12:00:00+09:00</sent>", "03:00:00.5Z</sent>"), "cap.time.format"),
        (changed("12:00:00+09:00</sent>", "03:00:00Z</sent>"), "cap.time.zulu"),
        (changed("<urgency>Immediate</urgency>", ""), "cap.schema.missing"),
        (changed("Severe<", "Very bad<"), "cap.schema.enumeration"),
        (changed("tokyo-2026-0001", "tokyo 2026"), "cap.identifier.form"),
        (changed("urn:oasis:names:tc:emergency:cap:1.2", "urn:cap:lu:1"), "cap.xml.namespace"),
    ],
)
def test_upstream_is_published_with_its_defects(raw: bytes, code: str) -> None:
    """What others made goes out, with the list of what is wrong with it, where our own sender would be refused."""
    reading = read(raw, profile="core", strictness=UP)
    assert reading.verdict == "valid"
    assert {f.severity for f in reading.findings} == {Severity.WARNING}
    assert {code, "cap.time.fraction"} & {f.code for f in reading.findings}
    assert reading.alert is not None
    assert reading.alert.sent == SENT
    assert reading.alert.raw == raw
    assert read(raw, profile="core").verdict == "invalid"


def test_circle_joined_by_commas_is_a_circle() -> None:
    """Three numbers between commas are a centre and a radius; four are nothing."""
    for text, radii_km in (("35.7,139.7,5", [5.0]), (" 35.7, 139.7, 5 ", [5.0]), ("35.7,139.7,5,6", [])):
        reading = read(re.sub(b"<circle>.*?<", f"<circle>{text}<".encode(), SOUND.encode()), strictness=UP)
        assert reading.alert is not None
        assert [circle.radius_km for circle in reading.alert.infos[0].areas[0].circles] == radii_km


def test_mended_ring_is_closed() -> None:
    """A ring left open gets its first point again; nothing else of it changes."""
    reading = read(changed("35.70,139.76 35.68,139.73<", "35.70,139.76 35.68,139.76<"), strictness=UP)
    assert reading.alert is not None
    ring = reading.alert.infos[0].areas[0].polygons[0]
    assert ring == ((35.68, 139.73), (35.70, 139.73), (35.70, 139.76), (35.68, 139.76), (35.68, 139.73))


EARLIER = ("bousai.tokyo.example.jp", "tokyo-2026-0000", "2026-09-01T11:00:00+09:00")


def _cancelling(references: str, version: str = "1.2") -> bytes:
    sound = changed(">Alert<", ">Cancel<").replace(b"cap:1.2", f"cap:{version}".encode())
    return sound.replace(b"</scope>", f"</scope><references>{references}</references>".encode())


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize(
    "references",
    [
        ",".join((*EARLIER[:2], "2026-09-01T02:00:00Z")),
        ",".join((*EARLIER[:2], "2026-09-01T11:00:00.000+09:00")),
        ", ".join(EARLIER),
        " ,\n".join(EARLIER),
        ",".join(EARLIER) + ",",
        ",".join(EARLIER) + ";",
        f"tokyo-1999 {','.join(EARLIER)} a,b,noon",
        f"a,b&lt;c,2026-09-01T11:00:00+09:00 {','.join(EARLIER)}",
    ],
)
def test_cancel_of_others_ends_what_it_plainly_names(references: str, version: str) -> None:
    """A Cancel that nobody can relate to its alert ends nothing: what is plain in its references counts."""
    reading = read(_cancelling(references, version), profile="core", strictness=UP)
    assert reading.alert is not None
    assert {reference.key for reference in reading.alert.references} == {
        "bousai.tokyo.example.jp,tokyo-2026-0000,2026-09-01T02:00:00+00:00"
    }
    assert "cap.repair.references" in {f.code for f in reading.findings}
    assert reading.alert.raw == _cancelling(references, version)


def test_references_joined_by_commas_are_all_read() -> None:
    """Whoever separates triples by commas names them nevertheless."""
    reading = read(_cancelling(f"{','.join(EARLIER)},a,b,2026-09-01T11:00:00+09:00"), strictness=UP, profile="core")
    assert reading.alert is not None
    assert [reference.identifier for reference in reading.alert.references] == ["tokyo-2026-0000", "b"]


@pytest.mark.parametrize("separator", [" ", "\n\t"])
def test_cancel_of_a_sender_with_blanks_in_its_name_ends_its_alert(separator: str) -> None:
    """A name with blanks is published as it is: the Cancel that repeats it means that alert, not a part of it."""
    others = "a,b,2026-09-01T11:00:00+09:00"
    references = (
        f"{others}{separator}Met  Office,w-1,2026-09-01T11:00:00+09:00{separator}Met Office,w-2,2026-09-01T02:00:00Z"
    )
    raw = _cancelling(references).replace(b">bousai.tokyo.example.jp<", b">Met Office<")
    reading = read(raw, profile="core", strictness=UP)
    assert reading.alert is not None
    assert [(one.sender, one.identifier) for one in reading.alert.references] == [
        ("Met Office", "w-1"),
        ("Met Office", "w-2"),
        ("a", "b"),
    ]
    assert "cap.repair.references" in {f.code for f in reading.findings}
    assert read(raw, profile="core").alert is None


@pytest.mark.parametrize("references", ["x", "a,b", "a,b,noon", "a,b,2026-09-01T11:00:00", ",,"])
def test_references_are_not_guessed(references: str) -> None:
    """What is not plain names nothing."""
    reading = read(_cancelling(references), profile="core", strictness=UP)
    assert reading.alert is not None
    assert reading.alert.references == ()
    assert "cap.repair.references" not in {f.code for f in reading.findings}


@pytest.mark.parametrize("type_", ["Update", "Cancel"])
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_own_change_that_ends_nothing_is_refused(version: str, type_: str) -> None:
    """An own sender whose references cannot be read must not believe that the alarm is over; others are warned."""
    raw = _cancelling("x", version).replace(b">Cancel<", f">{type_}<".encode())
    raw = raw.replace(b"<references>", b"<note>reason</note><references>")
    code = "jp.references.unread" if version == "1.1" else "cap.references.form"
    assert [f.code for f in read(raw).findings if f.severity is Severity.ERROR] == [code]
    assert read(raw, strictness=UP).alert is not None


@pytest.mark.parametrize(
    "raw",
    [
        changed("tokyo-2026-0001", "\n tokyo-2026-0001 "),
        changed(">bousai.tokyo.example.jp<", "> bousai.tokyo.example.jp<"),
        changed("Actual<", " Actual<"),
        changed("Severe<", "Severe\n<"),
        changed("35.70,139.76 ", "35.70, 139.76 "),
        changed("35.69,139.75", "35.69 ,139.75"),
        changed("35.70,139.76 ", "35.70,139.76\u3000"),
        changed("35.70,139.76 ", "35.70,139.76; "),
        changed(">ja<", ">ja_JP<"),
    ],
)
def test_white_space_is_no_meaning(raw: bytes) -> None:
    """White space where none belongs is set aside: the message has the name that a Cancel will call it by."""
    reading = read(raw, strictness=UP)
    sound = read(SOUND.encode())
    assert reading.alert is not None
    assert sound.alert is not None
    assert reading.alert.identity == sound.alert.identity
    assert reading.alert.infos[0].areas == sound.alert.infos[0].areas
    assert reading.alert.status is Status.ACTUAL
    assert reading.alert.infos[0].severity == "Severe"
    assert reading.alert.infos[0].language in ("ja", "ja-JP")
    codes = {f.code for f in reading.findings}
    assert codes & {"cap.repair.space", "cap.repair.language"}
    assert reading.alert.raw == raw
    assert read(raw).verdict == "invalid"


@pytest.mark.parametrize(
    "raw",
    [
        SOUND.encode()[:-20],
        changed("bousai.tokyo.example.jp", ""),
        changed("<sender>bousai.tokyo.example.jp</sender>", ""),
        changed("tokyo-2026-0001", " "),
        changed("2026-09-01T12:00:00+09:00</sent>", "noon</sent>"),
        changed("<sent>2026-09-01T12:00:00+09:00</sent>", ""),
        changed("<circle>35.69,139.75 1.5</circle>", "<circle>35,139 1</circle>" * 6000),
        changed("tokyo-2026-0001", "x" * (rules.MAX_NAME + 1)),
        changed("bousai.tokyo.example.jp", "x " * rules.MAX_NAME),
        _cancelling(f"{','.join(EARLIER)} " * (rules.MAX_REFERENCES + 1)),
        b"<!DOCTYPE alert><alert/>",
    ],
)
def test_upstream_is_withheld_only_for_cause(raw: bytes) -> None:
    """Withheld: not XML, nobody to attribute it to, no readable time, beyond the bounds."""
    assert read(raw, profile="core", strictness=UP).verdict == "invalid"


def test_neutral_values_never_look_like_an_alarm() -> None:
    """Where status or msgType cannot be read, an upstream's message must not count as a real alarm."""
    reading = read(changed("Actual<", "Real<").replace(b">Alert<", b">Alarm<"), profile="core", strictness=UP)
    assert reading.alert is not None
    assert (reading.alert.status, reading.alert.msg_type) == (Status.DRAFT, MsgType.ERROR)
    assert reading.alert.sent > UNREADABLE


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("<status>Actual<", "<status>Exercise<"),
        ("<status>Actual<", "<status> Test<"),
        ("<msgType>Alert<", "<msgType>Cancel<"),
        ("<scope>Public<", "<scope>Private<"),
        ("<identifier>tokyo-2026-0001<", "<identifier>tokyo-2026-0002<"),
        ("<sender>bousai.tokyo.example.jp<", "<sender>bousai.osaka.example.jp<"),
        ("<sent>2026-09-01T12:00:00+09:00<", "<sent>2026-09-02T12:00:00+09:00<"),
    ],
)
def test_what_a_message_says_twice_it_does_not_say(first: str, second: str) -> None:
    """An upstream's message that is a drill and real, or two messages at once, sounds no alarm, in either order."""
    tag = first.partition(">")[0] + ">"
    for one, other in ((first, second), (second, first)):
        raw = changed(first, f"{one}/{tag[1:]}{other}")
        alert = read(raw, profile="core", strictness=UP).alert
        is_alarm = alert is not None and (alert.status, alert.msg_type, alert.scope) == (
            Status.ACTUAL,
            MsgType.ALERT,
            Scope.PUBLIC,
        )
        assert not is_alarm
    same = read(changed(first, f"{first}/{tag[1:]}{first}"), profile="core", strictness=UP).alert
    assert same is not None
    assert same.identity == read(SOUND.encode()).alert.identity  # type: ignore[union-attr]


def test_identity_is_one_instant() -> None:
    """The natural key is equal for equal instants, in whatever zone they are written."""
    assert order(sent=SENT.astimezone(UTC)).identity.key == order().identity.key
    assert order(identifier="d").identity.key != order().identity.key


def test_order_ends_when_it_is_told_to() -> None:
    """Expires is what was asked for, or a day."""
    assert order(expires=NOW).infos[0].expires == NOW
    assert order().infos[0].expires == SENT + timedelta(hours=24)


def test_upstream_has_the_same_bound() -> None:
    """An upstream's message beyond the bounds is withheld before anything is tried on it."""
    reading = read(b" " * (parse.MAX_BYTES + 1), strictness=UP)
    assert [f.code for f in reading.findings] == ["cap.xml.size"]


def test_what_no_repair_helps_is_told_as_it_is() -> None:
    """Bytes that stay broken after every repair are told by their first fault."""
    assert "cap.xml.syntax" in _codes(b"<?xml version='1.0'?><alert>\xff", strictness=UP)


def test_bound_is_told_before_all_else() -> None:
    """Among thousands of findings the bound itself is never cut off."""
    geocode = "<geocode><valueName>JISX0402</valueName><value>1</value></geocode>"
    reading = read(changed("<altitude>", geocode * 5_500 + "<altitude>"), now=NOW)
    assert "cap.limits" in {f.code for f in reading.findings}
    assert len(reading.findings) <= 500
    lines = {f.path: f.line for f in reading.findings}
    assert lines["/alert/info[1]/area[1]/geocode[2]"] == 32
