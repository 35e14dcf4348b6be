"""Playing a scenario: every message is posted at its time, over HTTP, as its senders would."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

import aiohttp
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from lalert.cli.scenario import Step
from lalert.cli.send import post
from lalert.cli.speech import say, talk, tell
from lalert.core import keys
from lalert.core.model import Realm, Role
from lalert.errors import Text
from lalert.store.base import Store, StoredKey

_AT_ONCE: Final = 16  # posts in flight: a drill of every municipality must not look like a queue in the client

Kept = Callable[[Step], None]


def base_of(url: str, realm: Realm) -> str:
    """Return where `realm` begins on the hub at `url`."""
    return url + ("/drill" if realm is Realm.DRILL else "")


async def issue(store: Store, realm: Realm, role: Role = Role.SENDER) -> str:
    """Return a new key for the whole country, kept in `store`."""
    made = keys.make(realm, key_id=secrets.token_hex(6), entropy=secrets.token_bytes(keys.SECRET_BYTES))
    stored = StoredKey(
        key_id=made.key_id,
        name="demo",
        role=role,
        areas=("*",),
        digest=made.digest,
        created_at=datetime.now(UTC),
    )
    await store.add_key(stored)
    return str(made)


async def play(url: str, by: Mapping[Realm, str], steps: Sequence[Step], *, kept: Kept = lambda _: None) -> None:
    """Post `steps` to the hub at `url`, each at its time, with the keys `by`; nobody waits for a slow one.

    `kept` is told of each that the hub has accepted.
    """
    clients = {realm: _client(key) for realm, key in by.items()}
    latest: dict[str, asyncio.Task[None]] = {}  # of each thread: its next message must not overtake it
    gate, began = asyncio.Semaphore(_AT_ONCE), asyncio.get_running_loop().time()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=talk(), disable=not os.isatty(2)) as progress:
            task = progress.add_task(say(Text("再生中", "playing")), total=len(steps))
            async with asyncio.TaskGroup() as group:
                for step in steps:
                    await asyncio.sleep(max(0.0, began + step.at_s - asyncio.get_running_loop().time()))
                    await gate.acquire()
                    before = latest.get(step.thread)
                    posting = group.create_task(_post(url, clients[Realm(step.realm)], step, before, kept))
                    latest[step.thread] = posting
                    posting.add_done_callback(partial(_done, gate, progress, task))
    finally:
        for client in clients.values():
            await client.close()


async def _post(
    url: str, client: aiohttp.ClientSession, step: Step, before: asyncio.Task[None] | None, kept: Kept
) -> None:
    if before is not None:
        await asyncio.wait([before])
    status, body = await post(client, f"{base_of(url, Realm(step.realm))}/api/v1/alerts", step.raw)
    if status in (200, 201):
        kept(step)
    else:
        said = f"{step.title}: {status} {body.decode(errors='replace')[:400]}"
        tell(Text(said, said))


def _client(key: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}", "Content-Type": "application/cap+xml"})


def _done(gate: asyncio.Semaphore, progress: Progress, task: TaskID, _: asyncio.Task[None]) -> None:
    gate.release()
    progress.advance(task)
