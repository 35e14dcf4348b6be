"""Public CAP messages: what the specification calls valid passes, what it calls invalid does not."""

from __future__ import annotations

import csv
import os
import random
from pathlib import Path

import pytest
from lxml import etree

from lalert.cap import parse, structure
from lalert.cap.reader import Strictness, read

DATA = Path(os.environ.get("LALERT_TEST_DATA", ""))
needs_data = pytest.mark.skipif(
    not os.environ.get("LALERT_TEST_DATA"), reason="LALERT_TEST_DATA names no folder with the corpus of public messages"
)
ORACLES = {"1.2": "CAP-v1.2.xsd", "1.1": "CAP-v1.1.xsd", "1.0": "cap10.xsd"}


def _rows() -> list[dict[str, str]]:
    with (DATA / "cap-corpus" / "INDEX.tsv").open(encoding="utf-8") as table:
        return [r for r in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE) if r["kind"] == "alert"]


def _body(row: dict[str, str]) -> bytes:
    return (DATA / "cap-corpus" / row["file"]).read_bytes()


@needs_data
def test_verdicts_are_those_of_the_specification() -> None:
    """No valid message is refused, and no invalid one passes."""
    wrong = [
        r["file"] for r in _rows() if (read(_body(r), profile="core").verdict == "valid") != (r["spec"] == "valid")
    ]
    assert wrong == []


@needs_data
def test_schema_agrees_with_the_oracle() -> None:
    """Our schemas give the verdict of OASIS' own on every message."""
    oracles = {v: etree.XMLSchema(etree.parse(DATA / "cap-schemas" / name)) for v, name in ORACLES.items()}
    seen = 0
    for row in _rows():
        decoded = parse.decode(_body(row))
        if decoded.root is None or decoded.alert is None:
            continue
        version = decoded.alert.version
        ours = structure.is_valid(decoded.root, version)
        assert ours == oracles[version].validate(decoded.root), row["file"]
        seen += 1
    assert seen > 100


@needs_data
def test_findings_have_lines() -> None:
    """Every finding about a real message says on which line."""
    for row in _rows():
        assert all(f.line for f in read(_body(row)).findings), row["file"]


@needs_data
def test_upstream_withholds_no_valid_message() -> None:
    """What is valid, by CAP or by its own project, is published from an upstream feed; docs/decisions.md names one."""
    withheld = {
        r["file"]
        for r in _rows()
        if "valid" in (r["spec"], r["upstream"])
        and read(_body(r), profile="core", strictness=Strictness.UPSTREAM).verdict != "valid"
    }
    assert withheld == {"bcgov_naad-connector/tests_data_large-alert.xml"}


@needs_data
def test_mutated_messages_are_read_or_refused() -> None:
    """A message with some bytes changed gives a reading, and never anything else."""
    chance = random.Random(20260528)
    bodies = [_body(r) for r in _rows()]
    for _ in range(1500):
        raw = bytearray(chance.choice(bodies)[:20_000])
        for _ in range(chance.randint(1, 8)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        read(bytes(raw), strictness=chance.choice(list(Strictness)))
