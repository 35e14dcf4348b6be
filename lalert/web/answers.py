"""Answers that caches may keep: strong ETags, 304, and the freshness that everybody agreed on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from aiohttp import web

# Five seconds for the crowd, thirty while a new one is fetched, a day when we are down: better old than none.
SHARED = "public, max-age=5, stale-while-revalidate=30, stale-if-error=86400"
IMMUTABLE = "public, max-age=31536000, immutable"

# A message's text can never become script, style or a request elsewhere.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "worker-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

# The map's library starts its worker from a blob of its own text, and asks of a data: picture whether it can be read.
# Only that page lets it.
MAP_SECURITY_POLICY = CONTENT_SECURITY_POLICY.replace("worker-src 'self'", "worker-src 'self' blob:").replace(
    "img-src 'self'", "img-src 'self' data:"
)

# The validator draws the map of a message that is kept nowhere: it stands in the page itself, as a picture.
PREVIEW_SECURITY_POLICY = CONTENT_SECURITY_POLICY.replace("img-src 'self'", "img-src 'self' data:")


def etag_of(body: bytes) -> str:
    """Return the strong entity tag of `body`, without quotes."""
    return hashlib.sha256(body).hexdigest()[:24]


def answer(
    request: web.Request,
    body: bytes,
    content_type: str,
    *,
    cache: str = SHARED,
    etag: str | None = None,
    headers: Mapping[str, str] = {},
) -> web.Response:
    """Return 200 with `body`, or 304 when the client has it already."""
    etag = etag or etag_of(body)
    common = {"Cache-Control": cache, "ETag": f'"{etag}"', **headers}
    if matches(request, etag):
        return web.Response(status=304, headers=common)
    response = web.Response(body=body, content_type=content_type, charset=_charset(content_type), headers=common)
    if content_type == "text/html":
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
    if len(body) > 1024:
        response.enable_compression()
    return response


def matches(request: web.Request, etag: str) -> bool:
    """Whether `If-None-Match` names this tag (RFC 9110 §13.1.2; weak comparison)."""
    given = request.if_none_match or ()
    return any(tag.value in (etag, "*") for tag in given)


def _charset(content_type: str) -> str | None:
    return "utf-8" if content_type.startswith("text/") or content_type.endswith("xml") else None
