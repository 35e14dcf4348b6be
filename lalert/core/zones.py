"""Zones: the parts of an alert that differ in place or meaning, whatever the languages they are told in.

One info is one part in one language. The infos of the first language define the parts; a translation over the same
place adds nothing unless it says something else: then it is a zone of its own, because whichever of the two is wrong,
leaving one out would be a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import structs

from lalert.cap.model import Alert, AreaBlock, Info, MsgType, Status
from lalert.cap.profile import hazard_of, is_all_clear, level_of
from lalert.core.model import Zone
from lalert.errors import Finding, Rejected, Severity, Text, rejected
from lalert.geo import faults
from lalert.geo.boundaries import BoundarySet
from lalert.geo.resolve import Resolution, resolve
from lalert.geo.tangle import MAX_CROSSINGS, crossings

MAX_CIRCLES: Final = 5_000  # of a message: each takes half a millisecond

# Where somebody is, without the name that a translation changes: everything of an area block but its description.
Place = tuple[tuple[object, ...], ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one info says: where, and what about it."""

    place: Place
    level: int | None
    hazard: str | None
    lifted: bool


def zones_of(alert: Alert, boundaries: BoundarySet) -> tuple[tuple[Zone, ...], tuple[Finding, ...]]:
    """Return the zones of `alert`, and what its sender should know about their areas.

    Raises `Rejected` (`area.*`) that lists everything wrong with all of its areas; a part of an Alert or Update that
    names no place at all is wrong. A Cancel and a test of the line need no area: a Cancel reaches whoever heard what
    it takes back, so an area of its own that cannot be resolved (its code was abolished meanwhile) is a warning.
    """
    places, passed = _resolved(alert, boundaries)
    parts: list[_Part] = []
    for info in alert.infos:
        part = _part(info, alert)
        if part.place in places and not any(_says_the_same(part, known, info, alert) for known in parts):
            parts.append(part)
    zones = [Zone(area=places[p.place].area, level=p.level, hazard=p.hazard, lifted=p.lifted) for p in parts]
    return tuple(zones), (*passed, *(finding for place in places.values() for finding in place.findings))


def maybe_zones_of(
    alert: Alert, boundaries: BoundarySet, told: Sequence[Finding]
) -> tuple[tuple[Zone, ...], tuple[Finding, ...]]:
    """Return the zones of `alert`, none where they cannot be resolved, and everything that its areas have wrong.

    `told` is what was found in the message itself: a broken ring is no area either, but one mistake is told once.
    """
    try:
        return zones_of(alert, boundaries)
    except Rejected as refused:
        known = {one.path for one in told if one.severity is Severity.ERROR and one.path is not None}
        return (), tuple(finding for finding in refused.findings if finding.path not in known)


def _resolved(alert: Alert, boundaries: BoundarySet) -> tuple[dict[Place, Resolution], tuple[Finding, ...]]:
    """Resolve every distinct place once; collect what is wrong with any of them, and what a Cancel is passed for."""
    resolved: dict[Place, Resolution] = {}
    findings = _too_much(alert)
    for number, info in enumerate(() if findings else alert.infos, start=1):
        place = _place(info.areas)
        if place in resolved or not (info.areas or _must_have_area(info, alert)):
            continue
        try:
            resolved[place] = resolve(info.areas, boundaries, path=f"/alert/info[{number}]")
        except Rejected as refusal:
            findings.extend(refusal.findings)
    if findings and alert.msg_type is not MsgType.CANCEL:
        raise rejected(findings, code=findings[0].code, message=_UNRESOLVED)
    return resolved, tuple(structs.replace(finding, severity=Severity.WARNING) for finding in findings)


def _too_much(alert: Alert) -> list[Finding]:
    """Refuse so many circles, or shapes that cross each other so often, that nobody could say in time where they hold.

    Each info has its own bound in `resolve`; what all of them ask for together is counted here.
    """
    blocks = [block for info in {_place(info.areas): info for info in alert.infos}.values() for block in info.areas]
    circles = [circle for block in blocks for circle in block.circles]
    if len(circles) > MAX_CIRCLES:
        return [faults.too_much(Text("circle", "circles"), len(circles), MAX_CIRCLES, "/alert/info[1]")]
    count = crossings([ring for block in blocks for ring in block.polygons], circles)
    what = Text("図形どうしの交わり", "crossings of shapes")
    return [faults.too_much(what, count, MAX_CROSSINGS, "/alert/info[1]")] if count > MAX_CROSSINGS else []


_UNRESOLVED = Text(
    ja="対象地域を特定できないため、受け付けられません。誤りを全て直して再送してください。",
    en="The area cannot be resolved, so the message is refused. Correct everything listed and post it again.",
)


def _must_have_area(info: Info, alert: Alert) -> bool:
    """Whether `info` has to say where: those of the first language do, a translation may leave it to them."""
    if alert.msg_type is MsgType.CANCEL or alert.status is Status.SYSTEM:
        return False
    return info.language == alert.infos[0].language


def _part(info: Info, alert: Alert) -> _Part:
    return _Part(
        place=_place(info.areas),
        level=level_of(info, sent=alert.sent),
        hazard=hazard_of(info, sent=alert.sent),
        lifted=is_all_clear(info),
    )


def _place(blocks: Sequence[AreaBlock]) -> Place:
    return tuple((block.polygons, block.circles, block.geocodes) for block in blocks)


def _says_the_same(part: _Part, known: _Part, info: Info, alert: Alert) -> bool:
    """Whether `known` already says what `part` says. A translation may leave level or hazard to the first language."""
    if part == known:
        return True
    return (
        info.language != alert.infos[0].language
        and (part.place, part.lifted) == (known.place, known.lifted)
        and part.level in {None, known.level}
        and part.hazard in {None, "other", known.hazard}
    )
