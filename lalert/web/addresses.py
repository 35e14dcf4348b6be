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
# Nobody's server on the internet, though `is_global` says so, in some versions of Python at least.
_NOT_PUBLIC: Final = (
    ip_network("168.63.129.16/32"),  # Azure: the host of the virtual machine
    ip_network("192.0.0.0/24"),  # RFC 6890: protocol assignments; a cloud's metadata service lives there
    ip_network("192.88.99.0/24"),  # RFC 7526: the retired anycast of 6to4 relays
    ip_network("2001::/23"),  # RFC 2928: protocol assignments, Teredo among them
    ip_network("3fff::/20"),  # RFC 9637: documentation
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
    if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
        return False
    return not any(address in network for network in _NOT_PUBLIC)
