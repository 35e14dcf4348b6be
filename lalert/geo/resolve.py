"""Resolve: polygons, circles and geocodes -> one Area, or everything that is wrong with them. It fails closed.

- A block is the union of its polygons, circles and geocodes (CAP 1.2 §3.2.4). A block that names no place, or only
  by geocodes without shapes, refuses the whole message: "no area" never becomes "everywhere".
- A geocode without shapes (JMA:tsunami, a foreign scheme) *beside* something usable is a warning: CAP senders say one
  area in several ways, and what can be resolved stands.
- A geocode that is unknown, abolished or misspelt is an error even beside others: somebody meant a place by it.
- Every polygon, circle and cell must meet land of Japan or lie in its waters (SEA_M from land; islets are not drawn in
  every boundary set): one beyond is a mistyped coordinate. What was drawn must meet land, or lie within OFFSHORE_M of
  it (a pier, new ground: counted to the nearest municipality), unless municipalities are named beside it.
- A neighbour that the inaccuracy of a border touches is a sliver and not listed: less than SLIVER_SHARE of its land,
  less than SLIVER_PART of what was drawn, and all of it within SLIVER_DEPTH_M of a municipality that is listed. All
  three, because a strip along the coast or a river is meant. Slivers stay in the exact geometry and are named in a
  warning.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import shapely
from shapely.geometry.base import BaseGeometry

from lalert.errors import Finding, Rejected, Severity, Text
from lalert.geo import codes, faults, measure, mesh, shapes
from lalert.geo.area import Area, Covered, Extent, Origin
from lalert.geo.boundaries import BoundarySet, Meeting
from lalert.geo.schemes import DIGITS, GROUP, JIS, MESH

SLIVER_SHARE = 0.01
SLIVER_PART = 0.05
SLIVER_DEPTH_M = 300.0

SEA_M = 100_000.0
OFFSHORE_M = 1_000.0
MOSTLY_OUTSIDE = 0.05  # less land than this is worth a warning
WIDENED = 2.0  # so many times what was drawn, by codes beside it, is worth one, too

MAX_VERTICES = 50_000
MAX_SHAPES = 1_000
MAX_GEOCODES = 5_000

_ALWAYS = frozenset({JIS, MESH, GROUP})


class Geocode(Protocol):
    """A `valueName`/`value` pair."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def value(self) -> str: ...  # noqa: D102


class Footprint(Protocol):
    """What an `<area>` says of place; CAP's AreaBlock is one. Rings are (lat, lon), radii kilometres."""

    @property
    def area_desc(self) -> str: ...  # noqa: D102
    @property
    def polygons(self) -> Sequence[Sequence[shapes.LatLon]]: ...  # noqa: D102
    @property
    def circles(self) -> Sequence[shapes.Disc]: ...  # noqa: D102
    @property
    def geocodes(self) -> Sequence[Geocode]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Resolution:
    """Where an alert holds, and what its sender should know about that (warnings only)."""

    area: Area
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class _Gathering:
    """What the blocks have said so far: municipalities named whole, shapes drawn, and what is wrong."""

    boundaries: BoundarySet
    whole: dict[str, None] = field(default_factory=dict)
    drawn: list[BaseGeometry] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def attempt(self, origin: Origin, read: Callable[[], Extent]) -> None:
        """Add what `read` returns, or note why it is refused."""
        try:
            extent = read()
        except Rejected as refusal:
            self.findings.extend(refusal.findings)
            return
        self.whole.update(dict.fromkeys(extent.codes))
        self.drawn.extend(extent.parts)
        self.origins.append(origin)

    @property
    def has_failed(self) -> bool:
        return any(finding.severity is Severity.ERROR for finding in self.findings)


def resolve(blocks: Sequence[Footprint], boundaries: BoundarySet, *, path: str = "/alert/info") -> Resolution:
    """Return where `blocks` lie: exact geometry, municipalities with shares, and warnings.

    `path` is the XPath of what holds the blocks. Raises Rejected (`area.*`, 422) that lists every finding.
    """
    gathered = _Gathering(boundaries, findings=_bounds(blocks, path))
    if not gathered.has_failed:
        for number, block in enumerate(blocks, 1):
            _gather(gathered, block, f"{path}/area[{number}]")
    if gathered.has_failed:
        raise faults.refusal(gathered.findings)
    return _settled(gathered, path)


def union(areas: Sequence[Area], boundaries: BoundarySet) -> Area:
    """Return all of `areas` (at least one) as one; what two of them share is counted once."""
    if len(areas) == 1:
        return areas[0]
    geometry = shapely.union_all([area.geometry for area in areas])
    listed = {covered.code: covered for area in areas for covered in area.municipalities}
    if any(covered.share < 1 for covered in listed.values()):
        listed |= {covered.code: covered for covered in boundaries.covered(geometry) if covered.code in listed}
    return Area(
        geometry=geometry,
        municipalities=tuple(listed[code] for code in sorted(listed)),
        area_km2=measure.area_km2(geometry),
        boundaries=boundaries.version,
        origins=tuple(dict.fromkeys(origin for area in areas for origin in area.origins)),
    )


def _bounds(blocks: Sequence[Footprint], path: str) -> list[Finding]:
    """Refuse what is absent or too large before anything is computed."""
    if not blocks:
        return [faults.no_area(path)]
    vertices = sum(len(ring) for block in blocks for ring in block.polygons)
    drawn = sum(len(block.polygons) + len(block.circles) for block in blocks)
    geocodes = sum(len(block.geocodes) for block in blocks)
    counted = (
        (Text("polygon の頂点", "polygon vertices"), vertices, MAX_VERTICES),
        (Text("polygon と circle", "polygons and circles"), drawn, MAX_SHAPES),
        (Text("geocode", "geocodes"), geocodes, MAX_GEOCODES),
    )
    return [faults.too_much(what, count, limit, path) for what, count, limit in counted if count > limit]


def _gather(into: _Gathering, block: Footprint, path: str) -> None:
    """Add what one block says."""
    for number, ring in enumerate(block.polygons, 1):
        place = partial(_polygon, into.boundaries, ring, f"{path}/polygon[{number}]")
        into.attempt(Origin("polygon", block.area_desc), place)
    for number, disc in enumerate(block.circles, 1):
        place = partial(_circle, into.boundaries, disc, f"{path}/circle[{number}]")
        into.attempt(Origin("circle", block.area_desc), place)
    for number, geocode in enumerate(block.geocodes, 1):
        if _is_usable(geocode, into.boundaries):
            place = partial(_geocode, into.boundaries, geocode, f"{path}/geocode[{number}]/value")
            into.attempt(Origin("geocode", f"{geocode.name}={geocode.value}"), place)
    into.findings.extend(_unusable(block, into.boundaries, path))


def _is_usable(geocode: Geocode, boundaries: BoundarySet) -> bool:
    return geocode.name in _ALWAYS or geocode.name in boundaries.schemes


def _unusable(block: Footprint, boundaries: BoundarySet, path: str) -> list[Finding]:
    """Return what to say of a block that names no place, and of geocodes that have no shapes."""
    others = [(number, code) for number, code in enumerate(block.geocodes, 1) if not _is_usable(code, boundaries)]
    if block.polygons or block.circles or len(others) < len(block.geocodes):
        return [faults.unused(code.name, code.value, f"{path}/geocode[{number}]") for number, code in others]
    names = list(dict.fromkeys(code.name for _, code in others))
    return [faults.unsupported(names, path) if names else faults.no_area(path)]


def _polygon(boundaries: BoundarySet, ring: Sequence[shapes.LatLon], path: str) -> Extent:
    return _in_japan(boundaries, shapes.polygon(ring, path=path), path)


def _circle(boundaries: BoundarySet, disc: shapes.Disc, path: str) -> Extent:
    return _in_japan(boundaries, shapes.circle(disc, path=path), path)


def _in_japan(boundaries: BoundarySet, shape: BaseGeometry, path: str) -> Extent:
    if not boundaries.has_land(shape, within_m=SEA_M):
        raise faults.refusal([faults.outside_japan(path)])
    return Extent(parts=(shape,))


def _geocode(boundaries: BoundarySet, geocode: Geocode, path: str) -> Extent:
    value = unicodedata.normalize("NFKC", geocode.value[:40]).strip()
    if geocode.name == JIS:
        return Extent(codes=boundaries.expand(codes.normalise(value, path=path), path=path))
    if geocode.name == MESH:
        return _in_japan(boundaries, mesh.box_of(value, path=path), path)
    if geocode.name == GROUP:
        return boundaries.groups.extent(value, path=path)
    if len(value) != DIGITS[geocode.name]:
        raise faults.refusal([faults.unknown_code(value, path)])
    return boundaries.jma_area(geocode.name, value, path=path)


def _settled(gathered: _Gathering, path: str) -> Resolution:
    """Return the area of what was gathered; nothing of it is wrong."""
    boundaries, whole = gathered.boundaries, gathered.whole
    listed = {code: boundaries.as_covered(code) for code in whole}
    parts = [boundaries.geometry_of(whole)] if whole else []
    if gathered.drawn:
        drawn = shapely.union_all(gathered.drawn)
        met, findings = _met(drawn, boundaries, frozenset(whole), path)
        listed = met | listed
        parts.append(drawn)
        gathered.findings.extend(findings)
    geometry = parts[0] if len(parts) == 1 else shapely.union_all(parts)
    area = Area(
        geometry=geometry,
        municipalities=tuple(listed[code] for code in sorted(listed)),
        area_km2=measure.area_km2(geometry) if gathered.drawn else boundaries.area_m2(*whole) / 1e6,
        boundaries=boundaries.version,
        origins=tuple(dict.fromkeys(gathered.origins)),
    )
    gathered.findings.extend(_widened(gathered, area, path))
    return Resolution(area, tuple(gathered.findings))


def _widened(gathered: _Gathering, area: Area, path: str) -> list[Finding]:
    """Warn when codes make the area much wider than the shapes beside them: it is what CAP says, and often a slip."""
    if not gathered.whole or not any(origin.kind != "geocode" for origin in gathered.origins):
        return []
    drawn_km2 = measure.area_km2(shapely.union_all(gathered.drawn))
    names = [gathered.boundaries.name_of(code) for code in gathered.whole]
    return [faults.widened(names, drawn_km2, area.area_km2, path)] if area.area_km2 > WIDENED * drawn_km2 else []


def _met(
    drawn: BaseGeometry, boundaries: BoundarySet, whole: frozenset[str], path: str
) -> tuple[dict[str, Covered], list[Finding]]:
    """Return the municipalities that the drawn shapes meet, slivers left out, and what is worth knowing."""
    meetings = boundaries.meet(drawn)
    drawn_m2 = measure.area_km2(drawn) * 1e6
    if not meetings and not whole:
        return _offshore(drawn, drawn_m2, boundaries, path)
    slivers = _slivers(meetings, drawn_m2, whole, boundaries)
    findings = [faults.slivers([covered.name for covered in slivers.values()], path)] if slivers else []
    land_share = sum(meeting.ground_m2 for meeting in meetings) / drawn_m2
    if land_share < MOSTLY_OUTSIDE and not whole:
        findings.append(faults.mostly_outside(land_share, path))
    return {m.covered.code: m.covered for m in meetings if m.covered.code not in slivers}, findings


def _offshore(
    drawn: BaseGeometry, drawn_m2: float, boundaries: BoundarySet, path: str
) -> tuple[dict[str, Covered], list[Finding]]:
    code = boundaries.nearest(drawn, within_m=OFFSHORE_M)
    if code is None:
        raise faults.refusal([faults.outside_japan(path)])
    covered = boundaries.as_covered(code, share=min(1.0, drawn_m2 / boundaries.area_m2(code)))
    return {code: covered}, [faults.offshore(covered.name, path)]


def _slivers(
    meetings: Sequence[Meeting], drawn_m2: float, whole: frozenset[str], boundaries: BoundarySet
) -> dict[str, Covered]:
    """Return, by code, what a border's inaccuracy explains."""
    small = [meeting for meeting in meetings if _is_small(meeting, drawn_m2, whole)]
    kept = {meeting.covered.code for meeting in meetings} | whole
    kept -= {meeting.covered.code for meeting in small}
    along = (m for m in small if boundaries.is_along(m.part, kept, within_m=SLIVER_DEPTH_M))
    return {meeting.covered.code: meeting.covered for meeting in along}


def _is_small(meeting: Meeting, drawn_m2: float, whole: frozenset[str]) -> bool:
    covered = meeting.covered
    little = covered.share < SLIVER_SHARE and meeting.ground_m2 < SLIVER_PART * drawn_m2
    return little and covered.code not in whole
