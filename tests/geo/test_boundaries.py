import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from lalert.errors import Rejected
from lalert.geo import measure
from lalert.geo.boundaries import BORDER_TOLERANCE_M, BoundarySet, load
from lalert.geo.codes import NORTHERN_TERRITORIES

NORTHERN = NORTHERN_TERRITORIES


def fault_of(refused: "pytest.ExceptionInfo[Rejected]") -> tuple[str, str]:
    """Code and Japanese message of the first finding."""
    return refused.value.code, refused.value.findings[0].message.ja


def test_the_set_is_read_once() -> None:
    """Every caller shares one set, which says under which terms it comes."""
    assert load() is load()
    assert (load().licence, load().credit) == (load().source.licence, load().source.credit)


def test_municipalities_have_their_names(japan: BoundarySet) -> None:
    """Name, kana, English and JMA code of cities, wards, villages and areas that JMA splits."""
    chiyoda = japan.municipality("131016")
    assert (chiyoda.full_name, chiyoda.kana, chiyoda.en) == ("東京都千代田区", "ちよだく", "Chiyoda City")
    assert (chiyoda.prefecture, chiyoda.class20, chiyoda.city) == ("13", ("1310100",), None)
    hamamatsu = japan.municipality("221309")
    assert (hamamatsu.name, hamamatsu.en, hamamatsu.class20) == ("浜松市", "Hamamatsu City", ("2213001", "2213002"))
    ward = japan.municipality("261017")
    assert (ward.name, ward.en, ward.city) == ("京都市北区", "Kyoto City Kita Ward", "261009")
    assert all(m.name and m.kana and m.en and m.class20 for m in japan.municipalities)


def test_there_are_47_prefectures(japan: BoundarySet) -> None:
    """Every prefecture has its names, and every municipality lies in one."""
    assert [p.code for p in japan.prefectures] == [f"{n:02}" for n in range(1, 48)]
    tokyo = japan.prefecture("13")
    assert (tokyo.name, tokyo.kana, tokyo.en) == ("東京都", "とうきょうと", "Tokyo")
    assert sum(len(japan.expand(p.code)) for p in japan.prefectures) == len(japan) == 1759


def test_a_city_held_as_wards_is_its_wards(japan: BoundarySet) -> None:
    """Kyoto and Hiroshima can be named whole: the code gives all wards, the shape their union."""
    kyoto = japan.municipality("261009")
    assert (kyoto.name, kyoto.en, len(kyoto.wards)) == ("京都市", "Kyoto City", 11)
    assert japan.expand("261009") == kyoto.wards
    assert {city.code: len(city.wards) for city in japan.cities} == {"261009": 11, "341002": 8}
    assert measure.area_km2(japan.shape_of("261009")) == pytest.approx(827.8, rel=0.005)


def test_membership_is_by_code(japan: BoundarySet) -> None:
    """Prefectures, cities and municipalities are in the set; what has no shape is not."""
    assert all(code in japan for code in ("13", "131016", "261009", "261017", NORTHERN))
    assert not any(code in japan for code in ("011011", "48", "13101", "999999", 13))


def test_unknown_codes_are_refused(japan: BoundarySet) -> None:
    """A code without a place is refused; nothing is guessed."""
    for ask in (japan.municipality, japan.prefecture, japan.expand, japan.simplified):
        with pytest.raises(Rejected) as refused:
            ask("139998")
        assert refused.value.code == "area.code_unknown"
    assert japan.name_of("139998") == "139998"
    assert (japan.name_of("13"), japan.name_of("131016")) == ("東京都", "千代田区")
    assert [japan.as_covered(code).en for code in ("131016", "139998")] == ["Chiyoda City", ""]


def test_a_ward_without_shape_is_never_widened(japan: BoundarySet) -> None:
    """A ward of Sapporo is refused by name, and so is one of Hamamatsu's new ones; the city is not put in its place."""
    for code, name in (("011011", "札幌市中央区"), ("221384", "浜松市中央区")):
        with pytest.raises(Rejected) as refused:
            japan.expand(code)
        code_found, message = fault_of(refused)
        assert code_found == "area.ward_unavailable"
        assert name in message


def test_abolished_codes_name_their_successors(japan: BoundarySet) -> None:
    """Old Hamamatsu Kita-ku is answered with the two wards that it became."""
    with pytest.raises(Rejected) as refused:
        japan.expand("221350")
    code, message = fault_of(refused)
    assert code == "area.code_abolished"
    assert "浜松市北区" in message
    assert "221384" in message
    assert "221392" in message


def test_jma_areas_are_exact(japan: BoundarySet) -> None:
    """A part of a city stays that part; parts, composites, whole cities and regions each give their own ground."""
    south = japan.jma_area("JMA:class20", "2213001")
    assert south.codes == ()
    assert 0.3 < south.parts[0].area / japan.shape_of("221309").area < 0.5
    assert len(japan.jma_area("JMA:class20", "3620701").parts) == 3
    assert japan.jma_area("JMA:class20", "2213000").codes == ("221309",)
    assert japan.jma_area("JMA:class20", "2610000").codes == japan.expand("261009")
    tokyo = japan.jma_area("JMA:class10", "130010")
    assert "131016" in tokyo.codes
    assert "134210" not in tokyo.codes  # 小笠原村 is a region of its own


def test_every_jma_area_is_known(japan: BoundarySet) -> None:
    """Each seven-digit code that a municipality lists gives ground inside that municipality."""
    for place in japan.municipalities:
        for code in place.class20:
            extent = japan.jma_area("JMA:class20", code)
            assert extent.codes == (place.code,) or len(extent.parts) == 1


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        (139.7536, 35.6940, "131016"),
        (141.3469, 43.0646, "011002"),
        (127.6809, 26.2124, "472018"),
        (142.1918, 27.0944, "134210"),
        (123.0045, 24.4680, "473821"),
        (147.8, 45.0, NORTHERN),
    ],
)
def test_town_halls_lie_in_their_towns(japan: BoundarySet, lon: float, lat: float, code: str) -> None:
    """From Yonaguni to the Northern Territories."""
    assert japan.at(lon=lon, lat=lat) == code


def test_points_off_the_coast(japan: BoundarySet) -> None:
    """Within the tolerance a point belongs to the nearest municipality, beyond it to none."""
    tip = max(shapely.get_coordinates(japan.shape_of("133612")).tolist())
    metre = 1 / (measure.METRES_A_DEGREE * np.cos(np.radians(tip[1])))
    assert japan.at(lon=tip[0] + 0.9 * BORDER_TOLERANCE_M * metre, lat=tip[1]) == "133612"
    assert japan.at(lon=tip[0] + 1.2 * BORDER_TOLERANCE_M * metre, lat=tip[1]) is None
    assert japan.at(lon=-150, lat=30) is None


@given(lon=st.floats(130, 141), lat=st.floats(32.5, 39), data=st.data())
def test_shares_are_those_of_brute_force(japan: BoundarySet, lon: float, lat: float, data: st.DataObject) -> None:
    """Any polygon: the same municipalities and shares as intersecting it with each one, without index or shortcut."""
    corners = data.draw(st.lists(st.tuples(st.floats(-0.6, 0.6), st.floats(-0.5, 0.5)), min_size=3, max_size=9))
    shape = shapely.MultiPoint([(lon + x, lat + y) for x, y in corners]).convex_hull.buffer(0.01)
    codes = [m.code for m in japan.municipalities]
    whole = np.array([japan.shape_of(code) for code in codes], dtype=object)
    grounds_m2 = measure.areas_m2(shapely.intersection(shape, whole))
    expected = {c: g / japan.area_m2(c) for c, g in zip(codes, grounds_m2, strict=True) if g >= 1}
    found = {covered.code: covered.share for covered in japan.covered(shape)}
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, rel=1e-6)
    assert list(found) == sorted(found)


def test_shares_of_a_shape_with_many_vertices_are_exact_too(japan: BoundarySet) -> None:
    """Cutting a large outline down to each municipality's box first changes nothing."""
    angles = np.linspace(0, 2 * np.pi, 40_000, endpoint=False)
    wave = 0.3 + 0.02 * np.sin(61 * angles)
    large = shapely.Polygon(np.column_stack((139.5 + wave * np.cos(angles), 35.8 + wave * np.sin(angles))))
    small = large.simplify(1e-6)
    assert shapely.get_num_coordinates(small) < shapely.get_num_coordinates(large) / 2
    shares = {c.code: c.share for c in japan.covered(large)}
    assert shares == pytest.approx({c.code: c.share for c in japan.covered(small)}, abs=1e-4)


def test_a_hole_is_not_covered(japan: BoundarySet) -> None:
    """What lies in the hole of a shape is not concerned."""
    chiyoda = japan.shape_of("131016")
    ring = shapely.difference(shapely.box(139.4, 35.5, 140.0, 35.9), shapely.buffer(chiyoda, 0.002))
    codes = {covered.code for covered in japan.covered(ring)}
    assert "131016" not in codes
    assert "131024" in codes


def test_neighbours_are_not_covered_by_their_border(japan: BoundarySet) -> None:
    """A municipality covers itself whole and no neighbour, for every one of them."""
    for place in japan.municipalities:
        covered = japan.covered(shapely.normalize(japan.shape_of(place.code)))
        assert [(c.code, c.share) for c in covered] == [(place.code, 1.0)]


def test_all_municipalities_together_are_japan(japan: BoundarySet) -> None:
    """Their union is valid and has the area of the sum: nothing overlaps."""
    whole = japan.geometry_of(place.code for place in japan.municipalities)
    assert whole.is_valid
    summed_m2 = sum(japan.area_m2(place.code) for place in japan.municipalities)
    assert measure.area_km2(whole) * 1e6 == pytest.approx(summed_m2, rel=1e-9)


def test_outlines_are_small_and_complete(japan: BoundarySet) -> None:
    """Every place has a coarse outline near its shape; all prefectures together fit a small map."""
    for place in japan.municipalities:
        outline = japan.simplified(place.code)
        assert outline.is_valid
        assert outline.distance(japan.shape_of(place.code)) < 0.01
    total = sum(shapely.get_num_coordinates(japan.simplified(p.code)) for p in japan.prefectures)
    assert total < 6_000
    assert japan.simplified("261009").area == pytest.approx(japan.shape_of("261009").area, rel=0.1)


def test_points_agree_with_the_official_map(japan: BoundarySet) -> None:
    """At least 98.7 % of uniform random land points lie in the municipality that 国土数値情報 N03 gives."""
    folder = os.environ.get("LALERT_TEST_DATA")
    if not folder:
        pytest.skip("LALERT_TEST_DATA is not set: the official boundaries to compare with are not part of the product")
    geopandas = pytest.importorskip("geopandas")
    official = geopandas.read_parquet(Path(folder) / "boundaries" / "jp_admin_n03_wards_t0010.parquet")
    held = [_as_held(row.lgcode, row.city_code, row.pref_code, japan) for row in official.itertuples()]
    shapes = official.geometry.to_numpy()
    tree = shapely.STRtree(shapes)
    sure = np.random.default_rng(20240101)
    weight = np.cos(np.radians(shapely.get_y(shapely.centroid(shapes)))) * shapely.area(shapes)
    agreed = total = 0
    for row in sure.choice(len(shapes), size=4_000, p=weight / weight.sum()):
        lon, lat = _point_in(shapes[row], sure)
        assert row in tree.query(shapely.Point(lon, lat), predicate="intersects")
        agreed += japan.at(lon=lon, lat=lat) == held[row]
        total += 1
    assert agreed / total >= 0.987


def _as_held(code: str, city: str | None, prefecture: str, japan: BoundarySet) -> str:
    """The official code as the embedded set holds it: wards of most cities and the northern villages are one."""
    if code in japan:
        return code
    if isinstance(city, str):
        return next(m.code for m in japan.municipalities if m.code[:5] == city)
    assert prefecture == "01"
    return NORTHERN


def _point_in(shape: shapely.Geometry, sure: np.random.Generator) -> tuple[float, float]:
    west, south, east, north = shape.bounds
    while True:
        lon, lat = sure.uniform(west, east), sure.uniform(south, north)
        if shapely.contains_xy(shape, lon, lat):
            return lon, lat


def test_shapes_stay_as_they_are_shared(japan: BoundarySet) -> None:
    """Threads share shapes: nothing that is asked prepares them, because GEOS would do that without a lock."""
    shape = measure.circle(lon=139.7, lat=35.7, radius_m=20_000)
    answers = japan.covered(shape)
    with ThreadPoolExecutor(4) as pool:
        assert all(answer == answers for answer in pool.map(lambda _: japan.covered(shape), range(40)))
    assert not shapely.is_prepared(shape)
    assert not any(shapely.is_prepared(japan.shape_of(place.code)) for place in japan.municipalities)
