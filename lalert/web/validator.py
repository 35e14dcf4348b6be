"""The validator page: paste a message or pick a file, and see what is wrong with it and how it would look.

It works without script, has no state and sets no cookie. What is sent is looked at and forgotten.
"""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from lalert.core.inspection import inspect
from lalert.web.answers import PREVIEW_SECURITY_POLICY, answer
from lalert.web.context import Context, context
from lalert.web.form import check_origin, read_form
from lalert.web.report import Setting, bytes_of, report_of, text_of
from lalert.web.site import visit_of
from lalert.web.validation import PROFILES, STRICTNESSES, question_of
from lalert.web.views import Asked, Visit
from lalert.web.visitor import visitor

_FIELDS = ("message", "file", "profile", "strictness")
_EDITABLE_BYTES = 1 << 18
# A form that is sent on must say where it stood (`lalert.web.form`): the other pages tell nobody.
_HEADERS = {"Content-Security-Policy": PREVIEW_SECURITY_POLICY, "Referrer-Policy": "same-origin"}


async def page(request: web.Request) -> web.Response:
    """`GET /validate`: the empty form."""
    ctx, visit = context(request), visit_of(request, {"lang"})
    response = answer(request, ctx.pages.validator(Asked(), None, visit), "text/html")
    response.headers.update(_HEADERS)
    return response


async def check(request: web.Request) -> web.Response:
    """`POST /validate`: the form again, with what was found. 400 where there is nothing to look at."""
    ctx, visit = context(request), visit_of(request, {"lang"})
    check_origin(request)
    ctx.checks.check(visitor(request))
    fields = await read_form(request, _FIELDS)
    raw = fields["file"] or bytes_of(fields["message"])
    profile, strictness = (fields[name].decode("utf-8", "replace") for name in ("profile", "strictness"))
    if profile not in PROFILES or strictness not in STRICTNESSES:
        raise web.HTTPBadRequest
    asked = Asked(profile=profile, strictness=strictness, is_empty=not raw.strip(), text=_kept(raw))
    body = await ctx.bench.do(_checked, ctx, raw, asked, visit)
    status, headers = 400 if asked.is_empty else 200, _HEADERS | {"Cache-Control": "no-store"}
    response = web.Response(body=body, status=status, content_type="text/html", charset="utf-8", headers=headers)
    response.enable_compression()
    return response


def _checked(ctx: Context, raw: bytes, asked: Asked, visit: Visit) -> bytes:
    """Return the page about the document in `raw`. For a worker: a message is read, resolved and drawn."""
    if asked.is_empty:
        return ctx.pages.validator(asked, None, visit)
    question = question_of(ctx, PROFILES[asked.profile], STRICTNESSES[asked.strictness])
    hub = ctx.hub
    setting = Setting(
        realm=hub.realm,
        base=hub.site.base,
        now=question.now,
        lifetime=timedelta(hours=hub.settings.hub.lifetime_h),
        boundaries=hub.boundaries,
        lang=visit.lang,
    )
    return ctx.pages.validator(asked, report_of(raw, inspect(raw, question), setting), visit)


def _kept(raw: bytes) -> str:
    """Return what stands in the form again, so that it can be corrected there; nothing of a large file."""
    return text_of(raw) if len(raw) <= _EDITABLE_BYTES else ""
