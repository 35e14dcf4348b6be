from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from lalert.errors import Rejected
from lalert.geo import land as module
from lalert.geo import packed
from lalert.geo.land import Land, land_of
from lalert.geo.legend import Fields
from lalert.geo.notices import Notice
from lalert.geo.packed import Packed
from tests.geo.conftest import drawing_of

Row = tuple[str | None, str, str | None, shapely.Geometry | None]

CHIYODA = shapely.box(139.70, 35.60, 139.80, 35.70)
CHUO = shapely.box(139.80, 35.60, 139.90, 35.70)


def drawn(rows: Sequence[Row], country: Packed, tolerance_m: float = 0) -> tuple[Land, dict[str, Notice]]:
    """The land of rows of (prefecture, municipality, code, shape), and what was noticed."""
    columns = {
        "N03_001": [home for home, *_ in rows],
        "N03_004": [name for _, name, *_ in rows],
        "N03_007": [code for _, _, code, _ in rows],
    }
    drawing = drawing_of(columns, [shape for *_, shape in rows])
    found, notices = land_of([drawing], country.names, tolerance_m=tolerance_m, step=lambda _: None)
    return found, {notice.code: notice for notice in notices}


def test_rows_of_one_code_become_one_shape(country: Packed) -> None:
    """The ministry gives a row for every island; codes come out in order."""
    island = shapely.box(139.95, 35.60, 139.96, 35.61)
    rows: list[Row] = [
        ("東京都", "中央区", "13102", CHUO),
        ("東京都", "千代田区", "13101", CHIYODA),
        ("東京都", "中央区", "13102", island),
    ]
    land, notices = drawn(rows, country)
    assert (land.codes, land.names) == (("131016", "131024"), ("千代田区", "中央区"))
    assert shapely.get_num_geometries(land.shapes[1]) == 2
    assert notices == {}


def test_dirt_is_mended_or_left_out_and_told(country: Packed) -> None:
    """A wrong code beside a right name, ground of nobody, rows without code or shape, a bow-tie."""
    bow = shapely.Polygon([(141.0, 38.0), (141.1, 38.1), (141.1, 38.0), (141.0, 38.1)])
    rows: list[Row] = [
        ("宮城県", "仙台市", "004100", bow),
        ("東京都", "所属未定地", "13000", CHUO),
        ("東京都", "どこかの町", "x", CHUO),
        ("東京都", "千代田区", "13101", CHIYODA),
        ("東京都", "港区", "13103", None),
        ("東京都", "北区", "13117", shapely.Polygon()),
    ]
    land, notices = drawn(rows, country)
    assert land.codes == ("041009", "131016")
    assert {code: notice.count for code, notice in notices.items()} == {
        "repaired.code": 1,
        "repaired.shape": 1,
        "dropped.unassigned": 1,
        "dropped.code": 1,
        "dropped.shape": 2,
    }
    assert notices["repaired.code"].examples == ("004100 宮城県仙台市 → 041009",)
    assert notices["repaired.code"].to_dict()["what"] == {
        "ja": "誤ったコードを名称から直した",
        "en": "wrong codes mended by the name beside them",
    }


def test_a_name_that_several_places_have_mends_nothing(country: Packed) -> None:
    """Without its prefecture 府中市 is two cities: it is left out, and told."""
    land, notices = drawn([(None, "府中市", "x", CHUO), ("東京都", "千代田区", "13101", CHIYODA)], country)
    assert land.codes == ("131016",)
    assert notices["dropped.code"].count == 1


def test_overlaps_and_gaps_go(country: Packed) -> None:
    """What two claim goes to the smaller, slivers of nobody to a neighbour; how much moved is told."""
    wide = shapely.box(139.70, 35.60, 139.8101, 35.70)
    narrow = shapely.box(139.8001, 35.60, 139.90, 35.70)
    apart = shapely.box(139.90015, 35.60, 140.0, 35.70)
    around = shapely.box(139.70, 35.50, 140.0, 35.80).difference(shapely.box(139.70, 35.60, 140.0, 35.70))
    rows: list[Row] = [
        ("東京都", "千代田区", "13101", wide),
        ("東京都", "中央区", "13102", narrow),
        ("東京都", "港区", "13103", apart),
        ("東京都", "新宿区", "13104", around),
    ]
    land, notices = drawn(rows, country)
    assert shapely.coverage_is_valid(land.shapes)
    assert shapely.union_all(land.shapes).area == pytest.approx(0.09)
    assert len(shapely.get_parts(shapely.union_all(land.shapes))) == 1
    assert notices["repaired.border"].count >= 2


def test_borders_are_simplified_alike(country: Packed) -> None:
    """Vertices go, the shared border stays shared."""
    rng = np.random.default_rng(1)
    border = [(139.8 + rng.uniform(-1, 1) * 1e-5, lat) for lat in np.linspace(35.6, 35.7, 500)]
    left = shapely.Polygon([(139.7, 35.7), (139.7, 35.6), *border])
    right = shapely.Polygon([*border, (139.9, 35.7), (139.9, 35.6)])
    rows: list[Row] = [("東京都", "千代田区", "13101", left), ("東京都", "中央区", "13102", right)]
    exact, _ = drawn(rows, country)
    coarse, _ = drawn(rows, country, tolerance_m=10)
    assert shapely.get_num_coordinates(coarse.shapes).sum() < shapely.get_num_coordinates(exact.shapes).sum() / 3
    assert shapely.coverage_is_valid(coarse.shapes)


def test_land_in_the_wrong_place_is_refused(country: Packed) -> None:
    """Latitude and longitude turned round, or metres without a coordinate system; a single stray row is left out."""
    turned = shapely.transform(CHIYODA, lambda c: c[:, ::-1])
    with pytest.raises(Rejected) as refused:
        drawn([("東京都", "千代田区", "13101", turned)], country)
    assert refused.value.code == "boundaries.place"
    rows: list[Row] = [
        ("東京都", "千代田区", "13101", CHIYODA),
        ("東京都", "中央区", "13102", CHUO),
        ("東京都", "港区", "13103", turned),
    ]
    land, notices = drawn(rows, country)
    assert land.codes == ("131016", "131024")
    assert notices["dropped.place"].examples == ("131032 港区",)


def test_nothing_and_too_much_are_refused(country: Packed, monkeypatch: pytest.MonkeyPatch) -> None:
    """No municipality at all, or more vertices than memory should hold."""
    with pytest.raises(Rejected) as refused:
        drawn([("東京都", "所属未定地", "13000", CHIYODA)], country)
    assert refused.value.code == "boundaries.file"
    monkeypatch.setattr(module, "MAX_VERTICES", 3)
    with pytest.raises(Rejected) as refused:
        drawn([("東京都", "千代田区", "13101", CHIYODA)], country)
    assert "3" in refused.value.message.ja


def test_lines_are_no_ground(country: Packed) -> None:
    """A municipality that is only a line is left out; lines beside ground go."""
    line = shapely.LineString([(139.7, 35.6), (139.8, 35.6)])
    mixed = shapely.GeometryCollection([CHIYODA, line])
    land, notices = drawn([("東京都", "千代田区", "13101", mixed), ("東京都", "中央区", "13102", line)], country)
    assert land.codes == ("131016",)
    assert land.shapes[0].geom_type == "Polygon"
    assert notices["dropped.flat"].examples == ("131024",)


def test_another_country_lies_elsewhere(country: Packed) -> None:
    """Its codes stay as they are, and it need not lie in Japan."""
    drawing = drawing_of(
        {"code": ["DE-11", "DE-12"], "name": ["Berlin", "Brandenburg"]},
        [shapely.box(13, 52, 14, 53), shapely.box(14, 52, 15, 53)],
        Fields(code="code", name="name"),
    )
    land, _ = land_of([drawing], country.names, tolerance_m=0, step=lambda _: None)
    assert (land.is_japan, land.codes) == (False, ("DE-11", "DE-12"))


boxes = st.builds(
    lambda x, y, w, h: shapely.box(139 + x, 35 + y, 139 + x + w, 35 + y + h),
    st.floats(0, 0.1),
    st.floats(0, 0.1),
    st.floats(0.001, 0.1),
    st.floats(0.001, 0.1),
)
rings = st.lists(st.tuples(st.floats(139, 139.2), st.floats(35, 35.2)), min_size=3, max_size=7).map(shapely.Polygon)


@cache
def known() -> Packed:
    """The embedded set, which no failing example should print."""
    return packed.read()[0]


@given(shapes=st.lists(boxes | rings, min_size=1, max_size=6))
def test_whatever_is_drawn_becomes_a_coverage(shapes: list[shapely.Geometry]) -> None:
    """Overlapping, crossing, nested: valid shapes without overlap remain, or the file is refused."""
    rows: list[Row] = [("東京都", f"町{n}", f"131{n + 1:02}", shape) for n, shape in enumerate(shapes)]
    land, _ = drawn(rows, known())
    assert shapely.is_valid(land.shapes).all()
    assert shapely.coverage_is_valid(land.shapes)
    assert len(land.codes) == len(set(land.codes)) == len(land.shapes)
