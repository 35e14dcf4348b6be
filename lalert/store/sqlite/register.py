"""Who may post, and who did what: keys and audit lines in SQLite, inside a transaction that the caller holds."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lalert.core.model import Role
from lalert.errors import Rejected, Text
from lalert.store.base import AuditLine, StoredKey
from lalert.store.instants import instant, micros

AUDIT_LIMIT: Final = 1_000_000  # lines that are kept: some 150 MB, and years of alerts


@dataclass(frozen=True, slots=True)
class Register:
    """The keys and the audit trail of one realm, seen through one connection."""

    connection: sqlite3.Connection

    def add_key(self, key: StoredKey) -> None:
        """Keep a new key. Raises `Rejected` when its id is taken."""
        if self.connection.execute("SELECT 1 FROM api_key WHERE key_id = ?", (key.key_id,)).fetchone():
            raise Rejected(
                Text(f"キー {key.key_id} は登録済みです。", f"The key {key.key_id} exists."),
                code="key.exists",
                status=409,
            )
        self.connection.execute(
            "INSERT INTO api_key (key_id, name, role, areas, digest, created_at, revoked_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                key.key_id,
                key.name,
                key.role,
                " ".join(key.areas),
                key.digest,
                micros(key.created_at),
                micros(key.revoked_at) if key.revoked_at else None,
            ),
        )
        self._count_change()

    def keys(self) -> list[StoredKey]:
        """Return all keys, oldest first."""
        rows = self.connection.execute(
            "SELECT key_id, name, role, areas, digest, created_at, revoked_at FROM api_key ORDER BY number"
        )
        return [
            StoredKey(
                key_id=key_id,
                name=name,
                role=Role(role),
                areas=tuple(areas.split()),
                digest=digest,
                created_at=instant(created_at),
                revoked_at=instant(revoked_at) if revoked_at is not None else None,
            )
            for key_id, name, role, areas, digest, created_at, revoked_at in rows
        ]

    def revoke_key(self, key_id: str, at: datetime) -> bool:
        """End a key; return False when there is none that is valid."""
        found = self.connection.execute(
            "UPDATE api_key SET revoked_at = ? WHERE key_id = ? AND revoked_at IS NULL", (micros(at), key_id)
        )
        if found.rowcount:
            self._count_change()
        return bool(found.rowcount)

    def keys_generation(self) -> int:
        """Return a number that changes with every change of the keys, whichever program makes it."""
        generation: int = self.connection.execute("SELECT keys FROM origin").fetchone()[0]
        return generation

    def audit_lines(self, limit: int) -> list[AuditLine]:
        """Return the newest `limit` audit lines, oldest first."""
        rows = self.connection.execute(
            "SELECT at, actor, action, subject FROM audit ORDER BY number DESC LIMIT ?", (max(0, limit),)
        ).fetchall()
        return [
            AuditLine(at=instant(at), actor=actor, action=action, subject=subject)
            for at, actor, action, subject in reversed(rows)
        ]

    def trim_audit(self) -> None:
        """Drop the oldest lines beyond `AUDIT_LIMIT`."""
        self.connection.execute("DELETE FROM audit WHERE number <= (SELECT max(number) FROM audit) - ?", (AUDIT_LIMIT,))

    def _count_change(self) -> None:
        self.connection.execute("UPDATE origin SET keys = keys + 1")


def note(connection: sqlite3.Connection, at: datetime, actor: str, action: str, subject: str) -> None:
    """Keep one audit line."""
    connection.execute(
        "INSERT INTO audit (at, actor, action, subject) VALUES (?, ?, ?, ?)", (micros(at), actor, action, subject)
    )
