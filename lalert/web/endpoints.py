"""`/api/v1/endpoints`: where the media have alerts sent. The signing secret is in one answer only, that of the POST."""

from __future__ import annotations

from aiohttp import web

from lalert.core.delivery import LaneState
from lalert.core.endpoint import Endpoint
from lalert.core.model import Role, Sender
from lalert.errors import Rejected, Text
from lalert.publishers import signing
from lalert.publishers.webhook import lane_of
from lalert.render.entry import dump
from lalert.web import registration
from lalert.web.context import Context, context
from lalert.web.query import Query
from lalert.web.receipts import attempt_dict

_MOST_DELIVERIES = 1_000
_DELIVERIES = 100

Json = dict[str, object]


async def register(request: web.Request) -> web.Response:
    """`POST /api/v1/endpoints`: have alerts sent from now on; 201 with the signing secret, shown this once."""
    ctx, who = await _asked(request)
    if request.content_type != "application/json":
        text = Text("Content-Type は application/json にしてください。", "Send Content-Type: application/json.")
        raise Rejected(text, code="http.media_type", status=415)
    wish = await registration.read(await request.read(), boundaries=ctx.hub.boundaries, outbound=ctx.outbound)
    endpoint = await ctx.desk.register(who, wish)
    told = (await _told(ctx, endpoint))[0] | {"secret": signing.secret_text(endpoint.secret)}
    response = _json(told, 201)
    response.headers["Location"] = f"{ctx.hub.site.base}/api/v1/endpoints/{endpoint.id}"
    return response


async def all_of_mine(request: web.Request) -> web.Response:
    """`GET /api/v1/endpoints`: those that the key manages, and how they do."""
    ctx, who = await _asked(request)
    return _json({"endpoints": await _told(ctx, *ctx.desk.of(who))})


async def one(request: web.Request) -> web.Response:
    """`GET /api/v1/endpoints/{id}`."""
    ctx, who = await _asked(request)
    return _json((await _told(ctx, _named(request, ctx, who)))[0])


async def remove(request: web.Request) -> web.Response:
    """`DELETE /api/v1/endpoints/{id}`: nothing more is sent there; 204."""
    ctx, who = await _asked(request)
    await ctx.desk.remove(who, _named(request, ctx, who))
    return web.Response(status=204)


async def deliveries(request: web.Request) -> web.Response:
    """`GET /api/v1/endpoints/{id}/deliveries?limit=`: every attempt, the newest first."""
    ctx, who = await _asked(request, "limit")
    query = Query(request.query, {"limit"})
    limit = query.integer("limit", 1, _MOST_DELIVERIES) or _DELIVERIES
    query.done()
    endpoint = _named(request, ctx, who)
    await ctx.dispatcher.flush()
    attempts = await ctx.hub.store.attempts(lane=lane_of(endpoint.id), limit=limit)
    told = [{"identifier": a.identifier, "seq": a.seq or None, **attempt_dict(a)} for a in reversed(attempts)]
    return _json({"deliveries": told})


async def test(request: web.Request) -> web.Response:
    """`POST /api/v1/endpoints/{id}/test`: post a test message now, and say what became of it."""
    ctx, who = await _asked(request)
    endpoint = _named(request, ctx, who)
    ctx.signups.check(endpoint.id)  # it is no gun to point at others
    name, attempt = await ctx.desk.test(endpoint)
    return _json({"webhookId": name, **attempt_dict(attempt)})


async def replay(request: web.Request) -> web.Response:
    """`POST /api/v1/endpoints/{id}/replay?since=CURSOR`: send everything after a position once more; 202."""
    ctx, who = await _asked(request, "since")
    query = Query(request.query, {"since"})
    since = query.cursor("since")
    if since is None and not request.query.get("since"):
        query.wrong("since", Text("必須です。", "It is required."), "k3f9-1042")
    query.done()
    assert since is not None
    endpoint = _named(request, ctx, who)
    await ctx.desk.replay(who, endpoint, since)
    return _json({"id": endpoint.id, "since": str(since)}, 202)


async def _asked(request: web.Request, *known: str) -> tuple[Context, Sender]:
    """Return the realm and who asks.

    Raises `Rejected` without a media or operator key, `TooMany` for too much, `Unavailable` while the endpoints cannot
    be read: that there are none must not be said by mistake.
    """
    ctx = context(request)
    who = await ctx.keyring.sender(request, Role.MEDIA, Role.OPERATOR)
    ctx.posts.check(who.key_id)
    Query(request.query, known).done()
    await ctx.desk.load()
    return ctx, who


def _named(request: web.Request, ctx: Context, who: Sender) -> Endpoint:
    return ctx.desk.one(who, request.match_info["id"])


async def _told(ctx: Context, *endpoints: Endpoint) -> list[Json]:
    lanes = await ctx.desk.states(endpoints)
    return [_one_told(endpoint, lane) for endpoint, lane in zip(endpoints, lanes, strict=True)]


def _one_told(endpoint: Endpoint, lane: LaneState) -> Json:
    ended = endpoint.ended_at
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "format": endpoint.format,
        "filter": registration.filter_dict(endpoint.subscription),
        "createdAt": endpoint.created_at.isoformat(timespec="seconds"),
        "state": "ended" if ended else "failing" if lane.failures else "active",
        "cursor": str(lane.cursor),
        "failures": lane.failures,
        "failingSince": lane.failing_since.isoformat(timespec="seconds") if lane.failing_since else None,
        "nextAttemptAt": lane.resume_at.isoformat(timespec="seconds") if lane.resume_at and not ended else None,
        "endedAt": ended.isoformat(timespec="seconds") if ended else None,
        "endReason": endpoint.end_reason,
    }


def _json(body: Json, status: int = 200) -> web.Response:
    return web.Response(
        body=dump(body), status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )
