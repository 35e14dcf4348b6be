"""What an Update leaves out: an Update is the full present state, so where it says nothing any more, all is clear.

Told by municipalities and the share of each that held, because these are known of both messages and cost nothing to
compare. Only what is certain is told: an Update over the same share of a city elsewhere leaves nothing out that could
be named, and areas that were resolved against different boundary sets are not compared at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from lalert.cap.model import Alert, Status
from lalert.cap.profile import is_all_clear
from lalert.core.model import Draft, Entry, Kind, LeftOut, Omission, Posted, State
from lalert.core.thread import supersedes
from lalert.geo.area import Area, Covered

MAX_NAMES: Final = 100
_SLIVER: Final = 0.01  # of a municipality: shapes drawn twice differ by so much


def omission_of(alert: Alert, area: Area | None, ended: Iterable[Posted]) -> Omission | None:
    """Return what `alert` over `area` leaves out of those among `ended` that were in force; None where nothing."""
    if area is None or alert.status is Status.SYSTEM:
        return None
    before = [posted.entry for posted in ended if posted.standing.state is State.IN_FORCE]
    known = {left.code: left for entry in before for left in _left_out(entry, area)}
    if not known:
        return None
    return Omission(municipalities=tuple(known[code] for code in sorted(known)), names=_names(before, alert))


def superseding(draft: Draft, current: Posted) -> Draft:
    """Return `draft` as it ends `current` too, which holds in its thread although the drafter had not seen it."""
    ended = replace(draft, supersedes=draft.supersedes + supersedes(draft.alert, (), current))
    if draft.kind is not Kind.UPDATE or draft.state is not State.IN_FORCE:
        return ended
    return replace(ended, omission=omission_of(draft.alert, draft.area, [current]) or draft.omission)


def _left_out(entry: Entry, area: Area) -> Iterable[LeftOut]:
    """Yield where `entry` held and `area` does not reach, or reaches less far."""
    now = {covered.code: covered.share for covered in area.municipalities}
    for covered in _held(entry, area.boundaries):
        if covered.code not in now:
            yield LeftOut(covered.code, covered.name, whole=True, en=covered.en)
        elif now[covered.code] < covered.share - _SLIVER:
            yield LeftOut(covered.code, covered.name, whole=False, en=covered.en)


def _held(entry: Entry, boundaries: str) -> Iterable[Covered]:
    """Return the municipalities where `entry` held: those of its zones that it did not lift, each once."""
    areas = [zone.area for zone in entry.zones if not zone.lifted and zone.area.boundaries == boundaries]
    largest: dict[str, Covered] = {}
    for covered in (covered for area in areas for covered in area.municipalities):
        if covered.code not in largest or largest[covered.code].share < covered.share:
            largest[covered.code] = covered
    return largest.values()


def _names(before: Sequence[Entry], alert: Alert) -> tuple[str, ...]:
    """Return the senders' own names of areas that were named before and are not any more, in the first language."""
    said = {area.area_desc for info in alert.infos for area in info.areas}
    gone = dict.fromkeys(
        area.area_desc
        for entry in before
        for info in entry.alert.infos
        if info.language == entry.alert.infos[0].language and not is_all_clear(info)
        for area in info.areas
        if area.area_desc not in said
    )
    return tuple(gone)[:MAX_NAMES]
