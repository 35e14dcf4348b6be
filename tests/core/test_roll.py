"""Who is told, and how loudly: each rule by itself, then everything at random against a model written resident by
resident, which knows nothing of bits, indexes or arrays."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from lalert.cap.model import Identity, Status
from lalert.core.matching import hearers_of
from lalert.core.model import CancelKind, Cursor, Draft, Entry, Heard, Kind, Priority, Reach, State, Zone
from lalert.core.resident import JAPAN, Peer, Quiet, Resident, Wish
from lalert.core.roll import NOBODY, Told, count_of, lane_of_place, place_of, told_of
from lalert.geo import mesh
from lalert.geo.area import Area, Covered
from lalert.geo.residents import CELLS, Index, Residents
from tests.core import messages

NIGHT = datetime(2026, 7, 6, 2, 40, tzinfo=JAPAN)
DAY = datetime(2026, 7, 6, 14, 40, tzinfo=JAPAN)
QUIET = Quiet(22 * 60, 6 * 60)
CHIYODA, CHUO, NAHA = "131016", "131024", "472018"
BOXES = {
    CHIYODA: shapely.box(139.73, 35.67, 139.78, 35.70),
    CHUO: shapely.box(139.76, 35.65, 139.79, 35.69),
    NAHA: shapely.box(127.65, 26.19, 127.73, 26.24),
}
PEER = Peer(endpoint="https://push.example/1", p256dh=b"", auth=b"")


def resident(number: int, **wish: object) -> Resident:
    """Return a resident, of Chiyoda unless it says otherwise."""
    values = {"areas": frozenset({CHIYODA})} | wish
    return Resident(id=str(number), digest="", wish=Wish(**values), peer=PEER, created_at=DAY, number=number)  # type: ignore[arg-type]


def area(*codes: str) -> Area:
    """Return the union of the boxes of `codes`."""
    return Area(
        geometry=shapely.union_all([BOXES[code] for code in codes]),
        municipalities=tuple(Covered(code, code, 1.0) for code in codes),
        area_km2=1.0,
        boundaries="test",
    )


def heard(*codes: str, level: int | None = 4, hazard: str = "flood") -> Heard:
    """Return an earlier audience."""
    return Heard(
        geometry=area(*codes).geometry, codes=frozenset(codes), level=level, hazards=(hazard,), categories=("Met",)
    )


def entry(
    *codes: str,
    level: int | None = 4,
    hazard: str = "flood",
    lifted: bool = False,
    before: tuple[Heard, ...] = (),
    status: Status = Status.ACTUAL,
    **more: object,
) -> Entry:
    """Return an entry for the boxes of `codes`."""
    zones = (Zone(area=area(*codes), level=level, hazard=hazard, lifted=lifted),) if codes else ()
    identity = Identity("a@example.jp", "before", NIGHT)
    message = messages.alert(messages.info(level=level, hazard=hazard), status=status)
    values: dict[str, object] = {
        "kind": Kind.ALERT,
        "at": NIGHT,
        "alert": message,
        "thread": "x",
        "supersedes": (Reach(identity=identity, area=area(CHIYODA), heard=before),) if before else (),
        "priority": Priority.URGENT,
        "level": level,
        "zones": zones,
        "area": area(*codes) if codes else None,
    }
    return Entry.of(Draft(**values | more), Cursor("k3f9", 1))  # type: ignore[arg-type]


def told(message: Entry, *residents: Resident, now: datetime = DAY) -> dict[int, bool]:
    """Return who is told, and for whom it makes no sound."""
    view = Residents(Index.of(place_of(one, lane=3) for one in residents)).view()
    found = told_of(message, view, now=now)
    assert count_of(message, view, now=now) == len(found)
    return dict(zip(found.numbers.tolist(), found.hushed.tolist(), strict=True))


def test_everybody_in_the_place_is_told() -> None:
    """By municipality, by prefecture, or by a cell that the shape touches; nobody else."""
    cell = mesh.code_at(lon=139.75, lat=35.69, level=CELLS[0])
    far = mesh.code_at(lon=139.70, lat=35.69, level=CELLS[0])
    people = (
        resident(1),
        resident(2, areas=frozenset({"13"})),
        resident(3, areas=frozenset(), cells=frozenset({cell})),
        resident(4, areas=frozenset(), cells=frozenset({far})),
        resident(5, areas=frozenset({CHUO})),
    )
    assert told(entry(CHIYODA), *people) == {1: False, 2: False, 3: False}


def test_level_and_hazard_are_as_asked() -> None:
    """At least the level that was asked for, one of the hazards that were asked for; none asked lets all pass."""
    people = (
        resident(1, min_level=5),
        resident(2, min_level=4),
        resident(3, hazards=frozenset({"landslide", "flood"})),
        resident(4, hazards=frozenset({"landslide"})),
        resident(5, hazards=frozenset({"of another edition"})),
    )
    assert set(told(entry(CHIYODA), *people)) == {2, 3}


def test_what_has_no_level_counts_by_its_urgency() -> None:
    """A tsunami warning passes a filter for level 4: its own urgency stands in."""
    assert told(entry(CHIYODA, level=None, hazard="tsunami"), resident(1, min_level=4)) == {1: False}


def test_whoever_heard_the_alarm_hears_the_end() -> None:
    """The Cancel names no area: those who heard what it takes back are told, by their filter of then."""
    cancel = entry(kind=Kind.CANCEL, state=State.CANCELLED, level=None, before=(heard(CHIYODA, level=4),))
    people = (resident(1, min_level=4), resident(2, min_level=5), resident(3, areas=frozenset({CHUO})))
    assert told(cancel, *people) == {1: False}


def test_whom_it_moved_away_from_hears_it() -> None:
    """An Update for the neighbour reaches those who heard the order before."""
    moved = entry(CHUO, kind=Kind.UPDATE, before=(heard(CHIYODA),))
    assert set(
        told(moved, resident(1), resident(2, areas=frozenset({CHUO})), resident(3, areas=frozenset({NAHA})))
    ) == {
        1,
        2,
    }


def test_a_correction_that_changes_nothing_tells_nobody() -> None:
    """A silent 訂正 raises no alarm, and a test of the line is nobody's business."""
    assert told(entry(CHIYODA, silent=True), resident(1)) == {}
    assert told(entry(CHIYODA, status=Status.SYSTEM), resident(1)) == {}
    assert len(NOBODY) == 0


def test_quiet_hours_let_grave_news_through() -> None:
    """By night level 4 and tsunami make a sound, level 3 is not told; by day everything is."""
    calm, sleeper = resident(1), resident(2, quiet=QUIET)
    for message, night in (
        (entry(CHIYODA, level=4), {1: False, 2: False}),
        (entry(CHIYODA, level=None, hazard="tsunami"), {1: False, 2: False}),
        (entry(CHIYODA, level=3), {1: False}),
    ):
        assert told(message, calm, sleeper, now=NIGHT) == night
        assert told(message, calm, sleeper, now=DAY) == {1: False, 2: False}


def test_ends_are_shown_by_night_without_a_sound() -> None:
    """Lifted, cancelled, expired or moved away: it is an end for those who heard it, and nobody is woken."""
    sleeper = resident(1, quiet=QUIET)
    lifting = entry(CHIYODA, kind=Kind.UPDATE, state=State.CANCELLED, level=None, lifted=True, before=(heard(CHIYODA),))
    ends = (
        lifting,
        entry(CHIYODA, kind=Kind.EXPIRE, state=State.EXPIRED),
        entry(CHIYODA, level=3, kind=Kind.EXPIRE, state=State.EXPIRED),
        entry(CHUO, kind=Kind.UPDATE, before=(heard(CHIYODA),)),
        entry(CHIYODA, kind=Kind.CANCEL, state=State.CANCELLED, cancel_kind=CancelKind.LIFTED),
    )
    for end in ends:
        assert told(end, sleeper, now=NIGHT) == {1: True}
        assert told(end, sleeper, now=DAY) == {1: False}


def test_the_cancellation_of_a_grave_alarm_is_as_loud_as_the_alarm() -> None:
    """取消 of level 4 makes a sound by night, that of level 3 does not: nobody was woken by it."""
    sleeper = resident(1, quiet=QUIET)
    for level, is_hushed in ((4, False), (3, True)):
        cancel = entry(
            kind=Kind.CANCEL,
            state=State.CANCELLED,
            cancel_kind=CancelKind.FALSE_ALARM,
            level=None,
            before=(heard(CHIYODA, level=level),),
        )
        assert told(cancel, sleeper, now=NIGHT) == {1: is_hushed}


def test_quiet_hours_may_lie_within_a_day() -> None:
    """From the first minute on, to the last one exclusively, in Japan, whatever the zone of the clock."""
    nap = Quiet(13 * 60, 14 * 60)
    begin = datetime(2026, 7, 6, 13, 0, tzinfo=JAPAN)
    for at, is_quiet in ((begin, True), (begin - timedelta(minutes=1), False), (begin + timedelta(hours=1), False)):
        assert nap.holds_at(at) is is_quiet
        assert (told(entry(CHIYODA, level=3), resident(1, quiet=nap), now=at) == {}) is is_quiet


def test_lanes_and_batches() -> None:
    """A place remembers its lane; who is told can be had lane by lane, batch by batch, or by number."""
    people = [resident(number) for number in range(1, 9)]
    view = Residents(Index.of(place_of(one, lane=one.number % 2 * 255) for one in people)).view()
    found = told_of(entry(CHIYODA), view, now=DAY)
    lanes = found.by_lane()
    odd: Told = lanes[255]
    assert lane_of_place(place_of(people[0], lane=255)) == 255
    assert (sorted(lanes), lanes[0].numbers.tolist(), NOBODY.by_lane()) == ([0, 255], [2, 4, 6, 8], {})
    assert odd.numbers.tolist() == [1, 3, 5, 7]
    assert odd.after(3, 1).numbers.tolist() == [5]
    assert odd.after(7, 5).numbers.tolist() == []
    assert odd.among([7, 2, 1]).numbers.tolist() == [1, 7]


def expected(message: Entry, one: Resident, now: datetime) -> bool | None:
    """Return whether it is hushed for this resident, None if it is not told: the rule in words, one by one."""
    if message.silent:
        return None
    wish, mine = one.wish, []
    own = len(message.zones) if message.area else 1
    for number, audience in enumerate(hearers_of(message).heard):
        codes = audience.codes | {code[:2] for code in audience.codes}
        in_cell = audience.geometry is not None and any(
            mesh.box_of(cell).intersection(audience.geometry).area > 0 for cell in wish.cells
        )
        if not (in_cell or wish.areas & codes):
            continue
        if wish.min_level and (audience.level or 0) < wish.min_level:
            continue
        if wish.hazards and not wish.hazards & set(audience.hazards):
            continue
        alarms = number < own and message.area is not None and message.state is State.IN_FORCE
        mine.append((audience, alarms and not message.zones[number].lifted))
    if not mine:
        return None
    if wish.quiet is None or not wish.quiet.holds_at(now):
        return False
    is_grave = any((audience.level or 0) >= 4 or "tsunami" in audience.hazards for audience, _ in mine)
    is_alarm = any(alarms for _, alarms in mine)
    if is_alarm:
        return False if is_grave else None
    return not (is_grave and message.cancel_kind is CancelKind.FALSE_ALARM)


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_everybody_gets_exactly_what_the_rules_say(seed: int) -> None:
    """Random entries, random residents, any hour: the same answer as asking resident by resident."""
    draw = random.Random(seed)
    people = [_somebody(draw, number) for number in range(1, 30)]
    message = _anything(draw)
    now = DAY + timedelta(minutes=draw.randrange(1440))
    answers = {one.number: expected(message, one, now) for one in people}
    assert told(message, *people, now=now) == {
        number: hushed for number, hushed in answers.items() if hushed is not None
    }


def _somebody(draw: random.Random, number: int) -> Resident:
    near = [
        mesh.code_at(lon=draw.uniform(139.70, 139.82), lat=draw.uniform(35.63, 35.72), level=draw.choice(CELLS))
        for _ in range(draw.randint(0, 2))
    ]
    return resident(
        number,
        areas=frozenset(draw.sample([CHIYODA, CHUO, NAHA, "13", "47"], draw.randint(0, 2))),
        cells=frozenset(near),
        min_level=draw.choice([None, 1, 2, 3, 4, 5]),
        hazards=frozenset(draw.sample(["flood", "tsunami", "landslide", "unheard of"], draw.choice([0, 0, 1, 2]))),
        quiet=draw.choice([None, QUIET, Quiet(9 * 60, 17 * 60), Quiet(draw.randrange(1440), draw.randrange(1440))]),
    )


def _anything(draw: random.Random) -> Entry:
    hazard = draw.choice(["flood", "tsunami", "landslide"])
    level = None if hazard == "tsunami" else draw.choice([None, 1, 2, 3, 4, 5])
    before = tuple(
        heard(
            *draw.sample(list(BOXES), 1),
            level=draw.choice([None, 2, 3, 4, 5]),
            hazard=draw.choice(["flood", "tsunami"]),
        )
        for _ in range(draw.randint(0, 3))
    )
    made = entry(*draw.sample(list(BOXES), draw.randint(0, 2)), level=level, hazard=hazard, before=before)
    return replace(
        made,
        state=draw.choice(list(State)),
        cancel_kind=draw.choice([None, *CancelKind]),
        zones=tuple(replace(zone, lifted=draw.random() < 0.3) for zone in made.zones),
        silent=draw.random() < 0.1,
    )


def test_residents_are_found_under_the_code_of_their_day() -> None:
    """A set without wards names the city; a merger, its successor: whoever subscribed before hears the alarm."""
    index = Residents()
    for number, code in enumerate(("261017", "261009", "261025", NAHA), start=1):
        index.put(place_of(resident(number, areas=frozenset({code})), lane=0))
    BOXES["261009"] = BOXES["261017"] = shapely.box(135.7, 35.0, 135.8, 35.1)
    city = told_of(entry("261009"), index.view(), now=DAY)
    ward = told_of(entry("261017"), index.view(), now=DAY)
    assert city.numbers.tolist() == [1, 2, 3]
    assert ward.numbers.tolist() == [1, 2]
