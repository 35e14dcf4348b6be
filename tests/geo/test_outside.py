import shapely

from lalert.geo import measure
from lalert.geo.area import Area, Covered
from lalert.geo.boundaries import BoundarySet
from lalert.geo.outside import outside

CHIYODA = frozenset({"131016"})


def area_of(geometry: shapely.Geometry, japan: BoundarySet) -> Area:
    """The area of a shape."""
    return Area(geometry=geometry, municipalities=japan.covered(geometry), area_km2=1.0, boundaries=japan.version)


def test_the_whole_country_is_never_left(japan: BoundarySet) -> None:
    """A key for the whole country may alert everywhere."""
    assert outside(area_of(japan.shape_of("13"), japan), None, japan, slack_m=0) is None


def test_inside_is_inside(japan: BoundarySet) -> None:
    """One's own municipality, or a part of it, is allowed."""
    assert outside(area_of(japan.shape_of("131016"), japan), CHIYODA, japan, slack_m=0) is None


def test_what_lies_outside_is_named_and_drawn(japan: BoundarySet) -> None:
    """Codes and shape of the ground that is not allowed, and nothing of what is."""
    area = area_of(japan.geometry_of(["131016", "131024", "131032"]), japan)
    found = outside(area, CHIYODA, japan, slack_m=200)
    assert found is not None
    assert found.codes == ("131024", "131032")
    assert [covered.name for covered in found.municipalities] == ["中央区", "港区"]
    assert found.geometry.intersection(japan.shape_of("131016")).area < 1e-12


def test_borders_get_slack(japan: BoundarySet) -> None:
    """A hundred metres over the border are forgiven with 200 m of slack, and found with 50."""
    wide = area_of(measure.widened(japan.shape_of("131016"), 100), japan)
    assert len(wide.codes) > 1
    assert outside(wide, CHIYODA, japan, slack_m=200) is None
    strict = outside(wide, CHIYODA, japan, slack_m=50)
    assert strict is not None
    assert set(strict.codes) <= wide.codes - CHIYODA


def test_half_a_municipality_is_never_forgiven(japan: BoundarySet) -> None:
    """However large the slack: a small neighbour named whole is outside."""
    area = area_of(japan.shape_of("112232"), japan)  # 蕨市, the smallest city
    found = outside(area, frozenset({"112038", "112241", "111074"}), japan, slack_m=50_000)
    assert found is not None
    assert found.codes == ("112232",)


def test_ground_far_from_what_is_allowed_is_outside(japan: BoundarySet) -> None:
    """A piece of a distant municipality has no allowed land near it."""
    found = outside(area_of(measure.circle(lon=135.5, lat=34.69, radius_m=500), japan), CHIYODA, japan, slack_m=200)
    assert found is not None
    assert found.codes == ("271004",)


def test_an_area_off_the_coast_is_judged_by_its_municipality(japan: BoundarySet) -> None:
    """On no land at all, what counts is the municipality that it was counted to."""
    sea = measure.circle(lon=139.0, lat=34.0, radius_m=50)
    area = Area(geometry=sea, municipalities=(Covered("133612", "大島町", 0.1),), area_km2=0.1, boundaries="x")
    assert outside(area, frozenset({"133612"}), japan, slack_m=0) is None
    found = outside(area, CHIYODA, japan, slack_m=0)
    assert found is not None
    assert found.codes == ("133612",)


def test_a_touch_without_ground_is_not_outside(japan: BoundarySet) -> None:
    """A municipality listed only because of rounding, with all its ground allowed, is not held against anybody."""
    listed = (*japan.covered(japan.shape_of("131016")), Covered("131024", "中央区", 1e-9))
    area = Area(geometry=japan.shape_of("131016"), municipalities=listed, area_km2=11.3, boundaries=japan.version)
    assert outside(area, CHIYODA, japan, slack_m=0) is None
