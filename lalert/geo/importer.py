"""From the areas that an authority draws to a packed set: clean, dissolve, name, draw coarse outlines, check it all.

The result must be a coverage: no overlap, shared borders identical. Otherwise a point could lie in two
municipalities, or a coarse map show gaps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import cast

import geopandas
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from lalert.errors import Rejected, Text
from lalert.geo import jma, naming, packed
from lalert.geo.measure import Geometries
from lalert.geo.packed import Packed
from lalert.geo.place import Gazetteer
from lalert.geo.source import Source
from lalert.geo.survey import survey

WGS84 = 4326
STEPS = ("read", "clean", "dissolve", "name", "pack")
FEATURES = 1_855

_GAP_DEG = 0.0003  # slivers of nobody between two municipalities: up to 30 m wide
_OUTLINE_DEG = 0.006
_ISLET_DEG2 = 1.5e-5  # about 0.15 km2
_PREFECTURE_DEG = 0.02
_PREFECTURE_ISLET_DEG2 = 1e-3

Report = Callable[[str], None]


def build(report: Report) -> tuple[bytes, Source]:
    """Return the embedded set, made from reversejp and japancode: the data file and its source.

    `report` hears each of STEPS as it begins. Raises Rejected `boundaries.unfit` when the result fails its survey.
    """
    report("read")
    features = jma.features()
    if len(features) != FEATURES:
        raise _unfit([f"{len(features)} features, {FEATURES} expected"])
    report("clean")
    areas = cleaned([feature.geometry for feature in features])
    report("dissolve")
    whole = dissolved(areas, [naming.five_digits(feature.code) for feature in features])
    report("name")
    names = naming.gazetteer(features, areas)
    report("pack")
    split = {piece.code for piece in names.pieces}
    return _finished(names, whole, areas[[feature.code in split for feature in features]])


def cleaned(shapes: Iterable[BaseGeometry]) -> Geometries:
    """Return valid shapes that neither overlap nor leave slivers between them.

    Where two overlap the smaller one gets the ground: JMA draws 刈羽村 on top of 柏崎市, which encloses it. The
    method "structure" keeps cities whole that the default would turn into nested collections.
    """
    array = np.array(list(shapes), dtype=object)
    valid = shapely.make_valid(array, method="structure", keep_collapsed=False)
    return np.asarray(shapely.coverage_clean(valid, gap_width=_GAP_DEG, merge_strategy="min_area"), dtype=object)


def dissolved(shapes: Geometries, keys: list[str]) -> Geometries:
    """Return one shape for each distinct key, in the order of keys."""
    frame = geopandas.GeoDataFrame({"key": keys}, geometry=shapes, crs=WGS84)
    return np.asarray(frame.dissolve(by="key", method="coverage", sort=True).geometry)


def coarse(shapes: Geometries, tolerance_deg: float, islet_deg2: float) -> Geometries:
    """Return coarse shapes whose shared borders still fit, without islets; the largest island of each stays."""
    simple = shapely.coverage_simplify(shapes, tolerance_deg)
    return np.array([_without_islets(shape, islet_deg2) for shape in simple], dtype=object)


def _finished(names: Gazetteer, shapes: Geometries, pieces: Geometries) -> tuple[bytes, Source]:
    prefectures = dissolved(shapes, [place.prefecture for place in names.municipalities])
    content = Packed(
        names=names,
        municipalities=shapes,
        pieces=pieces,
        outlines=coarse(shapes, _OUTLINE_DEG, _ISLET_DEG2),
        prefectures=coarse(prefectures, _PREFECTURE_DEG, _PREFECTURE_ISLET_DEG2),
    )
    data = packed.encode(content)
    result = survey(packed.decode(data))
    if result.problems:
        raise _unfit(result.problems)
    return data, _source(result.counts, data)


def _source(counts: dict[str, int], data: bytes) -> Source:
    return Source(
        version=jma.VERSION,
        source=jma.SOURCE,
        licence=jma.LICENCE,
        credit=jma.CREDIT,
        note="Northern Territories as one area (016950); wards only for Hiroshima and Kyoto",
        tools=f"lalert boundaries build; shapely {shapely.__version__}, GEOS {shapely.geos_version_string}",
        counts=counts,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _without_islets(shape: BaseGeometry, islet_deg2: float) -> BaseGeometry:
    parts = shapely.get_parts(shape)
    sizes = shapely.area(parts)
    kept = parts[(sizes >= islet_deg2) | (sizes == sizes.max())]
    return cast(BaseGeometry, shapely.MultiPolygon(list(kept)))


def _unfit(problems: Iterable[str]) -> Rejected:
    listed = "; ".join(problems)
    return Rejected(
        Text(f"境界データが検査に通りません: {listed}", f"The boundary data fail their survey: {listed}"),
        code="boundaries.unfit",
    )
