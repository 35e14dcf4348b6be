"""What is written on a map: names where there is room, and a badge for every place where something is in force."""

from __future__ import annotations

from collections.abc import Mapping

import shapely
from shapely.geometry.base import BaseGeometry

from lalert.render.palette import OUTLINE, Look, badge
from lalert.render.plane import Plane
from lalert.render.sheet import columns
from lalert.render.xml import escaped

_CELL = 17.0  # badges nearer than this are one, the gravest
_MAX_NAMES = 60
_FONT = 13.0


def badges(plane: Plane, looks: Mapping[str, Look], shapes: Mapping[str, BaseGeometry]) -> str:
    """Return one badge a place; where they would cover each other, the gravest stands for all."""
    taken: set[tuple[int, int]] = set()
    placed = []
    for code in sorted(looks, key=lambda code: (list(Look).index(looks[code]), code)):
        x, y = _middle(plane, shapes[code])
        cell = int(x // _CELL), int(y // _CELL)
        if plane.shows(x, y) and cell not in taken:
            taken |= {(cell[0] + right, cell[1] + down) for right in (-1, 0, 1) for down in (-1, 0, 1)}
            placed.append(badge(looks[code], x, y))
    return "".join(reversed(placed))


def name_tags(plane: Plane, names: Mapping[str, str], shapes: Mapping[str, BaseGeometry]) -> str:
    """Return the names of the places that are large enough to bear them, the largest first."""
    placed = [_tag(plane, name, shapes[code]) for code, name in names.items() if code in shapes]
    largest = sorted((tag for tag in placed if tag), reverse=True)[:_MAX_NAMES]
    written = "".join(tag for _, tag in largest)
    return (
        f'<g font-size="{_FONT:g}" text-anchor="middle" fill="{OUTLINE}" stroke="#FFF" stroke-width="3"'
        f' paint-order="stroke" stroke-linejoin="round">{written}</g>'
    )


def _tag(plane: Plane, name: str, shape: BaseGeometry) -> tuple[float, str] | None:
    """Return (room, element), or None where the name would stand out of its place or of the map."""
    seen = plane.seen(shape)
    x, y = _middle(plane, shape)
    half = _FONT * columns(name) / 4
    written = shapely.box(x - half, y + 11, x + half, y + 11 + _FONT)
    if seen.intersection(written).area < 0.8 * written.area:
        return None
    return float(seen.area), f'<text x="{x:.0f}" y="{y + 22:.0f}">{escaped(name)}</text>'


def _middle(plane: Plane, shape: BaseGeometry) -> tuple[float, float]:
    """Return a point inside `shape`, in its thickest part that the map shows."""
    point = shapely.point_on_surface(plane.seen(shape))
    return (point.x, point.y) if not point.is_empty else (-1.0, -1.0)
