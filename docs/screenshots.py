"""Take the pictures of docs/images: `make screenshots`. Hubs of its own, a typhoon up to its height, a real browser.

Needs /usr/bin/chromium and a font that draws Japanese (`apt-get install chromium fonts-noto-cjk`).
"""

from __future__ import annotations

import asyncio
import io
import os
import secrets
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import aiohttp
from playwright.async_api import Browser, ViewportSize, async_playwright
from rich.console import Console
from rich.text import Text as Words

from lalert import logs
from lalert.cli import scenario
from lalert.cli.scenario import Step
from lalert.cli.send import post
from lalert.core import keys
from lalert.core.model import Realm, Role
from lalert.settings import load
from lalert.store.base import StoredKey
from lalert.web.server import Server, serving

IMAGES = Path(__file__).with_name("images")
CHROMIUM = "/usr/bin/chromium"
TYPHOON, TSUNAMI, DRILL = (
    (60.0, 13 * 60.0),
    (10.0, 60.0),
    (1.0, 240.0),
)  # speed, and seconds played when the pictures are taken
WIDE, PHONE = ViewportSize(width=1120, height=840), ViewportSize(width=390, height=844)
MOST_BYTES = 350_000
DRAWN = "#view[data-drawn]:not([data-drawn='0'])"  # the map that moves stands still, and shows something
SHOWN = "() => [...document.images].every(image => image.complete || image.getBoundingClientRect().top > innerHeight)"
ARGUMENTS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]  # no card: /map


async def main() -> None:
    """Play, look, and write one file a picture."""
    logs.configure(level="warning")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        settings = load(None, {}, {"server.port": 0, "store.data": data})
        async with serving(settings) as server, async_playwright() as playwright:
            steps = await played(server, "typhoon", *TYPHOON)
            await played(server, "drill", *DRILL)
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            await picture(browser, server.url + "/", "front.png", WIDE)
            await picture(browser, server.url + "/", "front-phone.png", PHONE)
            await picture(browser, server.url + "/a/122050", "municipality.png", WIDE)
            await picture(browser, f"{server.url}/alerts/{quote(gravest(steps), safe='')}", "alert.png", WIDE)
            await picture(browser, server.url + "/drill/", "drill.png", WIDE)
            await picture(browser, server.url + "/map", "map.png", WIDE, drawn=DRAWN)
            await fetched(server.url + "/map/japan.png?size=1920x1080", "map-typhoon.png")
            await fetched(f"{server.url}/alerts/{quote(of_a_ward(steps), safe='')}/map.png", "map-ward.png")
            await checked(browser, server.url, order_of_a_ward(steps).raw.decode())
            await terminal(browser, await watched(server.url), "watch.png")
            await browser.close()
    await coast()


async def coast() -> None:
    """Draw the warnings of a tsunami on a hub where nothing else is in force."""
    with tempfile.TemporaryDirectory() as data:
        async with serving(load(None, {}, {"server.port": 0, "store.data": data})) as server:
            await played(server, "tsunami", *TSUNAMI)
            await fetched(server.url + "/map/17.png", "map-tsunami.png")


async def played(server: Server, name: str, speed: float, until_s: float) -> list[Step]:
    """Post the scenario as if it had begun `until_s` ago; return what was posted."""
    start = datetime.now(UTC) - timedelta(seconds=until_s)
    every = scenario.messages(scenario.load(name), start=start, speed=speed)
    steps = [step for step in every if step.at_s <= until_s]
    realm = Realm(steps[0].realm)
    base = server.url + ("/drill" if realm is Realm.DRILL else "")
    headers = {"Authorization": f"Bearer {await issued(server, realm)}", "Content-Type": "application/cap+xml"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for step in steps:
            status, body = await post(session, f"{base}/api/v1/alerts", step.raw)
            if status != 201:
                raise RuntimeError(f"{step.title}: {status} {body.decode()[:300]}")
    return steps


async def issued(server: Server, realm: Realm) -> keys.ApiKey:
    """Return a key for the whole country, gone with its hub."""
    key = keys.make(realm, key_id=secrets.token_hex(6), entropy=secrets.token_bytes(keys.SECRET_BYTES))
    stored = StoredKey(
        key_id=key.key_id,
        name="screenshots",
        role=Role.SENDER,
        areas=("*",),
        digest=key.digest,
        created_at=datetime.now(UTC),
    )
    await server.hub(realm).store.add_key(stored)
    return key


def gravest(steps: Sequence[Step]) -> str:
    """Return the identifier of the last order of level 5 by a municipality."""
    title = next(step for step in reversed(steps) if "緊急安全確保" in step.title)
    return title.raw.decode().partition("<identifier>")[2].partition("</identifier>")[0]


def of_a_ward(steps: Sequence[Step]) -> str:
    """Return the identifier of the last order of level 4 by a ward of Tokyo."""
    return order_of_a_ward(steps).raw.decode().partition("<identifier>")[2].partition("</identifier>")[0]


def order_of_a_ward(steps: Sequence[Step]) -> Step:
    """Return the last order of level 4 by a ward of Tokyo."""
    return next(step for step in reversed(steps) if "避難指示" in step.title and "区" in step.title)


async def checked(browser: Browser, url: str, message: str) -> None:
    """Write how a message with mistakes is answered by the validator, and the sample of the same without them."""
    wrong = message.replace("<urgency>Immediate", "<urgency>Future").replace("+09:00</expires>", "Z</expires>")
    page = await browser.new_page(viewport=WIDE, locale="ja-JP", timezone_id="Asia/Tokyo")
    for text, shown, name in ((wrong, "#lines", "check.png"), (message, ".sample", "check-sample.png")):
        await page.goto(f"{url}/validate")
        await page.fill("#message", text)
        await page.click(".go")
        await page.locator(shown).evaluate("(element) => element.scrollIntoView()")
        keep(name, await page.screenshot())
    await page.close()


async def fetched(url: str, name: str) -> None:
    """Write a picture that the hub itself draws."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        response.raise_for_status()
        keep(name, await response.read())


async def picture(browser: Browser, url: str, name: str, size: ViewportSize, *, drawn: str = "body") -> None:
    """Write the first screenful of `url`, when the element `drawn` is there."""
    page = await browser.new_page(viewport=size, locale="ja-JP", timezone_id="Asia/Tokyo")
    await page.goto(url)
    await page.wait_for_selector(drawn)
    await page.wait_for_function(SHOWN)
    keep(name, await page.screenshot())
    await page.close()


async def watched(url: str) -> str:
    """Return what `lalert watch` shows of the end of the log so far, colours included."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/v1/changes") as response:
        epoch, _, seq = (await response.json())["cursor"].rpartition("-")
    since = f"{epoch}-{int(seq) - 24}"
    environment = os.environ | {"FORCE_COLOR": "1", "COLUMNS": "110", "LANG": "ja_JP.UTF-8", "TZ": "Asia/Tokyo"}
    command = ("-m", "lalert", "watch", url, "--check", "--since", since)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        lines = [await asyncio.wait_for(process.stdout.readline(), 30) for _ in range(24)]
    finally:
        process.terminate()
        await process.wait()
    return "".join(line.decode() for line in lines)


async def terminal(browser: Browser, output: str, name: str) -> None:
    """Write a picture of a terminal that shows `output`."""
    page = await browser.new_page(viewport={"width": 720, "height": 500})
    style = "margin:0;padding:14px;background:#fff;font:14px/1.35 'Noto Sans Mono CJK JP',monospace;white-space:pre"
    await page.set_content(f'<html lang="ja"><title>lalert watch</title><body style="{style}">{coloured(output)}')
    keep(name, await page.screenshot())
    await page.close()


def coloured(output: str) -> str:
    """Return what a terminal shows as HTML."""
    console = Console(record=True, width=110, file=io.StringIO(), force_terminal=True, highlight=False)
    console.print("[bold]$ lalert watch https://hub.example.jp --check[/]")
    console.print(Words.from_ansi(output), soft_wrap=True)
    return console.export_html(inline_styles=True, code_format="{code}")


def keep(name: str, png: bytes) -> None:
    """Write a picture that a slow line can bear."""
    if len(png) > MOST_BYTES:
        raise RuntimeError(f"{name}: {len(png)} bytes")
    (IMAGES / name).write_bytes(png)
    print(f"{name}: {len(png):,} bytes")


if __name__ == "__main__":
    asyncio.run(main())
