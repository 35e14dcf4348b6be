"""Ranks: which lane a message takes."""

from __future__ import annotations

import pytest

from lalert.cap.model import Info, MsgType, ResponseType, Severity, Status, Urgency
from lalert.core.model import Priority
from lalert.core.priority import hazards_of, level_of_alert, rank
from tests.core.messages import alert, all_clear, info

FLASH, URGENT, PROMPT, ROUTINE = Priority


def _plain(urgency: Urgency, severity: Severity, hazard: str | None = None) -> Info:
    return info(level=None, hazard=hazard, urgency=urgency, severity=severity, responses=())


@pytest.mark.parametrize(
    ("said", "lane"),
    [
        (info(level=5, urgency=Urgency.UNKNOWN, severity=Severity.UNKNOWN), FLASH),
        (info(level=4, urgency=Urgency.EXPECTED), URGENT),
        (info(level=3, urgency=Urgency.FUTURE, severity=Severity.MINOR), PROMPT),
        (info(level=2, urgency=Urgency.FUTURE, severity=Severity.MINOR), ROUTINE),
        (_plain(Urgency.IMMEDIATE, Severity.EXTREME), FLASH),
        (_plain(Urgency.IMMEDIATE, Severity.SEVERE), URGENT),
        (_plain(Urgency.EXPECTED, Severity.EXTREME), PROMPT),
        (_plain(Urgency.FUTURE, Severity.MODERATE), PROMPT),
        (_plain(Urgency.EXPECTED, Severity.MINOR), PROMPT),
        (_plain(Urgency.IMMEDIATE, Severity.MINOR), ROUTINE),
        (_plain(Urgency.UNKNOWN, Severity.UNKNOWN), ROUTINE),
        (_plain(Urgency.EXPECTED, Severity.MINOR, "eew"), FLASH),
        (_plain(Urgency.UNKNOWN, Severity.UNKNOWN, "missile"), FLASH),
        (_plain(Urgency.IMMEDIATE, Severity.MODERATE, "tsunami"), FLASH),
        (_plain(Urgency.EXPECTED, Severity.SEVERE, "tsunami"), FLASH),
        (_plain(Urgency.FUTURE, Severity.MINOR, "tsunami"), ROUTINE),
    ],
)
def test_each_meaning_has_its_lane(said: Info, lane: Priority) -> None:
    """Level, hazard, urgency and severity decide the lane of a new message."""
    assert rank(alert(said), thread_priority=None) is lane


def test_the_most_urgent_part_decides() -> None:
    """A message is as urgent as its most urgent info, wherever that stands."""
    assert rank(alert(info(level=3), info(level=5), info(level=2)), thread_priority=None) is FLASH


def test_a_lifted_part_is_not_urgent() -> None:
    """What is all clear does not raise the lane, even if it still names the level that it lifts."""
    lifted = info(level=5, responses=(ResponseType.ALL_CLEAR,), severity=Severity.EXTREME)
    assert rank(alert(lifted, _plain(Urgency.PAST, Severity.MINOR)), thread_priority=None) is ROUTINE


@pytest.mark.parametrize("status", [Status.SYSTEM, Status.TEST])
def test_tests_of_the_line_never_get_in_the_way(status: Status) -> None:
    """System and Test are routine whatever they say, in whatever thread."""
    assert rank(alert(info(level=5), status=status), thread_priority=FLASH) is ROUTINE


def test_an_exercise_ranks_like_the_real_thing() -> None:
    """A drill rehearses the lanes, too."""
    assert rank(alert(info(level=5), status=Status.EXERCISE), thread_priority=None) is FLASH


@pytest.mark.parametrize("thread_lane", list(Priority))
def test_a_cancel_ranks_with_its_thread(thread_lane: Priority) -> None:
    """A false alarm is called off as fast as it was raised."""
    assert rank(alert(msg_type=MsgType.CANCEL), thread_priority=thread_lane) is thread_lane


@pytest.mark.parametrize("thread_lane", list(Priority))
def test_an_all_clear_ranks_with_its_thread(thread_lane: Priority) -> None:
    """解除 is as urgent as what it lifts."""
    assert rank(alert(all_clear(), msg_type=MsgType.UPDATE), thread_priority=thread_lane) is thread_lane


def test_a_correction_ranks_with_its_thread() -> None:
    """訂正: a wrong shelter address is put right as fast as it was told."""
    corrected = alert(info(level=3, severity=Severity.MINOR, corrects=True), msg_type=MsgType.UPDATE)
    assert rank(corrected, thread_priority=FLASH) is FLASH


@pytest.mark.parametrize(
    ("level", "thread_lane", "lane"),
    [(3, FLASH, URGENT), (2, FLASH, URGENT), (2, PROMPT, ROUTINE), (2, ROUTINE, ROUTINE), (5, ROUTINE, FLASH)],
)
def test_an_update_waits_at_most_one_lane_below_its_thread(level: int, thread_lane: Priority, lane: Priority) -> None:
    """5 -> 3 is not routine for those who heard 5, and a raised level ranks by itself."""
    said = info(level=level, urgency=Urgency.FUTURE, severity=Severity.MINOR)
    assert rank(alert(said, msg_type=MsgType.UPDATE), thread_priority=thread_lane) is lane


def test_a_cancel_of_an_unknown_thread_ranks_by_what_it_says() -> None:
    """Nothing is known of the thread: what the Cancel itself says decides."""
    assert rank(alert(info(level=4), msg_type=MsgType.CANCEL), thread_priority=None) is URGENT
    assert rank(alert(msg_type=MsgType.CANCEL), thread_priority=None) is ROUTINE


def test_the_level_of_a_message_is_its_highest_in_force() -> None:
    """Lifted parts have no level any more; a message without levels has none."""
    lifted = info(level=5, responses=(ResponseType.ALL_CLEAR,))
    assert level_of_alert(alert(info(level=3), info(level=4), lifted)) == 4
    assert level_of_alert(alert(info(level=None, hazard="tsunami"))) is None
    assert level_of_alert(alert(msg_type=MsgType.CANCEL)) is None


def test_hazards_are_listed_once_and_in_order() -> None:
    """Lifted hazards count: whoever filters by hazard must hear its end."""
    said = alert(info(hazard="landslide"), all_clear(hazard="flood"), info(hazard="landslide"))
    assert hazards_of(said) == ("landslide", "flood")
