"""Reading a tree that the schema accepts: what stands where is known, and there is nothing to explain.

Nearly every message is sound, and reading one is what intake spends its time on. So this reads straight on: no looking
for defects, and values filled by their places at the price of plain ones. It gives what `parse` would give (the tests
read every message both ways), or None where a text is outside its grammar; `parse` then says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, make_dataclass
from functools import lru_cache
from typing import Any, Final

from lxml import etree

from lalert.cap.dictionary import BLOCKS, NAMESPACES, XMLDSIG, Slot
from lalert.cap.grammar import Malformed
from lalert.cap.model import Alert, AreaBlock, Info, NamedValue, Resource

# How an element is read: what stands once, or several times as texts, pairs or blocks.
_ONCE, _TEXTS, _PAIRS, _BLOCKS = range(4)

_MODELS: Final[dict[str, type[Any]]] = {"area": AreaBlock, "resource": Resource, "info": Info, "alert": Alert}
_PLACES: Final = {kind: {f.name: place for place, f in enumerate(fields(kind))} for kind in _MODELS.values()}
_VERSION: Final = _PLACES[Alert]["version"]
_RAW: Final = _PLACES[Alert]["raw"]

# Where the value of an element goes, how it is read, what reads its text or block, the words that it may say.
_Way = tuple[int, int, Callable[[Any], Any] | None, Mapping[str | None, object] | None]


def read(root: etree._Element, version: str, raw: bytes) -> Alert | None:
    """Return the message in a tree that the schema of `version` accepts; None where something is to be explained."""
    reader = _readers(version).get("alert")
    if reader is None:
        return None
    try:
        values = reader.values(root)
    except (Malformed, KeyError):
        return None
    values[_VERSION], values[_RAW] = version, raw
    return reader.filled(values)  # type: ignore[no-any-return]


class _Reader:
    """Reads one kind of block of one CAP version."""

    __slots__ = ("_blank", "_kind", "_known", "_twin")

    def __init__(self, kind: str, namespace: str, readers: dict[str, _Reader]) -> None:
        self._kind = _MODELS[kind]
        self._twin = _twin(self._kind)
        self._blank = [None if f.default is MISSING else f.default for f in fields(self._kind)]
        places = _PLACES[self._kind]
        self._known = {f"{{{namespace}}}{slot.tag}": _way(slot, places[slot.name], readers) for slot in BLOCKS[kind]}
        if kind == "alert":
            self._known[f"{{{XMLDSIG}}}Signature"] = (_RAW, _ONCE, None, None)  # its verifier reads it from the bytes

    def read(self, element: etree._Element) -> Any:
        """Return the value of a block. Raises Malformed, and KeyError for a foreign element or word."""
        return self.filled(self.values(element))

    def values(self, element: etree._Element) -> list[Any]:
        """Return the values of a block in the order of its fields. Raises as `read` does."""
        known = self._known
        values = self._blank.copy()
        several: dict[int, list[Any]] = {}
        for child in element:
            place, way, read, words = known[child.tag]  # type: ignore[index]
            value: object
            if way == _ONCE:
                if read is None:
                    values[place] = child.text if words is None else words[child.text]
                else:
                    values[place] = read(child.text or "")
                continue
            if way == _PAIRS:
                value = NamedValue(child[0].text or "", child[1].text or "")
            elif read is None:
                if (value := child.text) is None:
                    continue  # an empty one says nothing
            else:
                value = read(child) if way == _BLOCKS else read(child.text or "")
            if place in several:
                several[place].append(value)
            else:
                several[place] = [value]
        for place, found in several.items():
            values[place] = tuple(found)
        return values

    def filled(self, values: list[Any]) -> Any:
        """Return the frozen value that holds `values`."""
        value = self._twin(*values)
        value.__class__ = self._kind
        return value


def _twin(kind: type[Any]) -> Callable[..., Any]:
    """Return a class with the slots of `kind`, in their order, that is not frozen.

    A frozen class sets each field through `object.__setattr__`, which takes five times as long. A twin is filled, and
    is then given its class.
    """
    return make_dataclass(kind.__name__, _PLACES[kind], slots=True)


@lru_cache(maxsize=4)
def _readers(version: str) -> dict[str, _Reader]:
    """Return the readers of a version; none for CAP 1.0, whose pairs are texts."""
    readers: dict[str, _Reader] = {}
    for kind in _MODELS if version != "1.0" else ():
        readers[kind] = _Reader(kind, NAMESPACES[version], readers)
    return readers


def _way(slot: Slot, place: int, readers: dict[str, _Reader]) -> _Way:
    """Return how the element of `slot` is read into `place`."""
    if slot.block == "pair":
        return place, _PAIRS, None, None
    if slot.block:
        return place, _BLOCKS, readers[slot.block].read, None
    if slot.many:
        return place, _TEXTS, slot.words.__getitem__ if slot.words else slot.read, None
    if slot.required and not slot.words:
        return place, _ONCE, slot.read or str, None  # is there, if only empty
    return place, _ONCE, slot.read, slot.words
