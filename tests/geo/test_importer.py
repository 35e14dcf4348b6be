import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import shapely

from lalert.errors import Rejected
from lalert.geo import cleaning, importer, jma, packed

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("reversejp") is None,
    reason="the extra 'boundaries' is not installed: nothing to build from",
)


@pytest.fixture
def fresh() -> Iterator[None]:
    """The archives are read anew, before and after."""
    jma._archives.cache_clear()
    yield
    jma._archives.cache_clear()


@needs_extra
def test_the_embedded_set_is_what_the_tool_builds() -> None:
    """Anybody can rebuild the committed set from public packages; every step is reported."""
    steps: list[str] = []
    data, source = importer.build(steps.append)
    built, embedded = packed.decode(data), packed.read()[0]
    assert tuple(steps) == importer.STEPS
    assert built.names == embedded.names
    assert source.counts == packed.read()[1].counts
    assert np.all(shapely.equals_exact(built.municipalities, embedded.municipalities, tolerance=1e-5))


@needs_extra
def test_other_data_are_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another number of areas is another edition: it must be looked at before anybody is warned by it."""
    areas = jma.features()
    monkeypatch.setattr(jma, "features", lambda: areas[:-1])
    with pytest.raises(Rejected) as refused:
        importer.build(lambda _: None)
    assert refused.value.code == "boundaries.unfit"
    assert "1854" in refused.value.message.ja


@needs_extra
def test_a_set_that_fails_its_survey_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The right number of areas with one town missing among them."""
    areas = jma.features()
    monkeypatch.setattr(jma, "features", lambda: [*areas[1:], areas[-1]])
    with pytest.raises(Rejected) as refused:
        importer.build(lambda _: None)
    assert "municipalities" in refused.value.message.en


@needs_extra
def test_jma_areas_are_read_from_the_installed_package() -> None:
    """1,855 areas, 143 regions, 47 prefectures; abolished wards are left out of the readings."""
    assert len(jma.features()) == importer.FEATURES
    assert len({region.code for region in jma.regions()}) == 143
    assert len(jma.prefectures()) == 47
    readings = jma.readings()
    assert readings["011011"] == jma.Reading("札幌市中央区", "さっぽろしちゅうおうく")
    assert "221317" not in readings


def test_an_absent_extra_is_told(monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    """Without the packages the command says what to install."""
    monkeypatch.setattr(jma, "find_spec", lambda _: None)
    with pytest.raises(Rejected) as refused:
        jma.features()
    assert refused.value.code == "boundaries.extra"
    assert "lalert[boundaries]" in refused.value.message.ja


def test_a_package_without_its_data_is_told(monkeypatch: pytest.MonkeyPatch, fresh: None, tmp_path: Path) -> None:
    """A package of another shape is as good as absent."""
    monkeypatch.setattr(jma, "_package", lambda _: tmp_path)
    with pytest.raises(Rejected) as refused:
        jma.features()
    assert refused.value.code == "boundaries.extra"


@pytest.mark.parametrize(
    ("five", "names", "english"),
    [
        ("01206", ["Kushiro, Kushiro City", "Akan, Kushiro City"], "Kushiro City"),
        ("22130", ["Southern Hamamatsu City", "Northern Hamamatsu City"], "Hamamatsu City"),
        ("42202", ["Sasebo City (Excluding Uku Area)", "Sasebo City (Uku Area)"], "Sasebo City"),
        ("26111", ["Kyoto City"], "Kyoto City Nishikyo Ward"),
        ("34101", ["Hiroshima City Naka Ward"], "Hiroshima City Naka Ward"),
    ],
)
def test_english_names_are_those_of_the_municipality(five: str, names: list[str], english: str) -> None:
    """JMA's parts of a city have names of their own; the city's is what they share."""
    assert jma.english(five, names) == english


def test_where_areas_overlap_the_smaller_gets_the_ground() -> None:
    """A village drawn on top of the city around it keeps its ground; slivers between neighbours are closed."""
    city, village = shapely.box(0, 0, 1, 1), shapely.box(0.4, 0.4, 0.6, 0.6)
    neighbour = shapely.Polygon([(1, 0), (2, 0), (2, 1), (1, 1), (1.0001, 0.5)])
    whole, hole, beside = cleaning.cleaned([city, village, neighbour])
    assert hole.area == pytest.approx(0.04)
    assert whole.area == pytest.approx(0.96, abs=2e-4)
    assert shapely.coverage_is_valid([whole, hole, beside])
    assert shapely.union(whole, beside).area == pytest.approx(1.96)
    assert len(shapely.union_all([whole, hole, beside]).interiors) == 0


def test_broken_areas_keep_their_ground() -> None:
    """A bow-tie becomes two valid triangles, not nothing."""
    (repaired,) = cleaning.cleaned([shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])])
    assert repaired.is_valid
    assert repaired.area == pytest.approx(0.5)


def test_coarse_shapes_keep_their_largest_island() -> None:
    """Islets go, but a village of islets does not vanish from the map."""
    islets = shapely.MultiPolygon([shapely.box(0, 0, 0.001, 0.001), shapely.box(1, 1, 1.002, 1.002)])
    land = shapely.MultiPolygon([shapely.box(3, 3, 4, 4), shapely.box(5, 5, 5.001, 5.001)])
    small, large = cleaning.coarse(np.array([islets, land], dtype=object), 1e-6, 1e-4)
    assert small.bounds == (1, 1, 1.002, 1.002)
    assert len(large.geoms) == 1
