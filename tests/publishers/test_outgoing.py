"""What a peer asks for with `Retry-After`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lalert.publishers.outgoing import LONGEST_WAIT_S, retry_after_s

NOW = datetime(2026, 7, 6, 2, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("99999999999999999999", LONGEST_WAIT_S),
        ("Mon, 06 Jul 2026 02:41:30 GMT", 90.0),
        ("Mon, 06 Jul 2026 02:41:30", 90.0),
        ("Mon, 06 Jul 2026 11:41:30 +0900", 90.0),
        ("Mon, 06 Jul 2026 02:00:00 GMT", 0.0),
        ("Mon, 06 Jul 2099 02:00:00 GMT", LONGEST_WAIT_S),
        (None, None),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("１２０", None),
        ("Mon, 99 Jul 2026 02:41:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, wait_s: float | None) -> None:
    """Both forms of RFC 9110 §10.2.3, never longer than a day, never negative; anything else asks for nothing."""
    assert retry_after_s(text, now=NOW) == wait_s
