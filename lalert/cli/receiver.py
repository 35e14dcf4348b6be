"""A small receiving program, as a newsroom would have one: it checks each webhook and shows what came.

`lalert demo` runs it beside the hub. It takes what is signed, new and not there yet, and answers within milliseconds:
whatever takes longer belongs behind the answer.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import msgspec
from aiohttp import web

from lalert.publishers import signing

_FRESH_S: Final = 300  # what is older was overheard and is sent again by somebody else
_REMEMBERED: Final = 10_000
_LARGEST: Final = 4 << 20

Entry = dict[str, object]


class Receiver:
    """Takes the webhooks of one endpoint and hands each to `show`, once."""

    def __init__(self, show: Callable[[Entry], None]) -> None:
        self.url = ""
        self._secret = b""
        self._show = show
        self._seen: OrderedDict[str, None] = OrderedDict()

    def trust(self, secret: str) -> None:
        """Take what is signed with this secret (`whsec_...`), known only after the address was registered."""
        self._secret = signing.maybe_secret(secret) or b""

    async def take(self, request: web.Request) -> web.Response:
        """Answer one webhook: 204 when it is ours, also the second time; 401 when it is not signed as it should be."""
        body = await request.read()
        if not self._secret or not is_genuine(self._secret, request.headers, body, now_s=time.time()):
            return web.Response(status=401)
        name = request.headers["webhook-id"]
        if name not in self._seen:
            self._show(msgspec.json.decode(body))
            self._remember(name)  # after it was taken: a failure in between is sent again
        return web.Response(status=204)

    def _remember(self, name: str) -> None:
        self._seen[name] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


def is_genuine(secret: bytes, headers: Mapping[str, str], body: bytes, *, now_s: float) -> bool:
    """Whether a webhook was signed with `secret` within the last minutes."""
    name, given, at = (headers.get(f"webhook-{part}", "") for part in ("id", "signature", "timestamp"))
    if not (name.isascii() and at.isascii() and at.isdigit() and len(at) < 12 and abs(now_s - int(at)) <= _FRESH_S):
        return False
    return signing.is_signed(secret, given=given, id_=name, timestamp=int(at), body=body)


def told(entry: Entry, lang: str) -> str:
    """Return one line about an entry: when, what kind, and its headline; a test has no headline."""
    wording = entry.get("wording")
    headline = wording[lang]["headline"] if isinstance(wording, dict) else entry.get("note", "")
    at = datetime.fromisoformat(str(entry["at"])).astimezone()
    return f"{at:%H:%M:%S}  {entry['kind']!s:7} {headline}"


@asynccontextmanager
async def receiving(show: Callable[[Entry], None], *, port: int = 0) -> AsyncIterator[Receiver]:
    """Run a receiver on a free port of the loopback as long as the context lasts."""
    receiver = Receiver(show)
    app = web.Application(client_max_size=_LARGEST)
    app.router.add_post("/lalert", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/lalert"
        yield receiver
    finally:
        await runner.cleanup()
