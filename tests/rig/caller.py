"""A client of the hub's HTTP interface: every answer is whole, and held against `openapi.json`."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from lalert.cap.model import Alert
from tests.rig import interface


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the hub."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        """The media type without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0]

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def codes(self) -> set[str]:
        """The codes of the findings of a problem."""
        return {finding["code"] for finding in self.json["errors"]}


class Caller:
    """Asks the hub at `url` (with `/drill` for drills), with `key` if one is given."""

    def __init__(self, url: str, key: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.key = key
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def __aenter__(self) -> Caller:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str, **headers: str) -> Answer:
        """Return the answer to GET; `headers` are written with underscores."""
        return await self.ask("get", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def post(
        self,
        message: Alert | bytes,
        *,
        key: str | None = None,
        path: str = "/api/v1/alerts",
        content_type: str = "application/cap+xml",
        headers: Mapping[str, str] = {},
    ) -> Answer:
        """Post a message with the caller's key, or with `key` ("" for none)."""
        key = self.key if key is None else key
        sent = {"Content-Type": content_type, **headers}
        if key:
            sent["Authorization"] = f"Bearer {key}"
        raw = message.raw if isinstance(message, Alert) else message
        return await self.ask("post", path, data=raw, headers=sent)

    async def publish(self, message: Alert) -> Any:
        """Post a message that must be accepted as new, and return its receipt."""
        answer = await self.post(message)
        assert answer.status == 201, answer.text
        return answer.json

    async def ask(
        self, method: str, path: str, *, data: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer to any request. Redirects are not followed."""
        async with self._session.request(
            method,
            self.url + path,
            data=None if data is None else io.BytesIO(data),
            headers=headers,
            allow_redirects=False,
        ) as response:
            answer = Answer(response.status, response.headers, await response.read())
        below = urlsplit(self.url + path).path
        realm_path = below.removeprefix("/drill") if below.startswith("/drill/") else below
        interface.check(method, realm_path, answer.status, answer.content_type, answer.body)
        return answer
