"""What stands where it may not, and what is lacking: a look of our own at a tree that the schema refuses.

libxml2 stops at a block's first misplaced element and looks at nothing behind it. A sender who mends one thing at a
time while people wait needs all of it at once: so here every element is held against the content that the same schema
gives its block. The verdict stays the schema's.

Of elements out of order as few as possible are told: the rest of the block stands in the longest order that it has.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

from lxml import etree

from lalert.cap.catalogue import finding
from lalert.cap.dictionary import NAMESPACES, XMLDSIG
from lalert.cap.places import finding_at, local_name, path_of
from lalert.errors import Finding

_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_XSI: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_BLANKS: Final = " \t\r\n"
_SIGNATURE: Final = "Signature"
_ALLOWED: Final = frozenset(f"{_XSI}{name}" for name in ("type", "nil", "schemaLocation", "noNamespaceSchemaLocation"))
_SHOWN: Final = 8  # texts or names in one finding, which cuts them short

_Child = tuple[etree._Element, str]  # an element, and which of its block's it is meant to be


@dataclass(frozen=True, slots=True)
class Content:
    """What one kind of block holds: its elements in their order, which are required, which repeat, which are blocks.

    Where it may be signed, signatures repeat and stand with the last: libxml2 lets them stand among the infos, too.
    """

    places: Mapping[str, int]
    required: tuple[str, ...]
    many: frozenset[str]
    blocks: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """The elements of CAP, in their order."""
        return [name for name in self.places if name != _SIGNATURE]


def schema_of(version: str) -> etree._Element:
    """Return the schema document of a CAP version."""
    return etree.fromstring((files("lalert.cap") / "schema" / f"CAP-v{version}.xsd").read_bytes())


@lru_cache(maxsize=4)
def contents(version: str) -> dict[str, Content]:
    """Return the content of each kind of block of a CAP version, as its schema has it."""
    kinds = {str(kind.get("name")): kind for kind in schema_of(version).iterfind(f"{_XS}complexType")}
    return {name: _content(kind, kinds) for name, kind in kinds.items()}


def _content(kind: etree._Element, kinds: Collection[str]) -> Content:
    parts = {part.get("name", _SIGNATURE): part for part in kind.iterfind(f"{_XS}sequence/*")}
    types = {name: part.get("type", "").rpartition(":")[2] for name, part in parts.items()}
    last = len(parts) - 1 - (_SIGNATURE in parts)
    return Content(
        places={name: min(place, last) for place, name in enumerate(parts)},
        required=tuple(name for name, part in parts.items() if part.get("minOccurs") != "0"),
        many=frozenset(name for name, part in parts.items() if part.get("maxOccurs") == "unbounded"),
        blocks={name: kind for name, kind in types.items() if kind in kinds},
    )


def findings(root: etree._Element, version: str) -> Iterator[Finding]:
    """Yield what the content of each block has wrong. Lazily: whoever has seen enough may stop."""
    yield from _block(root, "alert", version)


def _block(block: etree._Element, kind: str, version: str) -> Iterator[Finding]:
    content = contents(version)[kind]
    children = [(child, _meant(child, content)) for child in block.iterchildren(etree.Element)]
    yield from _attributes(block)
    yield from _text(block)
    yield from _missing(block, content, {name for _, name in children})
    yield from _strange(children, content, NAMESPACES[version])
    yield from _out_of_place(children, content)
    for child, name in children:
        if name in content.blocks:
            yield from _block(child, content.blocks[name], version)
        elif name and name != _SIGNATURE:
            yield from _leaf(child)


def _meant(element: etree._Element, content: Content) -> str:
    """Return which element of the block this is, however it is spelled; "" for none of them."""
    namespace, _, name = str(element.tag).removeprefix("{").rpartition("}")
    if namespace == XMLDSIG:
        return _SIGNATURE if _SIGNATURE in content.places else ""
    if name in content.places:
        return name
    plain = _folded(name)
    return next((known for known in content.names if _folded(known) == plain), "")


def _folded(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _missing(block: etree._Element, content: Content, present: Collection[str]) -> Iterator[Finding]:
    for name in content.required:
        if name not in present:
            path = f"{path_of(block)}/{name}"
            yield finding("cap.schema.missing", path=path, line=block.sourceline, facts={"name": name})


def _strange(children: Sequence[_Child], content: Content, namespace: str) -> Iterator[Finding]:
    """Yield what is no element of this block, or is one under another name."""
    for element, name in children:
        its = str(element.tag).removeprefix("{").rpartition("}")[0]
        if its not in {namespace, XMLDSIG}:
            yield finding_at("cap.schema.foreign", element, its, namespace=namespace)
        elif not name:
            parent = local_name(_parent(element))
            yield finding_at("cap.schema.element", element, parent=parent, words=", ".join(content.names))
        elif its == namespace and local_name(element) != name:
            yield finding_at("cap.schema.spelling", element, right=name)


def _out_of_place(children: Sequence[_Child], content: Content) -> Iterator[Finding]:
    """Yield what stands twice though it may stand once, and what is out of order."""
    single: list[tuple[etree._Element, int]] = []
    seen: set[str] = set()
    for element, name in children:
        if not name:
            continue
        if name in seen and name not in content.many:
            yield finding_at("cap.schema.repeated", element, element.text, parent=local_name(_parent(element)))
        else:
            single.append((element, content.places[name]))
        seen.add(name)
    kept = longest_order([place for _, place in single])
    if len(kept) < len(single):
        yield from _disordered(single, kept, content)


def _disordered(single: Sequence[tuple[etree._Element, int]], kept: list[int], content: Content) -> Iterator[Finding]:
    names, places = content.names, [single[i][1] for i in kept]
    standing = frozenset(kept)
    for i, (element, place) in enumerate(single):
        if i not in standing:
            parent = local_name(_parent(element))
            k = bisect_right(places, place)
            after = names[places[k - 1]] if k else parent
            before = names[places[k]] if k < len(places) else f"/{parent}"
            yield finding_at("cap.schema.order", element, after=f"<{after}>", before=f"<{before}>")


def longest_order(places: Sequence[int]) -> list[int]:
    """Return the indices of the longest part of `places` that never falls (n log n)."""
    ends: list[int] = []  # the least place that a run of each length can end with, and where that is
    at: list[int] = []
    previous: list[int] = []
    for i, place in enumerate(places):
        k = bisect_right(ends, place)
        previous.append(at[k - 1] if k else -1)
        ends[k : k + 1] = [place]
        at[k : k + 1] = [i]
    run: list[int] = []
    i = at[-1] if at else -1
    while i >= 0:
        run.append(i)
        i = previous[i]
    return run[::-1]


def _leaf(leaf: etree._Element) -> Iterator[Finding]:
    """Yield what an element that holds a text has beside it."""
    yield from _attributes(leaf)
    for child in leaf.iterchildren(etree.Element):
        yield finding_at("cap.schema.nested", child, parent=local_name(leaf))


def _attributes(element: etree._Element) -> Iterator[Finding]:
    names = [name for name in element.keys() if name not in _ALLOWED]  # noqa: SIM118 - an element is no mapping
    if names:
        yield finding_at("cap.schema.attribute", element, ", ".join(names[:_SHOWN]))


def _text(block: etree._Element) -> Iterator[Finding]:
    texts = (block.text, *(child.tail for child in block))
    loose = [text for text in texts if text and text.strip(_BLANKS)]
    if loose:
        yield finding_at("cap.schema.text", block, " ".join(loose[:_SHOWN]))


def _parent(element: etree._Element) -> etree._Element:
    parent = element.getparent()
    return element if parent is None else parent
