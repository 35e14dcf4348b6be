import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from lalert.errors import Rejected
from lalert.geo import mapfile

FRAME = geopandas.GeoDataFrame(
    {"N03_004": ["千代田区", "塚町"], "N03_007": [13101, 1], "empty": [None, None]},
    geometry=[shapely.box(139.7, 35.6, 139.8, 35.7), shapely.Point(139, 35)],
    crs=4326,
)
TOPOLOGY = {
    "type": "Topology",
    "objects": {
        "towns": {
            "type": "GeometryCollection",
            "geometries": [
                {"type": "Polygon", "arcs": [[0]], "properties": {"N03_004": "千代田区", "N03_007": "13101"}}
            ],
        }
    },
    "arcs": [[[139.7, 35.6], [139.8, 35.6], [139.8, 35.7], [139.7, 35.7], [139.7, 35.6]]],
}


def zipped(folder: Path, name: str, files: dict[str, bytes]) -> Path:
    """A zip with these members."""
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in files.items():
            archive.writestr(member, content)
    return path


def shapefile(folder: Path, encoding: str, *, told: bool) -> Path:
    """A zipped shapefile of the polygon, with Japanese names in `encoding`, which it tells or not."""
    FRAME.iloc[:1].drop(columns="empty").to_file(folder / "N03.shp", encoding=encoding)
    parts = {f"都/N03{part}": (folder / f"N03{part}").read_bytes() for part in (".shp", ".shx", ".dbf", ".prj")}
    return zipped(folder, "N03.zip", parts | ({"都/N03.cpg": encoding.encode()} if told else {}))


def geojson(folder: Path) -> Path:
    """A GeoJSON with a byte order mark."""
    path = folder / "towns.txt"
    path.write_bytes(b"\xef\xbb\xbf\n" + FRAME.to_json().encode())
    return path


def topojson(folder: Path) -> Path:
    """A TopoJSON, whatever its name says."""
    path = folder / "towns.json"
    path.write_text(json.dumps(TOPOLOGY), encoding="utf-8")
    return path


def geopackage(folder: Path) -> Path:
    """A GeoPackage."""
    FRAME.to_file(folder / "towns.gpkg", layer="towns")
    return folder / "towns.gpkg"


def geoparquet(folder: Path) -> Path:
    """A GeoParquet in metres."""
    pytest.importorskip("pyarrow")
    FRAME.to_crs(6677).to_parquet(folder / "towns.parquet")
    return folder / "towns.parquet"


def fault_of(path: Path) -> str:
    """The Japanese message of the refusal of a file."""
    with pytest.raises(Rejected) as refused:
        mapfile.read(path)
    assert refused.value.code == "boundaries.file"
    assert refused.value.findings[0].path
    (finding,) = refused.value.findings
    return f"{finding.path}: {finding.message.ja}"


@pytest.mark.parametrize("make", [geojson, topojson, geopackage, geoparquet])
def test_every_format_is_read_alike(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    """Told apart by content; columns are text, shapes lon/lat, however the file is called."""
    (sheet,) = mapfile.read(make(tmp_path))
    assert sheet.columns["N03_004"][0] == "千代田区"
    assert sheet.columns["N03_007"][0] == "13101"
    assert sheet.shapes[0].bounds == pytest.approx((139.7, 35.6, 139.8, 35.7), abs=1e-6)


@pytest.mark.parametrize(("encoding", "told"), [("CP932", False), ("UTF-8", False), ("CP932", True)])
def test_a_zipped_shapefile_speaks_japanese(tmp_path: Path, encoding: str, told: bool) -> None:
    """With and without the file that says which encoding it is: the ministry wrote Shift_JIS for years."""
    (sheet,) = mapfile.read(shapefile(tmp_path, encoding, told=told))
    assert sheet.columns["N03_004"] == ("千代田区",)
    assert sheet.label == "N03.zip: N03"


def test_of_a_zip_the_shapefiles_are_read(tmp_path: Path) -> None:
    """The ministry's zips hold everything twice: shapefile and GeoJSON. Only without the one the other is read."""
    both = shapefile(tmp_path, "UTF-8", told=True)
    with zipfile.ZipFile(both, "a") as archive:
        archive.writestr("N03.geojson", FRAME.to_json())
        archive.writestr("KS-META.xml", "<x/>")
    assert [sheet.label for sheet in mapfile.read(both)] == ["N03.zip: N03"]
    single = zipped(
        tmp_path, "one.zip", {"a.geojson": FRAME.to_json().encode(), "b.json": json.dumps(TOPOLOGY).encode()}
    )
    assert [sheet.label for sheet in mapfile.read(single)] == ["one.zip: a", "one.zip: b"]


def test_what_is_no_map_is_refused(tmp_path: Path) -> None:
    """Text, nothing, rubbish, a table without shapes, a zip of other things: each with its reason."""
    for name, content in {
        "a.csv": b"code,name\n",
        "b.json": b"{}",
        "c.shp": b"",
        "d.gpkg": b"SQLite format 3\x00",
    }.items():
        (tmp_path / name).write_bytes(content)
        assert name in fault_of(tmp_path / name)
    assert "図形" in fault_of(zipped(tmp_path, "e.zip", {"readme.txt": b"x"}))
    assert "zip" in fault_of(zipped(tmp_path, "f.zip", {"inner.json": (tmp_path / "e.zip").read_bytes()}))
    assert "ghost.gpkg" in fault_of(tmp_path / "ghost.gpkg")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """Cut in the middle, or with bytes turned round."""
    for make in (geopackage, geoparquet):
        path = make(tmp_path)
        path.write_bytes(path.read_bytes()[:2_000])
        assert path.name in fault_of(path)
    path = shapefile(tmp_path, "UTF-8", told=True)
    data = bytearray(path.read_bytes())
    data[len(data) // 4 : len(data) // 2] = os.urandom(len(data) // 2 - len(data) // 4)
    path.write_bytes(data)
    assert path.name in fault_of(path)


def test_a_zip_bomb_is_refused_before_it_unfolds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it announces; what unfolds to more than it announces ends there, too."""
    bomb = zipped(tmp_path, "bomb.zip", {"a.geojson": b" " * 20_000_000})
    monkeypatch.setattr(mapfile, "_MAX_RATIO", 10)  # for a bomb of 20 MB; at its default it takes 300
    assert "大きすぎます" in fault_of(bomb)


def test_a_zip_that_lies_about_its_size_is_cut_off(tmp_path: Path) -> None:
    """The header says a hundred bytes: not one more is written to disk."""
    liar = zipped(tmp_path, "liar.zip", {"a.geojson": b"{" + b" " * 100_000})
    data = liar.read_bytes()
    size = (100_001).to_bytes(4, "little")
    assert data.count(size) == 2
    liar.write_bytes(data.replace(size, (100).to_bytes(4, "little")))
    assert "liar.zip" in fault_of(liar)


@pytest.mark.parametrize("bound", ["MAX_FILE_BYTES", "MAX_FEATURES", "MAX_COLUMNS"])
def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    """Bytes, features and columns, before shapes are read."""
    path = geopackage(tmp_path)
    monkeypatch.setattr(mapfile, bound, 1)
    assert "大きすぎます" in fault_of(path)


def test_large_text_is_bounded_by_how_it_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A topology is parsed whole: it may be a quarter of what others may."""
    monkeypatch.setattr(mapfile, "MAX_TOPOLOGY_BYTES", 10)
    assert "大きすぎます" in fault_of(topojson(tmp_path))


@given(
    head=st.sampled_from([b"PK\x03\x04", b"SQLite format 3\x00", b"PAR1", b"\x00\x00\x27\x0a", b"{", b""]),
    rest=st.binary(),
)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, head: bytes, rest: bytes) -> None:
    """Whatever the file: sheets, or the refusal that names it; never another error."""
    path = tmp_path_factory.mktemp("any") / "any.bin"
    path.write_bytes(head + rest)
    told = "nothing"
    try:
        read = mapfile.read(path)
    except Rejected as refused:
        read, told = (), refused.findings[0].path or ""
    assert read or told == "any.bin"
