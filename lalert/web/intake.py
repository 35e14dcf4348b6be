"""Intake: where alerts come in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from aiohttp import web

from lalert.cap import edxl
from lalert.cap.edxl import Envelope
from lalert.core.model import Role, Sender
from lalert.errors import Finding, LalertError, Rejected, Text
from lalert.hub import Accepted
from lalert.publishers.portrait import portrait
from lalert.render.entry import dump, receipt_to_dict
from lalert.web import envelopes
from lalert.web.context import Context, context
from lalert.web.problems import CORRELATION
from lalert.web.query import Query

_MEDIA_TYPES = frozenset({"application/cap+xml", "application/xml", "text/xml", "application/edxl+xml"})


@dataclass(frozen=True, slots=True)
class _Post:
    """What somebody who may post has posted."""

    sender: Sender
    raw: bytes
    dry_run: bool


async def post_alert(request: web.Request) -> web.Response:
    """`POST /api/v1/alerts`: 201 when it is kept, 200 when it had been; everything else keeps nothing.

    An envelope of several messages is answered for each of them (`lalert.web.envelopes`).
    """
    ctx = context(request)
    with _counting_refusals(ctx):
        post = await _read(request, ctx)
        if not edxl.is_envelope(post.raw):
            return await _receipt(ctx, await _keep(ctx, post, post.raw), post)
        envelope = await envelopes.opened(post.raw)
        for _ in envelope.messages[1:]:
            ctx.posts.check(post.sender.key_id)
        if len(envelope.messages) == 1:
            return await _keep_single(ctx, post, envelope)
    outcomes = await envelopes.keep_all(envelope, partial(_keep_counted, ctx, post))
    correlation_id = request.get(CORRELATION, "")
    return envelopes.answer(envelope, outcomes, ctx.hub.realm, dry_run=post.dry_run, correlation_id=correlation_id)


async def _read(request: web.Request, ctx: Context) -> _Post:
    sender = await ctx.keyring.sender(request, Role.SENDER)
    ctx.posts.check(sender.key_id)
    query = Query(request.query, {"dry_run"})
    dry_run = query.text("dry_run") == "true"
    if query.text("dry_run") not in (None, "true", "false"):
        query.wrong("dry_run", Text("true か false です。", "It is true or false."), "true")
    query.done()
    return _Post(sender, await body_of(request), dry_run)


@contextmanager
def _counting_refusals(ctx: Context) -> Iterator[None]:
    try:
        yield
    except LalertError as error:
        ctx.hub.metrics.posted.labels(ctx.hub.realm.value, error.code).inc()
        raise


async def _keep_counted(ctx: Context, post: _Post, raw: bytes) -> Accepted:
    with _counting_refusals(ctx):
        return await _keep(ctx, post, raw)


async def _keep(ctx: Context, post: _Post, raw: bytes) -> Accepted:
    """Keep one message and count it."""
    metrics, realm = ctx.hub.metrics, ctx.hub.realm.value
    began = ctx.hub.clock()
    accepted = await ctx.hub.accept(raw, post.sender, dry_run=post.dry_run)
    if accepted.created:
        seconds = (ctx.hub.clock() - began).total_seconds()
        metrics.accept_seconds.labels(realm, accepted.entry.priority.label).observe(seconds)
    metrics.posted.labels(realm, "created" if accepted.created else "repeated").inc()
    return accepted


async def _keep_single(ctx: Context, post: _Post, envelope: Envelope) -> web.Response:
    """Answer an envelope of one message like that message; what the envelope left out is told in the receipt."""
    (alert,) = await envelopes.decoded(envelope)
    envelopes.agree(envelope, alert)
    accepted = await _keep(ctx, post, envelope.messages[0].raw)
    return await _receipt(ctx, accepted, post, envelope.findings)


async def _receipt(ctx: Context, accepted: Accepted, post: _Post, more: Sequence[Finding] = ()) -> web.Response:
    entry = replace(accepted.entry, findings=accepted.entry.findings + tuple(more))
    receipt = receipt_to_dict(entry, ctx.hub.realm)
    if post.dry_run:
        faces = await asyncio.to_thread(portrait, entry, ctx.hub.site, ctx.hub.boundaries)
        return _json(dump({"dryRun": True, "receipt": receipt, "faces": faces}), 200)
    return _json(dump(receipt), 201 if accepted.created else 200)


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


def _json(body: bytes, status: int) -> web.Response:
    return web.Response(
        body=body, status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )
