"""The follower: what other nodes keep in the log that this one shares comes into its memory, entry by entry.

It waits at the head of what is shown and hands on whatever follows. What this node keeps itself is shown by its
committer at once; whoever comes second finds the entry there. While the store cannot be read everything stands still,
and `failing_since` says since when. When the log cannot be continued from where this node stands, because it went back
or retention was faster, no memory here is worth anything any more: `lost` is set, and the realm has to start anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import structlog

from lalert.core.model import Entry
from lalert.errors import LalertError
from lalert.store.base import Gap, Store, WentBack

log = structlog.get_logger("lalert.following")

_CHUNK: Final = 200  # entries that are shown in one step of the loop
_RETRY_S: Final = 0.5


class Follower:
    """Calls `show` with what follows `head`, in order; entries may be among it that are shown already."""

    def __init__(
        self,
        store: Store,
        *,
        head: Callable[[], int],
        show: Callable[[Sequence[Entry]], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._head = head
        self._show = show
        self._clock = clock
        self.failing_since: datetime | None = None
        self.lost = asyncio.Event()

    async def run(self) -> None:
        """Follow until the log is lost."""
        while not self.lost.is_set():
            try:
                self._show(await self._store.follow(self._head(), _CHUNK))
                self._note_success()
            except (Gap, WentBack) as error:
                log.error("hub.lost_log", realm=self._store.realm.value, at=self._head(), reason=error.message.en)  # noqa: TRY400
                self.lost.set()
            except LalertError as error:
                self._note_failure(error.code)
                await asyncio.sleep(_RETRY_S)
            except Exception:
                # One defect must not end the task on which every reader of this node depends.
                log.exception("follow.defect", realm=self._store.realm.value)
                self._note_failure("defect")
                await asyncio.sleep(_RETRY_S)

    def _note_success(self) -> None:
        if self.failing_since is not None:
            log.warning("hub.follows_again", realm=self._store.realm.value, at=self._head())
            self.failing_since = None

    def _note_failure(self, code: str) -> None:
        if self.failing_since is None:
            self.failing_since = self._clock()
            log.error("hub.unread", realm=self._store.realm.value, at=self._head(), code=code)
