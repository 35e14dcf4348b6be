"""Which addresses may be reached: the public internet, what the operator allowed, nothing in between."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.settings import Networks
from lalert.web.addresses import may_reach

NOBODY = Networks()
PUBLIC = ["1.1.1.1", "203.104.209.71", "2606:4700:4700::1111", "64:ff9b::101:101", "2002:101:101::1"]
INSIDE = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.100.100.200",  # carrier-grade NAT, and the metadata service of a cloud
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
    "3fff::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "4000::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_reached(address: str) -> None:
    """The public internet is open, also where IPv4 is packed into IPv6."""
    assert may_reach(address, NOBODY)


@pytest.mark.parametrize("address", INSIDE)
def test_everything_inside_is_refused(address: str) -> None:
    """Loopback, private, link-local, metadata, multicast, reserved: refused in every way to write them."""
    assert not may_reach(address, NOBODY)


@pytest.mark.parametrize("text", ["", "localhost", "1.1.1", "0x7f000001", "2130706433", "127.1", "1.1.1.1 "])
def test_what_is_no_address_is_refused(text: str) -> None:
    """Only what the socket would take literally is looked at."""
    assert not may_reach(text, NOBODY)


def test_operator_opens_a_network() -> None:
    """What a setting allows is open, also packed into IPv6, and nothing beside it."""
    allowed = Networks.parse("127.0.0.0/30,fd00::/16")
    assert may_reach("127.0.0.1", allowed)
    assert may_reach("::ffff:127.0.0.1", allowed)
    assert may_reach("fd00::1", allowed)
    assert not may_reach("127.0.0.4", allowed)
    assert not may_reach("fd01::1", allowed)


def test_plain_http_stays_inside() -> None:
    """With `inside_only` the public internet is closed, and allowed networks stay open."""
    allowed = Networks.parse("10.0.0.0/8")
    assert may_reach("10.0.0.1", allowed, inside_only=True)
    assert not may_reach("1.1.1.1", allowed, inside_only=True)
    assert not may_reach("192.168.0.1", allowed, inside_only=True)


@given(st.ip_addresses(v=4))
def test_packing_an_address_opens_nothing(address: ipaddress.IPv4Address) -> None:
    """An IPv4 address that may not be reached may not be reached in IPv6 clothes either."""
    number = int(address)
    packed = [f"::ffff:{address}", str(ipaddress.IPv6Address((0x64FF9B << 96) | number))]
    packed.append(str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))))
    assert {may_reach(text, NOBODY) for text in packed} == {may_reach(str(address), NOBODY)}
