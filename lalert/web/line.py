"""The connection of one reader: join, replay to the head, follow; without a gap and without a repeat.

What is the same for every way of reading the stream. The ways differ in how a connection begins and in its framing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog
from aiohttp import web

from lalert.core.model import Cursor, Subscription
from lalert.errors import LalertError, Unavailable
from lalert.publishers import events
from lalert.publishers.events import Event
from lalert.publishers.framing import Framing
from lalert.store.base import Gap
from lalert.web.alerts import entries_after
from lalert.web.context import Context, context
from lalert.web.fanout import Fanout, Group, Reader
from lalert.web.query import FILTERS, Query, subscription

log = structlog.get_logger("lalert.stream")

T = TypeVar("T")

_REPLAY = 200  # entries per step of a replay
_PIECE = 1 << 20  # bytes of them that are written at once
_ROOM = 65_536  # bytes that may still wait when the next step is written
_AWAY_S = 1.0  # between two questions to a store that is away
_LOOK_S = 0.05  # how often a slow reader's buffer is looked at; asyncio tells only the protocol when it drains


@dataclass(frozen=True, slots=True)
class Wish:
    """What a reader asked for: its filter, and the position that it has seen, None for what comes from now on.

    A position that is no cursor stays the text that it was: the reader is told of the gap in its own words.
    """

    subscription: Subscription
    since: Cursor | str | None


def wish_of(request: web.Request) -> Wish:
    """Return what `request` asks for: the filters, and `Last-Event-ID` or `?since=`, of which the first is the newer.

    Raises `Rejected` (400) with every mistake in the query.
    """
    query = Query(request.query, FILTERS | {"since"})
    since = query.cursor("since")
    wanted = subscription(query, context(request).hub.boundaries)
    query.done()
    last = request.headers.get("Last-Event-ID")
    return Wish(wanted, since if last is None else last)


async def serve(line: Line, ctx: Context, wish: Wish, head: Cursor) -> None:
    """Give the reader what it wished for until it leaves, takes nothing any more, or hears `bye`.

    `head` is the position when it came: whoever begins with the present begins there. What cannot go on is cut
    without another word, for the stream has begun: the reader knows its position and resumes.
    """
    try:
        try:
            start = await _start(ctx, line, wish.since, head)
            await _follow(line, ctx, wish.subscription, start)
        except _GoingError as going:
            line.say(going.last_word)
    except ConnectionError:
        pass  # the reader left in the middle of a write
    except TimeoutError:
        ctx.hub.metrics.cut.labels(ctx.hub.realm.value).inc()
        line.transport.abort()
    except LalertError as error:
        log.warning("stream.cut", code=error.code)
        line.transport.abort()
    except Exception as error:
        log.error("stream.defect", exc_info=error)  # noqa: TRY400 - the name of the error is the field's
        line.transport.abort()


class _GoingError(Exception):
    """The server goes while a reader catches up: it hears `bye` after the last entry that it was written."""

    def __init__(self, last_word: Event) -> None:
        self.last_word = last_word


@dataclass(frozen=True, slots=True)
class Line:
    """The connection of one reader that is not served by the fan-out yet."""

    transport: asyncio.Transport
    fanout: Fanout
    framing: Framing

    def say(self, event: Event) -> None:
        """Write `event` as this connection carries it. Raises `ConnectionError` when the reader has left."""
        self.write(self.framing.frame(event))

    def write(self, frames: bytes) -> None:
        """Write what is framed already. Not `response.write`, which waits without a limit.

        Raises `ConnectionError` when the reader has left: uvloop would raise something else.
        """
        if self.transport.is_closing():
            raise ConnectionResetError
        self.transport.write(frames)

    def stay(self) -> None:
        """Go on, unless the server is going."""
        if self.fanout.last_word is not None:
            raise _GoingError(self.fanout.last_word)

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the store until it answers: its reader keeps the connection, and gets signs of life meanwhile."""
        while True:
            self.stay()
            try:
                return await ask()
            except Unavailable:
                if self.transport.is_closing():
                    raise
            if not self.transport.get_write_buffer_size():
                self.write(self.framing.ping)
            await asyncio.sleep(_AWAY_S)


async def _start(ctx: Context, line: Line, since: Cursor | str | None, head: Cursor) -> Cursor:
    """Return where to begin; says `gap` aloud when the log cannot be continued from where the reader was."""
    if since is None:
        return head
    cursor = Cursor.maybe_parse(since) if isinstance(since, str) else since

    async def look() -> None:
        if cursor is None:
            raise Gap(str(since)[:80], await ctx.hub.store.span())
        await entries_after(ctx.hub, cursor, 1)

    try:
        await line.patiently(look)
    except Gap as gap:
        oldest = Cursor(gap.span.head.epoch, gap.span.oldest)
        line.say(events.gap(since=gap.since, oldest=oldest, archive=f"{ctx.hub.site.url}/feeds/all.atom"))
        return head
    assert cursor is not None
    return cursor


async def _follow(line: Line, ctx: Context, wanted: Subscription, at: Cursor) -> None:
    """Bring the reader to the head at its own pace, then let the fan-out serve it as long as it keeps up."""
    transport = line.transport
    group = ctx.fanout.group(wanted, line.framing)
    while True:
        at = await _catch_up(line, ctx, group, at)
        # No await from the look at the tail to the join: what is kept from here on, the fan-out writes.
        reader = Reader(transport, group, at.seq)
        ctx.fanout.join(reader)
        try:
            await reader.left.wait()
        except asyncio.CancelledError:
            if transport.is_closing():
                return  # the client left: nothing to answer any more
            raise
        finally:
            ctx.fanout.leave(reader)
        if not reader.is_slow:
            return
        at = Cursor(at.epoch, reader.seq)


async def _catch_up(line: Line, ctx: Context, group: Group, at: Cursor) -> Cursor:
    """Write what follows `at` step by step, each when the one before was taken; return the position at the head.

    While the store is away the reader waits with us. Raises `TimeoutError` when it takes nothing for too long.
    """
    hub = ctx.hub
    while True:
        await _taken(line, stall_s=hub.settings.stream.stall_s)
        line.stay()  # before the head is looked at: nobody joins a fan-out that has taken its leave
        if at.seq >= hub.tail.head.seq:
            return at
        faces, at = await line.patiently(partial(entries_after, hub, at, _REPLAY))
        wanted = [face for face in faces if group.wants(face)]
        for piece in pieces(face.framed(line.framing) for face in wanted):
            await _taken(line, stall_s=hub.settings.stream.stall_s)
            line.write(piece)
        if wanted:
            hub.metrics.deliveries.labels(hub.realm.value).inc(len(wanted))


def pieces(frames: Iterable[bytes]) -> Iterator[bytes]:
    """Yield `frames` joined to pieces of about 1 MiB, none cut: many that lag must not hold 200 large messages each."""
    held, size = list[bytes](), 0
    for frame in frames:
        held.append(frame)
        size += len(frame)
        if size >= _PIECE:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


async def _taken(line: Line, *, stall_s: float) -> None:
    """Wait until the reader has taken what was written; raises `TimeoutError` when it takes nothing for `stall_s`."""
    transport = line.transport
    waits, patience_s = transport.get_write_buffer_size(), stall_s
    while waits > _ROOM and not transport.is_closing():
        line.stay()
        await asyncio.sleep(_LOOK_S)
        left = transport.get_write_buffer_size()
        patience_s = stall_s if left < waits else patience_s - _LOOK_S
        if patience_s <= 0:
            raise TimeoutError
        waits = left
