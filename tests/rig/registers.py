"""Registers of sources, as operators write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def table(**changes: object) -> dict[str, object]:
    """Return a source on the loopback that may alert the whole country; a change that is None is left out."""
    values: dict[str, object] = {
        "name": "upstream",
        "url": "http://127.0.0.1:9/feed",
        "realm": "live",
        "areas": ["*"],
        "attribution": "出典：試験庁",
        "allow": ["127.0.0.0/8"],
        "interval_s": 1,
    }
    return {name: value for name, value in (values | changes).items() if value is not None}


def write(file: Path, *tables: Mapping[str, object]) -> Path:
    """Write a register of these sources."""
    blocks = ("\n".join(f"{name} = {json.dumps(value)}" for name, value in one.items()) for one in tables)
    file.write_text("".join(f"[[source]]\n{block}\n\n" for block in blocks), "utf-8")
    return file
