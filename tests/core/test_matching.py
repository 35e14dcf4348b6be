"""Who wants an entry: the one predicate."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from lalert.cap.model import Alert, Category, Info, MsgType, Severity, Status, Urgency
from lalert.core.expiry import expiry_of
from lalert.core.matching import Hearers, hearers_of, merged, reaches, wants
from lalert.core.model import Entry, Heard, Kind, Subscription
from tests.core.messages import CHIYODA, CHUO, SENT, YOKOHAMA, History, alert, all_clear, identity, info

UPDATE, CANCEL = MsgType.UPDATE, MsgType.CANCEL


def _posted(*infos: Info, **changes: object) -> Entry:
    return History().post(alert(*infos, **changes))  # type: ignore[arg-type]


def _sub(**asked: object) -> Subscription:
    sets = {name: frozenset(value) if isinstance(value, list) else value for name, value in asked.items()}
    return Subscription(**sets)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "is_wanted"),
    [
        ({}, True),
        ({"areas": [CHIYODA]}, True),
        ({"areas": ["13"]}, True),
        ({"areas": ["14", CHIYODA]}, True),
        ({"areas": ["14"]}, False),
        ({"areas": [CHUO]}, False),
        ({"point": (0.5, 0.5)}, True),
        ({"point": (1.0, 0.5)}, True),
        ({"point": (0.5, 1.0000001)}, False),
        ({"min_level": 4}, True),
        ({"min_level": 5}, False),
        ({"hazards": ["flood", "tsunami"]}, True),
        ({"hazards": ["tsunami"]}, False),
        ({"categories": ["Met"]}, True),
        ({"categories": ["Geo"]}, False),
        ({"lang": "en"}, True),
        ({"areas": [CHIYODA], "min_level": 5}, False),
        ({"areas": [CHUO], "point": (0.5, 0.5)}, False),
    ],
)
def test_every_condition_must_hold(asked: dict[str, object], is_wanted: bool) -> None:
    """Area, point, level, hazard and category narrow; a language hides nothing. A point may lie on the border."""
    assert wants(_sub(**asked), _posted(info(level=4))) is is_wanted


@pytest.mark.parametrize(
    ("named", "asked", "is_wanted"),
    [
        ("261009", "261017", True),  # 京都市 for somebody in 北区, from a set without wards
        ("261017", "261009", True),
        ("261017", "261025", False),  # 北区 is not 上京区
        ("221384", "221350", True),  # 浜松市中央区 for who subscribed in the 北区 of before 2024
        ("221350", "221392", True),
        ("221384", "221392", False),
    ],
)
def test_another_edition_of_the_map_leaves_nobody_out(named: str, asked: str, is_wanted: bool) -> None:
    """Cities and their wards, what was merged and what it became: found under either code; sister wards are not."""
    heard = Heard(geometry=None, codes=frozenset({named}), level=4, hazards=(), categories=())
    assert reaches(_sub(areas=[asked]), Hearers(system=False, heard=(heard,))) is is_wanted


def test_level_and_place_belong_together() -> None:
    """Level 5 next door is not level 5 here: each part of an alert is matched by itself."""
    entry = _posted(info(level=5, codes=[CHIYODA]), info(level=3, codes=[CHUO]))
    assert wants(_sub(areas=[CHIYODA], min_level=5), entry)
    assert not wants(_sub(areas=[CHUO], min_level=5), entry)
    assert wants(_sub(areas=[CHUO], min_level=3), entry)


@pytest.mark.parametrize(
    ("hazard", "urgency", "severity", "stands_for"),
    [
        ("tsunami", Urgency.IMMEDIATE, Severity.EXTREME, 5),
        ("volcano", Urgency.IMMEDIATE, Severity.SEVERE, 4),
        ("wind", Urgency.EXPECTED, Severity.SEVERE, 3),
        ("notice", Urgency.PAST, Severity.MINOR, 0),
    ],
)
def test_urgency_stands_in_for_a_level_that_the_law_does_not_give(
    hazard: str, urgency: Urgency, severity: Severity, stands_for: int
) -> None:
    """Who asks for level 4 and above hears a 大津波警報, and is not bothered by notices."""
    entry = _posted(info(level=None, hazard=hazard, urgency=urgency, severity=severity))
    assert [level for level in range(1, 6) if wants(_sub(min_level=level), entry)] == list(range(1, stands_for + 1))


def test_information_beside_a_level_is_not_raised_by_it() -> None:
    """A part without a level in an alert that has one stands for none."""
    entry = _posted(info(level=4, codes=[CHIYODA]), info(level=None, hazard="shelter", codes=[CHUO]))
    assert not wants(_sub(areas=[CHUO], min_level=3), entry)
    assert wants(_sub(areas=[CHUO]), entry)


def test_tests_of_the_line_come_only_to_those_who_asked() -> None:
    """Status System reaches nobody without `system`, and then without any area."""
    entry = _posted(status=Status.SYSTEM)
    assert not wants(_sub(), entry)
    assert wants(_sub(system=True), entry)


def test_no_area_is_never_everywhere() -> None:
    """A Cancel of an unknown message names no place: readers who asked for a place are not told."""
    entry = _posted(msg_type=CANCEL, refs=[identity("lost")])
    assert wants(_sub(), entry)
    assert not wants(_sub(areas=[CHIYODA]), entry)
    assert not wants(_sub(point=(0.5, 0.5)), entry)


@pytest.fixture
def log() -> History:
    """A log with the level 5 Alert A in Chiyoda and Chuo."""
    history = History()
    history.post(alert(info(level=5, codes=[CHIYODA, CHUO]), identifier="A"))
    return history


_ENDS: list[Callable[[], Alert]] = [
    lambda: alert(identifier="B", msg_type=CANCEL, refs=[identity("A")]),
    lambda: alert(all_clear(codes=[CHIYODA]), identifier="B", msg_type=UPDATE, refs=[identity("A")]),
    lambda: alert(
        info(level=2, hazard="other", codes=[YOKOHAMA], category=Category.OTHER),
        identifier="B",
        msg_type=UPDATE,
        refs=[identity("A")],
    ),
]


@pytest.mark.parametrize("change", _ENDS, ids=["cancel", "all clear", "elsewhere"])
@pytest.mark.parametrize(
    "asked",
    [{"areas": [CHUO]}, {"min_level": 5}, {"hazards": ["flood"]}, {"point": (1.5, 0.5)}, {"categories": ["Met"]}],
)
def test_whoever_heard_the_alarm_hears_its_end(
    log: History, change: Callable[[], Alert], asked: dict[str, object]
) -> None:
    """Cancel, all clear and Update reach everybody whom the superseded message reached."""
    assert wants(_sub(**asked), log.entries[0])
    assert wants(_sub(**asked), log.post(change()))


def test_whoever_heard_nothing_hears_no_end(log: History) -> None:
    """The end of an alarm goes to those who heard it, and to nobody beside."""
    cancel = log.post(alert(identifier="B", msg_type=CANCEL, refs=[identity("A")]))
    for asked in ({"areas": [YOKOHAMA]}, {"hazards": ["tsunami"]}, {"point": (5.5, 0.5)}, {"categories": ["Fire"]}):
        assert not wants(_sub(**asked), cancel)


def test_the_end_of_a_long_thread_reaches_its_beginning(log: History) -> None:
    """Level 5 in Chuo, then level 3 in Chiyoda only, then the Cancel of that: Chuo hears all three."""
    log.post(alert(info(level=3, codes=[CHIYODA]), identifier="B", msg_type=UPDATE, refs=[identity("A")]))
    cancel = log.post(alert(identifier="C", msg_type=CANCEL, refs=[identity("B")]))
    assert wants(_sub(areas=[CHUO], min_level=5), cancel)
    assert not wants(_sub(areas=[YOKOHAMA]), cancel)


def test_a_system_flag_does_not_widen_a_public_alert(log: History) -> None:
    """Asking for tests of the line changes nothing for alerts."""
    assert not wants(_sub(system=True, areas=[YOKOHAMA]), log.entries[0])


def test_audiences_of_one_meaning_become_one(log: History) -> None:
    """A thread that updates the same place over and over does not grow; a larger place is joined exactly."""
    for number in range(5):
        refs = [log.entries[-1].alert.identity]
        log.post(alert(info(level=5), identifier=f"B{number}", msg_type=UPDATE, refs=refs))
    wider = alert(
        info(level=5, codes=[YOKOHAMA]), identifier="C", msg_type=UPDATE, refs=[log.entries[-1].alert.identity]
    )
    log.post(wider)
    last = log.post(alert(identifier="D", msg_type=CANCEL, refs=[wider.identity]))
    (reach,) = last.supersedes
    (heard,) = reach.heard
    assert heard.codes == {CHIYODA, CHUO, YOKOHAMA}
    assert heard.geometry is not None
    assert heard.geometry.area == 3.0


def test_audiences_without_a_place_are_merged_apart() -> None:
    """What names no place is not joined to what names one."""
    nowhere = hearers_of(_posted(info(level=4, codes=[]))).heard
    here = hearers_of(_posted(info(level=4))).heard
    assert len(merged(nowhere + here + nowhere)) == 2


def test_many_readers_are_asked_about_one_set_of_hearers(log: History) -> None:
    """`reaches` answers as `wants` does."""
    hearers = hearers_of(log.entries[0])
    for asked in (_sub(areas=[CHIYODA]), _sub(areas=[YOKOHAMA])):
        assert reaches(asked, hearers) == wants(asked, log.entries[0])


_CODES = st.lists(st.sampled_from([CHIYODA, CHUO, YOKOHAMA]), min_size=1, max_size=2, unique=True)
_INFOS = st.lists(
    st.builds(
        info,
        level=st.sampled_from([None, 2, 3, 4, 5]),
        hazard=st.sampled_from(["flood", "tsunami"]),
        severity=st.sampled_from(Severity),
        codes=_CODES,
        category=st.sampled_from([Category.MET, Category.GEO]),
    )
    | st.builds(all_clear, codes=_CODES),
    min_size=1,
    max_size=3,
)
_SUBSCRIPTIONS = st.builds(
    Subscription,
    areas=st.frozensets(st.sampled_from([CHIYODA, "13", "14"]), max_size=2),
    point=st.none() | st.tuples(st.floats(-0.5, 6.5), st.floats(-0.5, 1.5)),
    min_level=st.none() | st.integers(1, 5),
    hazards=st.frozensets(st.sampled_from(["flood", "tsunami"]), max_size=1),
    categories=st.frozensets(st.sampled_from(["Met", "Geo"]), max_size=1),
)


@given(st.lists(_INFOS, min_size=1, max_size=5), _SUBSCRIPTIONS, st.booleans())
def test_nobody_is_left_behind_in_a_thread(
    messages: list[list[Info]], subscription: Subscription, ends_in_cancel: bool
) -> None:
    """Once a reader has heard a message of a thread, it hears every later one, the Cancel and the expiry."""
    log = History()
    for number, infos in enumerate(messages):
        refs = [log.entries[-1].alert.identity] if log.entries else []
        log.post(alert(*infos, identifier=f"M{number}", msg_type=UPDATE if refs else MsgType.ALERT, refs=refs))
    last = log.entries[-1]
    if ends_in_cancel:
        log.post(alert(identifier="C", msg_type=CANCEL, refs=[last.alert.identity]))
    else:
        log.keep(expiry_of(log.posted[last.alert.identity.key], now=SENT))
    heard = [wants(subscription, entry) for entry in log.entries]
    assert heard == sorted(heard)


@given(_INFOS, _SUBSCRIPTIONS)
def test_an_expiry_goes_to_exactly_those_who_heard(infos: list[Info], subscription: Subscription) -> None:
    """The end by time is heard by whoever heard the alert, and by nobody else."""
    log = History()
    entry = log.post(alert(*infos))
    expiry = expiry_of(log.posted[entry.alert.identity.key], now=SENT)
    assert expiry.kind is Kind.EXPIRE
    assert wants(subscription, expiry) == wants(subscription, entry)


def test_asking_leaves_the_shape_as_it_is() -> None:
    """Shapes are shared between threads: who asks about points prepares a copy, never the shape."""
    entry = _posted(info())
    assert wants(_sub(point=(0.5, 0.5)), entry)
    assert wants(_sub(point=(0.6, 0.5)), entry)
    assert entry.area is not None
    assert not any(
        shapely.is_prepared(shape) for shape in (entry.area.geometry, *(z.area.geometry for z in entry.zones))
    )
