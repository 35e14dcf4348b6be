"""Scenarios as they are played: every message is accepted, in order, and says what the chronology says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

import lalert
from lalert.cap.meaning import is_all_clear, is_correction, level_of
from lalert.cap.model import Alert, Identity, MsgType, Status
from lalert.cap.parse import parse
from lalert.cli import scenario
from lalert.cli.scenario import Step
from lalert.core.examine import examine
from lalert.core.model import Realm, Role, Sender
from lalert.errors import Rejected
from lalert.geo import boundaries

START = datetime(2026, 11, 1, 3, 20, 30, tzinfo=UTC)
NAMES = ("drill", "tsunami", "typhoon")


@cache
def played(name: str, speed: float = 1.0) -> tuple[tuple[Step, Alert], ...]:
    """Return the messages of a scenario with what their bytes say."""
    steps = scenario.messages(scenario.load(name), start=START, speed=speed)
    return tuple((step, parse(step.raw)) for step in steps)


def codes_of(alerts: Sequence[Alert]) -> set[str]:
    """Return the municipality codes in senders: one sender a municipality."""
    return {a.sender.removeprefix("bousai@").removesuffix(".example.jp") for a in alerts if a.sender[:6] == "bousai"}


def moment(step: Step, begins: str) -> str:
    """Return the event's own time of a step, as `12T15:30`."""
    return f"{datetime.fromisoformat(begins) + timedelta(seconds=step.at_s):%dT%H:%M}"


def test_names() -> None:
    """The scenarios that the README promises are there."""
    assert scenario.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_message_is_accepted(name: str) -> None:
    """The intake accepts every message at the moment of its step, with nothing found that its sender should change."""
    realm = scenario.load(name).head.realm
    sender = Sender("key", "demo", realm, Role.SENDER, ("*",))
    places = boundaries.load()
    for step, _ in played(name):
        now = START + timedelta(seconds=step.at_s)
        result = examine(step.raw, sender=sender, now=now, slack_m=500, boundaries=places)
        assert result.refusal is None, (step.identifier, result.findings)
        assert {finding.code for finding in result.findings} <= {"cap.geocode.alone"}, step.identifier
        assert result.zones


@pytest.mark.parametrize(
    ("name", "speed"), [("drill", 1.0), ("tsunami", 600.0), ("typhoon", 1.0), ("typhoon", 60.0), ("typhoon", 600.0)]
)
def test_steps_are_in_order_and_never_early(name: str, speed: float) -> None:
    """Steps come in order of time; `sent` is the step's own moment, cut to the second, never in the future."""
    before = 0.0
    for step, alert in played(name, speed):
        assert step.at_s >= before
        before = step.at_s
        late = START + timedelta(seconds=step.at_s) - alert.sent
        assert timedelta(0) <= late < timedelta(seconds=1)


@pytest.mark.parametrize("name", NAMES)
def test_references_name_the_message_in_force(name: str) -> None:
    """An Update or Cancel references exactly the latest message of its thread; identifiers are unique."""
    latest: dict[str, Identity] = {}
    identifiers = set()
    for step, alert in played(name):
        thread = step.thread
        if alert.msg_type is MsgType.ALERT:
            assert not alert.references
            assert thread not in latest
        else:
            assert alert.references == (latest[thread],)
            assert alert.sender == alert.references[0].sender
        latest[thread] = alert.identity
        identifiers.add(alert.identifier)
    assert len(identifiers) == len(played(name))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_expires_before_it_is_followed(name: str) -> None:
    """An announcement holds past the next message of its thread, at the event's own speed."""
    expires: dict[str, datetime] = {}
    for step, alert in played(name):
        thread = step.thread
        assert expires.get(thread, alert.sent) >= alert.sent
        until = [info.expires for info in alert.infos if info.expires]
        assert len(until) == len(alert.infos)
        expires[thread] = min(until)


@pytest.mark.parametrize("name", NAMES)
def test_three_languages_say_it(name: str) -> None:
    """Every message speaks Japanese first, then easy Japanese and English, and leaves no gap unfilled."""
    for step, alert in played(name):
        assert [info.language for info in alert.infos] == ["ja", "ja-x-easy", "en"]
        assert step.title == alert.infos[0].headline
        assert "{" not in step.raw.decode()


@pytest.mark.parametrize("name", ["tsunami", "typhoon"])
def test_play_is_deterministic(name: str) -> None:
    """The same start gives the same bytes; another start gives other identifiers."""
    again = [step.raw for step in scenario.messages(scenario.load(name), start=START)]
    assert again == [step.raw for step, _ in played(name)]
    later = next(scenario.messages(scenario.load(name), start=START + timedelta(seconds=1)))
    assert later.identifier not in {step.identifier for step, _ in played(name)}


def test_speed_divides_the_waiting_and_keeps_the_holding() -> None:
    """Twice the speed halves when messages come, and changes nothing of how long an announcement holds."""
    for (slow, alert), (fast, quick) in zip(played("tsunami"), played("tsunami", 2.0), strict=True):
        assert fast.at_s == pytest.approx(slow.at_s / 2)
        expires = [a.infos[0].expires for a in (alert, quick)]
        assert expires[0] is not None
        assert expires[1] is not None
        assert expires[0] - alert.sent == expires[1] - quick.sent


def test_typhoon_is_wide_and_complete() -> None:
    """The typhoon covers over 100 municipalities in 13 prefectures and more, with every level and every act."""
    alerts = [alert for _, alert in played("typhoon")]
    codes = codes_of(alerts)
    assert len(codes) > 100
    assert {code[:2] for code in codes} >= {f"{n:02d}" for n in (3, 4, 7, 8, 9, 10, 11, 13, 14, 15, 19, 20, 22)}
    assert {level_of(info, sent=a.sent) for a in alerts for info in a.infos} >= {None, 3, 4, 5}
    assert sum(is_correction(a) for a in alerts) == 1
    assert sum(a.msg_type is MsgType.CANCEL for a in alerts) == 1
    assert any(is_all_clear(info) for a in alerts for info in a.infos)
    assert any(info.event == "避難所" for a in alerts for info in a.infos)
    assert any(block.polygons for a in alerts for info in a.infos for block in info.areas)
    assert any(block.circles for a in alerts for info in a.infos for block in info.areas)
    assert {a.status for a in alerts} == {Status.ACTUAL}


def test_typhoon_keeps_the_published_minutes() -> None:
    """The special warnings of the 13 prefectures begin and end at the published minutes of 2019-10-12 and 13."""
    begins = scenario.load("typhoon").head.begins.isoformat()
    times: dict[str, list[str]] = {}
    for step, alert in played("typhoon"):
        if "-special-" in step.identifier:
            place = alert.infos[0].areas[0].area_desc
            times.setdefault(place, []).append(moment(step, begins))
    assert times == {
        "静岡県": ["12T15:30", "12T22:20"],
        "神奈川県": ["12T15:30", "13T00:20"],
        "東京都": ["12T15:30", "12T23:55"],
        "埼玉県": ["12T15:30", "13T00:40"],
        "群馬県": ["12T15:30", "13T00:10"],
        "山梨県": ["12T15:30", "12T23:01"],
        "長野県": ["12T15:30", "13T03:20"],
        "茨城県": ["12T19:50", "13T02:20"],
        "栃木県": ["12T19:50", "13T02:20"],
        "新潟県": ["12T19:50", "13T03:20"],
        "福島県": ["12T19:50", "13T04:00"],
        "宮城県": ["12T19:50", "13T05:45"],
        "岩手県": ["13T00:40", "13T08:40"],
    }


def test_tsunami_keeps_the_published_minutes_and_has_no_level() -> None:
    """Noto: warning 16:12, major 16:22, warning 20:30, advisory 01:15, lifted 10:00; nothing carries a level."""
    begins = scenario.load("tsunami").head.begins.isoformat()
    noto = [(moment(s, begins), a.infos[0]) for s, a in played("tsunami") if "-coast-noto-" in s.identifier]
    assert [(at, info.event, is_all_clear(info)) for at, info in noto] == [
        ("01T16:12", "津波警報", False),
        ("01T16:22", "大津波警報", False),
        ("01T20:30", "津波警報", False),
        ("02T01:15", "津波注意報", False),
        ("02T10:00", "津波注意報", True),
    ]
    alerts = [alert for _, alert in played("tsunami")]
    assert {level_of(info, sent=a.sent) for a in alerts for info in a.infos} == {None}
    assert not any("警戒レベル" in (info.headline or "") for a in alerts for info in a.infos)


def test_drill_is_all_municipalities_within_minutes() -> None:
    """1,741 municipalities post within five minutes, all as exercises, each text between two marks."""
    orders = [(step, alert) for step, alert in played("drill") if alert.msg_type is MsgType.ALERT]
    assert len(codes_of([alert for _, alert in orders])) == len(orders) == 1741
    assert max(step.at_s for step, _ in orders) <= 300
    for step, alert in played("drill"):
        assert step.realm == Realm.DRILL
        assert alert.status is Status.EXERCISE
        assert alert.note
        for info in alert.infos:
            mark = "【訓練】" if info.language.startswith("ja") else "【DRILL】"
            for text in (info.headline, info.description, info.instruction):
                assert text is not None
                assert text.startswith(mark)
                assert text.endswith(mark)


@pytest.mark.parametrize(
    ("status", "realm"), [(Status.ACTUAL, Realm.LIVE), (Status.EXERCISE, Realm.DRILL)], ids=["live", "drill"]
)
def test_nationwide_is_every_municipality_at_once(status: Status, realm: Realm) -> None:
    """`nationwide` gives 1,741 messages for one moment, the asked number of them level 5, spread among the rest."""
    steps = list(scenario.nationwide(start=START, status=status, level5=3))
    alerts = [parse(step.raw) for step in steps]
    assert len(codes_of(alerts)) == len(steps) == 1741
    assert {step.at_s for step in steps} == {0.0}
    assert {step.realm for step in steps} == {realm}
    assert {alert.status for alert in alerts} == {status}
    urgent = [n for n, alert in enumerate(alerts) if level_of(alert.infos[0], sent=alert.sent) == 5]
    assert len(urgent) == 3
    assert urgent[-1] - urgent[0] > 500


def test_nationwide_without_level_5() -> None:
    """No level 5 is a choice, too."""
    steps = list(scenario.nationwide(start=START, level5=0))
    assert len(steps) == 1741
    assert not any("警戒レベル5" in step.title for step in steps)


def test_correction_keeps_level_and_place() -> None:
    """The 訂正 of the typhoon changes words only: level, area and response stay, and its note says what was wrong."""
    alerts = [alert for _, alert in played("typhoon")]
    correction = next(alert for alert in alerts if is_correction(alert))
    before = next(alert for alert in alerts if alert.identity == correction.references[0])
    for old, new in zip(before.infos, correction.infos, strict=True):
        assert (old.areas, old.response_types, old.urgency) == (new.areas, new.response_types, new.urgency)
    told, corrected = before.infos[0].description or "", correction.infos[0].description or ""
    assert told.replace("富山", "富浦") == corrected != told  # not even the time of the order changes
    assert "（誤）" in (correction.note or "")
    lifting = next(alert for alert in alerts if correction.identity in alert.references)
    assert lifting.note is None


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """The example of the README plays: a path that ends in .toml is a scenario."""
    readme = (Path(lalert.__file__).parents[1] / "sample_feeds" / "README.md").read_text()
    path = tmp_path / "my.toml"
    path.write_text(readme.split("```toml\n")[1].split("```")[0])
    steps = list(scenario.messages(scenario.load(path), start=START))
    assert [parse(step.raw).msg_type.value for step in steps] == ["Alert", "Update", "Update", "Update", "Alert"]
    assert steps[0].identifier.startswith("my-")


def test_codes_of_a_prefecture_mean_all_inside(tmp_path: Path) -> None:
    """Two digits stand for every municipality of that prefecture."""
    path = tmp_path / "tokushima.toml"
    path.write_text(
        'realm = "drill"\nbegins = 2026-01-01T00:00:00+09:00\ntitle = { ja = "徳島県", en = "Tokushima" }\n'
        '[[part]]\nname = "all"\nhazard = "landslide"\ncodes = ["36"]\n'
        "acts = [{ at = 2026-01-01T00:00:00+09:00, level = 3 }]\n"
    )
    steps = list(scenario.messages(scenario.load(path), start=START))
    assert len(steps) == 24
    assert {step.at_s for step in steps} == {60.0 * n for n in range(24)}


@pytest.mark.parametrize("name", ["hagibis", "../typhoon", ""])
def test_unknown_name_is_refused(name: str) -> None:
    """A name that is not there is refused, and the refusal names those that are."""
    with pytest.raises(Rejected) as refused:
        scenario.load(name)
    assert [finding.code for finding in refused.value.findings] == ["scenario.unknown"]
    assert "typhoon" in (refused.value.findings[0].found or "")


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "not-utf-8"])
def test_unreadable_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """A file that cannot be read is the user's mistake, not a crash."""
    path = tmp_path / "my.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Rejected) as refused:
        scenario.load(path)
    assert refused.value.findings[0].code == "scenario.unreadable"


def test_installed_package_finds_its_scenarios(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a checkout around it, the package looks where setup.cfg installs the files."""
    monkeypatch.setattr(scenario.lalert, "__file__", str(tmp_path / "site-packages" / "lalert" / "__init__.py"))
    monkeypatch.setattr(scenario.sys, "prefix", str(tmp_path))
    installed = tmp_path / "share" / "lalert" / "scenarios"
    assert scenario.folder() == installed
    installed.mkdir(parents=True)
    (installed / "flood.toml").write_text("")
    assert scenario.names() == ("flood",)
