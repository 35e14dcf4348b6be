"""The box that tells a level in a list: the maps' number and colour, so that one sign has one meaning everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lalert.core.model import Priority
from lalert.render.palette import PAINTS, Look, look_of
from lalert.render.words import level_label, pick
from lalert.web.phrases import phrases

GRAVEST_FIRST: Final = tuple(Look)


@dataclass(frozen=True, slots=True)
class Badge:
    """What the box prints, the name of its pattern in the style sheet, and how it is read out."""

    mark: str
    style: str
    label: str

    @property
    def is_word(self) -> bool:
        """Whether the mark needs more room than one sign."""
        return len(self.mark) > 1


def look_at(level: int | None, priority: Priority) -> Look:
    """Return the look of one alert: its level's where it has one, whatever lane its thread travels in."""
    return Look(str(level)) if level is not None else look_of(None, priority)


def badge_of(look: Look, lang: str) -> Badge:
    """Return the badge of a look."""
    label = level_label(int(look.value), lang) if look.value.isdecimal() else pick(PAINTS[look].label, lang)
    return Badge(look.value, look.name.lower(), label)


def sign_of(look: Look, lang: str) -> dict[str, object]:
    """Return what a script needs to draw a look as the maps do: colours, hatch (a path in 8 by 8), mark and word."""
    paint, badge = PAINTS[look], badge_of(look, lang)
    return {
        "mark": badge.mark,
        "style": badge.style,
        "label": badge.label,
        "isDiamond": not badge.mark.isdecimal(),
        "fill": paint.fill,
        "ink": paint.ink,
        "hatch": paint.hatch,
        "hatchInk": paint.hatch_ink,
        "hatchOpacity": paint.hatch_opacity,
    }


def badge_of_error(lang: str) -> Badge:
    """Return the badge of what was sent in error and cancelled."""
    words = phrases(lang)
    return Badge(words["cancelled_mark"], "error", words["cancelled"])


def badge_of_end(word: str) -> Badge:
    """Return the badge of what does not hold (解除, 期限終了), which warns of nothing, however urgent it was."""
    return Badge(word, "past", word)
