"""Where and when, as OGC API - Features asks for it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict
from shapely.geometry.base import BaseGeometry

from lalert.errors import Rejected
from lalert.web.extent import Span, box, span
from lalert.web.query import Query

NOON = datetime(2026, 7, 6, 12, tzinfo=UTC)


def asked_span(text: str) -> Span | None:
    """Return the time that a request asks for."""
    query = Query(MultiDict(datetime=text), {"datetime"})
    found = span(query, "datetime")
    query.done()
    return found


def asked_box(text: str) -> BaseGeometry | None:
    """Return the box that a request asks for."""
    query = Query(MultiDict(bbox=text), {"bbox"})
    found = box(query, "bbox")
    query.done()
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-06T12:00:00Z", Span(NOON, NOON)),
        ("2026-07-06T21:00:00+09:00", Span(NOON, NOON)),
        ("2026-07-06T21:00:00 09:00", Span(NOON, NOON)),
        ("2026-07-06T12:00:00Z/..", Span(NOON, None)),
        ("/2026-07-06T12:00:00Z", Span(None, NOON)),
        ("../..", Span(None, None)),
    ],
)
def test_times_are_read(text: str, expected: Span) -> None:
    """A moment, an interval, one that is open; a plus sign that a client forgot to encode is still one."""
    assert asked_span(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "..", "2026-07-06", "2026-07-06T12:00:00", "2026-07-06T12:00:00Z/2026-07-05T12:00:00Z", "a/b/c"],
)
def test_times_that_mean_nothing_are_refused(text: str) -> None:
    """A time without an offset, a reversed interval: never silently now."""
    with pytest.raises(Rejected, match=r"query\.invalid"):
        asked_span(text)


def test_boxes_are_read() -> None:
    """Longitude first; heights are not looked at; one that crosses the antimeridian is two."""
    assert asked_box("139,35,140,36").bounds == (139, 35, 140, 36)  # type: ignore[union-attr]
    assert asked_box("139,35,0,140,36,9").bounds == (139, 35, 140, 36)  # type: ignore[union-attr]
    crossing = asked_box("150,20,-170,50")
    assert shapely.intersects_xy(crossing, [179, -175, 0], 30).tolist() == [True, True, False]


@pytest.mark.parametrize(
    "text", ["139,35,140", "139,36,140,35", "139,35,140,91", "1,2,3,nan", "a,b,c,d", "1,2,3,4,5,6,7"]
)
def test_boxes_that_mean_nothing_are_refused(text: str) -> None:
    """A box that is none never becomes the whole world."""
    with pytest.raises(Rejected, match=r"query\.invalid"):
        asked_box(text)


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    """Whatever is asked for, the answer is a value or a refusal."""
    for ask in (asked_span, asked_box):
        try:
            ask(text)
        except Rejected:
            continue
