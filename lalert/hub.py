"""One realm of the hub, wired together. This is the story of an alert.

**Accept.** `accept` takes the bytes of a post. They wait at the reception (`lalert.reception`), the most urgent at
first glance first, until they are examined: read and checked. A repeat is recognised, the audience
decided, the area resolved and held against what the sender may alert, the thread found; the whole becomes a `Draft`
with a priority. A message that is wrong was refused by now, with everything that is wrong at once; nothing was kept
and nothing was promised.

**Commit.** The draft waits in the priority queue. The committer (`lalert.commit`) takes small batches, most urgent
first, and appends them to the store: one durable transaction. Only when the store has said that a draft is kept does
`accept` return, and only then does the sender get a 201.

**Advance.** Kept entries go into the `Situation` (what is in force now) and the `Tail` (the newest entries with their
bytes), in the order of the log and without a hole; if one is missing (another node wrote it) it is read first. What
other nodes keep in a shared log is brought by the follower (`lalert.following`) and goes the same way: whoever comes
second with an entry finds it shown. Readers wait on the tail; whoever is further back reads the store by cursor. There
is no other way out.

**End.** What has passed its `ends_at` is ended by an `expire` entry, which goes the same way as everything else.

Start-up is catch-up: situation and tail are read from the store, and that is all the recovery there is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Final, ParamSpec, TypeVar

import structlog

from lalert.cap import signing
from lalert.cap.model import Alert, Identity, Status
from lalert.commit import Committer, Counting, Pending
from lalert.core import jurisdiction
from lalert.core import thread as threads
from lalert.core.draft import draft_of
from lalert.core.examine import NO_SIGNATURES, Examined, examine
from lalert.core.expiry import expiry_of
from lalert.core.glance import glance
from lalert.core.matching import wants
from lalert.core.model import Cursor, Draft, Entry, Kind, Posted, Priority, Realm, Sender, Standing, State, Subscription
from lalert.core.signatures import Signatures
from lalert.core.situation import Situation
from lalert.errors import LalertError, Rejected, Text
from lalert.following import Follower
from lalert.geo.area import Area
from lalert.geo.atlas import Atlas
from lalert.geo.boundaries import BoundarySet
from lalert.metrics import Metrics
from lalert.publishers.cache import Cache
from lalert.publishers.faces import Faces, Site
from lalert.publishers.tail import Tail
from lalert.reception import Reception
from lalert.settings import Settings
from lalert.store.base import Appended, Conflicting, Outcome, Repeated, Stale, Store

log = structlog.get_logger("lalert.hub")

P = ParamSpec("P")
T = TypeVar("T")

_READ_CHUNK = 500
_ALIASES = 10_000
_DESKS = 1  # messages examined at a time: Python runs one thread, and shapes wait for few
_LIFTED: Final = Text(
    ja="references が示すのは解除の電文です。解除を取り消しても発令中には戻らず、発令が誤りだったと伝わってしまうため、"
    "配信していません。危険が続いているときは、発令の全体を Update で送ってください。",
    en="What it cancels is an all clear. Nothing would be in force again, and people would read that the order had "
    "been false: it was not published. If the danger goes on, announce it again, whole, by an Update.",
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a post: `entry` is kept; `created` is False when the same bytes had been kept before."""

    entry: Entry
    created: bool


class Hub:
    """One realm: one store, one queue, one situation, one tail."""

    def __init__(
        self,
        *,
        store: Store,
        atlas: Atlas,
        settings: Settings,
        metrics: Metrics,
        site: Site,
        clock: Callable[[], datetime],
        signatures: Signatures = NO_SIGNATURES,
    ) -> None:
        self.store = store
        self.atlas = atlas
        self.settings = settings
        self.metrics = metrics
        metrics.open(site.realm.value, lanes=(lane.label for lane in Priority), kinds=(kind.value for kind in Kind))
        self.site = site
        self.clock = clock
        self.take_signatures(signatures)
        self.situation = Situation()
        self.tail = Tail(head=Cursor("", 0), limit=settings.stream.tail_entries)
        self.public_head = self.tail.head  # the newest entry that everybody may see
        self.changed_at = clock()  # when what everybody may see changed last
        self.heard_at: datetime | None = None  # when a sender said something to everybody last
        self.calm = asyncio.Event()  # unset while something that cannot wait is on its way into the log
        self.calm.set()
        self._hurried = 0
        self._remembered_at_start = self.changed_at
        self.cache = Cache[bytes](limit=512)
        self._aliases: dict[str, Identity] = {}  # by natural key: relays issue messages again under other names
        self._older: dict[int, Faces] = {}  # messages in force from before the tail began
        self.count_matched: Callable[[Draft], tuple[tuple[str, int], ...]] = lambda _: ()
        self.count_residents: Callable[[Draft], Counting | None] = lambda _: None  # off the loop, when its turn comes
        self.on_kept: Callable[[Sequence[Entry]], None] = lambda _: None  # told of every batch once it is durable
        self._committer = Committer(
            realm=site.realm,
            store=store,
            capacity=settings.queue.capacity,
            batch=settings.queue.batch,
            advance=self._advance,
            metrics=metrics,
            clock=clock,
        )
        self._follower = Follower(store, head=lambda: self.tail.head.seq, show=self._show, clock=clock)
        self._committing: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        # Two pools: a map that is drawn must not keep an alert waiting.
        self._workers = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"draw-{site.realm}")
        self._examiners = ThreadPoolExecutor(max_workers=_DESKS + 1, thread_name_prefix=f"examine-{site.realm}")
        self._reception = Reception(self._examiners, desks=_DESKS, capacity=settings.queue.capacity)

    @property
    def realm(self) -> Realm:
        """Live or drill."""
        return self.site.realm

    @property
    def boundaries(self) -> BoundarySet:
        """The boundary set in use now. Work that asks twice takes it once: it may be swapped between two questions."""
        return self.atlas.current

    @property
    def failing_since(self) -> datetime | None:
        """Since when the store refuses to write, or cannot be followed; None while all is well."""
        since = (self._committer.failing_since, self._follower.failing_since)
        return min((at for at in since if at is not None), default=None)

    @property
    def lost(self) -> asyncio.Event:
        """Set when the shared log is not what it was: the realm has to start anew."""
        return self._follower.lost

    async def probe(self) -> None:
        """Find out whether a shared store that refused to write takes writes again, though nobody posts here."""
        if self.store.is_shared and self._committer.failing_since is not None:
            await self.store.nodes.probe()
            self._committer.recovered()

    def take_signatures(self, signatures: Signatures) -> None:
        """Check and sign by these from the next message on; one that is being examined goes on with those before."""
        self.signatures = signatures
        if signatures.key is not None:
            expires = signatures.key.certificate.not_valid_after_utc.timestamp()
            self.metrics.signing_expires.labels(self.site.realm.value).set(expires)

    # --- life -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Catch up with the log, then commit. Raises `Unavailable` when the store cannot be read."""
        await _staff(self._examiners, _DESKS + 1)
        span = await self.store.span()
        since = self.clock() - timedelta(hours=self.settings.hub.ended_h)
        recent = _unbroken(await self.store.read_from(since, self.settings.stream.tail_entries))
        first = recent[0].cursor.seq if recent else span.head.seq + 1
        older = {posted.entry.cursor.seq: posted.entry for posted in await self.store.in_force()}
        older |= {posted.entry.cursor.seq: posted.entry for posted in await self._ended_by(recent)}
        for seq in sorted(older):
            if seq < first:
                self.situation.apply(older[seq])
        whole = len(recent) < self.settings.stream.tail_entries
        self._remembered_at_start = since if whole else recent[0].at
        self.tail = Tail(head=Cursor(span.head.epoch, first - 1), limit=self.settings.stream.tail_entries)
        self.public_head = self.tail.head
        self._show(recent)
        self.metrics.store_up.labels(self.realm.value).set(1)
        self._committing = asyncio.create_task(self._committer.run(), name=f"commit-{self.realm}")
        if self.store.is_shared:
            self._following = asyncio.create_task(self._follower.run(), name=f"follow-{self.realm}")
        log.info("hub.started", realm=self.realm.value, cursor=str(span.head), in_force=len(self.situation.in_force()))

    async def stop(self) -> None:
        """Commit what was accepted, answer everybody who waits, release the store."""
        self._committer.close()
        if self._committing is not None:
            await self._committing
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
        for pool in (self._workers, self._examiners):
            pool.shutdown(wait=False, cancel_futures=True)
        await self.store.close()

    @property
    def remembers_since(self) -> datetime:
        """From when on memory knows everything that was in force."""
        return max(self._remembered_at_start, self.clock() - timedelta(hours=self.settings.hub.ended_h))

    async def in_worker(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `work` returns, done in a thread: for everything that takes more than a millisecond."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, partial(work, *args, **kwargs))

    # --- accept -----------------------------------------------------------------------------------------------

    async def accept(self, raw: bytes, sender: Sender, *, dry_run: bool = False) -> Accepted:
        """Take one posted message, and return when it is kept.

        Raises `Rejected` with everything that is wrong with it (422; 403 outside the sender's area; 409 other bytes
        under the same identity), `Unavailable` when it cannot be kept now. With `dry_run` nothing is kept: the entry
        is what it would have become, at the position after the head.
        """
        lane = glance(raw)
        if lane is not Priority.FLASH:
            return await self._accept(raw, sender, lane, dry_run=dry_run)
        self._hurried += 1
        self.calm.clear()
        try:
            return await self._accept(raw, sender, lane, dry_run=dry_run)
        finally:
            self._hurried -= 1
            if not self._hurried:
                self.calm.set()

    async def _accept(self, raw: bytes, sender: Sender, lane: Priority, *, dry_run: bool) -> Accepted:
        now, slack_m, boundaries = self.clock(), self.settings.hub.jurisdiction_slack_m, self.boundaries
        work = partial(
            examine,
            raw,
            sender=sender,
            now=now,
            slack_m=slack_m,
            boundaries=boundaries,
            signatures=self.signatures,
        )
        examined = await self._reception.serve(lane, work)
        if examined.alert is not None and (examined.refusal is not None or dry_run):
            # What is right is looked for when it is kept; what is wrong by now may have been right when it was posted.
            known = await self._known(examined.alert)
            if known is not None:
                return known
        alert = examined.checked()
        draft = await self._draft(alert, examined, boundaries, sender, now, lane)
        if dry_run:
            return Accepted(Entry.of(draft, self._next_cursor()), created=False)
        pending = self._committer.pending(draft.key)
        if pending is not None:  # the same message came in twice at the same time
            return await self._same(pending, raw)
        draft = replace(draft, matched=self.count_matched(draft))
        outcome = self._committer.submit(draft, self.count_residents(draft))
        return _accepted(await asyncio.shield(outcome), raw)

    async def say(self, alert: Alert) -> Entry:
        """Keep a message of the hub's own (status System): the canary, a notice about the line itself."""
        own = b""
        if self.signatures.key is not None:
            own = await self._reception.serve(Priority.ROUTINE, partial(signing.sign, alert, self.signatures.key))
        draft = draft_of(
            alert,
            at=self.clock(),
            sender=None,
            zones=(),
            lifetime=self._lifetime,
            boundaries=self.boundaries,
            own_signature=own,
        )
        return _accepted(await asyncio.shield(self._committer.submit(draft)), alert.raw).entry

    async def expire_due(self) -> int:
        """Queue an `expire` entry for every message whose time is over; return how many."""
        now = self.clock()
        due = 0
        for posted in self.situation.due(now):
            draft = expiry_of(posted, now=now)
            if self._committer.pending(draft.key) is None:
                self._committer.submit(draft)
                due += 1
        return due

    async def prune(self) -> int:
        """Drop what is older than the retention time; return how many entries went."""
        now = self.clock()
        self.situation.trim(now - timedelta(hours=self.settings.hub.ended_h))
        return await self.store.prune(now - timedelta(days=self.settings.store.retention_days))

    def faces_of(self, entry: Entry) -> Faces:
        """Return the faces of an entry: those that the readers share, as long as it is in memory."""
        if self.tail.holds(entry.cursor.seq - 1):
            return self.tail.after(entry.cursor.seq - 1, 1)[0]
        return self._older.setdefault(entry.cursor.seq, Faces(entry, self.site))

    def count_in_force(self, wanted: Subscription) -> int:
        """Return how many of the messages in force this reader would have got."""
        return sum(wants(wanted, posted.entry) for posted in self.situation.in_force())

    def observe(self) -> None:
        """Bring the gauges up to date."""
        self._committer.observe()
        self.metrics.in_force.labels(self.realm.value).set(len(self.situation.in_force()))
        held = {posted.entry.cursor.seq for posted in self.situation.in_force()}
        self._older = {seq: faces for seq, faces in self._older.items() if seq in held}

    async def _ended_by(self, recent: Sequence[Entry]) -> list[Posted]:
        """Return the older messages that these entries ended: what held lately is known after a restart, too."""
        keys = {entry.alert.identity.key for entry in recent if entry.kind is not Kind.EXPIRE}
        ends = [(entry, key) for entry in recent for key in sorted(threads.ended_by(entry) - keys)]
        found = [(entry, await self.store.find_key(key)) for entry, key in ends]
        return [posted for entry, posted in found if posted and posted.standing == threads.standing_after(entry)]

    async def _known(self, alert: Alert) -> Accepted | None:
        """Return what this identity became before; raises `Rejected` 409 when that was other bytes."""
        pending = self._committer.pending(alert.identity.key)
        if pending is not None:
            return await self._same(pending, alert.raw)
        posted = await self.look_up(alert.identity)
        return _accepted(Repeated(posted.entry), alert.raw) if posted is not None else None

    async def _same(self, pending: Pending, raw: bytes) -> Accepted:
        accepted = _accepted(await asyncio.shield(pending.outcome), raw)
        return Accepted(accepted.entry, created=False)

    async def _draft(
        self, alert: Alert, examined: Examined, boundaries: BoundarySet, sender: Sender, now: datetime, lane: Priority
    ) -> Draft:
        known = {r.key: await self.look_up(r) for r in alert.references}
        if threads.undoes_a_lifting(alert, list(known.values())):
            raise Rejected(_LIFTED, code="thread.lifted", status=409)
        taken = False if any(known.values()) else await self._is_taken(alert)
        ended = [posted for posted in known.values() if posted]
        ended += [current for posted in ended if (current := self._in_force_of(posted.entry.thread))]
        heard = [posted.entry.area for posted in ended if posted.entry.area]
        if heard:
            await self._reception.serve(lane, partial(self._check_jurisdiction, sender, heard))
        # No await from here to the queue: what is decided about the thread must still hold when it gets there.
        return draft_of(
            alert,
            at=now,
            sender=sender,
            zones=examined.zones,
            referenced=[posted for r in alert.references if (posted := self._find_now(r) or known[r.key])],
            unknown=[r for r in alert.references if not (self._find_now(r) or known[r.key])],
            in_force_of=self._in_force_of,
            priority_of=self.situation.thread_priority,
            taken=taken,
            lifetime=self._lifetime,
            boundaries=boundaries,
            findings=examined.findings,
            signatures=examined.signatures,
            own_signature=examined.own_signature,
        )

    def _check_jurisdiction(self, sender: Sender, areas: Sequence[Area]) -> None:
        jurisdiction.check(sender, areas, self.boundaries, slack_m=self.settings.hub.jurisdiction_slack_m)

    async def _is_taken(self, alert: Alert) -> bool:
        """Whether the name of the thread that `alert` opens belongs to the thread of another message."""
        founder = threads.founder_of(alert)
        if founder == alert.identity and self._committer.latest_of(founder.identifier) is None:
            return False  # the store sees to it when it keeps a thread's first message
        kept = await self.store.thread(founder.identifier)
        latest = self._committer.latest_of(founder.identifier)
        return threads.is_taken(founder, [*kept, *([self._as_posted(latest).entry] if latest else [])])

    async def look_up(self, identity: Identity) -> Posted | None:
        """Return a message that is kept, or on its way into the log, and how it stands."""
        identity = self._aliases.get(identity.key, identity)
        return self._find_now(identity) or await self.store.find_key(identity.key)

    def also_known(self, name: Identity, original: Identity) -> None:
        """Take `name` for another name of the message `original`: what refers to the one means the other."""
        self._aliases[name.key] = original
        if len(self._aliases) > _ALIASES:
            del self._aliases[next(iter(self._aliases))]

    def _find_now(self, identity: Identity) -> Posted | None:
        """Return a message that is on its way or in memory: a queued one counts as if it were kept."""
        pending = self._committer.pending(identity.key)
        if pending is not None:
            return self._as_posted(pending.draft)
        return self.situation.find_key(identity.key)

    def _in_force_of(self, thread: str) -> Posted | None:
        latest = self._committer.latest_of(thread)
        if latest is None:
            return self.situation.thread_in_force(thread)
        return self._as_posted(latest) if latest.state is State.IN_FORCE else None

    def _as_posted(self, draft: Draft) -> Posted:
        return Posted(Entry.of(draft, self._next_cursor()), Standing(state=draft.state))

    def _next_cursor(self) -> Cursor:
        return Cursor(self.tail.head.epoch, self.tail.head.seq + 1)

    @property
    def _lifetime(self) -> timedelta:
        return timedelta(hours=self.settings.hub.lifetime_h)

    # --- advance ----------------------------------------------------------------------------------------------

    async def _advance(self, kept: Sequence[Entry]) -> None:
        """Show what was kept, in the order of the log and without a hole."""
        self.on_kept(kept)
        try:
            for entry in kept:
                while self.tail.head.seq + 1 < entry.cursor.seq:
                    self._show(await self.store.read(self.tail.head.seq, _READ_CHUNK))
                self._show([entry])
        except LalertError as error:  # it is kept all the same; the follower brings it when the log can be read
            log.warning("hub.unshown", realm=self.realm.value, at=self.tail.head.seq, code=error.code)

    def _show(self, read: Sequence[Entry]) -> None:
        """Show the next entries of the log; what is shown already changes nothing. One step: no await in here."""
        entries = [entry for entry in read if entry.cursor.seq > self.tail.head.seq]
        for entry in entries:
            self.situation.apply(entry)
            if entry.alert.status is not Status.SYSTEM:
                self.public_head, self.changed_at = entry.cursor, entry.at
                self.heard_at = self.heard_at if entry.kind is Kind.EXPIRE else entry.at
            self.metrics.entries.labels(self.realm.value, entry.kind.value, entry.priority.label).inc()
        self.tail.extend(Faces(entry, self.site) for entry in entries)


async def _staff(pool: ThreadPoolExecutor, threads: int) -> None:
    """Start the threads of `pool`: a machine that refuses more of them must not do so to the first alert that comes."""
    everybody = Barrier(threads)
    try:
        here = [asyncio.get_running_loop().run_in_executor(pool, everybody.wait) for _ in range(threads)]
        await asyncio.gather(*here)
    finally:
        everybody.abort()  # nobody waits for one who could not be started


def _unbroken(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return the newest of `entries` that follow each other: the clocks of nodes differ, the log's order does not."""
    breaks = (i for i in range(len(entries) - 1, 0, -1) if entries[i - 1].cursor.seq + 1 != entries[i].cursor.seq)
    return entries[next(breaks, 0) :]


def _accepted(outcome: Outcome, raw: bytes) -> Accepted:
    """Return what the store's outcome means for whoever posted `raw`; raises `Rejected` 409 when it was not kept."""
    if isinstance(outcome, Stale):
        raise _overtaken(outcome)
    if isinstance(outcome, Conflicting) or outcome.entry.alert.raw != raw:
        raise _conflict(outcome.entry)
    return Accepted(outcome.entry, created=isinstance(outcome, Appended))


def _overtaken(outcome: Stale) -> Rejected:
    by = outcome.ended_by.alert.identifier if outcome.ended_by else ""
    return Rejected(
        Text(
            ja=f"この電文は、すでに受け付けた電文 {by} によって更新または取消されています。配信していません。",
            en=f"A message kept before ({by}) already updates or cancels this one. It was not published.",
        ),
        code="thread.overtaken",
        status=409,
    )


def _conflict(first: Entry) -> Rejected:
    return Rejected(
        Text(
            ja=f"同じ sender・identifier・sent の別の電文を受け付け済みです(位置 {first.cursor})。"
            "内容を改めるときは新しい identifier で Update を送ってください。",
            en=f"Another message was accepted under this sender, identifier and sent ({first.cursor}). "
            "To change it, send an Update with a new identifier.",
        ),
        code="identity.conflict",
        status=409,
    )
