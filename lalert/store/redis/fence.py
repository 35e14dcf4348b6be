"""What may be shown: with `durability = "replicas"` only what so many replicas have.

Redis answers before its replicas have a write. A small write and WAIT on the same connection tell when they have it and
everything before it (WAIT waits for the writes of its own connection only).
"""

from __future__ import annotations

from typing import Final, cast

from lalert.errors import Text, Unavailable
from lalert.settings import Durability, Storage
from lalert.store.redis.link import Command, Link

_MS: Final = 1000
_SHARE: Final = 0.75  # of the patience: what is left is for the question itself


class Fence:
    """How far the log is known to be on enough replicas."""

    def __init__(self, link: Link, settings: Storage) -> None:
        self._link = link
        self._replicas = settings.replicas if settings.durability is Durability.REPLICAS else 0
        self._safe = 0

    async def upto(self, head: int) -> None:
        """Return when everything up to `head` is safe to show. Raises `Unavailable` (store.replicas)."""
        if self._replicas and head > self._safe:
            await self.probe()
            self._safe = max(self._safe, head)

    async def probe(self) -> None:
        """Write something small, as safe as an append would be. Raises `Unavailable`."""
        write: Command = ("HINCRBY", self._link.names.origin, "writes", 1)
        if not self._replicas:
            await self._link.exchange(write)
            return
        wait: Command = ("WAIT", self._replicas, int(self._link.patience_s * _SHARE * _MS))
        _, acknowledged = await self._link.exchange(write, wait, attempt_s=self._link.patience_s)
        if cast(int, acknowledged) < self._replicas:
            message = Text(
                f"{self._replicas} 台の複製に時間内に届きませんでした。",
                f"It did not reach {self._replicas} replica(s) in time.",
            )
            raise Unavailable(message, code="store.replicas")
