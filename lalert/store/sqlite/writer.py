"""The writer: one thread that owns the writing connection, and group commit.

A flush costs the same for one alert as for many. While the thread waits for the disk, further work queues up; all of it
shares the next transaction, so that the store becomes faster per alert as it becomes busier, and a lone alert never
waits for company. Nothing is answered before the commit.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeVar

from lalert.errors import Text, Unavailable
from lalert.store.sqlite.database import transaction, translated

T = TypeVar("T")

MAX_JOINED: Final = 256  # drafts in one transaction: bounds what the most urgent alert can wait for
MAX_WAITING: Final = 4096  # calls that wait for the thread

# The log is folded back into the file after this many drafts, when those who wait were answered and nobody else came;
# in a rush, later. SQLite's own trigger, inside a commit, remains as a backstop against giant drafts.
_FOLD_IDLE: Final = 64
_FOLD_BUSY: Final = 2048
_FOLD_PAGES: Final = 16_384


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    work: Callable[[], T]
    size: int
    told: asyncio.Future[T]


_Result = tuple[object, BaseException | None]


class Writer:
    """Runs work inside transactions on `connection`, one after another, joined where they wait together.

    `check` is asked before each commit; what it raises is told to whoever waits, and nothing is kept.
    """

    def __init__(
        self, connection: sqlite3.Connection, loop: asyncio.AbstractEventLoop, *, check: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._check = check
        self._loop = loop
        self._jobs: SimpleQueue[_Job[object] | None] = SimpleQueue()  # None: the end
        self._closed = False
        self._unfolded = 0
        connection.execute(f"PRAGMA wal_autocheckpoint = {_FOLD_PAGES}")
        self._thread = threading.Thread(target=self._serve, name="lalert-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[], T], *, size: int = 1) -> T:
        """Run `work` in a durable transaction and return its result; what it raises rolls back its own work only.

        `work` may be run twice: alone, after a transaction that it shared has failed. Whoever stops waiting does not
        stop the work.
        """
        if self._closed:
            raise Unavailable(Text("保存先は閉じています。", "The store is closed."), code="store.closed")
        if self._jobs.qsize() >= MAX_WAITING:
            raise Unavailable(Text("保存待ちが多すぎます。", "Too much waits to be kept."), code="store.busy")
        told: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(_Job(work, size, told))  # type: ignore[arg-type]  # a job of T is a job of object: nothing is put in
        return await told

    async def close(self) -> None:
        """Finish everything that was begun; take nothing more."""
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    # --- in the thread ------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        is_open = True
        while is_open:
            jobs, is_open = self._joined()
            if jobs:
                results = self._commit(jobs)
                self._loop.call_soon_threadsafe(_tell, jobs, results)
                self._fold_back(sum(job.size for job in jobs))

    def _joined(self) -> tuple[list[_Job[object]], bool]:
        """Return the jobs of the next transaction, and whether more may come."""
        jobs: list[_Job[object]] = []
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            if sum(job.size for job in jobs) >= MAX_JOINED:
                return jobs, True
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs, True
        return jobs, False

    def _commit(self, jobs: Sequence[_Job[object]]) -> list[_Result]:
        try:
            with translated(), transaction(self._connection, write=True):
                results: list[_Result] = [(job.work(), None) for job in jobs]
                self._check()
                return results
        except Exception as error:  # it is told to whoever waits
            if len(jobs) == 1:
                return [(None, error)]
        # One of them spoilt it for all, or the disk refuses: alone, each learns what is its own.
        return [result for job in jobs for result in self._commit([job])]

    def _fold_back(self, drafts: int) -> None:
        self._unfolded += drafts
        if self._unfolded >= (_FOLD_IDLE if self._jobs.empty() else _FOLD_BUSY):
            self._unfolded = 0
            # Nothing is lost when it fails: the log still has it all, and the next commit tells if the disk is broken.
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _tell(jobs: Sequence[_Job[object]], results: Sequence[_Result]) -> None:
    for job, (value, error) in zip(jobs, results, strict=True):
        if job.told.done():
            continue  # cancelled meanwhile
        if error is None:
            job.told.set_result(value)
        else:
            job.told.set_exception(error)
