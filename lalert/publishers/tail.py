"""The newest entries in memory, each with its faces: what every reader that keeps up is served from.

A cache of (log, position) and nothing more: a reader that is further back reads the store, and losing it costs time,
never an alert. Its head moves only after the commit, so it never shows what a crash could take back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from lalert.core.model import Cursor
from lalert.publishers.faces import Faces

MOST_BYTES: Final = 256 << 20  # of messages: of ordinary ones that is far beyond any limit


class Tail:
    """At least the last `limit` entries of a log, without a hole, and a way to wait for the next.

    Fewer where messages are so large that their bytes would be more than `most_bytes`.
    """

    def __init__(self, *, head: Cursor, limit: int, most_bytes: int = MOST_BYTES) -> None:
        self._faces: list[Faces] = []
        self._limit = limit
        self._most_bytes = most_bytes
        self._size = 0  # bytes
        self._head = head
        self._moved = asyncio.Event()

    @property
    def head(self) -> Cursor:
        """The position of the newest entry."""
        return self._head

    @property
    def oldest(self) -> int:
        """The first position in memory; head + 1 when there is none."""
        return self._head.seq - len(self._faces) + 1

    def extend(self, faces: Iterable[Faces]) -> None:
        """Take the next entries, which follow the head without a hole, and wake everybody who waits."""
        for face in faces:
            if face.entry.cursor.seq != self._head.seq + 1:
                raise ValueError(f"{face.entry.cursor} does not follow {self._head}")
            self._faces.append(face)
            self._size += len(face.entry.alert.raw)
            self._head = face.entry.cursor
        if len(self._faces) > 2 * self._limit:  # trimmed by halves, so that a read near the head is a plain slice
            self._drop(len(self._faces) - self._limit)
        if self._size > self._most_bytes:
            self._drop(self._beyond(self._most_bytes // 2))
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _drop(self, count: int) -> None:
        """Let go of the oldest entries."""
        self._size -= sum(len(face.entry.alert.raw) for face in self._faces[:count])
        del self._faces[:count]

    def _beyond(self, size: int) -> int:
        """Return how many of the oldest entries must go so that the rest, the newest in any case, has this size."""
        left, count = self._size, 0
        while left > size and count < len(self._faces) - 1:
            left -= len(self._faces[count].entry.alert.raw)
            count += 1
        return count

    def holds(self, after: int) -> bool:
        """Whether everything after this position is in memory."""
        return after >= self.oldest - 1

    def after(self, seq: int, limit: int | None = None) -> Sequence[Faces]:
        """Return the entries after position `seq`, which it `holds`, up to `limit` of them."""
        skip = max(0, seq - self.oldest + 1)
        return self._faces[skip : None if limit is None else skip + limit]

    async def moved_past(self, seq: int) -> None:
        """Wait until the head is beyond `seq`."""
        while self._head.seq <= seq:
            await self._moved.wait()
