import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import shapely

from lalert.errors import Defect
from lalert.geo import packed
from lalert.geo.survey import survey


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the embedded set."""
    for name in (packed.DATA, packed.SOURCE):
        shutil.copy(packed.EMBEDDED / name, tmp_path / name)
    return tmp_path


def test_the_embedded_set_says_where_it_comes_from() -> None:
    """Version, source, licence and credit travel with the data, and the counts are those of Japan."""
    content, source = packed.read()
    assert source.version
    assert "気象庁" in source.credit
    assert "reversejp" in source.source
    assert "利用規約" in source.licence
    assert source.counts == survey(content).counts
    assert (source.counts["municipalities"], source.counts["prefectures"], source.counts["wards"]) == (1741, 47, 19)


def test_the_embedded_set_passes_its_survey() -> None:
    """1,741 municipalities and the Northern Territories, 47 prefectures, about 378,000 km2, no overlap."""
    content, _ = packed.read()
    result = survey(content)
    assert result.problems == ()
    assert result.area_km2 == pytest.approx(378_000, rel=0.002)


def test_a_tampered_set_is_refused(folder: Path) -> None:
    """One changed byte is enough: a damaged map must not decide who is warned."""
    data = bytearray((folder / packed.DATA).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / packed.DATA).write_bytes(data)
    with pytest.raises(Defect) as refused:
        packed.read(folder)
    assert refused.value.code == "boundaries.damaged"


@pytest.mark.parametrize("broken", ["", "version = 1", "not toml ="])
def test_a_set_without_its_source_is_refused(folder: Path, broken: str) -> None:
    """Absent, incomplete and unreadable sources are refused alike."""
    (folder / packed.SOURCE).write_text(broken, encoding="utf-8")
    with pytest.raises(Defect):
        packed.read(folder)


def test_an_absent_set_is_refused(tmp_path: Path) -> None:
    """No data, no area."""
    with pytest.raises(Defect) as refused:
        packed.read(tmp_path)
    assert str(tmp_path) in refused.value.message.ja


def test_packing_is_deterministic_and_loses_nothing(tmp_path: Path) -> None:
    """The same set gives the same bytes, and reads back with every shape and name equal."""
    content, source = packed.read()
    data = packed.encode(content)
    assert data == (packed.EMBEDDED / packed.DATA).read_bytes()
    packed.write(tmp_path / "new", data, source)
    again, told = packed.read(tmp_path / "new")
    assert told == source
    assert again.names == content.names
    for layer in ("municipalities", "pieces", "outlines", "prefectures"):
        assert np.all(shapely.equals_exact(getattr(again, layer), getattr(content, layer)))


def test_another_format_is_refused() -> None:
    """A file of a later format is not read as if it were this one."""
    content, _ = packed.read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "_FORMAT", 3)
        data = packed.encode(content)
    with pytest.raises(Defect) as refused:
        packed.decode(data)
    assert refused.value.code == "boundaries.format"


def test_a_survey_names_every_problem() -> None:
    """Missing places, overlaps and wrong codes are all told at once."""
    content, _ = packed.read()
    places = content.names.municipalities
    spoilt = (*places[:-2], places[0], dataclasses.replace(places[-1], code="473822"))
    names = dataclasses.replace(content.names, municipalities=spoilt, prefectures=content.names.prefectures[:-1])
    shapes = content.municipalities.copy()
    shapes[3] = shapely.box(139, 35, 142, 39)
    problems = survey(dataclasses.replace(content, names=names, municipalities=shapes)).problems
    english, japanese = (" / ".join(getattr(problem, lang) for problem in problems) for lang in ("en", "ja"))
    for word in ("prefectures of 47", "km2", "overlap", "check digit", "twice"):
        assert word in english
    for word in ("都道府県", "km²", "重なって", "検査数字", "2回"):
        assert word in japanese


@pytest.mark.parametrize("data", [b"", b"PK", b"\x00" * 1000])
def test_what_is_no_set_is_told(data: bytes) -> None:
    """Whatever lies in the file: a defect with a code, never another error."""
    with pytest.raises(Defect) as refused:
        packed.decode(data)
    assert refused.value.code == "boundaries.format"


def test_a_set_that_unfolds_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much a file may become in memory is bounded before anything is unpacked."""
    monkeypatch.setattr(packed, "MAX_UNPACKED_BYTES", 1_000_000)
    with pytest.raises(Defect) as refused:
        packed.decode((packed.EMBEDDED / packed.DATA).read_bytes())
    assert "1000000" in refused.value.message.en


def test_writing_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full the old set is whole and no rest lies about."""
    content, source = packed.read()
    data = packed.encode(content)
    packed.write(tmp_path, data, source)

    def full(_: Path, __: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        packed.write(tmp_path, b"other", dataclasses.replace(source, version="other"))
    monkeypatch.undo()
    assert packed.read(tmp_path)[1] == source
    assert sorted(path.name for path in tmp_path.iterdir()) == [packed.SOURCE, packed.DATA]
