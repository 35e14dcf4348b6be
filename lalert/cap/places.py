"""Where in a tree something stands, said as people and programs find it again: a path by CAP's names, and a line."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import Final

from lxml import etree
from msgspec import structs

from lalert.cap.catalogue import finding, shortened
from lalert.cap.dictionary import BLOCKS, ENUMERATIONS, REPEATED
from lalert.errors import Finding

_NAMESPACE = re.compile(r"\{[^}]*\}")
_NAMES: Final = frozenset(slot.tag for slots in BLOCKS.values() for slot in slots) | BLOCKS.keys()


def finding_at(code: str, element: etree._Element, found: str | None = None, **facts: str) -> Finding:
    """Return the finding `code` at `element`, with its path and line; `facts` are those beside its name and words."""
    name = local_name(element)
    if name in _NAMES and not facts:
        spoken = _spoken(code, name)
    else:
        spoken = finding(code, facts={"name": shortened(name), "words": "", **facts})
    cut = None if found is None else shortened(found)
    return structs.replace(spoken, path=path_of(element), line=element.sourceline, found=cut)


@lru_cache(maxsize=1024)
def _spoken(code: str, name: str) -> Finding:
    """Return what `code` says of an element of CAP, wherever it stands: a feed makes one mistake a thousand times."""
    return finding(code, facts={"name": name, "words": ", ".join(ENUMERATIONS.get(name, ()))})


def local_name(element: etree._Element) -> str:
    """Return the name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def path_of(element: etree._Element) -> str:
    """Return the path of an element by CAP's names, repeated ones numbered from 1: `/alert/info[2]/event`.

    What CAP has once is numbered from its second: `/alert/info[2]/event[2]`.
    """
    tree = element.getroottree()
    root = tree.getroot()
    path = f"/{local_name(root)}"
    if element is root:
        return path
    for step in _NAMESPACE.sub("", tree.getelementpath(element)).split("/"):
        name, _, number = step.partition("[")  # lxml numbers an element among several only
        numbered = name in REPEATED or number not in {"", "1]"}
        path += f"/{name}[{number or '1]'}" if numbered else f"/{name}"
    return path


def line_of(root: etree._Element, path: str) -> int | None:
    """Return the line of the element at `path` (as `path_of` writes it), or of the nearest block above it."""
    tag = str(root.tag)
    prefix = tag[: tag.rfind("}") + 1]
    element = root
    for step in path.split("/")[2:]:
        name, _, number = step.rstrip("]").partition("[")
        found = next(islice(element.iterchildren(prefix + name), int(number or 1) - 1, None), None)
        if found is None:
            break
        element = found
    return element.sourceline
