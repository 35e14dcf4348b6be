"""The wish for a webhook: everything that is wrong with it is said at once, and nothing private is reached."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from lalert.core.model import Subscription
from lalert.errors import Rejected
from lalert.geo.boundaries import BoundarySet
from lalert.settings import Networks, Push
from lalert.web import registration
from lalert.web.outbound import Outbound
from lalert.web.registration import Registration

URL = "https://media.example.jp/lalert?x=1"


class Names(AbstractResolver):
    """A name service with one answer for everybody; none at all raises."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the answer."""
        if not self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


async def read(
    japan: BoundarySet, body: object, *, addresses: Sequence[str] = ("203.104.209.71",), allow: str = ""
) -> Registration:
    """Read a registration whose host has these addresses."""
    push = Push(allow_networks=Networks.parse(allow) if allow else Networks())
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await registration.read(raw, boundaries=japan, outbound=Outbound(push, resolver=Names(addresses)))


async def wrong(japan: BoundarySet, body: object, **more: object) -> dict[str, str]:
    """Return the findings of a registration that cannot be: path -> code."""
    with pytest.raises(Rejected) as caught:
        await read(japan, body, **more)  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.status) == ("endpoint.invalid", 422)
    return {finding.path or "": finding.code for finding in caught.value.findings}


async def test_least_that_can_be_asked_for(japan: BoundarySet) -> None:
    """A URL is enough: everything, as JSON."""
    assert await read(japan, {"url": URL}) == Registration(URL, "json", Subscription())


async def test_filter_has_the_names_of_the_stream(japan: BoundarySet) -> None:
    """Lists may be arrays or comma lists, numbers numbers or text; what was asked is told back."""
    given = {
        "area": ["13", "142018"],
        "min_level": 3,
        "hazard": "flood,tsunami",
        "category": ["Met"],
        "include": "system",
    }
    asked = await read(japan, {"url": URL, "format": "cap", "filter": given})
    assert asked.subscription == Subscription(
        areas=frozenset({"13", "142018"}),
        min_level=3,
        hazards=frozenset({"flood", "tsunami"}),
        categories=frozenset({"Met"}),
        system=True,
    )
    told = registration.filter_dict(asked.subscription)
    assert told == given | {"hazard": ["flood", "tsunami"], "include": ["system"]}
    again = await read(japan, {"url": URL, "format": "cap", "filter": told})
    assert again == asked


async def test_point_is_told_back_as_it_is_written(japan: BoundarySet) -> None:
    """Latitude first, as in the query."""
    asked = await read(japan, {"url": URL, "filter": {"point": "35.69,139.75", "lang": "en"}})
    assert asked.subscription.point == (139.75, 35.69)
    assert registration.filter_dict(asked.subscription) == {"point": "35.69,139.75", "lang": "en"}


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'"x"', b"\xff", b"[" * 100_000])
async def test_body_is_an_object(japan: BoundarySet, body: bytes) -> None:
    """What is no JSON object is refused as such."""
    with pytest.raises(Rejected) as caught:
        await read(japan, body)
    assert (caught.value.code, caught.value.status) == ("http.json", 400)


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "",
        "media.example.jp",
        "ftp://media.example.jp/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://media.example.jp:0/",
        "https://media.example.jp:99999/",
        "https://media.example.jp:x/",
        "https://[::1/",
        "https://media.example.jp/a b",
        "https://media.example.jp/\r\nX: y",
        "https://例え.jp/",
        "https://media.example.jp/" + "x" * 2_048,
        "https://user:pass@media.example.jp/",
        "https://user@media.example.jp/",
        "https://media.example.jp/#top",
    ],
)
async def test_url_is_absolute_and_plain(japan: BoundarySet, url: object) -> None:
    """Another scheme, no host, a bad port, blanks, credentials: no endpoint, and a password is never told back."""
    assert await wrong(japan, {"url": url}) == {"/url": "endpoint.url"}
    with pytest.raises(Rejected) as caught:
        await read(japan, {"url": url})
    assert "pass@" not in str(caught.value.findings)


@pytest.mark.parametrize(
    ("url", "addresses", "code"),
    [
        (URL, [], "endpoint.name"),
        (URL, ["127.0.0.1"], "endpoint.address"),
        (URL, ["203.104.209.71", "169.254.169.254"], "endpoint.address"),
        ("http://media.example.jp/", ["203.104.209.71"], "endpoint.scheme"),
        ("http://media.example.jp/", ["10.0.0.1"], "endpoint.address"),
    ],
)
async def test_host_is_looked_up_first(japan: BoundarySet, url: str, addresses: Sequence[str], code: str) -> None:
    """A name that nobody knows, one with a private address among others, plain http outside: said at once."""
    assert await wrong(japan, {"url": url}, addresses=addresses) == {"/url": code}


async def test_allowed_network_takes_http(japan: BoundarySet) -> None:
    """Inside what the operator opened, plain http is enough."""
    url = "http://newsroom.example.jp:8080/in"
    assert (await read(japan, {"url": url}, addresses=["10.1.2.3"], allow="10.0.0.0/8")).url == url


async def test_everything_wrong_is_said_at_once(japan: BoundarySet) -> None:
    """One answer names every mistake, each with its JSON Pointer and a word of advice in both languages."""
    body = {
        "url": "ftp://x",
        "format": "xml",
        "secret/x": "mine",
        "filter": {"area": ["999999"], "min_level": 9, "levl": 3, "hazard": {"a": 1}, "category": ["Met,Geo"]},
    }
    assert await wrong(japan, body) == {
        "/url": "endpoint.url",
        "/format": "endpoint.format",
        "/secret~1x": "endpoint.unknown",
        "/filter/area": "query.value",
        "/filter/min_level": "query.value",
        "/filter/levl": "query.unknown",
        "/filter/hazard": "endpoint.filter",
        "/filter/category": "endpoint.filter",
    }
    with pytest.raises(Rejected) as caught:
        await read(japan, body)
    assert all(f.message.ja and f.message.en and f.advice.ja and f.advice.en for f in caught.value.findings)


@pytest.mark.parametrize("value", [[], "area=13", None, 3])
async def test_filter_is_an_object(japan: BoundarySet, value: object) -> None:
    """A filter of another form is refused as a whole."""
    assert await wrong(japan, {"url": URL, "filter": value}) == {"/filter": "endpoint.filter"}


@pytest.mark.parametrize("value", [True, None, 1.5, [1], [["13"]]])
async def test_values_of_a_filter_are_plain(japan: BoundarySet, value: object) -> None:
    """A value is a text, a whole number or an array of texts."""
    assert await wrong(japan, {"url": URL, "filter": {"area": value}}) == {"/filter/area": "endpoint.filter"}
