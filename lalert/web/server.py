"""The server: both realms, caught up and listening; closed so that nobody loses what was promised."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import aiohttp
import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from lalert.core.model import Entry, Realm
from lalert.core.signatures import Signatures
from lalert.errors import Text, Unavailable
from lalert.geo.atlas import Atlas
from lalert.hub import Hub
from lalert.metrics import Metrics
from lalert.publishers import residents, webhook
from lalert.publishers.cache import Cache
from lalert.publishers.faces import Site
from lalert.scheduler import Scheduler
from lalert.settings import Settings
from lalert.store.opening import open_store
from lalert.web import signatories
from lalert.web.app import make_app
from lalert.web.bell import Bell
from lalert.web.bench import Bench
from lalert.web.canary import Canary
from lalert.web.context import Context
from lalert.web.desk import Desk
from lalert.web.doorman import LOOK_S, Doorman
from lalert.web.edition import follow, tell_fault
from lalert.web.fanout import Fanout
from lalert.web.followed import Followed
from lalert.web.identity import Identity, taken
from lalert.web.joining import joined, reporting
from lalert.web.journal import Journal
from lalert.web.keyring import Keyring
from lalert.web.limits import Limits
from lalert.web.outbound import Outbound
from lalert.web.views import Pages
from lalert.web.watching import Sources

log = structlog.get_logger("lalert.server")

_TITLE = "lalert"
_CHECKS_PER_S, _CHECKS_BURST = 5.0, 50  # by address: nobody checks messages faster by hand
_SIGNUPS_PER_S, _SIGNUPS_BURST = 10.0, 200  # by address: a mobile carrier hides thousands behind one
_ARMING_S = 1.0
_PROBE_S = 1.0
_EXPIRY_S, _KEYS_S, _RETENTION_S = 1.0, 2.0, 3600.0
_JOURNAL_S = 1.0
_SOURCES_S = 1.0
_BOUNDARIES_S = 2.0
_FILES_S = 2.0
_FEW_S = 0.2  # of reading: a few thousand residents
_BULKY = 64  # large answers kept, most of them pictures of 200 KB
_BACKLOG = 4096  # everybody reconnects at once after a restart


def utc_now() -> datetime:
    """Return the time, aware: the one clock of a running server."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens at `url`."""

    url: str
    contexts: tuple[Context, ...]

    def hub(self, realm: Realm) -> Hub:
        """Return the hub of a realm."""
        return next(ctx.hub for ctx in self.contexts if ctx.hub.realm is realm)

    async def lost_log(self) -> None:
        """Return when a shared log is not what it was: then this server has to end, and another to begin."""
        waiting = [asyncio.ensure_future(ctx.hub.lost.wait()) for ctx in self.contexts]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()


@asynccontextmanager
async def serving(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> AsyncIterator[Server]:
    """Run the server as long as the context lasts. Raises `Unavailable` when the port or a store cannot be had."""
    atlas = await asyncio.to_thread(Atlas.open, settings.store.data, groups=settings.hub.groups)
    tell_fault(atlas)
    signed = {realm: signatories.followed(settings, realm) for realm in Realm}
    signatures = {realm: await asyncio.to_thread(signed[realm].read) for realm in Realm}
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(_listen(settings.server.host, settings.server.port))
        url = url_of(*listener.getsockname()[:2])
        identity = stack.enter_context(taken(settings.store.data, name=settings.cluster.node, url=url))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        outbound = await stack.enter_async_context(Outbound(settings.push))
        scheduler = Scheduler()
        contexts = []
        for realm in Realm:
            site = Site(realm, (settings.server.public_url or url).rstrip("/"))
            store = await open_store(settings.store, realm)
            hub = Hub(
                store=store,
                atlas=atlas,
                settings=settings,
                metrics=metrics,
                site=site,
                clock=clock,
                signatures=signatures[realm],
            )
            await hub.start()
            stack.push_async_callback(hub.stop)
            bell = Bell(hub, outbound, key_file=settings.store.data / f"vapid-{realm}.pem")
            await _can_read(bell.start, realm, residents.WAY)
            stack.push_async_callback(bell.stop)
            canary = Canary(hub, url=url + site.base, session=session)
            ctx = await _furnish(stack, hub, canary, bell, outbound, identity, signed[realm])
            contexts.append(ctx)
            signatories.tell_strangers(ctx)
            _schedule(scheduler, ctx)
        scheduler.every(_BOUNDARIES_S, "boundaries", partial(follow, atlas, contexts))
        await _read_residents(stack, contexts)
        await _answer(stack, settings, contexts, listener, scheduler)
        scheduler.start()
        stack.callback(scheduler.stop)
        log.info("server.listening", url=url)
        yield Server(url, tuple(contexts))
        log.info("server.stopping")
        for ctx in contexts:
            await ctx.fanout.close("shutdown")


async def _furnish(
    stack: AsyncExitStack,
    hub: Hub,
    canary: Canary,
    bell: Bell,
    outbound: Outbound,
    identity: Identity,
    signed: Followed[Signatures],
) -> Context:
    """Return what the handlers of this realm work with; its fan-out runs until the stack unwinds."""
    settings, realm = hub.settings, hub.realm
    fanout = Fanout(
        lambda: hub.tail,
        calm=hub.calm,
        realm=realm.value,
        buffer_bytes=settings.stream.buffer_bytes,
        metrics=hub.metrics,
        clock=hub.clock,
    )
    desk, journal = Desk(hub, outbound), Journal(hub.store)
    is_desk_up = await _can_read(desk.load, realm, webhook.WAY)
    hub.count_matched = lambda draft: (
        ("streams", fanout.count(draft)),
        ("endpoints", desk.count(draft)),
    )
    hub.count_residents = bell.counting
    hub.on_kept = lambda entries: journal.kept(entries, hub.clock())

    def on_told(told: Sequence[tuple[Entry, int]], first: datetime, last: datetime) -> None:
        journal.streamed(told, first, last)
        canary.heard(entry for entry, _ in told)

    fanout.on_told = on_told
    stack.push_async_callback(journal.flush)
    task = asyncio.create_task(fanout.run(), name=f"fanout-{realm}")
    stack.push_async_callback(_cancel, task)

    def ways() -> tuple[str, ...]:
        can = {webhook.WAY: hub.store.has_seal and is_desk_up, residents.WAY: bell.can_push}
        return tuple(way for way in can if can[way])

    report = reporting(hub, fanout, identity, ways=ways)
    dispatcher, member = await joined(stack, hub, desk, bell, report, predecessor=identity.predecessor)
    keyring = Keyring(hub.store)
    await keyring.refresh()
    sources = Sources(hub)
    stack.push_async_callback(sources.close)
    await sources.start()
    bench = Bench(name=f"check-{realm}")
    stack.callback(bench.close)
    return Context(
        hub=hub,
        fanout=fanout,
        keyring=keyring,
        posts=Limits(rate=settings.hub.key_per_s, burst=settings.hub.key_burst, clock=time.monotonic),
        checks=Limits(rate=_CHECKS_PER_S, burst=_CHECKS_BURST, clock=time.monotonic),
        bench=bench,
        signups=Limits(rate=_SIGNUPS_PER_S, burst=_SIGNUPS_BURST, clock=time.monotonic),
        canary=canary,
        bell=bell,
        pages=Pages(hub.atlas, realm=realm, base=hub.site.base, title=_TITLE),
        bulky=Cache(limit=_BULKY),
        outbound=outbound,
        dispatcher=dispatcher,
        desk=desk,
        journal=journal,
        member=member,
        sources=sources,
        signatures=signed,
    )


async def _can_read(load: Callable[[], Awaitable[object]], realm: Realm, way: str) -> bool:
    """Load those who are told; return False, and say so aloud, when they cannot be read (the seal's key is lost).

    The hub starts all the same: alerts must go on. Its lanes rest where they are until the key is back.
    """
    try:
        await load()
    except Unavailable as error:
        log.error("recipients.unreadable", realm=realm.value, way=way, code=error.code)  # noqa: TRY400 - no defect
        return False
    return True


async def _read_residents(stack: AsyncExitStack, contexts: Sequence[Context]) -> None:
    """Begin to read who is told of alerts. A few are known before the server answers; it does not wait for many."""
    reading = [asyncio.create_task(ctx.bell.read(), name=f"residents-{ctx.hub.realm}") for ctx in contexts]
    for task in reading:
        stack.push_async_callback(_cancel, task)
    await asyncio.wait(reading, timeout=_FEW_S)


def _schedule(scheduler: Scheduler, ctx: Context) -> None:
    """Give the realm its duties; what must happen once among the nodes is done by the one that has the clock."""
    hub, stream, realm, once = ctx.hub, ctx.hub.settings.stream, ctx.hub.realm, ctx.member.on_clock

    async def heartbeat() -> None:
        await ctx.fanout.heartbeat(hub.count_in_force)

    scheduler.every(_EXPIRY_S, f"expiry-{realm}", once(hub.expire_due))
    scheduler.every(stream.ping_s, f"ping-{realm}", ctx.fanout.ping)
    scheduler.every(stream.heartbeat_s, f"heartbeat-{realm}", heartbeat)
    scheduler.every(hub.settings.hub.canary_s, f"canary-{realm}", once(ctx.canary.sing))
    scheduler.every(_PROBE_S, f"probe-{realm}", hub.probe)
    scheduler.every(_ARMING_S, f"arming-{realm}", ctx.bell.arm)
    scheduler.every(_KEYS_S, f"keys-{realm}", ctx.keyring.refresh)
    scheduler.every(_KEYS_S, f"endpoints-{realm}", ctx.desk.refresh)
    scheduler.every(_KEYS_S, f"residents-{realm}", ctx.bell.follow)
    scheduler.every(_JOURNAL_S, f"journal-{realm}", ctx.journal.flush)
    scheduler.every(_RETENTION_S, f"retention-{realm}", once(hub.prune))
    scheduler.every(_SOURCES_S, f"sources-{realm}", once(ctx.sources.watch.tick))
    scheduler.every(_FILES_S, f"register-{realm}", ctx.sources.follow)
    scheduler.every(_FILES_S, f"signatures-{realm}", partial(signatories.follow, ctx))


async def _answer(
    stack: AsyncExitStack,
    settings: Settings,
    contexts: list[Context],
    listener: socket.socket,
    scheduler: Scheduler,
) -> None:
    doorman = Doorman()
    app = make_app(contexts, max_body_bytes=settings.server.max_body_bytes, doorman=doorman)
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,  # a reader that left must not keep its handler for ever
        logger=_http_log(),
        shutdown_timeout=settings.server.shutdown_s,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    doorman.watch(runner.server)
    scheduler.every(LOOK_S, "door", doorman.look)
    await web.SockSite(runner, listener, backlog=_BACKLOG).start()


def _http_log() -> logging.Logger:
    """Return the log of what goes wrong below the handlers.

    What is no HTTP is answered and not noted: anybody could fill the log with it, and each line would name an address.
    """
    logger = logging.getLogger("lalert.http")
    logger.addFilter(_is_our_fault)
    return logger


def _is_our_fault(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Unavailable(
            Text(
                f"{host} のポート {port} を開けません({error.strerror})。--port で別の番号を指定してください。",
                f"Cannot listen on {host} port {port} ({error.strerror}). Choose another with --port.",
            ),
            code="server.port",
        ) from error
    return listener


def url_of(host: str, port: int) -> str:
    """Return the URL under which this machine reaches a listener: a wildcard address becomes the loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
