"""The layers of a map: the land, what is in force over it, borders that stay readable, and the outline of a whole.

A layer is a function from coarseness (drawing units) to SVG, so that a map can be drawn as finely as its size allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import shapely
from shapely.geometry.base import BaseGeometry

from lalert.render.palette import NOTHING, OUTLINE, PAINTS, SEA, Look, gravest_first, hatch_of
from lalert.render.plane import Plane, path

GRID = 0.5  # coordinates are whole multiples of this many drawing units

Painted = Mapping[Look, BaseGeometry]
"""Where each look holds."""

Layer = Callable[[float], str]

_LINE = f'stroke-width="{1.0 / GRID:g}"'
_BORDER, _OUTER = f'stroke-width="{1.1 / GRID:g}"', f'stroke-width="{1.4 / GRID:g}"'
_RIM, _CASING = f'stroke-width="{2.2 / GRID:g}"', f'stroke-width="{5.0 / GRID:g}"'
_SCALED = f'<g transform="scale({GRID:g})" fill-rule="evenodd" clip-rule="evenodd" stroke-linejoin="round">'


def ground(plane: Plane, land: Iterable[BaseGeometry], painted: Painted, *, veil: float = 1.0) -> Layer:
    """Return what draws the land, as opaque as `veil`, and, over it, what is in force, the gravest last.

    The borders of the land show through whatever covers it, in the ink of the look: light on dark, dark on light.
    """
    laid = [plane.laid(shape) for shape in land if plane.box.meets(shape)]
    looks = list(reversed(gravest_first(painted)))
    shapes = [plane.laid(painted[look]) for look in looks]
    panel = f"{plane.rect.y:.0f}"
    opacity = f' fill-opacity="{veil:g}"' if veil < 1 else ""

    def draw(coarseness: float) -> str:
        lands = path(coarse(laid, coarseness), grid=GRID)
        coarser = zip(looks, coarse(shapes, coarseness), strict=True)
        fills = "".join(_filled(look, path([shape], grid=GRID), panel) for look, shape in coarser)
        return (
            f'{_SCALED}<defs><path id="land-{panel}" d="{lands}"/></defs>'
            f'<use href="#land-{panel}" fill="{NOTHING}"{opacity} stroke="#FFF" {_BORDER}/>{fills}</g>'
        )

    return draw


def _filled(look: Look, outline: str, panel: str) -> str:
    """Return one look on the map and the borders within it; nothing where it has no shape here."""
    if not outline:
        return ""
    own = f"{look.name.lower()}-{panel}"
    return (
        f'<defs><path id="lit-{own}" d="{outline}"/>'
        f'<clipPath id="in-{own}"><use href="#lit-{own}"/></clipPath></defs>'
        f'<use href="#lit-{own}" fill="{hatch_of(look)}"/>'
        f'<g clip-path="url(#in-{own})"><use href="#land-{panel}" fill="none" stroke="{PAINTS[look].ink}" {_LINE}/></g>'
        f'<use href="#lit-{own}" fill="none" stroke="{OUTLINE}" {_OUTER}/>'
    )


def inset(plane: Plane, name: str, land: Sequence[BaseGeometry], painted: Painted) -> Layer:
    """Return what draws islands in a box of their own."""
    rect, islands = plane.rect, ground(plane, land, painted)
    frame = f'<rect x="{rect.x:g}" y="{rect.y:g}" width="{rect.width:g}" height="{rect.height:g}"'
    clip = f"inset-{rect.y:.0f}"

    def draw(coarseness: float) -> str:
        return (
            f'<clipPath id="{clip}">{frame}/></clipPath>{frame} fill="{SEA}"/>'
            f'<g clip-path="url(#{clip})">{islands(coarseness)}</g>{frame} fill="none" stroke="#77777F"/>'
            f'<text x="{rect.x + 7:g}" y="{rect.y + 18:g}" font-size="15" fill="{OUTLINE}">{name}</text>'
        )

    return draw


def rim(plane: Plane, shape: BaseGeometry) -> Layer:
    """Return what draws the outline of a whole: dark in a light casing, to be seen on any colour."""
    laid = plane.laid(shape)

    def draw(coarseness: float) -> str:
        outline = path(coarse([laid], coarseness), grid=GRID)
        return (
            f'{_SCALED}<defs><path id="rim" d="{outline}"/></defs>'
            f'<g fill="none"><use href="#rim" stroke="#FFF" {_CASING}/>'
            f'<use href="#rim" stroke="{OUTLINE}" {_RIM}/></g></g>'
        )

    return draw


def ended(plane: Plane, shape: BaseGeometry) -> Layer:
    """Return what draws where nothing holds any more: an empty dashed outline."""
    laid = plane.laid(shape)

    def draw(coarseness: float) -> str:
        outline = path(coarse([laid], coarseness), grid=GRID)
        return (
            f'{_SCALED}<path d="{outline}" fill="none" stroke="{OUTLINE}" {_RIM}'
            f' stroke-dasharray="{7 / GRID:g} {5 / GRID:g}"/></g>'
        )

    return draw


def coarse(shapes: Sequence[BaseGeometry], coarseness: float) -> Sequence[BaseGeometry]:
    """Return `shapes` with fewer corners; neighbours still fit together."""
    if not coarseness or not shapes:
        return shapes
    return list(shapely.coverage_simplify([_polygons(shape) for shape in shapes], coarseness))


def _polygons(shape: BaseGeometry) -> BaseGeometry:
    """Return the polygons of a shape: cutting at a frame can leave lines and points beside them."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.MultiPolygon([part for part in parts if part.geom_type == "Polygon"])
