"""The scripts: each is one transaction on one realm. Redis knows them by their digest and may forget them any time."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

_INCLUDE = re.compile(r"^-- include (.+)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """A script as Redis has it."""

    text: str
    sha: str


@cache
def script(name: str) -> Script:
    """Return `lua/<name>.lua`, with what it includes in the place of its `-- include` line."""
    text = _INCLUDE.sub(lambda line: "".join(map(_text, line[1].split())), _text(name))
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _text(name: str) -> str:
    return (resources.files("lalert.store.redis") / "lua" / f"{name}.lua").read_text("utf-8")
