"""The reader of chronologies: what it refuses, and that it names everything at once."""

from __future__ import annotations

import pytest
from shapely.geometry import box

from lalert.cli import chronology, phrases
from lalert.cli.chronology import Side, Slice
from lalert.cli.district import middle, rings
from lalert.errors import Rejected

HEAD = 'realm = "live"\nbegins = 2026-06-30T09:00:00+09:00\ntitle = { ja = "洪水", en = "A flood" }\n'
ORDER = "{ at = 2026-06-30T10:00:00+09:00, level = 4 }"
LIFT = '{ at = 2026-06-30T12:00:00+09:00, do = "lift" }'


def part(*acts: str, name: str = "river", hazard: str = "flood", codes: str = '"131113"') -> str:
    """Return a [[part]] with these acts."""
    return f'[[part]]\nname = "{name}"\nhazard = "{hazard}"\ncodes = [{codes}]\nacts = [{", ".join(acts)}]\n'


def codes_of(text: str) -> list[str]:
    """Return the codes of everything that is wrong with `text`."""
    with pytest.raises(Rejected) as refused:
        chronology.parse(text, name="mine")
    assert refused.value.code == "scenario.invalid"
    return [finding.code.removeprefix("scenario.") for finding in refused.value.findings]


def test_a_right_one() -> None:
    """A right file becomes a scenario with its acts in order."""
    scenario = chronology.parse(HEAD + part(ORDER, LIFT), name="mine")
    assert scenario.name == "mine"
    assert [act.do for act in scenario.parts[0].acts] == ["announce", "lift"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("realm =", "toml"),
        (HEAD, "value"),
        (HEAD + "part = 3\n", "value"),
        (part(ORDER), "value"),
        (HEAD + 'colour = "red"\n' + part(ORDER), "value"),
        (HEAD.replace("+09:00", "") + part(ORDER), "value"),
        (HEAD + part(ORDER.replace("level", "levle")), "value"),
        (HEAD + part(ORDER.replace("4 }", "6 }")), "value"),
        (HEAD + part(ORDER, codes=""), "value"),
        (HEAD + part(ORDER, codes='"tokyo"'), "value"),
        (HEAD + part(), "value"),
        (HEAD + part(ORDER, name="River"), "value"),
        (HEAD + part(ORDER) + part(ORDER), "name"),
        (HEAD + part(ORDER, hazard="earthquake"), "act"),
        (HEAD + part(ORDER, hazard="tsunami"), "act"),
        (HEAD + part(ORDER.replace("level = 4", 'act = "避難勧告"')), "act"),
        (HEAD + part(ORDER.replace("level = 4", 'level = 4, act = "避難指示"')), "act"),
        (HEAD + part("{ at = 2026-06-30T10:00:00+09:00 }"), "act"),
        (HEAD + part(ORDER) + "circle_km = 1.0\nslice = { side = 'north', share = 0.5 }\n", "shape"),
        (HEAD + part(ORDER) + "by = 'weather'\ncircle_km = 1.0\n", "shape"),
        (HEAD + part(ORDER) + "by = 'weather'\nslice = { side = 'north', share = 0.5 }\n", "shape"),
        (HEAD + part(ORDER, codes='"all"') + "by = 'weather'\n", "all"),
        (HEAD + part(ORDER.replace("T10", "T08")), "order"),
        (HEAD + part(LIFT.replace('"lift"', '"announce", level = 4'), ORDER), "order"),
        (HEAD + part(ORDER, ORDER), "order"),
        (HEAD + part(LIFT), "first"),
        (HEAD + part(ORDER, LIFT, LIFT.replace("T12", "T13")), "last"),
        (HEAD + part(ORDER, LIFT.replace("lift", "cancel")), "note"),
        (HEAD + part(ORDER, LIFT.replace("lift", "correct")), "note"),
    ],
)
def test_one_fault_is_named(text: str, code: str) -> None:
    """Each fault has its own code, and nothing else is complained of."""
    assert set(codes_of(text)) == {code}


def test_unknown_hazard_is_named() -> None:
    """A hazard that the vocabulary does not know is named beside the act that has no words for it."""
    assert codes_of(HEAD + part(ORDER, hazard="godzilla")) == ["hazard", "act"]


def test_every_fault_is_named_at_once() -> None:
    """Broken parts are all listed, each with where it stands."""
    text = HEAD + part(ORDER, name="A") + part(ORDER, name="b") + part(name="c")
    with pytest.raises(Rejected) as refused:
        chronology.parse(text, name="mine")
    assert [finding.path for finding in refused.value.findings] == ["/part/0", "/part/2"]
    assert all(finding.message.ja and finding.advice.en for finding in refused.value.findings)


def test_what_is_found_is_cut_short() -> None:
    """A finding never repeats a whole file."""
    fault = chronology.fault("toml", "/", "x" * 10_000)
    assert len(fault.found or "") == 200


@pytest.mark.parametrize(
    ("act", "level", "hazard", "name"),
    [
        (None, 3, "flood", "高齢者等避難"),
        (None, 4, "landslide", "避難指示"),
        (None, 5, "inundation", "緊急安全確保"),
        ("避難指示", None, "tsunami", "避難指示"),
        ("津波警報", None, "tsunami", "津波警報"),
        (None, 4, "tsunami", None),
        (None, None, "flood", None),
        ("避難指示", 4, "flood", None),
        ("避難勧告", None, "flood", None),
        ("避難指示", None, "missile", None),
    ],
)
def test_announcements_that_have_words(act: str | None, level: int | None, hazard: str, name: str | None) -> None:
    """Exactly one of level and act names an announcement; a tsunami has no level."""
    assert phrases.maybe_act(act, level, hazard) == name


@pytest.mark.parametrize(
    ("side", "bounds"),
    [
        (Side.NORTH, (139.0, 35.8, 140.0, 36.0)),
        (Side.SOUTH, (139.0, 35.0, 140.0, 35.2)),
        (Side.EAST, (139.8, 35.0, 140.0, 36.0)),
        (Side.WEST, (139.0, 35.0, 139.2, 36.0)),
    ],
)
def test_slice_takes_the_side(side: Side, bounds: tuple[float, float, float, float]) -> None:
    """A slice is closed, in lat/lon order, and reaches from its side as far as its share, 150 m off the border."""
    (ring,) = rings(box(139.0, 35.0, 140.0, 36.0), Slice(side=side, share=0.2))
    assert ring[0] == ring[-1]
    lats, lons = [lat for lat, _ in ring], [lon for _, lon in ring]
    west, south, east, north = bounds
    assert (min(lons), min(lats), max(lons), max(lats)) == pytest.approx((west, south, east, north), abs=0.0016)
    assert (min(lons), min(lats)) > (139.0, 35.0)


def test_slice_of_many_islands_keeps_the_largest() -> None:
    """Of many pieces the three largest are named."""
    islands = box(139.0, 35.0, 139.4, 35.4)
    for n in range(1, 6):
        islands = islands.union(box(139.0 + n, 35.0, 139.1 + n, 35.1 + n / 100))
    assert len(rings(islands, Slice(side=Side.SOUTH, share=1.0))) == 3


def test_middle_is_inside() -> None:
    """The middle of a bent shape lies inside it."""
    bent = box(139.0, 35.0, 140.0, 36.0).difference(box(139.1, 35.1, 140.0, 36.0))
    lat, lon = middle(bent)
    assert bent.covers(box(lon, lat, lon, lat).centroid)
