"""One round of one source on the network: its address, then what that leads to, bounded and most promising first.

What a round cannot reach waits for the next one: links that were not read yet, those that failed least often first.
Links that were read are looked at again in turn, a few a round and only for what has changed since: a content may
change although its entry does not.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lalert.errors import Rejected
from lalert.sources.fetching import Fetched, Fetching, Unfetched
from lalert.sources.listing import Item, messages_of, read_listing
from lalert.sources.memory import Memory, Visit
from lalert.sources.source import Source

MAX_LISTING_BYTES: Final = 8 << 20
MAX_MESSAGE_BYTES: Final = 8 << 20  # an envelope may be longer than a message
_AT_ONCE: Final = 4  # requests to one server at a time
_SECOND_LOOKS: Final = 4  # links a round that were read before
_GONE: Final = frozenset({404, 410})
_BUSY: Final = frozenset({429, 503})
_LISTING_HEADERS: Final = {
    "Accept": "application/atom+xml, application/rss+xml, application/cap+xml, application/xml;q=0.9, */*;q=0.5"
}
_MESSAGE_HEADERS: Final = {"Accept": "application/cap+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1"}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a round brought nothing: a name, and the `Retry-After` that the server gave with it."""

    reason: str
    retry_after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What a round brought: contents that were not dealt with yet, whether more waits, what went wrong on the way."""

    contents: tuple[bytes, ...]
    unchanged: bool = False
    waiting: int = 0
    failed: int = 0
    fault: Fault | None = None  # of the links: the rest of them must wait


class Gatherer:
    """Asks one source, round by round."""

    def __init__(self, source: Source, fetching: Fetching, memory: Memory) -> None:
        self._source = source
        self._fetching = fetching
        self._memory = memory
        self._items: tuple[Item, ...] = ()
        self._carried: tuple[bytes, ...] = ()  # read behind links, and not dealt with yet

    async def gather(self) -> Gathered | Fault:
        """Return what is new. Nothing is settled by that: whoever has dealt with a content says so to the memory.

        What was read behind a link and not settled comes again in the next round: it is not fetched twice.
        """
        self._memory.round += 1
        asked = await self._ask(self._source.url, _LISTING_HEADERS, MAX_LISTING_BYTES)
        if isinstance(asked, Fault):
            return asked
        if asked.status != 304:
            try:
                self._items = await self._list(asked)
            except Rejected as refused:
                self._memory.validators.drop(self._source.url)  # broken now; whole, perhaps, in a minute
                return Fault(refused.code)
        self._carried = self._unsettled(self._carried)
        found = await self._follow(self._to_read())
        self._carried = self._unsettled((*self._carried, *found.contents))
        inline = self._unsettled([item.raw for item in self._items if item.raw is not None])
        return Gathered(
            contents=(*self._carried, *inline),
            unchanged=asked.status == 304,
            waiting=len(self._unread()),
            failed=found.failed,
            fault=found.fault,
        )

    def _unsettled(self, contents: Sequence[bytes]) -> tuple[bytes, ...]:
        return tuple(raw for raw in dict.fromkeys(contents) if not self._memory.is_settled(raw))

    async def _list(self, fetched: Fetched) -> tuple[Item, ...]:
        return await asyncio.to_thread(read_listing, fetched.body, form=self._source.form, base=fetched.url)

    def _to_read(self) -> list[Item]:
        """Return the links of this round: those that were not read yet first, then a few that were."""
        unread = sorted(self._unread(), key=lambda item: self._memory.misses.get(item.url or "") or 0)
        room = max(0, self._source.fetches - len(self._carried))  # nobody takes what was read: read no more
        return [*unread, *self._to_read_again()][:room]

    def _to_read_again(self) -> list[Item]:
        """Return the links whose last look is longest ago, never one of the last round."""
        seen: list[tuple[int, int, Item]] = []
        for place, item in enumerate(self._items):
            visit = self._memory.visits.get(item.url) if item.url else None
            if visit is not None and visit.stamp == item.stamp and visit.round < self._memory.round - 1:
                seen.append((visit.round, place, item))
        return [item for _, _, item in heapq.nsmallest(_SECOND_LOOKS, seen)]

    def _unread(self) -> list[Item]:
        return [item for item in self._items if item.url and not _is_same(self._memory.visits.get(item.url), item)]

    async def _follow(self, items: Sequence[Item]) -> Gathered:
        """Read what `items` lead to; stop asking a server that says it is busy."""
        contents: list[bytes] = []
        faults: list[Fault] = []
        left = list(reversed(items))

        async def work() -> None:
            while left and not any(fault.retry_after is not None for fault in faults):
                found = await self._read(left.pop())
                if isinstance(found, Fault):
                    faults.append(found)
                else:
                    contents.extend(found)

        await asyncio.gather(*(work() for _ in range(min(_AT_ONCE, len(items)))))
        busy = next((fault for fault in faults if fault.retry_after is not None), None)
        worst = busy or (faults[0] if faults and not contents and len(faults) == len(items) else None)
        return Gathered(contents=tuple(contents), failed=len(faults), fault=worst)

    async def _read(self, item: Item) -> Sequence[bytes] | Fault:
        """Return the messages behind a link; none when it is gone, or still what it was."""
        url = item.url or ""
        asked = await self._ask(url, _MESSAGE_HEADERS, MAX_MESSAGE_BYTES, gone=True)
        if isinstance(asked, Fault):
            self._memory.misses.put(url, (self._memory.misses.get(url) or 0) + 1)
            return asked
        self._memory.misses.drop(url)
        self._memory.visits.put(url, Visit(item.stamp, self._memory.round))
        if asked.status != 200:
            return ()
        try:
            return await asyncio.to_thread(messages_of, asked.body)
        except Rejected:
            return (asked.body,)  # for whoever reads it as a message, and says what is wrong with it

    async def _ask(self, url: str, headers: dict[str, str], limit: int, *, gone: bool = False) -> Fetched | Fault:
        """Return the answer for `url` if it is one that can be used: 200, 304, with `gone` also 404 and 410."""
        conditions = self._memory.conditions(url)
        fetched = await self._fetching.get(url, headers=headers | conditions, limit=limit)
        if isinstance(fetched, Unfetched):
            return Fault(fetched.reason)
        if fetched.status == 200:
            self._memory.validate(url, fetched)
            return fetched
        if (fetched.status == 304 and conditions) or (gone and fetched.status in _GONE):
            return fetched
        wait = fetched.retry_after if fetched.status in _BUSY else None
        return Fault(f"http_{fetched.status}", wait)


def _is_same(visit: Visit | None, item: Item) -> bool:
    """Whether a link was read since its entry said what it says now."""
    return visit is not None and visit.stamp == item.stamp
