"""Where the data are, for commands that work on them beside a running hub."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit, urlunsplit

import click

from lalert.cli.speech import say
from lalert.errors import Text
from lalert.settings import Settings, Storage, load

F = TypeVar("F", bound=Callable[..., Any])


def store_option(command: F) -> F:
    """Add `--store URL`. A URL with a password is refused: every user of the machine can read the arguments."""
    add = click.option(
        "--store",
        "store_url",
        callback=without_password,
        help="共有のRedis / URL of the shared Redis; with a password: LALERT_STORE_URL",
    )
    return add(command)


def storage(*, data: Path | None, store_url: str | None) -> Storage:
    """Return what the file (`LALERT_CONFIG`), the environment and these flags say. Raises `Rejected`."""
    return configured(data=data, store_url=store_url).store


def configured(*, data: Path | None, store_url: str | None = None, config: Path | None = None) -> Settings:
    """Return all settings of the hub: those of `config`, else of `LALERT_CONFIG`. Raises `Rejected`."""
    named = os.environ.get("LALERT_CONFIG")
    flags = {"store.data": None if data is None else str(data), "store.url": store_url}
    return load(config or (Path(named) if named else None), os.environ, flags)


def public(settings: Storage) -> str:
    """Return where it is, without a password."""
    if settings.url is None:
        return str(settings.data)
    parts = urlsplit(settings.url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))


def without_password(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    """Return the URL of a Redis, or None. Raises `UsageError` for one that has a password in it, or is none."""
    if url is not None and _has_password(url):
        message = Text(
            ja="パスワードを含むURLは、環境変数 LALERT_STORE_URL か設定ファイルで指定してください。",
            en="Give a URL that has a password in LALERT_STORE_URL or in the settings file.",
        )
        raise click.UsageError(say(message))
    return url


def _has_password(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.password is not None or "password" in parse_qs(parts.query)
    except ValueError:
        raise click.UsageError(say(Text("URLが正しくありません。", "This is no URL."))) from None
