"""The log and the standings in Redis, as they are read.

Redis is asked for positions first and for entries after that, some megabytes at a time, so that no answer keeps it from
others for long. Entries never change, so what was read of several moments fits together; what does change (who is in
force) is read until one moment is whole. Bodies are decoded in a thread of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

import msgspec

from lalert.core.model import Cursor, Entry, Posted, Standing, State
from lalert.errors import Text, Unavailable
from lalert.store import record
from lalert.store.base import Gap, Span
from lalert.store.instants import micros
from lalert.store.redis.fence import Fence
from lalert.store.redis.link import Command, Link, Reply
from lalert.store.redis.sight import Sight

READ_LIMIT: Final = 10_000  # entries in one answer

_CHUNK: Final = 128  # entries in one reply
_REPLY_BYTES: Final = 16 << 20  # of one reply, if entries are as large as those of the last one
_SCORES: Final = 1000  # instants in one reply
_ROUNDS: Final = 100  # until what is in force was read at one moment: each round reads only what came meanwhile
_FOLLOW_S: Final = 2.0
_STATE: Final = ("epoch", "head", "oldest")
_HOLDS: Final = Standing(state=State.IN_FORCE)


Row = tuple[bytes, list[bytes]]  # of a stream: its id, and names and values in turn


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry as it is read, and its standing as JSON; empty for an expiry."""

    entry: Entry
    standing: bytes

    @property
    def posted(self) -> Posted:
        """The message and how it stands."""
        return Posted(self.entry, msgspec.json.decode(self.standing.partition(b":")[2], type=Standing))


class Ledger:
    """One realm's log, as far as this process may show it."""

    def __init__(self, link: Link, following: Link, sight: Sight, fence: Fence) -> None:
        self._link = link
        self._following = following
        self._sight = sight
        self._fence = fence
        self._stride = _CHUNK  # entries to be asked for at once
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lalert-reader")

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    # --- positions ------------------------------------------------------------------------------------------------

    async def span(self) -> Span:
        """Return what the log holds."""
        _, span = await self._ask()
        return span

    async def read(self, after: int, limit: int) -> list[Entry]:
        """Return up to `limit` entries after position `after`. Raises `Gap`."""
        entries: list[Entry] = []
        limit = _bounded(limit)
        while True:
            count = min(limit - len(entries), self._stride)
            more = await self._read(after + len(entries), count)
            entries += more
            if len(more) < count or len(entries) == limit:
                return entries

    async def follow(self, after: int, limit: int) -> list[Entry]:
        """Wait until the log goes on after `after`; return up to `limit` entries, none when none came. Raises `Gap`."""
        entries = await self._read(after, min(_bounded(limit), self._stride))
        if entries:
            return entries
        wait_s = min(_FOLLOW_S, self._following.patience_s / 4)
        count = max(1, min(_bounded(limit), self._stride))
        command: Command = ("XREAD", "COUNT", count, "BLOCK", int(wait_s * 1000), "STREAMS", self._log, f"{after}-0")
        [streams], span = await self._ask_rows(command, link=self._following)
        rows = cast(list[tuple[bytes, list[Row]]], streams)[0][1] if streams else []
        return await self._following_rows(after, rows, span)

    async def _read(self, after: int, count: int) -> list[Entry]:
        # Redis takes a count of 0 for none, and no negative positions.
        command: Command = ("XRANGE", self._log, f"{max(after, 0) + 1}-0", "+", "COUNT", max(count, 1))
        [rows], span = await self._ask_rows(command)
        if not span.oldest - 1 <= after <= span.head.seq:
            raise Gap(str(Cursor(self._sight.epoch, after)), span)
        return await self._following_rows(after, cast(list[Row], rows)[:count], span)

    async def _following_rows(self, after: int, rows: Sequence[Row], span: Span) -> list[Entry]:
        """Return the entries in `rows` of the stream; they must continue `after` without a hole."""
        kept = [(_seq(row[0]), row[1][1], row[1][3]) for row in rows]
        if kept and kept[0][0] != after + 1:
            raise Gap(str(Cursor(self._sight.epoch, after)), span)
        self._pace(sum(len(body) + len(raw) for _, body, raw in kept), len(kept))
        return await self._in_thread(kept)

    def _pace(self, size: int, count: int) -> None:
        """Ask for as many entries the next time as make a reply of bearable size: of the largest, two or three."""
        if count:
            self._stride = max(1, min(_CHUNK, _REPLY_BYTES * count // size))

    async def _ask_rows(self, command: Command, *, link: Link | None = None) -> tuple[list[Reply], Span]:
        """Ask for entries. One by one after a failure: it may have been too much for the time that there is."""
        try:
            return await self._ask(command, link=link)
        except Unavailable:
            self._stride = 1
            raise

    async def read_from(self, at: datetime, limit: int) -> list[Entry]:
        """Return the newest `limit` entries of the log that were accepted at or after `at`, in order."""
        # Instants only roughly rise with positions: the newest positions are looked through until all were met.
        [count], span = await self._ask(("ZCOUNT", self._link.names("at"), micros(at), "+inf"))
        sought, last, found = min(_bounded(limit), cast(int, count)), span.head.seq, list[int]()
        while len(found) < sought and last >= span.oldest:
            chunk = range(last, max(span.oldest, last - _SCORES + 1) - 1, -1)
            found += await self._accepted_from(at, chunk)
            last = chunk[-1] - 1
        return [kept.entry for kept in await self.entries(sorted(found[:sought]))]

    async def _accepted_from(self, at: datetime, positions: Sequence[int]) -> list[int]:
        [scores], _ = await self._ask(("ZMSCORE", self._link.names("at"), *positions))
        pairs = zip(positions, cast(list[bytes | None], scores), strict=True)
        return [seq for seq, score in pairs if score is not None and float(score) >= micros(at)]

    async def oldest_from(self, at: datetime) -> int:
        """Return the first position of the log that was accepted at or after `at`; the one behind its head if none."""
        span = await self.span()
        for first in range(span.oldest, span.head.seq + 1, _SCORES):
            found = await self._accepted_from(at, range(first, min(first + _SCORES, span.head.seq + 1)))
            if found:
                return found[0]
        return span.head.seq + 1

    # --- messages -------------------------------------------------------------------------------------------------

    async def find(self, identifier: str) -> list[Posted]:
        """Return the messages with this CAP identifier, oldest first."""
        return [kept.posted for kept in await self._named("identifier", identifier)]

    async def find_key(self, key: str) -> Posted | None:
        """Return the message with this natural key."""
        [seq], _ = await self._ask(("HGET", self._link.names("key"), key))
        found = await self.entries([int(cast(bytes, seq))]) if seq is not None else []
        return next((kept.posted for kept in found if kept.standing), None)

    async def thread(self, thread: str) -> list[Entry]:
        """Return all entries of a thread, in order."""
        return [kept.entry for kept in await self._named("thread", thread)]

    async def in_force(self) -> list[Posted]:
        """Return the messages in force at one moment, in order of position."""
        known: dict[int, Kept] = {}
        for _ in range(_ROUNDS):
            [holders], _ = await self._ask(("HVALS", self._link.names("holder")))
            seqs = sorted(map(int, cast(list[bytes], holders)))
            missing = [seq for seq in seqs if seq not in known]
            if not missing:
                return [Posted(known[seq].entry, _HOLDS) for seq in seqs]
            known |= {kept.entry.cursor.seq: kept for kept in await self.entries(missing)}
        raise Unavailable(Text("保存先が混み合っています。", "The log changes too fast to be read."), code="store.busy")

    async def _named(self, index: str, name: str) -> list[Kept]:
        [members], _ = await self._ask(("ZRANGEBYLEX", self._link.names(index), f"[{name}\0", f"({name}\1"))
        return await self.entries([int(member.rpartition(b"\0")[2]) for member in cast(list[bytes], members)])

    async def entries(self, positions: Sequence[int]) -> list[Kept]:
        """Return the entries at these positions, those that were dropped left out."""
        found: list[Kept] = []
        done = 0
        while done < len(positions):
            chunk = positions[done : done + _CHUNK]
            rows = await self._rows(chunk)
            here = [(seq, row) for seq, row in zip(chunk, rows, strict=False) if row is not None]
            entries = await self._in_thread([(seq, row[0], row[1]) for seq, row in here])
            found += [Kept(entry, row[2]) for entry, (_, row) in zip(entries, here, strict=True)]
            done += len(rows)
        return found

    async def _rows(self, positions: Sequence[int]) -> list[list[bytes] | None]:
        since = self._sight.guard()
        reply = cast(list[Reply], await self._link.run("entries", *positions))
        head = await self._sight.see(reply[0], reply[1], since=since)
        await self._fence.upto(head)
        return cast(list[list[bytes] | None], reply[2])

    # --- asking ---------------------------------------------------------------------------------------------------

    @property
    def _log(self) -> str:
        return self._link.names("log")

    async def _ask(self, *commands: Command, link: Link | None = None) -> tuple[list[Reply], Span]:
        """Return the replies, and how the log stood right after them."""
        since = self._sight.guard()
        way = link or self._link
        state: Command = ("HMGET", self._link.names.origin, *_STATE)
        *replies, kept = await way.exchange(*commands, state, attempt_s=way.patience_s if link else None)
        epoch, head, oldest = cast(list[bytes], kept)
        seen = await self._sight.see(epoch, head, since=since)
        await self._fence.upto(seen)
        return replies, Span(Cursor(self._sight.epoch, seen), int(oldest))

    async def _in_thread(self, rows: Sequence[tuple[int, bytes, bytes]]) -> list[Entry]:
        if not rows:
            return []
        return await asyncio.get_running_loop().run_in_executor(self._thread, _decoded, rows, self._sight.epoch)


def _decoded(rows: Iterable[tuple[int, bytes, bytes]], epoch: str) -> list[Entry]:
    return [record.decode(record.Record(raw, body), Cursor(epoch, seq)) for seq, body, raw in rows]


def _seq(stream_id: bytes) -> int:
    return int(stream_id.partition(b"-")[0])


def _bounded(limit: int) -> int:
    return max(0, min(limit, READ_LIMIT))
