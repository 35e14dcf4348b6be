"""How a level looks."""

from __future__ import annotations

import pytest
from lxml import etree

from lalert.core.model import Priority
from lalert.render.palette import NOTHING, PAINTS, Look, badge, definitions, gravest_first, hatch_of, look_of


@pytest.mark.parametrize(
    ("look", "fill", "ink"),
    [
        ("5", "#0C000C", "#FFFFFF"),
        ("4", "#AA00AA", "#FFFFFF"),
        ("3", "#FF2800", "#000000"),
        ("2", "#F2E700", "#000000"),
    ],
)
def test_the_official_colours(look: str, fill: str, ink: str) -> None:
    """内閣府's screen colours; level 3 has black letters."""
    assert (PAINTS[Look(look)].fill, PAINTS[Look(look)].ink) == (fill, ink)


def test_white_for_one_and_grey_for_nothing() -> None:
    """Level 1 is white; no information is the official grey."""
    assert (PAINTS[Look.ONE].fill, NOTHING) == ("#FFFFFF", "#C8C8CB")


def test_no_two_looks_share_colour_or_hatch() -> None:
    """Never colour alone: each look has a hatch, a number and a colour of its own."""
    assert len({paint.hatch for paint in PAINTS.values()}) == len({p.fill for p in PAINTS.values()}) == len(Look)


@pytest.mark.parametrize(
    ("level", "priority", "look"),
    [
        (5, Priority.FLASH, Look.FIVE),
        (3, Priority.FLASH, Look.THREE),
        (None, Priority.FLASH, Look.UNLEVELLED),
        (None, Priority.PROMPT, Look.UNLEVELLED),
        (None, Priority.ROUTINE, Look.NOTICE),
    ],
)
def test_a_zone_looks_like_its_level(level: int | None, priority: Priority, look: Look) -> None:
    """A level is shown as it is; without one, what is urgent is told from a notice."""
    assert look_of(level, priority) is look


def test_gravest_first() -> None:
    """Level 5, then what has no level (tsunami), then the rest; each once."""
    assert gravest_first([Look.ONE, Look.FIVE, Look.UNLEVELLED, Look.FIVE]) == [Look.FIVE, Look.UNLEVELLED, Look.ONE]


def test_definitions_are_what_is_referred_to() -> None:
    """Every reference of fill and badge finds its definition, in valid XML."""
    root = etree.fromstring(f"<svg>{definitions(Look, grid=0.5)}</svg>")
    names = {element.get("id") for element in root.iter()}
    assert all(hatch_of(look)[5:-1] in names for look in Look)
    assert all(badge(look, 1, 2).split('"')[1][1:] in names for look in Look)
