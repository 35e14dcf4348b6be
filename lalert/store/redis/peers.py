"""Whom the hub delivers to: endpoints and residents in Redis. What must be in clear to deliver lies there sealed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, cast

import msgspec

from lalert.core.endpoint import Endpoint
from lalert.core.resident import Peer, Resident, Wish
from lalert.errors import Rejected, Text
from lalert.store import base
from lalert.store.instants import instant, micros
from lalert.store.redis.link import Link
from lalert.store.redis.roll import Item, Roll
from lalert.store.seal import Seal

READ_LIMIT: Final = 10_000  # residents in one answer

_CHUNK: Final = 2000  # residents in one script


class End(msgspec.Struct, array_like=True):
    """When and why an endpoint ended."""

    at: int
    reason: str


class Record(msgspec.Struct, array_like=True):
    """A resident as it is kept, but for what is in the names of its places."""

    digest: str
    wish: Wish
    sealed: bytes
    created_at: int


@dataclass(frozen=True, slots=True)
class Peers:
    """The recipients of one realm."""

    link: Link
    sealing: Seal

    # --- endpoints ----------------------------------------------------------------------------------------------

    async def add_endpoint(self, endpoint: Endpoint) -> None:
        """Keep a new endpoint. Raises `Rejected` when its id is taken or too many are kept."""
        sealed = self.sealing.seal(msgspec.json.encode(endpoint), about=f"endpoint {endpoint.id}")
        became = await self._endpoints.add(endpoint.id, sealed)
        if became == "full":
            raise _full("endpoint")
        if became == "exists":
            message = Text(f"配信先 {endpoint.id} は登録済みです。", f"The endpoint {endpoint.id} exists.")
            raise Rejected(message, code="endpoint.exists", status=409)

    async def endpoints(self) -> list[Endpoint]:
        """Return all endpoints, the ended ones too, oldest first."""
        items = await self._endpoints.items()
        return await asyncio.to_thread(lambda: [self._endpoint(item) for item in items])

    async def end_endpoint(self, endpoint_id: str, at: datetime, reason: str) -> bool:
        """Note why an endpoint gets nothing any more; return False when there is none that still does."""
        return await self._endpoints.end(endpoint_id, msgspec.json.encode(End(micros(at), reason)))

    async def remove_endpoint(self, endpoint_id: str) -> bool:
        """Forget an endpoint; return False when it is not known."""
        return await self._endpoints.remove(endpoint_id)

    async def endpoints_generation(self) -> int:
        """Return a number that changes with every change of the endpoints, whichever program makes it."""
        return await self._endpoints.generation()

    @property
    def _endpoints(self) -> Roll:
        return Roll(self.link, "endpoint", base.ENDPOINT_LIMIT)

    def _endpoint(self, item: Item) -> Endpoint:
        clear = self.sealing.open(item.value, about=f"endpoint {item.id}")
        endpoint = msgspec.json.decode(clear, type=Endpoint)
        if item.end is None:
            return endpoint
        end = msgspec.json.decode(item.end, type=End)
        return replace(endpoint, ended_at=instant(end.at), end_reason=end.reason)

    # --- residents ----------------------------------------------------------------------------------------------

    async def add_resident(self, resident: Resident) -> Resident:
        """Keep a resident in place of whoever had the same browser. Raises `Rejected` when too many are kept."""
        sealed = self.sealing.seal(msgspec.json.encode(resident.peer), about=f"resident {resident.id}")
        kept = msgspec.msgpack.encode(Record(resident.digest, resident.wish, sealed, micros(resident.created_at)))
        number = await self.link.run("add_resident", base.RESIDENT_LIMIT, resident.id, resident.peer.digest, kept)
        if not number:
            raise _full("resident")
        return replace(resident, number=cast(int, number))

    async def remove_resident(self, resident_id: str) -> bool:
        """Forget a resident; return False when there is none of that id."""
        return bool(await self.link.run("remove_residents", "id", resident_id, again=False))

    async def remove_residents(self, numbers: Sequence[int]) -> int:
        """Forget the residents with these numbers; return how many there were."""
        gone = 0
        for chunk in _chunks(numbers):
            gone += cast(int, await self.link.run("remove_residents", "number", *chunk))
        return gone

    async def resident(self, resident_id: str) -> Resident | None:
        """Return the resident of this id, or None."""
        [number] = await self.link.exchange(("HGET", self.link.names("resident:id"), resident_id))
        found = await self.residents_of([int(cast(bytes, number))]) if number is not None else []
        return next(iter(found), None)

    async def residents(self, after: int, limit: int) -> list[Resident]:
        """Return up to `limit` residents with numbers greater than `after`, in order."""
        limit = max(0, min(limit, READ_LIMIT))
        found: list[Resident] = []
        while len(found) < limit:
            wanted = min(limit - len(found), _CHUNK)
            flat = cast(list[bytes], await self.link.run("residents_after", max(after, 0), wanted))
            page = sorted(zip(map(int, flat[::2]), flat[1::2], strict=True))[:wanted]
            found += await self._opened(page)
            if len(page) < wanted:
                break
            after = page[-1][0]
        return found

    async def residents_of(self, numbers: Sequence[int]) -> list[Resident]:
        """Return those with these numbers who are still there, in order."""
        found: list[Resident] = []
        for chunk in _chunks(sorted(set(numbers))):
            values = cast(list[bytes | None], await self.link.run("residents_of", *chunk))
            there = [(number, value) for number, value in zip(chunk, values, strict=True) if value is not None]
            found += await self._opened(there)
        return found

    async def _opened(self, rows: Sequence[tuple[int, bytes]]) -> list[Resident]:
        """Return the residents in `rows`. Opening thousands of seals takes too long for the event loop."""
        return await asyncio.to_thread(lambda: [self._resident(number, value) for number, value in rows])

    def _resident(self, number: int, value: bytes) -> Resident:
        resident_id, _, packed = value.split(b" ", 2)
        name = resident_id.decode()
        kept = msgspec.msgpack.decode(packed, type=Record)
        peer = self.sealing.open(kept.sealed, about=f"resident {name}")
        return Resident(
            id=name,
            digest=kept.digest,
            wish=kept.wish,
            peer=msgspec.json.decode(peer, type=Peer),
            created_at=instant(kept.created_at),
            number=number,
        )


def _full(what: str) -> Rejected:
    message = Text("登録数が上限に達しています。", "No more can be registered here.")
    return Rejected(message, code=f"{what}.limit", status=503)


def _chunks(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    return (numbers[first : first + _CHUNK] for first in range(0, len(numbers), _CHUNK))
