"""The committed samples: what is good is accepted and resolved, what is bad is answered as EXPECTED.toml says."""

from __future__ import annotations

import re
import tomllib
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from lxml import etree

from lalert.cap.model import Alert, Status
from lalert.cap.parse import parse
from lalert.core.examine import Examined, examine
from lalert.core.model import Realm, Role, Sender
from lalert.errors import Severity
from lalert.geo import boundaries

FEEDS = Path(__file__).parents[2] / "sample_feeds"
GOOD = sorted((FEEDS / "good").glob("*.xml"))
BAD = sorted((FEEDS / "bad").glob("*.xml"))
EXPECTED = tomllib.loads((FEEDS / "bad" / "EXPECTED.toml").read_text())
NOW = datetime(2026, 11, 1, 9, 0, tzinfo=timezone(timedelta(hours=9)))

# What a sample may be told: it is old on purpose, and some name their area by codes alone.
TOLERATED = {"cap.sent.old", "cap.geocode.alone"}


def name(path: Path) -> str:
    """Return how a sample is called in test reports."""
    return path.stem


def examined(path: Path, *, realm: Realm, now: datetime = NOW) -> Examined:
    """Return what the intake finds out about a sample that a sender for the whole country posts."""
    sender = Sender("key", "samples", realm, Role.SENDER, ("*",))
    return examine(path.read_bytes(), sender=sender, now=now, slack_m=500, boundaries=boundaries.load())


def realm_of(alert: Alert) -> Realm:
    """Return the realm that a sample is for."""
    return Realm.DRILL if alert.status is Status.EXERCISE else Realm.LIVE


def about(path: Path) -> str:
    """Return the line after the XML declaration, which says what a sample exercises."""
    return path.read_text().splitlines()[1]


@pytest.mark.parametrize("path", GOOD, ids=name)
@pytest.mark.parametrize("years", [0, 20], ids=["now", "in-20-years"])
def test_good_sample_is_accepted(path: Path, years: int) -> None:
    """A good sample is accepted as it stands, today and in twenty years, with nothing found but its age."""
    realm = realm_of(parse(path.read_bytes()))
    result = examined(path, realm=realm, now=NOW.replace(year=NOW.year + years))
    assert result.refusal is None
    assert {finding.code for finding in result.findings} <= TOLERATED


@pytest.mark.parametrize("path", GOOD, ids=name)
def test_good_sample_holds_somewhere(path: Path) -> None:
    """Every sample but the line test resolves to municipalities."""
    alert = parse(path.read_bytes())
    zones = examined(path, realm=realm_of(alert)).zones
    assert bool(zones) is (alert.status is not Status.SYSTEM)
    assert all(zone.area.municipalities for zone in zones)


def test_good_samples_cover_every_level() -> None:
    """Levels 1 to 5 and messages without a level are all there."""
    levels = {zone.level for path in GOOD for zone in examined(path, realm=realm_of(parse(path.read_bytes()))).zones}
    assert levels == {None, 1, 2, 3, 4, 5}


def test_references_name_earlier_samples() -> None:
    """What a sample references is an earlier sample, by its exact triple: posted in order, threads come out right."""
    seen = set()
    for path in GOOD:
        alert = parse(path.read_bytes())
        assert set(alert.references) <= seen, path.name
        seen.add(alert.identity)


@pytest.mark.parametrize("path", [*GOOD, *BAD], ids=name)
def test_first_line_says_what_it_exercises(path: Path) -> None:
    """The line after the XML declaration is a comment in Japanese and English; a good one begins with its number."""
    found = re.fullmatch(r"<!-- (?P<ja>.*[ぁ-ん一-龥].*) / (?P<en>[ -~]+) -->", about(path))
    assert found
    assert path in BAD or found["ja"].startswith(path.name[:2] + " ")


def test_nobody_is_impersonated() -> None:
    """Every sender is under the reserved example.jp, and `source` says that it is a sample."""
    for path in GOOD:
        alert = parse(path.read_bytes())
        assert alert.sender.endswith(".example.jp")
        assert "sample" in (alert.source or "")


def test_drill_texts_are_marked_at_both_ends() -> None:
    """Every text of an exercise stands between two 【訓練】."""
    drills = [a for a in (parse(path.read_bytes()) for path in GOOD) if a.status is Status.EXERCISE]
    texts = [t for a in drills for i in a.infos for t in (i.headline, i.description, i.instruction) if t]
    assert len(texts) == 6
    assert all(text.startswith("【訓練】") and text.endswith("【訓練】") for text in texts)


def test_every_bad_sample_has_its_answer() -> None:
    """EXPECTED.toml and the folder name the same files."""
    assert set(EXPECTED) == {path.stem for path in BAD}


@pytest.mark.parametrize("path", BAD, ids=name)
def test_bad_sample_is_answered_as_expected(path: Path) -> None:
    """A bad sample has one mistake, told by its code, or, where it is merely unwise, a warning.

    Of a broken area both the document's rules and the boundary data may have something to say.
    """
    answer = EXPECTED[path.stem]
    result = examined(path, realm=Realm.LIVE)
    found = [*result.findings, *(result.refusal.findings if result.refusal else ())]
    errors = {finding.code for finding in found if finding.severity is Severity.ERROR}
    if answer["status"] == 201:
        assert result.refusal is None
        assert answer["code"] in {finding.code for finding in found}
    else:
        assert result.refusal is not None
        assert result.refusal.status == answer["status"]
        assert answer["code"] in errors
        assert all(code.startswith("area.") for code in errors - {answer["code"]})


def test_bad_samples_are_never_posted_by_mistake_for_good() -> None:
    """No bad sample shares its identity with a good one, so that trying it does not disturb a thread."""
    identifiers = {parse(path.read_bytes()).identifier for path in GOOD}
    for path in BAD:
        found = re.search(r"<identifier>(.*)</identifier>", path.read_text())
        assert found is None or found[1] not in identifiers


def test_readme_lists_every_sample() -> None:
    """The README's tables name every file, with the expected code of the bad ones."""
    readme = (FEEDS / "README.md").read_text()
    for path in [*GOOD, *BAD]:
        assert f"({path.parent.name}/{path.name})" in readme
    for stem, answer in EXPECTED.items():
        assert re.search(rf"bad/{re.escape(stem)}\.xml.*`{re.escape(answer['code'])}` \| {answer['status']} ", readme)


@pytest.mark.parametrize("path", GOOD, ids=name)
def test_good_sample_is_plain_xml(path: Path) -> None:
    """A good sample is UTF-8 without DOCTYPE, so that any CAP tool reads it."""
    tree = etree.parse(str(path), etree.XMLParser(resolve_entities=False))
    assert tree.docinfo.encoding == "UTF-8"
    assert not tree.docinfo.doctype
