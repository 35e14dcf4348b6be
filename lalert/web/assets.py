"""The files beside the pages: style, script, icons. Each has a name that changes with its bytes.

`/static/site.css?v=1f3a9c02` may be kept for a year by anybody: other bytes have another address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
    "xsl": "text/xsl; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes, its media type, and the first 16 hexadecimal digits of its SHA-256 digest."""

    name: str
    content_type: str
    body: bytes = field(repr=False)
    version: str

    @property
    def url(self) -> str:
        """The address under which these bytes, and only these, are found."""
        return f"/static/{self.name}?v={self.version[:8]}"

    @property
    def etag(self) -> str:
        """The strong validator, quotes included."""
        return f'"{self.version}"'


@cache
def assets() -> Mapping[str, Asset]:
    """Return every file of the package's `static` folder by name."""
    folder = files("lalert.web") / "static"
    return {
        item.name: _asset(item.name, item.read_bytes()) for item in folder.iterdir() if _suffix(item.name) in _TYPES
    }


@cache
def vendored() -> Mapping[str, Asset]:
    """Return maplibre-gl, as its package on this machine has it; nothing where the package is not whole.

    Pages do without it: a missing library must not keep anybody from being warned.
    """
    try:
        body = Path(str(distribution("maplibre").locate_file("maplibre/srcjs/maplibre-gl.js"))).read_bytes()
    except (PackageNotFoundError, OSError):
        return {}
    return {"maplibre-gl.js": _asset("maplibre-gl.js", body)}


def _asset(name: str, body: bytes) -> Asset:
    return Asset(name, _TYPES[_suffix(name)], body, hashlib.sha256(body).hexdigest()[:16])


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]
