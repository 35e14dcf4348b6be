"""Text that may go into XML."""

from __future__ import annotations

from hypothesis import given
from lxml import etree

from lalert.render.xml import escaped, legal
from tests.render.hostile import texts


@given(texts)
def test_whatever_was_written_stays_in_its_place(text: str) -> None:
    """As element text and as attribute, a parser reads back exactly the legal form of what was written."""
    read = etree.fromstring(f'<a b="{escaped(text)}">{escaped(text)}</a>')
    unbroken = legal(text).replace("\r\n", "\n").replace("\r", "\n")
    assert (read.text or "") == unbroken
    assert read.get("b") == unbroken.replace("\n", " ").replace("\t", " ")


def test_illegal_characters_are_shown() -> None:
    """What XML cannot carry becomes U+FFFD, one for one; the rest stays."""
    assert legal("a\x00b\ufffe🌊\t") == "a\ufffdb\ufffd🌊\t"
