"""An official map file as it lies on the operator's disk -> sheets of columns and shapes.

Shapefile (alone or in a zip), GeoJSON, TopoJSON, GeoPackage and GeoParquet, told apart by their first bytes, not by
their names. Everything is bounded before it is unpacked or parsed: these files come from anywhere.
"""

from __future__ import annotations

import tempfile
import unicodedata
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import IO, Final
from zipfile import BadZipFile, ZipFile, ZipInfo

import geopandas
import numpy as np
import pyogrio
import shapely

from lalert.errors import Finding, Rejected, Severity, Text, rejected
from lalert.geo.measure import Geometries

MAX_FILE_BYTES: Final = 2 << 30  # the whole country in full resolution takes about 600 MB
MAX_UNPACKED_BYTES: Final = 4 << 30
MAX_TEXT_BYTES: Final = 1 << 30  # GeoJSON: parsed feature by feature
MAX_TOPOLOGY_BYTES: Final = 256 << 20  # TopoJSON: parsed whole
MAX_FEATURES: Final = 500_000
MAX_COLUMNS: Final = 200
MAX_LAYERS: Final = 60
_MAX_MEMBERS: Final = 2_000
_MAX_RATIO: Final = 300  # names of prefectures in a dbf shrink to a hundredth
_CHUNK: Final = 1 << 20
_WGS84: Final = 4326
_PARTS: Final = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_SINGLE: Final = (".geojson", ".json", ".topojson", ".gpkg", ".parquet", ".geoparquet")


class Format(Enum):
    """What lalert can read, by the first bytes."""

    ZIP = "zip"
    SHAPEFILE = "shp"
    GEOJSON = "geojson"
    TOPOJSON = "topojson"
    GEOPACKAGE = "gpkg"
    GEOPARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One layer of a file. Columns are text (None: nothing there); shapes are lon/lat in degrees, some may be None."""

    label: str
    columns: Mapping[str, tuple[str | None, ...]]
    shapes: Geometries

    def __len__(self) -> int:
        return len(self.shapes)


def read(path: Path) -> tuple[Sheet, ...]:
    """Return every layer of a file that has shapes.

    Raises Rejected `boundaries.file` for what is absent, damaged, too large or of no format that is known.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="lalert-") as folder:
            sheets = tuple(_sheets(path, path.name, Path(folder)))
    except Rejected:
        raise
    except ImportError as error:
        raise _refused(path.name, _EXTRA) from error
    except (OSError, ValueError, TypeError, KeyError, MemoryError, RuntimeError, BadZipFile) as error:
        raise _refused(path.name, _damaged(str(error))) from error
    if not any(len(sheet) for sheet in sheets):
        raise _refused(path.name, _EMPTY)
    return sheets


def _sheets(path: Path, label: str, folder: Path) -> Iterator[Sheet]:
    if _format(path, label) is not Format.ZIP:
        yield from _layers(path, label)
        return
    for inner in _unpacked(path, label, folder):
        yield from _layers(inner.path, f"{label}: {inner.name}")


def _layers(path: Path, label: str) -> Iterator[Sheet]:
    kind = _format(path, label)
    if kind is Format.ZIP:
        raise _refused(label, _NESTED)
    if kind is Format.GEOPARQUET:
        yield _sheet(_parquet(path, label), label)
    else:
        layers = [str(name) for name, geometry in pyogrio.list_layers(path) if geometry is not None]
        for layer in layers[:MAX_LAYERS]:
            yield _sheet(_layer(path, layer, label), label if len(layers) == 1 else f"{label}: {layer}")


def _format(path: Path, label: str) -> Format:
    """Return the format by content, when the size allows to read it. Raises Rejected."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(4_096)
    kind = _recognised(head)
    if kind is None:
        raise _refused(label, _UNKNOWN)
    most = {Format.GEOJSON: MAX_TEXT_BYTES, Format.TOPOJSON: MAX_TOPOLOGY_BYTES}.get(kind, MAX_FILE_BYTES)
    if size > most:
        raise _refused(label, _too_large(f"{size:,} > {most:,} bytes"))
    return kind


def _recognised(head: bytes) -> Format | None:
    if head.startswith(b"PK\x03\x04"):
        return Format.ZIP
    if head.startswith(b"SQLite format 3\x00"):
        return Format.GEOPACKAGE
    if head.startswith(b"PAR1"):
        return Format.GEOPARQUET
    if head.startswith(b"\x00\x00\x27\x0a"):
        return Format.SHAPEFILE
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith(b"{"):
        return None
    return Format.TOPOJSON if b'"Topology"' in text or b'"arcs"' in text else Format.GEOJSON


# --- zip ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Inner:
    """A map file out of a zip, under a name of our own; `name` is what the zip calls it."""

    path: Path
    name: str


def _unpacked(path: Path, label: str, folder: Path) -> list[_Inner]:
    """Unpack the map files of a zip into `folder`: shapefiles, and where there are none the others."""
    with ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > _MAX_MEMBERS:
            raise _refused(label, _too_large(f"{len(members)} files"))
        chosen = _shapefiles(members) or _others(members)
        wanted = [member for group in chosen.values() for member in group.values()]
        total = sum(member.file_size for member in wanted)
        if total > MAX_UNPACKED_BYTES or total > _MAX_RATIO * max(path.stat().st_size, _CHUNK):
            raise _refused(label, _too_large(f"{total:,} bytes"))
        return [_extract(archive, group, folder / f"{number}") for number, group in enumerate(chosen.values())]


def _shapefiles(members: list[ZipInfo]) -> dict[str, dict[str, ZipInfo]]:
    """Return the parts of each shapefile, by the path without suffix."""
    found: dict[str, dict[str, ZipInfo]] = {}
    for member in members:
        stem, suffix = _split(member)
        if suffix in _PARTS:
            found.setdefault(stem, {})[suffix] = member
    return {stem: parts for stem, parts in found.items() if ".shp" in parts}


def _others(members: list[ZipInfo]) -> dict[str, dict[str, ZipInfo]]:
    return {member.filename: {_split(member)[1]: member} for member in members if _split(member)[1] in _SINGLE}


def _split(member: ZipInfo) -> tuple[str, str]:
    """Return the path without suffix, and the suffix."""
    path = PurePosixPath(member.filename)
    return str(path.with_suffix("")), "" if member.is_dir() else path.suffix.lower()


def _extract(archive: ZipFile, parts: Mapping[str, ZipInfo], base: Path) -> _Inner:
    for suffix, member in parts.items():
        with archive.open(member) as source, base.with_suffix(suffix).open("wb") as target:
            _copy(source, target, member.file_size)
    main = ".shp" if ".shp" in parts else next(iter(parts))
    return _Inner(base.with_suffix(main), Path(next(iter(parts.values())).filename).stem)


def _copy(source: IO[bytes], target: IO[bytes], size: int) -> None:
    """Copy what the archive announced and not a byte more, whatever it unfolds to."""
    while chunk := source.read(_CHUNK):
        size -= len(chunk)
        if size < 0:
            raise ValueError("more than the archive announces")
        target.write(chunk)


# --- layers -----------------------------------------------------------------------------------------------------------


def _layer(path: Path, layer: str, label: str) -> geopandas.GeoDataFrame:
    info = pyogrio.read_info(path, layer=layer, force_feature_count=True)
    if info["features"] > MAX_FEATURES or len(info["fields"]) > MAX_COLUMNS:
        raise _refused(label, _too_large(f"{info['features']:,} features, {len(info['fields'])} columns"))
    encodings = (None,) if path.suffix.lower() != ".shp" or path.with_suffix(".cpg").exists() else ("UTF-8", "CP932")
    for encoding in encodings[:-1]:
        try:
            return _read_layer(path, layer, encoding)
        except UnicodeDecodeError:
            continue  # a shapefile does not say; 国土数値情報 wrote Shift_JIS for years
    return _read_layer(path, layer, encodings[-1])


def _read_layer(path: Path, layer: str, encoding: str | None) -> geopandas.GeoDataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is wrong with shapes is found and told by the cleaning
        options = {"encoding": encoding} if encoding else {}
        return pyogrio.read_dataframe(path, layer=layer, on_invalid="ignore", **options)


def _parquet(path: Path, label: str) -> geopandas.GeoDataFrame:
    from pyarrow import parquet  # noqa: PLC0415  # an extra: only who has such a file needs it

    facts = parquet.read_metadata(path)
    size = sum(facts.row_group(number).total_byte_size for number in range(facts.num_row_groups))
    if facts.num_rows > MAX_FEATURES or facts.num_columns > MAX_COLUMNS or size > MAX_UNPACKED_BYTES:
        raise _refused(label, _too_large(f"{facts.num_rows:,} rows, {size:,} bytes"))
    return geopandas.read_parquet(path)


def _sheet(frame: geopandas.GeoDataFrame, label: str) -> Sheet:
    if not isinstance(frame, geopandas.GeoDataFrame):
        return Sheet(label, {}, np.zeros(0, dtype=object))
    if frame.crs is not None and not frame.crs.equals("EPSG:4326") and not _is_like_wgs84(frame):
        frame = frame.to_crs(_WGS84)
    shapes = np.asarray(shapely.force_2d(frame.geometry.to_numpy()), dtype=object)
    columns = {str(name): tuple(map(_text, frame[name])) for name in frame.columns if name != frame.geometry.name}
    return Sheet(label, columns, shapes)


def _is_like_wgs84(frame: geopandas.GeoDataFrame) -> bool:
    """Whether the coordinates mean the same within a metre: JGD2000 and JGD2011, in degrees."""
    return frame.crs.is_geographic and frame.crs.to_epsg() in (4612, 6668, 6697)


def _text(value: object) -> str | None:
    """Return a cell as text: codes come as numbers, too."""
    if value is None or value != value:  # NaN
        return None
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return unicodedata.normalize("NFKC", str(value)).strip()[:200] or None


# --- mistakes ---------------------------------------------------------------------------------------------------------

_UNKNOWN: Final = Text(
    "読める形式ではありません。シェープファイル(zip 可)、GeoJSON、TopoJSON、GeoPackage、GeoParquet が使えます。",
    "It is of no format that is read here: shapefile (zipped, too), GeoJSON, TopoJSON, GeoPackage, GeoParquet.",
)
_NESTED: Final = Text("zip の中の zip は読みません。", "A zip inside a zip is not read.")
_EMPTY: Final = Text("図形のある層がありません。", "It has no layer with shapes.")
_EXTRA: Final = Text(
    "GeoParquet を読むには pip install 'lalert[boundaries]' を実行してください。",
    "To read GeoParquet: pip install 'lalert[boundaries]'.",
)


def _too_large(what: str) -> Text:
    return Text(f"大きすぎます({what})。", f"It is too large ({what}).")


def _damaged(why: str) -> Text:
    return Text(f"壊れているか、読めません。({why[:200]})", f"It is damaged or cannot be read ({why[:200]}).")


def _refused(label: str, why: Text) -> Rejected:
    finding = Finding(
        code="boundaries.file",
        severity=Severity.ERROR,
        message=why,
        advice=Text("使用中の境界データはそのままです。", "The boundary set in use stays as it is."),
        path=label,
    )
    return rejected([finding], code="boundaries.file", message=_UNREAD)


_UNREAD: Final = Text("ファイルを読み込めません。", "A file cannot be read.")
