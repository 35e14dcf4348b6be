"""`/ws`: the stream as messages of a WebSocket (RFC 6455), for whoever would rather not read server-sent events.

One more reader of the log: filters, replay, fan-out, pace and farewell are those of `/stream`; only the framing
differs. The way back carries nothing: what a client says is read, so that its pings are answered and its leaving is
seen, and dropped. It changes no subscription, for a filter that changes in flight has no position in the log.

Reading is public, so `Origin` is not asked: no cookie or key goes along that another site's page could make use of.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import HttpVersion11, WSCloseCode, WSMsgType, web

from lalert.errors import Rejected, Text
from lalert.publishers.framing import WEBSOCKET
from lalert.web.context import Context, context
from lalert.web.line import Line, Wish, serve, wish_of

_HEARD_BYTES: Final = 4096  # of one message; more is 1009
_PACE_S: Final = 0.01  # after each message of a client: whoever floods us fills its own buffers
_PARTING_S: Final = 2.0  # until a client that was told 1001 has to have gone

_NO_UPGRADE: Final = Text(
    "WebSocket の接続要求ではありません。ws:// または wss:// で接続するか、/stream を使ってください。",
    "This is no WebSocket handshake. Connect by ws:// or wss://, or read /stream.",
)


async def websocket(request: web.Request) -> web.StreamResponse:
    """`GET /ws`: what comes from now on, or from `?since=` or `Last-Event-ID` on.

    Raises `Rejected`: 400 for mistakes in the query, 426 for what is no handshake; `Unavailable` for one too many.
    """
    ctx = context(request)
    wish = wish_of(request)
    # Not compressed: a compressor a client costs memory and time a client, and nothing could be written to all.
    socket = web.WebSocketResponse(
        autoping=False, compress=False, max_msg_size=_HEARD_BYTES, timeout=_PARTING_S, decode_text=False
    )
    if not _can_upgrade(request, socket):
        raise Rejected(_NO_UPGRADE, code="stream.upgrade", status=426)
    with ctx.fanout.connection(ctx.hub.settings.server.max_connections):
        return await _websocket(request, ctx, wish, socket)


def _can_upgrade(request: web.Request, socket: web.WebSocketResponse[bool]) -> bool:
    try:
        return request.version >= HttpVersion11 and bool(socket.can_prepare(request))
    except ValueError:
        return False  # a key that is no ASCII


async def _websocket(
    request: web.Request, ctx: Context, wish: Wish, socket: web.WebSocketResponse[bool]
) -> web.StreamResponse:
    head = ctx.hub.tail.head  # before the first byte goes out: whoever sees it misses nothing that is posted then
    try:
        await socket.prepare(request)
    except ConnectionError:
        return socket  # the reader left before the first byte
    if request.transport is None:
        return socket
    hearing = asyncio.create_task(_hear(socket))
    try:
        await serve(Line(request.transport, ctx.fanout, WEBSOCKET), ctx, wish, head)
    finally:
        hearing.cancel()
        await asyncio.wait([hearing])
    await socket.close(code=WSCloseCode.GOING_AWAY, drain=False)
    return socket


async def _hear(socket: web.WebSocketResponse[bool]) -> None:
    """Answer pings and drop all else until the client closes, or says what is no WebSocket; aiohttp then ends it."""
    async for said in socket:
        if said.type is WSMsgType.ERROR:
            return
        if said.type is WSMsgType.PING:
            await socket.pong(said.data)
        await asyncio.sleep(_PACE_S)
