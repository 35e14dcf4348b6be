"""The small grammars inside CAP's text fields: dateTime, references, polygon, circle, identifier.

Each function takes the text of one element and returns its value, or raises `Malformed` with the code of the finding
(`lalert.cap.catalogue`). All run in linear time. White space around a value is not part of it (XML Schema, `collapse`).
White space is what XML calls so (XML 1.0 §2.3): a no-break or an ideographic space separates nothing, for other readers
of the same message take it for a part of a number or of a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from lalert.cap.model import Circle, Identity, Ring

MAX_OFFSET = timedelta(hours=14)  # XML Schema 1.0 part 2 §3.2.7.3

# An offset is at most 14 hours: XML Schema 1.0 part 2 §3.2.7.3.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00)", re.ASCII)
_ZONED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", re.ASCII)
_BAD_MINUTES = re.compile(r"[+-]\d\d:?[6-9]\d\s*\Z", re.ASCII)  # Python reads +09:60 as ten hours
_MIDNIGHT = "24:00:00"
_FRACTION = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+.*", re.ASCII)
_UNZONED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)
# Plain decimals only: float() alone would also take `nan`, `1e3`, `1_0` and digits of other scripts. Possessive, so
# that no text makes it slow.
_NUMBER = r"[-+]?+(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)"
_BLANK = r"[ \t\r\n]"
_PAIRS = re.compile(rf"(?:{_BLANK}*+{_NUMBER},{_NUMBER}(?={_BLANK}|\Z))++{_BLANK}*+")
_CIRCLE = re.compile(rf"{_BLANK}*+({_NUMBER}),({_NUMBER}){_BLANK}++({_NUMBER}){_BLANK}*+")
_ITEM = re.compile(r"[^ \t\r\n]++")
_NAME = re.compile(r"[^\s,<&]+")
_TRIPLE = re.compile(r"[^\s,<&]+,[^\s,<&]+,[^\s,<&]+")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*", re.ASCII)

_JSON_RING = msgspec.json.Decoder(list[tuple[float, float]])  # a long list is made faster than a long tuple
_PIECE = 32_768  # characters
_UNLIKE_JSON = ("e", "E", "]", "\n", "\t", "\r")


class Malformed(ValueError):
    """A text outside its grammar: the code of the finding, and the part that is wrong."""

    def __init__(self, code: str, found: str) -> None:
        super().__init__(f"{code}: {found}")
        self.code = code
        self.found = found


def parse_time(text: str) -> datetime:
    """Return the instant that a CAP dateTime says, with the offset it was written in (CAP 1.2 §3.3.2).

    The form is `2026-11-23T04:36:00+09:00`: a zone always, never `Z`, no fraction of a second.
    """
    if _TIME.fullmatch(text) is None:
        text = text.strip()
        if _TIME.fullmatch(text) is None:
            raise Malformed(_why_no_time(text), text)
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        if text[11:19] == _MIDNIGHT:
            return _next_day(text)
        raise Malformed("cap.time.date", text) from error


def _next_day(text: str) -> datetime:
    """Return the end of the day in `text`: XML Schema 1.0 part 2 §3.2.7 writes 24:00:00 for it, as many people do."""
    try:
        return datetime.fromisoformat(f"{text[:11]}00:00:00{text[19:]}") + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise Malformed("cap.time.date", text) from error


def _why_no_time(text: str) -> str:
    if not text:
        return "cap.time.empty"
    if _ZONED.fullmatch(text):
        return "cap.time.offset"
    if _FRACTION.fullmatch(text):
        return "cap.time.fraction"
    if text.endswith(("Z", "z")) and _UNZONED.fullmatch(text[:-1]):
        return "cap.time.zulu"
    return "cap.time.zone" if _UNZONED.fullmatch(text) else "cap.time.format"


def maybe_time(text: str) -> datetime | None:
    """Return the instant of any ISO 8601 time that has a zone, or None: what can be saved from an upstream's time."""
    if _BAD_MINUTES.search(text):
        return None
    try:
        value = datetime.fromisoformat(text.strip())
        value.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    offset = value.utcoffset()
    return None if offset is None or abs(offset) > MAX_OFFSET else value.replace(microsecond=0)


def format_time(value: datetime) -> str:
    """Return CAP's form of an aware time; UTC is written `-00:00` (CAP 1.2 §3.3.2)."""
    text = value.isoformat(timespec="seconds")
    return text[:-6] + "-00:00" if text.endswith("+00:00") else text


def is_name(text: str) -> bool:
    """Whether `text` may be an identifier or a sender: not empty, no white space, comma, `<` or `&` (§3.2.1)."""
    return _NAME.fullmatch(text) is not None


def is_language(text: str) -> bool:
    """Whether `text` is a language tag as RFC 3066 and xs:language spell it: `ja`, `ja-x-easy`, `zh-Hant`."""
    return _LANGUAGE.fullmatch(text) is not None


def parse_references(text: str) -> tuple[Identity, ...]:
    """Return the messages that a references text names: `sender,identifier,sent` triples between white space."""
    return tuple(_parse_reference(triple) for triple in _ITEM.findall(text))


def _parse_reference(triple: str) -> Identity:
    if _TRIPLE.fullmatch(triple) is None:
        raise Malformed("cap.references.form", triple)
    sender, identifier, sent = triple.split(",")
    try:
        return Identity(sender, identifier, parse_time(sent))
    except Malformed as error:
        raise Malformed("cap.references.time", triple) from error


def format_references(references: tuple[Identity, ...]) -> str:
    """Return the text of `<references>`: `sender,identifier,sent` triples between blanks."""
    return " ".join(f"{r.sender},{r.identifier},{format_time(r.sent)}" for r in references)


def parse_polygon(text: str) -> Ring:
    """Return the ring of a `<polygon>`: `lat,lon` pairs in degrees (WGS84) between white space, in linear time."""
    return _maybe_json_ring(text) or _ring(text)


def _maybe_json_ring(text: str) -> Ring | None:
    """Return the ring if it is written as JSON writes numbers and with one blank between pairs, as nearly all are.

    JSON is read in C. It also knows exponents, white space beside a comma, and brackets could end a pair: a text that
    holds any of these is left to `_ring`.
    """
    for mark in _UNLIKE_JSON:
        if mark in text:
            return None
    ring: list[tuple[float, float]] = []
    try:
        for piece in _pieces(text.strip(" ")):
            ring += _JSON_RING.decode("[[" + piece.replace(" ", "],[") + "]]")
    except msgspec.DecodeError:
        return None
    return tuple(ring)


def _pieces(text: str) -> Iterator[str]:
    """Cut `text` at blanks: copies of a megabyte leave the cache, and ten times the ring took 14 times as long."""
    begin = 0
    while begin < len(text):
        end = text.find(" ", begin + _PIECE)
        yield text[begin : end if end > 0 else len(text)]
        begin = end + 1 if end > 0 else len(text)


def _ring(text: str) -> Ring:
    pairs = _PAIRS.match(text)
    end = pairs.end() if pairs else 0
    if end < len(text):
        rest = _ITEM.search(text, end)
        raise Malformed("cap.polygon.syntax", rest[0]) if rest else Malformed("cap.area.empty", text)
    if not end:
        raise Malformed("cap.area.empty", text)
    numbers = list(map(float, text.replace(",", " ").split()))
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def format_polygon(ring: Ring) -> str:
    """Return the text of a `<polygon>`."""
    return " ".join(f"{format_number(lat)},{format_number(lon)}" for lat, lon in ring)


def parse_circle(text: str) -> Circle:
    """Return the circle of a `<circle>`: `lat,lon radius`, the radius in kilometres."""
    found = _CIRCLE.fullmatch(text)
    if found is None:
        raise Malformed("cap.circle.syntax" if _ITEM.search(text) else "cap.area.empty", text)
    lat, lon, radius_km = map(float, found.groups())
    return Circle(lat, lon, radius_km)


def format_circle(circle: Circle) -> str:
    """Return the text of a `<circle>`."""
    return f"{format_number(circle.lat)},{format_number(circle.lon)} {format_number(circle.radius_km)}"


def format_number(value: float) -> str:
    """Return `value` exactly, without an exponent: CAP's numbers are plain decimals."""
    return format(Decimal(repr(float(value))), "f").removesuffix(".0")
