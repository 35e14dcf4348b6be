"""The map that moves, in a real browser: what it draws, how it follows, and how it tells the past apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from axe_core_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.live.test_browser import ARGUMENTS, CHROMIUM, IS_MISSING, PATIENCE_MS, PHONE, Complaints
from tests.rig.author import CHIYODA, NAHA, Author
from tests.rig.caller import Caller

pytestmark = pytest.mark.skipif(IS_MISSING, reason="no /usr/bin/chromium: apt-get install chromium fonts-noto-cjk")

# A browser without a graphics card draws in software.
DRAWING = [*ARGUMENTS, "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
BLIND = [*ARGUMENTS, "--disable-3d-apis"]

author = Author()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's chromium, which can draw a map."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=DRAWING)
        yield started
        await started.close()


async def opened(page: Page, address: str) -> None:
    """Open the map, and wait until it draws."""
    await page.goto(address)
    await expect(page.locator("#view")).to_have_attribute("data-state", "on", timeout=PATIENCE_MS)


async def test_the_map_follows(browser: Browser, live: Caller) -> None:
    """What is posted is drawn without a reload, and taken away when it ends; nothing breaks the strict policy."""
    page = await browser.new_page()
    complaints = Complaints(page)
    await opened(page, f"{live.url}/map")
    view = page.locator("#view")
    await expect(view).to_have_attribute("data-shown", "0", timeout=PATIENCE_MS)
    await expect(page.locator("#live")).to_have_attribute("data-state", "on", timeout=PATIENCE_MS)
    order = author.order(CHIYODA, level=4)
    await live.publish(order)
    await expect(view).to_have_attribute("data-shown", "1", timeout=PATIENCE_MS)
    await expect(page.locator("main")).to_contain_text("千代田区")
    assert await page.locator("canvas").count() == 1
    await live.publish(author.lift(order))
    await expect(view).to_have_attribute("data-shown", "0", timeout=PATIENCE_MS)
    assert [text for text in complaints if "GL Driver Message" not in text] == []


async def test_the_past_is_told_apart(browser: Browser, live: Caller) -> None:
    """By the keyboard alone into the past and back: what held then, under a notice that it is not the present."""
    order = author.order(CHIYODA, level=4)
    await live.publish(order)
    page = await browser.new_page()
    await page.clock.set_fixed_time(datetime.now(UTC) + timedelta(hours=1))
    await opened(page, f"{live.url}/map")
    view, notice, past = page.locator("#view"), page.locator("#then"), page.locator("#past")
    await expect(view).to_have_attribute("data-shown", "1", timeout=PATIENCE_MS)
    await page.locator("#when").focus()
    await page.keyboard.press("ArrowLeft")
    await expect(notice).to_contain_text("現在の情報ではありません", timeout=PATIENCE_MS)
    await expect(past).to_contain_text("千代田区", timeout=PATIENCE_MS)
    await expect(page.locator("main article")).to_be_hidden()
    await page.keyboard.press("Home")
    await expect(past).to_contain_text("発令中のものはありません", timeout=PATIENCE_MS)
    await expect(view).to_have_attribute("data-shown", "0")
    await live.publish(author.order(NAHA))
    await expect(page.locator("main article")).to_have_count(2, timeout=PATIENCE_MS)
    await expect(notice).to_be_visible()
    await page.locator("#present").click()
    await expect(view).to_have_attribute("data-shown", "2", timeout=PATIENCE_MS)
    await expect(notice).to_be_hidden()
    await expect(page.locator("main article").first).to_be_visible()


async def test_a_place_says_what_holds_there(browser: Browser, live: Caller) -> None:
    """The view is of what holds, and follows it until somebody steers; a click there names it, and leads to it."""
    far = author.order(NAHA)
    await live.publish(far)
    page = await browser.new_page(viewport={"width": 900, "height": 900}, reduced_motion="reduce")
    await opened(page, f"{live.url}/map")
    await expect(page.locator("#view")).to_have_attribute("data-drawn", "1", timeout=PATIENCE_MS)
    await live.publish(author.lift(far))
    await expect(page.locator("#view")).to_have_attribute("data-drawn", "0", timeout=PATIENCE_MS)
    near = author.order(CHIYODA, level=3)
    await live.publish(near)
    await expect(page.locator("#view")).to_have_attribute("data-drawn", "1", timeout=PATIENCE_MS)
    here, box = page.locator("#here"), await page.locator("canvas").bounding_box()
    assert box is not None
    async with asyncio.timeout(PATIENCE_MS / 1000):  # until the tiles are there, a click hits nothing
        while not await here.is_visible() or near.identifier not in await here.inner_html():
            await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


async def test_the_map_shuts_nobody_out(browser: Browser, live: Caller, drill: Caller) -> None:
    """axe-core finds nothing serious on a drawing map, present and past; a phone need not be scrolled sideways."""
    await drill.publish(Author(drill=True).order(CHIYODA))
    page = await browser.new_page(viewport=PHONE)  # type: ignore[arg-type]
    for url in (drill.url, live.url):
        await opened(page, f"{url}/map")
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        for step in ("0", "-4"):
            await page.locator("#when").fill(step)
            result = await Axe().run(page, options={"resultTypes": ["violations"]})
            grave = [found for found in result["violations"] if found["impact"] in ("serious", "critical")]
            assert [(found["id"], found["nodes"][0]["html"]) for found in grave] == []


@pytest.mark.parametrize("script", [True, False], ids=["no WebGL", "no script"])
async def test_whole_without_a_moving_map(live: Caller, script: bool) -> None:
    """A browser that cannot draw, or runs no script, shows the server's drawing beside the same list."""
    order = author.order(CHIYODA, level=4)
    await live.publish(order)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=BLIND)
        context = await browser.new_context(java_script_enabled=script)
        page = await context.new_page()
        await page.goto(f"{live.url}/map")
        await expect(page.locator(".sheet img")).to_be_visible()
        await expect(page.locator("#steer")).to_be_hidden()
        await expect(page.locator(f"main a[href*='{order.identifier}']").first).to_be_visible()
        await browser.close()
