"""A process to be killed: appends to a store until then, and prints every position that it was told is kept.

`python -m tests.crash.appender FOLDER ROUND [URL]`: on SQLite in the folder, or on the Redis at the URL.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from lalert.core.model import Realm
from lalert.settings import Storage
from lalert.store.base import Appended, Store
from lalert.store.opening import open_store
from tests.contract.making import message, update

SENDERS = 8


async def opened(folder: Path, url: str | None) -> Store:
    """Open the store that is appended to."""
    return await open_store(Storage(data=folder, url=url), Realm.LIVE)


async def _append_until_killed(folder: Path, turn: str, url: str | None) -> None:
    store = await opened(folder, url)
    await asyncio.gather(*(_send(store, f"{turn}.{sender}") for sender in range(SENDERS)))


async def _send(store: Store, name: str) -> None:
    """Open a thread and update it for ever, with a batch of two each time."""
    last, number = message(f"{name}.0"), 0
    await _tell(store, [last])
    while True:
        drafts = [update(f"{name}.{number + 1}", last), message(f"{name}.{number + 1}.more", text="x" * 3000)]
        await _tell(store, drafts)
        last, number = drafts[0], number + 1


async def _tell(store: Store, drafts: list) -> None:
    outcomes = await store.append(drafts)
    kept = [outcome.entry for outcome in outcomes if isinstance(outcome, Appended)]
    assert len(kept) == len(drafts)
    # One write, and straight to the pipe: what was printed was told, whatever comes next.
    os.write(1, b"".join(f"{entry.cursor.seq} {entry.alert.identifier}\n".encode() for entry in kept))


if __name__ == "__main__":
    asyncio.run(_append_until_killed(Path(sys.argv[1]), sys.argv[2], next(iter(sys.argv[3:]), None)))
