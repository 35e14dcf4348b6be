"""Times as people in Japan read them."""

from __future__ import annotations

from datetime import UTC, datetime

from lalert.render.clock import as_of, day_and_time, hhmm

AT = datetime(2026, 7, 5, 17, 40, tzinfo=UTC)


def test_every_time_is_japan_time() -> None:
    """17:40 UTC is 02:40 of the next day in Japan, wherever the sender's clock stood."""
    assert hhmm(AT) == "02:40"
    assert day_and_time(AT, "ja") == "7月6日02:40"
    assert day_and_time(AT, "en") == "02:40 JST, 6 Jul"


def test_as_of() -> None:
    """「hh:mm 現在」 and its English."""
    assert as_of(AT, "ja") == "02:40 現在"
    assert as_of(AT, "en") == "As of 02:40 JST"
