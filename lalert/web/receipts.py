"""Receipts: what became of a message on every way out: accepted, kept, at whom it arrived first and last.

They are made out of the delivery log: the couriers note every attempt there, the journal (`web.journal`) what happens
inside the hub. All of it is for people: nothing is ever decided by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from aiohttp import web

from lalert.core.delivery import Attempt
from lalert.core.model import Entry, Role
from lalert.errors import Text
from lalert.publishers.webhook import WAY as WEBHOOK
from lalert.render.entry import dump
from lalert.web.alerts import newest
from lalert.web.context import Context, context
from lalert.web.journal import LOG
from lalert.web.problems import not_found
from lalert.web.query import Query
from lalert.web.visitor import visitor

_MOST_ATTEMPTS: Final = 10_000  # in one receipt

Json = dict[str, object]


async def receipts(request: web.Request) -> web.Response:
    """`GET /api/v1/alerts/{identifier}/receipts`: what became of a message.

    The totals are for everybody; the attempts at each webhook for senders and operators, and for the key whose it is.
    """
    ctx = context(request)
    Query(request.query, {"sender"}).done()
    may_see = await _eyes(request, ctx)
    name = request.match_info["identifier"]
    posted = await newest(ctx.hub, name, request.query.get("sender"))
    if posted is None:
        raise not_found(Text(f"電文 {name[:80]} はありません。", f"There is no message {name[:80]}."))
    await ctx.journal.flush()
    await ctx.dispatcher.flush()
    attempts = await ctx.hub.store.attempts(identifier=name, limit=_MOST_ATTEMPTS)
    body = receipt_of(posted.entry, attempts, may_see) | {"isWhole": len(attempts) < _MOST_ATTEMPTS}
    return web.Response(body=dump(body), content_type="application/json", headers={"Cache-Control": "no-store"})


def receipt_of(entry: Entry, attempts: Iterable[Attempt], may_see: Callable[[str], bool]) -> Json:
    """Return the receipt of `entry` out of the delivery log; `may_see` says which lanes are told one by one."""
    own = sorted((a for a in attempts if a.seq == entry.cursor.seq), key=lambda a: _way(a.lane))
    by_way = {way: list(lines) for way, lines in groupby(own, key=lambda a: _way(a.lane))}
    kept = by_way.pop(LOG, [])
    ways = {way: _totals(lines) for way, lines in by_way.items()}
    if WEBHOOK in ways:
        ways[WEBHOOK]["endpoints"] = _endpoints([a for a in by_way[WEBHOOK] if may_see(a.lane)])
    return {
        "identifier": entry.alert.identifier,
        "sender": entry.alert.sender,
        "cursor": str(entry.cursor),
        "acceptedAt": _iso(entry.at),
        "committedAt": _iso(_end(kept[0])) if kept else None,
        "matched": dict(entry.matched),
        "signatures": [signature.to_dict() for signature in entry.signatures],
        "ways": ways,
    }


def attempt_dict(attempt: Attempt) -> Json:
    """Return one attempt as it is told."""
    return {
        "at": _iso(attempt.at),
        "outcome": attempt.outcome,
        "reason": attempt.reason,
        "tookSeconds": round(attempt.took_s, 6),
    }


async def _eyes(request: web.Request, ctx: Context) -> Callable[[str], bool]:
    """Return which lanes whoever asks may see one by one. Raises `Rejected` for no key, `TooMany` for too much."""
    if "Authorization" not in request.headers:
        ctx.checks.check(visitor(request))
        return lambda _: False
    who = await ctx.keyring.sender(request, *Role)
    ctx.posts.check(who.key_id)
    if who.role is not Role.MEDIA:
        return lambda _: True
    own = ctx.desk.lanes_of(who)
    return lambda lane: lane in own


def _totals(attempts: Sequence[Attempt]) -> Json:
    arrived = [attempt for attempt in attempts if attempt.tally.sent]
    return {
        "firstAt": _iso(min(attempt.at for attempt in arrived)) if arrived else None,
        "lastAt": _iso(max(map(_end, arrived))) if arrived else None,
        "sent": sum(attempt.tally.sent for attempt in attempts),
        "refused": sum(attempt.tally.refused for attempt in attempts),
        "gone": sum(attempt.tally.gone for attempt in attempts),
    }


def _endpoints(attempts: Iterable[Attempt]) -> list[Json]:
    ordered = sorted(attempts, key=lambda attempt: attempt.lane)  # stable: in order of time within an endpoint
    return [
        {"id": lane.partition(":")[2], "attempts": [attempt_dict(attempt) for attempt in lines]}
        for lane, lines in groupby(ordered, key=lambda attempt: attempt.lane)
    ]


def _way(lane: str) -> str:
    return lane.partition(":")[0]


def _end(attempt: Attempt) -> datetime:
    return attempt.at + timedelta(seconds=attempt.took_s)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
