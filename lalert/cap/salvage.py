"""Bytes of others that are no XML, made XML where only one reading is possible: what is around them, their encoding,
a prefix that nobody declared, characters that XML does not know.

One step after another, each on what the last one left; whoever reads tries after each and stops at the first success.
All run in linear time. Nothing is done to bytes that are XML already: a section (CDATA) stays what it says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.entities import name2codepoint
from itertools import islice
from typing import Final

from lalert.cap.dictionary import CAP_1_2, VERSIONS

MAX_AMPERSANDS: Final = 20_000  # whoever has more of them has no message

_START: Final = re.compile(rb"<\?xml|<(?:[A-Za-z_][\w.\-]*:)?alert\b")
_END: Final = re.compile(rb"</(?:[A-Za-z_][\w.\-]*:)?alert\s*+>")
_DECLARATION: Final = re.compile(r"""\A<\?xml(?:[^>]*?encoding\s*=\s*["']([^"'>]*)["'])?[^>]*\?>""")
_UTF_8: Final = frozenset({"", "utf-8", "utf8", "us-ascii"})
_JAPANESE: Final = ("cp932", "euc_jp")  # cp932 is the Shift_JIS that is really written, with ① and 髙
_SAYS_JAPANESE: Final = re.compile(rb"language>\s*ja\b", re.IGNORECASE)
_KANA: Final = re.compile("[\u3041-\u3096\u30a1-\u30fa]++")
_HALF_KANA: Final = re.compile("[\uff61-\uff9f]++")
_ROOT: Final = re.compile(rb"<([A-Za-z_][\w.\-]*):alert\b([^<>]*)>")
_AMPERSAND: Final = re.compile(
    rb"<!\[CDATA\[(?:.*?\]\]>|.*\Z)|<!--(?:.*?-->|.*\Z)|&(?:(\#?[0-9A-Za-z]{1,32});)?", re.DOTALL
)
_CONTROLS: Final = bytes({*range(0x20)} - {0x09, 0x0A, 0x0D})
_XML_NAMES: Final = frozenset({b"amp", b"lt", b"gt", b"quot", b"apos"})


def attempts(raw: bytes) -> Iterator[tuple[bytes, tuple[str, ...]]]:
    """Yield what `raw` may have been meant to be, each with the codes of the repairs that it took."""
    body = raw
    told: tuple[str, ...] = ()
    for step, code in _STEPS:
        better = step(body)
        if better != body:
            body, told = better, (*told, code)
            yield body, told


def readable(raw: bytes) -> bytes:
    """Return a document of any kind, such as a feed, with its encoding and its characters mended."""
    return _plain(_recoded(raw))


def _trimmed(raw: bytes) -> bytes:
    """Return the document without what is before it, or behind its only end tag."""
    start = _START.search(raw)
    body = raw[start.start() :] if start else raw
    ends = [end.end() for end in islice(_END.finditer(body), 2)]
    return body[: ends[0]] if len(ends) == 1 and body[ends[0] :].strip() else body


def _recoded(raw: bytes) -> bytes:
    """Return a text that is not in the encoding it declares in UTF-8, without its declaration."""
    text = _decoded(raw)
    declared = _DECLARATION.match(text)
    plain = text[declared.end() :].encode() if declared else text.encode()
    says = (declared[1] or "").strip().lower() if declared else ""
    return raw if says in _UTF_8 and raw.endswith(plain) else plain


def _decoded(raw: bytes) -> str:
    """Return the text that `raw` most likely is.

    Almost any bytes can be read as Shift_JIS, French ones, too. Nobody writes Japanese without kana, and no other
    reading of bytes has them; where there are none the message must say of itself that it is Japanese.
    """
    text = _maybe_decoded(raw, "utf-8")
    if text is not None:
        return text
    readings = [text for encoding in _JAPANESE if (text := _maybe_decoded(raw, encoding)) is not None]
    best = max(readings, key=_japaneseness, default="")
    if best and (_KANA.search(best) or _SAYS_JAPANESE.search(raw)):
        return best
    return raw.decode("latin-1")  # takes everything


def _maybe_decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _japaneseness(text: str) -> tuple[int, int]:
    """Return how many kana there are, and how few of the half-width ones as which EUC-JP appears in Shift_JIS."""
    return sum(map(len, _KANA.findall(text))), -sum(map(len, _HALF_KANA.findall(text)))


def _bound(raw: bytes) -> bytes:
    """Return the document with the prefix of its root declared: `<cap:alert xmlns="urn:…:cap:1.2">` means CAP."""
    root = _ROOT.search(raw)
    if root is None or b"xmlns:" + root[1] + b"=" in root[2]:
        return raw
    namespace = next((name for name in VERSIONS if name.encode() in root[2]), CAP_1_2)
    at = root.start(2)
    return raw[:at] + b" xmlns:" + root[1] + f'="{namespace}"'.encode() + raw[at:]


def _plain(raw: bytes) -> bytes:
    """Return the document without control characters, and with each `&` that begins nothing XML knows written out."""
    if raw.count(b"&") > MAX_AMPERSANDS:
        return raw
    return _AMPERSAND.sub(_written_out, raw.translate(None, _CONTROLS))


def _written_out(found: re.Match[bytes]) -> bytes:
    whole, name = found[0], found[1]
    if whole.startswith(b"<") or name in _XML_NAMES:
        return whole
    if name is None:
        return b"&amp;"
    if name.startswith(b"#"):
        return whole if _is_character(name[1:]) else b""
    point = name2codepoint.get(name.decode())
    return b"&#%d;" % point if point else b"&amp;" + whole[1:]


def _is_character(number: bytes) -> bool:
    """Whether the number of a character reference (`955`, `x3bb`) is one of XML's characters (XML 1.0 §2.2)."""
    try:
        point = int(number[1:], 16) if number.startswith(b"x") else int(number)
    except ValueError:
        return False
    return (
        point in (0x9, 0xA, 0xD) or 0x20 <= point <= 0xD7FF or 0xE000 <= point <= 0xFFFD or 0x10000 <= point <= 0x10FFFF
    )


_STEPS: Final[tuple[tuple[Callable[[bytes], bytes], str], ...]] = (
    (_trimmed, "cap.repair.wrapping"),
    (_recoded, "cap.repair.encoding"),
    (_bound, "cap.repair.prefix"),
    (_plain, "cap.repair.characters"),
)
