"""What was seen of the log, by this process and by this machine before it: a log that ends earlier is another one.

A Redis that was restored from a backup, or that lost its tail, would use positions again that readers have seen under
its epoch. Whoever notices gives it another epoch; from then on every store that was open says `WentBack`. What the
machine saw lies in a small file beside its key files, where a restored Redis does not touch it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import structlog

from lalert.core.model import Cursor
from lalert.store.base import WentBack
from lalert.store.redis.link import Link, emptied

log = structlog.get_logger("lalert.store.redis")

_MARK_S: Final = 5.0  # between two notes beside the data
_MARK_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class Mark:
    """Which log a machine last saw, and how far."""

    log: str
    cursor: Cursor

    @classmethod
    def maybe_read(cls, file: Path) -> Mark | None:
        """Return the mark in `file`; None where there is none that makes sense."""
        with suppress(OSError), file.open("r", encoding="ascii", errors="replace") as opened:
            name, _, text = opened.read(_MARK_BYTES).strip().partition(" ")
            cursor = Cursor.maybe_parse(text)
            return cls(name, cursor) if cursor else None
        return None

    def write(self, file: Path) -> None:
        """Keep the mark in `file`, whole or not at all."""
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        fresh.write_text(f"{self.log} {self.cursor}\n", encoding="ascii")
        fresh.replace(file)


class Sight:
    """How far this process has seen the log, and whether it is still that log; noted in `file`, if there is one."""

    def __init__(self, link: Link, mark: Mark, file: Path | None, *, new_epoch: Callable[[], str]) -> None:
        self._link = link
        self._log = mark.log
        self._file = file
        self._new_epoch = new_epoch
        self._went_back: WentBack | None = None
        self._marked_at = 0.0
        self._marking: asyncio.Future[None] | None = None
        self.epoch = mark.cursor.epoch
        self.head = mark.cursor.seq

    def guard(self) -> int:
        """Return the head that an answer must not be behind when it is asked for now. Raises `WentBack`."""
        if self._went_back is not None:
            raise self._went_back
        return self.head

    async def see(self, epoch: object, head: object, *, since: int) -> int:
        """Take note of what the log said of itself and return its head. Raises `WentBack`.

        `since` is what `guard` returned before the question was put.
        """
        found = _cursor(epoch, head)
        if found is None or found.epoch != self.epoch or found.seq < since:
            await self._give_up(found)
        assert found is not None  # else it was given up
        self.head = max(self.head, found.seq)
        self._note()
        return found.seq

    async def _give_up(self, found: Cursor | None) -> None:
        """Give the log another epoch if it does not have one yet; from then on this store is good for nothing.

        Where nothing is left at all, that is for whoever has the backup: until then the store is away.
        """
        if found is None:
            raise emptied()
        seen = Cursor(self.epoch, self.head)
        await self._link.run("rename", seen.epoch, seen.seq, self._new_epoch())
        if self._went_back is None:
            self._went_back = WentBack(seen, found)
            log.error("store.went_back", realm=self._link.names.realm.value, seen=str(seen), found=str(found))
        raise self._went_back

    def _note(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._marked_at >= _MARK_S and (self._marking is None or self._marking.done()):
            self._marked_at = now
            self._marking = asyncio.ensure_future(asyncio.to_thread(self._write))

    async def close(self) -> None:
        """Leave the mark for whoever opens the log next on this machine."""
        if self._marking is not None:
            await self._marking
        await asyncio.to_thread(self._write)

    def _write(self) -> None:
        if self._file is None:
            return
        # A mark that cannot be written must not stop alerts; the next process only knows less.
        try:
            Mark(self._log, Cursor(self.epoch, self.head)).write(self._file)
        except OSError as error:
            log.warning("store.mark", file=str(self._file), error=error.strerror)


def _cursor(epoch: object, head: object) -> Cursor | None:
    if not epoch or head is None:
        return None
    return Cursor(cast(bytes, epoch).decode(), int(cast(bytes, head)))
