"""The journal: what happens to a message inside the hub, noted beside the couriers' attempts for the receipts.

It is kept in batches, after the alerts and never before them; a crash may cost its last second.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import structlog

from lalert.cap.model import Status
from lalert.core.delivery import Attempt, Tally
from lalert.core.model import Entry
from lalert.errors import LalertError
from lalert.logs import Faults
from lalert.store.base import Store

log = structlog.get_logger("lalert.journal")

LOG: Final = "log"
STREAM: Final = "stream"

_MOST_NOTES: Final = 20_000  # that wait to be kept; while the store is down the oldest are dropped
_BATCH: Final = 500  # in one transaction: an alert on its way into the log must not wait for more


class Journal:
    """Notes what happens to entries inside the hub, and keeps it beside the couriers' attempts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._notes: list[Attempt] = []
        self._faults = Faults()

    def kept(self, entries: Iterable[Entry], at: datetime) -> None:
        """Note that these are durable as of `at`."""
        self._notes += [_note(LOG, entry, entry.at, at, Tally()) for entry in entries if _is_told(entry)]

    def streamed(self, told: Iterable[tuple[Entry, int]], first: datetime, last: datetime) -> None:
        """Note to how many of this node's readers each entry was written between `first` and `last`."""
        self._notes += [
            _note(STREAM, entry, first, last, Tally(sent=readers)) for entry, readers in told if _is_told(entry)
        ]

    async def flush(self) -> None:
        """Keep what was noted. While the store is down it waits."""
        del self._notes[:-_MOST_NOTES]
        while self._notes:
            notes, self._notes = self._notes[:_BATCH], self._notes[_BATCH:]
            try:
                await self._store.add_attempts(notes)
            except LalertError as error:
                self._notes[:0] = notes
                if self._faults.is_news("journal", error.code):
                    log.warning("journal.waiting", code=error.code, notes=len(self._notes))
                return
            self._faults.is_over("journal")


def _note(lane: str, entry: Entry, begin: datetime, end: datetime, tally: Tally) -> Attempt:
    return Attempt(
        lane=lane,
        seq=entry.cursor.seq,
        identifier=entry.alert.identifier,
        at=begin,
        outcome="delivered",
        took_s=max(0.0, (end - begin).total_seconds()),
        tally=tally,
    )


def _is_told(entry: Entry) -> bool:
    # The canary sings once a minute: its notes would bury the others.
    return entry.alert.status is not Status.SYSTEM
