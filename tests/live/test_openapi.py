"""`openapi.json` and the router: neither knows an address that the other does not."""

from __future__ import annotations

import asyncio
import re

from aiohttp import web
from openapi_spec_validator import validate

from lalert.web.app import make_app
from lalert.web.doorman import Doorman
from lalert.web.server import Server
from tests.rig import interface
from tests.rig.caller import Caller

METHODS = {"get", "put", "post", "delete", "patch"}


def operations() -> list[tuple[str, str, dict[str, object]]]:
    """Return (path, method, operation) of everything that the document describes."""
    paths = interface.document()["paths"]
    return [(path, name, item[name]) for path, item in paths.items() for name in item if name in METHODS]


def routes(app: web.Application, prefix: str = "") -> set[tuple[str, str]]:
    """Return (method, path) of every route, HEAD aside: it is GET without a body."""
    found = set()
    for resource in app.router.resources():
        path = resource.canonical
        if isinstance(resource, web.PrefixedSubAppResource):
            continue
        found |= {(route.method.lower(), prefix + path) for route in resource if route.method != "HEAD"}
    return found


async def test_router_and_description_agree(server: Server) -> None:
    """Every route of the live realm and of the process is described, and everything described is there."""
    app = make_app(server.contexts, max_body_bytes=4096, doorman=Doorman())
    described = {(method, path) for path, method, _ in operations()}
    assert routes(app) == described


async def test_drill_has_the_same_paths(server: Server) -> None:
    """The drill realm has every path of the live realm, below `/drill`; only the process itself is there once."""
    app = make_app(server.contexts, max_body_bytes=4096, doorman=Doorman())
    (drill,) = (r for r in app.router.resources() if isinstance(r, web.PrefixedSubAppResource))
    below = {(route.method.lower(), route.resource.canonical) for route in drill if route.resource is not None}
    below = {(method, path) for method, path in below if method != "head"}
    assert below == {(m, "/drill" + p) for m, p in routes(app) if p not in interface.OF_THE_PROCESS}


async def test_description_is_served_and_valid(live: Caller) -> None:
    """What `/openapi.json` says is OpenAPI 3.1 by the specification's own schema."""
    answer = await live.get("/openapi.json")
    await asyncio.to_thread(validate, answer.json)  # half a second of work that is not the hub's
    assert answer.json == interface.document()


def test_examples_are_what_they_exemplify() -> None:
    """Every example in the document fits the schema that it stands in."""
    found = 0
    for schema in interface.document()["components"]["schemas"].values():
        for example in schema.get("examples", ()):  # type: ignore[attr-defined]
            interface.validator_of(schema).validate(example)
            found += 1
    assert found


def test_every_operation_has_a_name_of_its_own() -> None:
    """`operationId` is unique: generators of clients make one function of each."""
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][A-Za-z]+", str(name)) for name in names)


def test_every_reference_leads_somewhere() -> None:
    """No `$ref` is dangling, and no schema is left over."""
    text = str(interface.document())
    named = set(re.findall(r"#/components/schemas/(\w+)", text))
    assert named == set(interface.document()["components"]["schemas"])
