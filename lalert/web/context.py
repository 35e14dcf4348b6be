"""What the handlers of one realm work with."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from lalert.core.signatures import Signatures
from lalert.courier import Dispatcher
from lalert.hub import Hub
from lalert.member import Member
from lalert.publishers.cache import Cache
from lalert.web.answers import Document
from lalert.web.bell import Bell
from lalert.web.bench import Bench
from lalert.web.canary import Canary
from lalert.web.desk import Desk
from lalert.web.fanout import Fanout
from lalert.web.followed import Followed
from lalert.web.journal import Journal
from lalert.web.keyring import Keyring
from lalert.web.limits import Limits
from lalert.web.outbound import Outbound
from lalert.web.views import Pages
from lalert.web.watching import Sources


@dataclass(frozen=True, slots=True)
class Context:
    """One realm as its handlers see it."""

    hub: Hub
    fanout: Fanout
    keyring: Keyring
    posts: Limits  # by key
    checks: Limits  # by address: checks without a key; by subscription: tests
    bench: Bench  # where these checks are done
    signups: Limits  # by address: subscriptions of residents
    canary: Canary
    bell: Bell
    pages: Pages
    bulky: Cache[Document]  # large answers, of which few are kept
    outbound: Outbound
    dispatcher: Dispatcher
    desk: Desk
    journal: Journal
    member: Member
    sources: Sources
    signatures: Followed[Signatures]


CONTEXT = web.AppKey("context", Context)


def context(request: web.Request) -> Context:
    """Return the context of the realm that `request` is for."""
    return request.app[CONTEXT]
