"""CAP's data dictionary as tables: which element holds what, in CAP's order (CAP 1.2 §3.2).

`parse` reads by these tables and `render` writes by them, so that both know the same CAP.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from lalert.cap import grammar
from lalert.cap.grammar import Malformed
from lalert.cap.model import Category, Certainty, MsgType, ResponseType, Scope, Severity, Status, Urgency

CAP_1_2: Final = "urn:oasis:names:tc:emergency:cap:1.2"
VERSIONS: Final = {
    CAP_1_2: "1.2",
    "urn:oasis:names:tc:emergency:cap:1.1": "1.1",
    "http://www.incident.com/cap/1.0": "1.0",
}
NAMESPACES: Final = {version: namespace for namespace, version in VERSIONS.items()}
XMLDSIG: Final = "http://www.w3.org/2000/09/xmldsig#"

Read = Callable[[str], object]

_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,300}\.?[0-9]{0,400}|\.[0-9]{1,400})")
_INTEGER = re.compile(r"[+-]?[0-9]{1,32}")


@dataclass(frozen=True, slots=True)
class Slot:
    """One element: CAP's name, Python's name, how its text is read, whether it repeats, whether it must be there.

    `read` None takes the text as it stands, and nothing for an empty one; `words` are the only ones that may stand
    there. `block` marks what has elements instead of text: `pair` (valueName and value), `info`, `resource`, `area`.
    """

    tag: str
    name: str
    read: Read | None
    many: bool = False
    required: bool = False
    block: str = ""
    words: Mapping[str | None, StrEnum] | None = None


def _words(kind: type[StrEnum]) -> dict[str | None, StrEnum]:
    return {member.value: member for member in kind}


# CAP 1.1 §3.2.2: "Very Likely" of CAP 1.0 is to be read as Likely.
_CERTAINTIES: Final = _words(Certainty) | {"Very Likely": Certainty.LIKELY}


def _number(text: str) -> object:
    if not _DECIMAL.fullmatch(text.strip()):
        raise Malformed("cap.schema.type", text)
    return float(text)


def _integer(text: str) -> object:
    if not _INTEGER.fullmatch(text.strip()):
        raise Malformed("cap.schema.type", text)
    return int(text)


def _language(text: str) -> object:
    """Return a language tag. CAP 1.2 §3.2.2: a null value is en-US, and so is the schema's default for an empty one."""
    tag = text.strip()
    if not tag:
        raise Malformed("cap.language.empty", text)
    return tag


def _maybe_stripped(text: str) -> object:
    return text.strip() or None


ALERT: Final = (
    Slot("identifier", "identifier", None, required=True),
    Slot("sender", "sender", None, required=True),
    Slot("sent", "sent", grammar.parse_time, required=True),
    Slot("status", "status", None, required=True, words=_words(Status)),
    Slot("msgType", "msg_type", None, required=True, words=_words(MsgType)),
    Slot("source", "source", None),
    Slot("scope", "scope", None, required=True, words=_words(Scope)),
    Slot("restriction", "restriction", None),
    Slot("addresses", "addresses", None),
    Slot("code", "codes", None, many=True),
    Slot("note", "note", None),
    Slot("references", "references", grammar.parse_references),
    Slot("incidents", "incidents", None),
    Slot("info", "infos", None, many=True, block="info"),
)

INFO: Final = (
    Slot("language", "language", _language),
    Slot("category", "categories", None, many=True, required=True, words=_words(Category)),
    Slot("event", "event", None, required=True),
    Slot("responseType", "response_types", None, many=True, words=_words(ResponseType)),
    Slot("urgency", "urgency", None, required=True, words=_words(Urgency)),
    Slot("severity", "severity", None, required=True, words=_words(Severity)),
    Slot("certainty", "certainty", None, required=True, words=_CERTAINTIES),
    Slot("audience", "audience", None),
    Slot("eventCode", "event_codes", None, many=True, block="pair"),
    Slot("effective", "effective", grammar.parse_time),
    Slot("onset", "onset", grammar.parse_time),
    Slot("expires", "expires", grammar.parse_time),
    Slot("senderName", "sender_name", None),
    Slot("headline", "headline", None),
    Slot("description", "description", None),
    Slot("instruction", "instruction", None),
    Slot("web", "web", _maybe_stripped),
    Slot("contact", "contact", None),
    Slot("parameter", "parameters", None, many=True, block="pair"),
    Slot("resource", "resources", None, many=True, block="resource"),
    Slot("area", "areas", None, many=True, block="area"),
)

RESOURCE: Final = (
    Slot("resourceDesc", "resource_desc", None, required=True),
    Slot("mimeType", "mime_type", str, required=True),  # one that is there and empty is wrong, none is not in CAP 1.1
    Slot("size", "size", _integer),
    Slot("uri", "uri", _maybe_stripped),
    Slot("derefUri", "deref_uri", None),
    Slot("digest", "digest", None),
)

AREA: Final = (
    Slot("areaDesc", "area_desc", None, required=True),
    Slot("polygon", "polygons", grammar.parse_polygon, many=True),
    Slot("circle", "circles", grammar.parse_circle, many=True),
    Slot("geocode", "geocodes", None, many=True, block="pair"),
    Slot("altitude", "altitude_ft", _number),
    Slot("ceiling", "ceiling_ft", _number),
)

BLOCKS: Final = {"alert": ALERT, "info": INFO, "resource": RESOURCE, "area": AREA}

# What older versions may leave out though CAP 1.2 requires it.
_OPTIONAL: Final = {"1.0": {"scope", "category", "mimeType"}, "1.1": {"mimeType"}}


ENUMERATIONS: Final[dict[str, type[StrEnum]]] = {
    "status": Status,
    "msgType": MsgType,
    "scope": Scope,
    "category": Category,
    "responseType": ResponseType,
    "urgency": Urgency,
    "severity": Severity,
    "certainty": Certainty,
}

REPEATED: Final = frozenset(slot.tag for block in BLOCKS.values() for slot in block if slot.many)


@dataclass(frozen=True, slots=True)
class Table:
    """One block of one CAP version: slots by qualified tag, and the qualified tags that must be there."""

    slots: dict[str, Slot]
    required: tuple[str, ...]


@lru_cache(maxsize=16)
def tables(namespace: str) -> dict[str, Table]:
    """Return the tables of the CAP version that `namespace` names; an unknown one is read as CAP 1.2."""
    optional = _OPTIONAL.get(VERSIONS.get(namespace, "1.2"), set())
    return {block: _table(namespace, slots, optional) for block, slots in BLOCKS.items()}


def _table(namespace: str, slots: tuple[Slot, ...], optional: set[str]) -> Table:
    prefix = f"{{{namespace}}}" if namespace else ""
    return Table(
        slots={prefix + slot.tag: slot for slot in slots},
        required=tuple(prefix + slot.tag for slot in slots if slot.required and slot.tag not in optional),
    )
