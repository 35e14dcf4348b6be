import numpy as np
import pytest
import shapely

from lalert.geo import coasts
from lalert.geo.packed import Packed
from lalert.geo.place import Region
from lalert.geo.regions import Units, carried, drawn_regions, member_code
from lalert.geo.schemes import CLASS10, TSUNAMI
from tests.geo.conftest import drawing_of


def units_of(*shapes: shapely.Geometry, prefecture: str = "13") -> Units:
    """Units with these shapes, in one prefecture."""
    array = np.empty(len(shapes), dtype=object)
    array[:] = shapes
    members = tuple(f"{prefecture}{n:03}00" for n in range(101, 101 + len(shapes)))
    return Units(members, tuple(f"町{n}" for n in range(len(shapes))), array)


ROW = units_of(*(shapely.box(139 + n / 10, 35, 139.1 + n / 10, 35.1) for n in range(4)))


def test_a_place_belongs_to_the_region_that_holds_most_of_it() -> None:
    """Borders of regions are drawn coarsely: what they cut off a neighbour does not count."""
    columns = {"code": ["130010", "130020"], "name": ["西", "東"]}
    drawing = drawing_of(columns, [shapely.box(138.9, 34.9, 139.23, 35.2), shapely.box(139.23, 34.9, 140, 35.2)])
    regions, notices = drawn_regions(drawing, ROW)
    assert {region.code: region.members for region in regions} == {
        "130010": ROW.members[:2],
        "130020": ROW.members[2:],
    }
    assert notices == ()


@pytest.fixture(autouse=True)
def _the_label_says_class10(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sheets of six digits are 一次細分 here."""
    monkeypatch.setattr("lalert.geo.legend._MARKS", {CLASS10: ("test",)})


def test_an_islet_belongs_to_the_nearest_region_of_its_prefecture() -> None:
    """No region is drawn around it; what is too far from all is told."""
    islet, rock = shapely.box(139.6, 35, 139.61, 35.01), shapely.box(145, 30, 145.01, 30.01)
    units = units_of(ROW.shapes[0], ROW.shapes[3], islet, rock)
    columns = {"code": ["130010", "130020"], "name": ["西", "東"]}
    drawing = drawing_of(columns, [ROW.shapes[0].buffer(0.01), ROW.shapes[3].buffer(0.01)])
    regions, notices = drawn_regions(drawing, units)
    assert {region.code: region.members for region in regions} == {
        "130010": (units.members[0],),
        "130020": units.members[1:3],
    }
    assert [(notice.code, notice.examples) for notice in notices] == [("missing.region", (f"{units.members[3]} 町3",))]


def test_regions_without_code_shape_or_members_are_told() -> None:
    """帰属未定 has the code 0, some features have no shape, one lies at sea."""
    columns = {"code": ["130010", "0", "130030", "130040"], "name": ["全部", "帰属未定", "空", "海"]}
    shapes = [shapely.box(138, 34, 141, 36), ROW.shapes[0], None, shapely.box(150, 20, 151, 21)]
    regions, notices = drawn_regions(drawing_of(columns, shapes), ROW)
    assert [region.code for region in regions] == ["130010"]
    assert {notice.code: notice.count for notice in notices} == {"dropped.region": 2, "dropped.empty": 1}


def test_a_coast_is_the_towns_that_touch_the_sea_there() -> None:
    """Two coasts north and south of two rows of towns: the towns behind the shore are in neither."""
    rows = [shapely.box(139 + x / 10, 35 + y / 10, 139.1 + x / 10, 35.1 + y / 10) for y in range(3) for x in range(3)]
    units = units_of(*rows)
    columns = {"code": ["100", "200"], "name": ["南", "北"]}
    south = shapely.LineString([(138.9, 34.98), (139.4, 34.98)])  # drawn a little off the shore
    north = shapely.LineString([(138.9, 35.33), (139.4, 35.33)])
    drawing = drawing_of(columns, [south, north])
    assert drawing.kind == TSUNAMI
    regions, notices = drawn_regions(drawing, units)
    found = {region.code: {units.members.index(member) for member in region.members} for region in regions}
    assert {0, 1, 2} <= found["100"]
    assert {6, 7, 8} <= found["200"]
    assert 4 not in found["100"] | found["200"]
    assert [notice.examples for notice in notices] == [
        ("1310400 町3", "1310600 町5")
    ]  # their shore faces west and east


def test_a_gap_between_prefectures_is_no_sea() -> None:
    """Files drawn apart leave gaps inside the land: what lies on them is not shore."""
    ring = shapely.box(139, 35, 140, 36).difference(shapely.box(139.4, 35.4, 139.6, 35.6))
    core = shapely.box(139.45, 35.45, 139.55, 35.55)  # an island in the gap
    shapes = np.array([ring, core], dtype=object)
    line = np.array([shapely.LineString([(139, 34.99), (140, 34.99)])], dtype=object)
    found, none = coasts.shores({"100": line}, shapes, ["13", "13"])
    assert found["100"][0] == 0
    assert none in ([], [1])


def test_an_islet_off_another_prefecture_stays_at_home() -> None:
    """Its town is on its own prefecture's coast, not on that of the prefecture that it lies off."""
    mainland, other = shapely.box(133, 34.5, 135, 35), shapely.box(133, 33, 135, 33.5)
    islet = shapely.box(134, 33.6, 134.02, 33.62)
    shapes = np.array([shapely.MultiPolygon([mainland, islet]), other], dtype=object)
    north = np.array([shapely.LineString([(133, 34.5), (135, 34.5)])], dtype=object)
    south = np.array([shapely.LineString([(133, 33.5), (135, 33.5)])], dtype=object)
    found, _ = coasts.shores({"560": north, "590": south}, shapes, ["33", "37"])
    assert found == {"560": [0], "590": [1]}


def test_shore_far_from_every_coast_is_told() -> None:
    """No line is near: the town is in no coast, and named."""
    shapes = np.array([shapely.box(139, 35, 139.1, 35.1), shapely.box(145, 44, 145.1, 44.1)], dtype=object)
    line = np.array([shapely.LineString([(139, 34.99), (139.1, 34.99)])], dtype=object)
    assert coasts.shores({"330": line}, shapes, ["14", "01"]) == ({"330": [0]}, [1])
    assert coasts.shores({}, shapes, ["14", "01"]) == ({}, [0, 1])


def test_regions_go_over_to_another_edition(country: Packed) -> None:
    """A city takes the place of its wards, wards that of their city, pieces stay; what has no heir is told."""
    places = {place.code: place for place in (*country.names.municipalities, *country.names.cities)}
    held = [places["261009"], places["131016"]]
    members = ("2610100", "2610200", "1310100", "2213001", "1310200")
    region = Region(scheme=CLASS10, code="260010", name="南部", members=members)
    (kept,), notices = carried([region], held, frozenset({"2213001"}))
    assert kept.members == (member_code(places["261009"]), "1310100", "2213001")
    assert [notice.examples for notice in notices] == [("260010 南部: 1310200",)]
    assert carried([region], [], frozenset())[0] == ()
