"""What the validator page shows of a document: its lines with what is wrong beside them, and how it would look.

Everything is bounded: a message of a megabyte has more lines than a page can show and than anybody reads. Lines near a
finding come first; where some were left out, the page says how many.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from lalert.core.inspection import Inspected, Inspection
from lalert.core.model import Entry, Posted, Realm, Standing
from lalert.core.trial import trial_of
from lalert.errors import Finding, Severity
from lalert.geo.boundaries import BoundarySet
from lalert.render.entry import TICKERS
from lalert.render.map import alert_map
from lalert.render.wording import summary, ticker
from lalert.render.words import pick
from lalert.web.message import Message, message_of

MAX_LINES: Final = 400
MAX_COLUMNS: Final = 300
MAX_NOTES: Final = 200
MAX_SAMPLES: Final = 3  # of an envelope's messages; each is drawn

_AROUND: Final = 3  # lines shown before and after one with a finding, where not all can be
_HEAD: Final = 12  # lines shown of the beginning
_GRAVEST_FIRST: Final = tuple(Severity)
_ENCODINGS: Final = frozenset({"shift_jis", "windows-31j", "cp932", "euc-jp", "iso-2022-jp", "utf-16", "iso-8859-1"})
# Controls but the tab, soft hyphens, zero widths, marks of direction, line separators.
_UNSEEN: Final = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
_DECLARED: Final = re.compile(rb"""\A<\?xml[^>]{1,80}?encoding\s*=\s*["']([A-Za-z0-9_-]{1,20})["']""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One finding in the language of the page. `severity` is `error`, `warning` or `info`."""

    severity: str
    code: str
    clause: str
    line: int | None
    message: str
    advice: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the document with its notes; `skipped` lines before it are not shown."""

    number: int
    text: str
    notes: tuple[Note, ...]
    skipped: int

    @property
    def severity(self) -> str:
        """The gravest of its notes, empty where there is none."""
        return self.notes[0].severity if self.notes else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How a message would look here if it were kept: it is not. `refusals` say why nobody would hear it.

    What is no alert at all (Ack, Error) has no `face`.
    """

    line: int
    refusals: tuple[tuple[str, str], ...]
    has_area: bool  # or needs none
    face: Message | None = None
    tickers: tuple[tuple[int, str], ...] = ()
    spoken: str = ""
    map_src: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole. `counts` are (severity, how many) from the gravest; `general` are notes that have no line.

    `more` is how many findings, `rest` how many lines, `unseen` how many samples were left out.
    """

    is_valid: bool
    messages: int
    counts: tuple[tuple[str, int], ...]
    general: tuple[Note, ...]
    lines: tuple[Line, ...]
    rest: int
    more: int
    signatures: tuple[tuple[str, str, str], ...]
    samples: tuple[Sample, ...]
    unseen: int

    @property
    def is_refused(self) -> bool:
        """Whether a message that is right in itself would be refused here all the same."""
        return any(sample.refusals or not sample.has_area for sample in self.samples)

    @property
    def marked(self) -> tuple[Line, ...]:
        """The lines that have notes."""
        return tuple(line for line in self.lines if line.notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where a message would appear: the realm, its URL prefix, the moment, the map, the language of the page."""

    realm: Realm
    base: str
    now: datetime
    lifetime: timedelta
    boundaries: BoundarySet
    lang: Literal["ja", "en"]


def report_of(raw: bytes, inspection: Inspection, setting: Setting) -> Report:
    """Return what the page shows of the document in `raw`, inspected."""
    findings = inspection.findings
    gravest = sorted(findings, key=lambda one: _GRAVEST_FIRST.index(one.severity))
    notes = [_note(finding, setting.lang) for finding in gravest[:MAX_NOTES]]
    text = text_of(raw).removesuffix("\n").split("\n")
    placed = [note for note in notes if note.line is not None and 1 <= note.line <= len(text)]
    lines = tuple(_lines(text, placed))
    good = [message for message in inspection.messages if message.alert is not None]
    return Report(
        is_valid=inspection.verdict == "valid",
        messages=len(inspection.messages),
        counts=tuple((kind.value, sum(one.severity is kind for one in findings)) for kind in _GRAVEST_FIRST),
        general=tuple(note for note in notes if note not in placed),
        lines=lines,
        rest=len(text) - (lines[-1].number if lines else 0),
        more=len(findings) - len(notes),
        signatures=tuple(
            (one.verdict.value, one.signer, one.algorithm)
            for message in inspection.messages
            for one in message.signatures
        ),
        samples=tuple(_sample(message, setting) for message in good[:MAX_SAMPLES]),
        unseen=max(0, len(good) - MAX_SAMPLES),
    )


def text_of(raw: bytes) -> str:
    """Return a document as people read it; what cannot be read is shown as U+FFFD."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    return raw.decode(_declared(raw) or "utf-8", "replace").removeprefix("\ufeff")


def visible(text: str) -> str:
    """Return `text` with a name in place of what nobody sees and what turns the others round: `[U+202E]`."""
    return _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def bytes_of(text: bytes) -> bytes:
    """Return the document that was pasted as `text`, in UTF-8: in the encoding that it declares, as its file was."""
    encoding = _declared(text)
    return text if encoding is None else text.decode("utf-8", "replace").encode(encoding, "replace")


def _declared(raw: bytes) -> str | None:
    """Return the encoding that an XML declaration names, if it is another than UTF-8 that documents here may have."""
    found = _DECLARED.match(raw)
    name = found[1].decode().lower() if found else ""
    return name if name in _ENCODINGS else None


def _note(finding: Finding, lang: str) -> Note:
    return Note(
        severity=finding.severity.value,
        code=finding.code,
        clause=finding.clause,
        line=finding.line,
        message=pick(finding.message, lang),
        advice=pick(finding.advice, lang),
        found=visible(finding.found or ""),
    )


def _lines(text: Sequence[str], notes: Sequence[Note]) -> Iterator[Line]:
    """Yield the lines to show; `notes` come gravest first, and stay so on each line."""
    by_line: dict[int, list[Note]] = {}
    for note in notes:
        by_line.setdefault(note.line or 1, []).append(note)
    before = 0
    for number in _chosen(len(text), by_line):
        shown = text[number - 1].rstrip("\r")
        cut = shown if len(shown) <= MAX_COLUMNS else shown[:MAX_COLUMNS] + "…"
        yield Line(number=number, text=visible(cut), notes=tuple(by_line.get(number, ())), skipped=number - before - 1)
        before = number


def _chosen(count: int, marked: Collection[int]) -> list[int]:
    """Return which of `count` lines are shown, in order: all if they fit, else those that have something near them."""
    if count <= MAX_LINES:
        return list(range(1, count + 1))
    chosen = set(marked) | set(range(1, _HEAD + 1))
    for near in range(1, _AROUND + 1):
        around = {line + step for line in marked for step in (-near, near) if 1 <= line + step <= count}
        if len(chosen | around) <= MAX_LINES:
            chosen |= around
    return sorted(chosen)


def _sample(found: Inspected, setting: Setting) -> Sample:
    trial = trial_of(found, setting.realm, at=setting.now, boundaries=setting.boundaries, lifetime=setting.lifetime)
    assert trial is not None  # only what is right is shown
    refusals = tuple((pick(one.message, setting.lang), pick(one.advice, setting.lang)) for one in trial.refusals)
    bare = Sample(line=found.line, refusals=refusals, has_area=trial.has_area)
    return bare if trial.entry is None else _faced(bare, trial.entry, setting)


def _faced(sample: Sample, entry: Entry, setting: Setting) -> Sample:
    """Return a sample with everything that people would see and hear of its entry."""
    posted = Posted(entry, Standing(state=entry.state, cancel_kind=entry.cancel_kind))
    face = message_of(posted, [entry], lang=setting.lang, base=setting.base)
    return replace(
        sample,
        face=face,
        tickers=tuple((length, ticker(entry, length, lang=setting.lang)) for length in TICKERS),
        spoken=summary(entry, setting.lang, as_of=setting.now),
        map_src=_drawn(entry, setting) if face.has_map else "",
    )


def _drawn(entry: Entry, setting: Setting) -> str:
    """Return the map as a `data:` address: it is kept nowhere, so that there is nothing to ask for."""
    drawing = alert_map(entry, setting.boundaries, as_of=setting.now, lang=setting.lang)
    return "data:image/svg+xml;base64," + base64.b64encode(drawing).decode()
