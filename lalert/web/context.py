"""What the handlers of one realm work with."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from lalert.hub import Hub
from lalert.web.fanout import Fanout
from lalert.web.keyring import Keyring
from lalert.web.limits import Limits


@dataclass(frozen=True, slots=True)
class Context:
    """One realm as its handlers see it."""

    hub: Hub
    fanout: Fanout
    keyring: Keyring
    limits: Limits


CONTEXT = web.AppKey("context", Context)


def context(request: web.Request) -> Context:
    """Return the context of the realm that `request` is for."""
    return request.app[CONTEXT]
