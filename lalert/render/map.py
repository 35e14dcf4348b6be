"""Maps drawn by the server: Japan, a prefecture, a municipality, one alert. SVG, no script, at most 60 KB each.

A map never stands alone: whoever shows it shows the same facts as a list beside it, and its `desc` says them, too.
Small places would be specks on a large map, so whatever is in force also has a badge with its number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import shapely
from shapely.geometry.base import BaseGeometry

from lalert.core.model import Entry, Posted, Standing, State
from lalert.errors import Text
from lalert.geo.area import Covered
from lalert.geo.boundaries import BoundarySet
from lalert.render.palette import NOTHING, OUTLINE, PAINTS, SEA, Look, definitions, gravest_first, hatch_of, look_of
from lalert.render.places import place_names
from lalert.render.plane import Box, Plane, Rect, path
from lalert.render.sheet import Sheet
from lalert.render.tags import badges, name_tags
from lalert.render.wording import headline, stands, where
from lalert.render.words import is_drill, level_label, pick

MAX_BYTES = 60_000

Painted = Mapping[Look, BaseGeometry]
"""Where each look holds."""

_MAINLAND = Box(west=128.6, south=30.1, east=146.2, north=45.6)
_SOUTHWEST = Box(west=122.7, south=23.9, east=131.5, north=29.2)
_OGASAWARA = Box(west=140.6, south=24.5, east=143.2, north=27.9)
_COARSENESS = (0.0, 0.7, 1.2, 2.0, 3.0, 4.5, 7.0)  # drawing units; the finest that keeps a map within its size is taken
_GRID = 0.5  # coordinates are whole multiples of this many drawing units
_FAR_DEG = 6.0  # islands farther off than this would shrink their prefecture to specks
_NEAR_DEG = {"13": 0.3}  # so would Tokyo's: a line below the map names what is in force there
_CLOSE = 8.0  # drawing units a kilometre from which a map shows the exact borders
_WIDE_DEG = 4.0  # a frame wider than this shows prefectures, not municipalities


def looks_of(in_force: Iterable[Posted]) -> dict[str, Look]:
    """Return the gravest look of each municipality where something is in force."""
    looks: dict[str, Look] = {}
    for posted in in_force:
        for zone in posted.entry.zones:
            if not zone.lifted:
                look = look_of(zone.level, posted.entry.priority)
                looks |= {code: gravest_first((look, looks.get(code, look)))[0] for code in zone.area.codes}
    return looks


def japan(
    in_force: Sequence[Posted],
    boundaries: BoundarySet,
    *,
    title: str,
    as_of: datetime,
    lang: str = "ja",
    drill: bool = False,
) -> bytes:
    """Return the map of Japan: prefectures, and the municipalities where something is in force."""
    looks = looks_of(in_force)
    sheet = Sheet(title=title, as_of=as_of, credit=boundaries.credit, lang=lang, drill=drill)
    rect = sheet.place
    main = Plane(_MAINLAND, Rect(x=4, y=rect.y + 4, width=rect.width - 8, height=rect.height - 8))
    insets = {
        Plane(_SOUTHWEST, Rect(x=12, y=rect.y + 12, width=300, height=190)): Text("沖縄・奄美", "Okinawa, Amami"),
        Plane(_OGASAWARA, Rect(x=12, y=rect.y + 210, width=92, height=124)): Text("小笠原", "Ogasawara"),
    }
    land = [boundaries.simplified(prefecture.code) for prefecture in boundaries.prefectures]
    places = {code: boundaries.simplified(code) for code in looks}
    painted = _merged(looks, places)
    panels = [_inset(plane, pick(name, lang), land, painted) for plane, name in insets.items()]
    drawn = [_ground(main, land, painted), *panels]
    tags = "".join(badges(plane, looks, places) for plane in (main, *insets))
    return _fit(sheet, main, drawn, tags, looks=looks.values(), facts=_facts(looks, boundaries, lang))


def area_map(
    code: str,
    in_force: Sequence[Posted],
    boundaries: BoundarySet,
    *,
    title: str,
    as_of: datetime,
    lang: str = "ja",
    drill: bool = False,
) -> bytes:
    """Return the map of a prefecture (two digits) or a municipality (six) with its neighbours. Raises Rejected.

    A prefecture shows whole municipalities; a municipality shows the alerts' exact shapes.
    """
    inside = boundaries.expand(code)
    looks = looks_of(in_force)
    core = _compact(boundaries.simplified(code), _NEAR_DEG.get(code, _FAR_DEG))
    lit = [place for place in inside if place in looks]
    away = {place: looks[place] for place in lit if not core.intersects(boundaries.simplified(place))}
    note = pick(Text("図の外：", "Beyond the map: "), lang) + _facts(away, boundaries, lang) if away else ""
    sheet = Sheet(title=title, as_of=as_of, credit=boundaries.credit, lang=lang, drill=drill, note=note)
    plane = Plane(Box.around(core, margin=0.06), sheet.place)
    shapes = _context(boundaries, plane) | _shapes(inside, boundaries, plane)
    seen = {place: look for place, look in looks.items() if place in shapes}
    painted = _merged(seen, shapes) if len(inside) > 1 else _exact(in_force, plane)
    drawn = [_ground(plane, shapes.values(), painted), _rim(plane, [shapes[place] for place in inside])]
    names = {place: boundaries.name_of(place) for place in (inside if len(inside) > 1 else shapes)}
    tags = name_tags(plane, names, shapes) + badges(plane, seen, shapes)
    facts = _facts({place: looks[place] for place in lit}, boundaries, lang)
    return _fit(sheet, plane, drawn, tags, looks=seen.values(), facts=facts)


def alert_map(
    entry: Entry,
    boundaries: BoundarySet,
    *,
    standing: Standing | None = None,
    as_of: datetime | None = None,
    lang: str = "ja",
) -> bytes:
    """Return the map of one message: its exact shapes by level. What has ended is drawn as an empty dashed outline.

    It shows one message only: whether anything else is in force it neither draws nor says. One that
    names no area shows where those are who heard what it calls off; with neither, all of Japan.
    """
    holds = stands(entry, standing).state is State.IN_FORCE
    shapes = [zone.area.geometry for zone in entry.zones] or [reach.area.geometry for reach in entry.supersedes]
    zones = [(look_of(zone.level, entry.priority), zone.area) for zone in entry.zones if holds and not zone.lifted]
    painted = {look: _union([area.geometry for other, area in zones if other is look]) for look, _ in zones}
    sheet = Sheet(
        title=headline(entry, lang, standing=standing),
        as_of=as_of or entry.at,
        credit=boundaries.credit,
        lang=lang,
        drill=is_drill(entry.alert.status),
        rest=Text("この情報の対象外", "Not in this message"),
    )
    plane = Plane(Box.around(shapely.box(*shapely.total_bounds(shapes))) if shapes else _MAINLAND, sheet.place)
    land = _context(boundaries, plane)
    ended = [_rim(plane, shapes, dashed=True)] if shapes and not painted else []
    drawn = [_ground(plane, land.values(), painted), *ended]
    looks = {covered.code: look for look, area in reversed(zones) for covered in area.municipalities}
    names = {code: boundaries.name_of(code) for code in land}
    facts = _facts(looks, boundaries, lang) if looks else where(entry, lang)
    marks = {look.value: look for look in painted}
    tags = name_tags(plane, names, land) + badges(plane, marks, {look.value: painted[look] for look in painted})
    return _fit(sheet, plane, drawn, tags, looks=painted, facts=facts)


_Drawing = Callable[[float], str]


def _fit(
    sheet: Sheet, plane: Plane, drawn: Sequence[_Drawing], tags: str, *, looks: Iterable[Look], facts: str
) -> bytes:
    """Return the document, drawn as finely as MAX_BYTES allows."""
    used = gravest_first(looks)
    defs = definitions(used, grid=_GRID)
    for coarseness in _COARSENESS:
        drawing = "".join(draw(coarseness) for draw in drawn) + tags
        document = sheet.render(defs=defs, drawing=drawing, facts=facts, looks=used, plane=plane)
        if len(document) <= MAX_BYTES:
            break
    return document


def _ground(plane: Plane, land: Iterable[BaseGeometry], painted: Painted) -> _Drawing:
    """Return what draws the land and, over it, what is in force, the gravest last."""
    laid = [plane.laid(shape) for shape in land if plane.box.meets(shape)]
    looks = list(reversed(gravest_first(painted)))
    shapes = [plane.laid(painted[look]) for look in looks]

    def draw(coarseness: float) -> str:
        fills = "".join(
            f'<path d="{path([shape], grid=_GRID)}" fill="{hatch_of(look)}" stroke="{OUTLINE}" stroke-width="1.2"'
            f' vector-effect="non-scaling-stroke"/>'
            for look, shape in zip(looks, _coarse(shapes, coarseness), strict=True)
        )
        outlines = f'<path d="{path(_coarse(laid, coarseness), grid=_GRID)}" vector-effect="non-scaling-stroke"'
        return (
            f'<g transform="scale({_GRID:g})" fill-rule="evenodd" stroke-linejoin="round">'
            f'{outlines} fill="{NOTHING}" stroke="#FFF" stroke-width="1.1"/>{fills}</g>'
        )

    return draw


def _coarse(shapes: Sequence[BaseGeometry], coarseness: float) -> Sequence[BaseGeometry]:
    """Return `shapes` with fewer corners; neighbours still fit together."""
    if not coarseness or not shapes:
        return shapes
    return list(shapely.coverage_simplify([_polygons(shape) for shape in shapes], coarseness))


def _polygons(shape: BaseGeometry) -> BaseGeometry:
    """Return the polygons of a shape: cutting at a frame can leave lines and points beside them."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.MultiPolygon([part for part in parts if part.geom_type == "Polygon"])


def _inset(plane: Plane, name: str, land: Sequence[BaseGeometry], painted: Painted) -> _Drawing:
    """Return what draws islands in a box of their own."""
    rect, ground = plane.rect, _ground(plane, land, painted)
    frame = f'<rect x="{rect.x:g}" y="{rect.y:g}" width="{rect.width:g}" height="{rect.height:g}"'
    clip = f"inset-{rect.y:.0f}"

    def draw(coarseness: float) -> str:
        return (
            f'<clipPath id="{clip}">{frame}/></clipPath>{frame} fill="{SEA}"/>'
            f'<g clip-path="url(#{clip})">{ground(coarseness)}</g>{frame} fill="none" stroke="#77777F"/>'
            f'<text x="{rect.x + 7:g}" y="{rect.y + 18:g}" font-size="13" fill="{OUTLINE}">{name}</text>'
        )

    return draw


def _rim(plane: Plane, shapes: Sequence[BaseGeometry], *, dashed: bool = False) -> _Drawing:
    """Return what draws the outline of a whole; dashed where nothing holds any more."""
    laid = plane.laid(_union(shapes))
    dashes = ' stroke-dasharray="7 5"' if dashed else ""

    def draw(coarseness: float) -> str:
        outline = path(_coarse([laid], coarseness), grid=_GRID)
        return (
            f'<g transform="scale({_GRID:g})"><path d="{outline}" fill="none" stroke="{OUTLINE}"'
            f' stroke-width="2.2"{dashes} vector-effect="non-scaling-stroke"/></g>'
        )

    return draw


def _merged(looks: Mapping[str, Look], shapes: Mapping[str, BaseGeometry]) -> dict[Look, BaseGeometry]:
    """Return the union of the municipalities of each look."""
    return {
        look: shapely.coverage_union_all([shapes[code] for code, own in looks.items() if own is look])
        for look in gravest_first(looks.values())
    }


def _exact(in_force: Iterable[Posted], plane: Plane) -> dict[Look, BaseGeometry]:
    """Return the exact shapes of what is in force in the frame, by look."""
    shapes: dict[Look, list[BaseGeometry]] = {}
    for posted in in_force:
        for zone in posted.entry.zones:
            if not zone.lifted and plane.box.meets(zone.area.geometry):
                shapes.setdefault(look_of(zone.level, posted.entry.priority), []).append(zone.area.geometry)
    return {look: _union(parts) for look, parts in shapes.items()}


def _union(shapes: Sequence[BaseGeometry]) -> BaseGeometry:
    """Return the union of `shapes`; one alone, which may be the whole country, is left as it is."""
    return shapes[0] if len(shapes) == 1 else shapely.union_all(list(shapes))


def _context(boundaries: BoundarySet, plane: Plane) -> dict[str, BaseGeometry]:
    """Return the land in a frame by code: municipalities, or prefectures where the frame is wide."""
    box = plane.box
    wide = box.east - box.west > _WIDE_DEG
    places = boundaries.prefectures if wide else boundaries.municipalities
    near = [place.code for place in places if box.meets(boundaries.simplified(place.code))]
    return _shapes(near, boundaries, plane)


def _shapes(codes: Iterable[str], boundaries: BoundarySet, plane: Plane) -> dict[str, BaseGeometry]:
    """Return outlines by code, exact where the frame is close."""
    outline = boundaries.shape_of if plane.units_per_km > _CLOSE else boundaries.simplified
    return {code: outline(code) for code in codes}


def _compact(shape: BaseGeometry, far_deg: float) -> BaseGeometry:
    """Return `shape` without islands so far off that a map of all would show nothing."""
    parts = shapely.get_parts(shape)
    largest = max(parts, key=shapely.area)
    return shapely.multipolygons([part for part in parts if shapely.distance(part, largest) <= far_deg])


def _facts(looks: Mapping[str, Look], boundaries: BoundarySet, lang: str) -> str:
    """Return what the map shows, in words: each look, how many municipalities, and the first of their names."""
    if not looks:
        return pick(Text("発令中の情報はありません。", "Nothing is in force."), lang)
    by_look = {look: sorted(code for code in looks if looks[code] is look) for look in gravest_first(looks.values())}
    return " ".join(_fact(look, codes, boundaries, lang) for look, codes in by_look.items())


def _fact(look: Look, codes: Sequence[str], boundaries: BoundarySet, lang: str) -> str:
    label = level_label(int(look), lang) if look.isdecimal() else pick(PAINTS[look].label, lang)
    places = tuple(Covered(code, boundaries.name_of(code), 1.0) for code in codes)
    return f"{label}: {place_names(places, lang, limit=8)}"
