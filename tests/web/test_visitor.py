"""Who is counted: the peer, or whom a trusted proxy names; nobody can name himself."""

from __future__ import annotations

import ipaddress

import pytest

from lalert.settings import Networks
from lalert.web.visitor import address_of

NOBODY = Networks()
OURS = Networks([ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")])


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "counted"),
    [
        ("198.51.100.7", [], OURS, "198.51.100.7"),
        ("198.51.100.7", ["203.0.113.9"], OURS, "198.51.100.7"),  # a stranger says who he is
        ("10.0.0.1", ["203.0.113.9"], NOBODY, "10.0.0.1"),  # no proxy was named
        ("10.0.0.1", ["203.0.113.9"], OURS, "203.0.113.9"),
        ("10.0.0.1", ["192.0.2.1, 203.0.113.9"], OURS, "203.0.113.9"),  # what a stranger adds on the left is hearsay
        ("10.0.0.1", ["203.0.113.9, 10.0.0.2"], OURS, "203.0.113.9"),  # two proxies of ours
        ("10.0.0.1", ["203.0.113.9", "10.0.0.2"], OURS, "203.0.113.9"),  # in two lines
        ("fd00::1", ["2001:db8::5"], OURS, "2001:db8::5"),
        ("10.0.0.1", [], OURS, "10.0.0.1"),
        ("10.0.0.1", ["unknown"], OURS, "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, <script>"], OURS, "10.0.0.1"),
        ("", ["203.0.113.9"], OURS, ""),  # a socket without an address
    ],
)
def test_the_nearest_stranger_is_counted(peer: str, forwarded: list[str], trusted: Networks, counted: str) -> None:
    """Trusted proxies are believed, each for its own peer; what stands beyond the first stranger is not read."""
    assert address_of(peer, forwarded, trusted) == counted
