"""Answers that caches may keep: strong ETags, 304, and the freshness that everybody agreed on."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

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

PAGE_HEADERS = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Referrer-Policy": "no-referrer"}

# The map's library starts its worker from a blob of its own text, and asks of a data: picture whether it can be read.
# Only that page lets it.
MAP_SECURITY_POLICY = CONTENT_SECURITY_POLICY.replace("worker-src 'self'", "worker-src 'self' blob:").replace(
    "img-src 'self'", "img-src 'self' data:"
)

# The validator draws the map of a message that is kept nowhere: it stands in the page itself, as a picture.
PREVIEW_SECURITY_POLICY = CONTENT_SECURITY_POLICY.replace("img-src 'self'", "img-src 'self' data:")


_PICTURES = frozenset({"image/png"})  # packed as they are
_DATA = frozenset({"application/json", "application/geo+json"})
_PACKED_FROM = 1024  # bytes: less would not become fewer packets
_PACKING = 6


@dataclass(frozen=True, slots=True)
class Document:
    """A large answer as it is kept: packing and hashing it for everybody who asks would cost more than making it."""

    body: bytes
    content_type: str
    etag: str
    packed: bytes | None

    def __len__(self) -> int:
        return len(self.body) + len(self.packed or b"")

    @classmethod
    def of(cls, body: bytes, content_type: str) -> Document:
        """Return the document of `body`. This takes its time: not on the event loop."""
        packed = gzip.compress(body, _PACKING, mtime=0) if _is_packable(body, content_type) else None
        return cls(body, content_type, etag_of(body), packed)


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
    common = _common(content_type, cache, etag, headers)
    if matches(request, etag):
        return web.Response(status=304, headers=common)
    response = web.Response(body=body, content_type=content_type, charset=_charset(content_type), headers=common)
    if content_type == "text/html":
        response.headers.update(PAGE_HEADERS)
    if _is_packable(body, content_type):
        response.enable_compression()
    return response


def answer_document(request: web.Request, document: Document, *, cache: str = SHARED) -> web.Response:
    """Return 200 with a document that is kept, or 304 when the client has it already."""
    common = _common(document.content_type, cache, document.etag, {})
    if matches(request, document.etag):
        return web.Response(status=304, headers=common)
    body, encoding = document.body, dict[str, str]()
    if document.packed is not None and _takes_gzip(request):
        body, encoding = document.packed, {"Content-Encoding": "gzip"}
    return web.Response(body=body, content_type=document.content_type, headers=common | encoding)


def matches(request: web.Request, etag: str) -> bool:
    """Whether `If-None-Match` names this tag (RFC 9110 §13.1.2; weak comparison)."""
    given = request.if_none_match or ()
    return any(tag.value in (etag, "*") for tag in given)


def _common(content_type: str, cache: str, etag: str, more: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of 200 and 304: a cache between must not hand packed bytes to who cannot unpack them."""
    headers = {"Cache-Control": cache, "ETag": f'"{etag}"', **more}
    if content_type not in _PICTURES:
        headers["Vary"] = ", ".join(filter(None, (more.get("Vary"), "Accept-Encoding")))
    if content_type in _DATA:
        headers["Access-Control-Allow-Origin"] = "*"  # public; maps and portals read it from their own pages
    return headers


def _is_packable(body: bytes, content_type: str) -> bool:
    return len(body) > _PACKED_FROM and content_type not in _PICTURES


def _takes_gzip(request: web.Request) -> bool:
    asked = (one.replace(" ", "").casefold() for one in request.headers.get("Accept-Encoding", "").split(","))
    weights = {name: weight for name, _, weight in (one.partition(";q=") for one in asked)}
    return "gzip" in weights and (not weights["gzip"] or bool(weights["gzip"].strip("0.")))


def _charset(content_type: str) -> str | None:
    return "utf-8" if content_type.startswith("text/") or content_type.endswith("xml") else None
