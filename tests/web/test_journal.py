"""The journal: notes for the receipts, kept in batches, bounded, and never lost to a store that is down for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lalert.cap.model import Status
from lalert.core.delivery import Attempt
from lalert.errors import Text, Unavailable
from lalert.web import journal
from lalert.web.journal import Journal
from tests.render.entries import alert, entry, info

ENTRY = replace(entry(alert(info())), matched=(("streams", 3),))


class Shelf:
    """A store that keeps attempts, or does not."""

    def __init__(self) -> None:
        self.is_down = False
        self.batches: list[Sequence[Attempt]] = []

    async def add_attempts(self, attempts: Sequence[Attempt]) -> None:
        """Keep them."""
        if self.is_down:
            raise Unavailable(Text("", ""), code="store.full")
        self.batches.append(attempts)


def later(seconds: float) -> datetime:
    """Return a time after the message."""
    return ENTRY.at + timedelta(seconds=seconds)


async def test_what_is_noted_is_kept() -> None:
    """When it was durable, and when the stream's readers had it, of whom so many matched."""
    shelf = Shelf()
    book = Journal(shelf)  # type: ignore[arg-type]
    book.kept([ENTRY], later(0.5))
    book.streamed([(ENTRY, 3)], later(1), later(3))
    await book.flush()
    await book.flush()
    ((kept, streamed),) = shelf.batches
    assert (kept.lane, kept.at, kept.took_s, kept.tally.sent) == ("log", ENTRY.at, 0.5, 0)
    assert (streamed.lane, streamed.at, streamed.took_s, streamed.tally.sent) == ("stream", later(1), 2.0, 3)
    assert {note.identifier for note in (kept, streamed)} == {ENTRY.alert.identifier}


async def test_tests_of_the_line_are_not_noted() -> None:
    """The canary sings once a minute: nobody asks for its receipts."""
    shelf = Shelf()
    book = Journal(shelf)  # type: ignore[arg-type]
    book.kept([replace(ENTRY, alert=replace(ENTRY.alert, status=Status.SYSTEM))], later(1))
    await book.flush()
    assert shelf.batches == []


async def test_store_that_is_down_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes wait in order, the newest of them if they are too many, and are kept in batches when it writes again."""
    monkeypatch.setattr(journal, "_MOST_NOTES", 5)
    monkeypatch.setattr(journal, "_BATCH", 2)
    shelf = Shelf()
    book = Journal(shelf)  # type: ignore[arg-type]
    shelf.is_down = True
    book.kept([ENTRY] * 7, later(1))
    book.streamed([(ENTRY, 12)], later(1), later(2))
    await book.flush()
    shelf.is_down = False
    await book.flush()
    assert [len(batch) for batch in shelf.batches] == [2, 2, 1]
    assert [note.lane for batch in shelf.batches for note in batch] == ["log"] * 4 + ["stream"]
