"""What follows the shares of the work that this node holds: the lanes, and everybody whom they lead to.

Before lanes are taken up, those whom they lead to are read: whoever is not known then was removed, and his lane is
forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lalert.core.shares import Deed
from lalert.courier import Dispatcher
from lalert.publishers import residents, webhook
from lalert.web.bell import Bell
from lalert.web.desk import Desk


@dataclass(frozen=True, slots=True)
class Duties:
    """The work of one realm's node. `ways` tells those on which it can send now."""

    dispatcher: Dispatcher
    desk: Desk
    bell: Bell
    ways: Callable[[], tuple[str, ...]]

    async def hold(self, deeds: Mapping[str, Deed]) -> None:
        """Serve the lanes of these shares and of no others. Raises `Unavailable`: ask again."""
        if webhook.WAY in self.ways():
            await self.desk.load()
        if residents.WAY in self.ways():
            await self.bell.follow()
        await self.dispatcher.hold(deeds)

    async def drain(self, share: str) -> None:
        """Finish and save what is under way there, and begin nothing more."""
        await self.dispatcher.drain([share])

    async def replay(self, lane: str, since: int) -> bool:
        """Owe a lane everything after this position again; its endpoint may have been registered a moment ago."""
        await self.desk.refresh()
        await self.dispatcher.replay(lane, since)
        return await self.dispatcher.flush()

    def wake(self) -> None:
        """Go on: the leases are secure again."""
        self.dispatcher.wake()
