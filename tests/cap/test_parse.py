"""lalert.cap.parse and structure: hardened XML, the schema, every defect with its path and line."""

from __future__ import annotations

import pytest

from lalert.cap import parse as parsing
from lalert.cap import structure
from lalert.cap.model import Certainty, NamedValue, Status
from lalert.cap.parse import decode, parse
from lalert.errors import Rejected, Severity

from .messages import SENT, SOUND, changed

_ATTRIBUTES = "".join(f' a{i}="1"' for i in range(parsing.MAX_ATTRIBUTES + 1))
_ATTRIBUTES_IN_UTF_16 = f'<?xml version="1.0" encoding="UTF-16"?><alert{_ATTRIBUTES}/>'.encode("utf-16")
_TAGS_IN_UTF_7 = b"<?xml version='1.0' encoding='utf-7'?>" + b"+ADw-a/+AD4-" * 99_999


def test_sound_message_is_read() -> None:
    """Every element comes out under its Python name, and the bytes stay with it."""
    alert = parse(SOUND.encode())
    assert (alert.identifier, alert.sent, alert.status) == ("tokyo-2026-0001", SENT, Status.ACTUAL)
    area = alert.infos[0].areas[0]
    assert area.polygons[0][0] == (35.68, 139.73)
    assert area.circles[0].radius_km == 1.5
    assert area.geocodes == (NamedValue("JISX0402", "131016"),)
    assert area.altitude_ft == 0
    assert alert.raw == SOUND.encode()


def test_prefixes_do_not_matter() -> None:
    """A namespace prefix is spelling, not meaning."""
    text = (
        SOUND.replace("<", "<cap:").replace("<cap:/", "</cap:").replace("<cap:?", "<?").replace("xmlns=", "xmlns:cap=")
    )
    assert parse(text.encode()) == parse(SOUND.encode())


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "cap.xml.syntax"),
        (b"warning!", "cap.xml.syntax"),
        (SOUND.encode()[:300], "cap.xml.syntax"),
        (b"<a>" * 300 + b"</a>" * 300, "cap.xml.depth"),
        (b"<feed/>", "cap.xml.root"),
        (b"<alert/>", "cap.xml.namespace"),
        (b'<!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]><alert>&x;</alert>', "cap.xml.doctype"),
        (b"<!DOCTYPE alert><alert/>", "cap.xml.doctype"),
        (b" " * (parsing.MAX_BYTES + 1), "cap.xml.size"),
        (b"<alert>" + b"<a/>" * parsing.MAX_TAGS + b"</alert>", "cap.xml.elements"),
        (changed("</alert>", "<info/>" * (parsing.MAX_CHILDREN + 1) + "</alert>"), "cap.xml.elements"),
        (changed("<info>", "<info" + " a\t=\n'1'" * (parsing.MAX_ATTRIBUTES + 1) + ">"), "cap.xml.attributes"),
        (_ATTRIBUTES_IN_UTF_16, "cap.xml.attributes"),
        (_TAGS_IN_UTF_7, "cap.xml.syntax"),
    ],
)
def test_hostile_or_foreign_xml_is_refused(raw: bytes, code: str) -> None:
    """What is not a plain CAP document is refused before anything is made of it."""
    with pytest.raises(Rejected) as caught:
        parse(raw)
    assert (caught.value.code, caught.value.status) == (code, 422)


def test_entities_are_never_expanded() -> None:
    """A billion laughs stay one entity: refused by its DOCTYPE."""
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    raw = f'<!DOCTYPE alert [<!ENTITY l0 "ha">{laughs}]><alert>&l9;</alert>'.encode()
    assert [f.code for f in decode(raw).findings] == ["cap.xml.doctype"]


@pytest.mark.parametrize(
    ("old", "new", "code", "path", "line"),
    [
        ("<scope>Public</scope>\n", "", "cap.schema.missing", "/alert/scope", 2),
        ("<urgency>Immediate</urgency>\n", "", "cap.schema.missing", "/alert/info[1]/urgency", 9),
        ("Severe<", "Terrible<", "cap.schema.enumeration", "/alert/info[1]/severity", 15),
        ("<info>", '<info id="1">', "cap.schema.attribute", "/alert/info[1]", 9),
        ("<info>", "<info>text", "cap.schema.text", "/alert/info[1]", 9),
        ("<altitude>0<", "<altitude>high<", "cap.schema.type", "/alert/info[1]/area[1]/altitude", 32),
        ("<uri>", "<size>1.5</size><uri>", "cap.schema.type", "/alert/info[1]/resource[1]/size", 22),
        ("<status>", "<weather/><status>", "cap.schema.element", "/alert/weather", 6),
        ("12:00:00+09:00</sent>", "12:00:00Z</sent>", "cap.time.zulu", "/alert/sent", 5),
        ("139.73 35.70,139.73", "139.73 35.70;139.73", "cap.polygon.syntax", "/alert/info[1]/area[1]/polygon[1]", 26),
        ("139.75 1.5", "139.75", "cap.circle.syntax", "/alert/info[1]/area[1]/circle[1]", 27),
    ],
)
def test_defect_has_code_path_and_line(old: str, new: str, code: str, path: str, line: int) -> None:
    """A defect of the structure is one finding, at its place, with advice in both languages."""
    with pytest.raises(Rejected) as caught:
        parse(changed(old, new))
    (finding,) = caught.value.findings
    assert (finding.code, finding.path, finding.line) == (code, path, line)
    assert finding.message.ja
    assert finding.advice.en


def test_all_defects_come_at_once() -> None:
    """A sender mends everything in one round: each missing element, each wrong word, in one answer."""
    raw = changed("<scope>Public</scope>", "").replace(b"Severe<", b"Bad<").replace(b"Likely<", b"Sure<")
    raw = raw.replace(b"+09:00</expires>", b"</expires>")
    codes = {(f.path or "").rpartition("/")[2]: f.code for f in decode(raw).findings}
    assert codes == {
        "scope": "cap.schema.missing",
        "severity": "cap.schema.enumeration",
        "certainty": "cap.schema.enumeration",
        "expires": "cap.time.zone",
    }


def test_findings_are_bounded() -> None:
    """A message with thousands of defects is answered with a list that ends."""
    raw = changed("<circle>35.69,139.75 1.5</circle>", "<circle>x</circle>" * 5000)
    assert len(decode(raw).findings) == structure.MAX_FINDINGS + 1


def test_error_behind_a_crowd_of_warnings_still_rejects() -> None:
    """Thousands of harmless defects cannot hide a harmful one."""
    raw = changed("<circle>", "<polygon/>" * 501 + "<polygon>x</polygon><circle>")
    with pytest.raises(Rejected, match=r"cap\.limits"):
        parse(raw)


def test_warning_hides_no_error_of_the_same_place() -> None:
    """An empty polygon is a warning, but its attribute stays an error."""
    codes = {f.code for f in decode(changed("<circle>", '<polygon x="1"/><circle>')).findings}
    assert codes == {"cap.area.empty", "cap.schema.attribute"}


def test_enumeration_advice_lists_the_words() -> None:
    """The advice for a wrong word names the right ones."""
    (finding,) = decode(changed("Severe<", "severe<")).findings
    assert "Extreme, Severe, Moderate, Minor, Unknown" in finding.advice.ja


OLD = SOUND.replace("cap:1.2", "cap:1.1")
OLDEST = SOUND.replace("urn:oasis:names:tc:emergency:cap:1.2", "http://www.incident.com/cap/1.0")
OLDEST = OLDEST.replace("<responseType>Evacuate</responseType>", "").replace("Likely<", "Very Likely<")
OLDEST = OLDEST.replace("<valueName>JISX0402</valueName>", "").replace("<value>131016</value>", "JISX0402=131016")


@pytest.mark.parametrize(("text", "version"), [(OLD, "1.1"), (OLDEST, "1.0")])
def test_older_versions_are_read(text: str, version: str) -> None:
    """CAP 1.1 and 1.0 become the same values, with a word about it."""
    decoded = decode(text.encode())
    assert [(f.code, f.severity) for f in decoded.findings] == [("cap.version.old", Severity.INFO)]
    assert decoded.alert is not None
    assert decoded.alert.version == version
    assert decoded.alert.infos[0].certainty is Certainty.LIKELY
    assert [g.value.strip() for g in decoded.alert.infos[0].areas[0].geocodes] == ["131016"]


def test_old_references_without_form_are_left_out() -> None:
    """CAP 1.0 gave references no form: what is no triple is told, and not used."""
    raw = OLDEST.replace("<info>", "<references>a/b</references><info>").encode()
    alert = parse(raw)
    assert alert.references == ()
    assert "cap.references.old" in {f.code for f in decode(raw).findings}


@pytest.mark.parametrize("text", [SOUND, OLD, OLDEST])
def test_signature_is_no_defect(text: str) -> None:
    """An enveloped signature is set aside in every version, whatever its Id looks like."""
    signature = '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#" Id="NAADS Signature"/>'
    decoded = decode(text.replace("</alert>", f"{signature}</alert>").encode())
    assert all(f.severity is Severity.INFO for f in decoded.findings)


def test_defect_under_a_prefix_of_its_own_is_told() -> None:
    """A wrong value in an element that declares its own prefix is told, if only for the message as a whole."""
    raw = changed(
        "<language>ja</language>",
        '<x:language xmlns:x="urn:oasis:names:tc:emergency:cap:1.2">12345678901</x:language>',
    )
    assert [(f.code, f.path) for f in decode(raw).findings] == [("cap.schema.type", "/alert")]


def test_empty_block_lacks_all_that_it_needs() -> None:
    """An empty block is told by what is missing in it, each element once."""
    raw = changed("<circle>", "<circle/><!--x--><circle>").replace(b"</area>", b"</area><area/>")
    found = [(f.code, f.path) for f in decode(raw).findings]
    assert found == [
        ("cap.area.empty", "/alert/info[1]/area[1]/circle[1]"),
        ("cap.schema.missing", "/alert/info[1]/area[2]/areaDesc"),
    ]


def test_refusal_of_the_schema_is_never_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the schema refuses and nobody can say why, the message is refused all the same."""
    monkeypatch.setattr(structure, "_verdicts", lambda *_: iter(()))
    monkeypatch.setattr(structure.order, "findings", lambda *_: iter(()))
    with pytest.raises(Rejected, match=r"cap\.schema\.type"):
        parse(changed("<info>", "<info>text"))
