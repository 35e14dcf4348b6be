"""`lalert demo`: a hub of its own, a whole event played into it over HTTP, and what to open to see it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import signal
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import aiohttp
import click
import uvloop
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from lalert import logs
from lalert.cli import pushservice
from lalert.cli import scenario as scenarios
from lalert.cli.pushservice import PushService
from lalert.cli.receiver import Entry, Receiver, receiving, told
from lalert.cli.scenario import Step
from lalert.cli.send import post
from lalert.cli.speech import honest, say, talk, tell
from lalert.core import keys
from lalert.core.model import Realm, Role
from lalert.errors import Text
from lalert.settings import load
from lalert.store.base import StoredKey
from lalert.web.server import Server, serving

_NAMED = re.compile(rb"<value>([0-4][0-9])[0-9]{4}</value>")  # municipalities in a message of ours
_AT_ONCE = 16  # posts in flight: a drill of every municipality must not look like a queue in the client


@click.command()
@click.option("--scenario", "name", default="typhoon", show_default=True, help="typhoon, tsunami, drill, *.toml")
@click.option(
    "--speed",
    type=click.FloatRange(min=0.1, max=100_000),
    default=120.0,
    show_default=True,
    help="何倍速で / times as fast",
)
@click.option("--port", type=click.IntRange(0, 65_535), default=8080, show_default=True)
@honest
def demo(name: str, speed: float, port: int) -> None:
    """実際の災害の経過を再生する / Play the course of a whole event into a hub of its own. Keeps nothing."""
    logs.configure(level="warning")
    with tempfile.TemporaryDirectory(prefix="lalert-demo-") as data:
        uvloop.run(_demo(name, speed, port, Path(data)))


async def _demo(name: str, speed: float, port: int, data: Path) -> None:
    settings = load(None, {}, {"server.port": port, "store.data": str(data), "push.allow_networks": "127.0.0.0/8"})
    steps = list(scenarios.messages(scenarios.load(name), start=datetime.now(UTC), speed=speed))
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serving(settings) as server, receiving(_show) as newsroom, pushservice.running() as phones:
        await _subscribe(server, _realm(steps), newsroom)
        await _settle_in(server, steps, phones)
        _greet(server, steps, phones.origin)
        playing = asyncio.create_task(_play(server, steps))
        stopping = asyncio.create_task(stopped.wait())
        await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if playing.done():
            playing.result()
            tell(
                Text(
                    "再生が終わりました。画面はそのまま見られます(終了は Ctrl-C)。", "All played; Ctrl-C ends the hub."
                )
            )
            await stopping
        playing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await playing


def _realm(steps: Sequence[Step]) -> Realm:
    return Realm(steps[0].realm) if steps else Realm.LIVE


def _base(server: Server, realm: Realm) -> str:
    return server.url + ("/drill" if realm is Realm.DRILL else "")


async def _subscribe(server: Server, realm: Realm, newsroom: Receiver) -> None:
    """Register the receiving program as a newsroom would: with a media key, over HTTP."""
    headers = {"Authorization": f"Bearer {await _issue(server, realm, Role.MEDIA)}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{_base(server, realm)}/api/v1/endpoints", json={"url": newsroom.url}) as response,
    ):
        newsroom.trust((await response.json())["secret"])


async def _settle_in(server: Server, steps: Sequence[Step], phones: PushService) -> None:
    """Subscribe a phone to the prefecture that this scenario is about at first, as its owner's browser would."""
    body = {"subscription": phones.phone().subscription, "areas": [_prefecture(steps)], "lang": say(Text("ja", "en"))}
    url = f"{_base(server, _realm(steps))}/api/v1/push/subscriptions"
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as response:
        response.raise_for_status()


def _prefecture(steps: Sequence[Step]) -> str:
    """Return the prefecture named most often in the beginning: whoever looks at the phone sees it ring soon."""
    codes = (code for step in steps[: len(steps) // 4] for code in _NAMED.findall(step.raw))
    return next((code.decode() for code, _ in Counter(codes).most_common(1)), "13")


def _show(entry: Entry) -> None:
    """Print what the receiving program took; its signature was checked."""
    print(f"  webhook ✓ {say(Text('署名確認', 'signed'))}  {told(entry, say(Text('ja', 'en')))}", flush=True)


def _greet(server: Server, steps: Sequence[Step], phone: str) -> None:
    base = _base(server, _realm(steps))
    talk().print(
        f"[bold]{say(Text('開いてください', 'Open'))}[/]  {base}/\n"
        f"  {say(Text('地図と一覧', 'map and list'))}   {base}/\n"
        f"  {say(Text('東京都', 'Tokyo'))}       {base}/a/13\n"
        f"  {say(Text('スマートフォン', 'a phone'))}   {phone}/\n"
        f"  {say(Text('通知の登録', 'subscribe'))}   {base}/notify\n"
        f"  Atom         {base}/feeds/all.atom\n"
        f"  SSE          curl -N {base}/stream\n"
        f"  JSON         {base}/api/v1/alerts/active\n"
        f"  {say(Text('届く様子', 'arrivals'))}     {_own_command()} watch {base} --check\n"
        f"  {say(Text('終了は Ctrl-C', 'Ctrl-C ends it'))}"
    )


def _own_command() -> str:
    return ".venv/bin/lalert" if Path(".venv/bin/lalert").exists() else "lalert"


async def _play(server: Server, steps: Sequence[Step]) -> None:
    """Post every step at its time; nobody waits for a slow one."""
    clients = {realm: await _client(server, realm) for realm in Realm}
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
                    posting = group.create_task(_post(server, clients[Realm(step.realm)], step, before))
                    latest[step.thread] = posting
                    posting.add_done_callback(partial(_done, gate, progress, task))
    finally:
        for client in clients.values():
            await client.close()


async def _post(server: Server, client: aiohttp.ClientSession, step: Step, before: asyncio.Task[None] | None) -> None:
    if before is not None:
        await asyncio.wait([before])
    base = _base(server, Realm(step.realm))
    status, body = await post(client, f"{base}/api/v1/alerts", step.raw)
    if status not in (200, 201):
        detail = body.decode(errors="replace")[:400]
        tell(Text(f"{step.title}: {status} {detail}", f"{step.title}: {status} {detail}"))


async def _client(server: Server, realm: Realm) -> aiohttp.ClientSession:
    """Return a session that may post for the whole country."""
    key = await _issue(server, realm, Role.SENDER)
    return aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}", "Content-Type": "application/cap+xml"})


async def _issue(server: Server, realm: Realm, role: Role) -> str:
    """Return a key of this hub, gone with it."""
    made = keys.make(realm, key_id=secrets.token_hex(6), entropy=secrets.token_bytes(keys.SECRET_BYTES))
    stored = StoredKey(
        key_id=made.key_id,
        name="demo",
        role=role,
        areas=("*",),
        digest=made.digest,
        created_at=datetime.now(UTC),
    )
    await server.hub(realm).store.add_key(stored)
    return str(made)


def _done(gate: asyncio.Semaphore, progress: Progress, task: TaskID, _: asyncio.Task[None]) -> None:
    gate.release()
    progress.advance(task)
