"""Query strings: what was asked for, and every mistake by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from lalert.core.model import Cursor, Subscription
from lalert.errors import Rejected
from lalert.geo.boundaries import BoundarySet, load
from lalert.web.query import FILTERS, Query, subscription
from lalert.web.query import point as point_of

JAPAN = load()


def asked(**given_: str) -> Subscription:
    """Return the filter of a query string; raises for mistakes."""
    query = Query(MultiDict(given_), FILTERS)
    wanted = subscription(query, JAPAN)
    query.done()
    return wanted


def mistakes(**given_: str) -> list[tuple[str, str | None]]:
    """Return the code and place of every mistake."""
    with pytest.raises(Rejected) as refused:
        asked(**given_)
    assert (refused.value.status, refused.value.code) == (400, "query.invalid")
    return [(finding.code, finding.path) for finding in refused.value.findings]


def test_nothing_asked_is_everything() -> None:
    """No filter lets everything pass."""
    assert asked() == Subscription()


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_an_empty_filter_is_not_everything(name: str) -> None:
    """Whoever's variable was empty is told so, and not sent all of Japan."""
    assert mistakes(**{name: ""}) == [("query.value", name)]
    assert ("query.value", name) in mistakes(**{name: ",,"})


def test_examples_are_right() -> None:
    """What is shown to whoever made a mistake is none."""
    with pytest.raises(Rejected) as refused:
        asked(**dict.fromkeys(FILTERS, ""))
    examples = dict(finding.advice.en.removeprefix("Example: ").split("=") for finding in refused.value.findings)
    assert examples.keys() == FILTERS
    assert all(asked(**{name: example}) != Subscription() for name, example in examples.items())


def test_filters() -> None:
    """Every filter in its own form; codes become the one form that a subscription has."""
    assert asked(area="13101,14") == Subscription(areas=frozenset({"131016", "14"}))
    assert asked(point="35.123456,139.654321") == Subscription(point=(139.6543, 35.1235))
    assert asked(min_level="4", hazard="flood,tsunami") == Subscription(
        min_level=4, hazards=frozenset({"flood", "tsunami"})
    )
    assert asked(category="Met,Geo", lang="en", include="system") == Subscription(
        categories=frozenset({"Met", "Geo"}), lang="en", system=True
    )


@pytest.mark.parametrize(
    ("given_", "found"),
    [
        ({"areas": "13"}, [("query.unknown", "areas")]),
        ({"area": "131017"}, [("query.value", "area")]),
        ({"area": "13,x,99"}, [("query.value", "area"), ("query.value", "area")]),
        ({"area": "13", "point": "35,139"}, [("query.value", "point")]),
        ({"point": "35"}, [("query.value", "point")]),
        ({"point": "139.7,35.6"}, [("query.value", "point")]),
        ({"point": "nan,139"}, [("query.value", "point")]),
        ({"min_level": "6"}, [("query.value", "min_level")]),
        ({"min_level": "-1"}, [("query.value", "min_level")]),
        ({"min_level": "４"}, [("query.value", "min_level")]),
        ({"category": "Weather"}, [("query.value", "category")]),
        ({"include": "system,drill"}, [("query.value", "include")]),
        ({"hazard": ",".join(map(str, range(201)))}, [("query.value", "hazard")]),
        ({"x": "1", "min_level": "9"}, [("query.unknown", "x"), ("query.value", "min_level")]),
    ],
)
def test_mistakes(given_: dict[str, str], found: list[tuple[str, str]]) -> None:
    """Each mistake is named, all of them at once."""
    assert mistakes(**given_) == found


def test_typing_errors_are_guessed_in_the_advice_only() -> None:
    """A near miss is offered, never taken."""
    with pytest.raises(Rejected) as refused:
        asked(min_levl="4")
    assert "min_level" in refused.value.findings[0].advice.ja


def test_twice_is_a_mistake() -> None:
    """The same parameter twice means something else to everybody: it is refused."""
    query = Query(MultiDict([("area", "13"), ("area", "14")]), FILTERS)
    with pytest.raises(Rejected, match=r"query\.invalid"):
        query.done()


@pytest.mark.parametrize(("text", "cursor"), [("k3f9-7", Cursor("k3f9", 7)), ("", None)])
def test_cursor(text: str, cursor: Cursor | None) -> None:
    """A cursor as the log spells it."""
    query = Query(MultiDict(since=text), {"since"})
    assert query.cursor("since") == cursor
    query.done()


@pytest.mark.parametrize("text", ["k3f9", "k3f9-", "k3f9-07", "K3F9-7", "k3f9-7 ", "-7"])
def test_no_cursor(text: str) -> None:
    """What only looks like a cursor is a mistake."""
    query = Query(MultiDict(since=text), {"since"})
    assert query.cursor("since") is None
    with pytest.raises(Rejected):
        query.done()


def test_found_is_cut_short() -> None:
    """Neither names nor values come back at full length."""
    with pytest.raises(Rejected) as refused:
        asked(**{"x" * 500: "1", "min_level": "9" * 500})
    for finding in refused.value.findings:
        assert len(finding.path or "") <= 80
        assert len(finding.found or "") <= 80
        assert len(finding.message.ja) < 200


@given(st.text(max_size=40))
def test_any_point_is_a_place_or_a_mistake(text: str) -> None:
    """Whatever stands in `point`: a position on the earth comes out, or a finding."""
    query = Query(MultiDict(point=text), {"point"})
    spot = point_of(query, text, "point")
    if spot is None:
        with pytest.raises(Rejected):
            query.done()
    else:
        assert -180 <= spot[0] <= 180
        assert -90 <= spot[1] <= 90


def test_fixture_is_the_embedded_set(japan: BoundarySet) -> None:
    """The codes of these tests are those of the set that the program ships."""
    assert japan is JAPAN
