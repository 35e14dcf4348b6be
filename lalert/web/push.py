"""Residents over HTTP: subscribe, test, end. Whoever holds the secret that was given out once owns the subscription."""

from __future__ import annotations

import secrets

import structlog
from aiohttp import web

from lalert.core.delivery import Delivered, Gone
from lalert.core.resident import Resident, digest_of
from lalert.errors import Rejected, Text, Unavailable
from lalert.web import wish
from lalert.web.context import Context, context
from lalert.web.problems import not_found
from lalert.web.visitor import visitor

log = structlog.get_logger("lalert.push")

_MOST_BYTES = 16_384
_ID_BYTES, _SECRET_BYTES = 8, 32


async def key(request: web.Request) -> web.Response:
    """`GET /api/v1/push/key`: what browsers subscribe with; it stays as long as the hub's data."""
    body = {"publicKey": context(request).bell.public_key}
    return web.json_response(body, headers={"Cache-Control": "public, max-age=300"})


async def subscribe(request: web.Request) -> web.Response:
    """`POST /api/v1/push/subscriptions`: keep a browser and what it wants; the secret is told this once."""
    ctx = context(request)
    ctx.signups.check(visitor(request))
    allowed = ctx.hub.settings.push.allow_networks
    asked, peer = wish.read(await _body(request), boundaries=ctx.hub.boundaries, allowed=allowed)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    resident = Resident(
        id=secrets.token_hex(_ID_BYTES), digest=digest_of(secret), wish=asked, peer=peer, created_at=ctx.hub.clock()
    )
    await ctx.bell.add(resident)
    log.info("push.subscribed", realm=ctx.hub.realm.value, areas=len(asked.areas), cells=len(asked.cells))
    body = {"id": resident.id, "secret": secret}
    headers = {"Cache-Control": "no-store", "Location": f"{ctx.hub.site.base}/api/v1/push/subscriptions/{resident.id}"}
    return web.json_response(body, status=201, headers=headers)


async def unsubscribe(request: web.Request) -> web.Response:
    """`DELETE /api/v1/push/subscriptions/{id}`: forget it, at once and wholly."""
    ctx = context(request)
    resident = await _own(request, ctx)
    await ctx.bell.remove(resident)
    return web.Response(status=204)


async def test(request: web.Request) -> web.Response:
    """`POST /api/v1/push/subscriptions/{id}/test`: push a test notification to this browser now."""
    ctx = context(request)
    resident = await _own(request, ctx)
    ctx.checks.check(resident.id)
    outcome = await ctx.bell.test(resident)
    if isinstance(outcome, Delivered):
        return web.json_response({"outcome": "delivered"}, headers={"Cache-Control": "no-store"})
    if isinstance(outcome, Gone):
        raise Rejected(_GONE, code="push.gone", status=410)
    raise Unavailable(_NOT_NOW, code="push.service", retry_after_s=60)


async def _body(request: web.Request) -> bytes:
    if request.content_type != "application/json":
        raise Rejected(_JSON, code="http.media_type", status=415)
    body = await request.content.read(_MOST_BYTES + 1)
    while len(body) <= _MOST_BYTES and (more := await request.content.read(_MOST_BYTES + 1 - len(body))):
        body += more
    if len(body) > _MOST_BYTES:
        raise Rejected(_LARGE, code="http.too_large", status=413)
    return body


async def _own(request: web.Request, ctx: Context) -> Resident:
    """Return the subscription that the request names and has the secret of. Raises `Rejected` 401 or 404."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Rejected(_SECRET, code="push.secret", status=401)
    resident = await ctx.hub.store.resident(request.match_info["id"][:64])
    if resident is None or not resident.owns(secret.strip()):
        # Which of the two it is, is nobody's business.
        raise not_found(Text("この登録はありません。", "There is no such subscription."))
    return resident


_JSON = Text("Content-Type は application/json にしてください。", "The Content-Type must be application/json.")
_LARGE = Text("登録内容が大きすぎます。", "The body is too large.")
_SECRET = Text(
    "登録時に渡した secret を Authorization: Bearer … で付けてください。",
    "Send the secret of the subscription as Authorization: Bearer ...",
)
_GONE = Text(
    "このブラウザでは通知が解除されています。登録し直してください。",
    "This browser takes no notifications any more: subscribe again.",
)
_NOT_NOW = Text(
    "プッシュサービスが今は受け付けません。しばらくしてからもう一度試してください。",
    "The push service does not take it just now. Try again later.",
)
