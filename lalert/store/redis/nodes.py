"""The nodes that share one realm's log, as they know each other through Redis. All times are Redis' own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import msgspec

from lalert.core.resident import Changes
from lalert.core.shares import Deed
from lalert.store.nodes import Beat, Order, Report, Seen, Table
from lalert.store.redis.fence import Fence
from lalert.store.redis.link import Command, Link, Reply

FORGET_S: Final = 3_600.0  # after which a dead node is not listed any more
_CHANGES: Final = "resident:changes"
_PAGE: Final = 1_000  # changes in one answer
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RedisNodes:
    """`store.nodes.Nodes` on Redis."""

    link: Link
    fence: Fence

    async def beat(self, beat: Beat) -> Table:
        """Renew, release, claim; return how everything stands then.

        Raises `Unavailable`, too, when the server is not any more what may be trusted with alerts.
        """
        await self.link.look_again()
        asked = {
            "id": beat.report.id,
            "lease_ms": round(beat.lease_s * 1000),
            "forget_ms": round(FORGET_S * 1000),
            "report": msgspec.json.encode(beat.report).decode(),
            "predecessor": beat.predecessor,
            "claims": sorted(beat.claims),
            "released": sorted(beat.released),
            "done": [[order.lane, msgspec.json.encode(order).decode()] for order in beat.done],
        }
        return table_of(await self.link.run("beat", msgspec.msgpack.encode(asked)))

    async def leave(self, node: str) -> None:
        """End the registration of a node and give back everything that it holds."""
        await self.link.run("leave", node)

    async def table(self) -> Table:
        """Return how everything stands."""
        return table_of(await self.link.run("table"))

    async def give(self, order: Order) -> None:
        """Keep an order until it is carried out."""
        await self.link.exchange(("HSET", self.link.names("order"), order.lane, msgspec.json.encode(order)))

    async def agree(self, name: str, value: str) -> str:
        """Return what the first node has said under this name."""
        agreed = self.link.names("agreed")
        _, said = await self.link.exchange(("HSETNX", agreed, name, value), ("HGET", agreed, name))
        return cast(bytes, said).decode()

    async def agreed(self, name: str) -> str | None:
        """Return what was said under this name, if anything was."""
        [said] = await self.link.exchange(("HGET", self.link.names("agreed"), name))
        return cast(bytes, said).decode() if said is not None else None

    async def probe(self) -> None:
        """Write something. Raises `Unavailable` when an alert could not be kept now, either."""
        await self.link.counter(_CHANGES)
        await self.fence.probe()

    async def last_change(self) -> int:
        """Return the number of the newest change among the residents."""
        return await self.link.counter(_CHANGES)

    async def resident_changes(self, after: int) -> Changes | None:
        """Return the next changes among the residents after this number; None when some of them are lost."""
        upto = await self.link.counter(_CHANGES)
        asked: Command = ("XRANGE", self.link.names("resident:change"), f"{after + 1}-0", "+", "COUNT", _PAGE)
        [rows] = await self.link.exchange(asked)
        changes = [_change(row) for row in cast(list[list[Reply]], rows)]
        if upto == after:
            return Changes(after)
        if not changes or changes[0][0] != after + 1:
            return None
        return Changes(changes[-1][0], _numbers(changes, b"came"), _numbers(changes, b"left"))


def _change(row: Sequence[Reply]) -> tuple[int, bytes, int]:
    """Return the number of a change, what it was, and whose."""
    position, fields = cast(bytes, row[0]), cast(list[bytes], row[1])
    return int(position.partition(b"-")[0]), fields[0], int(fields[1])


def _numbers(changes: Iterable[tuple[int, bytes, int]], what: bytes) -> tuple[int, ...]:
    return tuple(number for _, kind, number in changes if kind == what)


def table_of(reply: Reply) -> Table:
    """Return what the scripts `beat` and `table` say."""
    now_ms, lapsed, nodes, shares, orders = cast(list[Reply], reply)
    at_ms = cast(int, now_ms)
    return Table(
        at=_EPOCH + timedelta(milliseconds=at_ms),
        nodes=tuple(_seen(kept, at_ms) for kept in _paired(nodes).values()),
        deeds={share: _deed(kept) for share, kept in _paired(shares).items()},
        orders=tuple(msgspec.json.decode(order, type=Order) for order in cast(list[bytes], orders)),
        lapsed=bool(lapsed),
    )


def _seen(kept: bytes, now_ms: int) -> Seen:
    until_ms, beat_ms, report = kept.split(b" ", 2)
    return Seen(
        report=msgspec.json.decode(report, type=Report),
        beat_ago_s=(now_ms - int(beat_ms)) / 1000,
        lapses_in_s=(int(until_ms) - now_ms) / 1000,
    )


def _deed(kept: bytes) -> Deed:
    token, _, node = kept.decode().partition(" ")
    return Deed(node, int(token))


def _paired(reply: Reply) -> Mapping[str, bytes]:
    flat = cast(list[bytes], reply)
    return {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}
