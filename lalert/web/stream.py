"""`/stream`: server-sent events."""

from __future__ import annotations

import random

from aiohttp import HttpVersion11, web

from lalert.publishers import sse
from lalert.publishers.framing import CHUNKED, PLAIN
from lalert.web.context import Context, context
from lalert.web.line import Line, Wish, serve, wish_of

_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold events back
    "Access-Control-Allow-Origin": "*",  # the stream is public; signage and portals read it from their own pages
}


async def stream(request: web.Request) -> web.StreamResponse:
    """`GET /stream`: what comes from now on, or from `Last-Event-ID` or `?since=` on."""
    ctx = context(request)
    wish = wish_of(request)
    with ctx.fanout.connection(ctx.hub.settings.server.max_connections):
        return await _stream(request, ctx, wish)


async def _stream(request: web.Request, ctx: Context, wish: Wish) -> web.StreamResponse:
    head = ctx.hub.tail.head  # before the first byte goes out: whoever sees it misses nothing that is posted then
    response = web.StreamResponse(headers=_HEADERS)
    if request.version >= HttpVersion11:
        response.enable_chunked_encoding()  # explicit: the fan-out frames its own chunks
    try:
        await response.prepare(request)
        # Readers that lost us together must not come back together: each gets its own delay.
        retry_ms = int(ctx.hub.settings.stream.retry_ms * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, no secret
        await response.write(sse.retry_line(retry_ms))
    except ConnectionError:
        return response  # the reader left before the first byte
    if request.transport is not None:
        line = Line(request.transport, ctx.fanout, CHUNKED if response.chunked else PLAIN)
        await serve(line, ctx, wish, head)
    return response
