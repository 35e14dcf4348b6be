import csv
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.geo import kinship
from lalert.geo.boundaries import BoundarySet
from lalert.geo.codes import NORTHERN_TERRITORIES, changes
from lalert.geo.kinship import city_of, kin


def test_wards_know_their_city(japan: BoundarySet) -> None:
    """Every ward that the embedded set holds or lacks has its city, and no other municipality has one."""
    assert {place.code: place.city for place in japan.municipalities} == {
        place.code: city_of(place.code) for place in japan.municipalities
    }
    assert city_of("221406") == "221309"  # 浜松市天竜区, since 2024
    assert city_of("131016") is None  # a 特別区 is no city's ward
    assert city_of("271411") == "271403"  # 堺市堺区, not 大阪市's


def test_wards_agree_with_the_official_table() -> None:
    """The ministry's table gives every ward of the country the same city."""
    folder = os.environ.get("LALERT_TEST_DATA")
    if not folder:
        pytest.skip("LALERT_TEST_DATA is not set: the official table is not part of the product")
    with (Path(folder) / "boundaries" / "jp_admin_codes.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 1_898
    assert {row["lgcode"]: row["city_code"] for row in rows} == {
        row["lgcode"]: (city_of(row["lgcode"]) or "")[:5] for row in rows
    }


def test_mergers_are_known_both_ways() -> None:
    """Who subscribed under 浜松市北区 hears of its successors, and the reverse."""
    assert {"221384", "221392", "221309"} <= kin(frozenset({"221350"}))
    assert {"221317", "221350", "221309"} <= kin(frozenset({"221384"}))


def test_a_city_and_its_wards_are_kin_but_sisters_are_not() -> None:
    """The city's alert concerns every ward, a ward's alert whoever subscribed for the city, and no other ward."""
    assert {"261017", "261114"} <= kin(frozenset({"261009"}))
    assert kin(frozenset({"261017"})) == {"261017", "261009"}
    assert "271411" not in kin(frozenset({"271004"}))  # 堺市's wards follow 大阪市's


def test_the_northern_villages_are_one_area_or_six() -> None:
    """Held as one area or as villages: either finds the other."""
    assert kin(frozenset({NORTHERN_TERRITORIES})) == {NORTHERN_TERRITORIES, *kinship.NORTHERN_VILLAGES}
    assert "016951" in kinship.NORTHERN_VILLAGES


@given(st.sampled_from(sorted({*changes(), "261009", "261017", "131016", NORTHERN_TERRITORIES, "221384"})))
def test_kinship_is_mutual(code: str) -> None:
    """If one code finds the other, the other finds the one."""
    assert all(code in kin(frozenset({relative})) for relative in kin(frozenset({code})))
