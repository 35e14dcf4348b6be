"""The log and the standings in SQLite: what is done inside one transaction that the caller holds.

Nothing here begins or commits, so that several appends can share one flush. The head of the log is its last row; it
is not kept a second time, and only `origin.oldest` remembers it when everything was dropped.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lalert.core.model import CancelKind, Cursor, Draft, Entry, Kind, Posted, Standing, State
from lalert.core.omission import superseding
from lalert.core.thread import ends_others, in_own_thread, standing_after, standing_at_first
from lalert.store import record
from lalert.store.base import Appended, Conflicting, Gap, Outcome, Repeated, Span, Stale
from lalert.store.instants import micros
from lalert.store.sqlite.register import note

READ_LIMIT: Final = 10_000  # entries in one answer

_POSTED: Final = """
    SELECT entry.seq, body, raw, state, replaced_by, cancel_kind FROM message JOIN entry USING (seq)
"""


@dataclass(frozen=True, slots=True)
class Ledger:
    """One realm's log, seen through one connection."""

    connection: sqlite3.Connection
    epoch: str

    # --- append -------------------------------------------------------------------------------------------------

    def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Keep `drafts` in their order; later ones see what earlier ones did."""
        return [self._append(draft) for draft in drafts]

    def _append(self, draft: Draft) -> Outcome:
        first = self._entry("key = ?", draft.key)
        if first is not None:
            return Repeated(first) if first.alert.raw == draft.alert.raw else Conflicting(first)
        if draft.kind is Kind.EXPIRE:
            return self._expire(draft)
        forestalled = self._forestalled(draft)
        if forestalled is not None:
            return Stale(forestalled)
        draft = self._in_own_thread(draft) if draft.kind is Kind.ALERT else draft
        return self._change(draft) if ends_others(draft) else self._post(draft)

    def _post(self, draft: Draft) -> Outcome:
        if draft.state is State.IN_FORCE and (holder := self._in_force_of(draft.thread)):
            return Stale(holder.entry)
        entry = self._insert(draft)
        self._insert_message(entry)
        return Appended(entry)

    def _change(self, draft: Draft) -> Appended:
        """Keep an Update or Cancel, and end what it ends. Whoever heard that is among those who must hear this."""
        current = self._in_force_of(draft.thread)
        named = {reach.identity.key for reach in draft.supersedes}
        if current is not None and current.entry.key not in named:
            draft = superseding(draft, current)
        entry = self._insert(draft)
        ended = [self._seq_of(key) for key in named] + ([current.entry.cursor.seq] if current else [])
        for seq in ended:
            self._end(seq, entry)
        self._insert_message(entry)
        self._forestall(entry)
        return Appended(entry)

    def _expire(self, draft: Draft) -> Outcome:
        posted = self.find_key(draft.alert.identity.key)
        if posted is None or posted.standing.state is not State.IN_FORCE:
            return Stale(self._end_of(posted) if posted else None)
        entry = self._insert(draft)
        self._end(posted.entry.cursor.seq, entry)
        return Appended(entry)

    def _in_own_thread(self, draft: Draft) -> Draft:
        """An Alert begins a thread."""
        taken = self.connection.execute("SELECT 1 FROM entry WHERE thread = ? LIMIT 1", (draft.thread,)).fetchone()
        return in_own_thread(draft) if taken else draft

    def _insert(self, draft: Draft) -> Entry:
        entry = Entry.of(draft, Cursor(self.epoch, self.span().head.seq + 1))
        kept = record.encode(draft)
        self.connection.execute(
            "INSERT INTO entry (seq, key, thread, at, body, raw) VALUES (?, ?, ?, ?, ?, ?)",
            (entry.cursor.seq, entry.key, entry.thread, micros(entry.at), kept.body, kept.raw),
        )
        note(self.connection, entry.at, entry.key_id or "hub", f"append.{entry.kind}", entry.alert.identity.key)
        return entry

    def _insert_message(self, entry: Entry) -> None:
        standing = standing_at_first(entry)
        self.connection.execute(
            "INSERT INTO message (seq, identifier, thread, state, replaced_by, cancel_kind) VALUES (?, ?, ?, ?, ?, ?)",
            (
                entry.cursor.seq,
                entry.alert.identifier,
                entry.thread,
                standing.state,
                standing.replaced_by,
                standing.cancel_kind,
            ),
        )

    def _end(self, seq: int | None, by: Entry) -> None:
        """What has ended before keeps its first end."""
        standing = standing_after(by)
        self.connection.execute(
            "UPDATE message SET state = ?, replaced_by = ?, cancel_kind = ?, ended = ? WHERE seq = ? AND state = ?",
            (standing.state, standing.replaced_by, standing.cancel_kind, by.cursor.seq, seq, State.IN_FORCE),
        )

    def _forestall(self, entry: Entry) -> None:
        """Remember the references that did not come yet: what comes after its own end must not be put in force."""
        unknown = (ref.key for ref in entry.alert.references if self._seq_of(ref.key) is None)
        self.connection.executemany(
            "INSERT OR REPLACE INTO forestalled (key, key_id, seq) VALUES (?, ?, ?)",
            ((key, entry.key_id, entry.cursor.seq) for key in unknown),
        )

    def _forestalled(self, draft: Draft) -> Entry | None:
        return self._entry("seq = (SELECT seq FROM forestalled WHERE key = ? AND key_id = ?)", draft.key, draft.key_id)

    # --- read ---------------------------------------------------------------------------------------------------

    def span(self) -> Span:
        """Return what the log holds."""
        oldest, last = self.connection.execute("SELECT oldest, (SELECT max(seq) FROM entry) FROM origin").fetchone()
        return Span(Cursor(self.epoch, max(last or 0, oldest - 1)), oldest)

    def read(self, after: int, limit: int) -> list[Entry]:
        """Return up to `limit` entries after position `after`. Raises `Gap`."""
        span = self.span()
        if not span.oldest - 1 <= after <= span.head.seq:
            raise Gap(str(Cursor(self.epoch, after)), span)
        return self._entries("seq > ? ORDER BY seq LIMIT ?", after, _bounded(limit))

    def read_from(self, at: datetime, limit: int) -> list[Entry]:
        """Return the newest `limit` entries of the log that were accepted at or after `at`, in order."""
        found = self._entries(
            "at >= ? AND seq >= (SELECT oldest FROM origin) ORDER BY seq DESC LIMIT ?", micros(at), _bounded(limit)
        )
        return found[::-1]

    def find(self, identifier: str) -> list[Posted]:
        """Return the messages with this CAP identifier, oldest first."""
        return self._posted("WHERE identifier = ? ORDER BY message.seq", identifier)

    def find_key(self, key: str) -> Posted | None:
        """Return the message with this natural key."""
        return next(iter(self._posted("WHERE entry.key = ?", key)), None)

    def thread(self, thread: str) -> list[Entry]:
        """Return all entries of a thread, in order."""
        return self._entries("thread = ? ORDER BY seq", thread)

    def in_force(self) -> list[Posted]:
        """Return the messages in force, in order of position."""
        # The plus: SQLite must not walk through all messages to have them in order.
        return self._posted("WHERE state = 'in_force' ORDER BY +message.seq")

    # --- prune --------------------------------------------------------------------------------------------------

    def prune(self, before: datetime) -> int:
        """Let the log begin at the first entry accepted at or after `before`; return how many rows went.

        Of what lies before its beginning, messages in force stay, and those whose end the log still tells.
        """
        span = self.span()
        oldest = self.connection.execute(
            "SELECT coalesce(min(seq), ?) FROM entry WHERE at >= ? AND seq >= ?",
            (span.head.seq + 1, micros(before), span.oldest),
        ).fetchone()[0]
        self.connection.execute("UPDATE origin SET oldest = ?", (oldest,))
        return self.connection.execute(
            """
            DELETE FROM entry WHERE seq < ?1 AND NOT EXISTS (
                SELECT 1 FROM message WHERE message.seq = entry.seq AND (state = 'in_force' OR ended >= ?1)
            )
            """,
            (oldest,),
        ).rowcount

    # --- rows ---------------------------------------------------------------------------------------------------

    def _entries(self, condition: str, *values: object) -> list[Entry]:
        rows = self.connection.execute(f"SELECT seq, body, raw FROM entry WHERE {condition}", values)  # noqa: S608
        return [self._decoded(*row) for row in rows]

    def _entry(self, condition: str, *values: object) -> Entry | None:
        return next(iter(self._entries(condition, *values)), None)

    def _posted(self, condition: str, *values: object) -> list[Posted]:
        return list(self._posted_rows(condition, values))

    def _posted_rows(self, condition: str, values: Sequence[object]) -> Iterator[Posted]:
        for seq, body, raw, state, replaced_by, kind in self.connection.execute(_POSTED + condition, values):
            standing = Standing(
                state=State(state), replaced_by=replaced_by, cancel_kind=CancelKind(kind) if kind else None
            )
            yield Posted(self._decoded(seq, body, raw), standing)

    def _decoded(self, seq: int, body: bytes, raw: bytes) -> Entry:
        return record.decode(record.Record(raw, body), Cursor(self.epoch, seq))

    def _seq_of(self, key: str) -> int | None:
        row = self.connection.execute("SELECT seq FROM entry WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def _in_force_of(self, thread: str) -> Posted | None:
        return next(iter(self._posted("WHERE message.thread = ? AND state = 'in_force'", thread)), None)

    def _end_of(self, posted: Posted) -> Entry | None:
        return self._entry("seq = (SELECT ended FROM message WHERE seq = ?)", posted.entry.cursor.seq)


def _bounded(limit: int) -> int:
    # SQLite takes a negative limit for none.
    return max(0, min(limit, READ_LIMIT))
