import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from lalert.cli.boundaries import boundaries
from lalert.errors import Rejected, Text
from lalert.geo import importer, japanpost, packed, postal
from lalert.geo.source import Source


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
    assert "1741 municipalities, about 1,741 expected" in shown.stderr


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
