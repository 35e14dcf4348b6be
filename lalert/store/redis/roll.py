"""Lists that people change by hand (keys, endpoints): one hash for those there are, one for how they ended.

Everything is told with a token, so that a question that was put twice, because the connection was lost, is answered as
if it had been put once. A counter in the origin moves with every change.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final, cast

from lalert.store.redis.link import Command, Link, Value

_TOKEN_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Item:
    """One of the list: its value, and how it ended (None: it goes on)."""

    id: str
    value: bytes
    end: bytes | None


@dataclass(frozen=True, slots=True)
class Roll:
    """The list that is called `noun` in the names of its keys and counters."""

    link: Link
    noun: str
    limit: int

    async def add(self, item_id: str, value: bytes) -> str:
        """Keep a new one; return `added`, `exists` or `full`."""
        values: tuple[Value, ...] = (self.noun, self._counter, self.limit, item_id, _token(), value)
        return cast(bytes, await self.link.run("add", *values)).decode()

    async def end(self, item_id: str, end: bytes) -> bool:
        """Note how one ended; return False when there is none that goes on."""
        return bool(await self.link.run("end", self.noun, self._counter, item_id, _token(), end))

    async def remove(self, item_id: str) -> bool:
        """Forget one; return False when it is not known."""
        return bool(await self.link.run("remove", self.noun, self._counter, item_id, again=False))

    async def items(self) -> list[Item]:
        """Return all of them, in the order in which they came."""
        asked: list[Command] = [("HGETALL", self.link.names(noun)) for noun in (self.noun, f"{self.noun}:end")]
        kept, ended = [_paired(cast(list[bytes], reply)) for reply in await self.link.look_up(*asked)]
        numbered = sorted((int(value.split(b" ", 1)[0]), item_id, value) for item_id, value in kept.items())
        return [
            Item(item_id.decode(), value.split(b" ", 2)[2], _untold(ended.get(item_id)))
            for _, item_id, value in numbered
        ]

    async def generation(self) -> int:
        """Return a number that changes with every change."""
        return await self.link.counter(self._counter)

    @property
    def _counter(self) -> str:
        return f"{self.noun}:changes"


def _token() -> str:
    return secrets.token_hex(_TOKEN_BYTES)


def _untold(end: bytes | None) -> bytes | None:
    return end.split(b" ", 1)[1] if end is not None else None


def _paired(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
