"""Where a request comes from. Behind a proxy every peer is the proxy, and limits would count all of them as one."""

from __future__ import annotations

from ipaddress import ip_address

from aiohttp import web

from lalert.settings import Networks
from lalert.web.context import context


def visitor(request: web.Request) -> str:
    """Return the address to count `request` under; it is held in memory for a limit and never written down."""
    trusted = context(request).hub.settings.server.trusted_proxies
    return address_of(request.remote or "", request.headers.getall("X-Forwarded-For", []), trusted)


def address_of(peer: str, forwarded: list[str], trusted: Networks) -> str:
    """Return the nearest address of the way that is no trusted proxy's.

    Each proxy adds the address of its own peer on the right, so what stands left of the first stranger is hearsay: who
    writes the header himself gains nothing. An entry that is no address ends the way at the proxy that sent it.
    """
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    nearest = peer
    while _is_in(nearest, trusted) and hops:
        hop = hops.pop()
        if not _is_address(hop):
            break
        nearest = hop
    return nearest


def _is_in(text: str, networks: Networks) -> bool:
    return _is_address(text) and any(ip_address(text) in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
