"""The application: every address in one table, the drill realm below `/drill` with an application of its own."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from lalert.core.model import Realm
from lalert.web import (
    alerts,
    areas,
    endpoints,
    features,
    feeds,
    intake,
    maps,
    ogc,
    operation,
    push,
    receipts,
    site,
    stream,
    validation,
    validator,
    websocket,
)
from lalert.web.context import CONTEXT, Context
from lalert.web.doorman import Doorman
from lalert.web.problems import correlate, explain

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Server": "lalert",
}


def make_app(contexts: Sequence[Context], *, max_body_bytes: int, doorman: Doorman) -> web.Application:
    """Return the application of all realms; the live one is the root."""
    by_realm = {ctx.hub.realm: ctx for ctx in contexts}
    app = web.Application(client_max_size=max_body_bytes, middlewares=[doorman.note, correlate, explain])
    app[operation.REALMS] = tuple(contexts)
    app[CONTEXT] = by_realm[Realm.LIVE]
    app.on_response_prepare.append(_add_headers)
    app.add_routes(_process_routes())
    app.add_routes(_realm_routes())
    drill = web.Application(client_max_size=max_body_bytes)
    drill[CONTEXT] = by_realm[Realm.DRILL]
    drill[operation.REALMS] = (by_realm[Realm.DRILL],)
    drill.add_routes(_realm_routes())
    app.add_subapp("/drill", drill)
    return app


def _process_routes() -> list[web.RouteDef]:
    """Return what there is once, whatever the realm."""
    return [
        web.get("/healthz", operation.healthz),
        web.get("/readyz", operation.readyz),
        web.get("/metrics", operation.metrics),
        web.get("/openapi.json", operation.openapi),
        web.get("/static/{name}", site.static),
        web.get("/docs/findings", site.findings),
        web.get("/drill", site.to_drill),
    ]


def _realm_routes() -> list[web.RouteDef]:
    """Return what every realm has, below its own path."""
    return [
        web.post("/api/v1/alerts", intake.post_alert),
        web.post("/api/v1/validate", validation.validate),
        web.get("/api/v1/alerts/active", alerts.active),
        web.get("/api/v1/alerts/active.geojson", features.active),
        web.get("/api/v1/alerts/{identifier}", alerts.one),
        web.get("/api/v1/alerts/{identifier}/receipts", receipts.receipts),
        web.get("/api/v1/threads/{identifier}", alerts.thread),
        web.get("/api/v1/changes", alerts.changes),
        web.get("/api/v1/areas", areas.search),
        web.get("/api/v1/areas/lookup", areas.lookup),
        web.get("/api/v1/areas/groups", areas.groups),
        web.get("/api/v1/areas/{code}", areas.one),
        web.get("/api/v1/endpoints", endpoints.all_of_mine),
        web.post("/api/v1/endpoints", endpoints.register),
        web.get("/api/v1/endpoints/{id}", endpoints.one),
        web.delete("/api/v1/endpoints/{id}", endpoints.remove),
        web.get("/api/v1/endpoints/{id}/deliveries", endpoints.deliveries),
        web.post("/api/v1/endpoints/{id}/test", endpoints.test),
        web.post("/api/v1/endpoints/{id}/replay", endpoints.replay),
        web.get("/api/v1/push/key", push.key),
        web.post("/api/v1/push/subscriptions", push.subscribe),
        web.delete("/api/v1/push/subscriptions/{id}", push.unsubscribe),
        web.post("/api/v1/push/subscriptions/{id}/test", push.test),
        web.get("/stream", stream.stream, allow_head=False),
        web.get("/ws", websocket.websocket, allow_head=False),
        web.get("/feeds/{name}.atom", feeds.feed),
        web.get("/feeds/{kind}/{name}.atom", feeds.feed),
        web.get("/ogc", ogc.landing),
        web.get("/ogc/", ogc.landing),
        web.get("/ogc/api", ogc.api),
        web.get("/ogc/conformance", ogc.conformance),
        web.get("/ogc/collections", ogc.collections),
        web.get("/ogc/collections/alerts", ogc.collection),
        web.get("/ogc/collections/alerts/items", ogc.items),
        web.get("/ogc/collections/alerts/items/{id}", ogc.item),
        web.get("/status.json", operation.status),
        web.get("/", site.front),
        web.get("/a", site.areas),
        web.get("/a/{code}", site.area),
        web.get("/notify", site.notify),
        web.get("/validate", validator.page),
        web.post("/validate", validator.check),
        web.get("/sw.js", site.service_worker),
        web.get("/alerts/{identifier}", site.alert),
        web.get("/alerts/{identifier}/map.svg", maps.alert_svg),
        web.get("/alerts/{identifier}/map.png", maps.alert_png),
        web.get("/map", site.chart),
        web.get("/map/{name}.geojson", maps.outlines),
        web.get("/map/{code}.svg", maps.place_svg),
        web.get("/map/{code}.png", maps.place_png),
    ]


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
