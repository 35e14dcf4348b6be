"""The pages' own words: both languages, none missing, none idle."""

from __future__ import annotations

import re
from importlib.resources import files

from lalert.web.phrases import LANGUAGES, PHRASES, phrases

COMPOSED = re.compile(
    r"banner_(was|says)_(false|lifted)|kind_(alert|update|expire)|check_(error|warning|info)"
    r"|check_(profile_(jp|core)|strictness_(producer|upstream)|signature_(valid|invalid|unverifiable))"
)


def sources() -> str:
    """Return the templates and modules of the web floor as one text."""
    folder = files("lalert.web")
    pages = [item.read_text("utf-8") for item in (folder / "templates").iterdir()]
    return "".join(pages + [item.read_text("utf-8") for item in folder.iterdir() if item.name.endswith(".py")])


def test_both_languages_say_the_same_things() -> None:
    """Every phrase has the same blanks to fill in Japanese and in English."""
    for name, text in PHRASES.items():
        assert set(re.findall(r"{\w+}", text.ja)) == set(re.findall(r"{\w+}", text.en)), name
        assert text.ja or text.en, name
    assert [phrases(lang)["skip"] for lang in LANGUAGES] == ["本文へ", "Skip to the content"]


def test_no_phrase_is_missing_or_idle() -> None:
    """What the templates ask for is there, and what is there is asked for."""
    text = sources()
    assert set(re.findall(r"\bt\.([a-z]\w*)", text)) - {"format"} <= set(PHRASES)
    used = {name for name in PHRASES if re.search(rf'\bt\.{name}\b|"{name}"(?!: Text)', text)}
    assert {name for name in PHRASES if name not in used and not COMPOSED.fullmatch(name)} == set()
