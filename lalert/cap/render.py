"""Values to CAP text: XML that reads back as the same values, and CAP's names as a dict for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from lxml import etree

from lalert.cap import grammar
from lalert.cap.catalogue import finding
from lalert.cap.dictionary import BLOCKS, CAP_1_2, Slot
from lalert.cap.model import Alert, Circle, NamedValue
from lalert.errors import rejected

_PREFIX: Final = f"{{{CAP_1_2}}}"


def to_xml(alert: Alert) -> bytes:
    """Return `alert` as a CAP 1.2 document in UTF-8. `parse` of a CAP 1.2 message gives an equal value.

    What was read of an older edition or with its defects may lack what CAP 1.2 wants: it lacks it here, too.
    Raises `Rejected` where a text holds a character that XML cannot carry.
    """
    root = etree.Element(f"{_PREFIX}alert", nsmap={None: CAP_1_2})
    try:
        _append(root, alert, "alert")
    except ValueError as error:
        raise _uncarriable() from error
    etree.indent(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n"


def _uncarriable() -> Exception:
    found = finding("cap.xml.character")
    return rejected([found], code=found.code, message=found.message)


def _append(parent: etree._Element, block: object, kind: str) -> None:
    for slot, value in _present(block, kind):
        child = etree.SubElement(parent, _PREFIX + slot.tag)
        if slot.block == "pair":
            _append_pair(child, value)
        elif slot.block:
            _append(child, value, slot.block)
        else:
            child.text = _text(value)


def _append_pair(parent: etree._Element, pair: NamedValue) -> None:
    etree.SubElement(parent, f"{_PREFIX}valueName").text = pair.name
    etree.SubElement(parent, f"{_PREFIX}value").text = pair.value


def _present(block: object, kind: str) -> Iterator[tuple[Slot, Any]]:
    """Yield what a block says, in CAP's order, once for each repetition."""
    for slot in BLOCKS[kind]:
        value = getattr(block, slot.name)
        if slot.many:
            yield from ((slot, one) for one in value)
        elif value is not None and value != ():
            yield slot, value


def _text(value: object) -> str:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        return grammar.format_time(value)
    if isinstance(value, Circle):
        return grammar.format_circle(value)
    if isinstance(value, float):
        return grammar.format_number(value)
    if isinstance(value, tuple):  # rings and references are what is left
        return grammar.format_references(value) if hasattr(value[0], "sender") else grammar.format_polygon(value)
    return str(value)


def to_dict(alert: Alert) -> dict[str, object]:
    """Return `alert` with CAP's own names and texts, ready for JSON; what is absent in CAP is absent here.

    Repeating elements are lists (`info`, `category`, `polygon` ...), pairs are `{"valueName", "value"}`,
    `references` is CAP's text; `size`, `altitude` and `ceiling` are numbers. There is no `derefUri`: CAP 1.2 §3.2.3
    wants it stripped by whoever forwards a message onto a two-way network. Only the sender's own bytes have it.
    """
    return _dict(alert, "alert")


def _dict(block: object, kind: str) -> dict[str, object]:
    values: dict[str, Any] = {}
    for slot, value in _present(block, kind):
        if slot.tag == "derefUri":
            continue
        plain = _plain(slot, value)
        if slot.many:
            values.setdefault(slot.tag, []).append(plain)
        else:
            values[slot.tag] = plain
    return values


def _plain(slot: Slot, value: object) -> object:
    if isinstance(value, NamedValue):
        return {"valueName": value.name, "value": value.value}
    if slot.block:
        return _dict(value, slot.block)
    return value if type(value) in (int, float) else _text(value)
