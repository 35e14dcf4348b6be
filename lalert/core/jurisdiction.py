"""May this sender alert this place? A sender alerts its own area only.

The border is drawn exactly, with a little slack: the municipalities of a polygon drawn by hand along a river reach a
few metres over it, and refusing such an order for that would cost lives on the right side of the border.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import shapely
from shapely.geometry.base import BaseGeometry

from lalert.core.model import Role, Sender
from lalert.errors import Finding, Rejected, Severity, Text, rejected
from lalert.geo.area import Area
from lalert.geo.boundaries import BoundarySet
from lalert.geo.geojson import geometry_to_geojson, sketched
from lalert.geo.outside import Outside, outside

EVERYWHERE = "*"
MAX_VERTICES = 2_000  # of the shape that a refusal shows


def check(sender: Sender, areas: Iterable[Area], boundaries: BoundarySet, *, slack_m: float) -> None:
    """Return if `sender` may say something about all of `areas`: its message's own and those that it supersedes.

    Raises `Rejected` with status 403: `role.sender` for a key that may not post at all, `jurisdiction.outside` with a
    finding for every municipality that lies outside by more than `slack_m` metres.
    """
    if sender.role is not Role.SENDER:
        raise _not_a_sender(sender)
    allowed = allowed_codes(sender, boundaries)
    if allowed is None:
        return
    beyond = [found for area in areas if (found := outside(area, allowed, boundaries, slack_m=slack_m)) is not None]
    if beyond:
        raise _outside(sender, beyond, boundaries)


def allowed_codes(sender: Sender, boundaries: BoundarySet) -> frozenset[str] | None:
    """Return the six-digit codes of all municipalities that `sender` may alert; None for the whole country.

    A code that the boundary set does not know (abolished since the key was issued) allows nothing: a merger must not
    widen anybody's rights by itself.
    """
    if EVERYWHERE in sender.areas:
        return None
    return frozenset(code for area in sender.areas for code in _expanded(area, boundaries))


def _expanded(area: str, boundaries: BoundarySet) -> tuple[str, ...]:
    try:
        return boundaries.expand(area)
    except Rejected:
        return ()


def _not_a_sender(sender: Sender) -> Rejected:
    return Rejected(
        Text(
            ja=f"このキー({sender.name})には情報を発信する権限がありません。発信用のキーで送信してください。",
            en=f"This key ({sender.name}) may not post alerts. Use a key of the role sender.",
        ),
        code="role.sender",
        status=403,
    )


def _outside(sender: Sender, beyond: Sequence[Outside], boundaries: BoundarySet) -> Rejected:
    codes = sorted({code for found in beyond for code in found.codes})
    shape = sketched(shapely.union_all([found.geometry for found in beyond]), most_vertices=MAX_VERTICES)
    allowed = [boundaries.name_of(code) for code in sender.areas]
    return rejected(
        [_finding(code, boundaries.name_of(code), allowed) for code in codes],
        code="jurisdiction.outside",
        status=403,
        message=Text(
            ja="このキーで発信できる地域の外が含まれているため、受け付けられません。",
            en="The area reaches beyond what this key may alert, so the message is refused.",
        ),
        members={"outside": _feature(codes, shape)},
    )


def _feature(codes: Sequence[str], shape: BaseGeometry) -> dict[str, object]:
    """Return what lies outside as a GeoJSON feature, to lay over a map."""
    return {"type": "Feature", "geometry": geometry_to_geojson(shape), "properties": {"municipalities": list(codes)}}


def _finding(code: str, name: str, allowed: Sequence[str]) -> Finding:
    return Finding(
        code="jurisdiction.outside",
        severity=Severity.ERROR,
        path="/alert/info/area",
        found=code,
        message=Text(
            ja=f"{name}({code})は、このキーで発信できる地域の外です。",
            en=f"{name} ({code}) lies outside what this key may alert.",
        ),
        advice=Text(
            ja=f"対象地域を{'、'.join(allowed) or '(なし)'}の中に収めるか、"
            "その地域を担当する機関から発信してください。",
            en=f"Keep the area within {', '.join(allowed) or '(nothing)'}, or let the authority of that place post it.",
        ),
    )
