"""A draft as durable bytes, the same for every engine: the CAP bytes verbatim, and apart from them one body.

The body is one byte that names its format, and a MessagePack pair, deflated when it is large: the draft as JSON, in
which every geometry is the number of its WKB in the list that follows. A long thread names the same few shapes many
times; each is kept once.

The alert is kept as values, too, and not parsed again from its bytes. What was accepted must read back as it was
accepted: a feed repaired on its way in, or a parser that became stricter since, would otherwise lose an alert that is
in force. Times keep their offset, because CAP references repeat it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import shapely
from shapely.geometry.base import BaseGeometry

from lalert.core.model import Cursor, Draft, Entry
from lalert.errors import Defect, Text

PLAIN: Final = b"\x01"
DEFLATED: Final = b"\x02"

_LARGE: Final = 16_384  # bytes; below, deflating costs more time than writing
_LEVEL: Final = 1  # deflate: the higher levels cost up to three times as much and save nothing on coordinates


@dataclass(frozen=True, slots=True)
class Record:
    """One entry as it is kept, but for its position."""

    raw: bytes  # the CAP message as received
    body: bytes


def encode(draft: Draft) -> Record:
    """Return `draft` as bytes. An `Entry` may be given: its position is not part of the record."""
    shapes: dict[bytes, int] = {}
    seen: dict[int, int] = {}  # by id: zones, areas and audiences mostly share one object

    def number(value: object) -> int:
        if not isinstance(value, BaseGeometry):
            raise TypeError(type(value).__name__)
        if id(value) not in seen:
            seen[id(value)] = shapes.setdefault(shapely.to_wkb(value), len(shapes))
        return seen[id(value)]

    bare = replace(draft, alert=replace(draft.alert, raw=b""))
    text = msgspec.json.encode(bare, enc_hook=number)
    packed = msgspec.msgpack.encode((text, list(shapes)))
    body = PLAIN + packed if len(packed) < _LARGE else DEFLATED + zlib.compress(packed, _LEVEL)
    return Record(draft.alert.raw, body)


def decode(record: Record, cursor: Cursor) -> Entry:
    """Return the entry at `cursor` that `encode` made `record` of. Raises `Defect` for bytes that it did not make."""
    try:
        text, shapes = _unpacked(record.body)
        draft = msgspec.json.decode(text, type=Draft, dec_hook=_reader(shapes))
    except (ValueError, zlib.error, msgspec.MsgspecError, shapely.errors.ShapelyError) as error:
        raise Defect(
            Text(f"保存された電文 {cursor} を読み出せません。", f"The entry {cursor} cannot be read back: {error}"),
            code="store.record",
        ) from error
    return Entry.of(replace(draft, alert=replace(draft.alert, raw=record.raw)), cursor)


def _unpacked(body: bytes) -> tuple[bytes, list[bytes]]:
    form, packed = body[:1], body[1:]
    if form not in {PLAIN, DEFLATED}:
        raise ValueError(f"format {form!r}")
    return msgspec.msgpack.decode(
        zlib.decompress(packed) if form == DEFLATED else packed, type=tuple[bytes, list[bytes]]
    )


def _reader(shapes: list[bytes]) -> Callable[[type, object], BaseGeometry]:
    geometries: dict[int, BaseGeometry] = {}

    def geometry(_type: type, number: object) -> BaseGeometry:
        if not (isinstance(number, int) and 0 <= number < len(shapes)):
            raise ValueError(f"no shape {number!r}")
        if number not in geometries:
            geometries[number] = shapely.from_wkb(shapes[number])
        return geometries[number]

    return geometry
