"""What nodes that share one store tell each other through it: that they live, who holds which share, and what to do.

A node says that it lives by its *beat*. One beat is one transaction by the store's own clock: it renews the node's
registration for `lease_s`, gives back what was handed over, takes what was asked for if nobody who lives holds it, and
returns how everything stands. Everything that a node holds lasts as long as its registration; when that has ended,
others may take it.

A share changes hands under a token that is greater than any before. Whatever is written for a share names its token
(`Store.save_lanes`): a node that was paused and does not know yet that it lost its lanes is refused (`Fenced`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from lalert.core.resident import Changes
from lalert.core.shares import Deed
from lalert.errors import Text, Unavailable


class Fenced(Unavailable):
    """Shares that another node has taken over meanwhile: nothing was kept."""

    def __init__(self, shares: Iterable[str]) -> None:
        message = Text("ほかのノードが引き継いでいます。", "Another node has taken this over.")
        super().__init__(message, code="cluster.fenced")
        self.shares = frozenset(shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a node says of itself: for the others, and for `lalert cluster status`."""

    id: str
    name: str
    where: str
    version: str
    since: datetime
    ways: tuple[str, ...] = ()
    head: int = 0
    readers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Something for whoever holds `lane`: send everything after position `since` again. `id` tells it from others."""

    lane: str
    since: int
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One sign of life. `predecessor` is a node that is known to be dead: its registration ends with this beat."""

    report: Report
    lease_s: float
    predecessor: str = ""
    claims: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    done: tuple[Order, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A node as the store knows it: `beat_ago_s` seconds ago it beat last, in `lapses_in_s` its leases end."""

    report: Report
    beat_ago_s: float
    lapses_in_s: float

    @property
    def is_alive(self) -> bool:
        """Whether what it holds is still its own."""
        return self.lapses_in_s > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """How everything stands `at` this moment, by the store's clock.

    `lapsed` says that the registration of whoever beat had ended before: others may have taken what it held.
    """

    at: datetime
    nodes: tuple[Seen, ...] = ()
    deeds: Mapping[str, Deed] = field(default_factory=dict)
    orders: tuple[Order, ...] = ()
    lapsed: bool = False

    @property
    def living(self) -> frozenset[str]:
        """The ids of the nodes that are alive."""
        return frozenset(seen.report.id for seen in self.nodes if seen.is_alive)


class Nodes(Protocol):
    """What one realm's store knows of the nodes that share it. Every method may raise `Unavailable`."""

    async def beat(self, beat: Beat) -> Table:
        """Renew, release, claim; return how everything stands then."""

    async def leave(self, node: str) -> None:
        """End the registration of a node and give back everything that it holds."""

    async def table(self) -> Table:
        """Return how everything stands."""

    async def give(self, order: Order) -> None:
        """Keep an order until whoever holds its lane has carried it out; a newer one for the lane replaces it."""

    async def agree(self, name: str, value: str) -> str:
        """Return what all nodes go by under this name: what the first of them has said."""

    async def agreed(self, name: str) -> str | None:
        """Return what all nodes go by under this name; None when none has said anything yet."""

    async def probe(self) -> None:
        """Raises `Unavailable` when an alert could not be kept now."""

    async def last_change(self) -> int:
        """Return the number of the newest change among the residents. Cheap."""

    async def resident_changes(self, after: int) -> Changes | None:
        """Return the next changes among the residents after this number; None when some of them are lost."""


class Alone:
    """The nodes of a store that is not shared: the one that has it holds everything for ever."""

    def __init__(self) -> None:
        self._beat: Beat | None = None
        self._deeds: dict[str, Deed] = {}
        self._orders: dict[str, Order] = {}
        self._agreed: dict[str, str] = {}

    async def beat(self, beat: Beat) -> Table:
        """Give whatever is asked for."""
        self._beat = beat
        self._deeds |= {share: Deed(beat.report.id, 0) for share in beat.claims}
        for order in beat.done:
            self._orders.pop(order.lane, None)
        return await self.table()

    async def leave(self, node: str) -> None:
        """Forget everything."""
        self._beat = None
        self._deeds.clear()

    async def table(self) -> Table:
        """Return the one node, if it has beaten, and what it holds."""
        nodes = [Seen(report=self._beat.report, beat_ago_s=0.0, lapses_in_s=self._beat.lease_s)] if self._beat else []
        return Table(
            at=datetime.now(UTC), nodes=tuple(nodes), deeds=dict(self._deeds), orders=tuple(self._orders.values())
        )

    async def give(self, order: Order) -> None:
        """Keep an order until the next beat says that it is done."""
        self._orders[order.lane] = order

    async def agree(self, name: str, value: str) -> str:
        """Return what was said first."""
        return self._agreed.setdefault(name, value)

    async def agreed(self, name: str) -> str | None:
        """Return what was said, if anything was."""
        return self._agreed.get(name)

    async def probe(self) -> None:
        """Do nothing: what this store takes is known from what is kept in it."""

    async def last_change(self) -> int:
        """Return 0: whoever changes the residents knows."""
        return 0

    async def resident_changes(self, after: int) -> Changes | None:
        """Return nothing: whoever changes the residents knows."""
        return Changes(after)
