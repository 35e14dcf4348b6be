"""How urgent a post looks before anybody has read it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.core.glance import glance
from lalert.core.model import Priority
from tests.rig.author import Author

author = Author()


@pytest.mark.parametrize(("level", "priority"), [(5, Priority.FLASH), (4, Priority.URGENT), (3, Priority.PROMPT)])
def test_looks_as_urgent_as_it_is(level: int, priority: Priority) -> None:
    """An order looks like the lane that it will be ranked into."""
    assert glance(author.order(level=level).raw) <= priority


def test_cancel_and_tests_of_the_line() -> None:
    """A Cancel looks most urgent, for it may take back anything; a test of the line least."""
    assert glance(author.cancel(author.order()).raw) is Priority.FLASH
    assert glance(author.line_test().raw) is Priority.ROUTINE


def test_prefixes_and_spaces_do_not_hide_it() -> None:
    """A level 5 in another XML dialect looks as urgent."""
    raw = b"<c:urgency>\n Immediate </c:urgency><c:severity> Extreme</c:severity>"
    assert glance(raw) is Priority.FLASH


@given(st.binary(max_size=500))
def test_any_bytes_have_a_place_to_wait(raw: bytes) -> None:
    """Whatever was posted looks like something."""
    assert glance(raw) in Priority
