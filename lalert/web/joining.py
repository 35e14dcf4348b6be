"""A realm's node joins those that share its log: what it sends by itself, and its part in the cluster."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AsyncExitStack

from lalert import __version__
from lalert.courier import Dispatcher
from lalert.courier.feed import Source
from lalert.hub import Hub
from lalert.member import Member
from lalert.store.nodes import Report
from lalert.web.bell import Bell
from lalert.web.desk import Desk
from lalert.web.duties import Duties
from lalert.web.fanout import Fanout
from lalert.web.identity import Identity


async def joined(
    stack: AsyncExitStack, hub: Hub, desk: Desk, bell: Bell, report: Callable[[], Report], *, predecessor: str
) -> tuple[Dispatcher, Member]:
    """Return the dispatcher and the member of this realm; they deliver and hold until the stack unwinds.

    What is on its way is finished and saved first, then everything is given back to the others.
    """
    dispatcher = _dispatcher(hub, desk, bell)
    member = Member(
        hub.store.nodes,
        report=report,
        work=Duties(dispatcher, desk, bell, lambda: report().ways),
        lease_s=hub.settings.cluster.lease_s,
        metrics=hub.metrics,
        realm=hub.realm.value,
        clock=hub.clock,
        predecessor=predecessor,
    )
    dispatcher.is_secure = lambda: member.is_secure
    dispatcher.on_fenced = member.wake
    desk.attach(dispatcher, member.order)
    bell.lanes_changed = dispatcher.refresh
    bell.on_complete = member.wake
    await dispatcher.start()
    stack.push_async_callback(member.stop)
    stack.push_async_callback(dispatcher.stop)
    await member.start()
    stack.push_async_callback(member.retire, hub.settings.push.timeout_s)
    return dispatcher, member


def reporting(
    hub: Hub, fanout: Fanout, identity: Identity, *, ways: Callable[[], tuple[str, ...]]
) -> Callable[[], Report]:
    """Return what tells the others of this node, as of the moment when it is asked: `ways`, those on which it sends."""
    since = hub.clock()

    def report() -> Report:
        return Report(
            id=identity.id,
            name=identity.name,
            where=identity.where,
            version=__version__,
            since=since,
            ways=ways(),
            head=hub.tail.head.seq,
            readers=len(fanout),
        )

    return report


def _dispatcher(hub: Hub, desk: Desk, bell: Bell) -> Dispatcher:
    source = Source(store=hub.store, site=hub.site, tail=lambda: hub.tail, in_force=hub.situation.in_force)
    return Dispatcher(
        source,
        [desk.courier, bell.courier],
        settings=hub.settings.push,
        metrics=hub.metrics,
        clock=hub.clock,
        random=random.random,
    )
