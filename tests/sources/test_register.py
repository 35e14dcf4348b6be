"""The register of sources: what operators write, and everything that can be wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lalert.cap.reader import Strictness
from lalert.core.model import Realm, Role
from lalert.errors import Rejected
from lalert.geo.boundaries import BoundarySet
from lalert.settings import Networks
from lalert.sources.register import MAX_SOURCES, load, of_realm
from lalert.sources.source import Form
from tests.rig.registers import table, write


def wrong(file: Path, japan: BoundarySet) -> set[tuple[str, str | None]]:
    """Return (code, path) of everything that is wrong with a register."""
    with pytest.raises(Rejected) as refused:
        load(file, japan)
    assert refused.value.code == "settings.invalid"
    assert all(finding.advice.ja and finding.advice.en for finding in refused.value.findings)
    return {(finding.code, finding.path) for finding in refused.value.findings}


def test_source_has_what_was_written_and_the_defaults(tmp_path: Path, japan: BoundarySet) -> None:
    """Five names are required; the rest has defaults."""
    few = table(url="https://a.example.jp/feed", areas=["13", "142018"], allow=None, interval_s=None)
    (source,) = load(write(tmp_path / "s.toml", few), japan)
    assert (source.name, source.url, source.realm) == ("upstream", "https://a.example.jp/feed", Realm.LIVE)
    assert (source.areas, source.attribution) == (("13", "142018"), "出典：試験庁")
    assert (source.form, source.interval_s, source.trust, source.allow) == (Form.AUTO, 60.0, 5, Networks())


def test_rights_of_a_source_are_those_of_a_sender(tmp_path: Path, japan: BoundarySet) -> None:
    """It posts under `source:NAME`, in its own area, as an upstream that is named."""
    (source,) = load(write(tmp_path / "s.toml", table(areas=["13"])), japan)
    sender = source.sender
    assert (sender.key_id, sender.role, sender.areas) == ("source:upstream", Role.SENDER, ("13",))
    assert (sender.strictness, sender.attribution) == (Strictness.UPSTREAM, "出典：試験庁")


def test_shown_address_has_no_secret(tmp_path: Path, japan: BoundarySet) -> None:
    """Keys of services stand in the query: nobody is shown it."""
    secret = table(url="https://a.example.jp:8443/feed?key=hidden", allow=None)
    (source,) = load(write(tmp_path / "s.toml", secret), japan)
    assert source.shown_url == "https://a.example.jp:8443/feed"


def test_a_mistake_in_an_address_shows_no_secret(tmp_path: Path, japan: BoundarySet) -> None:
    """What is wrong with an address is told without repeating it: a password may be in it."""
    with pytest.raises(Rejected) as refused:
        load(write(tmp_path / "s.toml", table(url="https://user:hidden@a.example.jp/", allow=None)), japan)
    assert [finding.path for finding in refused.value.findings] == ["source[1].url"]
    assert "hidden" not in repr(refused.value.findings)


def test_everywhere_is_said_by_a_star_alone(tmp_path: Path, japan: BoundarySet) -> None:
    """`*` beside codes means the whole country."""
    (source,) = load(write(tmp_path / "s.toml", table(areas=["13", "*"])), japan)
    assert source.areas == ("*",)


@pytest.mark.parametrize(
    ("change", "code", "name"),
    [
        ({"name": "Upper Case"}, "settings.value", "name"),
        ({"name": None}, "settings.missing", "name"),
        ({"url": "ftp://a.example.jp/"}, "settings.value", "url"),
        ({"url": "https://user:secret@a.example.jp/"}, "settings.value", "url"),
        ({"url": "http://a.example.jp/", "allow": None}, "settings.value", "url"),
        ({"realm": "test"}, "settings.value", "realm"),
        ({"realm": None}, "settings.missing", "realm"),
        ({"areas": []}, "settings.value", "areas"),
        ({"areas": "13"}, "settings.value", "areas"),
        ({"areas": ["999999"]}, "settings.value", "areas"),
        ({"areas": None}, "settings.missing", "areas"),
        ({"attribution": ""}, "settings.value", "attribution"),
        ({"attribution": None}, "settings.missing", "attribution"),
        ({"form": "json"}, "settings.value", "form"),
        ({"interval_s": 0}, "settings.value", "interval_s"),
        ({"trust": 10}, "settings.value", "trust"),
        ({"allow": ["10.0.0.0/33"]}, "settings.value", "allow"),
        ({"timeout_s": 0}, "settings.value", "timeout_s"),
        ({"fetches": True}, "settings.value", "fetches"),
    ],
    ids=str,
)
def test_every_mistake_is_named(
    tmp_path: Path, japan: BoundarySet, change: dict[str, object], code: str, name: str
) -> None:
    """What is missing or cannot be used is told with its place."""
    assert wrong(write(tmp_path / "s.toml", table(**change)), japan) == {(code, f"source[1].{name}")}


def test_all_mistakes_are_told_at_once(tmp_path: Path, japan: BoundarySet) -> None:
    """Of all tables, and of the file itself."""
    file = write(tmp_path / "s.toml", table(trust=0), table(name="b", areas=None, form="x"))
    file.write_text("sorces = 1\n" + file.read_text("utf-8"), "utf-8")
    assert wrong(file, japan) == {
        ("settings.unknown", "sorces"),
        ("settings.value", "source[1].trust"),
        ("settings.missing", "source[2].areas"),
        ("settings.value", "source[2].form"),
    }


def test_misspelt_name_is_answered_with_the_right_one(tmp_path: Path, japan: BoundarySet) -> None:
    """A name that is not known leads to the one that was meant."""
    with pytest.raises(Rejected) as refused:
        load(write(tmp_path / "s.toml", table(intervals=5)), japan)
    (finding,) = refused.value.findings
    assert finding.code == "settings.unknown"
    assert "interval_s" in finding.advice.ja


def test_two_sources_have_two_names(tmp_path: Path, japan: BoundarySet) -> None:
    """The name is the key under which messages are kept: it is there once."""
    assert wrong(write(tmp_path / "s.toml", table(), table()), japan) == {("settings.value", "source.name")}


@pytest.mark.parametrize(
    "text", ["[[source]", "source = 1", "source = [1]", "\udcff"], ids=["syntax", "number", "numbers", "bytes"]
)
def test_what_is_no_register(tmp_path: Path, japan: BoundarySet, text: str) -> None:
    """Broken TOML, or something else under its name, is refused."""
    file = tmp_path / "s.toml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert {code for code, _ in wrong(file, japan)} <= {"settings.file", "settings.value"}


def test_file_that_is_not_there(tmp_path: Path, japan: BoundarySet) -> None:
    """A register that cannot be read refuses the start."""
    assert {code for code, _ in wrong(tmp_path / "none.toml", japan)} == {"settings.file"}


def test_number_of_sources_is_bounded(tmp_path: Path, japan: BoundarySet) -> None:
    """More sources than a hub may have are refused."""
    file = write(tmp_path / "s.toml", *(table(name=f"s{n}") for n in range(MAX_SOURCES + 1)))
    assert wrong(file, japan) == {("settings.value", "source")}


def test_realms_have_their_own_sources_the_most_trusted_first(tmp_path: Path, japan: BoundarySet) -> None:
    """A drill's source is never asked for the live realm; the more trusted is asked first."""
    file = write(
        tmp_path / "s.toml",
        table(name="low", trust=2),
        table(name="drill", realm="drill"),
        table(name="high", trust=8),
    )
    listed = load(file, japan)
    assert [source.name for source in of_realm(listed, Realm.LIVE)] == ["high", "low"]
    assert [source.name for source in of_realm(listed, Realm.DRILL)] == ["drill"]
