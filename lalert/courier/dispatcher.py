"""The dispatcher drives the lanes of one realm: from the log to whoever sends (`publishers.base.Courier`).

What goes when is decided in `core.lanes` and `core.roster`; here it is read, called and saved.

One task moves parcels: it feeds the lanes (`courier.feed`) and starts deliveries, the most urgent first, while there
are places. Each delivery is a task of its own and settles its lane. The less urgent may take only a share of the
places, and lanes whose peers failed last time have a few of their own, so neither bulk nor dead peers keep a level 5
waiting.

Lanes and attempts are saved in batches (`courier.saving`). A delivery in batches goes on only when its progress is
kept, so that a crash repeats one batch and not more. Start-up is catch-up: lanes resume where they were saved.

Which lanes these are, others decide: the dispatcher serves the lanes of the shares that it is told to `hold`
(`core.shares`), and lets them go again. Letting a lane go is not dropping it: it goes on from where it was saved,
wherever that is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from lalert.core.delivery import Attempt, Delivered, LaneState, Later, Outcome, Partly, Refused, Tally
from lalert.core.lanes import Lane, Parcel, Rank
from lalert.core.model import Cursor, Entry, Priority
from lalert.core.retry import Policy
from lalert.core.roster import Roster
from lalert.core.shares import Deed, share_of
from lalert.courier.feed import Feed, Route, Source
from lalert.courier.saving import Saving
from lalert.errors import Unavailable
from lalert.logs import Faults
from lalert.metrics import Metrics
from lalert.publishers.base import Courier
from lalert.settings import Push

log = structlog.get_logger("lalert.courier")

_SHARES = {Priority.FLASH: 1.0, Priority.URGENT: 0.9, Priority.PROMPT: 0.8, Priority.ROUTINE: 0.6}
_PROBES = 0.25  # of the places, beside them: for lanes whose peers failed last time
_REASON = 200  # characters of a peer's reason that are noted
_ALWAYS_NOTED = frozenset({"later", "gone", "gave_up", "lost"})
_LOST = Refused("retention", Tally())
_STORE_RETRY = timedelta(seconds=1)


class Dispatcher:
    """The lanes of one realm. Started after its hub, stopped before it."""

    def __init__(
        self,
        source: Source,
        couriers: Sequence[Courier],
        *,
        settings: Push,
        metrics: Metrics,
        clock: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        self._source = source
        self._couriers = tuple(couriers)
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._looked_at = clock()
        self._random = random
        self._realm = source.site.realm.value
        self._policy = Policy(
            first_s=settings.retry_first_s,
            longest_s=settings.retry_longest_s,
            patience_s=timedelta(hours=settings.patience_h).total_seconds(),
        )
        self._roster = Roster()
        self._routes: dict[str, Route] = {}
        self._deeds: dict[str, Deed] = {}
        self._draining: set[str] = set()  # shares in which nothing is begun any more
        self._strays: dict[str, Deed] = {}  # of these, those that another node has taken over
        self._saving = Saving(
            source.store, self._roster, every_s=settings.save_s, deed_of=self._deeds.get, lost=self._lost
        )
        self._feed = Feed(source, self._roster, self._routes, self._saving, clock=clock)
        self._turn = asyncio.Lock()  # lanes come and go between two steps of the feed
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._deliveries: set[asyncio.Task[None]] = set()
        self._busy = {False: 0, True: 0}  # places taken; True: probes
        self._landed = asyncio.Event()  # of those who wait for the next delivery to end
        self._is_closing = False
        self._faults = Faults()
        self.is_secure: Callable[[], bool] = lambda: True  # whether what is held is sure to be so for some time yet
        self.on_fenced: Callable[[], None] = lambda: None  # told when a share turned out to be another node's

    # --- life -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Deliver what there is to deliver in the shares that are held; at first these are none."""
        for work in (self._saving.run(), self._run(), self._follow()):
            self._tasks.append(asyncio.create_task(work, name=f"courier-{self._realm}"))

    async def stop(self) -> None:
        """Finish what is on its way, as far as the time of one delivery allows, save, and end."""
        self._is_closing = True
        if self._deliveries:
            await asyncio.wait(self._deliveries, timeout=self._settings.timeout_s)
        for task in (*self._deliveries, *self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._saving.close()

    async def refresh(self) -> None:
        """Ask the couriers for their lanes again: new ones begin, changed ones are read again, others are dropped."""
        async with self._turn:
            await self._take_up({})
        self._woken.set()

    async def replay(self, lane: str, since: int) -> bool:
        """Send everything after position `since` to this lane again; return False when it is not served here."""
        async with self._turn:
            found = self._roster.get(lane)
            if found is None:
                return False
            found.rewind(min(since, self._source.tail().head.seq))
            self._saving.settled(found)
            self._roster.note(found, self._clock())
        self._woken.set()
        return True

    def wake(self) -> None:
        """Look again at what there is to do."""
        self._woken.set()

    # --- which lanes ------------------------------------------------------------------------------------------

    async def hold(self, deeds: Mapping[str, Deed]) -> None:
        """Serve the lanes of these shares, each from where it was saved, and no others.

        To be called when the couriers know everybody whose lanes were saved: what they do not list was removed, and is
        forgotten. Raises `Unavailable` when what was saved cannot be read: then nothing is served of what is new.
        """
        async with self._turn:
            self._let_go({share for share, deed in self._deeds.items() if deeds.get(share) != deed})
            fresh = deeds.keys() - self._deeds.keys()
            if fresh:
                saved = {lane.lane: lane for lane in await self._source.store.lanes() if share_of(lane.lane) in fresh}
                self._deeds |= {share: deeds[share] for share in fresh}
                self._draining -= fresh
                await self._take_up(saved)
        self._woken.set()

    async def drain(self, shares: Collection[str]) -> None:
        """Begin nothing more in these shares, finish and save what is under way, and let them go."""
        self._draining |= set(shares)
        try:
            while any(lane.in_flight for lane in self._lanes_of(shares)):
                self._landed.clear()
                await self._landed.wait()
            for lane in self._lanes_of(shares):
                self._saving.settled(lane)
            await self._saving.flush()
            async with self._turn:
                self._let_go(shares)
        finally:
            self._draining -= set(shares)

    def _lanes_of(self, shares: Collection[str]) -> list[Lane]:
        return [lane for lane in self._roster if share_of(lane.id) in shares]

    def _let_go(self, shares: Collection[str]) -> None:
        for lane in self._lanes_of(shares):
            self._roster.remove(lane.id)
            self._routes.pop(lane.id, None)
        for share in shares:
            self._deeds.pop(share, None)

    def _lost(self, shares: Collection[str]) -> None:
        """Begin nothing more in these shares, and let them go between two steps of the feed."""
        self._draining |= set(shares)
        self._strays |= {share: self._deeds[share] for share in shares if share in self._deeds}
        self._woken.set()
        self.on_fenced()

    async def _shed(self) -> None:
        """Let go what another node has taken over, unless it came back under another deed since."""
        async with self._turn:
            strays, self._strays = self._strays, {}
            self._let_go({share for share, deed in strays.items() if self._deeds.get(share) == deed})
            self._draining -= {share for share, deed in strays.items() if self._deeds.get(share) is None}

    def state(self, lane: str) -> LaneState | None:
        """Return how far this lane is; None when it is not served here."""
        found = self._roster.get(lane)
        return found.state() if found is not None else None

    async def flush(self) -> bool:
        """Return once all that happened up to now is kept, or could not be: then False."""
        return await self._saving.flush()

    def observe(self) -> None:
        """Bring the gauges up to date."""
        head = self._source.tail().head.seq
        for courier in self._couriers:
            lanes = [lane for lane in self._roster if self._routes[lane.id].courier is courier]
            labels = (self._realm, courier.name)
            self._metrics.push_lanes.labels(*labels).set(len(lanes))
            self._metrics.push_lag.labels(*labels).set(max((head - lane.floor for lane in lanes), default=0))
            self._metrics.push_failing.labels(*labels).set(sum(lane.failures > 0 for lane in lanes))

    async def _take_up(self, saved: dict[str, LaneState]) -> None:
        listed = {
            spec.id: Route(spec, courier)
            for courier in self._couriers
            for spec in courier.lanes()
            if share_of(spec.id) in self._deeds
        }
        removed = (self._routes.keys() | saved.keys()) - listed.keys()
        for name in removed:
            self._roster.remove(name)
            self._routes.pop(name, None)
        for name, route in listed.items():
            before, self._routes[name] = self._routes.get(name), route
            lane = self._roster.get(name)
            if lane is None:
                self._begin(saved.get(name) or LaneState(lane=name, cursor=route.spec.since))
            elif before is not None and before.spec != route.spec:
                lane.fall_behind()
        for name in removed:
            await self._saving.drop(name)

    def _begin(self, state: LaneState) -> None:
        head = self._source.tail().head
        if state.cursor.epoch != head.epoch:
            # The log was restored from a backup: what the lane knows beyond the end of that never was in this log.
            state = LaneState(lane=state.lane, cursor=Cursor(head.epoch, min(state.cursor.seq, head.seq)))
        lane = Lane(state, capacity=self._settings.lane_entries, policy=self._policy)
        self._roster.add(lane)
        self._roster.note(lane, self._clock())

    # --- the one task that moves parcels ----------------------------------------------------------------------

    async def _run(self) -> None:
        while not self._is_closing:
            self._woken.clear()
            if self._strays:
                await self._shed()
            self._ring()
            again_at = await self._fed()
            self._deliver()
            await self._rest(again_at or self._roster.alarm())

    def _ring(self) -> None:
        """Wake the lanes whose time has come, also by a clock that was set back meanwhile."""
        now = self._clock()
        if now < self._looked_at:
            self._roster.set_back(self._looked_at - now, now)
        self._looked_at = now
        self._roster.ring(now)

    async def _fed(self) -> datetime | None:
        """Feed the lanes; return when to go on, or None when there is nothing to do until something happens."""
        try:
            async with self._turn:
                is_more = await self._feed.run()
            self._faults.is_over("log")
            return self._clock() if is_more else None
        except Unavailable as error:
            if self._faults.is_news("log", error.code):
                log.warning("courier.unread", realm=self._realm, code=error.code)
        except Exception:
            # One defect must not end the task on which every way out depends.
            log.exception("courier.defect", realm=self._realm)
        return self._clock() + _STORE_RETRY

    async def _rest(self, due: datetime | None) -> None:
        """Wait until something happens, or until `due`."""
        wait_s = None if due is None else max(0.0, (due - self._clock()).total_seconds())
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):  # wait_for of Python 3.11 may swallow our end
                await self._woken.wait()

    async def _follow(self) -> None:
        """Wake that task whenever the log has grown."""
        while True:
            tail = self._source.tail()
            seen = tail.head.seq
            self._woken.set()
            await tail.moved_past(seen)

    def _deliver(self) -> None:
        """Start what there are places for."""
        now = self._clock()
        for failing in (False, True):
            while (top := self._roster.peek(failing=failing)) and self._has_place(top[0], failing):
                if share_of(top[1].id) in self._draining:
                    self._roster.hold(top[1])
                else:
                    self._start(top[1], failing, now)

    def _has_place(self, rank: Rank, failing: bool) -> bool:
        share = _PROBES if failing else _SHARES[rank[1]]
        if self._is_closing or not self.is_secure():
            return False
        return self._busy[failing] < max(1, int(share * self._settings.concurrency))

    # --- one delivery -----------------------------------------------------------------------------------------

    def _start(self, lane: Lane, failing: bool, now: datetime) -> None:
        parcel = lane.take(now)
        self._roster.note(lane, now)
        if parcel is None:
            return
        self._busy[failing] += 1
        task = asyncio.create_task(self._serve(lane, parcel), name=f"deliver-{lane.id}")
        self._deliveries.add(task)
        task.add_done_callback(lambda done: self._end(done, failing))

    def _end(self, task: asyncio.Task[None], failing: bool) -> None:
        self._deliveries.discard(task)
        self._busy[failing] -= 1
        self._woken.set()
        self._landed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("courier.defect", realm=self._realm, exc_info=error)

    async def _serve(self, lane: Lane, parcel: Parcel) -> None:
        began, began_s = self._clock(), asyncio.get_running_loop().time()
        entry, outcome = await self._send(lane, parcel)
        if outcome is None:
            lane.give_back()
            self._roster.note(lane, self._clock())
            return
        word = lane.settle(outcome, now=self._clock(), jitter=self._random())
        attempt = Attempt(
            lane=lane.id,
            seq=parcel.seq,
            identifier=entry.alert.identifier if entry else "",
            at=began,
            outcome="lost" if outcome is _LOST else word,
            reason="" if isinstance(outcome, Delivered | Partly) else outcome.reason[:_REASON],
            took_s=asyncio.get_running_loop().time() - began_s,
            tally=outcome.tally,
        )
        if self._roster.get(lane.id) is lane:  # else it was dropped meanwhile
            self._count(lane, attempt, entry)
            await self._keep(lane, attempt, is_partly=isinstance(outcome, Partly))

    async def _send(self, lane: Lane, parcel: Parcel) -> tuple[Entry | None, Outcome | None]:
        """Return what became of it; no outcome where it is not for this node to send it any more."""
        entry = None
        try:
            faces = await self._source.faces(parcel.seq)
            if faces is None:
                return None, _LOST
            entry = faces.entry
            if not self._may_send(lane):
                return entry, None
            return entry, await self._routes[lane.id].courier.send(lane.id, faces, lane.progress(parcel.seq))
        except Unavailable as error:
            return entry, Later(error.code)
        except Exception:
            log.exception("courier.defect", realm=self._realm, lane=lane.id)
            return entry, Later("defect")

    def _may_send(self, lane: Lane) -> bool:
        """Whether the lane is still held: since it was begun the process may have slept, or waited for the log."""
        return self._roster.get(lane.id) is lane and self.is_secure()

    def _count(self, lane: Lane, attempt: Attempt, entry: Entry | None) -> None:
        way = self._routes[lane.id].spec.way
        self._metrics.push_attempts.labels(self._realm, way, attempt.outcome).inc()
        if attempt.outcome == "delivered" and entry is not None:
            seconds = (self._clock() - entry.at).total_seconds()
            self._metrics.push_seconds.labels(self._realm, way, entry.priority.label).observe(max(0.0, seconds))

    async def _keep(self, lane: Lane, attempt: Attempt, *, is_partly: bool) -> None:
        if attempt.tally != Tally() or attempt.outcome in _ALWAYS_NOTED:  # that nobody was concerned is no news
            self._saving.attempted(attempt)
        self._saving.settled(lane)
        if is_partly:
            self._roster.hold(lane)
            await self._saving.flush()
            self._roster.release(lane, self._clock())
        else:
            self._roster.note(lane, self._clock())
