"""What the hub knows without asking the store, and when it has to: pages and answers go on while the store is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from lalert.core.model import Cursor, Entry, Posted
from lalert.errors import Text, Unavailable
from lalert.hub import Hub
from lalert.store.base import Gap

_REACH_S: Final = 3.0  # a position that another node has shown already is on its way here
_BEHIND: Final = Text(
    "この位置の情報は、まだこのノードに届いていません。少し待って再度お試しください。",
    "This node has not got there yet. Try again shortly.",
)


async def reach(hub: Hub, at: Cursor) -> None:
    """Return when everything up to `at` is shown by this node: another may have shown it to somebody before.

    Raises `Gap` for a position that the log does not have, `Unavailable` when it does not get here in time.
    """
    if at.epoch == hub.tail.head.epoch and at.seq <= hub.tail.head.seq:
        return
    span = await hub.store.span()
    if at.epoch != span.head.epoch or at.seq > span.head.seq:
        raise Gap(str(at), span)
    try:
        async with asyncio.timeout(_REACH_S):
            await hub.tail.moved_past(at.seq - 1)
    except TimeoutError:
        raise Unavailable(_BEHIND, code="hub.behind", retry_after_s=1) from None


async def messages(hub: Hub, identifier: str) -> Sequence[Posted]:
    """Return the messages with this CAP identifier, oldest first; while the store is away those in memory."""
    remembered = hub.situation.find(identifier)
    if remembered and hub.failing_since is not None:
        return remembered
    try:
        return await hub.store.find(identifier)
    except Unavailable:
        if remembered:
            return remembered
        raise


async def thread(hub: Hub, name: str) -> Sequence[Entry]:
    """Return all entries of a thread, in order; while the store is away those in memory."""
    current = hub.situation.thread_in_force(name)
    if hub.failing_since is None or current is None:
        return await hub.store.thread(name)
    newest = [faces.entry for faces in hub.tail.after(hub.tail.oldest - 1) if faces.entry.thread == name]
    return newest or [current.entry]


def stale(hub: Hub) -> dict[str, str]:
    """Return the header that says aloud that the store is away and this may be old."""
    return {} if hub.failing_since is None else {"Warning": '110 lalert "Response is Stale"'}
