"""Shapes as GeoJSON (RFC 7946): lon/lat, rings right-handed, decimals cut to what the data can say."""

from __future__ import annotations

import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry


def geometry_to_geojson(geometry: BaseGeometry, *, decimals: int = 5) -> dict[str, object]:
    """Return the GeoJSON geometry object of `geometry`; five decimals are about a metre.

    Outer rings run counterclockwise (RFC 7946 §3.1.6). The result holds lists and numbers only.
    """
    oriented = shapely.orient_polygons(geometry)
    rounded = shapely.transform(oriented, lambda degrees: degrees.round(decimals))
    shape = mapping(rounded)
    return {"type": shape["type"], "coordinates": _listed(shape["coordinates"])}


def _listed(value: object) -> object:
    return [_listed(item) for item in value] if isinstance(value, tuple) else value
