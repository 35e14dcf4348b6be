"""lalert.cap.order: all that stands where it may not is told at once, at its own place, with where it belongs."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from lalert.cap import order, structure
from lalert.cap.dictionary import BLOCKS, NAMESPACES, tables
from lalert.cap.parse import decode
from lalert.cap.reader import Strictness, read
from lalert.errors import Finding

from .messages import SOUND, changed

EVENT = "<event>避難指示</event>"
GEOCODE = "<geocode><valueName>JISX0402</valueName><value>131016</value></geocode>"


def told(raw: bytes) -> list[tuple[str, str | None]]:
    """Return the code and the place of all that the structure of `raw` has wrong."""
    return [(f.code, f.path) for f in decode(raw).findings]


def only(raw: bytes) -> Finding:
    """Return the one finding in `raw`."""
    (finding,) = decode(raw).findings
    return finding


def moved(element: str, *, before: str) -> bytes:
    """Return the sound message with an element moved to where it may not stand."""
    assert element in SOUND
    return SOUND.replace(element, "", 1).replace(before, element + before, 1).encode()


def test_everything_wrong_in_one_block_is_told_at_once() -> None:
    """Behind the first misplaced element libxml2 looks at nothing; a sender still mends all of it in one round."""
    raw = changed(EVENT, f'<weather/>{EVENT}<event id="1">again</event><Web/>')
    raw = raw.replace(b"Severe<", b"Bad<").replace(b"</areaDesc>", b"</areaDesc><alertLevel/>")
    assert sorted(told(raw)) == [
        ("cap.schema.attribute", "/alert/info[1]/event[2]"),
        ("cap.schema.element", "/alert/info[1]/area[1]/alertLevel"),
        ("cap.schema.element", "/alert/info[1]/weather"),
        ("cap.schema.enumeration", "/alert/info[1]/severity"),
        ("cap.schema.order", "/alert/info[1]/Web"),
        ("cap.schema.repeated", "/alert/info[1]/event[2]"),
        ("cap.schema.spelling", "/alert/info[1]/Web"),
    ]


@pytest.mark.parametrize(
    ("element", "before", "after_words"),
    [
        ("<scope>Public</scope>", "<status>", "after <msgType>, before <info>"),
        ("<urgency>Immediate</urgency>", "<resource>", "after <responseType>, before <severity>"),
        ("<identifier>tokyo-2026-0001</identifier>", "<info>", "after <alert>, before <sender>"),
        ("<area>", "<area>", ""),
    ],
)
def test_advice_says_where_it_belongs(element: str, before: str, after_words: str) -> None:
    """Out of order is told of the element to move, with its neighbours."""
    if element == before:
        area = SOUND[SOUND.index("<area>") : SOUND.index("</area>") + 7]
        element, before, after_words = area, "<language>", "after <resource>, before </info>"
    finding = only(moved(element, before=before))
    assert finding.code == "cap.schema.order"
    assert after_words in finding.advice.en
    assert "の後" in finding.advice.ja


def test_pair_without_its_value_lacks_it() -> None:
    """A geocode with a name alone lacks its value: that is what there is to add."""
    raw = changed("<value>131016</value>", "")
    assert told(raw) == [("cap.schema.missing", "/alert/info[1]/area[1]/geocode[1]/value")]


def test_block_of_a_misspelt_name_is_looked_into() -> None:
    """An element in the wrong case is not also missing, and what is wrong in it is told with it."""
    raw = changed("<area>", "<Area>").replace(b"</area>", b"</Area>").replace(b"<areaDesc>", b"<x/><areaDesc>")
    found = decode(raw).findings
    assert [f.code for f in found] == ["cap.schema.spelling", "cap.schema.element"]
    assert "Write area instead of Area" in found[0].advice.en


def test_element_of_another_namespace_is_told_as_one() -> None:
    """An extension, or an element of CAP that lost its namespace, is told with the namespace that it has."""
    finding = only(changed("<scope>Public</scope>", '<scope xmlns="">Public</scope>'))
    assert (finding.code, finding.path, finding.found) == ("cap.schema.foreign", "/alert/scope", "")
    assert "urn:oasis:names:tc:emergency:cap:1.2" in finding.advice.ja


def test_text_and_attributes_are_quoted() -> None:
    """What to take away is shown: the words between the elements, the names of the attributes."""
    assert only(changed("<info>", "<info>急ぎ")).found == "急ぎ"
    assert only(changed("<info>", '<info id="1" x="2">')).found == "id, x"
    assert only(changed("<info>", "<info>\u3000")).code == "cap.schema.text"


def test_signature_stands_with_the_infos() -> None:
    """A signature above what must come first is out of order; in a block that nobody signs it is no element."""
    signature = '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>'
    assert told(changed("<info>", f"{signature}<info>")) == []
    assert told(changed("<sent>", f"{signature}<sent>")) == [("cap.schema.order", "/alert/Signature")]
    assert told(changed(EVENT, f"{EVENT}{signature}")) == [("cap.schema.element", "/alert/info[1]/Signature")]


def test_second_of_what_dates_a_message_withholds_it_upstream() -> None:
    """Of two times nobody knows which is true: the second, told at its own place, still keeps the message back."""
    sent = "<sent>2026-09-01T12:00:00+09:00</sent>"
    raw = changed(sent, sent + sent.replace("12:00", "12:30"))
    reading = read(raw, profile="core", strictness=Strictness.UPSTREAM)
    assert reading.alert is None
    assert ("cap.schema.repeated", "/alert/sent[2]") in [(f.code, f.path) for f in reading.findings]


@pytest.mark.parametrize("version", NAMESPACES)
def test_schema_and_tables_know_the_same_cap(version: str) -> None:
    """The dictionary's tables require what the schema requires, and name its elements in its order."""
    for kind, table in tables(NAMESPACES[version]).items():
        content = order.contents(version)[kind]
        assert {str(tag).rpartition("}")[2] for tag in table.required} == set(content.required)
        known = [slot.tag for slot in BLOCKS[kind] if slot.tag in content.names]
        assert known == [name for name in content.names if name in known]


@given(st.lists(st.integers(0, 5), max_size=9))
def test_as_few_as_possible_are_moved(places: list[int]) -> None:
    """What is kept never falls, and no longer part does so."""
    kept = order.longest_order(places)
    assert all(a < b and places[a] <= places[b] for a, b in pairwise(kept))
    longer = combinations(places, len(kept) + 1)
    assert not any(all(a <= b for a, b in pairwise(part)) for part in longer)


BLOCK = st.lists(
    st.sampled_from(["event", "Event", "category", "urgency", "severity", "certainty", "area", "web", "x", "language"]),
    max_size=9,
)


@given(BLOCK)
def test_whatever_the_schema_refuses_is_explained(names: list[str]) -> None:
    """The schema refuses an order or a number of elements exactly where something is told of it."""
    words = {"category": "Met", "urgency": "Past", "severity": "Minor", "certainty": "Likely", "language": "ja"}
    body = "".join(f"<{n}>{words.get(n, '')}{'<areaDesc/>' * (n == 'area')}</{n}>" for n in names)
    raw = SOUND[: SOUND.index("<info>")] + f"<info>{body}</info></alert>"
    root = etree.fromstring(raw.encode())
    assert structure.is_valid(root, "1.2") == (list(order.findings(root, "1.2")) == [])
