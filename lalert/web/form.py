"""Forms as browsers send them: multipart/form-data (RFC 7578), read in memory and bounded; no file touches the disk."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http import HttpProcessingError

from lalert.errors import Rejected, Text
from lalert.web.context import context

MAX_PARTS: Final = 16

_AROUND_BYTES: Final = 8_192  # boundaries, headers and the small fields beside a message of the size that is allowed
_MALFORMED: Final = (ValueError, RuntimeError, HttpProcessingError)


def check_origin(request: web.Request) -> None:
    """Return if no other site made the browser send this. Raises `Rejected` (`form.origin`, 403).

    Whatever a form shows bears this hub's address: nobody else may have it say "evacuate" by a link on their page.
    Browsers tell where a form stood in `Sec-Fetch-Site`; over plain http in `Origin` alone. Programs say neither.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        is_own = site in ("same-origin", "none")
    else:
        is_own = origin is None or _server(origin) in {request.host, _server(context(request).hub.site.public_url)}
    if not is_own:
        text = Text(
            "他のサイトから送られたため、受け付けていません。この画面を開き直して、送信してください。",
            "Another site sent this form; it was not looked at. Open this page again and send it from here.",
        )
        raise Rejected(text, code="form.origin", status=403)


def _server(url: str) -> str | None:
    try:
        return urlsplit(url).netloc or None
    except ValueError:
        return None


async def read_form(request: web.Request, names: Collection[str]) -> dict[str, bytes]:
    """Return the fields `names` of a posted form, empty where they are not there.

    Raises HTTP 415 for what is no such form, 413 for one that is too large or does not say how large it is, 400 for
    one that cannot be read.
    """
    if request.content_type != "multipart/form-data":
        raise web.HTTPUnsupportedMediaType
    limit = request.client_max_size + _AROUND_BYTES
    if request.content_length is None or request.content_length > limit:
        raise web.HTTPRequestEntityTooLarge(limit, request.content_length or 0)
    fields = dict.fromkeys(names, b"")
    try:
        reader = await request.multipart()
        for _ in range(MAX_PARTS):
            part = await reader.next()
            if part is None:
                return fields
            if isinstance(part, MultipartReader):
                break
            await _take(part, fields)
    except _MALFORMED:
        pass
    raise web.HTTPBadRequest


async def _take(part: BodyPartReader, fields: dict[str, bytes]) -> None:
    """Put a part where it belongs; of what is not asked for nothing is kept."""
    body = bytes(await part.read())
    if part.name in fields and body:
        fields[part.name] = body
