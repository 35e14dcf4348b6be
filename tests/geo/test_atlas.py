import json
from dataclasses import replace
from pathlib import Path

from lalert.geo import packed
from lalert.geo.atlas import Atlas
from lalert.geo.boundaries import BoundarySet, load
from lalert.geo.shelf import CURRENT, Shelf

DATA = (packed.EMBEDDED / packed.DATA).read_bytes()


def shelf_with(data: Path, *versions: str) -> Shelf:
    """A shelf that holds the embedded set under other names."""
    shelf = Shelf(data)
    for version in versions:
        shelf.put(DATA, replace(packed.read()[1], version=version))
    return shelf


def test_without_a_folder_the_set_stays(japan: BoundarySet) -> None:
    """An atlas of one set has nothing to follow."""
    atlas = Atlas(japan)
    assert not atlas.refresh()
    assert atlas.current is japan


def test_the_named_set_is_taken_without_a_restart(tmp_path: Path) -> None:
    """From the embedded set to another and back; between two changes nothing is read."""
    shelf = shelf_with(tmp_path, "n03-2026")
    atlas = Atlas.open(tmp_path)
    assert atlas.current.source is load().source
    shelf.use("n03-2026")
    assert atlas.refresh()
    assert (atlas.current.version, atlas.fault) == ("n03-2026", None)
    taken = atlas.current
    assert not atlas.refresh()
    assert atlas.current is taken
    (shelf.folder / CURRENT).unlink()
    assert atlas.refresh()
    assert atlas.current.source is load().source


def test_a_damaged_set_leaves_the_old_one(tmp_path: Path) -> None:
    """What cannot be read is told once, and tried again when its files change."""
    shelf = shelf_with(tmp_path, "good", "bad")
    shelf.use("good")
    atlas = Atlas.open(tmp_path)
    (shelf.folder / "bad.npz").write_bytes(DATA[:-100])
    shelf.use("bad")
    assert atlas.refresh()
    assert atlas.current.version == "good"
    assert atlas.fault is not None
    assert atlas.fault.code == "boundaries.damaged"
    assert not atlas.refresh()
    (shelf.folder / "bad.npz").write_bytes(DATA)
    assert atlas.refresh()
    assert (atlas.current.version, atlas.fault) == ("bad", None)


def test_a_hub_starts_even_if_its_set_is_damaged(tmp_path: Path) -> None:
    """The embedded set steps in, and the fault is told: a hub that does not start warns nobody."""
    shelf = shelf_with(tmp_path)
    shelf.use("lost")
    atlas = Atlas.open(tmp_path)
    assert atlas.current.source is load().source
    assert atlas.fault is not None
    assert atlas.fault.code == "boundaries.version"


def test_named_areas_follow_their_files(tmp_path: Path) -> None:
    """A group can be named as soon as it is written, and says what is wrong with it as soon as it is."""
    atlas = Atlas.open(tmp_path)
    assert atlas.current.groups.by_name == {}
    (tmp_path / "groups.toml").write_text('[[group]]\nname = "都心"\ngeojson = "g.geojson"\n', encoding="utf-8")
    assert atlas.refresh()
    assert len(atlas.current.groups.faults) == 1
    box = [[[139.7, 35.6], [139.8, 35.6], [139.8, 35.7], [139.7, 35.7], [139.7, 35.6]]]
    (tmp_path / "g.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": box}))
    assert atlas.refresh()
    assert atlas.current.groups.faults == ()
    assert len(atlas.current.groups.extent("都心").parts) == 1
    atlas.refresh()
    assert not atlas.refresh()


def test_named_areas_are_read_anew_for_another_set(tmp_path: Path) -> None:
    """What a group's codes stand for is the set's business."""
    shelf = shelf_with(tmp_path, "n03-2026")
    (tmp_path / "mine.toml").write_text('[[group]]\nname = "都心"\ncodes = ["131016"]\n', encoding="utf-8")
    atlas = Atlas.open(tmp_path, groups=Path("mine.toml"))
    shelf.use("n03-2026")
    assert atlas.refresh()
    assert atlas.current.version == "n03-2026"
    assert atlas.current.groups.extent("都心").codes == ("131016",)
