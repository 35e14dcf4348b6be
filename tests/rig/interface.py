"""`openapi.json` as the judge: every answer that a test gets over HTTP is held against it."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files

from jsonschema import Draft202012Validator

OF_THE_PROCESS = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/static/{name}", "/docs/findings", "/drill"}
"""Paths that are there once, and not in each realm."""

_ENDLESS = {"/stream", "/ws"}


@cache
def document() -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    """Return the description of the interface."""
    return json.loads((files("lalert.web") / "openapi.json").read_text("utf-8"))  # type: ignore[no-any-return]


@cache
def paths() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return a pattern for every path of the document, the most literal first."""
    ordered = sorted(document()["paths"], key=lambda path: (path.count("{"), -len(path)))
    return tuple((re.compile(_pattern(path)), path) for path in ordered)


def readable(*, is_drill: bool) -> list[str]:
    """Return the paths of a realm that can be read to their end, as the document writes them."""
    others = _ENDLESS | (OF_THE_PROCESS if is_drill else set())
    return [path for path, operations in document()["paths"].items() if "get" in operations and path not in others]


def _pattern(path: str) -> str:
    return re.sub(r"\\{[a-z_]+\\}", "[^/]+", re.escape(path))


def described(path: str) -> str | None:
    """Return which path of the document `path` (without the realm and the query) is, or None."""
    return next((known for pattern, known in paths() if pattern.fullmatch(path)), None)


@cache
def _validator(known: str, method: str, answer: str, content_type: str) -> Draft202012Validator:
    pointer = [known, method, "responses", answer, "content", content_type, "schema"]
    escaped = "/".join(part.replace("~", "~0").replace("/", "~1") for part in pointer)
    return Draft202012Validator(document() | {"$ref": f"#/paths/{escaped}"})


def validator_of(schema: dict[str, object]) -> Draft202012Validator:
    """Return the validator of a schema of the document."""
    return Draft202012Validator(document() | schema)


def check(method: str, path: str, status: int, content_type: str, body: bytes) -> None:
    """Assert that this answer is one that the document promises: status, media type and, of JSON, its schema."""
    known = described(path)
    if status == 405:
        return  # a method that is not described is not there
    method = "get" if method == "head" else method
    if known is None:
        assert status == 404, f"{method} {path}: answered {status}, and not described"
        return
    operation = document()["paths"][known].get(method)
    if operation is None:
        raise AssertionError(f"{method} {path}: answered {status}, and not described")
    answer = str(status) if status < 500 or str(status) in operation["responses"] else "default"
    promised = operation["responses"].get(answer)
    assert promised is not None, f"{method} {known}: status {status} is not described: {body[:400]!r}"
    contents = promised.get("content", {})
    if not contents:
        return
    assert content_type in contents or known == "/static/{name}", f"{method} {known} {status}: {content_type}"
    if content_type.endswith("json") and body:
        _validator(known, method, answer, content_type).validate(json.loads(body))
