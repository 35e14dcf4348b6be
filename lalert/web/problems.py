"""Errors as RFC 9457 problem documents: for machines as JSON, for people who came with a browser as a page."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
import structlog
from aiohttp import web

from lalert.errors import Defect, LalertError, Rejected, Text, Unavailable
from lalert.store.base import Gap
from lalert.web.answers import PAGE_HEADERS
from lalert.web.context import CONTEXT
from lalert.web.limits import TooMany
from lalert.web.views import Visit

log = structlog.get_logger("lalert.web")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CORRELATION = web.RequestKey("correlation", str)

_BY_STATUS = {
    400: ("http.bad_request", Text("リクエストの形式が正しくありません。", "The request is malformed.")),
    404: ("http.not_found", Text("お探しの情報はありません。", "There is nothing at this address.")),
    405: ("http.method", Text("この操作は受け付けていません。", "This address does not take that method.")),
    413: ("http.too_large", Text("電文が大きすぎます。", "The body is too large.")),
    415: ("http.media_type", Text("この Content-Type は受け付けていません。", "This Content-Type is not accepted.")),
}


def problem_dict(error: LalertError, correlation_id: str) -> dict[str, object]:
    """Return the problem document of `error` (RFC 9457 §3.2; `type` leads to the explanation of the code)."""
    body: dict[str, object] = {
        "type": f"/docs/findings#{error.code}",
        "title": error.code,
        "status": error.status,
        "detail": f"{error.message.ja} / {error.message.en}",
        "errors": [finding.to_dict() for finding in error.findings],
        "correlationId": correlation_id,
    }
    if isinstance(error, Rejected):
        body = error.members | body
    if isinstance(error, Gap):
        body |= {"since": error.since, "cursor": str(error.span.head), "oldest": error.span.oldest}
    return body


def problem(error: LalertError, request: web.Request) -> web.Response:
    """Return the answer that tells `error`: a page for whoever came with a browser, else a problem document."""
    page = _page(error, request)
    response = web.Response(
        body=page or msgspec.json.encode(problem_dict(error, request.get(CORRELATION, ""))),
        status=error.status,
        content_type="text/html" if page else "application/problem+json",
        charset="utf-8" if page else None,
        headers={"Cache-Control": "no-store", "Vary": "Accept"},
    )
    if page:
        response.headers.update(PAGE_HEADERS)
    if isinstance(error, Unavailable | TooMany):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if error.status == 426:
        response.headers.update({"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"})
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="lalert"'
    return response


def _page(error: LalertError, request: web.Request) -> bytes | None:
    """Return the page that tells `error`, if it was a page that was asked for."""
    if "/api/" in request.path or "text/html" not in request.headers.get("Accept", ""):
        return None
    apps = request.match_info.apps
    ctx = apps[-1].get(CONTEXT) if apps else None
    if ctx is None:
        return None
    lang: Literal["ja", "en"] = "en" if request.query.get("lang") == "en" else "ja"
    visit = Visit(now=ctx.hub.clock(), lang=lang)
    return ctx.pages.problem(error, visit, correlation_id=request.get(CORRELATION, ""))


def not_found(what: Text) -> Rejected:
    """Return the rejection for something that is not here."""
    return Rejected(what, code="http.not_found", status=404)


def _from_http(error: web.HTTPException) -> LalertError:
    known = _BY_STATUS.get(error.status)
    code, text = known or (f"http.{error.status}", Text(error.reason, error.reason))
    return Rejected(text, code=code, status=error.status)


@web.middleware
async def correlate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every request an id that its answer, its log lines and its problem document share."""
    correlation_id = secrets.token_hex(8)
    request[CORRELATION] = correlation_id
    structlog.contextvars.bind_contextvars(correlation_id=correlation_id)
    try:
        return await handler(request)
    finally:
        structlog.contextvars.unbind_contextvars("correlation_id")


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever is raised into its problem document; a defect is logged whole and tells the client its id only."""
    try:
        return await handler(request)
    except LalertError as error:
        return problem(error, request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _with_headers(problem(_from_http(error), request), error)
    except Exception:
        log.exception("request.defect", path=request.path, method=request.method)
        text = Text(
            "内部エラーです。受け付けていません。correlationId を添えてお知らせください。",
            "A defect of ours; nothing was accepted. Tell us the correlationId.",
        )
        return problem(Defect(text), request)


def _with_headers(response: web.Response, error: web.HTTPException) -> web.Response:
    for name in ("Allow", "Retry-After"):
        if name in error.headers:
            response.headers[name] = error.headers[name]
    return response
