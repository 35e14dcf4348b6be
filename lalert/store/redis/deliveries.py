"""What each lane's peer has, and what happened on the way: in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import msgspec

from lalert.core.delivery import Attempt, LaneState
from lalert.core.shares import Deed
from lalert.store.nodes import Fenced
from lalert.store.redis.link import Command, Link

ATTEMPT_LIMIT: Final = 1_000_000  # lines that are kept
READ_LIMIT: Final = 10_000  # lines in one answer

_CHUNK: Final = 500  # lines in one script or one reply


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The lanes and the delivery log of one realm."""

    link: Link

    async def save_lanes(self, states: Sequence[LaneState], under: Mapping[str, Deed]) -> None:
        """Keep these states in place of what was kept of the same lanes: all or none. Raises `Fenced`."""
        if states:
            await self._change([(state.lane, msgspec.json.encode(state)) for state in states], under)

    async def lanes(self, names: Sequence[str] | None) -> list[LaneState]:
        """Return those of these lanes that are known (None: all there are), by name."""
        if names is not None and not names:
            return []
        [states] = await self.link.look_up(("HMGET", self._lanes, *names) if names else ("HVALS", self._lanes))
        known = [state for state in cast(list[bytes | None], states) if state is not None]
        return await asyncio.to_thread(_by_name, known)

    async def drop_lane(self, lane: str, under: Mapping[str, Deed]) -> bool:
        """Forget a lane; return False when it is not known. Raises `Fenced`."""
        return bool(await self._change([(lane, b"")], under))

    async def _change(self, lanes: Sequence[tuple[str, bytes]], under: Mapping[str, Deed]) -> int:
        deeds = [part for share, deed in under.items() for part in (share, f"{deed.token} {deed.node}")]
        done = await self.link.run("save_lanes", len(under), *deeds, *(part for lane in lanes for part in lane))
        if isinstance(done, list):
            raise Fenced(share.decode() for share in cast(list[bytes], done))
        return cast(int, done)

    @property
    def _lanes(self) -> str:
        return self.link.names("lane")

    # --- the delivery log -----------------------------------------------------------------------------------------

    async def add_attempts(self, attempts: Sequence[Attempt]) -> None:
        """Append to the delivery log."""
        for first in range(0, len(attempts), _CHUNK):
            chunk = attempts[first : first + _CHUNK]
            lines = [part for one in chunk for part in (one.lane, one.identifier, msgspec.json.encode(one))]
            await self.link.run("add_attempts", ATTEMPT_LIMIT, *lines, again=False)

    async def attempts(self, identifier: str | None, lane: str | None, limit: int) -> list[Attempt]:
        """Return the newest `limit` lines about this message and this lane, oldest first."""
        limit = max(0, min(limit, READ_LIMIT))
        asked = {"message": identifier, "lane": lane}
        lists = [self.link.names(f"attempt:{noun}:{name}") for noun, name in asked.items() if name is not None]
        if limit == 0:
            return []
        return await (self._listed(lists, lane, identifier, limit) if lists else self._newest(limit))

    async def _newest(self, limit: int) -> list[Attempt]:
        [rows] = await self.link.exchange(("XREVRANGE", self.link.names("attempt"), "+", "-", "COUNT", limit))
        return [_attempt(row) for row in reversed(cast(list[list[list[bytes]]], rows))]

    async def _listed(
        self, lists: Sequence[str], lane: str | None, identifier: str | None, limit: int
    ) -> list[Attempt]:
        """Go back through the shorter list until there are enough."""
        lengths = await self.link.exchange(*(("LLEN", name) for name in lists))
        end, shortest = min(zip(cast(list[int], lengths), lists, strict=True))
        found: list[Attempt] = []
        while end > 0 and len(found) < limit:
            begin = max(0, end - _CHUNK)
            lines = await self._lines(shortest, begin, end - 1)
            found = [
                line for line in lines if lane in (None, line.lane) and identifier in (None, line.identifier)
            ] + found
            end = begin
        return found[-limit:]

    async def _lines(self, name: str, begin: int, end: int) -> list[Attempt]:
        [numbers] = await self.link.exchange(("LRANGE", name, begin, end))
        log = self.link.names("attempt")
        asked: list[Command] = [("XRANGE", log, number, number) for number in cast(list[bytes], numbers)]
        rows = await self.link.exchange(*asked) if asked else []
        return [_attempt(row[0]) for row in cast(list[list[list[list[bytes]]]], rows) if row]


def _by_name(states: Sequence[bytes]) -> list[LaneState]:
    return sorted((msgspec.json.decode(state, type=LaneState) for state in states), key=lambda state: state.lane)


def _attempt(row: Sequence[Sequence[bytes]]) -> Attempt:
    return msgspec.json.decode(row[1][5], type=Attempt)
