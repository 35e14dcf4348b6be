"""lalert.cap.sound: what is read straight on is what the patient reading gives, to the letter."""

from __future__ import annotations

import dataclasses
import os
import random
from pathlib import Path

import pytest
from lxml import etree

from lalert.cap import parse, sound
from lalert.cap.dictionary import NAMESPACES, VERSIONS
from lalert.cap.model import Alert, AreaBlock, Info, Resource
from lalert.cap.parse import decode
from lalert.errors import Severity

from .messages import SOUND, changed, patiently

SAMPLES = Path(__file__).parents[2] / "sample_feeds"
DATA = Path(os.environ.get("LALERT_TEST_DATA", ""))
needs_data = pytest.mark.skipif(
    not os.environ.get("LALERT_TEST_DATA"), reason="LALERT_TEST_DATA names no folder with the corpus of public messages"
)


def assert_same(raw: bytes) -> None:
    """Assert that `raw` reads the same both ways: findings, paths, lines, and the values of what is sound."""
    quick, slow = decode(raw), patiently(raw)
    assert quick.findings == slow.findings
    assert quick.alert == slow.alert or any(finding.severity is Severity.ERROR for finding in quick.findings)


@pytest.mark.parametrize("path", sorted(SAMPLES.rglob("*.xml")), ids=lambda path: path.stem)
def test_samples_read_the_same_both_ways(path: Path) -> None:
    """Each sample has the same values and findings, read straight on or patiently."""
    assert_same(path.read_bytes())


@needs_data
def test_public_messages_read_the_same_both_ways() -> None:
    """Each public message has the same values and findings, whole and with bytes changed."""
    chance = random.Random(20261123)
    bodies = [path.read_bytes() for path in sorted((DATA / "cap-corpus").rglob("*.*")) if path.suffix != ".tsv"]
    for body in bodies:
        assert_same(body)
    for _ in range(1_000):
        raw = bytearray(chance.choice(bodies)[:10_000])
        for _ in range(chance.randint(1, 4)):
            raw[chance.randrange(len(raw))] = chance.choice(b"<>&;/ \n0aE!?")
        assert_same(bytes(raw))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<headline>千代田区に避難指示</headline>", "<headline/>"),
        ("<headline>千代田区に避難指示</headline>", "<headline> </headline>"),
        ("<headline>千代田区に避難指示</headline>", "<headline> <!-- x -->千代田区</headline>"),
        ("<headline>千代田区に避難指示</headline>", "<headline> <![CDATA[千代田区]]> </headline>"),
        ("<headline>千代田区に避難指示</headline>", "<headline>\n<?x y?>千代田区<?x y?>\n</headline>"),
        ("<status>Actual</status>", "<status> <![CDATA[Actual]]></status>"),
        ("<status>Actual</status>", "<status>\n<!-- -->Actual</status>"),
        ("<status>Actual</status>", "<status> <?alert?>Actual</status>"),
        ("<language>ja</language>", "<language> ja </language>"),
        ("<language>ja</language>", ""),
        ("<event>避難指示</event>", "<event/>"),
        ("<info>", "<code/><code> </code><code>x</code><info>"),
        ("<value>131016</value>", "<value/>"),
        ("<altitude>0</altitude>", "<altitude> 1.5 </altitude><ceiling>20</ceiling>"),
        ("<identifier>tokyo-2026-0001</identifier>", "<identifier/>"),
        ("<polygon>35.68,139.73 ", "<polygon>\n35.680,+139.73\t"),
        ("12:00:00+09:00</expires>", "12:00:00+09:00\n</expires>"),
        ("<circle>35.69,139.75 1.5</circle>", "<circle/>"),
        ("<scope>Public</scope>", "<scope>Public</scope>text"),
        ("</alert>", '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></alert>'),
        ("</alert>", '<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"/></alert>'),
    ],
)
def test_oddities_read_the_same_both_ways(old: str, new: str) -> None:
    """Empty elements, blanks, sections and instructions inside texts give the same values both ways."""
    assert_same(changed(old, new))


@pytest.mark.parametrize("version", NAMESPACES)
def test_every_element_emptied_reads_the_same_both_ways(version: str) -> None:
    """An empty text is "" where CAP requires one and nothing elsewhere, whichever way the message is read."""
    root = etree.fromstring(SOUND.replace(NAMESPACES["1.2"], NAMESPACES[version]).encode())
    for leaf in [element for element in root.iter() if not len(element)]:
        words, leaf.text = leaf.text, None
        assert_same(etree.tostring(root, encoding="utf-8"))
        leaf.text = words


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "iso-2022-jp", "shift_jis", "euc-jp"])
def test_encodings_read_the_same_both_ways(encoding: str) -> None:
    """No encoding hides a comment or a section from the look at the bytes."""
    text = SOUND.replace('encoding="UTF-8"', f'encoding="{encoding.upper()}"')
    text = text.replace("<status>Actual", "<status> <![CDATA[Actual]]><!-- -->")
    raw = text.encode(encoding)
    assert_same(raw)
    assert any(f.path == "/alert/status" for f in decode(raw).findings)


def test_a_doctype_is_seen_in_every_encoding() -> None:
    """A DOCTYPE is refused, however it is written."""
    text = SOUND.replace("<alert", "<!DOCTYPE alert [<!ENTITY x 'y'>]><alert", 1)
    for encoding in ("utf-8", "utf-16", "utf-32"):
        found = decode(text.replace("UTF-8", encoding.upper()).encode(encoding)).findings
        assert [f.code for f in found] == ["cap.xml.doctype"]


def test_values_are_frozen() -> None:
    """What is filled at the price of plain values is as frozen as any other."""
    alert = decode(SOUND.encode()).alert
    assert alert is not None
    info = alert.infos[0]
    for value, kind in ((alert, Alert), (info, Info), (info.areas[0], AreaBlock), (info.resources[0], Resource)):
        assert type(value) is kind
        name = dataclasses.fields(kind)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, "x")
        assert dataclasses.replace(value) == value  # type: ignore[type-var]
    for part in (info.areas[0].geocodes[0], info.areas[0].circles[0], alert.identity):
        with pytest.raises(AttributeError):
            setattr(part, part.__struct_fields__[0], "x")


def test_sound_messages_are_read_straight_on() -> None:
    """The quick way is taken: the sound message needs no patience, in CAP 1.2 and 1.1, signed or not."""
    signed = SOUND.replace("</alert>", '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></alert>')
    for text in (SOUND, signed, SOUND.replace("cap:1.2", "cap:1.1")):
        root, _ = parse._tree(text.encode())
        assert root is not None
        version = VERSIONS[str(root.tag)[1:].partition("}")[0]]
        assert sound.read(root, version, b"") is not None
