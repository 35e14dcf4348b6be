"""`lalert serve`: run the hub until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import click
import uvloop

from lalert import logs
from lalert.cli.speech import honest, tell
from lalert.cli.where import store_option
from lalert.errors import Text
from lalert.settings import Settings, load
from lalert.web.server import Server, serving

_SWITCH_S = 0.001  # how long a thread that examines or writes may keep the loop waiting (Python's default: 5 ms)


@click.command()
@click.option("--host", help="待ち受けるアドレス / address to listen on (127.0.0.1)")
@click.option("--port", type=int, help="待ち受けるポート / port to listen on, 0 for any free one (8080)")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="保存先 / folder of all that lasts")
@store_option
@click.option("--node", help="複数台で使うときの、この1台の名前 / what this node of a cluster is called (machine:port)")
@click.option("--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="lalert.toml")
@honest
def serve(
    host: str | None, port: int | None, data: Path | None, store_url: str | None, node: str | None, config: Path | None
) -> None:
    """ハブを起動する / Run the hub until SIGTERM or Ctrl-C."""
    logs.configure()
    config = config or _maybe_path(os.environ.get("LALERT_CONFIG"))
    flags = {
        "server.host": host,
        "server.port": port,
        "store.data": None if data is None else str(data),
        "store.url": store_url,
        "cluster.node": node,
    }
    uvloop.run(run(load(config, os.environ, flags)))


async def run(settings: Settings) -> None:
    """Serve until a signal says stop; what was accepted is kept and answered first.

    When a shared log is not what it was (a restored backup), nothing in memory is worth anything: all of it is ended,
    and begins anew from the store, on the same port.
    """
    sys.setswitchinterval(_SWITCH_S)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    while not stopped.is_set():
        async with serving(settings) as server:
            _spare_the_collector()
            _greet(server)
            await _first(stopped.wait(), server.lost_log())
            port = urlsplit(server.url).port or settings.server.port
        settings = replace(settings, server=replace(settings.server, port=port))


async def _first(*events: Coroutine[object, object, object]) -> None:
    """Return when the first of `events` is over."""
    waiting = [asyncio.ensure_future(event) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


def _spare_the_collector() -> None:
    """Keep the cyclic collector from pausing the loop: what was loaded stays, and what comes is not made of cycles.

    A full pass over the entries in memory would take a tenth of a second; at Python's thresholds there would be many.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _greet(server: Server) -> None:
    tell(
        Text(
            ja=f"lalert を起動しました。{server.url} を開いてください(終了は Ctrl-C)。",
            en=f"lalert is running: open {server.url} (Ctrl-C ends it).",
        )
    )


def _maybe_path(text: str | None) -> Path | None:
    return Path(text) if text else None
