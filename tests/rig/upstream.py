"""An upstream that plays feeds on the loopback: what each address answers may be changed at any time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import TracebackType
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web

from lalert.cap.model import Alert
from tests.rig.envelopes import bare

CAP_TYPE = "application/cap+xml"


@dataclass(frozen=True, slots=True)
class Page:
    """What an address answers. With `validated` it has an ETag, and 304 for whoever knows it."""

    body: bytes = field(repr=False)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    validated: bool = True


class Upstream:
    """A server of feeds and messages. `async with` opens it."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: Counter[str] = Counter()
        self.unchanged: Counter[str] = Counter()  # answered with 304
        self.held: dict[str, asyncio.Event] = {}  # addresses that answer only when their event is set

    async def __aenter__(self) -> Upstream:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def put(self, path: str, body: bytes | Alert, **page: object) -> str:
        """Answer `path` with this from now on; return its address."""
        raw = body.raw if isinstance(body, Alert) else body
        self.pages[path] = Page(raw, **page)  # type: ignore[arg-type]
        return self.url + path

    def put_feed(self, path: str, *messages: Alert, updated: str = "1") -> str:
        """Answer `path` with an Atom feed that leads to these messages, each at an address of its own."""
        entries = [entry(self.put(f"/cap/{alert.identifier}", alert), updated=updated) for alert in messages]
        return self.put(path, atom(*entries))

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked[request.path] += 1
        if request.path in self.held:
            await self.held[request.path].wait()
        page = self.pages.get(request.path)
        if page is None:
            return web.Response(status=404)
        etag = sha256(page.body).hexdigest()[:16]
        if page.validated and any(tag.value == etag for tag in request.if_none_match or ()):
            self.unchanged[request.path] += 1
            return web.Response(status=304)
        headers = dict(page.headers) | ({"ETag": f'"{etag}"'} if page.validated else {})
        return web.Response(body=page.body, status=page.status, headers=headers)


def atom(*entries: str) -> bytes:
    """Return an Atom feed of these entries."""
    head = '<?xml version="1.0"?>\n<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:x</id><title>t</title>'
    return (head + "".join(entries) + "</feed>").encode()


def entry(url: str, *, updated: str = "1", kind: str = CAP_TYPE, rel: str = "alternate") -> str:
    """Return an Atom entry that leads to `url`."""
    link = f"<link rel={quoteattr(rel)} type={quoteattr(kind)} href={quoteattr(url)}/>"
    return f"<entry><id>{escape(url)}</id><updated>{updated}</updated>{link}</entry>"


def inline(message: Alert, kind: str = CAP_TYPE) -> str:
    """Return an Atom entry that holds `message`."""
    return f'<entry><id>urn:y</id><content type="{kind}">{bare(message).decode()}</content></entry>'


def rss(*items: str) -> bytes:
    """Return an RSS 2.0 feed of these items."""
    return (
        '<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>' + "".join(items) + "</channel></rss>"
    ).encode()
