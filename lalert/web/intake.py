"""Intake: where alerts come in, and where a message can be checked without posting it."""

from __future__ import annotations

import msgspec
from aiohttp import web

from lalert.cap import reader
from lalert.core.model import Entry, Role
from lalert.errors import LalertError, Rejected, Text
from lalert.publishers.faces import Faces
from lalert.render.entry import dump, receipt_to_dict
from lalert.render.geojson import alert_to_geojson
from lalert.render.map import alert_map
from lalert.web.context import Context, context
from lalert.web.query import Query
from lalert.web.visitor import visitor

_PROFILES: dict[str, reader.Profile] = {"jp": "jp", "core": "core"}
_MEDIA_TYPES = frozenset({"application/cap+xml", "application/xml", "text/xml"})


async def post_alert(request: web.Request) -> web.Response:
    """`POST /api/v1/alerts`: 201 when it is kept, 200 when it had been; everything else keeps nothing."""
    ctx = context(request)
    metrics, realm = ctx.hub.metrics, ctx.hub.realm
    try:
        with_receipt = await _post(request, ctx)
    except LalertError as error:
        metrics.posted.labels(realm.value, error.code).inc()
        raise
    metrics.posted.labels(realm.value, "created" if with_receipt.status == 201 else "repeated").inc()
    return with_receipt


async def _post(request: web.Request, ctx: Context) -> web.Response:
    sender = await ctx.keyring.sender(request, Role.SENDER)
    ctx.posts.check(sender.key_id)
    query = Query(request.query, {"dry_run"})
    dry_run = query.text("dry_run") == "true"
    if query.text("dry_run") not in (None, "true", "false"):
        query.wrong("dry_run", Text("true か false です。", "It is true or false."), "true")
    query.done()
    raw = await body_of(request)
    began = ctx.hub.clock()
    accepted = await ctx.hub.accept(raw, sender, dry_run=dry_run)
    receipt = receipt_to_dict(accepted.entry, ctx.hub.realm)
    if dry_run:
        return _json(dump({"dryRun": True, "receipt": receipt, "faces": _faces(ctx, accepted.entry)}), 200)
    if accepted.created:
        seconds = (ctx.hub.clock() - began).total_seconds()
        ctx.hub.metrics.accept_seconds.labels(ctx.hub.realm.value, accepted.entry.priority.label).observe(seconds)
    return _json(dump(receipt), 201 if accepted.created else 200)


async def validate(request: web.Request) -> web.Response:
    """`POST /api/v1/validate`: the findings of a message, without a key and without keeping anything."""
    ctx = context(request)
    ctx.checks.check(visitor(request))
    query = Query(request.query, {"profile"})
    asked = query.text("profile") or "jp"
    profile = _PROFILES.get(asked)
    if profile is None:
        query.wrong("profile", Text("jp か core です。", "It is jp or core."), "jp")
    query.done()
    assert profile is not None
    raw = await body_of(request)
    verdict = await ctx.hub.in_worker(reader.read, raw, profile=profile, now=ctx.hub.clock())
    body = {"verdict": verdict.verdict, "findings": [finding.to_dict() for finding in verdict.findings]}
    return _json(dump(body), 200)


async def body_of(request: web.Request) -> bytes:
    """Return the body of a post of CAP XML. Raises `Rejected` 415 and 413, and 400 for an empty one."""
    if request.content_type not in _MEDIA_TYPES:
        text = Text(
            f"Content-Type は application/cap+xml にしてください(受信: {request.content_type[:80]})。",
            f"Send Content-Type: application/cap+xml (got {request.content_type[:80]}).",
        )
        raise Rejected(text, code="http.media_type", status=415)
    if request.headers.get("Content-Encoding", "identity") != "identity":
        text = Text("圧縮した本文は受け付けていません。", "Compressed bodies are not accepted.")
        raise Rejected(text, code="http.content_encoding", status=415)
    raw = await request.read()  # aiohttp answers 413 at the limit that the application was made with
    if not raw:
        raise Rejected(Text("本文がありません。", "The body is empty."), code="http.empty", status=400)
    return raw


def _faces(ctx: Context, entry: Entry) -> dict[str, object]:
    """Return every face that the entry would have."""
    faces = Faces(entry, ctx.hub.site)
    return {
        "entry": msgspec.Raw(faces.json),
        "geojson": alert_to_geojson(entry, base=ctx.hub.site.base),
        "atom": faces.atom.decode(),
        "event": faces.event.decode(),
        "map": alert_map(entry, ctx.hub.boundaries, as_of=entry.at).decode(),
    }


def _json(body: bytes, status: int) -> web.Response:
    return web.Response(
        body=body, status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )
