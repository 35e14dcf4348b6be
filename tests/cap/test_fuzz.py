"""The invariant of lalert.cap: bytes become an Alert with findings, or Rejected; never anything else."""

from __future__ import annotations

import contextlib
import os
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lalert.cap import render
from lalert.cap.parse import MAX_BYTES, decode, parse
from lalert.cap.reader import Strictness, read
from lalert.errors import Rejected, Severity

from .messages import NOW, SOUND, patiently
from .mutants import mutant, seeds

INPUTS = int(os.environ.get("LALERT_FUZZ", "2000"))
SEEDS = 8


def hold(raw: bytes) -> None:
    """Assert the invariant for `raw` in both strictnesses, and that it reads the same straight on and patiently."""
    for strictness in Strictness:
        reading = read(raw, strictness=strictness, now=NOW)
        assert (reading.alert is not None) == (reading.verdict == "valid")
        assert reading.alert is not None or reading.findings
        if reading.alert is not None and strictness is Strictness.PRODUCER:
            render.to_dict(reading.alert)
    with contextlib.suppress(Rejected):
        parse(raw)
    quick, patient = decode(raw), patiently(raw)
    assert quick.findings == patient.findings
    # What the schema refuses may keep or lose blanks between elements where a text should be: nothing reads them.
    assert quick.alert == patient.alert or any(finding.severity is Severity.ERROR for finding in quick.findings)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_mutants(seed: int) -> None:
    """Samples and public messages that are broken in a few places keep the invariant."""
    chance, bodies = random.Random(seed), seeds()
    for _ in range(INPUTS // SEEDS):
        hold(mutant(bodies, chance))


@pytest.mark.soak
def test_no_mutant_keeps_the_reader_busy() -> None:
    """Of a tenth as many mutants, none takes more than 250 ms of CPU to read; the slowest is told."""
    chance, bodies = random.Random("busy"), seeds()
    slowest, of = 0.0, b""
    for _ in range(INPUTS // 10):
        raw = mutant(bodies, chance)
        begun = time.process_time()
        read(raw, strictness=chance.choice(list(Strictness)))
        spent = time.process_time() - begun
        slowest, of = max((slowest, of), (spent, raw))
    print(f"the slowest took {1000 * slowest:.0f} ms: {len(of)} bytes, {of[:200]!r}")
    assert slowest <= 0.25


ROOM = MAX_BYTES - len(SOUND.encode()) - 300
PLACES = {  # what is repeated, and before which tag of the sound message
    "words": ("水 ", "</headline>"),
    "content": ("QUJD", "</derefUri>"),
    "vertices": ("1,1 ", "</polygon>"),
    "references": ("a,b,2026-09-01T11:00:00+09:00 ", "</references>"),
    "tags": ("<code/>", "<references>"),
    "levels": ("<x>", "<references>"),
    "comments": ("<!-- -->", "<info>"),
    "entities": ("&amp;", "</headline>"),
    "attributes": (' a="1"', "><!-- info"),
    "namespaces": (' xmlns:a="urn:a"', "><!-- info"),
    "blanks": ("\n", "<info>"),
}


@pytest.mark.soak
@pytest.mark.parametrize("name", PLACES)
def test_nothing_as_large_as_a_message_keeps_the_reader_busy(name: str) -> None:
    """One thing repeated until the message is as large as it may be takes less than 250 ms of CPU to read."""
    piece, before = PLACES[name]
    text = SOUND.replace("</uri>", "</uri><derefUri></derefUri>").replace("<info>", "<references></references><info>")
    text = text.replace("<info>", "<info><!-- info -->")
    assert before in text
    raw = text.replace(before, piece * (ROOM // len(piece.encode())) + before, 1).encode()
    for strictness in Strictness:
        begun = time.process_time()
        read(raw, strictness=strictness, now=NOW)
        assert time.process_time() - begun <= 0.25


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes(raw: bytes) -> None:
    """Bytes that were never a message keep the invariant."""
    hold(raw)


TAGS = st.sampled_from(
    [
        "alert",
        "info",
        "area",
        "sent",
        "polygon",
        "circle",
        "geocode",
        "value",
        "category",
        "references",
        "resource",
        "x",
    ]
)
TREES = st.recursive(
    st.tuples(TAGS, st.text("0123456789,.- Tabc:+", max_size=12)).map(lambda p: f"<{p[0]}>{p[1]}</{p[0]}>"),
    lambda inner: st.tuples(TAGS, st.lists(inner, max_size=4)).map(lambda p: f"<{p[0]}>{''.join(p[1])}</{p[0]}>"),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(TREES)
def test_well_formed_nonsense(tree: str) -> None:
    """Elements of CAP in any nesting and any order keep the invariant."""
    hold(f'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">{tree}</alert>'.encode())
