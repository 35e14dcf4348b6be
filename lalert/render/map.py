"""Maps drawn by the server: Japan, a prefecture, a municipality, one alert. SVG, no script, at most 60 KB each.

A map never stands alone: whoever shows it shows the same facts as a list beside it, and its `desc` says them, too.
Small places would be specks on a large map, so whatever is in force also has a badge with its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import shapely
from shapely.geometry.base import BaseGeometry

from lalert.core.model import Entry, Posted, Standing, State
from lalert.errors import Text
from lalert.geo.area import Area, Covered
from lalert.geo.boundaries import BoundarySet
from lalert.render.form import SQUARE, Form
from lalert.render.layers import GRID, Layer, ended, ground, inset, rim
from lalert.render.palette import PAINTS, Look, definitions, gravest_first, look_of
from lalert.render.places import place_names, short_name
from lalert.render.plane import Box, Plane, Rect
from lalert.render.sheet import Sheet, columns, note_columns
from lalert.render.tags import Names, tags
from lalert.render.wording import headline, stands, where
from lalert.render.words import is_drill, level_label, pick

MAX_BYTES = 60_000

_MAINLAND = Box(west=128.6, south=30.1, east=146.2, north=45.6)
_SOUTHWEST = Box(west=122.7, south=23.9, east=131.5, north=29.2)
_OGASAWARA = Box(west=140.4, south=23.9, east=143.4, north=28.7)
_COARSENESS = (
    0.0,
    0.7,
    1.2,
    2.0,
    3.0,
    4.5,
    7.0,
    10.0,
)  # drawing units; the finest that keeps a map within its size is taken
_ROOMY = 800.0  # drawing units: on a narrower map the insets are smaller
_FAR_DEG = 6.0  # islands farther off than this would shrink their prefecture to specks
_NEAR_DEG = {"13": 0.3}  # so would Tokyo's: a line below the map names what is in force there
_ASHORE_DEG = 0.05  # what lies as near to an island belongs to it
_WHOLE = 0.99  # the share from which all of a municipality is meant
_FACTS = 8  # names of one look in words
_MARGIN = 0.04  # around what a map is of, as a share of its greater side
_LEAST_DEG = 0.04
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


def _drawable(looks: Mapping[str, Look], boundaries: BoundarySet) -> dict[str, Look]:
    """Return the looks by codes of this set: what was resolved with another one is drawn on what stands for it."""
    drawn: dict[str, Look] = {}
    for code, look in looks.items():
        drawn |= {heir: gravest_first((look, drawn.get(heir, look)))[0] for heir in boundaries.heirs(code)}
    return drawn


def japan(
    in_force: Sequence[Posted],
    boundaries: BoundarySet,
    *,
    title: str,
    as_of: datetime,
    lang: str = "ja",
    drill: bool = False,
    form: Form = SQUARE,
) -> bytes:
    """Return the map of Japan: prefectures, and the municipalities where something is in force."""
    looks = _drawable(looks_of(in_force), boundaries)
    sheet = Sheet(title=title, as_of=as_of, credit=boundaries.credit, lang=lang, drill=drill, form=form)
    rect = sheet.place
    main = Plane(_MAINLAND, Rect(x=4, y=rect.y + 4, width=rect.width - 8, height=rect.height - 8))
    insets = _insets(rect)
    land = [boundaries.simplified(prefecture.code) for prefecture in boundaries.prefectures]
    places = {code: boundaries.simplified(code) for code in looks}
    painted = _merged(looks, places)
    panels = [inset(plane, pick(name, lang), land, painted) for plane, name in insets.items()]
    layers = [ground(main, land, painted, veil=form.veil), *panels]
    marked, plate = _merged(looks, _largest(places)), sheet.plate(main)
    written = "".join(tags(plane, marked, plate=plate) for plane in (main, *insets))
    return _fit(sheet, main, layers, written, looks=looks.values(), facts=_facts(looks, boundaries, lang))


def _insets(rect: Rect) -> dict[Plane, Text]:
    """Return the far islands in boxes of their own, off the corner of a map of Japan, and what they are called."""
    x, y, size = rect.x + 12, rect.y + 12, min(1.0, rect.width / _ROOMY)
    southwest = Rect(x=x, y=y, width=300 * size, height=190 * size)
    ogasawara = Rect(x=x, y=y + 190 * size + 8, width=92 * size, height=124 * size)
    return {
        Plane(_SOUTHWEST, southwest): Text("沖縄・奄美", "Okinawa, Amami"),
        Plane(_OGASAWARA, ogasawara): Text("小笠原", "Ogasawara"),
    }


def area_map(
    code: str,
    in_force: Sequence[Posted],
    boundaries: BoundarySet,
    *,
    title: str,
    as_of: datetime,
    lang: str = "ja",
    drill: bool = False,
    form: Form = SQUARE,
) -> bytes:
    """Return the map of a prefecture (two digits) or a municipality (six) with its neighbours. Raises Rejected.

    A prefecture shows whole municipalities; a municipality shows the alerts' exact shapes.
    """
    inside = boundaries.expand(code)
    looks = _drawable(looks_of(in_force), boundaries)
    core = _compact(boundaries.simplified(code), _NEAR_DEG.get(code, _FAR_DEG))
    lit = [place for place in inside if place in looks]
    frame = Box.around(core, margin=_MARGIN, least_deg=_LEAST_DEG)
    away = [place for place in lit if not frame.meets(boundaries.simplified(place))]
    note = _beyond([boundaries.as_covered(place) for place in away], looks, lang, form)
    sheet = Sheet(title=title, as_of=as_of, credit=boundaries.credit, lang=lang, drill=drill, note=note, form=form)
    plane = Plane(frame, sheet.place)
    near = [place for place in looks if plane.box.meets(boundaries.simplified(place))]  # grey would say: nothing here
    land = _context(boundaries, plane, home=code[:2]) | _shapes(inside, boundaries, plane)
    shapes = land | _shapes(near, boundaries, plane)
    seen = {place: look for place, look in looks.items() if place in shapes}
    painted = _merged(seen, shapes) if len(inside) > 1 else _exact(in_force, plane)
    home = _union([shapes[place] for place in inside])
    layers = [ground(plane, land.values(), painted, veil=form.veil), rim(plane, home)]
    of = _labels(inside if len(inside) > 1 else shapes, boundaries, lang)
    names = Names(of=of, shapes=shapes, first=inside, lit=lit)
    marked = _merged(seen, _largest(shapes)) if len(inside) > 1 else painted
    written = tags(plane, marked, plate=sheet.plate(plane), home=home, names=names)
    facts = _facts({place: looks[place] for place in lit}, boundaries, lang)
    return _fit(sheet, plane, layers, written, looks=seen.values(), facts=facts)


def alert_map(
    entry: Entry,
    boundaries: BoundarySet,
    *,
    standing: Standing | None = None,
    as_of: datetime | None = None,
    lang: str = "ja",
    form: Form = SQUARE,
) -> bytes:
    """Return the map of one message: its exact shapes by level. What has ended is drawn as an empty dashed outline.

    It shows one message only: whether anything else is in force it neither draws nor says. One that
    names no area shows where those are who heard what it calls off; with neither, all of Japan.
    """
    holds = stands(entry, standing).state is State.IN_FORCE
    areas = [zone.area for zone in entry.zones] or [reach.area for reach in entry.supersedes]
    zones = [(look_of(zone.level, entry.priority), zone.area) for zone in entry.zones if holds and not zone.lifted]
    used = dict.fromkeys(look for look, _ in zones)
    painted = {look: _union([area.geometry for other, area in zones if other is look]) for look in used}
    looks = {covered.code: look for look, area in reversed(zones) for covered in area.municipalities}
    frame, off = _focus(areas, boundaries) if areas else (_MAINLAND, ())
    sheet = Sheet(
        title=headline(entry, lang, standing=standing),
        as_of=as_of or entry.at,
        credit=boundaries.credit,
        lang=lang,
        drill=is_drill(entry.alert.status),
        rest=Text("この情報の対象外", "Not in this message"),
        note=_beyond(off, looks, lang, form),
        form=form,
    )
    plane = Plane(frame, sheet.place)
    land = _context(boundaries, plane)
    layers = [ground(plane, land.values(), painted, veil=form.veil)]
    layers += [ended(plane, _union([area.geometry for area in areas]))] if areas and not painted else []
    names = Names(of=_labels(land, boundaries, lang), shapes=land, first=looks, lit=looks)
    written = tags(plane, painted, plate=sheet.plate(plane), names=names)
    facts = _facts(looks, boundaries, lang) if looks else where(entry, lang)
    return _fit(sheet, plane, layers, written, looks=painted, facts=facts)


def _fit(sheet: Sheet, plane: Plane, layers: Sequence[Layer], tags: str, *, looks: Iterable[Look], facts: str) -> bytes:
    """Return the document, drawn as finely as MAX_BYTES allows."""
    used = gravest_first(looks)
    defs = definitions(used, grid=GRID)
    for coarseness in _COARSENESS:
        drawing = "".join(draw(coarseness) for draw in layers)
        document = sheet.render(defs=defs, drawing=drawing, tags=tags, facts=facts, looks=used, plane=plane)
        if len(document) <= MAX_BYTES:
            break
    return document


def _merged(looks: Mapping[str, Look], shapes: Mapping[str, BaseGeometry]) -> dict[Look, BaseGeometry]:
    """Return the union of the municipalities of each look."""
    return {
        look: shapely.coverage_union_all([shapes[code] for code, own in looks.items() if own is look])
        for look in gravest_first(looks.values())
    }


def _largest(shapes: Mapping[str, BaseGeometry]) -> dict[str, BaseGeometry]:
    """Return the largest part of each municipality: its badge goes there, and its islets need none."""
    return {code: max(shapely.get_parts(shape), key=shapely.area) for code, shape in shapes.items()}


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


def _context(boundaries: BoundarySet, plane: Plane, *, home: str = "") -> dict[str, BaseGeometry]:
    """Return the land in a frame by code: municipalities, or prefectures where the frame is wide.

    The prefecture `home` comes as its municipalities in any case. No land comes twice: that would look like a hole.
    """
    box = plane.box
    codes = [place.code for place in boundaries.municipalities]
    if box.east - box.west > _WIDE_DEG:
        around = [place.code for place in boundaries.prefectures if place.code != home]
        codes = [*around, *(code for code in codes if code[:2] == home)]
    return _shapes([code for code in codes if box.meets(boundaries.simplified(code))], boundaries, plane)


def _shapes(codes: Iterable[str], boundaries: BoundarySet, plane: Plane) -> dict[str, BaseGeometry]:
    """Return outlines by code, exact where the frame is close."""
    outline = boundaries.shape_of if plane.units_per_km > _CLOSE else boundaries.simplified
    return {code: outline(code) for code in codes}


def _labels(codes: Iterable[str], boundaries: BoundarySet, lang: str) -> dict[str, str]:
    """Return what is written on the places of a map, where there is no room for two names."""
    return {code: short_name(boundaries.as_covered(code), lang) for code in codes}


def _compact(shape: BaseGeometry, far_deg: float) -> BaseGeometry:
    """Return `shape` without islands so far off that a map of all would show nothing."""
    parts = shapely.get_parts(shape)
    largest = max(parts, key=shapely.area)
    return shapely.multipolygons([part for part in parts if shapely.distance(part, largest) <= far_deg])


def _focus(areas: Sequence[Area], boundaries: BoundarySet) -> tuple[Box, tuple[Covered, ...]]:
    """Return (frame, what lies beyond it) of the area of a message, without what would make it mostly sea.

    Where only far islands are concerned, they are what it shows.
    """
    parts = shapely.get_parts(shapely.get_parts([area.geometry for area in areas]))
    far = _far_land({covered.code[:2] for area in areas for covered in area.municipalities}, boundaries)
    is_far = shapely.dwithin(parts, far, _ASHORE_DEG)
    near = parts[~is_far]
    core = shapely.multipolygons(near) if len(near) else _compact(shapely.multipolygons(parts), _FAR_DEG)
    frame = Box.around(core, margin=_MARGIN, least_deg=_LEAST_DEG)
    off = [part for part in parts if not frame.meets(part)]
    return frame, boundaries.covered(shapely.multipolygons(off)) if off else ()


def _far_land(prefectures: Iterable[str], boundaries: BoundarySet) -> BaseGeometry:
    """Return the exact shapes of the municipalities that the maps of their prefectures leave out."""
    far: list[BaseGeometry] = []
    for code in prefectures:
        home = _compact(boundaries.simplified(code), _NEAR_DEG.get(code, _FAR_DEG))
        if shapely.get_num_geometries(home) < shapely.get_num_geometries(boundaries.simplified(code)):
            places = boundaries.expand(code)
            far += [boundaries.shape_of(place) for place in places if not home.intersects(boundaries.simplified(place))]
    land = shapely.multipolygons(shapely.get_parts(far))
    shapely.prepare(land)
    return land


def _beyond(places: Sequence[Covered], looks: Mapping[str, Look], lang: str, form: Form) -> str:
    """Return what a map cannot show, with as many names as its line holds; empty when it shows everything."""
    by_look = {look: [place for place in places if looks.get(place.code) is look] for look in (*Look, None)}
    line = ""
    for limit in range(len(places), 0, -1):
        said = (
            _said(look, [_part(own, lang) for own in group], lang, limit) for look, group in by_look.items() if group
        )
        line = pick(Text("図の外：", "Beyond the map: "), lang) + " ".join(said)
        if columns(line) <= note_columns(form):
            break
    return line


def _part(place: Covered, lang: str) -> Covered:
    """Return a place, named as a part where only a part of it is meant."""
    if place.share >= _WHOLE:
        return place
    part = pick(Text("の一部", "" if place.en else " (part)"), lang)
    return replace(place, name=place.name + part, en=place.en and f"{place.en} (part)")


def _facts(looks: Mapping[str, Look], boundaries: BoundarySet, lang: str) -> str:
    """Return what the map shows, in words: each look, how many municipalities, and the first of their names."""
    if not looks:
        return pick(Text("発令中の情報はありません。", "Nothing is in force."), lang)
    by_look = {look: sorted(code for code in looks if looks[code] is look) for look in gravest_first(looks.values())}
    places = {look: [boundaries.as_covered(code) for code in own] for look, own in by_look.items()}
    return " ".join(_said(look, own, lang, _FACTS) for look, own in places.items())


def _said(look: Look | None, places: Sequence[Covered], lang: str, limit: int) -> str:
    """Return a look and where it holds, or only the places of what has none."""
    named = place_names(tuple(places), lang, limit=limit)
    if look is None:
        return named
    label = level_label(int(look), lang) if look.isdecimal() else pick(PAINTS[look].label, lang)
    return f"{label}: {named}"
