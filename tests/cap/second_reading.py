"""CAP 1.2's rules read a second time, from the standard and not from lalert: what a verdict is held against.

Plain on purpose: one message, one list of the rules that it breaks, nothing shared with `lalert.cap`.
"""

from __future__ import annotations

import base64
import binascii
import re
from calendar import monthrange
from collections.abc import Iterator

from lxml import etree

NAMESPACE = "{urn:oasis:names:tc:emergency:cap:1.2}"
BLANK = " \t\r\n"  # XML 1.0 §2.3
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)[+-](\d\d):(\d\d)", re.ASCII)
PAIR = re.compile(f"({NUMBER}),({NUMBER})", re.ASCII)
CIRCLE = re.compile(f"[{BLANK}]*({NUMBER}),({NUMBER})[{BLANK}]+({NUMBER})[{BLANK}]*", re.ASCII)
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
MIME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+/[A-Za-z0-9!#$%&'*+.^_`{|}~-]+\s*(;.*)?", re.DOTALL)
SHA_1 = re.compile(r"[0-9A-Fa-f]{40}|[0-9A-Za-z+/]{27}=")


def broken(alert: etree._Element) -> list[str]:
    """Return the elements of a schema-valid `alert` that break a rule of §3.2 which no schema knows."""
    return [*_message(alert), *(name for info in alert.findall(f"{NAMESPACE}info") for name in _info(info))]


def _text(block: etree._Element, name: str) -> str:
    """Return the text of an element, "" where there is none."""
    return block.findtext(NAMESPACE + name) or ""


def _texts(block: etree._Element, name: str) -> list[str]:
    return [element.text or "" for element in block.findall(NAMESPACE + name)]


def _is_name(text: str) -> bool:
    return bool(text) and re.search(r"[\s,<&]", text) is None


def _is_time(text: str) -> bool:
    found = TIME.fullmatch(text.strip(BLANK))
    if found is None:
        return False
    year, month, day, hour, minute, second, ahead_h, ahead_m = map(int, found.groups())
    is_date = year >= 1 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]
    is_hour = (hour <= 23 and minute <= 59 and second <= 59) or (hour, minute, second) == (24, 0, 0)
    return is_date and is_hour and ahead_m <= 59 and (ahead_h <= 13 or (ahead_h, ahead_m) == (14, 0))


def _items(text: str) -> list[str]:
    return [item for item in re.split(f"[{BLANK}]+", text) if item]


def _is_reference(text: str) -> bool:
    parts = text.split(",")
    return len(parts) == 3 and all(map(_is_name, parts)) and _is_time(parts[2])


def _message(alert: etree._Element) -> Iterator[str]:
    yield from (name for name in ("identifier", "sender") if not _is_name(_text(alert, name)))
    references = _items(_text(alert, "references"))
    if not _is_time(_text(alert, "sent")):
        yield "sent"
    if not all(map(_is_reference, references)):
        yield "references"
    if not references and _text(alert, "msgType") != "Alert":
        yield "references"
    if _text(alert, "scope") == "Restricted" and not _text(alert, "restriction").strip():
        yield "restriction"
    if _text(alert, "scope") == "Private" and not _text(alert, "addresses").strip('"' + BLANK):
        yield "addresses"
    yield from (name for name in ("addresses", "incidents") if _text(alert, name).count('"') % 2)


def _info(info: etree._Element) -> Iterator[str]:
    for name in ("effective", "onset", "expires"):
        yield from (name for text in _texts(info, name) if not _is_time(text))
    if (web := _text(info, "web").strip()) and not URI.fullmatch(web):
        yield "web"
    for resource in info.findall(f"{NAMESPACE}resource"):
        yield from _resource(resource)
    for area in info.findall(f"{NAMESPACE}area"):
        yield from _area(area)


def _resource(resource: etree._Element) -> Iterator[str]:
    uri, content, digest = (_text(resource, name) for name in ("uri", "derefUri", "digest"))
    if not MIME.fullmatch(_text(resource, "mimeType").strip()):
        yield "mimeType"
    if uri.strip() and not content and not URI.fullmatch(uri.strip()):
        yield "uri"
    try:
        base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        yield "derefUri"
    if digest and not SHA_1.fullmatch(digest.strip()):
        yield "digest"


def _area(area: etree._Element) -> Iterator[str]:
    yield from ("polygon" for text in _texts(area, "polygon") if not _is_ring(_items(text)))
    yield from ("circle" for text in _texts(area, "circle") if not _is_circle(text))
    altitudes, ceilings = (list(map(float, _texts(area, name))) for name in ("altitude", "ceiling"))
    if ceilings and (not altitudes or ceilings[0] < altitudes[0]):
        yield "ceiling"


def _is_ring(pairs: list[str]) -> bool:
    """Whether `pairs` are none at all (an empty element says nothing), or a closed ring on Earth."""
    found = [PAIR.fullmatch(pair) for pair in pairs]
    points = [(float(pair[1]), float(pair[2])) for pair in found if pair]
    if len(points) < len(pairs):
        return False
    return not points or (len(points) >= 4 and points[0] == points[-1] and all(_is_on_earth(*p) for p in points))


def _is_circle(text: str) -> bool:
    if not text.strip(BLANK):
        return True
    found = CIRCLE.fullmatch(text)
    return found is not None and _is_on_earth(float(found[1]), float(found[2])) and float(found[3]) >= 0


def _is_on_earth(lat: float, lon: float) -> bool:
    return abs(lat) <= 90 and abs(lon) <= 180
