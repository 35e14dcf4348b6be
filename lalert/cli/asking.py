"""Asking a hub over HTTP on behalf of somebody at a terminal: answers are values, problems are raised as they came."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from lalert.errors import Finding, LalertError, Rejected, Severity, Text, Unavailable

_PATIENCE_S = 60.0


class _Said(msgspec.Struct):
    ja: str = ""
    en: str = ""


class _Error(msgspec.Struct):
    code: str
    message: _Said
    advice: _Said
    path: str | None = None


class _Problem(msgspec.Struct):
    title: str
    detail: str = ""
    errors: list[_Error] = []


def ask(
    method: str,
    url: str,
    *,
    key_file: Path,
    body: Mapping[str, object] | None = None,
    params: Mapping[str, str] = {},
) -> Any:
    """Return the JSON of the hub's answer, None if it has none. Raises `LalertError` with what the hub said."""
    key = key_file.read_text("utf-8").strip()
    status, raw, wait_s = asyncio.run(_ask(method, url, key, body, params))
    if status < 400:
        return msgspec.json.decode(raw) if raw else None
    raise _told(status, raw, wait_s)


async def _ask(
    method: str, url: str, key: str, body: Mapping[str, object] | None, params: Mapping[str, str]
) -> tuple[int, bytes, int]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    data = None if body is None else msgspec.json.encode(body)
    timeout = aiohttp.ClientTimeout(total=_PATIENCE_S)
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.request(method, url, data=data, params=params, allow_redirects=False) as response,
        ):
            return response.status, await response.read(), int(response.headers.get("Retry-After", "5"))
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unavailable(
            Text(f"{url} に接続できません({error})。", f"No connection to {url} ({error})."), code="cli.connection"
        ) from error


def _told(status: int, raw: bytes, wait_s: int) -> LalertError:
    """Return the error that a problem document tells."""
    try:
        told = msgspec.json.decode(raw, type=_Problem)
    except msgspec.DecodeError:
        told = _Problem(title=f"http.{status}")
    ja, _, en = told.detail.partition(" / ")
    message = Text(ja or f"応答 {status}", en or ja or f"status {status}")
    if status in (429, 503):
        return Unavailable(message, code=told.title, retry_after_s=wait_s)
    return Rejected(message, code=told.title, status=status, findings=[_finding(error) for error in told.errors])


def _finding(error: _Error) -> Finding:
    return Finding(
        code=error.code,
        severity=Severity.ERROR,
        message=Text(error.message.ja, error.message.en),
        advice=Text(error.advice.ja, error.advice.en),
        path=error.path,
    )
