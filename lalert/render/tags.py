"""What is written on a map: a badge for every cluster where something is in force, and names where there is room.

Neighbours of one look are one cluster, so a whole prefecture has one badge and its places keep their names; an island
or a speck has its own, and what is concerned but too small for its name has it beside it, over the sea. Nothing covers
anything else: badges are set first, the gravest before the rest, then names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from lalert.render.layers import Painted
from lalert.render.palette import OUTLINE, PAINTS, Look, badge, gravest_first
from lalert.render.plane import Plane, Rect
from lalert.render.sheet import columns
from lalert.render.xml import escaped

_APART = 24.0  # badges nearer than this would cover each other
_RADIUS = 13.0  # of a badge with its halo
_REACH = 24.0  # a small part as near as this to another is of its cluster
_FINE = 0.5  # corners smaller than this do not move a badge
_SIZES = (17.0, 13.0)  # of a name: the small one only where the large one has no room
_LATIN = 1.12  # how much wider than half an em a Latin letter is
_GAP = 2.0  # between a badge and a name
_SMALL = 1500.0  # square units: a smaller place may have its name beside it, and its badge nearby
_MAX_NAMES = 60
_NOTHING = 1e-6  # square units: less is left where two outlines are said to be one
_NOWHERE = shapely.Polygon()

_Room = tuple[float, BaseGeometry]
"""The size of a name, and the box that it takes."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """A badge at its place on the drawing."""

    look: Look
    x: float
    y: float

    @property
    def covers(self) -> BaseGeometry:
        return shapely.Point(self.x, self.y).buffer(_RADIUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the places of a map are called, by code, and the outlines of all that it shows.

    Those of `first` are written before others, and may stand beside their place over the sea; before them those of
    `lit`, where something is in force, over land where nothing is, too: they are what the map is about.
    """

    of: Mapping[str, str]
    shapes: Mapping[str, BaseGeometry]
    first: Collection[str] = ()
    lit: Collection[str] = ()


def tags(
    plane: Plane,
    painted: Painted,
    *,
    plate: Rect,
    home: BaseGeometry | None = None,
    names: Names | None = None,
) -> str:
    """Return names, and a badge for each cluster of what is `painted`.

    `plate` is better left free; what is in `home` has badges of its own.
    """
    kept = shapely.box(plate.x, plate.y, plate.x + plate.width, plate.y + plate.height)
    inside = plane.seen(home) if home is not None else _NOWHERE
    shown = _shown(plane, painted)
    marks = _marks(plane, shown, inside, kept)
    taken = [kept, *(mark.covers for mark in marks)]
    written = _names(plane, names, shown, taken) if names else ""
    return written + "".join(badge(mark.look, mark.x, mark.y) for mark in reversed(marks))


def _shown(plane: Plane, painted: Painted) -> dict[Look, BaseGeometry]:
    """Return what of each look is seen on the drawing: where two overlap, the graver one is."""
    shown: dict[Look, BaseGeometry] = {}
    for look in gravest_first(painted):
        seen = plane.seen(painted[look])
        for graver in shown.values():
            seen = seen.difference(graver)
        shown[look] = seen
    return shown


def _marks(plane: Plane, shown: Painted, home: BaseGeometry, kept: BaseGeometry) -> list[_Mark]:
    """Return one badge a cluster, the gravest first; where they would cover each other, that one stands for both."""
    rect, marks = plane.rect, list[_Mark]()
    best = shapely.box(rect.x, rect.y, rect.x + rect.width, rect.y + rect.height).buffer(-_RADIUS).difference(kept)
    for look, seen in shown.items():
        for region in (seen.intersection(home), seen.difference(home)):
            for place in _clusters(region):
                spot = _spot(place, marks, best)
                marks += [_Mark(look, spot.x, spot.y)] if spot else []
    return marks


def _clusters(region: BaseGeometry) -> Iterator[BaseGeometry]:
    """Yield what has a badge of its own, the largest first: what is large, and the small parts near no other."""
    parts = sorted(_parts(_tidy(region)), key=lambda part: -part.area)
    later, earlier = shapely.STRtree(parts).query(np.array(parts, dtype=object), predicate="dwithin", distance=_REACH)
    joined = set(later[earlier < later].tolist())
    yield from (part for number, part in enumerate(parts) if part.area > _SMALL or number not in joined)


def _spot(place: BaseGeometry, marks: Sequence[_Mark], best: BaseGeometry) -> shapely.Point | None:
    """Return where a badge goes; None where others cover all of its place."""
    near = [mark for mark in (shapely.Point(mark.x, mark.y) for mark in marks) if place.dwithin(mark, _APART)]
    free = place.difference(shapely.union_all([mark.buffer(_APART) for mark in near])) if near else place
    wanted = free.intersection(best)
    return _middle(wanted) or _middle(free)


def _middle(shape: BaseGeometry) -> shapely.Point | None:
    """Return the middle of the thickest part of `shape`; None of nothing."""
    parts = _parts(shape)
    if not parts:
        return None
    largest = max(parts, key=lambda part: part.area)
    if largest.area < _APART**2:
        return shapely.point_on_surface(largest)
    return shapely.Point(shapely.maximum_inscribed_circle(largest, tolerance=1.0).coords[0])


def _parts(shape: BaseGeometry) -> list[BaseGeometry]:
    parts = shapely.get_parts(shapely.get_parts(shape))
    return [part for part in parts if part.geom_type == "Polygon" and part.area > _NOTHING]


def _tidy(seen: BaseGeometry) -> BaseGeometry:
    """Return `seen` with no more corners than a badge or a name needs."""
    return shapely.make_valid(seen.simplify(_FINE), method="structure", keep_collapsed=False)


def _names(plane: Plane, names: Names, shown: Painted, taken: list[BaseGeometry]) -> str:
    """Return the names of the places that are large enough to bear them, the largest first."""
    seen = {code: _tidy(plane.seen(shape)) for code, shape in names.shapes.items()}
    order = sorted(
        names.of.keys() & seen,
        key=lambda code: (code not in names.lit, code not in names.first, -seen[code].area, code),
    )
    written: list[str] = []
    for code in order:
        others = [seen[other] for other in seen if other != code] if code in names.first else None
        room = _room(plane, names.of[code], seen[code], taken, others)
        is_within = room is not None and room[1].intersects(seen[code])
        if room is None and code in names.lit:
            lit = [seen[other] for other in names.lit if other != code and other in seen]
            room = _beside(plane, names.of[code], seen[code], [*taken, *lit])
        if room is not None and len(written) < _MAX_NAMES:
            look = _look_of(room[1] if is_within else seen[code], shown)
            written.append(_written(names.of[code], *room, look))
            taken.append(room[1])
    return (
        f'<g text-anchor="middle" fill="{OUTLINE}" stroke="#FFF" stroke-width="3.5" paint-order="stroke"'
        f' stroke-linejoin="round">{"".join(written)}</g>'
    )


def _room(
    plane: Plane, name: str, seen: BaseGeometry, taken: Sequence[BaseGeometry], others: Sequence[BaseGeometry] | None
) -> _Room | None:
    """Return the room of a name, or None where it would stand out of its place or over something else.

    Where `others`, all other land, are given, a place too small for its name may have it beside it.
    """
    middle = _middle(seen)
    if middle is None:
        return None
    for size in _SIZES:
        boxes = [box for box in _boxes(middle, name, size) if _is_free(plane, box, taken)]
        inside = [box for box in boxes if seen.intersection(box).area >= 0.8 * box.area]
        if not inside and others is not None and seen.area < _SMALL:
            inside = [box for box in boxes if not any(box.intersects(land) for land in (seen, *others))]
        if inside:
            return size, inside[0]
    return None


def _beside(plane: Plane, name: str, seen: BaseGeometry, taken: Sequence[BaseGeometry]) -> _Room | None:
    """Return the free room next to the middle of a place that holds most of it; None where there is none."""
    middle = _middle(seen)
    boxes = _boxes(middle, name, _SIZES[-1]) if middle else ()
    free = [box for box in boxes if _is_free(plane, box, taken)]
    return (_SIZES[-1], max(free, key=lambda box: seen.intersection(box).area)) if free else None


def _boxes(middle: shapely.Point, name: str, size: float) -> Iterator[BaseGeometry]:
    """Yield where a name may stand: in the middle, below and above, right and left of a badge there."""
    half, down = size * columns(name) / 4 * (_LATIN if name.isascii() else 1.0), _RADIUS + _GAP + size / 2
    aside = _RADIUS + _GAP + half
    for x, y in ((0.0, 0.0), (0.0, down), (0.0, -down), (aside, 0.0), (-aside, 0.0)):
        yield shapely.box(middle.x + x - half, middle.y + y - size / 2, middle.x + x + half, middle.y + y + size / 2)


def _is_free(plane: Plane, box: BaseGeometry, taken: Sequence[BaseGeometry]) -> bool:
    """Whether the map shows all of a box, and nothing is written there."""
    west, north, east, south = box.bounds
    shown = plane.shows(west, north) and plane.shows(east, south)
    return shown and not any(box.intersects(other) for other in taken)


def _look_of(ground: BaseGeometry, shown: Painted) -> Look | None:
    """Return the look of most of a piece of ground."""
    return next((look for look, seen in shown.items() if seen.intersection(ground).area > ground.area / 2), None)


def _written(name: str, size: float, box: BaseGeometry, look: Look | None) -> str:
    """Return a name in the ink of a look, in a halo of its colour."""
    ink = f' fill="{PAINTS[look].ink}" stroke="{PAINTS[look].fill}" font-weight="700"' if look else ""
    x, y = box.centroid.x, box.bounds[3] - 0.14 * size
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size:g}"{ink}>{escaped(name)}</text>'
