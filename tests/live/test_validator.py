"""The validator page over HTTP and in a real browser: what is pasted is judged, shown, and forgotten."""

from __future__ import annotations

import asyncio
import html
import re
import threading
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest
from axe_core_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

from lalert.web.bench import PLACES
from lalert.web.server import Server
from tests.live.test_browser import ARGUMENTS, CHROMIUM, IS_MISSING, PATIENCE_MS, PHONE, Complaints
from tests.rig import hubs
from tests.rig.author import CHIYODA, Author
from tests.rig.caller import Answer, Caller
from tests.rig.envelopes import envelope

FEEDS = hubs.ROOT / "sample_feeds"
BAD = (FEEDS / "bad" / "sent-zulu.xml").read_bytes()

author = Author()


def multipart(fields: Mapping[str, bytes], boundary: bytes = b"----b") -> bytes:
    """Return a form as a browser writes it."""
    parts = b"".join(
        b"--" + boundary + b'\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + body + b"\r\n"
        for name, body in fields.items()
    )
    return parts + b"--" + boundary + b"--\r\n"


async def send(caller: Caller, raw: bytes, *, lang: str = "ja", field: str = "message", **headers: str) -> Answer:
    """Send a message by the form. `headers` are written with underscores."""
    fields = {"profile": b"jp", "strictness": b"producer", field: raw}
    return await send_form(caller, multipart(fields), lang=lang, **headers)


async def send_form(caller: Caller, body: bytes, *, lang: str = "ja", **headers: str) -> Answer:
    """Send the bytes of a form."""
    own = {"Content-Type": "multipart/form-data; boundary=----b", "Accept": "text/html"}
    sent = own | {name.replace("_", "-"): value for name, value in headers.items()}
    return await caller.ask("post", f"/validate?lang={lang}", data=body, headers=sent)


async def test_form(live: Caller) -> None:
    """The page is there in both languages, leads from the front page, and sets nothing in the browser."""
    for lang, word in (("ja", "電文の検査"), ("en", "Check a message")):
        page = await live.get(f"/validate?lang={lang}")
        assert (page.status, page.content_type) == (200, "text/html")
        assert word in page.text
        assert "Set-Cookie" not in page.headers
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert 'href="/validate"' in (await live.get("/")).text


async def test_findings_beside_their_lines(live: Caller) -> None:
    """A wrong message is answered with its line, the message and the advice, and the way to the explanation."""
    for lang, word in (("ja", "エラー"), ("en", "Error")):
        page = await send(live, BAD, lang=lang)
        assert page.status == 200
        row = re.search(r'<li id="L6" class="of-error">.*?</li>', page.text, re.DOTALL)
        assert row is not None
        assert "#cap.time.zulu" in row[0]
        assert word in row[0]
        assert "<code>  &lt;sent&gt;" in row[0]
        assert page.headers["Cache-Control"] == "no-store"
        assert 'class="sample"' not in page.text
    explained = await live.get("/docs/findings")
    assert 'id="cap.time.zulu"' in explained.text


async def test_same_findings_as_the_programs(live: Caller) -> None:
    """The page and `POST /api/v1/validate` find the same, with the same settings."""
    for name in ("area-unknown-code", "level4-urgency-future", "abolished-term"):
        raw = (FEEDS / "bad" / f"{name}.xml").read_bytes()
        told = await live.post(raw, path="/api/v1/validate", key="")
        page = await send(live, raw)
        assert sorted(re.findall(r'/docs/findings#([a-z0-9_.]+)">', page.text)) == sorted(
            one["code"] for one in told.json["findings"]
        )
        assert ("誤りがあります" in page.text) == (told.json["verdict"] == "invalid")


async def test_strictness_and_envelopes_for_programs(live: Caller) -> None:
    """`strictness=upstream` is that of sources; an envelope is answered message by message."""
    path = "/api/v1/validate?strictness=upstream"
    assert (await live.post(BAD, path=path, key="")).json["verdict"] == "valid"
    wrong = await live.post(BAD, path="/api/v1/validate?strictness=lax", key="")
    assert (wrong.status, wrong.codes) == (400, {"query.value"})
    raw = envelope(author.order(CHIYODA), BAD)
    told = await live.post(raw, path="/api/v1/validate", key="", content_type="application/edxl+xml")
    assert [message["verdict"] for message in told.json["messages"]] == ["valid", "invalid"]


async def test_sample_is_no_alert(live: Caller) -> None:
    """A good message is shown as it would look, between stamps that say it is a sample; nothing is kept of it."""
    order = author.order(CHIYODA, level=4)
    page = await send(live, order.raw, field="file")
    assert page.text.count("見本です。配信されていません。") == 2
    assert "data:image/svg+xml;base64," in page.text
    assert "千代田区" in page.text
    assert (await live.get("/api/v1/alerts/active")).json["alerts"] == []
    assert (await live.get(f"/alerts/{order.identifier}")).status == 404
    assert order.identifier not in (await live.get("/validate")).text


async def test_what_it_says_is_text(live: Caller) -> None:
    """Nothing in a message becomes a part of the page."""
    evil = '</textarea><script>alert(1)</script><img src=x onerror="alert(1)">'
    for raw in (evil.encode(), BAD.replace(b"<event>", b"<event>" + html.escape(evil).encode())):
        page = await send(live, raw)
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text


ORIGINS = [
    ({}, 200),
    ({"Sec_Fetch_Site": "same-origin"}, 200),
    ({"Sec_Fetch_Site": "none"}, 200),
    ({"Sec_Fetch_Site": "cross-site"}, 403),
    ({"Sec_Fetch_Site": "same-site"}, 403),
    ({"Sec_Fetch_Site": "same-origin", "Origin": "null"}, 200),
    ({"Origin": "https://elsewhere.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "http://[::1"}, 403),
]


async def test_no_other_site_can_send_it(live: Caller) -> None:
    """What the page shows bears the hub's address: only the page itself, or a program, gets something shown.

    Over plain http a browser tells no more than where the form stood: the hub's own address is right.
    """
    raw = author.order(CHIYODA).raw
    for headers, status in (*ORIGINS, ({"Origin": live.url}, 200)):
        page = await send(live, raw, **headers)
        assert page.status == status, headers
        assert ("千代田区" in page.text) == (status == 200)


GOOD_FORM = {"profile": b"jp", "strictness": b"producer", "message": BAD}


FORMS = [
    (multipart(GOOD_FORM), "multipart/form-data; boundary=----b", 200),
    (multipart(GOOD_FORM | {"message": b" "}), "multipart/form-data; boundary=----b", 400),
    (multipart(GOOD_FORM | {"profile": b"us"}), "multipart/form-data; boundary=----b", 400),
    (multipart({"message": BAD}), "multipart/form-data; boundary=----b", 400),
    (multipart({f"x{n}": b"x" for n in range(40)}), "multipart/form-data; boundary=----b", 400),
    (multipart(GOOD_FORM)[:-200], "multipart/form-data; boundary=----b", 400),
    (multipart(GOOD_FORM), "multipart/form-data; boundary=other", 400),
    (multipart(GOOD_FORM), "multipart/form-data", 400),
    (b"", "multipart/form-data; boundary=----b", 400),
    (b"\0" * 5_000, "multipart/form-data; boundary=----b", 400),
    (multipart({"_charset_": b"x" * 99} | GOOD_FORM), "multipart/form-data; boundary=----b", 400),
    (multipart(GOOD_FORM).replace(b"\r\n\r\n", b"\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n", 1),
     "multipart/form-data; boundary=----b", 400),
    (b"message=x", "application/x-www-form-urlencoded", 415),
    (BAD, "application/cap+xml", 415),
    (multipart(GOOD_FORM | {"message": b"x" * (1 << 20)}), "multipart/form-data; boundary=----b", 200),
    (multipart(GOOD_FORM | {"message": b"x" * ((1 << 20) + 1)}), "multipart/form-data; boundary=----b", 413),
    (multipart(GOOD_FORM | {"message": b"x" * ((1 << 20) + 9_000)}), "multipart/form-data; boundary=----b", 413),
]  # fmt: skip


async def test_any_form_is_answered(live: Caller) -> None:
    """What is no such form, or too large, is the sender's mistake, and never ours."""
    for number, (body, content_type, status) in enumerate(FORMS):
        assert (await send_form(live, body, Content_Type=content_type)).status == status, number


async def test_size_must_be_told(live: Caller) -> None:
    """A form that comes in pieces without an end in sight is not waited for."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"------b\r\n"

    async with (
        aiohttp.ClientSession() as session,
        session.post(
            live.url + "/validate", data=pieces(), headers={"Content-Type": "multipart/form-data; boundary=----b"}
        ) as response,
    ):
        assert response.status == 413


async def test_too_often(live: Caller) -> None:
    """Checking is limited by address; the page says when to come back."""
    statuses = []
    while 429 not in statuses and len(statuses) < 400:
        answer = await send(live, b"x")
        statuses.append(answer.status)
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.content_type == "text/html"
    told = await live.post(b"x", path="/api/v1/validate", key="")
    assert (told.status, told.json["title"]) == (429, "limit.rate"), "programs and people count together"


async def test_checks_stand_in_nobodys_way(server: Server, live: Caller) -> None:
    """When the bench is full checks are asked to come again, on the page too; alerts, pages and maps go on."""
    gate, bench = threading.Event(), server.contexts[0].bench
    held = [asyncio.ensure_future(bench.do(gate.wait)) for _ in range(PLACES)]
    await asyncio.sleep(0)
    for answer in (await send(live, BAD), await live.post(BAD, path="/api/v1/validate", key="")):
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
    await live.publish(author.order(CHIYODA))
    assert (await live.get("/map/japan.svg")).status == 200
    gate.set()
    await asyncio.gather(*held)
    assert (await send(live, BAD)).status == 200


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's chromium."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        await started.close()


async def pasted(page: Page, url: str, text: str) -> None:
    """Open the page, paste a message, and have it checked."""
    await page.goto(f"{url}/validate")
    await page.locator("#message").fill(text)
    await page.locator(".go").click()
    await expect(page.locator(".verdict")).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.skipif(IS_MISSING, reason="no /usr/bin/chromium: apt-get install chromium fonts-noto-cjk")
async def test_pasted_and_corrected_without_a_script(browser: Browser, live: Caller) -> None:
    """Paste, see the line, correct it in the form, check again, see the sample: without JavaScript, by a real form."""
    context = await browser.new_context(java_script_enabled=False, viewport=PHONE)  # type: ignore[arg-type]
    page = await context.new_page()
    order = author.order(CHIYODA, level=4).raw.decode()
    await pasted(page, live.url, order.replace("Immediate", "Future"))
    await expect(page.locator(".source > .of-error")).to_contain_text("<urgency>Future")
    assert "Future" in await page.locator("#message").input_value()
    await page.locator("#message").fill(order)
    await page.locator("button[formaction]").click()
    await expect(page.locator(".verdict")).to_contain_text("Nothing is wrong")
    await expect(page.locator(".sample")).to_contain_text("千代田区")
    await context.close()


@pytest.mark.skipif(IS_MISSING, reason="no /usr/bin/chromium: apt-get install chromium fonts-noto-cjk")
@pytest.mark.parametrize(("realm", "schemes"), [("live", ("light", "dark")), ("drill", ("dark",))])
async def test_everybody_can_use_it(
    browser: Browser, live: Caller, drill: Caller, realm: str, schemes: tuple[str, ...]
) -> None:
    """The findings and the sample: nothing grave by axe-core, by day and by night, nothing to be scrolled sideways."""
    url = (live if realm == "live" else drill).url
    order = author.order(CHIYODA, level=4).raw.decode()
    for scheme in schemes:
        page = await browser.new_page(color_scheme=scheme, viewport=PHONE)  # type: ignore[arg-type]
        complaints = Complaints(page)
        for text in (order.replace("Immediate", "Future"), order):
            await pasted(page, url, text)
            assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
            assert await page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
            result = await Axe().run(page, options={"resultTypes": ["violations"]})
            grave = {
                found["id"]: [node["html"][:200] for node in found["nodes"]][:3]
                for found in result["violations"]
                if found["impact"] in ("serious", "critical")
            }
            assert (grave, complaints) == ({}, [])
        await page.close()
