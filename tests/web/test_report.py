"""What the validator page shows: every finding at its line, bounded whatever comes, and a sample of what may go out."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.cap.model import Alert
from lalert.cap.reader import Strictness
from lalert.core.inspection import Question, inspect
from lalert.core.model import Realm
from lalert.geo.atlas import Atlas
from lalert.geo.boundaries import BoundarySet
from lalert.web.report import (
    MAX_COLUMNS,
    MAX_LINES,
    MAX_NOTES,
    MAX_SAMPLES,
    Report,
    Setting,
    bytes_of,
    report_of,
    text_of,
)
from lalert.web.validation import PROFILES
from lalert.web.views import Asked, Pages, Visit
from tests.cap.mutants import mutant, seeds
from tests.rig.author import CHIYODA, Author, now
from tests.rig.envelopes import envelope

MUTANTS = 100

author = Author()


def setting(japan: BoundarySet, **changes: object) -> Setting:
    """Return where a message would appear: the live realm, in Japanese."""
    made = Setting(realm=Realm.LIVE, base="", now=now(), lifetime=timedelta(hours=1), boundaries=japan, lang="ja")
    return replace(made, **changes)  # type: ignore[arg-type]


def report(raw: bytes | Alert, japan: BoundarySet, **changes: object) -> Report:
    """Return the report about a document under the Japanese profile."""
    at, document = setting(japan, **changes), raw.raw if isinstance(raw, Alert) else raw
    return report_of(document, inspect(document, Question(now=at.now, boundaries=japan)), at)


def wrong() -> bytes:
    """Return a message with an error in its line of urgency."""
    return author.order(CHIYODA).raw.replace(b"<urgency>Immediate", b"<urgency>Now")


def test_findings_stand_at_their_lines(japan: BoundarySet) -> None:
    """The line is the one of the document, its gravest note comes first, and nothing is hidden of a short message."""
    found = report(wrong(), japan)
    (line,) = (line for line in found.marked if line.severity == "error")
    assert "<urgency>Now" in line.text
    assert line.notes[0].found == "Now"
    assert [one.number for one in found.lines] == list(range(1, len(found.lines) + 1))
    assert (found.is_valid, found.rest, found.more, found.samples) == (False, 0, 0, ())
    assert dict(found.counts)["error"] == 1


def test_sample_of_what_may_go_out(japan: BoundarySet) -> None:
    """A good message has its face, its map, its words in every length, and those whom it reaches."""
    found = report(author.order(CHIYODA, level=4), japan)
    (sample,) = found.samples
    assert (found.is_valid, found.is_refused, sample.refusals) == (True, False, ())
    assert sample.face is not None
    assert "警戒レベル4" in sample.face.headline
    assert [(length, len(text) <= length) for length, text in sample.tickers] == [(20, True), (40, True), (80, True)]
    assert "千代田区" in sample.spoken
    kind, _, drawing = sample.map_src.partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(drawing).startswith(b"<svg")
    names = [place.name for part in sample.face.parts for _, places in part.prefectures for place in places]
    assert names == ["千代田区"]


def test_the_wrong_realm_is_told(japan: BoundarySet) -> None:
    """A message that nobody here may hear is not called publishable, however right it is in itself."""
    found = report(Author(drill=True).order(CHIYODA), japan)
    assert (found.is_valid, found.is_refused) == (True, True)
    assert "訓練" in found.samples[0].refusals[0][0]
    assert not report(Author(drill=True).order(CHIYODA), japan, realm=Realm.DRILL).is_refused


def test_no_area_is_told(japan: BoundarySet) -> None:
    """CAP alone accepts an area that is only a name; here it goes to nobody, and the page says so."""
    raw = author.order(CHIYODA).raw.replace(b"JISX0402", b"X-OTHER")
    at = setting(japan)
    found = report_of(raw, inspect(raw, Question(profile="core", now=at.now, boundaries=japan)), at)
    assert (found.is_valid, found.is_refused, found.samples[0].has_area) == (True, True, False)
    assert not report(author.line_test(), japan).is_refused


def test_what_is_no_alert_has_no_face(japan: BoundarySet) -> None:
    """An Error may be right in itself; it is for nobody, and nothing can be shown of it but that."""
    raw = author.order(CHIYODA).raw.replace(b"<msgType>Alert", b"<msgType>Error")
    at = setting(japan)
    question = Question(profile="core", strictness=Strictness.UPSTREAM, now=at.now, boundaries=japan)
    found = report_of(raw, inspect(raw, question), at)
    (sample,) = found.samples
    assert (sample.face, found.is_refused) == (None, True)


def test_what_nobody_sees_has_a_name(japan: BoundarySet) -> None:
    """A NUL, a mark that turns the line round and a zero width stand in the line by their numbers."""
    raw = author.order(CHIYODA).raw.replace(b"<headline>", "<headline>\u202e\u200b\t".encode())
    (line,) = (line.text for line in report(raw, japan).lines if "<headline>" in line.text)
    assert "<headline>[U+202E][U+200B]\t" in line
    broken = report(raw.replace(b"<event>", b"<event>\0"), japan)
    assert "<event>[U+0000]" in next(line.text for line in broken.lines if line.notes)


def test_long_messages_are_cut_around_what_is_wrong(japan: BoundarySet) -> None:
    """Of many lines those near a finding are shown, and how many are not; a long line ends early."""
    long = b"<note>" + b"x" * 5_000 + b"\n" * 30_000 + b"</note>"
    raw = wrong().replace(b"<info>", long + b"<info>", 1)
    found = report(raw, japan)
    assert len(found.lines) <= MAX_LINES
    assert max(len(line.text) for line in found.lines) <= MAX_COLUMNS + 1
    shown = len(found.lines) + sum(line.skipped for line in found.lines) + found.rest
    assert shown == raw.count(b"\n")
    (line,) = (line for line in found.marked if line.notes[0].found == "Now")
    numbers = {line.number for line in found.lines}
    assert {line.number - 3, line.number + 3} <= numbers


def test_many_findings_are_cut_after_the_gravest(japan: BoundarySet) -> None:
    """No more notes than somebody reads; errors are never left out for remarks."""
    found = report(envelope(*(wrong() for _ in range(60))), japan)
    notes = [note for line in found.lines for note in line.notes] + list(found.general)
    total = sum(count for _, count in found.counts)
    assert (len(notes), found.more) == (min(MAX_NOTES, total), max(0, total - MAX_NOTES))
    assert sum(note.severity == "error" for note in notes) == dict(found.counts)["error"] == 60


def test_few_samples_of_an_envelope(japan: BoundarySet) -> None:
    """Drawing costs: of many good messages the first few are shown, and how many are not."""
    found = report(envelope(*(author.order(CHIYODA) for _ in range(MAX_SAMPLES + 2))), japan)
    assert (len(found.samples), found.unseen, found.messages) == (MAX_SAMPLES, 2, MAX_SAMPLES + 2)


@given(st.binary(max_size=300))
def test_any_bytes_have_a_report(japan: BoundarySet, raw: bytes) -> None:
    """Nothing that somebody sends breaks the page: it is invalid, and shown."""
    found = report(raw, japan)
    assert not found.is_valid
    assert found.lines


def test_broken_messages_have_a_page(japan: BoundarySet) -> None:
    """Messages as they break, alone and in envelopes, under all rules, in both realms and languages: always a page."""
    chance, bodies = Random(20261123), seeds()
    pages = {realm: Pages(Atlas(japan), realm=realm, base="", title="lalert") for realm in Realm}
    samples = 0
    for number in range(MUTANTS):
        raw = envelope(*(chance.choice(bodies) for _ in range(3))) if number % 10 == 0 else mutant(bodies, chance)
        at = setting(japan, realm=chance.choice(list(Realm)), lang=chance.choice(["ja", "en"]))
        strictness, profile = chance.choice(list(Strictness)), chance.choice(list(PROFILES.values()))
        question = Question(profile=profile, strictness=strictness, now=at.now, boundaries=japan)
        found = report_of(raw, inspect(raw, question), at)
        body = pages[at.realm].validator(Asked(text=text_of(raw)), found, Visit(now=at.now, lang=at.lang))
        assert body.endswith(b"</html>")
        samples += len(found.samples)
    assert samples


@pytest.mark.parametrize("encoding", ["shift_jis", "euc-jp", "utf-16"])
def test_other_encodings(encoding: str) -> None:
    """A file is shown in the encoding that it declares, and what was pasted goes back into it."""
    text = f"<?xml version='1.0' encoding='{encoding}'?><alert>避難指示</alert>"
    assert text_of(text.encode(encoding)) == text
    assert text_of(bytes_of(text.encode())) == text


@pytest.mark.parametrize("encoding", ["utf-8", "punycode", "zip", "unknown", "x" * 30])
def test_unknown_encodings_are_left_alone(encoding: str) -> None:
    """What is no encoding of documents here is read as UTF-8; no codec is run because a message names it."""
    raw = f"<?xml version='1.0' encoding='{encoding}'?>火山".encode()
    assert bytes_of(raw) == raw
    assert text_of(raw) == raw.decode()
