"""The land as GeoJSON, for a map that moves: coarse outlines of prefectures or municipalities, and where names go."""

from __future__ import annotations

import shapely

from lalert.geo.boundaries import BoundarySet
from lalert.geo.geojson import geometry_to_geojson
from lalert.geo.place import Municipality, Prefecture
from lalert.render.entry import Json, dump

_DECIMALS = 3  # about 100 m: the outlines are no finer


def prefectures(boundaries: BoundarySet) -> bytes:
    """Return the 47 prefectures; about 100 KB."""
    return _collection(boundaries, boundaries.prefectures)


def municipalities(boundaries: BoundarySet) -> bytes:
    """Return all municipalities; about 1.5 MB, a third of it compressed."""
    return _collection(boundaries, boundaries.municipalities)


def _collection(boundaries: BoundarySet, places: tuple[Municipality, ...] | tuple[Prefecture, ...]) -> bytes:
    return dump({"type": "FeatureCollection", "features": [_feature(boundaries, place) for place in places]})


def _feature(boundaries: BoundarySet, place: Municipality | Prefecture) -> Json:
    """Return one place; `lon` and `lat` lie in its largest part."""
    shape = boundaries.simplified(place.code)
    spot = shapely.point_on_surface(max(shapely.get_parts(shape), key=shapely.area))
    named: Json = {"code": place.code, "name": place.name, "en": place.en or place.name}
    return {
        "type": "Feature",
        "geometry": geometry_to_geojson(shape, decimals=_DECIMALS),
        "properties": named | {"lon": round(spot.x, _DECIMALS), "lat": round(spot.y, _DECIMALS)},
    }
