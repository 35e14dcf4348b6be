"""Whom the hub delivers to: endpoints and residents in SQLite, inside a transaction that the caller holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import msgspec

from lalert.core.endpoint import Endpoint
from lalert.core.resident import Peer, Resident, Wish
from lalert.errors import Rejected, Text
from lalert.store import base
from lalert.store.instants import instant, micros
from lalert.store.seal import Seal

READ_LIMIT: Final = 10_000  # residents in one answer

_RESIDENT: Final = "SELECT number, id, digest, wish, sealed, created_at FROM resident "


@dataclass(frozen=True, slots=True)
class Peers:
    """The recipients of one realm, seen through one connection."""

    connection: sqlite3.Connection
    sealing: Seal

    # --- endpoints ----------------------------------------------------------------------------------------------

    def add_endpoint(self, endpoint: Endpoint) -> None:
        """Keep a new endpoint. Raises `Rejected` when its id is taken or too many are kept."""
        if self.connection.execute("SELECT 1 FROM endpoint WHERE id = ?", (endpoint.id,)).fetchone():
            raise Rejected(
                Text(f"配信先 {endpoint.id} は登録済みです。", f"The endpoint {endpoint.id} exists."),
                code="endpoint.exists",
                status=409,
            )
        if self.connection.execute("SELECT count(*) FROM endpoint").fetchone()[0] >= base.ENDPOINT_LIMIT:
            raise _full("endpoint")
        sealed = self.sealing.seal(msgspec.json.encode(endpoint), about=f"endpoint {endpoint.id}")
        self.connection.execute("INSERT INTO endpoint (id, sealed) VALUES (?, ?)", (endpoint.id, sealed))
        self._note_change()

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints, the ended ones too, oldest first."""
        rows = self.connection.execute("SELECT id, sealed, ended_at, end_reason FROM endpoint ORDER BY number")
        return [self._endpoint(*row) for row in rows]

    def end_endpoint(self, endpoint_id: str, at: datetime, reason: str) -> bool:
        """Note why an endpoint gets nothing any more; return False when there is none that still does."""
        found = self.connection.execute(
            "UPDATE endpoint SET ended_at = ?, end_reason = ? WHERE id = ? AND ended_at IS NULL",
            (micros(at), reason, endpoint_id),
        )
        return self._changed(found)

    def remove_endpoint(self, endpoint_id: str) -> bool:
        """Forget an endpoint; return False when it is not known."""
        return self._changed(self.connection.execute("DELETE FROM endpoint WHERE id = ?", (endpoint_id,)))

    def endpoints_generation(self) -> int:
        """Return a number that changes with every change of the endpoints, whichever program makes it."""
        generation: int = self.connection.execute("SELECT endpoints FROM origin").fetchone()[0]
        return generation

    def _endpoint(self, endpoint_id: str, sealed: bytes, ended_at: int | None, reason: str) -> Endpoint:
        clear = self.sealing.open(sealed, about=f"endpoint {endpoint_id}")
        endpoint = msgspec.json.decode(clear, type=Endpoint)
        return replace(endpoint, ended_at=instant(ended_at) if ended_at is not None else None, end_reason=reason)

    def _changed(self, found: sqlite3.Cursor) -> bool:
        if found.rowcount:
            self._note_change()
        return bool(found.rowcount)

    def _note_change(self) -> None:
        self.connection.execute("UPDATE origin SET endpoints = endpoints + 1")

    # --- residents ----------------------------------------------------------------------------------------------

    def add_resident(self, resident: Resident) -> Resident:
        """Keep a resident in place of whoever had the same browser. Raises `Rejected` when too many are kept."""
        self.connection.execute("DELETE FROM resident WHERE peer_digest = ?", (resident.peer.digest,))
        if self.connection.execute("SELECT residents FROM origin").fetchone()[0] >= base.RESIDENT_LIMIT:
            raise _full("resident")
        number = self.connection.execute(
            "INSERT INTO resident (id, digest, peer_digest, wish, sealed, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            (
                resident.id,
                resident.digest,
                resident.peer.digest,
                msgspec.json.encode(resident.wish, order="deterministic"),
                self.sealing.seal(msgspec.json.encode(resident.peer), about=f"resident {resident.id}"),
                micros(resident.created_at),
            ),
        ).lastrowid
        assert number is not None  # an INSERT has one
        return replace(resident, number=number)

    def remove_resident(self, resident_id: str) -> bool:
        """Forget a resident; return False when there is none of that id."""
        return bool(self.connection.execute("DELETE FROM resident WHERE id = ?", (resident_id,)).rowcount)

    def remove_residents(self, numbers: Sequence[int]) -> int:
        """Forget the residents with these numbers; return how many there were."""
        return self.connection.execute(
            "DELETE FROM resident WHERE number IN (SELECT value FROM json_each(?))", (_listed(numbers),)
        ).rowcount

    def resident(self, resident_id: str) -> Resident | None:
        """Return the resident of this id, or None."""
        return next(self._residents("WHERE id = ?", resident_id), None)

    def residents(self, after: int, limit: int) -> list[Resident]:
        """Return up to `limit` residents with numbers greater than `after`, in order."""
        return list(self._residents("WHERE number > ? ORDER BY number LIMIT ?", after, max(0, min(limit, READ_LIMIT))))

    def residents_of(self, numbers: Sequence[int]) -> list[Resident]:
        """Return those with these numbers who are still there, in order."""
        condition = "WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number"
        return list(self._residents(condition, _listed(numbers)))

    def _residents(self, condition: str, *values: object) -> Iterator[Resident]:
        for number, resident_id, digest, wish, sealed, created_at in self.connection.execute(
            _RESIDENT + condition, values
        ):
            peer = self.sealing.open(sealed, about=f"resident {resident_id}")
            yield Resident(
                id=resident_id,
                digest=digest,
                wish=msgspec.json.decode(wish, type=Wish),
                peer=msgspec.json.decode(peer, type=Peer),
                created_at=instant(created_at),
                number=number,
            )


def _full(what: str) -> Rejected:
    message = Text("登録数が上限に達しています。", "No more can be registered here.")
    return Rejected(message, code=f"{what}.limit", status=503)


def _listed(numbers: Iterable[int]) -> str:
    return msgspec.json.encode(list(numbers)).decode()
