"""`lalert watch`: see alerts arrive, and hold the stream to its promises while looking."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

import aiohttp
import click
from rich.console import Console

from lalert.cli.events import SOCKETS, Event, events
from lalert.cli.speech import FAILED, say, tell
from lalert.errors import Text

_STYLES = {5: "bold white on black", 4: "bold magenta", 3: "bold red", 2: "yellow"}
_REMEMBERED = 100_000


class Ledger:
    """What a reader saw, held against what the stream says it sent."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._identifiers: OrderedDict[str, None] = OrderedDict()
        self._started_at: int | None = None

    def check(self, event: Event) -> list[Text]:
        """Note `event` and return what is wrong with it: a repeat, a step back, a message that never came."""
        if event.name == "gap":
            return [Text(f"欠落: {event.data}", f"gap: {event.data}")]
        if event.name == "heartbeat":
            return self._missed(json.loads(event.data)["last"])
        if event.name == "bye" or event.id is None:
            return []
        wrong = []
        if event.id in self._ids:
            wrong.append(Text(f"重複: {event.id}", f"repeat: {event.id}"))
        elif self._ids and _seq(event.id) <= _seq(next(reversed(self._ids))):
            wrong.append(Text(f"順序の逆転: {event.id}", f"out of order: {event.id}"))
        _remember(self._ids, event.id)
        _remember(self._identifiers, json.loads(event.data)["alert"]["identifier"])
        return wrong

    def _missed(self, last: list[str]) -> list[Text]:
        """Return which of the newest identifiers never came; those before the first heartbeat are not ours."""
        missed = [name for name in last if name not in self._identifiers]
        for name in last:
            _remember(self._identifiers, name)
        if self._started_at is None:
            self._started_at = 1
            return []
        return [Text(f"未着: {name}", f"never arrived: {name}") for name in missed]


@click.command()
@click.argument("urls", metavar="URL...", nargs=-1, required=True)
@click.option(
    "--check",
    is_flag=True,
    help="欠落・重複・順序を検査し、あれば終了コード1 / leave with 1 at the first gap or repeat",
)
@click.option("--json", "as_json", is_flag=True, help="届いた内容を1行1件のJSONで / entries as JSON lines")
@click.option("--since", help="この位置の続きから / start after this cursor")
def watch(urls: tuple[str, ...], check: bool, as_json: bool, since: str | None) -> None:
    """届く情報を表示する。URL はハブ、訓練、または /stream?…・/ws?… / Show arrivals; URL is a hub, or its /stream?…

    複数のノードを並べると、つながらないとき次へ移り、続きから受け取る。/ Of several nodes the next is asked when one is
    lost, from where the last one ended.
    """
    streams = [stream_of(url) for url in urls]
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(_watch(streams, check=check, as_json=as_json, since=since)))


async def _watch(urls: Sequence[str], *, check: bool, as_json: bool, since: str | None) -> int:
    ledger, console = Ledger(), Console()
    async with aiohttp.ClientSession() as session:
        try:
            async for event in events(session, *urls, since=since):
                _show(console, event, as_json=as_json)
                wrong = ledger.check(event)
                for text in wrong:
                    tell(text)
                if wrong and check:
                    return FAILED
        except aiohttp.ClientResponseError as error:
            said = f"{error.request_info.url}: {error.status} {error.message}"
            tell(Text(said, said))
    return FAILED


def _show(console: Console, event: Event, *, as_json: bool) -> None:
    if event.name in ("heartbeat", "bye", "gap"):
        tell(Text(f"[{event.name}] {event.data}", f"[{event.name}] {event.data}"))
    elif as_json:
        click.echo(event.data.encode())  # UTF-8, whatever the terminal has
    else:
        show_entry(console, json.loads(event.data))


def show_entry(console: Console, entry: dict[str, object], *, prefix: str = "") -> None:
    """Print one line about an entry of the stream."""
    level = entry["level"]
    style = _STYLES.get(level, "") if isinstance(level, int) else ""
    wording = entry["wording"]
    assert isinstance(wording, dict)
    at = datetime.fromisoformat(str(entry["at"])).astimezone()
    headline = wording[say(Text("ja", "en"))]["headline"]
    line = f"{prefix}{at:%H:%M:%S} {entry['cursor']!s:>14} {entry['priority']!s:8} {entry['kind']!s:7} {headline}"
    console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
    left_out = lifted_by(entry)
    if left_out:
        console.print(f"{prefix}  {left_out}", markup=False, highlight=False, soft_wrap=True)


def lifted_by(told: Mapping[str, object]) -> str:
    """Return what an entry or a receipt says that it lifts by leaving it out, empty where that is nothing."""
    left_out = told.get("leftOut")
    text = left_out.get("text") if isinstance(left_out, dict) else None
    return str(text[say(Text("ja", "en"))]) if isinstance(text, dict) else ""


def stream_of(url: str) -> str:
    """Return the stream of a hub, over the WebSocket if `url` is one's; or `url` itself when it names a stream."""
    parts = urlsplit(url)
    name = "/ws" if parts.scheme in SOCKETS else "/stream"
    return url if parts.path.endswith(name) else url.rstrip("/") + name


def _seq(cursor: str) -> int:
    return int(cursor.rpartition("-")[2])


def _remember(seen: OrderedDict[str, None], name: str) -> None:
    seen[name] = None
    if len(seen) > _REMEMBERED:
        seen.popitem(last=False)
