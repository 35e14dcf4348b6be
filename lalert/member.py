"""This node's part in its cluster: it says that it lives, holds its shares of the work, and hands them over.

**Beat.** Several times within a lease the node renews its registration and learns how everything stands: who lives, who
holds what, what it was ordered to do (`store.nodes`). From that it works out which shares it should hold
(`core.shares`), asks for those that nobody holds, and takes up what it was given.

**Hand over.** What another living node should hold is drained, each share by itself: what is under way is finished and
saved, then the share is given back. The other one, which beats faster while it waits, takes it up where it was saved. A
node that ends hands everything over first, so that a peer that hangs delays nobody else.

**Die.** A dead node's shares are free when its lease ends; everybody knows when that is and beats at that moment.

**Be cut off.** A node that cannot renew its lease begins nothing more before it can have ended (`is_secure`; the clock
goes on while a process or a machine is suspended). What it saves afterwards is refused by the token of its successor.

A store that is not shared has one node that holds everything (`store.nodes.Alone`); nothing else is different.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import structlog

from lalert.core.shares import CLOCK, Deed, Hand, free, share_of, wanted_by
from lalert.errors import LalertError
from lalert.metrics import Metrics
from lalert.store.nodes import Beat, Nodes, Order, Report, Table

log = structlog.get_logger("lalert.member")

_BEATS = 4  # in a lease
_EAGER_BEATS = 40  # while another node is handing something over
_MARGIN = 0.2  # of a lease: nothing is begun in its last part
_SOON_S = 0.02  # after a lease of another node has ended
_STEPS = 4  # beats in a row: to learn, to take, to obey, to report
_SKEWED_S = 1.0


def running_s() -> float:
    """Return seconds that go on while the process is stopped or the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Work(Protocol):
    """What follows the shares that this node holds."""

    async def hold(self, deeds: Mapping[str, Deed]) -> None:
        """Do the work of these shares, each under its deed, and of no others. Raises `Unavailable`: ask again."""

    async def drain(self, share: str) -> None:
        """Finish what is under way in this share, save it and begin nothing more there."""

    async def replay(self, lane: str, since: int) -> bool:
        """Owe a lane everything after this position again; return whether that is kept."""

    def wake(self) -> None:
        """Go on: the leases are secure again."""


class Member:
    """One realm's node. `start` joins; `stop` gives everything back."""

    def __init__(
        self,
        nodes: Nodes,
        *,
        report: Callable[[], Report],
        work: Work,
        lease_s: float,
        metrics: Metrics,
        realm: str,
        clock: Callable[[], datetime],
        predecessor: str = "",
        running: Callable[[], float] = running_s,
    ) -> None:
        self._nodes = nodes
        self._report = report
        self._work = work
        self._lease_s = lease_s
        self._metrics = metrics
        self._realm = realm
        self._clock = clock
        self._predecessor = predecessor
        self._running = running
        self._secure_until_s = float("-inf")
        self._held: dict[str, Deed] = {}
        self._table: Table | None = None
        self._claims: frozenset[str] = frozenset()
        self._draining: dict[str, asyncio.Task[None]] = {}
        self._drained: set[str] = set()
        self._done: dict[str, Order] = {}
        self._is_retiring = False
        self._is_cut_off = False
        self._is_skewed = False
        self._turn = asyncio.Lock()
        self._woken = asyncio.Event()
        self._stepped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def report(self) -> Report:
        """What this node says of itself now."""
        report = self._report()
        return replace(report, ways=()) if self._is_retiring else report

    @property
    def id(self) -> str:
        """The name of this node in this life."""
        return self._report().id

    @property
    def name(self) -> str:
        """The name of this node in all its lives."""
        return self._report().name

    @property
    def shares(self) -> int:
        """How many shares of the work it holds."""
        return len(self._held)

    @property
    def table(self) -> Table | None:
        """How everything stood at the last beat; None before the first."""
        return self._table

    @property
    def is_secure(self) -> bool:
        """Whether what this node holds is its own for some time yet."""
        return self._running() < self._secure_until_s

    @property
    def is_clock(self) -> bool:
        """Whether it is this node that does what must happen once."""
        return CLOCK in self._held and self.is_secure

    def on_clock(self, job: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
        """Return `job` as it runs on every node: it does something on the one that has the clock."""

        async def run() -> None:
            if self.is_clock:
                await job()

        return run

    # --- life -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Join, take up what is free, and go on. Raises `Unavailable`."""
        await self.beat()
        self._task = asyncio.create_task(self._run(), name=f"member-{self._realm}")

    async def retire(self, patience_s: float) -> None:
        """Hand over to the others what can be in this time. Whoever is alone keeps it to the end, or is cut off."""
        if self._table is None or len(self._table.living) < 2:
            return
        self._is_retiring = True
        self.wake()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while not self._is_cut_off and (self._held.keys() - {CLOCK} or self._drained):
                    self._stepped.clear()
                    await self._stepped.wait()

    async def stop(self) -> None:
        """Give everything back; the work was ended before."""
        for task in (*self._draining.values(), *([self._task] if self._task else [])):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if not self._is_cut_off:  # else the leases end by themselves
            with suppress(LalertError):
                await self._nodes.leave(self.id)

    def wake(self) -> None:
        """Beat now: something is not as the last table said."""
        self._woken.set()

    async def order(self, order: Order) -> None:
        """Have whoever holds its lane carry `order` out: kept first, and done at once if that is this node."""
        await self._nodes.give(order)
        await self.beat()

    async def beat(self) -> None:
        """Renew, and follow what the table says. Raises `Unavailable`."""
        async with self._turn:
            for _ in range(_STEPS):
                if not await self._step():
                    break

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self.beat()
            except LalertError as error:
                self._note_cut_off(error)
            except Exception:
                log.exception("cluster.defect", realm=self._realm)

    def _pause_s(self) -> float:
        """Return how long until the next beat: less while somebody hands over, or when a lease ends before."""
        pause_s = self._lease_s / _BEATS
        if self._table is None or self._is_cut_off:
            return pause_s / 2
        wanted = self._wanted(self._table)
        if wanted - self._held.keys() - self._draining.keys():
            return self._lease_s / _EAGER_BEATS
        ends_s = [seen.lapses_in_s + _SOON_S for seen in self._table.nodes if seen.is_alive]
        return min([pause_s, *ends_s])

    # --- one beat -----------------------------------------------------------------------------------------------

    async def _step(self) -> bool:
        """Beat once and do what follows from it; return whether the next is due at once."""
        released, done, claims = frozenset(self._drained), tuple(self._done.values()), self._claims
        sent_s = self._running()
        table = await self._nodes.beat(
            Beat(
                report=self.report,
                lease_s=self._lease_s,
                predecessor=self._predecessor,
                claims=claims,
                released=released,
                done=done,
            )
        )
        self._renewed(table, sent_s)
        self._drained -= released
        self._done = {lane: order for lane, order in self._done.items() if order not in done}
        self._claims = free(self._wanted(table), table.deeds, table.living) - self._drained
        await self._take(table)
        self._hand_over(table)
        await self._obey(table)
        self._stepped.set()
        # Whoever was cut off gives the others, who may have been so too, the time to say that they live.
        return not table.lapsed and bool(self._drained or self._done or self._claims - claims)

    def _renewed(self, table: Table, sent_s: float) -> None:
        was_secure = self.is_secure
        self._predecessor = ""
        self._table = table
        self._secure_until_s = sent_s + self._lease_s * (1 - _MARGIN)
        self._metrics.cluster_nodes.labels(self._realm).set(len(table.living))
        self._look_at_clocks((self._clock() - table.at).total_seconds())
        if self._is_cut_off:
            log.warning("cluster.back", realm=self._realm, lapsed=table.lapsed)
        self._is_cut_off = False
        if not was_secure:
            self._work.wake()

    def _look_at_clocks(self, skew_s: float) -> None:
        """Say once when this node's clock is not the store's: times in messages and receipts would contradict."""
        self._metrics.cluster_skew.labels(self._realm).set(skew_s)
        was_skewed, self._is_skewed = self._is_skewed, abs(skew_s) > _SKEWED_S
        if self._is_skewed and not was_skewed:
            log.warning("cluster.skewed", realm=self._realm, skew_s=round(skew_s, 3))

    def _wanted(self, table: Table) -> frozenset[str]:
        me = self.report
        living = [seen.report for seen in table.nodes if seen.is_alive]
        return wanted_by(_hand(me), map(_hand, living))

    async def _take(self, table: Table) -> None:
        """Take up what this node was given, and let go what it lost."""
        me = self.id
        mine = {s: deed for s, deed in table.deeds.items() if deed.node == me and s not in self._drained}
        if mine != self._held:
            await self._work.hold(mine)
            log.info("cluster.shares", realm=self._realm, held=len(mine), before=len(self._held), clock=CLOCK in mine)
            self._held = mine
        self._metrics.cluster_shares.labels(self._realm).set(len(mine))

    def _hand_over(self, table: Table) -> None:
        """Begin to drain what another living node should hold: each by itself, for one may take long."""
        for share in self._held.keys() - self._wanted(table) - self._draining.keys():
            self._draining[share] = asyncio.create_task(self._drain(share), name=f"drain-{self._realm}-{share}")

    async def _drain(self, share: str) -> None:
        try:
            await self._work.drain(share)
            if self._held.pop(share, None) is not None:
                self._drained.add(share)
        except Exception:
            log.exception("cluster.defect", realm=self._realm)
        finally:
            self._draining.pop(share, None)
            self.wake()

    async def _obey(self, table: Table) -> None:
        """Carry out what was ordered of lanes that this node holds. What could not be kept comes again."""
        for order in table.orders:
            share = share_of(order.lane)
            is_mine = share in self._held and share not in self._draining
            if is_mine and order.id != self._last_done(order.lane) and await self._work.replay(order.lane, order.since):
                self._done[order.lane] = order

    def _last_done(self, lane: str) -> str:
        return self._done[lane].id if lane in self._done else ""

    def _note_cut_off(self, error: LalertError) -> None:
        self._stepped.set()
        if not self._is_cut_off:
            self._is_cut_off = True
            log.warning("cluster.cut_off", realm=self._realm, code=error.code, held=len(self._held))


def _hand(report: Report) -> Hand:
    return Hand(id=report.id, name=report.name, ways=frozenset(report.ways))
