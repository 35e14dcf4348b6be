"""Which addresses the hub may connect to on behalf of somebody who only gave it a URL.

The public internet, and what the operator allowed. Everything else is inside somebody's house: the hub's own services,
the metadata service of a cloud, the neighbour's printer. An IPv4 address inside an IPv6 one counts as what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from lalert.settings import Networks

Address = IPv4Address | IPv6Address

_GLOBAL_V6: Final = IPv6Network("2000::/3")  # all that IANA gives out as global unicast
_NAT64: Final = IPv6Network("64:ff9b::/96")  # RFC 6052 §2.1: the last 32 bits are the IPv4 address
# Public by number, private by use.
_PRIVATE_BY_USE: Final = (
    ip_network("168.63.129.16/32"),  # Azure: the host of the virtual machine
    ip_network("192.88.99.0/24"),  # RFC 7526: the retired anycast of 6to4 relays
)


def may_reach(text: str, allowed: Networks, *, inside_only: bool = False) -> bool:
    """Whether a connection to the address `text` may be made.

    With `inside_only` the public internet is refused, too: plain http is for allowed networks alone.
    """
    meanings = list(_meanings(text))
    if any(address in network for address in meanings for network in allowed):
        return True
    return bool(meanings) and not inside_only and all(map(_is_public, meanings))


def _meanings(text: str) -> Iterator[Address]:
    """Yield the address and every IPv4 address that is packed into it; nothing, if it is none."""
    try:
        address = ip_address(text.partition("%")[0])  # the scope of a link-local address does not matter
    except ValueError:
        return
    inner = _inner(address) if isinstance(address, IPv6Address) else None
    if inner is None or address in _GLOBAL_V6:
        yield address
    if inner is not None:
        yield inner


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv6Address):
        return address in _GLOBAL_V6
    return not any(address in network for network in _PRIVATE_BY_USE)
