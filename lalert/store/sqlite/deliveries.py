"""What each lane's peer has, and what happened on the way: SQLite, inside a transaction that the caller holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from lalert.core.delivery import Attempt, LaneState, Tally
from lalert.store.instants import instant, micros

ATTEMPT_LIMIT: Final = 1_000_000  # lines that are kept: some 200 MB
READ_LIMIT: Final = 10_000  # lines in one answer

_COLUMNS: Final = "lane, seq, identifier, at, outcome, reason, took, sent, refused, gone"
_MICROS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The lanes and the delivery log of one realm, seen through one connection."""

    connection: sqlite3.Connection

    def save_lanes(self, states: Sequence[LaneState]) -> None:
        """Keep these states in place of what was kept of the same lanes."""
        self.connection.executemany(
            "INSERT INTO lane (id, state) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state",
            [(state.lane, msgspec.json.encode(state)) for state in states],
        )

    def lanes(self, names: Sequence[str] | None) -> list[LaneState]:
        """Return those of these lanes that are known (None: all there are), by name."""
        if names is None:
            rows = self.connection.execute("SELECT state FROM lane ORDER BY id")
        else:
            listed = msgspec.json.encode(names).decode()
            rows = self.connection.execute(
                "SELECT state FROM lane WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (listed,)
            )
        return [msgspec.json.decode(state, type=LaneState) for (state,) in rows]

    def drop_lane(self, lane: str) -> bool:
        """Forget a lane; return False when it is not known."""
        return bool(self.connection.execute("DELETE FROM lane WHERE id = ?", (lane,)).rowcount)

    def add_attempts(self, attempts: Sequence[Attempt]) -> None:
        """Append to the delivery log."""
        self.connection.executemany(
            f"INSERT INTO attempt ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own names
            map(_row, attempts),
        )

    def attempts(self, identifier: str | None, lane: str | None, limit: int) -> list[Attempt]:
        """Return the newest `limit` lines about this message and this lane, oldest first."""
        asked = {"identifier": identifier, "lane": lane}
        given = {name: value for name, value in asked.items() if value is not None}
        condition = " AND ".join(f"{name} = ?" for name in given) or "TRUE"
        rows = self.connection.execute(
            f"SELECT {_COLUMNS} FROM attempt WHERE {condition} ORDER BY number DESC LIMIT ?",  # noqa: S608
            (*given.values(), max(0, min(limit, READ_LIMIT))),
        ).fetchall()
        return [_attempt(*row) for row in reversed(rows)]

    def trim_attempts(self) -> None:
        """Drop the oldest lines beyond `ATTEMPT_LIMIT`."""
        self.connection.execute(
            "DELETE FROM attempt WHERE number <= (SELECT max(number) FROM attempt) - ?", (ATTEMPT_LIMIT,)
        )


def _row(attempt: Attempt) -> tuple[object, ...]:
    tally = attempt.tally
    return (
        attempt.lane,
        attempt.seq,
        attempt.identifier,
        micros(attempt.at),
        attempt.outcome,
        attempt.reason,
        round(attempt.took_s * _MICROS),
        tally.sent,
        tally.refused,
        tally.gone,
    )


def _attempt(  # one argument a column
    lane: str,
    seq: int,
    identifier: str,
    at: int,
    outcome: str,
    reason: str,
    took: int,
    sent: int,
    refused: int,
    gone: int,
) -> Attempt:
    return Attempt(
        lane=lane,
        seq=seq,
        identifier=identifier,
        at=instant(at),
        outcome=outcome,
        reason=reason,
        took_s=took / _MICROS,
        tally=Tally(sent=sent, refused=refused, gone=gone),
    )
