"""The page of notifications in a real browser: it subscribes, shows what is pushed, opens the alert, and lets go."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_core_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Worker, async_playwright, expect

from lalert.cli.pushservice import Phone, PushService, running
from lalert.core.model import Realm
from lalert.geo import mesh
from lalert.geo.mesh import Level
from lalert.web.server import Server
from tests.rig import hubs
from tests.rig.author import CHIYODA, Author
from tests.rig.caller import Caller

CHROMIUM = Path("/usr/bin/chromium")
IS_MISSING = not CHROMIUM.exists() and not os.environ.get("CI")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
PATIENCE_MS = 15_000
PATIENCE_S = PATIENCE_MS / 1_000

# No push service can be reached from here: the browser's own is replaced by keys of the test's phone.
STUB = """
(() => {
  const subscription = { toJSON: () => (%s), unsubscribe: async () => !(PushManager.prototype.current = null) };
  PushManager.prototype.current = null;
  PushManager.prototype.made = subscription;
  PushManager.prototype.getSubscription = async () => PushManager.prototype.current;
  PushManager.prototype.subscribe = async (options) => {
    window.askedWith = Array.from(new Uint8Array(options.applicationServerKey));
    subscription.options = options;
    return (PushManager.prototype.current = subscription);
  };
})();
"""

pytestmark = pytest.mark.skipif(IS_MISSING, reason="no /usr/bin/chromium: apt-get install chromium fonts-noto-cjk")

author = Author()


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    """A push service on a free port."""
    async with running() as started:
        yield started


@pytest.fixture
async def server(servers: hubs.Start, service: PushService) -> Server:
    """A server that may push to this machine."""
    return await servers(push__allow_networks="127.0.0.0/8")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's chromium."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        await started.close()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody with a phone who allows notifications."""

    context: BrowserContext
    page: Page
    phone: Phone
    complaints: list[str]


async def visit(browser: Browser, service: PushService, url: str) -> Visitor:
    """Open `url` as somebody near 千代田区役所."""
    phone = service.phone()
    context = await browser.new_context(
        geolocation={"latitude": 35.6940, "longitude": 139.7536},
        permissions=["notifications", "geolocation"],
        viewport={"width": 360, "height": 740},
        locale="ja-JP",
    )
    await context.add_init_script(STUB % json.dumps(phone.subscription))
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(url)
    return Visitor(context, page, phone, complaints)


async def residents(server: Server, realm: Realm = Realm.LIVE) -> int:
    """Return how many the hub keeps."""
    return len(await server.hub(realm).store.residents(0, 10))


async def test_subscribe_test_and_let_go(browser: Browser, live: Caller, server: Server, service: PushService) -> None:
    """From a position to a grid square, a test notification, an alert, and one tap that ends it."""
    visitor = await visit(browser, service, f"{live.url}/notify")
    page = visitor.page
    await expect(page.locator("#on")).to_be_disabled()
    await page.locator("#size").select_option("10")
    await page.locator("#here").click()
    cell = mesh.code_at(lon=139.7536, lat=35.6940, level=Level.QUARTER)
    await expect(page.locator("#places")).to_contain_text(cell, timeout=PATIENCE_MS)
    await page.locator("[name=minLevel]").select_option("4")
    await page.locator("#on").click()
    await expect(page.locator("#told")).to_contain_text("登録しました", timeout=PATIENCE_MS)
    (kept,) = await server.hub(Realm.LIVE).store.residents(0, 10)
    assert (kept.wish.cells, kept.wish.areas, kept.wish.min_level) == (frozenset({cell}), frozenset(), 4)
    assert len(await page.evaluate("window.askedWith")) == 65
    await page.locator("#test").click()
    await expect(page.locator("#told")).to_contain_text("テスト通知を送りました", timeout=PATIENCE_MS)
    await live.publish(author.order(CHIYODA, level=4))
    await service.until(lambda: len(service.of(visitor.phone)) == 2)
    await page.reload()
    await expect(page.locator("[name=minLevel]")).to_have_value("4")
    await page.locator("#off").click()
    await expect(page.locator("#told")).to_contain_text("通知をやめました", timeout=PATIENCE_MS)
    await expect(page.locator("#off")).to_be_hidden()
    assert await residents(server) == 0
    assert visitor.complaints == []


async def test_who_was_bound_to_a_lost_key_signs_up_anew_by_opening_the_page(
    browser: Browser, live: Caller, server: Server, service: PushService
) -> None:
    """A subscription that was made for another key reaches nobody: the page replaces it, and keeps the wish."""
    visitor = await visit(browser, service, f"{live.url}/notify?q=千代田")
    page = visitor.page
    await page.locator("#found button").first.click()
    await page.locator("#on").click()
    await expect(page.locator("#told")).to_contain_text("登録しました", timeout=PATIENCE_MS)
    (before,) = await server.hub(Realm.LIVE).store.residents(0, 10)
    lost = "Object.assign(PushManager.prototype.made, { options: { applicationServerKey: new ArrayBuffer(65) } })"
    await page.add_init_script(f"PushManager.prototype.current = {lost};")
    await page.reload()
    await expect(page.locator("#told")).to_contain_text("登録しました", timeout=PATIENCE_MS)
    (after,) = await server.hub(Realm.LIVE).store.residents(0, 10)
    assert (after.wish, after.id != before.id) == (before.wish, True)
    assert len(set(await page.evaluate("window.askedWith"))) > 1
    assert visitor.complaints == []


@pytest.mark.parametrize("asked", ["横須賀", "〒238-8550"])
async def test_places_are_found_by_name(
    browser: Browser, live: Caller, server: Server, service: PushService, asked: str
) -> None:
    """Search by name or postal code, add, remove; what was chosen survives the way to another page, in English too."""
    visitor = await visit(browser, service, f"{live.url}/notify?area={CHIYODA}")
    page = visitor.page
    await expect(page.locator("#places")).to_contain_text("千代田区")
    await page.locator("main [name=q]").fill(asked)
    await page.locator("main .find button").click()
    await page.locator("#found button").first.click()
    await expect(page.locator("#places li")).to_have_count(2)
    await page.locator("#places button").first.click()
    await expect(page.locator("#places li")).to_have_count(1)
    await page.goto(f"{live.url}/notify?lang=en")
    await expect(page.locator("#places")).to_contain_text("横須賀市")
    await page.locator("#on").click()
    await expect(page.locator("#told")).to_contain_text("Subscribed", timeout=PATIENCE_MS)
    (kept,) = await server.hub(Realm.LIVE).store.residents(0, 10)
    assert (kept.wish.areas, kept.wish.lang, kept.wish.min_level) == (frozenset({"142018"}), "en", 3)
    assert visitor.complaints == []


async def test_the_drill_has_residents_of_its_own(
    browser: Browser, drill: Caller, server: Server, service: PushService
) -> None:
    """The page of the drill subscribes to drills, with the drill's key, and says so."""
    visitor = await visit(browser, service, f"{drill.url}/notify?area={CHIYODA}")
    await expect(visitor.page.locator("h1")).to_contain_text("【訓練】")
    await visitor.page.locator("#on").click()
    await expect(visitor.page.locator("#told")).to_contain_text("登録しました", timeout=PATIENCE_MS)
    assert (await residents(server), await residents(server, Realm.DRILL)) == (0, 1)
    scopes = "navigator.serviceWorker.getRegistrations().then((all) => all.map((r) => new URL(r.scope).pathname))"
    assert await visitor.page.evaluate(scopes) == ["/drill/"]


async def test_a_push_is_shown_and_its_click_opens_the_alert(
    browser: Browser, live: Caller, service: PushService
) -> None:
    """What the hub encrypted is delivered to the worker by the browser's own tools; the click leads to the page."""
    visitor = await visit(browser, service, f"{live.url}/notify?area={CHIYODA}")
    page = visitor.page
    worker = await subscribed(visitor)
    alert = author.order(CHIYODA, level=4)
    await live.publish(alert)
    await service.until(lambda: service.of(visitor.phone))
    (arrival,) = service.of(visitor.phone)
    shown = await deliver(visitor, live.url, json.dumps(arrival.payload))
    assert shown["title"] == arrival.notification["title"]
    assert shown["body"] == arrival.notification["body"]
    assert shown["tag"] == arrival.topic
    assert shown["requireInteraction"]
    path = await clicked(worker)
    assert path == f"/alerts/{alert.identifier}"
    await page.goto(live.url + path)
    await expect(page.locator("main")).to_contain_text("千代田区")
    assert visitor.complaints == []


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ("no json", "/"),
        ('{"notification": 7}', "/"),
        ('{"notification": {"title": "x", "navigate": "https://evil.example/a?b"}}', "/a?b"),
        ('{"notification": {"title": "x", "navigate": "//[", "silent": true, "vibrate": [1]}}', "/"),
    ],
)
async def test_whatever_is_pushed_is_shown_and_stays_on_our_site(
    browser: Browser, live: Caller, service: PushService, data: str, path: str
) -> None:
    """A worker that shows nothing loses its right to; a click never leads to another site."""
    visitor = await visit(browser, service, f"{live.url}/notify?area={CHIYODA}")
    worker = await subscribed(visitor)
    shown = await deliver(visitor, live.url, data)
    assert shown["title"]
    assert await clicked(worker) == path


async def test_the_page_is_usable_by_everybody(browser: Browser, live: Caller, service: PushService) -> None:
    """axe-core finds nothing, and nothing is wider than a phone."""
    visitor = await visit(browser, service, f"{live.url}/notify?q=横&area={CHIYODA}")
    results = await Axe().run(visitor.page)
    assert [(found["id"], [node["html"] for node in found["nodes"]]) for found in results["violations"]] == []
    assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_the_browser_computes_the_same_cells(browser: Browser, live: Caller, service: PushService) -> None:
    """The arithmetic of the page is that of the hub, on every size, all over Japan."""
    visitor = await visit(browser, service, f"{live.url}/notify")
    spots = [(24.3, 123.1), (35.6940, 139.7536), (45.52, 141.94), (26.2124, 127.6792), (43.06, 144.99), (35.0, 135.0)]
    script = next(
        urlsplit(s).path
        for s in await visitor.page.eval_on_selector_all("script", "all => all.map(s => s.src)")
        if "notify" in s
    )
    cells = await visitor.page.evaluate(
        "async ([script, spots]) => { const { cellOf } = await import(script);"
        " return spots.map(([lat, lon]) => [8, 9, 10].map((digits) => cellOf(lat, lon, digits))); }",
        [script, spots],
    )
    levels = (Level.THIRD, Level.HALF, Level.QUARTER)
    assert cells == [[mesh.code_at(lon=lon, lat=lat, level=level) for level in levels] for lat, lon in spots]


async def subscribed(visitor: Visitor) -> Worker:
    """Subscribe, and return the service worker."""
    await visitor.page.locator("#on").click()
    await expect(visitor.page.locator("#told")).to_contain_text("登録しました", timeout=PATIENCE_MS)
    workers = visitor.context.service_workers
    return workers[0] if workers else await visitor.context.wait_for_event("serviceworker", timeout=PATIENCE_MS)


async def deliver(visitor: Visitor, origin: str, data: str) -> dict[str, object]:
    """Deliver a push message as the browser's push client would, and return the notification that is shown."""
    tools = await visitor.context.new_cdp_session(visitor.page)
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def registered(event: dict[str, list[dict[str, str]]]) -> None:
        for registration in event["registrations"]:
            if not found.done():
                found.set_result(registration["registrationId"])

    tools.on("ServiceWorker.workerRegistrationUpdated", registered)
    await tools.send("ServiceWorker.enable")
    async with asyncio.timeout(PATIENCE_S):
        registration = await found
    told = visitor.page.evaluate(
        "() => new Promise((done) => navigator.serviceWorker.addEventListener('message', done, { once: true }))"
        ".then(() => navigator.serviceWorker.ready).then((r) => r.getNotifications())"
        ".then(([n]) => ({ title: n.title, body: n.body, tag: n.tag, requireInteraction: n.requireInteraction }))"
    )
    waiting = asyncio.ensure_future(told)
    await visitor.page.evaluate("1")  # the page listens before anything is delivered
    await tools.send(
        "ServiceWorker.deliverPushMessage", {"origin": origin, "registrationId": registration, "data": data}
    )
    async with asyncio.timeout(PATIENCE_S):
        return await waiting


async def clicked(worker: Worker) -> str:
    """Click the notification that is shown and return the page that opens.

    Only a real click may open a window, and a browser without a screen has none to offer: the worker's own handler
    runs, and what it asks the browser to open is what is returned.
    """
    return await worker.evaluate(
        """async () => {
          const [notification] = await self.registration.getNotifications();
          let path = "";
          self.clients.openWindow = async (asked) => { path = asked; };
          const event = new NotificationEvent("notificationclick", { notification });
          const waited = [];
          event.waitUntil = (work) => waited.push(work);
          self.dispatchEvent(event);
          await Promise.all(waited);
          return path;
        }"""
    )
