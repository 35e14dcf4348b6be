"""From the areas that an authority draws to a packed set: clean, dissolve, name, draw coarse outlines, check it all.

The result must be a coverage: no overlap, shared borders identical. Otherwise a point could lie in two
municipalities, or a coarse map show gaps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import shapely

from lalert.errors import Text
from lalert.geo import jma, naming, packed
from lalert.geo.cleaning import cleaned, dissolved, for_maps
from lalert.geo.measure import Geometries
from lalert.geo.packed import Packed
from lalert.geo.place import Gazetteer
from lalert.geo.source import Source
from lalert.geo.survey import survey, unfit

STEPS = ("read", "clean", "dissolve", "name", "pack")
FEATURES = 1_855
MUNICIPALITIES = 1_741

Report = Callable[[str], None]


def build(report: Report) -> tuple[bytes, Source]:
    """Return the embedded set, made from reversejp and japancode: the data file and its source.

    `report` hears each of STEPS as it begins. Raises Rejected `boundaries.unfit` when the result fails its survey.
    """
    report("read")
    features = jma.features()
    if len(features) != FEATURES:
        raise unfit([_counted("features", len(features), FEATURES)])
    report("clean")
    areas = cleaned([feature.geometry for feature in features])
    report("dissolve")
    whole = dissolved(areas, [naming.five_digits(feature.code) for feature in features])
    report("name")
    names = naming.gazetteer(features, areas)
    report("pack")
    split = {piece.code for piece in names.pieces}
    return _finished(names, whole, areas[[feature.code in split for feature in features]])


def _finished(names: Gazetteer, shapes: Geometries, pieces: Geometries) -> tuple[bytes, Source]:
    outlines, prefectures = for_maps(shapes, [place.prefecture for place in names.municipalities])
    content = Packed(names=names, municipalities=shapes, pieces=pieces, outlines=outlines, prefectures=prefectures)
    data = packed.encode(content)
    result = survey(packed.decode(data))
    if result.problems or result.counts["municipalities"] != MUNICIPALITIES:
        raise unfit([*result.problems, _counted("municipalities", result.counts["municipalities"], MUNICIPALITIES)])
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


def _counted(what: str, found: int, expected: int) -> Text:
    return Text(f"{what} が {found}({expected} のはず)", f"{found} {what}, {expected} expected")
