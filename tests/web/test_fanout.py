"""Fan-out: every reader gets everything that is for it, once, in order, whatever the others do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta

import pytest

from lalert.core.model import Cursor, Realm, Subscription
from lalert.errors import Unavailable
from lalert.metrics import Metrics
from lalert.publishers import events, sse
from lalert.publishers.faces import Faces, Site
from lalert.publishers.framing import CHUNKED, PLAIN, WEBSOCKET, Framing
from lalert.publishers.tail import Tail
from lalert.web.fanout import Fanout, Reader
from tests.render.entries import CHUO, SENT, Zone, alert, area, entry

SITE = Site(Realm.LIVE, "https://hub.example.jp")
CAP = 100_000
EVERYTHING, LEVEL_5 = Subscription(), Subscription(min_level=5)


class Line:
    """A transport that keeps what is written, and is as full as it is told to be."""

    def __init__(self) -> None:
        self.written = b""
        self.writes = 0
        self.waits = 0
        self.is_closed = False

    def write(self, data: bytes) -> None:
        """Take some bytes."""
        self.written += data
        self.writes += 1

    def get_write_buffer_size(self) -> int:
        """Return how much waits."""
        return self.waits

    def is_closing(self) -> bool:
        """Whether the client has left."""
        return self.is_closed

    @property
    def seqs(self) -> list[int]:
        """The positions that were written, in order."""
        ids = [line for line in self.written.split(b"\n") if line.startswith(b"id: ")]
        return [int(line.rpartition(b"-")[2]) for line in ids]


class Hall:
    """A fan-out with its tail, and as many readers as join."""

    def __init__(self, *, limit: int = 100) -> None:
        self.tail = Tail(head=Cursor("k3f9", 0), limit=limit)
        self.metrics = Metrics()
        self.calm = asyncio.Event()
        self.calm.set()
        self.fanout = Fanout(
            lambda: self.tail,
            calm=self.calm,
            realm="live",
            buffer_bytes=CAP,
            metrics=self.metrics,
            clock=lambda: SENT + timedelta(minutes=2),
        )

    def join(
        self, wanted: Subscription = EVERYTHING, *, at: int | None = None, framing: Framing = PLAIN
    ) -> tuple[Reader, Line]:
        """Let a reader join at a position, the head if none is given."""
        line = Line()
        group = self.fanout.group(wanted, framing)
        reader = Reader(line, group, self.tail.head.seq if at is None else at)  # type: ignore[arg-type]
        self.fanout.join(reader)
        return reader, line

    def keep(self, *levels: int) -> None:
        """Keep entries of these levels, for Chuo."""
        for level in levels:
            seq = self.tail.head.seq + 1
            where = area(CHUO)
            kept = entry(
                alert(identifier=f"m{seq}"),
                cursor=Cursor("k3f9", seq),
                level=level,
                area=where,
                zones=(Zone(area=where, level=level, hazard="flood"),),
            )
            self.tail.extend([Faces(kept, SITE)])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the fan-out as long as the context lasts."""
        task = asyncio.create_task(self.fanout.run())
        await asyncio.sleep(0)
        yield
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def settled(self) -> None:
        """Wait until every reader is at the head or was handed back."""
        async with asyncio.timeout(10):
            while any(reader.seq < self.tail.head.seq for reader in self.fanout._readers):  # noqa: ASYNC110
                await asyncio.sleep(0)


@pytest.fixture
def hall() -> Hall:
    """An empty hall."""
    return Hall()


async def test_each_gets_its_own_once(hall: Hall) -> None:
    """Readers with the same and with other filters get exactly what is for them, in order."""
    (_, all_), (_, also_all), (_, severe) = hall.join(), hall.join(), hall.join(LEVEL_5)
    async with hall.running():
        for levels in ((3, 5), (4,), (5, 5, 3)):
            hall.keep(*levels)
            await hall.settled()
    assert all_.seqs == also_all.seqs == [1, 2, 3, 4, 5, 6]
    assert severe.seqs == [2, 4, 5]
    assert all_.written == also_all.written


async def test_more_readers_than_one_chunk(hall: Hall) -> None:
    """Nobody is forgotten at the seams between chunks of readers."""
    lines = [hall.join(EVERYTHING if n % 3 else LEVEL_5)[1] for n in range(200)]
    async with hall.running():
        hall.keep(3, 5, 4)
        await hall.settled()
    assert [line.seqs for line in lines] == [[1, 2, 3] if n % 3 else [2] for n in range(200)]


async def test_who_joins_behind_is_brought_up_at_once(hall: Hall) -> None:
    """What came between a reader's replay and its joining is written as it joins."""
    hall.keep(3, 4, 5)
    _, line = hall.join(at=1)
    assert line.seqs == [2, 3]


async def test_chunks_are_framed_for_those_who_take_chunks(hall: Hall) -> None:
    """HTTP/1.1 readers get chunks, HTTP/1.0 readers the bare events; they share no bytes."""
    hall.keep(4)
    (_, plain), (_, chunked) = hall.join(at=0), hall.join(at=0, framing=CHUNKED)
    assert chunked.written == sse.chunked(plain.written)


async def test_each_way_of_reading_hears_the_same(hall: Hall) -> None:
    """Entries, heartbeat, signs of life and farewell come to each framing in the same order, as it carries them."""
    (_, plain), (_, socket) = hall.join(), hall.join(framing=WEBSOCKET)
    async with hall.running():
        hall.keep(5, 3)
        await hall.settled()
    await hall.fanout.heartbeat(lambda _: 2)
    await hall.fanout.ping()
    await hall.fanout.farewell("shutdown")
    beat = events.heartbeat(hall.tail.head, last=["m1", "m2"], in_force=2, now=SENT + timedelta(minutes=2))
    said = [*(faces.event for faces in hall.tail.after(0)), beat, None, events.bye("shutdown")]
    for line, framing in ((plain, PLAIN), (socket, WEBSOCKET)):
        assert line.written == b"".join(framing.frame(one) if one else framing.ping for one in said)
    assert plain.writes == socket.writes == 4


async def test_full_line_is_handed_back(hall: Hall) -> None:
    """A reader whose line is full is given back to its handler at its position; the others are served."""
    (slow, full), (_, open_) = hall.join(), hall.join()
    full.waits = CAP + 1
    async with hall.running():
        hall.keep(4)
        await hall.settled()
    assert slow.left.is_set()
    assert (slow.is_slow, slow.seq, full.seqs) == (True, 0, [])
    assert (len(hall.fanout), open_.seqs) == (1, [1])


async def test_who_is_behind_memory_is_handed_back() -> None:
    """A reader that memory cannot serve goes back to the store, never on with a hole."""
    hall = Hall(limit=2)
    hall.keep(*[4] * 10)
    reader, line = hall.join(at=1)
    assert (reader.is_slow, reader.left.is_set(), line.written) == (True, True, b"")
    assert len(hall.fanout) == 0


async def test_who_has_left_is_forgotten(hall: Hall) -> None:
    """A closed line is noticed at the next write; leaving twice is harmless."""
    reader, line = hall.join()
    line.is_closed = True
    await hall.fanout.ping()
    assert reader.left.is_set()
    assert not reader.is_slow
    hall.fanout.leave(reader)
    assert (len(hall.fanout), line.written) == (0, b"")


async def test_groups_go_with_their_readers(hall: Hall) -> None:
    """A filter that nobody has any more is not kept; one that was asked for and never joined neither."""
    hall.fanout.group(LEVEL_5, PLAIN)
    first, _ = hall.join()
    second, _ = hall.join()
    assert first.group is second.group
    assert len(hall.fanout._groups) == 1
    for reader in (first, second):
        hall.fanout.leave(reader)
    assert not hall.fanout._groups


async def test_two_who_replayed_at_the_same_time_share_a_group(hall: Hall) -> None:
    """Groups that were made for the same filter before either joined are one afterwards: nobody is counted out."""
    early = hall.fanout.group(LEVEL_5, PLAIN)
    late = hall.fanout.group(LEVEL_5, PLAIN)
    for group in (early, late):
        hall.fanout.join(Reader(Line(), group, 0))  # type: ignore[arg-type]
    assert hall.fanout.count(entry(level=5, zones=(Zone(area=area(), level=5, hazard="flood"),))) == 2


async def test_count_of_those_who_would_get_it(hall: Hall) -> None:
    """Readers that match, however many filters there are."""
    for wanted in (EVERYTHING, EVERYTHING, LEVEL_5, Subscription(areas=frozenset({"47"}))):
        hall.join(wanted)
    assert hall.fanout.count(entry()) == 2


async def test_heartbeat_comes_after_what_it_counts(hall: Hall) -> None:
    """Its id is the head: whatever was kept before it has been written before it."""
    (_, all_), (_, severe) = hall.join(), hall.join(LEVEL_5)
    hall.keep(*[5, 3] * 8)
    await hall.fanout.heartbeat(lambda wanted: 7 if wanted == EVERYTHING else 0)
    assert all_.seqs == [*range(1, 17), 16]
    assert severe.seqs == [*range(1, 17, 2), 16]
    tail = all_.written.rpartition(b"event: heartbeat")[2].decode()
    assert '"inForce":7' in tail
    assert '"last":["m7"' in tail
    assert tail.count('"m') == 10
    only = severe.written.rpartition(b"event: heartbeat")[2].decode()
    assert '"last":["m1","m3"' in only


async def test_farewell_lets_everybody_go(hall: Hall) -> None:
    """`bye` with the reason, then nobody is there."""
    readers = [hall.join() for _ in range(130)]
    await hall.fanout.farewell("shutdown")
    assert all(line.written == sse.frame(events.bye("shutdown")) and reader.left.is_set() for reader, line in readers)
    assert len(hall.fanout) == 0


def test_connections_have_a_bound(hall: Hall) -> None:
    """One too many is refused, and one that ends makes room, however it ends."""
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(hall.fanout.connection(2))
        with pytest.raises(Unavailable, match=r"stream\.full"), hall.fanout.connection(2):
            pass
    with pytest.raises(RuntimeError), hall.fanout.connection(1):
        raise RuntimeError
    with hall.fanout.connection(1):
        pass


async def test_figures(hall: Hall) -> None:
    """Deliveries are counted by entry and reader, readers as they come and go."""
    hall.join()
    hall.join(LEVEL_5)
    hall.keep(5, 3)
    await hall.fanout.heartbeat(lambda _: 0)
    page = hall.metrics.page().decode()
    assert 'lalert_stream_deliveries_total{realm="live"} 3.0' in page
    assert 'lalert_stream_readers{realm="live"} 2.0' in page


async def until(holds: Callable[[], bool]) -> None:
    """Let everybody else run until it holds."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0)


async def test_what_cannot_wait_is_carried_by_the_pass_it_meets() -> None:
    """A pass under way lets a level 5 into the log first; the readers it has not served yet get both in one write."""
    hall = Hall()
    first, *_, last = [hall.join()[1] for _ in range(200)]
    async with hall.running():
        hall.calm.clear()
        hall.keep(3)
        await until(lambda: bool(first.seqs))
        assert not last.seqs, "the pass waits"
        hall.keep(5)
        hall.calm.set()
        await until(lambda: first.seqs == [1, 2])
    assert last.seqs == [1, 2]
    assert last.writes == 1


async def test_what_never_calms_down_does_not_stop_the_stream() -> None:
    """A pass gives way once, and not for long."""
    hall = Hall()
    *_, last = [hall.join()[1] for _ in range(200)]
    async with hall.running():
        hall.calm.clear()
        hall.keep(3)
        await until(lambda: bool(last.seqs))
