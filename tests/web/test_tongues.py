"""What languages call themselves."""

from __future__ import annotations

import pytest

from lalert.web.tongues import ENDONYMS, endonym


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("ja-x-easy", "やさしい日本語"),
        ("EN-us", "English"),
        ("zh-Hant-HK", "繁體中文"),
        ("pt-BR", "Português"),
        ("xx-Latn", "xx-Latn"),
        ("", ""),
    ],
)
def test_the_nearest_known_form_names_it(tag: str, name: str) -> None:
    """A region or script that has no name of its own falls back to its language; an unknown one stays its tag."""
    assert endonym(tag) == name


def test_every_tag_can_be_found() -> None:
    """The table is in small letters, as it is asked."""
    assert all(endonym(tag.upper()) == name for tag, name in ENDONYMS.items())
