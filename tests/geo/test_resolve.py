import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from lalert.errors import Finding, Rejected, Severity
from lalert.geo import measure
from lalert.geo import resolve as module
from lalert.geo.area import Origin
from lalert.geo.boundaries import BoundarySet
from lalert.geo.resolve import resolve, union

Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Pair:
    """A geocode as `resolve` sees one."""

    name: str
    value: str


@dataclass(frozen=True)
class Disc:
    """A circle as `resolve` sees one."""

    lat: float
    lon: float
    radius_km: float


@dataclass(frozen=True)
class Block:
    """An `<area>` as `resolve` sees one."""

    polygons: Sequence[Ring] = ()
    circles: Sequence[Disc] = ()
    geocodes: Sequence[Pair] = ()
    area_desc: str = "ここ"


def jis(*codes: str) -> Block:
    """A block that names municipalities."""
    return Block(geocodes=tuple(Pair("JISX0402", code) for code in codes))


def named(name: str, value: str) -> Block:
    """A block of one geocode."""
    return Block(geocodes=(Pair(name, value),))


def ring_of(shape: shapely.Polygon) -> Ring:
    """The outline of a shape as CAP orders it."""
    return tuple((lat, lon) for lon, lat in shape.exterior.coords)


def box(west: float, south: float, east: float, north: float) -> Ring:
    """A closed ring around a box."""
    return ((south, west), (south, east), (north, east), (north, west), (south, west))


TOKYO = box(139.6, 35.6, 139.8, 35.8)
PACIFIC = box(160.0, 25.0, 161.0, 26.0)


def refused(blocks: Sequence[Block], japan: BoundarySet) -> list[Finding]:
    """The findings of a refusal, which must be whole: code, both languages, advice."""
    with pytest.raises(Rejected) as caught:
        resolve(blocks, japan, path="/alert/info[2]")
    assert caught.value.status == 422
    assert caught.value.code.startswith("area.")
    assert caught.value.code in {finding.code for finding in caught.value.findings}
    assert all(f.message.ja and f.message.en and f.advice.ja and f.advice.en for f in caught.value.findings)
    return list(caught.value.findings)


def codes_of(findings: Sequence[Finding]) -> list[str]:
    """The codes alone."""
    return [finding.code for finding in findings]


def test_a_municipality_by_code_is_whole(japan: BoundarySet) -> None:
    """One geocode gives that municipality's exact shape, wholly, and no neighbour."""
    area = resolve([jis("131016")], japan).area
    assert [(c.code, c.name, c.share) for c in area.municipalities] == [("131016", "千代田区", 1.0)]
    assert area.geometry.equals(japan.shape_of("131016"))
    assert area.area_km2 == pytest.approx(11.66, rel=0.05)
    assert area.boundaries == japan.version
    assert area.origins == (Origin("geocode", "JISX0402=131016"),)


@pytest.mark.parametrize(
    ("code", "count"), [("13", 62), ("130001", 62), ("261009", 11), ("１３１０１６", 1), ("016950", 1)]
)
def test_codes_of_several_give_all_inside(japan: BoundarySet, code: str, count: int) -> None:
    """A prefecture gives all inside, a city held as wards all its wards, each whole."""
    area = resolve([jis(code)], japan).area
    assert len(area.municipalities) == count
    assert all(covered.share == 1.0 for covered in area.municipalities)


def test_the_whole_country_resolves(japan: BoundarySet) -> None:
    """Every municipality at once, each whole."""
    area = resolve([jis(*(place.code for place in japan.municipalities))], japan).area
    assert len(area.codes) == 1759
    assert area.area_km2 == pytest.approx(378_174, rel=0.001)


def test_a_jma_area_is_exactly_that_part(japan: BoundarySet) -> None:
    """浜松市南部 covers a part of its city and touches no neighbour."""
    area = resolve([named("JMA:class20", "2213001")], japan).area
    assert [covered.code for covered in area.municipalities] == ["221309"]
    assert 0.3 < area.municipalities[0].share < 0.5
    both = resolve([named("JMA:class20", "2213001"), named("JMA:class20", "2213002")], japan).area
    assert [(c.code, c.share) for c in both.municipalities] == [("221309", 1.0)]


def test_a_jma_region_is_its_municipalities(japan: BoundarySet) -> None:
    """東京地方 has the 23 wards and Tama, and no island."""
    area = resolve([named("JMA:class10", "130010")], japan).area
    assert len(area.codes) == 53
    assert "133612" not in area.codes


def test_a_mesh_cell_is_its_box(japan: BoundarySet) -> None:
    """The kilometre of Tokyo station lies in Chiyoda and Chuo."""
    area = resolve([named("MESH", "53394611")], japan).area
    assert area.codes == {"131016", "131024"}
    assert area.area_km2 == pytest.approx(1.046, rel=0.01)


def test_a_polygon_covers_what_it_covers(japan: BoundarySet) -> None:
    """Shares are exact: whole wards inside, parts at the edge."""
    area = resolve([Block(polygons=(TOKYO,))], japan).area
    shares = {covered.code: covered.share for covered in area.municipalities}
    assert shares["131016"] == 1.0
    assert 0 < shares["112038"] < 1
    assert area.area_km2 == pytest.approx(401.7, rel=0.001)
    assert area.origins == (Origin("polygon", "ここ"),)


def test_a_circle_is_round_and_in_kilometres(japan: BoundarySet) -> None:
    """Ten kilometres around Tokyo station; radius 0 is a point with its stated small surroundings."""
    area = resolve([Block(circles=(Disc(35.68, 139.76, 10),))], japan).area
    assert area.area_km2 == pytest.approx(math.pi * 100, rel=0.001)
    point = resolve([Block(circles=(Disc(35.694, 139.7536, 0),))], japan).area
    assert point.codes == {"131016"}
    assert point.area_km2 == pytest.approx(math.pi * 0.05**2, rel=0.001)


def test_a_block_is_the_union_of_all_it_says(japan: BoundarySet) -> None:
    """Polygon, circle and geocode of one block add up; so do blocks."""
    one = [Block(polygons=(TOKYO,), circles=(Disc(34.69, 135.5, 3),), geocodes=(Pair("JISX0402", "011002"),))]
    several = [Block(polygons=(TOKYO,)), Block(circles=(Disc(34.69, 135.5, 3),)), jis("011002")]
    together, apart = resolve(one, japan).area, resolve(several, japan).area
    assert together.municipalities == apart.municipalities
    assert {"131016", "271004", "011002"} <= together.codes
    assert together.geometry.equals(apart.geometry)


def test_a_municipality_named_whole_stays_whole(japan: BoundarySet) -> None:
    """A polygon over a part of it takes nothing away."""
    area = resolve([Block(polygons=(TOKYO,), geocodes=(Pair("JISX0402", "112038"),))], japan).area
    assert {c.code: c.share for c in area.municipalities}["112038"] == 1.0


def test_a_hole_between_blocks_stays_open(japan: BoundarySet) -> None:
    """Four boxes around a town leave the town out."""
    x, y = 139.75, 35.69
    walls = [
        box(x - 0.3, y - 0.3, x + 0.3, y - 0.06),
        box(x - 0.3, y + 0.06, x + 0.3, y + 0.3),
        box(x - 0.3, y - 0.07, x - 0.06, y + 0.07),
        box(x + 0.06, y - 0.07, x + 0.3, y + 0.07),
    ]
    area = resolve([Block(polygons=tuple(walls))], japan).area
    assert not area.geometry.intersects(shapely.Point(x, y))
    assert "131016" not in area.codes


@pytest.mark.parametrize("blocks", [[], [Block()], [jis("131016"), Block()]])
def test_no_area_is_never_everywhere(japan: BoundarySet, blocks: list[Block]) -> None:
    """No block, or one that says nothing, refuses the message."""
    assert codes_of(refused(blocks, japan)) == ["area.missing"]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("JISX0402", "131017", "area.check_digit"),
        ("JISX0402", "千代田区", "area.code_format"),
        ("JISX0402", "139998", "area.code_unknown"),
        ("JISX0402", "011011", "area.ward_unavailable"),
        ("JISX0402", "221350", "area.code_abolished"),
        ("JMA:class20", "131016", "area.code_unknown"),
        ("JMA:class20", "1399999", "area.code_unknown"),
        ("JMA:class20", "1399900", "area.code_unknown"),
        ("JMA:class10", "139999", "area.code_unknown"),
        ("JMA:class10", "1310100", "area.code_unknown"),
        ("MESH", "9999", "area.mesh_format"),
        ("JMA:tsunami", "100", "area.geocode_unsupported"),
        ("SAME", "006109", "area.geocode_unsupported"),
    ],
)
def test_geocodes_that_name_no_place_are_refused(japan: BoundarySet, name: str, value: str, code: str) -> None:
    """Each with its own reason, and with where it stands."""
    findings = refused([named(name, value)], japan)
    assert codes_of(findings) == [code]
    assert str(findings[0].path).startswith("/alert/info[2]/area[1]")


def test_a_wrong_code_beside_a_right_one_is_refused(japan: BoundarySet) -> None:
    """Somebody meant a place by it: half an alert is not sent."""
    assert codes_of(refused([jis("131016", "131017")], japan)) == ["area.check_digit"]


def test_an_unsupported_geocode_beside_a_usable_one_is_a_warning(japan: BoundarySet) -> None:
    """The area comes from what can be resolved, and the sender is told."""
    resolution = resolve([Block(geocodes=(Pair("JMA:tsunami", "310"), Pair("JISX0402", "131016")))], japan)
    assert resolution.area.codes == {"131016"}
    assert [(f.code, f.severity, f.path) for f in resolution.findings] == [
        ("area.geocode_unused", Severity.WARNING, "/alert/info/area[1]/geocode[1]")
    ]


@pytest.mark.parametrize(
    ("ring", "code"),
    [
        ((), "area.ring_short"),
        (((35.0, 139.0), (35.1, 139.0), (35.0, 139.0), (35.1, 139.0)), "area.ring_short"),
        (TOKYO[:-1], "area.ring_open"),
        ((TOKYO[0], TOKYO[2], TOKYO[1], TOKYO[3], TOKYO[0]), "area.ring_crossing"),
        (((35.0, 139.0), (35.1, 139.1), (35.2, 139.2), (35.0, 139.0)), "area.ring_crossing"),
        (tuple((lon, lat) for lat, lon in TOKYO), "area.swapped"),
        ((*TOKYO[:2], (95.0, 139.7), *TOKYO[2:]), "area.coordinate"),
        ((*TOKYO[:2], (math.nan, 139.7), *TOKYO[2:]), "area.coordinate"),
        (((35.0, 179.0), (35.0, -179.0), (36.0, -179.0), (36.0, 179.0), (35.0, 179.0)), "area.antimeridian"),
        (PACIFIC, "area.outside_japan"),
    ],
)
def test_broken_rings_are_refused(japan: BoundarySet, ring: Ring, code: str) -> None:
    """Nothing is repaired: each kind of damage has its own finding at its own path."""
    findings = refused([Block(polygons=(TOKYO, ring))], japan)
    assert codes_of(findings) == [code]
    assert findings[0].path == "/alert/info[2]/area[1]/polygon[2]"


def test_a_ring_may_touch_itself(japan: BoundarySet) -> None:
    """Two triangles meeting in a point, drawn in one go, have one meaning only; points given twice, too."""
    touching = ((35.6, 139.6), (35.7, 139.7), (35.8, 139.6), (35.8, 139.8), (35.7, 139.7), (35.6, 139.8), (35.6, 139.6))
    area = resolve([Block(polygons=(touching,))], japan).area
    assert area.geometry.is_valid
    doubled = tuple(point for point in TOKYO for _ in (0, 1))
    assert resolve([Block(polygons=(doubled,))], japan).area.geometry.equals(
        resolve([Block(polygons=(TOKYO,))], japan).area.geometry
    )


@pytest.mark.parametrize(
    ("disc", "code"),
    [
        (Disc(35, 139, -1), "area.radius"),
        (Disc(35, 139, 5_000), "area.radius"),
        (Disc(35, 139, math.nan), "area.radius"),
        (Disc(139.7, 35.6, 5), "area.swapped"),
        (Disc(35, 200, 5), "area.coordinate"),
        (Disc(35, 179.9, 50), "area.antimeridian"),
        (Disc(89.9, 139, 1_000), "area.antimeridian"),
        (Disc(30, 160, 10), "area.outside_japan"),
    ],
)
def test_broken_circles_are_refused(japan: BoundarySet, disc: Disc, code: str) -> None:
    """Wrong unit, wrong order, no place on earth, far from Japan."""
    findings = refused([Block(circles=(disc,))], japan)
    assert (codes_of(findings), findings[0].path) == ([code], "/alert/info[2]/area[1]/circle[1]")


def test_everything_wrong_is_told_at_once(japan: BoundarySet) -> None:
    """One answer lists every fault of every block."""
    blocks = [
        Block(polygons=(TOKYO[:-1], PACIFIC), circles=(Disc(200, 35, -3),)),
        jis("131017", "011011"),
        Block(),
    ]
    assert sorted(codes_of(refused(blocks, japan))) == [
        "area.check_digit",
        "area.coordinate",
        "area.missing",
        "area.outside_japan",
        "area.radius",
        "area.ring_open",
        "area.ward_unavailable",
    ]


@pytest.mark.parametrize(
    "block",
    [
        Block(polygons=(TOKYO * 10_001,)),
        Block(circles=(Disc(35, 139, 1),) * (module.MAX_SHAPES + 1)),
        Block(geocodes=(Pair("JISX0402", "131016"),) * (module.MAX_GEOCODES + 1)),
    ],
)
def test_sizes_are_bounded(japan: BoundarySet, block: Block) -> None:
    """Too many vertices, shapes or geocodes are refused before anything is computed."""
    assert codes_of(refused([block], japan)) == ["area.too_large"]


def test_forty_thousand_vertices_are_taken(japan: BoundarySet) -> None:
    """Public feeds have sent rings of 41,009 vertices: they resolve exactly."""
    angles = [2 * math.pi * i / 40_000 for i in range(40_000)]
    ring = [(36 + 0.1 * math.sin(a), 138 + 0.12 * math.cos(a)) for a in angles]
    area = resolve([Block(polygons=((*ring, ring[0]),))], japan).area
    expected_km2 = math.pi * 0.1 * 0.12 * 110.96 * 90.2
    assert area.area_km2 == pytest.approx(expected_km2, rel=0.005)
    assert "202061" in area.codes  # 諏訪市


def test_a_border_that_is_drawn_a_little_off_lists_no_neighbour(japan: BoundarySet) -> None:
    """A city's outline moved by some fifty metres: the city alone, neighbours named in a warning, shape untouched."""
    shape = measure.widened(shapely.Polygon(japan.shape_of("092096").exterior), 50)
    assert isinstance(shape, shapely.Polygon)
    resolution = resolve([Block(polygons=(ring_of(shapely.Polygon(shape.exterior)),))], japan)
    assert resolution.area.codes == {"092096"}
    assert codes_of(resolution.findings) == ["area.sliver"]
    assert "筑西市" in resolution.findings[0].message.ja
    assert resolution.area.geometry.equals(shapely.Polygon(shape.exterior))


def test_a_small_alert_beside_a_border_is_no_sliver(japan: BoundarySet) -> None:
    """A circle of 200 m over the border of two cities lists both, however little of their land it is."""
    border = shapely.intersection(japan.shape_of("202061"), japan.shape_of("202142"))
    lon, lat = shapely.get_coordinates(border)[len(shapely.get_coordinates(border)) // 2]
    assert {"202061", "202142"} <= resolve([Block(circles=(Disc(lat, lon, 0.2),))], japan).area.codes


def test_a_strip_of_coast_is_no_sliver(japan: BoundarySet) -> None:
    """A tsunami polygon, nearly all of it sea, lists every municipality whose shore it touches."""
    sea = box(139.15, 34.9, 139.9, 35.29)
    area = resolve([Block(polygons=(sea,))], japan).area
    met = {covered.code for covered in japan.covered(shapely.Polygon([(lon, lat) for lat, lon in sea]))}
    tiny = {code for code in met if code not in area.codes}
    assert all(any(japan.shape_of(code).distance(japan.shape_of(c)) == 0 for c in area.codes) for code in tiny)
    assert {"142107", "122050", "142085"} <= area.codes | tiny


def test_a_pier_beyond_the_drawn_coast_counts_to_the_nearest(japan: BoundarySet) -> None:
    """New ground just off the coast is accepted for the nearest municipality, with a warning."""
    tip = max(shapely.get_coordinates(japan.shape_of("133612")).tolist())
    resolution = resolve([Block(circles=(Disc(tip[1], tip[0] + 0.006, 0),))], japan)
    assert resolution.area.codes == {"133612"}
    assert 0 < resolution.area.municipalities[0].share < 0.001
    assert codes_of(resolution.findings) == ["area.offshore"]


def test_a_code_beside_a_shape_that_widens_it_is_told(japan: BoundarySet) -> None:
    """The union holds, as CAP says; whoever drew a district and added its city is told what that makes of it."""
    district, city = box(139.74, 35.68, 139.75, 35.69), (Pair("JISX0402", "131016"),)
    widened = resolve([Block(polygons=(district,), geocodes=city)], japan)
    assert codes_of(widened.findings) == ["area.widened"]
    assert widened.area.municipalities[0].share == 1.0
    assert not resolve([Block(polygons=(district,))], japan).findings
    outline = tuple((lat, lon) for lon, lat in japan.simplified("131016").exterior.coords)
    assert "area.widened" not in codes_of(resolve([Block(polygons=(outline,), geocodes=city)], japan).findings)


def test_the_open_sea_is_refused(japan: BoundarySet) -> None:
    """In Japan's waters, but near no municipality: nobody would be told."""
    assert codes_of(refused([Block(circles=(Disc(34.5, 138.5, 3),))], japan)) == ["area.outside_japan"]


def test_the_sea_beside_land_is_kept(japan: BoundarySet) -> None:
    """A shape in Japan's waters beside a municipality named by code adds its ground and nobody else."""
    area = resolve([Block(circles=(Disc(34.5, 138.5, 3),), geocodes=(Pair("JISX0402", "222097"),))], japan).area
    assert area.codes == {"222097"}
    assert area.geometry.intersects(shapely.Point(138.5, 34.5))


def test_a_shape_that_is_hardly_land_is_told(japan: BoundarySet) -> None:
    """A digit may be wrong: it goes out with a warning."""
    resolution = resolve([Block(polygons=(box(139.3, 34.0, 142.3, 34.9),))], japan)
    assert "area.mostly_outside" in codes_of(resolution.findings)


@given(
    lon=st.floats(120, 150),
    lat=st.floats(22, 47),
    points=st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=0, max_size=12),
    closed=st.booleans(),
)
def test_any_ring_resolves_or_is_refused(
    japan: BoundarySet, lon: float, lat: float, points: list[tuple[float, float]], closed: bool
) -> None:
    """Whatever is drawn: an area with valid geometry and proper shares, or findings; never anything else."""
    ring = tuple((lat + y, lon + x) for x, y in points)
    try:
        resolution = resolve([Block(polygons=(ring + ring[:1] if closed else ring,))], japan)
    except Rejected as rejection:
        resolution, findings = None, rejection.findings
    if resolution is None:
        assert findings
        return
    area = resolution.area
    assert area.geometry.is_valid
    assert not area.geometry.is_empty
    assert area.municipalities
    assert all(0 < covered.share <= 1 for covered in area.municipalities)
    assert all(finding.severity is Severity.WARNING for finding in resolution.findings)


def test_union_counts_common_ground_once(japan: BoundarySet) -> None:
    """Zones that overlap give one area; shares are those of the union."""
    left = resolve([Block(polygons=(box(139.6, 35.6, 139.75, 35.8),))], japan).area
    right = resolve([Block(polygons=(box(139.7, 35.6, 139.8, 35.8),))], japan).area
    both = union([left, right], japan)
    whole = resolve([Block(polygons=(TOKYO,))], japan).area
    assert {c.code: c.share for c in both.municipalities} == pytest.approx(
        {c.code: c.share for c in whole.municipalities}, rel=1e-6
    )
    assert both.area_km2 == pytest.approx(whole.area_km2)
    assert both.origins == (Origin("polygon", "ここ"),)


def test_union_of_one_and_of_whole_municipalities(japan: BoundarySet) -> None:
    """One area is itself; whole municipalities stay whole."""
    chiyoda, chuo = resolve([jis("131016")], japan).area, resolve([jis("131024")], japan).area
    assert union([chiyoda], japan) is chiyoda
    both = union([chiyoda, chuo, chiyoda], japan)
    assert [(c.code, c.share) for c in both.municipalities] == [("131016", 1.0), ("131024", 1.0)]


def test_union_keeps_what_lies_off_the_coast(japan: BoundarySet) -> None:
    """The municipality that an area at sea was counted to is not lost."""
    tip = max(shapely.get_coordinates(japan.shape_of("133612")).tolist())
    pier = resolve([Block(circles=(Disc(tip[1], tip[0] + 0.006, 0),))], japan).area
    assert union([pier, resolve([jis("131016")], japan).area], japan).codes == {"131016", "133612"}
