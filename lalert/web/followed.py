"""Files of the operator's that are followed while the hub runs: read at the start, and again when they have changed.

They are read again when they rest: a file that is being written, or a certificate that is not copied yet, looks like a
mistake or, worse, like a wish. What is wrong then leaves everything as it is; at the start there is nothing to leave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Generic, TypeVar

import structlog

from lalert.errors import LalertError
from lalert.geo.shelf import Stamp, stamp_of
from lalert.hub import Hub

log = structlog.get_logger("lalert.files")

T = TypeVar("T")

_MOST: Final = 20  # findings in a line of the log

Note = Callable[[Path], None]
"""Notes a file just before it is opened."""


class Followed(Generic[T]):
    """What `read` makes of some files; it notes each of them. One thread at a time may use it."""

    def __init__(self, read: Callable[[Note], T]) -> None:
        self._read = read
        self._taken: dict[Path, Stamp] = {}
        self._seen: Stamp = ()

    def read(self) -> T:
        """Read now. Raises what `read` raises; until one of the files changes that would come of it again."""
        with self._noting() as note:
            return self._read(note)

    def is_due(self) -> bool:
        """Whether a file has changed since it was read, and none since this was asked last. Touches the disk."""
        before, self._seen = self._seen, stamp_of(self._taken)
        return self._seen == before and self._seen != sum(self._taken.values(), start=())

    @contextmanager
    def _noting(self) -> Iterator[Note]:
        """Yield what notes a file as it is before it is read: what changes meanwhile is seen next time."""
        taken: dict[Path, Stamp] = {}

        def note(file: Path) -> None:
            taken.setdefault(file, stamp_of([file]))

        try:
            yield note
        finally:
            self._taken = taken
            self._seen = sum(taken.values(), start=())


@contextmanager
def told(hub: Hub, files: str) -> Iterator[None]:
    """Say whether changed `files` are in force now. What is wrong with them is told, and goes no further."""
    refused, realm = hub.metrics.files_refused.labels(hub.realm.value, files), hub.realm.value
    try:
        yield
    except LalertError as error:
        refused.set(1)
        found = [f"{finding.code} {finding.path or ''}".strip() for finding in error.findings]
        log.error("files.kept", realm=realm, files=files, code=error.code, findings=found[:_MOST])  # noqa: TRY400
    else:
        refused.set(0)
        log.info("files.taken", realm=realm, files=files)
