"""Checking a message without posting it: no key, nothing kept."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from lalert.cap.reader import Profile, Strictness
from lalert.core.inspection import Question, inspect
from lalert.errors import Text
from lalert.render.entry import dump
from lalert.web.context import Context, context
from lalert.web.intake import body_of
from lalert.web.query import Query
from lalert.web.visitor import visitor

PROFILES: Final[dict[str, Profile]] = {"jp": "jp", "core": "core"}
STRICTNESSES: Final = {strictness.value: strictness for strictness in Strictness}


async def validate(request: web.Request) -> web.Response:
    """`POST /api/v1/validate`: the findings of a message or of an envelope, without a key and without keeping it."""
    ctx = context(request)
    ctx.checks.check(visitor(request))
    profile, strictness = _asked(request)
    question = question_of(ctx, profile, strictness)
    inspection = await ctx.bench.do(inspect, await body_of(request), question)
    body = dump(inspection.to_dict())
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})


def question_of(ctx: Context, profile: Profile, strictness: Strictness) -> Question:
    """Return how this hub would look at a message now."""
    hub = ctx.hub
    return Question(
        profile=profile,
        strictness=strictness,
        now=hub.clock(),
        trust=hub.signatures.trust,
        boundaries=hub.boundaries,
    )


def _asked(request: web.Request) -> tuple[Profile, Strictness]:
    query = Query(request.query, {"profile", "strictness"})
    profile, strictness = query.text("profile") or "jp", query.text("strictness") or "producer"
    if profile not in PROFILES:
        query.wrong("profile", Text("jp か core です。", "It is jp or core."), "jp")
    if strictness not in STRICTNESSES:
        query.wrong("strictness", Text("producer か upstream です。", "It is producer or upstream."), "producer")
    query.done()
    return PROFILES[profile], STRICTNESSES[strictness]
