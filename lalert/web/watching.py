"""The sources of a realm, wired: register, fetchers and pollers, from the start of the hub to its end."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

from lalert.hub import Hub
from lalert.sources import register
from lalert.sources.poller import Poller
from lalert.sources.watch import Watch
from lalert.web.fetcher import Fetcher


async def watching(stack: AsyncExitStack, hub: Hub) -> Watch:
    """Return the watch over the sources of this realm; it ends with the stack.

    Raises `Rejected` (`settings.invalid`) for a register that has mistakes: the hub does not start with half of it.
    """
    file = hub.settings.sources.file
    listed = await asyncio.to_thread(register.load, file, hub.boundaries) if file else ()
    trusted = {source.name: source.trust for source in listed}
    pollers = []
    for source in register.of_realm(listed, hub.realm):
        fetcher = await stack.enter_async_context(Fetcher(source))
        pollers.append(Poller(source, hub, fetcher, trust_of=lambda name: trusted.get(name, 0), random=random.random))
    watch = Watch(pollers)
    stack.push_async_callback(watch.stop)
    return watch
