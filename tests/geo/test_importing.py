"""Whole imports: a country redrawn, and with LALERT_TEST_DATA the ministry's and the JMA's files with their dirt."""

import dataclasses
import json
import os
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from lalert.errors import Rejected
from lalert.geo import comparison, importing, packed
from lalert.geo.boundaries import BoundarySet
from lalert.geo.importing import Imported, imported
from lalert.geo.kinship import NORTHERN_VILLAGES, kin
from lalert.geo.legend import Fields
from lalert.geo.packed import Packed
from lalert.geo.resolve import resolve
from tests.geo.conftest import rows_of
from tests.geo.test_groups import Block, Pair


def loaded(made: Imported) -> BoundarySet:
    """The set as a hub loads it."""
    return BoundarySet(packed.decode(made.data), made.source)


def test_the_same_country_differs_in_nothing(wardless: Imported) -> None:
    """Municipalities, area, neighbours and points agree; what the set says of itself is told."""
    assert wardless.checked(()) is wardless
    assert not any(one.is_large for one in wardless.differences)
    assert {one.code for one in wardless.differences} == set(comparison.CODES)
    assert wardless.differences[0].what.en == "municipalities: 1,741 → 1,741"
    assert wardless.survey.counts["municipalities"] == 1_741
    assert wardless.source.counts == wardless.survey.counts
    assert wardless.source.credit == "国土数値情報(国土交通省)・気象庁のデータを加工して作成"
    report = json.loads(json.dumps(wardless.to_dict()))
    assert report["version"] == "wardless"
    assert [one["code"] for one in report["differences"]] == list(comparison.CODES)


def test_what_no_file_speaks_of_is_carried_over(wardless: Imported, japan: BoundarySet) -> None:
    """Readings by code, the JMA's pieces and regions; Kyoto is one place now, and its wards are lacking."""
    held = loaded(wardless)
    kyoto = held.municipality("261009")
    assert (kyoto.kana, kyoto.en, kyoto.wards) == ("きょうとし", "Kyoto City", ())
    assert held.expand("261009") == ("261009",)
    assert held.heirs("261017") == ("261009",)
    with pytest.raises(Rejected) as refused:
        held.expand("261017")
    assert refused.value.code == "area.ward_unavailable"
    assert held.jma_area("JMA:class20", "2213001").parts[0].equals(japan.jma_area("JMA:class20", "2213001").parts[0])
    assert held.jma_area("JMA:class20", "2610000").codes == ("261009",)
    south = held.jma_area("JMA:class10", "260010")
    assert set(south.codes) == {
        heir for code in japan.jma_area("JMA:class10", "260010").codes for heir in held.heirs(code)
    }


def test_residents_and_readers_of_the_old_codes_are_found(wardless: Imported, japan: BoundarySet) -> None:
    """Whoever subscribed for 京都市北区 hears an alert that was resolved for 京都市 as a whole, and the reverse."""
    area = resolve([Block((Pair("JISX0402", "261009"),))], loaded(wardless)).area
    assert area.boundaries == "wardless"
    assert "261017" in kin(area.codes)
    assert "261009" in kin(resolve([Block((Pair("JISX0402", "261017"),))], japan).area.codes)


def test_half_a_country_is_refused(country: Packed, tmp_path: Path) -> None:
    """The files of one prefecture are no set: whoever lives elsewhere would be told of nothing."""
    columns, shapes = rows_of(country)
    frame = geopandas.GeoDataFrame(columns, geometry=shapes, crs=4326)
    frame[frame.N03_001 == "東京都"].to_file(tmp_path / "13.geojson")
    made = imported([tmp_path / "13.geojson"], Fields(), packed.read(), version="x", step=lambda _: None)
    with pytest.raises(Rejected) as refused:
        made.checked(comparison.CODES)
    assert refused.value.code == "boundaries.unfit"
    assert "全国のファイルをそろえてください" in refused.value.message.ja


def test_every_bad_file_is_told_at_once(tmp_path: Path) -> None:
    """Two files, two findings; and there may not be too many."""
    for name in ("a.json", "b.csv"):
        (tmp_path / name).write_text("x")
    with pytest.raises(Rejected) as refused:
        imported(sorted(tmp_path.iterdir()), Fields(), packed.read(), version="x", step=lambda _: None)
    assert [finding.path for finding in refused.value.findings] == ["a.json", "b.csv"]
    with pytest.raises(Rejected) as refused:
        imported([tmp_path / "a.json"] * 201, Fields(), packed.read(), version="x", step=lambda _: None)
    assert "200" in refused.value.message.ja


def test_layers_without_municipalities_are_no_set(tmp_path: Path) -> None:
    """N03's layer of prefectures alone renews nothing."""
    frame = geopandas.GeoDataFrame(
        {"N03_001": ["東京都"], "N03_007": ["13000"]}, geometry=[shapely.box(139, 35, 140, 36)]
    )
    frame.set_crs(4326).to_file(tmp_path / "prefecture.geojson")
    with pytest.raises(Rejected) as refused:
        imported([tmp_path / "prefecture.geojson"], Fields(), packed.read(), version="x", step=lambda _: None)
    assert "都道府県" in refused.value.message.ja


def test_another_country_can_be_looked_at_but_not_used(tmp_path: Path) -> None:
    """Its own codes and names, cleaned and packed; Japan's hub cannot warn by it."""
    frame = geopandas.GeoDataFrame(
        {"AGS": ["DE-11", "DE-12"], "GEN": ["Berlin", "Brandenburg"]},
        geometry=[shapely.box(13, 52, 14, 53), shapely.box(14, 52, 15, 53)],
        crs=4326,
    )
    frame.to_file(tmp_path / "de.geojson")
    fields = Fields(code="AGS", name="GEN")
    made = imported([tmp_path / "de.geojson"], fields, packed.read(), version="de", step=lambda _: None).checked(())
    held = loaded(made)
    assert held.at(lon=13.5, lat=52.5) == "DE-11"
    assert [place.name for place in held.search("brandenburg")] == ["Brandenburg"]
    assert made.source.counts["municipalities"] == 2
    assert (made.differences, made.notices) == ((), ())


def test_large_differences_are_taken_by_name_only(country: Packed) -> None:
    """Each needs the operator's word of its own."""
    large = tuple(
        comparison.Difference(code, importing._SKIPPED, code in ("area", "vanished"), ("x",))
        for code in comparison.CODES
    )
    base, source = packed.read()
    survey = importing.survey(base)
    made = Imported(data=b"", source=source, survey=survey, notices=(), differences=large)
    for accepted, told in (((), ["vanished", "area"]), (("area",), ["vanished"])):
        with pytest.raises(Rejected) as refused:
            made.checked(accepted)
        assert refused.value.code == "boundaries.differs"
        assert [finding.path for finding in refused.value.findings] == told
        assert f"--accept {told[0]}" in refused.value.findings[0].advice.ja
    assert made.checked(("area", "vanished")) is made


def test_what_differs_is_named(country: Packed) -> None:
    """A town that is gone, one that has swallowed its neighbour, a JMA area that is lost."""
    names, gone = country.names, next(n for n, p in enumerate(country.names.municipalities) if p.code == "131016")
    kept = [n for n in range(len(names.municipalities)) if n != gone]
    shapes = country.municipalities.copy()
    shapes[gone + 1] = shapely.union_all(shapes[gone : gone + 2])
    fewer = dataclasses.replace(
        names,
        municipalities=tuple(names.municipalities[n] for n in kept),
        regions=names.regions[1:],
        pieces=names.pieces[1:],
    )
    spoilt = dataclasses.replace(country, names=fewer, municipalities=shapes[kept], outlines=country.outlines[kept])
    found = {one.code: one for one in comparison.compared(spoilt, country)}
    assert found["vanished"].examples == ("131016 千代田区",)
    assert found["places"].examples[0].startswith("131024 中央区")
    assert len(found["regions"].examples) == 2
    assert [code for code, one in found.items() if one.is_large] == ["vanished", "regions"]


# --- the real files ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def official() -> Imported:
    """N03 of 2025 (simplified to a twentieth, with its dirt) and the JMA's areas (to a thousandth), in one import."""
    folder = os.environ.get("LALERT_TEST_DATA")
    if not folder:
        pytest.skip("LALERT_TEST_DATA is not set: official map files are not part of the product")
    data = Path(folder) / "boundaries"
    files = [*sorted((data / "n03-2025-5pct").glob("*.json")), *sorted((data / "jma").glob("*.geojson"))]
    return imported(files, Fields(), packed.read(), version="n03-2025", step=lambda _: None).checked(())


def test_the_ministrys_dirt_is_told(official: Imported) -> None:
    """仙台市 has a wrong code, five rows are nobody's ground, 25 shapes are broken, ten layers no municipalities."""
    told = {notice.code: notice for notice in official.notices if notice.code != "dropped.region"}
    assert told["repaired.code"].examples == ("004100 宮城県仙台市 → 041009",)
    assert {code: notice.count for code, notice in told.items() if code != "repaired.border"} == {
        "skipped.layer": 10,
        "repaired.code": 1,
        "dropped.unassigned": 5,
        "repaired.shape": 25,
    }


def test_the_ministrys_country_is_whole(official: Imported, japan: BoundarySet) -> None:
    """1,741 municipalities, 47 prefectures, valid, no overlap, the official area; the northern villages one by one."""
    assert official.survey.problems == ()
    assert (official.survey.counts["municipalities"], official.survey.counts["prefectures"]) == (1_741, 47)
    assert official.survey.area_km2 == pytest.approx(377_975, rel=0.002)
    held = loaded(official)
    assert held.expand("016950") == NORTHERN_VILLAGES
    assert all(place.name and place.kana and place.en for place in held.municipalities)
    assert {m.code for m in held.municipalities if m.city is None} == {
        *(m.code for m in japan.municipalities if m.city is None and m.code != "016950"),
        *(city.code for city in japan.cities),
    }


def test_points_agree_after_the_import(official: Imported) -> None:
    """At least 99.5 % of uniform random land points lie in the municipality that the full-resolution N03 gives."""
    reference = geopandas.read_parquet(
        Path(os.environ["LALERT_TEST_DATA"]) / "boundaries" / "jp_admin_n03_wards_t0010.parquet"
    )
    sure = np.random.default_rng(20250101)
    sines = sure.uniform(np.sin(np.radians(24)), np.sin(np.radians(45.7)), 200_000)
    points = shapely.points(sure.uniform(122.9, 148.9, len(sines)), np.degrees(np.arcsin(sines)))
    at, town = shapely.STRtree(reference.geometry.to_numpy()).query(points, predicate="intersects")
    held, agreed = loaded(official), 0
    for point, row in zip(points[at], reference.iloc[town].itertuples(), strict=True):
        wanted = row.city_code if isinstance(row.city_code, str) else row.code
        agreed += (held.at(lon=point.x, lat=point.y) or "")[:5] == wanted
    assert len(at) > 10_000
    assert agreed / len(at) >= 0.995


def test_regions_are_those_of_the_jma(official: Imported, japan: BoundarySet) -> None:
    """Drawn to a thousandth, 一次細分 still hold exactly the areas that the JMA's tree gives them."""
    held = loaded(official)
    for region in packed.read()[0].names.regions:
        if region.scheme == "JMA:class10" and region.code.isdigit():
            before, now = japan.jma_area("JMA:class10", region.code), held.jma_area("JMA:class10", region.code)
            wanted = {heir for code in before.codes for heir in held.heirs(code)} - set(NORTHERN_VILLAGES)
            assert set(now.codes) - set(NORTHERN_VILLAGES) == wanted, region.name
    assert held.name_of(held.jma_area("JMA:eew", "9133").codes[0]) == "小笠原村"


def test_coasts_are_the_towns_on_them(official: Imported) -> None:
    """相模湾・三浦半島 has its thirteen towns, and no other; every coast that is drawn has some."""
    held = loaded(official)
    sagami = resolve([Block((Pair("JMA:tsunami", "330"),))], held).area
    names = "横須賀市 平塚市 鎌倉市 藤沢市 小田原市 茅ヶ崎市 逗子市 三浦市 葉山町 大磯町 二宮町 真鶴町 湯河原町"
    assert {covered.name for covered in sagami.municipalities} == set(names.split())
    coasts = [region for region in packed.decode(official.data).names.regions if region.scheme == "JMA:tsunami"]
    assert len(coasts) == 66
