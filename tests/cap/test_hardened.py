"""lalert.cap.hardened: what a parser of others' XML must not do."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from lalert.cap.hardened import hardened

PARSERS = [hardened(), hardened(trimming=True), hardened(instructions=True)]


@pytest.mark.parametrize("parser", PARSERS)
def test_no_file_comes_in_by_an_entity(parser: etree.XMLParser[etree._Element], tmp_path: Path) -> None:
    """Neither an entity nor a DTD brings a file's content into the tree."""
    (tmp_path / "secret").write_text("hidden")
    (tmp_path / "a.dtd").write_text('<!ENTITY b "hidden">')
    for doctype in (f'[<!ENTITY b SYSTEM "{tmp_path / "secret"}">]', f'SYSTEM "{tmp_path / "a.dtd"}"'):
        try:
            root = etree.fromstring(f"<!DOCTYPE a {doctype}><a>&b;</a>".encode(), parser)
        except etree.XMLSyntaxError:
            continue
        assert "hidden" not in "".join(root.itertext(etree.Element))


@pytest.mark.parametrize("parser", PARSERS)
def test_no_file_is_opened_for_a_doctype(parser: etree.XMLParser[etree._Element], tmp_path: Path) -> None:
    """A DTD that is no DTD disturbs nobody: it is not even read."""
    (tmp_path / "a.dtd").write_text("<!ELEMENT broken")
    root = etree.fromstring(f'<!DOCTYPE a SYSTEM "{tmp_path / "a.dtd"}"><a/>'.encode(), parser)
    assert root.tag == "a"


@pytest.mark.parametrize("parser", PARSERS)
def test_depth_and_texts_are_bounded(parser: etree.XMLParser[etree._Element]) -> None:
    """More than 256 levels, or ten million characters in one text, are no message."""
    for raw in (b"<a>" * 300 + b"</a>" * 300, b"<a>" + b"x" * 10_000_001 + b"</a>"):
        with pytest.raises(etree.XMLSyntaxError):
            etree.fromstring(raw, parser)


def test_instructions_are_kept_for_whoever_must_know() -> None:
    """A signature is over instructions beside the alert; nobody else sees them."""
    raw = b"<?x y?><a/>"
    assert etree.fromstring(raw, hardened()).getprevious() is None
    assert etree.fromstring(raw, hardened(instructions=True)).getprevious() is not None
