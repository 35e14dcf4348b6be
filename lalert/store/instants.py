"""Instants as the store keeps them: whole microseconds since 1970-01-01T00:00:00Z, exact both ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(instant: datetime) -> int:
    """Return `instant`, which must be aware, as microseconds."""
    return (instant - _START) // _MICROSECOND


def instant(micros: int) -> datetime:
    """Return the instant in UTC."""
    return _START + micros * _MICROSECOND
