import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lalert.cli.boundaries import boundaries
from lalert.errors import Rejected, Text
from lalert.geo import comparison, importer, importing, japanpost, packed, postal
from lalert.geo.notices import Notice
from lalert.geo.shelf import Shelf
from lalert.geo.source import Source
from lalert.geo.survey import Survey
from tests.geo.conftest import country, country_file

__all__ = ["country", "country_file"]  # fixtures


@pytest.fixture(autouse=True)
def japanese(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal speaks Japanese."""
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")


def test_info_names_source_and_licence() -> None:
    """Whoever runs the hub can see which map decides, and what must be credited."""
    shown = CliRunner().invoke(boundaries, ["info"])
    assert shown.exit_code == 0
    assert "気象庁" in shown.stdout
    assert "municipalities 1,741" in shown.stdout


def test_info_as_json_is_the_source() -> None:
    """One JSON object on stdout, for scripts."""
    shown = json.loads(CliRunner().invoke(boundaries, ["info", "--json"]).stdout)
    assert shown["version"] == packed.read()[1].version
    assert shown["counts"]["prefectures"] == 47


def test_check_passes_on_the_embedded_set() -> None:
    """The set that is shipped is fit for use."""
    shown = CliRunner().invoke(boundaries, ["check"])
    assert shown.exit_code == 0
    assert "問題はありません" in shown.stderr


def test_check_fails_on_an_unfit_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every problem is told, and the exit code says so."""
    monkeypatch.setattr("lalert.geo.survey.MUNICIPALITIES", (1_742, 1_750))
    shown = CliRunner().invoke(boundaries, ["check"])
    assert shown.exit_code == 1
    assert "不適合: 市区町村が1,741" in shown.stderr


def test_a_tampered_set_fails(tmp_path: Path) -> None:
    """A checksum that differs ends with an explanation, not with a traceback."""
    shutil.copy(packed.EMBEDDED / packed.SOURCE, tmp_path)
    (tmp_path / packed.DATA).write_bytes(b"PK")
    shown = CliRunner().invoke(boundaries, ["check", "--path", str(tmp_path)])
    assert shown.exit_code == 1
    assert "boundaries.damaged" in shown.stderr


def test_build_writes_what_the_importer_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The set lands in the folder asked for, ready to be read, and its facts are shown."""
    data, source = (packed.EMBEDDED / packed.DATA).read_bytes(), packed.read()[1]

    def build(report: importer.Report) -> tuple[bytes, Source]:
        for step in importer.STEPS:
            report(step)
        return data, source

    monkeypatch.setattr(importer, "build", build)
    shown = CliRunner().invoke(boundaries, ["build", "--output", str(tmp_path / "set")])
    assert shown.exit_code == 0
    assert packed.read(tmp_path / "set")[1] == source
    assert source.sha256 in shown.stdout


def test_a_build_that_fails_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The set in use stays as it is."""

    def build(report: importer.Report) -> tuple[bytes, Source]:
        raise Rejected(Text("不適合", "unfit"), code="boundaries.unfit")

    monkeypatch.setattr(importer, "build", build)
    shown = CliRunner().invoke(boundaries, ["build", "--output", str(tmp_path / "set")])
    assert shown.exit_code == 1
    assert "boundaries.unfit" in shown.stderr
    assert not (tmp_path / "set").exists()


def test_postal_writes_what_japan_posts_table_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table lands in the folder asked for, and its facts are shown."""
    data, source = (postal.EMBEDDED / postal.DATA).read_bytes(), postal.read()[1]
    monkeypatch.setattr(japanpost, "build", lambda _: (data, source))
    shown = CliRunner().invoke(boundaries, ["postal", "--output", str(tmp_path / "table")])
    assert shown.exit_code == 0
    assert postal.read(tmp_path / "table")[1] == source
    assert source.sha256 in shown.stdout


def invoke(*arguments: object) -> Result:
    """Run `lalert boundaries` with these arguments."""
    return CliRunner().invoke(boundaries, [str(argument) for argument in arguments])


def test_a_set_is_imported_looked_at_and_used(tmp_path: Path, country_file: Path) -> None:
    """The whole way: import tells what it found, `use` switches, `info` and `check` say what is where."""
    imported = invoke("import", country_file, "--version", "n03-test", "--data", tmp_path, "--json", "--tolerance", 0)
    assert imported.exit_code == 0, imported.stderr
    report = json.loads(imported.stdout)
    assert (report["version"], report["counts"]["municipalities"]) == ("n03-test", 1741)
    assert "lalert boundaries use n03-test" in imported.stderr
    assert json.loads(invoke("info", "--data", tmp_path, "--json").stdout)["version"] == packed.read()[1].version
    used = invoke("use", "n03-test", "--data", tmp_path)
    assert used.exit_code == 0, used.stderr
    shown = invoke("info", "--data", tmp_path)
    assert "使用中: n03-test" in shown.stdout
    assert "国土数値情報" in shown.stdout
    assert invoke("check", "--data", tmp_path).exit_code == 0
    back = packed.read()[1].version
    assert "陸上の点の一致" in invoke("check", back, "--data", tmp_path).stderr
    assert invoke("use", back, "--data", tmp_path).exit_code == 0
    assert f"使用中: {back}" in invoke("info", "--data", tmp_path).stdout


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04rubbish", b"code,name\n", b'{"type":"FeatureCollection","features":[]}']
)
def test_a_bad_file_changes_nothing(tmp_path: Path, content: bytes) -> None:
    """The report says why; the set in use stays, and nothing lies on the shelf."""
    (tmp_path / "bad.bin").write_bytes(content)
    shown = invoke("import", tmp_path / "bad.bin", "--version", "bad", "--data", tmp_path)
    assert shown.exit_code == 1
    assert "boundaries." in shown.stderr
    assert "使用中の境界データはそのまま" in shown.stderr
    assert not (tmp_path / "boundaries").exists()


def test_a_large_difference_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is shown, and goes in only when it is named."""
    data, source = (packed.EMBEDDED / packed.DATA).read_bytes(), dataclasses.replace(packed.read()[1], version="new")
    large = (comparison.Difference("area", Text("面積: 2 → 1 km²", "area"), is_large=True, examples=("x",)),)
    made = importing.Imported(
        data=data,
        source=source,
        survey=Survey({}, 1.0, ()),
        notices=(Notice("a", 1, Text("直した", "mended")),),
        differences=large,
    )
    monkeypatch.setattr(importing, "imported", lambda *_, **__: made)
    (tmp_path / "x.json").touch()
    refused = invoke("import", tmp_path / "x.json", "--version", "new", "--data", tmp_path)
    assert refused.exit_code == 1
    assert "--accept area" in refused.stderr
    assert "直した: 1" in refused.stdout
    assert invoke("use", "new", "--data", tmp_path).exit_code == 1
    accepted = invoke("import", tmp_path / "x.json", "--version", "new", "--data", tmp_path, "--accept", "area")
    assert accepted.exit_code == 0
    assert invoke("use", "new", "--data", tmp_path).exit_code == 0


def test_another_countrys_set_is_not_used(tmp_path: Path) -> None:
    """It may lie on the shelf; a hub of Japan's municipalities cannot warn by it."""
    content, source = packed.read()
    names = dataclasses.replace(content.names, prefectures=())
    data = packed.encode(dataclasses.replace(content, names=names, prefectures=content.prefectures[:0]))
    sha256 = hashlib.sha256(data).hexdigest()
    Shelf(tmp_path).put(data, dataclasses.replace(source, version="abroad", sha256=sha256))
    refused = invoke("use", "abroad", "--data", tmp_path)
    assert refused.exit_code == 1
    assert "boundaries.unfit" in refused.stderr
    assert Shelf(tmp_path).chosen() is None


def test_a_damaged_choice_is_told_and_gone_on_from(tmp_path: Path) -> None:
    """What a hub does, the command does: it says so, and takes the embedded set."""
    Shelf(tmp_path).use("lost")
    (tmp_path / "boundaries" / "current").write_bytes(b"\xff")
    shown = invoke("info", "--data", tmp_path)
    assert shown.exit_code == 0
    assert "boundaries.current" in shown.stderr
