import json

import shapely
from shapely.geometry import shape

from lalert.geo.boundaries import BoundarySet
from lalert.geo.geojson import geometry_to_geojson, sketched


def test_outer_rings_run_counterclockwise() -> None:
    """RFC 7946 §3.1.6: outer rings counterclockwise, holes clockwise."""
    plate = shapely.Polygon([(0, 0), (0, 9), (9, 9), (9, 0)], [[(1, 1), (2, 1), (2, 2), (1, 2)]])
    outer, hole = geometry_to_geojson(plate)["coordinates"]
    assert shapely.LinearRing(outer).is_ccw
    assert not shapely.LinearRing(hole).is_ccw


def test_a_municipality_survives_the_way_through_json(japan: BoundarySet) -> None:
    """Only lists and numbers come out, five decimals are about a metre."""
    island = japan.shape_of("133612")
    back = shape(json.loads(json.dumps(geometry_to_geojson(island))))
    assert back.symmetric_difference(island).area < 1e-4 * island.area
    assert all(number == round(number, 5) for pair in shapely.get_coordinates(back) for number in pair)


def test_a_sketch_has_a_bounded_number_of_vertices() -> None:
    """Small shapes stay exact; large ones get coarser until they fit, thousands of islands become their hull."""
    circle = shapely.Point(139, 35).buffer(0.5, quad_segs=2_000)
    assert sketched(circle, most_vertices=10_000).equals(circle)
    coarse = sketched(circle, most_vertices=100)
    assert shapely.get_num_coordinates(coarse) <= 100
    assert coarse.symmetric_difference(circle).area < 0.02 * circle.area
    islands = shapely.MultiPolygon(
        [shapely.box(x, y, x + 0.4, y + 0.4) for x in range(100, 150) for y in range(-20, 20)]
    )
    hull = sketched(islands, most_vertices=100)
    assert shapely.get_num_coordinates(hull) <= 100
    assert hull.is_valid
