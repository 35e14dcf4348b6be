"""Looking places up: every spelling leads there, and none to another place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.geo.boundaries import BoundarySet


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("千代田区", "131016"),
        ("東京都千代田区", "131016"),
        ("ちよだく", "131016"),
        ("チヨダク", "131016"),
        ("chiyoda city", "131016"),
        ("１３１０１６", "131016"),
        ("つくば", "082201"),
        ("13101", "131016"),
        ("chiyoda-ku", "131016"),
        ("Ōsaka-shi", "271004"),
        ("oosakashi", "271004"),
        ("京都市", "261009"),
        ("kyoto city", "261009"),
        ("Kyoto Kita", "261017"),
        ("東京都", "13"),
        ("東京府中", "132063"),
        ("府中 東京", "132063"),
        ("fuchu hiroshima-ken", "342084"),
        ("府中　広島", "342084"),
        ("1310100", "131016"),
        ("龍ヶ崎", "082082"),
        ("竜ケ崎", "082082"),
        ("茅ケ崎市", "142077"),
        ("塩釜", "042030"),
    ],
)
def test_search_finds_by_every_spelling(japan: BoundarySet, text: str, code: str) -> None:
    """Name, full name, both kana, Latin letters and code; the closest first, the larger before the smaller."""
    assert japan.search(text)[0].code == code


def test_search_is_bounded(japan: BoundarySet) -> None:
    """Nothing asked gives nothing; too much found is cut."""
    assert japan.search(" ") == ()
    assert japan.search("そんな町はありません") == ()
    assert len(japan.search("市", limit=7)) == 7


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("横浜市中区", "141003"),
        ("よこはましなかく", "141003"),
        ("14104", "141003"),
        ("Sapporo Chuo", "011002"),
        ("浜松市中区", "221309"),
        ("221317", "221309"),
        ("岩舟町", "092037"),
    ],
)
def test_what_has_no_shape_leads_to_what_stands_for_it(japan: BoundarySet, text: str, code: str) -> None:
    """Wards that this set does not draw, and places that a merger ended: who lives there finds the city."""
    assert [place.code for place in japan.search(text)] == [code]


def test_a_code_is_found_by_its_beginning_only(japan: BoundarySet) -> None:
    """22131 was a ward of Hamamatsu; that Togane is 122131 is chance."""
    assert {place.code[:2] for place in japan.search("2213")} == {"22"}
    assert japan.search("99999") == ()


def test_every_word_has_to_fit(japan: BoundarySet) -> None:
    """A prefecture's name alone, twice, or with a strange word finds no town in it."""
    assert [place.code for place in japan.search("kyoto sapporo")] == []
    assert "132063" not in {place.code for place in japan.search("東京 東京")}
    assert japan.search("府 中 東 京 都") == japan.search("府中東京都")


@given(text=st.text(max_size=60))
def test_any_text_is_looked_up(japan: BoundarySet, text: str) -> None:
    """Whatever people type: places, each once, no more than asked for."""
    found = [place.code for place in japan.search(text, limit=5)]
    assert len(found) == len(set(found)) <= 5
    assert all(code in japan for code in found)
