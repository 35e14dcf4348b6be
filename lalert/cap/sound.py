"""Reading a tree that the schema accepts: what stands where is known, and there is nothing to explain.

Nearly every message is sound, and reading one is what intake spends its time on. So this reads straight on: no looking
for defects, and values filled at the price of plain ones. It gives what `parse` would give (the tests read every
message both ways), or None where a text is outside its grammar; `parse` then says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, field, fields, make_dataclass
from functools import lru_cache
from typing import Any, Final

from lxml import etree

from lalert.cap.dictionary import BLOCKS, NAMESPACES, XMLDSIG, Slot
from lalert.cap.grammar import Malformed
from lalert.cap.model import Alert, AreaBlock, Info, NamedValue, Resource

# How an element is read: its text or None, a value of its text, several texts, several values, pairs, blocks.
_TEXT, _VALUE, _TEXTS, _VALUES, _PAIRS, _BLOCKS = range(6)

_SIGNATURE: Final = "Signature"  # is passed over: its verifier reads it

_MODELS: Final[dict[str, type[Any]]] = {"area": AreaBlock, "resource": Resource, "info": Info, "alert": Alert}


def read(root: etree._Element, version: str, raw: bytes) -> Alert | None:
    """Return the message in a tree that the schema of `version` accepts; None where something is to be explained."""
    reader = _readers(version).get("alert")
    if reader is None:
        return None
    try:
        values = reader.values(root)
    except (Malformed, KeyError):
        return None
    values.pop(_SIGNATURE, None)
    return reader.filled({**values, "version": version, "raw": raw})  # type: ignore[no-any-return]


class _Reader:
    """Reads one kind of block of one CAP version."""

    __slots__ = ("_kind", "_known", "_twin")

    def __init__(self, kind: str, namespace: str, readers: dict[str, _Reader]) -> None:
        self._kind = _MODELS[kind]
        self._twin = _twin(self._kind)
        self._known = {f"{{{namespace}}}{slot.tag}": (slot.name, *_way(slot, readers)) for slot in BLOCKS[kind]}
        if kind == "alert":
            self._known[f"{{{XMLDSIG}}}Signature"] = (_SIGNATURE, _TEXT, str)

    def read(self, element: etree._Element) -> Any:
        """Return the value of a block. Raises Malformed."""
        return self.filled(self.values(element))

    def values(self, element: etree._Element) -> dict[str, Any]:
        """Return the values of a block by Python's names. Raises Malformed, and KeyError for a foreign element."""
        known = self._known
        values: dict[str, Any] = {}
        lists: dict[str, list[Any]] = {}
        for child in element:
            name, way, read = known[child.tag]  # type: ignore[index]
            if way == _TEXT:
                values[name] = child.text
                continue
            if way == _VALUE:
                values[name] = read(child.text or "")
                continue
            value: object
            if way == _TEXTS and child.text is None:
                continue  # an empty one says nothing
            if way == _PAIRS:
                value = NamedValue(child[0].text or "", child[1].text or "")
            else:
                value = read(child) if way == _BLOCKS else read(child.text or "")
            if name in lists:
                lists[name].append(value)
            else:
                lists[name] = [value]
        for name, several in lists.items():
            values[name] = tuple(several)
        return values

    def filled(self, values: dict[str, Any]) -> Any:
        """Return the frozen value that holds `values`."""
        value = self._twin(**values)
        value.__class__ = self._kind
        return value


def _twin(kind: type[Any]) -> Callable[..., Any]:
    """Return a class with the slots of `kind` that is not frozen.

    A frozen class sets each field through `object.__setattr__`, which takes five times as long. A twin is filled, and
    is then given its class.
    """
    slots = fields(kind)
    columns = [(f.name, object, field(default=f.default) if f.default is not MISSING else field()) for f in slots]
    return make_dataclass(kind.__name__, columns, slots=True, kw_only=True)


@lru_cache(maxsize=4)
def _readers(version: str) -> dict[str, _Reader]:
    """Return the readers of a version; none for CAP 1.0, whose pairs are texts."""
    readers: dict[str, _Reader] = {}
    for kind in _MODELS if version != "1.0" else ():
        readers[kind] = _Reader(kind, NAMESPACES[version], readers)
    return readers


def _way(slot: Slot, readers: dict[str, _Reader]) -> tuple[int, Callable[[Any], object]]:
    """Return how the element of `slot` is read, and what reads it."""
    if slot.block:
        return (_PAIRS, str) if slot.block == "pair" else (_BLOCKS, readers[slot.block].read)
    read = slot.words.__getitem__ if slot.words else slot.read
    if slot.many:
        return (_VALUES, read) if read else (_TEXTS, str)
    return (_VALUE, read or str) if read or slot.required else (_TEXT, str)
