"""Several `lalert serve` processes that share one Redis, each in a folder of its own with the same key files."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

from lalert.core.model import Realm, Role
from lalert.settings import Storage
from lalert.store.redis import RedisStore
from tests.rig import hubs
from tests.rig.hubs import HubProcess

LEASE_S = 1.0
KEY_FILES = ("live.seal", "drill.seal", "vapid-live.pem", "vapid-drill.pem")


class Nodes:
    """Nodes `a`, `b`, ... on the Redis at `url`."""

    def __init__(self, folder: Path, url: str, *, count: int = 2, **changes: object) -> None:
        self.url = url
        self.all = [HubProcess(folder / name) for name in "abcdefgh"[:count]]
        for hub in self.all:
            own = {"store__url": url, "cluster__node": hub.data.name, "cluster__lease_s": LEASE_S}
            hub.set({**own, **changes})

    async def start(self) -> Nodes:
        """Start them all: the first makes the key files, the others are given copies, as an operator does."""
        first, *others = self.all
        await first.start()
        for hub in others:
            hub.data.mkdir(mode=0o700, parents=True)
            for name in KEY_FILES:
                shutil.copy(first.data / name, hub.data / name)
        await asyncio.gather(*(hub.start() for hub in others))
        return self

    async def stop(self) -> None:
        """Kill whatever runs."""
        for hub in self.all:
            await hub.kill()

    async def issue(self, realm: Realm = Realm.LIVE, *, areas: Sequence[str] = ("*",), role: Role = Role.SENDER) -> str:
        """Return a new key, good on every node."""
        store = await RedisStore.open(Storage(data=self.all[0].data, url=self.url), realm)
        try:
            return await hubs.issue_at(store, areas=areas, role=role)
        finally:
            await store.close()
