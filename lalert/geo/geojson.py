"""Shapes as GeoJSON (RFC 7946): lon/lat, rings right-handed, decimals cut to what the data can say."""

from __future__ import annotations

import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

_FIRST_DEG, _LAST_DEG = 0.0005, 1.0  # about 50 m, 100 km


def geometry_to_geojson(geometry: BaseGeometry, *, decimals: int = 5) -> dict[str, object]:
    """Return the GeoJSON geometry object of `geometry`; five decimals are about a metre.

    Outer rings run counterclockwise (RFC 7946 §3.1.6). The result holds lists and numbers only.
    """
    oriented = shapely.orient_polygons(geometry)
    rounded = shapely.transform(oriented, lambda degrees: degrees.round(decimals))
    shape = mapping(rounded)
    return {"type": shape["type"], "coordinates": _listed(shape["coordinates"])}


def sketched(geometry: BaseGeometry, *, most_vertices: int) -> BaseGeometry:
    """Return `geometry` with at most so many vertices, for people to look at; what is small stays exact."""
    tolerance_deg, drawn = _FIRST_DEG, geometry
    while shapely.get_num_coordinates(drawn) > most_vertices and tolerance_deg <= _LAST_DEG:
        drawn = shapely.make_valid(shapely.simplify(geometry, tolerance_deg), method="structure", keep_collapsed=False)
        tolerance_deg *= 2
    return drawn if shapely.get_num_coordinates(drawn) <= most_vertices else shapely.convex_hull(geometry)


def _listed(value: object) -> object:
    return [_listed(item) for item in value] if isinstance(value, tuple) else value
