"""What a command is given to look at: files, folders, standard input, addresses on the web. Bounded, whatever it is.

Somebody at a terminal may fetch from wherever they may connect to: their own network is not closed to them. A password
in an address is used and never shown, nor is its query: keys of services are often there. An address with a password
is not redirected: what is meant for one server is not handed on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from lalert.cli.reasons import reason_of
from lalert.core.model import Realm
from lalert.errors import Text, Unavailable
from lalert.settings import Networks
from lalert.sources.fetching import Unfetched
from lalert.sources.source import Source
from lalert.web.fetcher import Fetcher

STDIN: Final = "-"
MAX_FILES: Final = 100_000  # of one folder

_EVERYWHERE: Final = Networks.parse("0.0.0.0/0,::/0")
_PATIENCE_S: Final = 20.0
_ACCEPT: Final = {
    "Accept": "application/cap+xml, application/edxl+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1"
}


class Material(click.ParamType[str]):
    """A file or folder that is there, `-`, or an http(s) address."""

    name = "file|url"
    _paths = click.Path(exists=True, allow_dash=True)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return what was given. Fails (usage, 2) for a path where nothing is and an address without a server."""
        if not is_url(value):
            return str(self._paths.convert(value, param, ctx))
        try:
            parts = urlsplit(value)
            has_server = bool(parts.hostname) and parts.port != 0
        except ValueError:
            has_server = False
        if not has_server:
            self.fail(f"{shown(value)}: no server in this address", param, ctx)
        return value


def is_url(name: str) -> bool:
    """Whether `name` is an address on the web, not a path."""
    return name.lower().startswith(("https://", "http://"))


def shown(name: str) -> str:
    """Return `name` as it may be shown: an address without name, password, query and fragment."""
    if not is_url(name):
        return name
    scheme, _, rest = name.partition("://")
    server, slash, path = rest.partition("/")
    bare = server.rpartition("@")[2] + slash + path
    return f"{scheme}://{bare.partition('#')[0].partition('?')[0]}"


def spread(names: Iterable[str]) -> Iterator[str]:
    """Yield `names`; in place of a folder its XML and CAP files, those of its folders too, by name."""
    for name in names:
        if name == STDIN or is_url(name) or not Path(name).is_dir():
            yield name
        else:
            files = (path for path in Path(name).rglob("*") if path.suffix.lower() in (".xml", ".cap"))
            yield from sorted(str(path) for path, _ in zip(files, range(MAX_FILES), strict=False) if path.is_file())


def read(name: str, *, limit: int) -> bytes:
    """Return at most `limit` bytes of what is there.

    Raises `OSError` for a file that cannot be read, `Unavailable` (`cli.url`) for an address that does not give it.
    """
    if is_url(name):
        return asyncio.run(_fetched(name, limit))
    with click.open_file(name, "rb") as stream:
        raw: bytes = stream.read(limit)
    return raw


async def _fetched(url: str, limit: int) -> bytes:
    source = Source(
        name="validate",
        url=url,
        realm=Realm.LIVE,
        areas=("*",),
        attribution="-",
        allow=_EVERYWHERE,
        timeout_s=_PATIENCE_S,
    )
    async with Fetcher(source) as fetcher:
        found = await fetcher.get(url.partition("#")[0], headers=_ACCEPT, limit=limit)
    if isinstance(found, Unfetched):
        raise _unavailable(url, reason_of(found.reason))
    if found.status != HTTPStatus.OK:
        raise _unavailable(url, reason_of(f"http_{found.status}"))
    return found.body


def _unavailable(url: str, reason: Text) -> Unavailable:
    where = shown(url)
    message = Text(f"{where} を取得できません：{reason.ja}。", f"{where} cannot be had: {reason.en}.")
    return Unavailable(message, code="cli.url")
