"""The pages in a real browser: live without a reload, whole without a script, usable by everybody."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web
from axe_core_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

from lalert.web.server import Server
from tests.rig.author import CHIYODA, NAHA, Author
from tests.rig.caller import Caller
from tests.rig.hubs import misbehaving

CHROMIUM = Path("/usr/bin/chromium")
IS_MISSING = not CHROMIUM.exists() and not os.environ.get("CI")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 360, "height": 740}
PATIENCE_MS = 15_000

# On a developer's machine it may be missing; where everything must be tested it is a failure.
pytestmark = pytest.mark.skipif(IS_MISSING, reason="no /usr/bin/chromium: apt-get install chromium fonts-noto-cjk")

author = Author()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's chromium."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        await started.close()


class Complaints(list[str]):
    """What a page's console and its content security policy complained about."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        page.on("console", lambda message: self.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.append(str(error)))


async def test_front_page_follows_by_itself(browser: Browser, live: Caller) -> None:
    """An alert that is posted while the page is open appears without a reload, and its end makes it go."""
    page = await browser.new_page()
    complaints = Complaints(page)
    await page.goto(live.url)
    await page.evaluate("window.untouched = true")
    await expect(page.locator("#live")).to_have_attribute("data-state", "on", timeout=PATIENCE_MS)
    order = author.order(CHIYODA, level=4)
    await live.publish(order)
    link = page.locator(f"main a[href*='{order.identifier}']").first
    await expect(link).to_be_visible(timeout=PATIENCE_MS)
    await expect(page.locator("main")).to_contain_text("千代田区")
    await expect(page.locator("#say")).not_to_be_empty(timeout=PATIENCE_MS)
    await live.publish(author.lift(order))
    await expect(page.locator("main h1 + p")).to_contain_text("0件", timeout=PATIENCE_MS)
    await expect(page.locator("main")).to_contain_text("【解除】")
    assert await page.evaluate("window.untouched")
    assert complaints == []


NOTE_FETCHES = """
  const real = window.fetch;
  window.fetched = [];
  window.fetch = (...asked) => { window.fetched.push(performance.now()); return real(...asked); };
"""


async def test_a_burst_does_not_fill_a_bad_line(browser: Browser, live: Caller) -> None:
    """The first alert is fetched at once, the next ones together three seconds later; none is left out."""
    page = await browser.new_page()
    await page.add_init_script(NOTE_FETCHES)
    await page.goto(live.url)
    await expect(page.locator("#live")).to_have_attribute("data-state", "on", timeout=PATIENCE_MS)
    await live.publish(author.order(CHIYODA))
    await expect(page.locator("[data-sum]")).to_contain_text("1件", timeout=PATIENCE_MS)
    for code in (NAHA, CHIYODA, NAHA):
        await live.publish(author.order(code))
    await expect(page.locator("[data-sum]")).to_contain_text("4件", timeout=PATIENCE_MS)
    times = await page.evaluate("window.fetched")
    assert len(times) > 1
    assert all(later - earlier >= 2_990 for earlier, later in pairwise(times))


LISTEN = """url => new Promise((opened, failed) => {
  const socket = new WebSocket(url);
  window.heard = [];
  socket.onopen = () => opened();
  socket.onerror = () => failed("no connection");
  socket.onmessage = ({data}) => { const said = JSON.parse(data); window.heard.push([said.event, said.id]); };
  window.ended = new Promise(end => { socket.onclose = ({code, wasClean}) => end([code, wasClean]); });
})"""


async def test_a_page_of_any_site_reads_the_socket(browser: Browser, live: Caller, server: Server) -> None:
    """With nothing but what a browser has, a page from elsewhere hears the stream over `/ws`, and why it ended."""

    async def signage(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>signage</title>", content_type="text/html")

    async with misbehaving([web.get("/", signage)]) as elsewhere:
        page = await browser.new_page()
        await page.goto(elsewhere)
        await page.evaluate(LISTEN, server.url.replace("http", "ws") + "/ws")
        receipt = await live.publish(author.order(CHIYODA))
        await page.wait_for_function("window.heard.length == 1", timeout=PATIENCE_MS)
        await server.contexts[0].fanout.farewell("test")
        assert await page.evaluate("window.ended") == [1001, True]
        assert await page.evaluate("window.heard") == [["alert", receipt["cursor"]], ["bye", None]]


async def test_page_says_when_the_line_is_dead(browser: Browser, live: Caller, server: Server) -> None:
    """When the stream ends the page says so, and catches up by itself when the hub is there again."""
    page = await browser.new_page()
    await page.goto(live.url)
    lamp = page.locator("#live")
    await expect(lamp).to_have_attribute("data-state", "on", timeout=PATIENCE_MS)
    await page.context.set_offline(True)
    await server.contexts[0].fanout.farewell("test")
    await expect(lamp).to_have_attribute("data-state", "off", timeout=PATIENCE_MS)
    missed = author.order(NAHA)
    await live.publish(missed)
    await page.context.set_offline(False)
    await expect(page.locator(f"main a[href*='{missed.identifier}']").first).to_be_visible(timeout=PATIENCE_MS)
    await expect(lamp).to_have_attribute("data-state", "on", timeout=PATIENCE_MS)


async def test_whole_without_a_script(browser: Browser, live: Caller) -> None:
    """With JavaScript off the page tells the same facts, the way to every other page included."""
    order = author.order(CHIYODA, level=4)
    await live.publish(order)
    texts, links = [], []
    for script in (True, False):
        context = await browser.new_context(java_script_enabled=script)
        page = await context.new_page()
        await page.goto(live.url)
        texts.append(await page.locator("main h1, main h2, main h3, main article, main li").all_inner_texts())
        links.append([await a.get_attribute("href") for a in await page.locator("main a").all()])
        await context.close()
    assert texts[0] == texts[1]
    assert links[0] == links[1]
    assert any("千代田区" in text for text in texts[1])
    assert any(order.identifier in str(href) for href in links[1])


PAGES = ("/", "/a", "/a/13", f"/a/{CHIYODA}", "/alerts/{identifier}")


async def test_fits_a_phone(browser: Browser, live: Caller) -> None:
    """On a narrow screen nothing has to be scrolled sideways, and no page complains."""
    order = author.order(CHIYODA, level=4, headline="避難指示を発令しました。" * 10, description="長い文" * 100)
    await live.publish(order)
    page = await browser.new_page(viewport=PHONE)  # type: ignore[arg-type]
    complaints = Complaints(page)
    for path in (*PAGES, "/docs/findings", "/nowhere", "/feeds/all.atom"):
        await page.goto(live.url + path.format(identifier=order.identifier), wait_until="load")
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
    assert [text for text in complaints if "status of 404" not in text] == []


async def test_fits_a_small_phone_with_large_letters(browser: Browser, live: Caller) -> None:
    """WCAG 1.4.4: on 320 points letters of twice the size push nothing off the screen, in Japanese and in English."""
    order = author.order(CHIYODA, level=4, headline="避難指示を発令しました。" * 4)
    await live.publish(order)
    page = await browser.new_page(viewport={"width": 320, "height": 568})
    for path in (*PAGES, "/notify?lang=en", "/validate?lang=en", "/map", "/nowhere"):
        await page.goto(live.url + path.format(identifier=order.identifier), wait_until="load")
        for letters in ("100%", "200%"):
            await page.evaluate("(size) => { document.documentElement.style.fontSize = size }", letters)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320, (path, letters)


async def test_drill_cannot_be_mistaken(browser: Browser, drill: Caller) -> None:
    """Every screenful of a drill page is marked, also when it has been scrolled, and its title is."""
    exercise = Author(drill=True)
    for _ in range(12):
        await drill.publish(exercise.order(CHIYODA))
    page = await browser.new_page(viewport=PHONE)  # type: ignore[arg-type]
    await page.goto(drill.url + "/")
    assert "訓練" in await page.title()
    bands = page.locator(".band")
    for place in ("0", "document.body.scrollHeight / 2", "document.body.scrollHeight"):
        await page.evaluate(f"window.scrollTo(0, {place})")
        visible = [await band.evaluate(IS_ON_SCREEN) for band in await bands.all()]
        assert any(visible), f"no band on the screen at {place}"
    await expect(bands.first).to_contain_text("訓練")


IS_ON_SCREEN = """(band) => {
  const box = band.getBoundingClientRect();
  return box.height > 0 && box.bottom > 0 && box.top < innerHeight;
}"""


@pytest.mark.parametrize("realm", ["live", "drill"])
async def test_everybody_can_use_it(browser: Browser, live: Caller, drill: Caller, realm: str) -> None:
    """axe-core finds nothing that shuts people out: no violation that is serious or critical, by day and by night."""
    caller = live if realm == "live" else drill
    speaker = Author(drill=realm == "drill")
    orders = [speaker.order(CHIYODA, level=level) for level in (3, 4, 5)]
    tsunami = speaker.order(NAHA, level=None, hazard="tsunami", act="津波警報")
    for alert in (*orders, tsunami, speaker.lift(orders[0])):
        await caller.publish(alert)
    grave = {}
    for scheme in ("light", "dark"):
        context = await browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
        page = await context.new_page()
        for path in (*PAGES, "/docs/findings", "/a/99"):
            await page.goto(caller.url + path.format(identifier=orders[1].identifier))
            result = await Axe().run(page, options={"resultTypes": ["violations"]})
            assert result["passes"]
            grave |= {
                (scheme, path, found["id"]): [node["html"][:200] for node in found["nodes"]][:3]
                for found in result["violations"]
                if found["impact"] in ("serious", "critical")
            }
        await context.close()
    assert grave == {}


async def test_keyboard_reaches_the_content(browser: Browser, live: Caller) -> None:
    """The first stop of the Tab key leads past the menus to what matters."""
    await live.publish(author.order())
    page = await browser.new_page()
    await page.goto(live.url)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.getAttribute('href')") == "#main"
