"""How a level looks: the official screen colours, and never colour alone.

Neighbouring levels differ too little in lightness, so each has its number, a dark outline and its own hatch. What has
no level by law (tsunami, missiles) looks like none of them. Presentation attributes only: a strict Content Security
Policy takes style sheets and style attributes away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lalert.core.model import Priority
from lalert.errors import Text

OUTLINE = "#1B1B22"
NOTHING = "#C8C8CB"  # the official colour of "no information"
SEA = "#E9F0F5"


class Look(StrEnum):
    """What a place on a map can look like; the gravest first, as they are drawn over each other from the last."""

    FIVE = "5"
    UNLEVELLED = "!"
    FOUR = "4"
    THREE = "3"
    TWO = "2"
    ONE = "1"
    NOTICE = "i"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """Colours and the hatch of a look: `hatch` is a path in a cell of 8 by 8 units."""

    fill: str
    ink: str
    hatch: str
    hatch_ink: str
    hatch_opacity: float
    label: Text


PAINTS = {
    Look.FIVE: Paint(
        fill="#0C000C", ink="#FFFFFF", hatch="M0 8 8 0M0 0 8 8", hatch_ink="#FFFFFF", hatch_opacity=0.5,
        label=Text("直ちに安全確保", "Act now"),
    ),
    Look.UNLEVELLED: Paint(
        fill="#0B5FA5", ink="#FFFFFF", hatch="M0 3q2-3 4 0t4 0M0 7q2-3 4 0t4 0", hatch_ink="#FFFFFF", hatch_opacity=0.7,
        label=Text("津波など", "Tsunami etc."),
    ),
    Look.FOUR: Paint(
        fill="#AA00AA", ink="#FFFFFF", hatch="M0 8 8 0", hatch_ink="#FFFFFF", hatch_opacity=0.7,
        label=Text("全員避難", "All evacuate"),
    ),
    Look.THREE: Paint(
        fill="#FF2800", ink="#000000", hatch="M0 0 8 8", hatch_ink="#000000", hatch_opacity=0.45,
        label=Text("高齢者等は避難", "Elderly evacuate"),
    ),
    Look.TWO: Paint(
        fill="#F2E700", ink="#000000", hatch="M0 4H8", hatch_ink="#000000", hatch_opacity=0.4,
        label=Text("行動を確認", "Get ready"),
    ),
    Look.ONE: Paint(
        fill="#FFFFFF", ink="#000000", hatch="M3 4H5M4 3V5", hatch_ink="#000000", hatch_opacity=0.6,
        label=Text("心構え", "Be aware"),
    ),
    Look.NOTICE: Paint(
        fill="#BFE0EE", ink="#00344F", hatch="M4 0V8", hatch_ink="#00344F", hatch_opacity=0.3,
        label=Text("お知らせ", "Notice"),
    ),
}  # fmt: skip


def look_of(level: int | None, priority: Priority) -> Look:
    """Return the look of a zone of `level` in a message of `priority`."""
    if level is not None:
        return Look(str(level))
    return Look.NOTICE if priority is Priority.ROUTINE else Look.UNLEVELLED


def gravest_first(looks: Iterable[Look]) -> list[Look]:
    """Return each of `looks` once, the gravest first."""
    wanted = set(looks)
    return [look for look in Look if look in wanted]


def definitions(looks: Iterable[Look], *, grid: float) -> str:
    """Return the patterns and badges of `looks`; `grid` is the scale of the group that the patterns are used in."""
    return "".join(_pattern(look, 1 / grid) + _badge(look) for look in gravest_first(looks))


def hatch_of(look: Look) -> str:
    """Return the `fill` of a look on the map."""
    return f"url(#hatch-{look.name.lower()})"


def badge(look: Look, x: float, y: float) -> str:
    """Return the number of a look, in the middle of (x, y)."""
    return f'<use href="#badge-{look.name.lower()}" x="{x:.0f}" y="{y:.0f}"/>'


def _pattern(look: Look, scale: float) -> str:
    paint = PAINTS[look]
    return (
        f'<pattern id="hatch-{look.name.lower()}" width="8" height="8" patternUnits="userSpaceOnUse"'
        f' patternTransform="scale({scale:g})"><rect width="8" height="8" fill="{paint.fill}"/><path d="{paint.hatch}"'
        f' fill="none" stroke="{paint.hatch_ink}" stroke-opacity="{paint.hatch_opacity}"/></pattern>'
    )


def _badge(look: Look) -> str:
    """Return a disc with the number; what has no level is a diamond."""
    paint = PAINTS[look]
    diamond = look in (Look.UNLEVELLED, Look.NOTICE)
    shape = '<path d="M0-14 14 0 0 14-14 0z"' if diamond else '<circle r="10.5"'
    return (
        f'<g id="badge-{look.name.lower()}">{shape} fill="none" stroke="#FFF" stroke-width="4"/>'
        f'{shape} fill="{paint.fill}" stroke="{OUTLINE}" stroke-width="1.4"/>'
        f'<text y="5.3" font-size="15" font-weight="700" text-anchor="middle" fill="{paint.ink}">'
        f"{look.value}</text></g>"
    )
