"""lalert.cap.grammar: the small grammars, each with what it takes and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.cap import grammar
from lalert.cap.grammar import Malformed
from lalert.cap.model import Circle, Identity

JST = timezone(timedelta(hours=9))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-05-28T09:00:00+09:00", datetime(2026, 5, 28, 9, tzinfo=JST)),
        ("2026-05-28T00:00:00-00:00", datetime(2026, 5, 28, tzinfo=UTC)),
        ("\n 2026-05-28T00:00:00+00:00 ", datetime(2026, 5, 28, tzinfo=UTC)),
        ("2026-05-31T24:00:00+09:00", datetime(2026, 6, 1, tzinfo=JST)),  # the end of a day: XML Schema knows it
    ],
)
def test_time_is_read(text: str, value: datetime) -> None:
    """A CAP time is read with its offset; white space around it does not count."""
    assert grammar.parse_time(text) == value
    assert grammar.parse_time(text).utcoffset() == value.utcoffset()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "cap.time.empty"),
        ("2026-05-28T09:00:00Z", "cap.time.zulu"),
        ("2026-05-28T09:00:00.5+09:00", "cap.time.fraction"),
        ("2026-05-28T09:00:00", "cap.time.zone"),
        ("2026-05-28 09:00:00+09:00", "cap.time.format"),
        ("２０２６-05-28T09:00:00+09:00", "cap.time.format"),
        ("2026-02-30T09:00:00+09:00", "cap.time.date"),
        ("2026-02-30T24:00:00+09:00", "cap.time.date"),
        ("9999-12-31T24:00:00+09:00", "cap.time.date"),
        ("2026-05-28T24:00:01+09:00", "cap.time.date"),
        ("2026-05-28T09:00:00+14:01", "cap.time.offset"),
        ("2026-05-28T09:00:00+09:60", "cap.time.offset"),  # Python alone would read ten hours
    ],
)
def test_time_is_refused_by_its_fault(text: str, code: str) -> None:
    """Each fault of a time has its own code, so that the advice fits."""
    with pytest.raises(Malformed) as caught:
        grammar.parse_time(text)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-05-28T00:00:00Z", datetime(2026, 5, 28, tzinfo=UTC)),
        ("2026-05-28T00:00:00.25+00:00", datetime(2026, 5, 28, tzinfo=UTC)),
        ("2026-05-28T00:00:00", None),
        ("yesterday", None),
        ("2026-05-28T00:00:00+23:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-05-28T00:00:00+09:60", None),
        ("2026-05-28T00:00:00-0199 ", None),
    ],
)
def test_maybe_time_saves_what_is_plain(text: str, value: datetime | None) -> None:
    """An upstream's time counts where instant and zone are plain."""
    assert grammar.maybe_time(text) == value


@given(st.datetimes(timezones=st.integers(-840, 840).map(lambda m: timezone(timedelta(minutes=m)))))
def test_time_round_trips(value: datetime) -> None:
    """What is written is read as the same instant in the same zone, UTC as -00:00."""
    text = grammar.format_time(value)
    assert not text.endswith(("Z", "+00:00"))
    assert grammar.parse_time(text) == value.replace(microsecond=0)


@pytest.mark.parametrize("text", ["a", "urn:oid:2.49.0.0.392.0", "京都市-1", "x/y;z"])
def test_name_is_taken(text: str) -> None:
    """Names may hold anything but white space, comma, < and &."""
    assert grammar.is_name(text)


@pytest.mark.parametrize("text", ["", " ", "a b", "a,b", "a<b", "a&b", "a\u3000b"])
def test_name_is_refused(text: str) -> None:
    """Names that would break references are refused."""
    assert not grammar.is_name(text)


@pytest.mark.parametrize(("text", "good"), [("ja", True), ("ja-x-easy", True), ("en_US", False), ("", False)])
def test_language(text: str, good: bool) -> None:
    """A language tag joins its parts by hyphens."""
    assert grammar.is_language(text) is good


def test_references_are_read() -> None:
    """References are triples between any white space."""
    first, second = grammar.parse_references("a,1,2026-05-28T09:00:00+09:00\n\tb,2,2026-05-28T00:00:00-00:00")
    assert first == Identity("a", "1", datetime(2026, 5, 28, 9, tzinfo=JST))
    assert grammar.parse_references(grammar.format_references((first, second))) == (first, second)
    assert grammar.parse_references("") == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a,1", "cap.references.form"),
        ("a,,2026-05-28T09:00:00+09:00", "cap.references.form"),
        ("a,1,2026-05-28", "cap.references.time"),
        ("a,1,2026-05-28T09:00:00+09:00\u00a0b,2,2026-05-28T09:00:00+09:00", "cap.references.form"),
        ("a,1,2026-05-28T09:00:00+09:00\u3000", "cap.references.form"),
    ],
)
def test_references_are_refused(text: str, code: str) -> None:
    """A reference that is no triple, or has no CAP time, is refused."""
    with pytest.raises(Malformed) as caught:
        grammar.parse_references(text)
    assert caught.value.code == code


def test_polygon_is_read() -> None:
    """Pairs stand between any white space, latitude first."""
    assert grammar.parse_polygon("35.5,139 \n+36,-139.25\t.5,1.") == ((35.5, 139.0), (36.0, -139.25), (0.5, 1.0))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "cap.area.empty"),
        (" \n", "cap.area.empty"),
        ("35,139 36", "cap.polygon.syntax"),
        ("35,139,1 36,139", "cap.polygon.syntax"),
        ("35, 139", "cap.polygon.syntax"),
        ("nan,1", "cap.polygon.syntax"),
        ("1e3,1", "cap.polygon.syntax"),
        ("1_0,1", "cap.polygon.syntax"),
        ("３５,139", "cap.polygon.syntax"),
        ("8.72977),-68.13409", "cap.polygon.syntax"),
        ("1.2.3,4", "cap.polygon.syntax"),
        ("35,139\u00a036,140", "cap.polygon.syntax"),
        ("35,139\u300036,140", "cap.polygon.syntax"),
        ("\u3000", "cap.polygon.syntax"),
    ],
)
def test_polygon_is_refused(text: str, code: str) -> None:
    """Only plain decimals in pairs make a ring."""
    with pytest.raises(Malformed) as caught:
        grammar.parse_polygon(text)
    assert caught.value.code == code


def test_polygon_names_the_first_bad_pair() -> None:
    """Among thousands of pairs the sender learns which one is wrong."""
    with pytest.raises(Malformed) as caught:
        grammar.parse_polygon("35,139 " * 1000 + "36;139 35,139".replace(";", "-"))
    assert caught.value.found == "36-139"


coordinates = st.floats(-180, 180, allow_nan=False)


@given(st.lists(st.tuples(coordinates, coordinates), min_size=1))
def test_polygon_round_trips(pairs: list[tuple[float, float]]) -> None:
    """Rings are written exactly, without exponents."""
    text = grammar.format_polygon(tuple(pairs))
    assert "e" not in text
    assert grammar.parse_polygon(text) == tuple(pairs)


@given(st.builds(Circle, coordinates, coordinates, st.floats(0, 1e6)))
def test_circle_round_trips(circle: Circle) -> None:
    """Circles are written exactly."""
    assert grammar.parse_circle(grammar.format_circle(circle)) == circle


@pytest.mark.parametrize("text", ["35,139", "35,139 1 2", "35 139 1", "35,139 nan", "1,2 1km", "1e1,2 3", "1,2\u30003"])
def test_circle_is_refused(text: str) -> None:
    """A circle is a pair and a radius in plain decimals, with XML's white space between them."""
    with pytest.raises(Malformed, match=r"cap\.circle\.syntax"):
        grammar.parse_circle(text)


def test_empty_circle_is_empty() -> None:
    """An empty circle is told apart from a broken one."""
    with pytest.raises(Malformed, match=r"cap\.area\.empty"):
        grammar.parse_circle(" ")


NUMBERS = st.floats(-200, 200).map(repr) | st.from_regex(r"[+-]?[0-9]{0,25}\.?[0-9]{0,25}", fullmatch=True)
PAIRS = st.tuples(NUMBERS, NUMBERS).map(",".join)


def test_a_ring_is_the_same_wherever_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long ring is read piece by piece: no pair is lost, joined or doubled at a cut."""
    monkeypatch.setattr(grammar, "_PIECE", 5)
    ring = tuple((35 + number / 8, 139 - number / 4) for number in range(200))
    assert grammar.parse_polygon(grammar.format_polygon(ring)) == ring
    for text in ("35.1,139.2  36,140 35.1,139.2", " 35.1,139.2 36,140 ", "1,2 3,4"):
        assert grammar.parse_polygon(text) == grammar._ring(text)


@given(st.text('0123456789.,-+ eE[]{}"n\n\t\u3000', max_size=30) | st.lists(PAIRS, max_size=6).map(" ".join))
def test_both_ways_of_reading_a_ring_agree(text: str) -> None:
    """What JSON's reader takes for a ring is one, number for number; what it does not is read by the grammar."""
    quick = grammar._maybe_json_ring(text)
    if quick:
        assert quick == grammar._ring(text)
        assert {type(number) for pair in quick for number in pair} == {float}
