import pytest

from lalert.geo.boundaries import BoundarySet
from lalert.geo.romaji import hepburn, plain


@pytest.mark.parametrize(
    ("kana", "latin"),
    [
        ("きたく", "kitaku"),
        ("しんばし", "shimbashi"),
        ("はっちょう", "hatchou"),
        ("さっぽろ", "sapporo"),
        ("じゅっこく", "jukkoku"),
        ("ちゅうおうく", "chuuouku"),
        ("きゃ", "kya"),
        ("っ", ""),
        ("南ー", "南"),
    ],
)
def test_kana_become_latin_letters(kana: str, latin: str) -> None:
    """Hepburn: glides, doubled consonants, m before b, m and p; what is no kana stays."""
    assert hepburn(kana) == latin


@pytest.mark.parametrize("text", ["Osaka", "ŌSAKA", "Oosaka", "Ohsaka", "o-sa-ka", hepburn("おおさか")])
def test_long_vowels_have_one_spelling(text: str) -> None:
    """However somebody types it."""
    assert plain(text) == "osaka"


def test_japanese_has_no_latin_letters() -> None:
    """A text in Japanese is not searched for in Latin."""
    assert plain("千代田区") == plain("ちよだ") == plain("") == ""


def test_nearly_every_english_name_is_how_it_is_read(japan: BoundarySet) -> None:
    """The kana in Latin letters begin as the English name does: 京都市 and her sisters, with few exceptions."""
    odd = [
        place.code
        for place in japan.municipalities
        if not plain(hepburn(place.kana)).startswith(plain(place.en.rsplit(" ", 1)[0].split(" City")[0]))
    ]
    assert len(odd) <= 10
