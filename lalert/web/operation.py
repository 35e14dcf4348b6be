"""For operators and machines: is it alive, is it ready, what does it measure, what can be asked of it."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.resources import files

from aiohttp import web

from lalert import __version__
from lalert.errors import LalertError
from lalert.web.answers import SHARED, answer
from lalert.web.bell import Bell
from lalert.web.context import Context

REALMS = web.AppKey("realms", tuple[Context, ...])


async def healthz(_: web.Request) -> web.Response:
    """`GET /healthz`: the process answers. Nothing else is asked."""
    return web.json_response({"status": "ok", "version": __version__}, headers={"Cache-Control": "no-store"})


async def readyz(request: web.Request) -> web.Response:
    """`GET /readyz`: whether posts can be kept. Readers are served from memory even when this says 503.

    It is 200 while residents are still being read, too: what comes meanwhile is pushed to them afterwards.
    """
    contexts = request.app[REALMS]
    # At the same time: a store that hangs takes as long as one may, not twice that.
    asked = await asyncio.gather(*map(_state, contexts))
    states = {ctx.hub.realm.value: state for ctx, state in zip(contexts, asked, strict=True)}
    ready = all(state["store"] == "ok" for state in states.values())
    body = {"status": "ok" if ready else "degraded", "realms": states}
    return web.json_response(body, status=200 if ready else 503, headers={"Cache-Control": "no-store"})


async def _state(ctx: Context) -> dict[str, object]:
    try:
        span = await ctx.hub.store.span()
    except LalertError as error:
        return {"store": error.code, "residents": _residents(ctx.bell)}
    failing = ctx.hub.failing_since
    return {
        "store": "ok" if failing is None else "refuses writes since " + failing.isoformat(timespec="seconds"),
        "cursor": str(span.head),
        "residents": _residents(ctx.bell),
    }


def _residents(bell: Bell) -> str:
    return "ok" if bell.is_complete else bell.fault or "reading"


async def status(request: web.Request) -> web.Response:
    """`GET /status.json`: who is connected, when something was heard last, how old the newest canary is."""
    realms = {ctx.hub.realm.value: _status(ctx) for ctx in request.app[REALMS]}
    return web.json_response({"version": __version__, "realms": realms}, headers={"Cache-Control": "no-store"})


def _status(ctx: Context) -> dict[str, object]:
    hub = ctx.hub
    now = hub.clock()
    return {
        "boundaries": {"version": hub.boundaries.version, "fault": hub.atlas.fault.code if hub.atlas.fault else None},
        "cursor": str(hub.tail.head),
        "inForce": len(hub.situation.in_force()),
        "streams": len(ctx.fanout),
        "residents": {"known": ctx.bell.census.read, "complete": ctx.bell.is_complete, "fault": ctx.bell.fault or None},
        "node": _node(ctx),
        "lastChange": hub.changed_at.isoformat(timespec="seconds"),
        "storeFailingSince": hub.failing_since.isoformat(timespec="seconds") if hub.failing_since else None,
        "canaryAgeSeconds": {way: round((now - seen).total_seconds(), 1) for way, seen in ctx.canary.seen.items()},
        "sources": ctx.sources.watch.to_list(),
        "now": now.isoformat(timespec="seconds"),
    }


def _node(ctx: Context) -> dict[str, object]:
    """Which node this is among those that share the log, and what it does of their work."""
    member, table = ctx.member, ctx.member.table
    return {
        "name": member.name,
        "alive": len(table.living) if table is not None else 0,
        "shares": member.shares,
        "isClock": member.is_clock,
    }


async def metrics(request: web.Request) -> web.Response:
    """`GET /metrics`: Prometheus text."""
    contexts = request.app[REALMS]
    for ctx in contexts:
        ctx.hub.observe()
        ctx.dispatcher.observe()
    page = contexts[0].hub.metrics.page()
    return web.Response(body=page, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


@cache
def _openapi() -> bytes:
    return (files("lalert.web") / "openapi.json").read_bytes()


async def openapi(request: web.Request) -> web.Response:
    """`GET /openapi.json`: the description of this interface."""
    return answer(request, _openapi(), "application/json", cache=SHARED)
