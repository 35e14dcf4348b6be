"""Messages that came together: which belong to one chain, and in which order they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from lalert.cap.model import Alert, Identity
from lalert.core.chains import chains
from tests.rig.author import Author

FIRST = Author().order()


def message(name: str, *references: str, at: int = 0) -> Alert:
    """Return a message sent `at` seconds after the first, which refers to others by name (all sent at 0)."""
    refers = tuple(Identity(FIRST.sender, name, FIRST.sent) for name in references)
    return replace(FIRST, identifier=name, sent=FIRST.sent + timedelta(seconds=at), references=refers)


def names(alerts: Sequence[Alert | None]) -> set[tuple[str, ...]]:
    """Return the chains by the identifiers of their messages."""
    return {tuple(a.identifier if (a := alerts[p]) else "-" for p in chain) for chain in chains(alerts)}


def test_strangers_are_chains_of_their_own() -> None:
    """What names nobody waits for nobody."""
    assert names([message("a"), message("b"), None]) == {("a",), ("b",), ("-",)}


def test_oldest_first_whatever_the_order_they_came_in() -> None:
    """A feed lists the newest first; the log wants the oldest first."""
    assert names([message("c", "a", at=9), message("b", "a", at=5), message("a")]) == {("a", "b", "c")}


def test_reference_comes_first_even_within_one_second() -> None:
    """Two messages of the same second are told apart by who names whom."""
    assert names([message("b", "a"), message("a")]) == {("a", "b")}
    assert names([message("c", "b"), message("b", "a"), message("a")]) == {("a", "b", "c")}


def test_those_that_name_the_same_message_are_one_chain() -> None:
    """Two updates of a message that did not come along: the later must be the one that holds."""
    assert names([message("late", "gone", at=9), message("early", "gone", at=5)]) == {("early", "late")}


def test_circles_do_not_hang() -> None:
    """Messages that name each other, or themselves, come oldest first."""
    assert names([message("b", "a"), message("a", "b")]) == {("b", "a")}
    assert names([message("a", "a")]) == {("a",)}


def test_the_same_message_twice_stays_in_one_chain() -> None:
    """Two copies are kept one after the other: the second is recognised as a repeat."""
    assert names([message("a"), message("a"), message("b", "a", at=1)]) == {("a", "a", "b")}


LINKS = st.lists(st.lists(st.integers(0, 11), max_size=3), min_size=1, max_size=12)


@given(LINKS, st.randoms(use_true_random=False))
def test_every_message_is_there_once_and_behind_what_it_names(links: list[list[int]], random: object) -> None:
    """Law: no message is lost or doubled; in histories without circles nothing stands before what it refers to."""
    alerts = [message(str(n), *(str(other) for other in refers if other < n)) for n, refers in enumerate(links)]
    random.shuffle(alerts)  # type: ignore[attr-defined]
    found = chains(alerts)
    assert sorted(position for chain in found for position in chain) == list(range(len(alerts)))
    for chain in found:
        place = {alerts[position].identity.key: index for index, position in enumerate(chain)}
        for position in chain:
            for reference in alerts[position].references:
                assert place.get(reference.key, -1) < place[alerts[position].identity.key]


def test_a_long_chain_is_no_deep_recursion() -> None:
    """A thousand updates of each other are one chain, in order."""
    alerts = [message(str(n), *([str(n - 1)] if n else [])) for n in range(2_000)]
    assert chains(alerts[::-1]) == [list(range(1_999, -1, -1))]
