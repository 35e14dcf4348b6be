"""`lalert demo`: a hub of its own, a whole event played into it over HTTP, and what to open to see it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import click
import uvloop

from lalert import logs
from lalert.cli import pair, pushservice
from lalert.cli import scenario as scenarios
from lalert.cli.play import base_of, issue, play
from lalert.cli.pushservice import PushService
from lalert.cli.receiver import Entry, Receiver, receiving, told
from lalert.cli.scenario import Step
from lalert.cli.speech import honest, say, talk, tell
from lalert.core.model import Realm, Role
from lalert.errors import Text
from lalert.settings import load
from lalert.web.server import Server, serving

_NAMED = re.compile(rb"<value>([0-4][0-9])[0-9]{4}</value>")  # municipalities in a message of ours


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
@click.option(
    "--nodes",
    type=click.IntRange(1, 2),
    default=1,
    show_default=True,
    help="2: Redisを共有する2台で再生し、途中で1台を強制終了 / two nodes on one Redis, one of them killed on the way",
)
@honest
def demo(name: str, speed: float, port: int, nodes: int) -> None:
    """実際の災害の経過を再生する / Play the course of a whole event into a hub of its own. Keeps nothing."""
    logs.configure(level="warning")
    steps = list(scenarios.messages(scenarios.load(name), start=datetime.now(UTC), speed=speed))
    with tempfile.TemporaryDirectory(prefix="lalert-demo-") as data:
        if nodes > 1:
            sys.exit(uvloop.run(pair.demonstrate(steps, port=port, folder=Path(data))))
        uvloop.run(_demo(steps, port, Path(data)))


async def _demo(steps: Sequence[Step], port: int, data: Path) -> None:
    settings = load(None, {}, {"server.port": port, "store.data": str(data), "push.allow_networks": "127.0.0.0/8"})
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serving(settings) as server, receiving(_show) as newsroom, pushservice.running() as phones:
        await _subscribe(server, _realm(steps), newsroom)
        await _settle_in(server, steps, phones)
        _greet(server, steps, phones.origin)
        keys = {realm: await issue(server.hub(realm).store, realm) for realm in Realm}
        playing = asyncio.create_task(play(server.url, keys, steps))
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


async def _subscribe(server: Server, realm: Realm, newsroom: Receiver) -> None:
    """Register the receiving program as a newsroom would: with a media key, over HTTP."""
    headers = {"Authorization": f"Bearer {await issue(server.hub(realm).store, realm, Role.MEDIA)}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{base_of(server.url, realm)}/api/v1/endpoints", json={"url": newsroom.url}) as response,
    ):
        newsroom.trust((await response.json())["secret"])


async def _settle_in(server: Server, steps: Sequence[Step], phones: PushService) -> None:
    """Subscribe a phone to the prefecture that this scenario is about at first, as its owner's browser would."""
    body = {"subscription": phones.phone().subscription, "areas": [_prefecture(steps)], "lang": say(Text("ja", "en"))}
    url = f"{base_of(server.url, _realm(steps))}/api/v1/push/subscriptions"
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
    base = base_of(server.url, _realm(steps))
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
