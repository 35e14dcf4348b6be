from dataclasses import replace
from pathlib import Path

import pytest

from lalert.errors import Defect, Rejected
from lalert.geo import packed
from lalert.geo.shelf import CURRENT, Shelf
from lalert.geo.source import Source

DATA = (packed.EMBEDDED / packed.DATA).read_bytes()


def named(version: str) -> Source:
    """The embedded set's source under another version."""
    return replace(packed.read()[1], version=version)


def test_an_empty_shelf_means_the_embedded_set(tmp_path: Path) -> None:
    """A data folder that nobody imported into needs no preparation."""
    shelf = Shelf(tmp_path / "absent")
    assert shelf.versions() == ()
    assert shelf.chosen() is None
    assert shelf.read(None)[1] == shelf.read(packed.read()[1].version)[1]


def test_what_is_put_can_be_read_and_used(tmp_path: Path) -> None:
    """A set is kept under its version; `current` names the one in use."""
    shelf = Shelf(tmp_path)
    shelf.put(DATA, named("n03-2026"))
    shelf.put(DATA, named("n03-2026"))  # the same again changes nothing
    assert shelf.versions() == ("n03-2026",)
    assert shelf.read("n03-2026")[1].version == "n03-2026"
    shelf.use("n03-2026")
    assert shelf.chosen() == "n03-2026"


def test_a_version_never_changes_its_meaning(tmp_path: Path) -> None:
    """Alerts are stamped with it: other data need another name, the embedded set's included."""
    shelf = Shelf(tmp_path)
    shelf.put(DATA, named("n03-2026"))
    for version in ("n03-2026", packed.read()[1].version):
        with pytest.raises(Rejected) as refused:
            shelf.put(b"other", replace(named(version), sha256="0" * 64))
        assert refused.value.code == "boundaries.version"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a/b", "版", "current", "x" * 65, ".hidden"])
def test_a_version_is_no_path(tmp_path: Path, name: str) -> None:
    """Nothing outside the folder is read or written, whatever the version is called."""
    shelf = Shelf(tmp_path)
    for ask in (shelf.read, shelf.use, lambda version: shelf.put(DATA, named(version))):
        with pytest.raises(Rejected) as refused:
            ask(name)
        assert refused.value.code == "boundaries.version"


def test_an_unknown_version_lists_those_that_are_there(tmp_path: Path) -> None:
    """The refusal helps."""
    shelf = Shelf(tmp_path)
    shelf.put(DATA, named("n03-2025"))
    with pytest.raises(Rejected) as refused:
        shelf.read("n03-2026")
    assert "n03-2025" in refused.value.message.ja


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"../x\n", b"a" * 1000])
def test_a_damaged_current_is_told(tmp_path: Path, content: bytes) -> None:
    """What names no version is a defect, not the embedded set in silence."""
    shelf = Shelf(tmp_path)
    shelf.use("n03-2026")
    (shelf.folder / CURRENT).write_bytes(content)
    with pytest.raises(Defect) as refused:
        shelf.chosen()
    assert refused.value.code == "boundaries.current"


def test_the_stamp_changes_with_the_choice_and_with_its_files(tmp_path: Path) -> None:
    """A hub looks at the stamp only: choosing, replacing and removing change it, nothing else does."""
    shelf = Shelf(tmp_path)
    stamps = [shelf.stamp()]
    shelf.use("n03-2026")
    stamps.append(shelf.stamp())
    shelf.put(DATA, named("n03-2026"))
    stamps.append(shelf.stamp())
    shelf.put(DATA, named("n03-2027"))
    assert shelf.stamp() == stamps[-1]
    (shelf.folder / CURRENT).unlink()
    assert len({*stamps, shelf.stamp()}) == 3
    assert shelf.stamp() == stamps[0]
