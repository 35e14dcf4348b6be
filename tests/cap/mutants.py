"""Messages as they break: bytes flipped, cut, doubled, spliced, elements repeated and moved, numbers blown up."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

SAMPLES = Path(__file__).parents[2] / "sample_feeds"
LARGEST = 1_200_000  # a little more than intake takes

_ELEMENT = re.compile(rb"<([A-Za-z:]+)>[^<>]*</\1>|<([A-Za-z:]+)>.*?</\2>", re.DOTALL)
_NUMBER = re.compile(rb"[0-9]+")
_MARKUP = (
    rb"< > & ]]> <![CDATA[ <!-- --> <?x?> &#0; &#10; &lt; &x; <info> </info> <area/> <polygon/> <geocode/>".split()
)
_WORDS = rb"+09:60 Z e308 nan - +00:00 \r\n 999999".split()
_TOKENS = (
    *_MARKUP,
    *_WORDS,
    b"<!DOCTYPE a [",
    b' x="1"',
    b' xmlns="urn:x"',
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xe3\x81",
)
_NUMBERS = (b"0", b"-1", b"99999999999999999999", b"1e309", b".5", b"5.", b"180.0000001", b"90", b"9" * 400)


def seeds() -> list[bytes]:
    """Return the messages to start from: the samples, and the public ones where they are at hand."""
    folder = os.environ.get("LALERT_TEST_DATA")
    public = sorted(Path(folder, "cap-corpus").glob("*/*")) if folder else []
    return [path.read_bytes() for path in (*sorted(SAMPLES.glob("*/*.xml")), *public)]


def mutant(bodies: list[bytes], chance: Random) -> bytes:
    """Return one of `bodies`, changed in up to eight places."""
    raw = chance.choice(bodies)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        raw = chance.choice(_CHANGES)(raw, bodies, chance)[:LARGEST] or b"<"
    return raw


def _flip(raw: bytes, _bodies: list[bytes], chance: Random) -> bytes:
    at = chance.randrange(len(raw))
    return raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]


def _cut(raw: bytes, _bodies: list[bytes], chance: Random) -> bytes:
    at = chance.randrange(len(raw))
    return raw[:at] + raw[at + chance.choice((1, 5, 40, 2_000)) :]


def _insert(raw: bytes, _bodies: list[bytes], chance: Random) -> bytes:
    at = chance.randrange(len(raw))
    return raw[:at] + chance.choice(_TOKENS) + raw[at:]


def _splice(raw: bytes, bodies: list[bytes], chance: Random) -> bytes:
    other = chance.choice(bodies)
    return raw[: chance.randrange(len(raw))] + other[chance.randrange(len(other)) :]


def _number(raw: bytes, _bodies: list[bytes], chance: Random) -> bytes:
    spots = [found.span() for found in _NUMBER.finditer(raw[:50_000])]
    if not spots:
        return raw
    start, end = chance.choice(spots)
    return raw[:start] + chance.choice(_NUMBERS) + raw[end:]


def _repeat(raw: bytes, _bodies: list[bytes], chance: Random) -> bytes:
    """Double an element, or repeat it until it is too much."""
    found = _ELEMENT.search(raw, chance.randrange(len(raw)))
    if found is None:
        return raw
    times = chance.choice((1, 1, 1, 1, 1, 1, 2, 2, 3, 10, 120, 6_500)) if chance.random() < 0.05 else 1
    return raw[: found.end()] + found[0] * min(times, LARGEST // len(found[0])) + raw[found.end() :]


def _move(raw: bytes, _bodies: list[bytes], chance: Random) -> bytes:
    """Take an element out, and put it in somewhere else."""
    found = _ELEMENT.search(raw, chance.randrange(len(raw)))
    if found is None:
        return raw
    rest = raw[: found.start()] + raw[found.end() :]
    at = max(rest.find(b"<", chance.randrange(len(rest) or 1)), 0) if rest else 0
    return rest[:at] + found[0] + rest[at:]


_CHANGES: tuple[Callable[[bytes, list[bytes], Random], bytes], ...] = (
    _flip,
    _cut,
    _insert,
    _insert,
    _splice,
    _number,
    _repeat,
    _move,
)
