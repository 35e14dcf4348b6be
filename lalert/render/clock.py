"""Times as people in Japan read them, wherever the sender's clock stood."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from lalert.errors import Text
from lalert.render.words import pick

JAPAN = ZoneInfo("Asia/Tokyo")


def hhmm(at: datetime) -> str:
    """Return 02:40 in Japan time."""
    return at.astimezone(JAPAN).strftime("%H:%M")


def day_and_time(at: datetime, lang: str) -> str:
    """Return 7月6日02:40 / 02:40 JST, 6 Jul; the year is left to the machine-readable faces."""
    local = at.astimezone(JAPAN)
    english = f"{local:%H:%M} JST, {local.day} {_MONTHS[local.month - 1]}"
    return pick(Text(f"{local.month}月{local.day}日{local:%H:%M}", english), lang)


def as_of(at: datetime, lang: str) -> str:
    """Return 02:40 現在 / As of 02:40 JST."""
    return pick(Text(f"{hhmm(at)} 現在", f"As of {hhmm(at)} JST"), lang)


def as_of_day(at: datetime, lang: str) -> str:
    """Return 7月6日02:40 現在 / As of 02:40 JST, 6 Jul: for pictures, which are passed on and outlive their day."""
    said = day_and_time(at, lang)
    return pick(Text(f"{said} 現在", f"As of {said}"), lang)


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
