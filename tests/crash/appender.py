"""A process to be killed: appends to a store until then, and prints every position that it was told is kept.

`python -m tests.crash.appender FILE ROUND`
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from lalert.core.model import Realm
from lalert.store.base import Appended
from lalert.store.sqlite import SqliteStore
from tests.contract.making import message, update

SENDERS = 8


async def _append_until_killed(path: Path, turn: str) -> None:
    store = await SqliteStore.open(path, Realm.LIVE)
    await asyncio.gather(*(_send(store, f"{turn}.{sender}") for sender in range(SENDERS)))


async def _send(store: SqliteStore, name: str) -> None:
    """Open a thread and update it for ever, with a batch of two each time."""
    last, number = message(f"{name}.0"), 0
    await _tell(store, [last])
    while True:
        drafts = [update(f"{name}.{number + 1}", last), message(f"{name}.{number + 1}.more", text="x" * 3000)]
        await _tell(store, drafts)
        last, number = drafts[0], number + 1


async def _tell(store: SqliteStore, drafts: list) -> None:
    outcomes = await store.append(drafts)
    kept = [outcome.entry for outcome in outcomes if isinstance(outcome, Appended)]
    assert len(kept) == len(drafts)
    # One write, and straight to the pipe: what was printed was told, whatever comes next.
    os.write(1, b"".join(f"{entry.cursor.seq} {entry.alert.identifier}\n".encode() for entry in kept))


if __name__ == "__main__":
    asyncio.run(_append_until_killed(Path(sys.argv[1]), sys.argv[2]))
