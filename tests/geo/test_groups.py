import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.errors import Rejected
from lalert.geo import groups
from lalert.geo.boundaries import BoundarySet
from lalert.geo.resolve import resolve

ZONE = {"type": "Polygon", "coordinates": [[[139.6, 35.6], [139.7, 35.6], [139.7, 35.7], [139.6, 35.7], [139.6, 35.6]]]}


@dataclass(frozen=True)
class Pair:
    """A geocode as `resolve` sees one."""

    name: str
    value: str


@dataclass(frozen=True)
class Block:
    """An `<area>` as `resolve` sees one."""

    geocodes: Sequence[Pair]
    polygons: Sequence[Sequence[tuple[float, float]]] = ()
    circles: Sequence[groups.Country] = ()
    area_desc: str = "ここ"


def listed(folder: Path, text: str, **files: object) -> Path:
    """A list of groups, with GeoJSON files beside it."""
    for name, content in files.items():
        (folder / f"{name}.geojson").write_text(json.dumps(content), encoding="utf-8")
    path = folder / "groups.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_groups_are_codes_and_shapes(tmp_path: Path, japan: BoundarySet) -> None:
    """Municipalities, prefectures and polygons under one name, however its letters are typed."""
    feature = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": ZONE}]}
    text = '[[group]]\nname = "多摩川流域 A"\ncodes = ["13101", "14"]\ngeojson = "zone.geojson"\n'
    found = groups.read(listed(tmp_path, text, zone=feature), japan)
    assert found.faults == ()
    extent = found.extent(" 多摩川流域　Ａ ")
    assert extent.codes == ("131016", *japan.expand("14"))
    assert extent.parts[0].area == pytest.approx(0.01)
    assert found.files == (tmp_path / "groups.toml", tmp_path / "zone.geojson")


def test_the_example_is_usable(tmp_path: Path, japan: BoundarySet) -> None:
    """What the manual shows works with the embedded set."""
    manual = Path(__file__).parents[2].joinpath("docs/operations.md").read_text(encoding="utf-8")
    shown = manual[manual.index("[[group]]") :].partition("```")[0]
    found = groups.read(listed(tmp_path, shown, tamagawa=ZONE), japan)
    assert found.faults == ()
    assert len(found.by_name) == 1


def test_nobody_is_told_where_files_lie(tmp_path: Path, japan: BoundarySet) -> None:
    """A fault is shown to senders: it names the file, not the folders of the machine."""
    found = groups.read(listed(tmp_path, '[[group]]\nname = "a"\ngeojson = "absent.geojson"\n'), japan)
    (fault,) = found.faults
    assert "absent.geojson" in fault.ja
    assert str(tmp_path) not in fault.ja + fault.en


def test_senders_name_a_group(tmp_path: Path, japan: BoundarySet) -> None:
    """The geocode lalert:group resolves to what the operator defined."""
    held = japan.with_groups(groups.read(listed(tmp_path, '[[group]]\nname = "都心"\ncodes = ["131016"]\n'), japan))
    area = resolve([Block((Pair("lalert:group", "都心"),))], held).area
    assert [(covered.code, covered.share) for covered in area.municipalities] == [("131016", 1.0)]
    assert area.boundaries == japan.version


def test_an_unknown_group_is_refused(tmp_path: Path, japan: BoundarySet) -> None:
    """Beside something usable, too: somebody meant a place by it. The embedded set has none."""
    block = Block((Pair("lalert:group", "知らない流域"), Pair("JISX0402", "131016")))
    with pytest.raises(Rejected) as refused:
        resolve([block], japan)
    assert refused.value.code == "area.group_unknown"
    assert refused.value.findings[0].path == "/alert/info/area[1]/geocode[1]/value"


def test_an_absent_list_has_no_groups(tmp_path: Path, japan: BoundarySet) -> None:
    """Nobody has to define any; the file is looked for again when it comes."""
    found = groups.read(tmp_path / "groups.toml", japan)
    assert (found.by_name, found.faults, found.files) == ({}, (), (tmp_path / "groups.toml",))


@pytest.mark.parametrize(
    "members",
    [
        "",
        'codes = ["139999"]',
        'codes = ["011011"]',
        "codes = [13]",
        'codes = "13"',
        'geojson = "absent.geojson"',
        'geojson = "../secret.geojson"',
        'geojson = "line.geojson"',
        'geojson = "empty.geojson"',
        'geojson = "swapped.geojson"',
        'geojson = "odd.geojson"',
        'geojson = "bodiless.geojson"',
        'codes = ["13"]\ncolour = "red"',
    ],
)
def test_a_group_that_is_wrong_is_unusable(tmp_path: Path, japan: BoundarySet, members: str) -> None:
    """It says why to whoever names it, and the others go on working."""
    turned = {
        "type": "Polygon",
        "coordinates": [[[lat, lon] for lon, lat in ring] for ring in [ZONE["coordinates"][0]]],
    }
    text = f'[[group]]\nname = "a"\n{members}\n[[group]]\nname = "b"\ncodes = ["13"]\n'
    files = {
        "line": {"type": "LineString", "coordinates": [[139, 35], [140, 36]]},
        "empty": {"type": "FeatureCollection", "features": []},
        "swapped": turned,
        "odd": {"type": "Feature"},
        "bodiless": {"type": "Polygon", "coordinates": ""},
    }
    found = groups.read(listed(tmp_path, text, **files), japan)
    with pytest.raises(Rejected) as refused:
        found.extent("a", path="/here")
    assert refused.value.code == "area.group_unusable"
    assert "Group a" in refused.value.findings[0].message.en
    assert len(found.faults) == 1
    assert found.extent("b").codes == japan.expand("13")


@pytest.mark.parametrize("text", ["[[group", "group = 3", "[other]\nx = 1", "[[group]]\nname = 1\n" * 1_001])
def test_a_list_that_cannot_be_read_has_no_groups(tmp_path: Path, japan: BoundarySet, text: str) -> None:
    """Every name is then unknown, and the refusal says what is wrong with the list."""
    found = groups.read(listed(tmp_path, text), japan)
    assert found.fault is not None
    with pytest.raises(Rejected) as refused:
        found.extent("多摩川流域")
    assert "groups.toml" in refused.value.findings[0].advice.ja


def test_a_name_that_comes_twice_is_neither(tmp_path: Path, japan: BoundarySet) -> None:
    """Which of the two was meant is not guessed."""
    text = '[[group]]\nname = "a"\ncodes = ["13"]\n[[group]]\nname = "ａ"\ncodes = ["14"]\n'
    with pytest.raises(Rejected) as refused:
        groups.read(listed(tmp_path, text), japan).extent("a")
    assert refused.value.code == "area.group_unusable"


def test_large_files_are_not_read(tmp_path: Path, japan: BoundarySet, monkeypatch: pytest.MonkeyPatch) -> None:
    """List and shapes are bounded in bytes and in vertices."""
    path = listed(tmp_path, '[[group]]\nname = "a"\ngeojson = "zone.geojson"\n', zone=ZONE)
    for bound, value in (("MAX_VERTICES", 4), ("MAX_GEOJSON_BYTES", 10), ("MAX_FILE_BYTES", 10)):
        with monkeypatch.context() as patch:
            patch.setattr(groups, bound, value)
            assert len(groups.read(path, japan).faults) == 1


JSON = st.recursive(
    st.none() | st.floats(-200, 200) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["type", "features", "geometry", "coordinates"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(kind=st.sampled_from(["Polygon", "MultiPolygon", "Feature", "FeatureCollection"]), body=JSON)
def test_any_json_is_a_group_or_a_fault(
    japan: BoundarySet, tmp_path_factory: pytest.TempPathFactory, kind: str, body: object
) -> None:
    """Whatever stands in the GeoJSON: usable, or unusable with a reason; never another error."""
    folder = tmp_path_factory.mktemp("groups")
    content = {"type": kind, "coordinates": body, "geometry": body, "features": body}
    found = groups.read(listed(folder, '[[group]]\nname = "a"\ngeojson = "g.geojson"\n', g=content), japan)
    group = found.by_name["a"]
    assert (group.fault is None) == bool(group.extent.parts)
