"""lalert.cap.catalogue: every code has its texts and its section in the documentation, and none is left over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lalert.cap
from lalert.cap import catalogue
from lalert.cap.vocabulary import editions, vocabulary_at

from .messages import SENT

SOURCE = Path(lalert.cap.__file__).parent
DOCS = SOURCE.parent.parent / "docs" / "findings.md"
CODE = re.compile(r'"((?:cap|jp)(?:\.[a-z0-9_]+){2})"')


def _used() -> set[str]:
    return {code for path in SOURCE.glob("*.py") for code in CODE.findall(path.read_text("utf-8"))}


def test_every_code_in_the_source_is_in_the_catalogue() -> None:
    """No rule can speak without words, and no words are left without a rule."""
    known = set(catalogue.entries())
    # cap.limits has two parts only
    assert _used() | {"cap.limits"} == known


def test_every_code_is_documented() -> None:
    """docs/findings.md has one section a code, with the clause and the texts in both languages."""
    if not DOCS.exists():
        pytest.skip("docs/ is not part of an installed package")
    sections = dict(
        re.findall(r"^### (\S+)\n(.*?)(?=^### |^## |\Z)", DOCS.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
    ours = {code: text for code, text in sections.items() if code.startswith(("cap.", "jp."))}
    assert set(ours) == set(catalogue.entries())
    for code, entry in catalogue.entries().items():
        for text in (entry.clause, entry.message.ja, entry.message.en, entry.advice.ja, entry.advice.en):
            assert text in ours[code]


def test_found_is_cut_short() -> None:
    """What was found is quoted on one line of bounded length."""
    assert catalogue.shortened(" a\n b ") == "a b"
    assert len(catalogue.shortened("x" * 10_000)) == catalogue.FOUND_LENGTH
    assert catalogue.shortened("x" + " " * 10_000 + "y") == "x…"


def test_unseen_characters_are_named_in_numbers() -> None:
    """An ideographic space looks like a blank: among numbers it is the mistake, in a sentence it is none."""
    assert catalogue.shortened("35,139\u300036,140\ufeff") == "35,139[U+3000]36,140[U+FEFF]"
    assert catalogue.shortened("避難指示\u3000発令") == "避難指示 発令"


def test_editions_follow_each_other() -> None:
    """The table in force is the last that had begun when the message was sent."""
    first, second = editions()
    assert first.since < second.since
    assert vocabulary_at(SENT) is second
    assert vocabulary_at(SENT.replace(year=2024)) is first
    assert vocabulary_at(SENT.replace(year=2019)) is first
    assert vocabulary_at(None) is second


@pytest.mark.parametrize("edition", editions(), ids=str)
def test_edition_is_coherent(edition: object) -> None:
    """Each act is found by its own name, first of all; each hazard of a code has a name."""
    assert isinstance(edition, type(editions()[0]))
    for act in edition.acts:
        assert edition.act_in(act.name) is act or act.category == "気象警報・注意報"
    for hazard, _ in (*edition.jma.values(), *edition.river.values()):
        assert hazard in edition.hazard_names
    for name in edition.tsunami.values():
        assert edition.act_in(name) is not None or name == "津波予報"
