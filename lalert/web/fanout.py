"""Fan-out: each new entry to every connected reader, encoded once, without waiting for anybody.

Every reader is a position in the log and a socket. A pass goes over all of them and writes to each whatever lies
between its position and the head *of that moment*, in one write: a level 5 that is kept in the middle of a pass reaches
the rest of the readers in this pass and the first ones in the next, so bulk delays it by one pass at most. After every
64 readers the loop is given away, so intake and commits go on.

A reader that cannot take more at the moment is *handed back* to its handler, which goes on from its position at the
reader's own pace and joins again at the head; nobody waits for it, and what waits for it is the log, not our memory.

`transport.write` is used on purpose: a coroutine per reader and entry costs two to three times as much.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from lalert.core.matching import Hearers, hearers_of, reaches
from lalert.core.model import Draft, Entry, Subscription
from lalert.errors import Text, Unavailable
from lalert.metrics import Metrics
from lalert.publishers import events
from lalert.publishers.events import Event
from lalert.publishers.faces import Faces
from lalert.publishers.framing import Framing
from lalert.publishers.tail import Tail

_CHUNK = 64  # readers between two looks at everything else
_GIVE_WAY_S = 0.02
_NEWEST, _NEWEST_OF = 10, 500  # identifiers in a heartbeat, and how many entries back they are looked for


class Reader:
    """One connected client: everything up to `seq` was written to it.

    `left` is set when it leaves the fan-out; `is_slow` then says whether its handler should go on with it.
    """

    __slots__ = ("group", "is_slow", "left", "seq", "transport")

    def __init__(self, transport: asyncio.Transport, group: Group, seq: int) -> None:
        self.transport = transport
        self.group = group
        self.seq = seq
        self.left = asyncio.Event()
        self.is_slow = False


class Group:
    """All readers with the same filter and framing: they share every byte."""

    __slots__ = ("_frames", "_head", "framing", "readers", "subscription")

    def __init__(self, subscription: Subscription, framing: Framing) -> None:
        self.subscription = subscription
        self.framing = framing
        self.readers: set[Reader] = set()
        self._frames: dict[int, tuple[bytes, int]] = {}
        self._head = -1

    def frames(self, since: int, tail: Tail) -> tuple[bytes, int]:
        """Return the bytes from position `since` to the head, and how many entries they are."""
        if self._head != tail.head.seq:
            self._frames.clear()
            self._head = tail.head.seq
        made = self._frames.get(since)
        if made is None:
            wanted = [faces for faces in tail.after(since) if self.wants(faces)]
            made = b"".join(faces.framed(self.framing) for faces in wanted), len(wanted)
            self._frames[since] = made
        return made

    def wants(self, faces: Faces) -> bool:
        """Whether these readers get this entry."""
        return reaches(self.subscription, faces.hearers)

    def newest(self, tail: Tail) -> list[str]:
        """Return the identifiers of the last ten messages that these readers got, oldest first."""
        seen: dict[str, None] = {}
        for faces in reversed(tail.after(tail.head.seq - _NEWEST_OF)):
            if len(seen) < _NEWEST and self.wants(faces):
                seen.setdefault(faces.entry.alert.identifier)
        return list(reversed(seen))


class Fanout:
    """The readers of one realm's event stream."""

    def __init__(
        self,
        tail: Callable[[], Tail],
        *,
        calm: asyncio.Event,
        realm: str,
        buffer_bytes: int,
        metrics: Metrics,
        clock: Callable[[], datetime],
    ) -> None:
        self._tail = tail
        self._calm = calm
        self._realm = realm
        self._buffer_bytes = buffer_bytes
        self._metrics = metrics
        self._clock = clock
        self.on_told: Callable[[Sequence[tuple[Entry, int]], datetime, datetime], None] = lambda *_: None
        self._groups: dict[tuple[Subscription, Framing], Group] = {}
        self._readers: dict[Reader, None] = {}  # in order of arrival
        self._connections = 0
        self.last_word: Event | None = None  # for whoever is not at the head when the server goes

    @contextmanager
    def connection(self, most: int) -> Iterator[None]:
        """Count one connection, whether it catches up or follows. Raises `Unavailable` when there are `most`."""
        if self._connections >= most:
            raise Unavailable(Text("接続数の上限です。", "No more connections."), code="stream.full", retry_after_s=10)
        self._connections += 1
        try:
            yield
        finally:
            self._connections -= 1

    def __len__(self) -> int:
        return len(self._readers)

    def group(self, subscription: Subscription, framing: Framing) -> Group:
        """Return the group that shares this filter and framing. It counts once somebody has joined."""
        return self._groups.get((subscription, framing)) or Group(subscription, framing)

    def join(self, reader: Reader) -> None:
        """Let `reader` have everything after its position. What came while it was replaying follows at once."""
        group = reader.group
        reader.group = self._groups.setdefault((group.subscription, group.framing), group)
        reader.group.readers.add(reader)
        self._readers[reader] = None
        self._metrics.readers.labels(self._realm).set(len(self._readers))
        self._serve([reader], self._tail())

    def leave(self, reader: Reader) -> None:
        """Forget `reader`; harmless when it has left before."""
        if self._readers.pop(reader, reader) is reader:
            return
        group = reader.group
        group.readers.discard(reader)
        if not group.readers:
            self._groups.pop((group.subscription, group.framing), None)
        self._metrics.readers.labels(self._realm).set(len(self._readers))
        reader.left.set()

    def count(self, draft: Draft) -> int:
        """Return how many connected readers would get `draft`."""
        return self._count(hearers_of(draft))

    def _count(self, hearers: Hearers) -> int:
        return sum(len(g.readers) for g in self._groups.values() if reaches(g.subscription, hearers))

    async def run(self) -> None:
        """Write every entry to every reader, for ever. `on_told` learns how many readers each had."""
        told = self._tail().head.seq
        while True:
            tail = self._tail()
            await tail.moved_past(told)
            faces = tail.after(told) if tail.holds(told) else ()
            fresh = [(one.entry, self._count(one.hearers)) for one in faces]
            told, began = tail.head.seq, self._clock()
            while await self._pass(tail):
                pass
            self._measure(entry for entry, _ in fresh)
            self.on_told(fresh, began, self._clock())

    async def heartbeat(self, in_force: Callable[[Subscription], int]) -> None:
        """Tell every reader the position, the newest identifiers of its filter and how many alerts are in force."""
        now, made = self._clock(), dict[tuple[Group, int], bytes]()

        def frame(reader: Reader) -> bytes:
            tail, group = self._tail(), reader.group
            self._serve([reader], tail)  # its id is the head: everything up to there must have been written before
            key = group, tail.head.seq
            if key not in made:
                last, count = group.newest(tail), in_force(group.subscription)
                beat = events.heartbeat(tail.head, last=last, in_force=count, now=now)
                made[key] = group.framing.frame(beat)
            return made[key]

        await self._each(frame)

    async def ping(self) -> None:
        """Write what is no event to every reader, so that no proxy takes the silence for death."""
        await self._each(lambda reader: reader.group.framing.ping)

    async def farewell(self, reason: str) -> None:
        """Say `bye` to every reader that follows, and let them go."""
        bye = events.bye(reason)
        await self._each(lambda reader: reader.group.framing.frame(bye))
        for reader in list(self._readers):
            self.leave(reader)

    async def close(self, reason: str) -> None:
        """Tell every reader that the server is going: those at the head now, those that catch up at their next step."""
        self.last_word = events.bye(reason)
        await self.farewell(reason)

    async def _each(self, frame: Callable[[Reader], bytes]) -> None:
        for index, reader in enumerate(list(self._readers)):
            if index % _CHUNK == _CHUNK - 1:
                await asyncio.sleep(0)
            if reader in self._readers:
                self._put(reader, frame(reader))

    async def _pass(self, tail: Tail) -> bool:
        """Bring every reader to the head; return whether one was behind."""
        behind, readers, patience = False, list(self._readers), 1
        for first in range(0, len(readers), _CHUNK):
            behind |= self._serve(readers[first : first + _CHUNK], tail)
            await asyncio.sleep(0)
            if patience and not self._calm.is_set():
                patience = 0  # once a pass: whatever never calms down must not stop the stream
                await self._give_way()
        return behind

    async def _give_way(self) -> None:
        """Let what cannot wait into the log first: the rest of this pass then carries it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GIVE_WAY_S):
                await self._calm.wait()

    def _serve(self, readers: Sequence[Reader], tail: Tail) -> bool:
        """Write to each of `readers` what it lacks; return whether one lacked anything. The hottest loop of the hub."""
        head, behind, written = tail.head.seq, False, 0
        for reader in readers:
            if reader.seq >= head or reader.left.is_set():
                continue
            behind, transport = True, reader.transport
            if transport.is_closing():
                self.leave(reader)
            elif transport.get_write_buffer_size() > self._buffer_bytes or not tail.holds(reader.seq):
                self._hand_back(reader)
            else:
                frames, count = reader.group.frames(reader.seq, tail)
                reader.seq = head
                if count:
                    transport.write(frames)
                    written += count
        self._metrics.deliveries.labels(self._realm).inc(written)
        return behind

    def _put(self, reader: Reader, data: bytes) -> None:
        if reader.transport.is_closing():
            self.leave(reader)
        elif not reader.left.is_set():
            reader.transport.write(data)

    def _hand_back(self, reader: Reader) -> None:
        """Let its handler go on from its position, at its own pace."""
        reader.is_slow = True
        self._metrics.slow.labels(self._realm).inc()
        self.leave(reader)

    def _measure(self, entries: Iterable[Entry]) -> None:
        now = self._clock()
        for entry in entries:
            seconds = (now - entry.at).total_seconds()
            self._metrics.delivery_seconds.labels(self._realm, entry.priority.label).observe(max(0.0, seconds))
