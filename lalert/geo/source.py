"""Where embedded data come from, what may be done with them, and that they are whole.

A data file has a TOML file beside it with its source and its SHA-256, which is checked on every load: damaged data
must not decide who is warned.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lalert.errors import Defect

_READABLE = 0o644  # a hub may run as another user than the one that imported


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a data file comes from, and what may be done with it."""

    version: str
    source: str
    licence: str
    credit: str
    note: str
    tools: str
    counts: Mapping[str, int]
    sha256: str


def write(data: bytes, source: Source, *, data_path: Path, source_path: Path) -> None:
    """Write both files, each whole or not at all: first the data, then the source whose checksum makes it valid."""
    data_path.parent.mkdir(parents=True, exist_ok=True)
    replace(data_path, data)
    replace(source_path, _toml(source).encode())


def replace(path: Path, content: bytes) -> None:
    """Put `content` in the place of a file at one stroke: whoever reads sees the old or the new, after a crash, too."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
        fresh = Path(stream.name)
        try:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            fresh.chmod(_READABLE)
            fresh.replace(path)
        except BaseException:
            fresh.unlink()
            raise


def read(data_path: Path, source_path: Path, *, damaged: Callable[[str], Defect]) -> tuple[bytes, Source]:
    """Return both files; raises what `damaged` makes of the reason when one is absent or not what it should be."""
    try:
        data = data_path.read_bytes()
        source = Source(**tomllib.loads(source_path.read_text(encoding="utf-8")))
    except (OSError, TypeError, tomllib.TOMLDecodeError) as error:
        raise damaged(str(error)) from error
    if hashlib.sha256(data).hexdigest() != source.sha256:
        raise damaged("checksum differs")
    return data, source


def _toml(source: Source) -> str:
    facts = asdict(source)
    counts = facts.pop("counts")
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in facts.items()]
    return "\n".join([*lines, "", "[counts]", *(f"{name} = {count}" for name, count in counts.items()), ""])
