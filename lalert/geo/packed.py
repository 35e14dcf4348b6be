"""The packed boundary set: one small file of shapes and names, and SOURCE.toml that says where it comes from.

`boundaries.npz` holds coordinates as whole microdegrees (0.1 m), as differences from the point before, with bytes of
equal weight side by side: deflate halves that. The same input gives the same bytes. Its SHA-256 stands in
SOURCE.toml and is checked on every load: a damaged set must not decide who is warned.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt
import shapely
from shapely.errors import GEOSException

from lalert.errors import Defect, Text
from lalert.geo import source as files
from lalert.geo.cleaning import GRID
from lalert.geo.measure import Geometries
from lalert.geo.place import Gazetteer, Municipality, Piece, Prefecture, Region
from lalert.geo.source import Source

DATA = "boundaries.npz"
SOURCE = "SOURCE.toml"
EMBEDDED = Path(__file__).parent / "data"

MAX_UNPACKED_BYTES = 1 << 30

_FORMAT = 2
_LAYERS = ("municipalities", "pieces", "outlines", "prefectures")


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A boundary set as values. Shapes are arrays in the order of the gazetteer, lon/lat in degrees.

    `municipalities` and `pieces` are exact; `outlines` (of municipalities) and `prefectures` are coarse, for maps.
    """

    names: Gazetteer
    municipalities: Geometries
    pieces: Geometries
    outlines: Geometries
    prefectures: Geometries


def encode(packed: Packed) -> bytes:
    """Return the bytes of the data file."""
    text = json.dumps({"format": _FORMAT, **asdict(packed.names)}, ensure_ascii=False, separators=(",", ":"))
    arrays = {"names": np.frombuffer(text.encode(), dtype=np.uint8)}
    for layer in _LAYERS:
        arrays |= {f"{layer}.{part}": array for part, array in _shrunk(getattr(packed, layer)).items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # the stub mistakes names for its own flag
    return buffer.getvalue()


def decode(data: bytes) -> Packed:
    """Return the set in the bytes of a data file. Raises Defect when they hold none."""
    try:
        return _decoded(data)
    except (ValueError, KeyError, TypeError, IndexError, OSError, EOFError, BadZipFile, GEOSException) as error:
        raise _formless(str(error)) from error


def _decoded(data: bytes) -> Packed:
    with ZipFile(io.BytesIO(data)) as archive:
        if sum(member.file_size for member in archive.infolist()) > MAX_UNPACKED_BYTES:
            raise ValueError(f"more than {MAX_UNPACKED_BYTES} bytes")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        names = _gazetteer(json.loads(arrays["names"].tobytes()))
        layers = {layer: _grown(arrays, layer) for layer in _LAYERS}
    return Packed(names=names, **layers)


def write(folder: Path, data: bytes, source: Source) -> None:
    """Write the set into `folder`: first the data, then the source whose checksum makes it valid."""
    files.write(data, source, data_path=folder / DATA, source_path=folder / SOURCE)


def read(folder: Path = EMBEDDED) -> tuple[Packed, Source]:
    """Return the set in `folder`. Raises Defect when it is absent or not what its source says."""
    return read_files(folder / DATA, folder / SOURCE)


def read_files(data_path: Path, source_path: Path) -> tuple[Packed, Source]:
    """Return the set in two files. Raises Defect when one is absent or not what the source says."""
    data, source = files.read(data_path, source_path, damaged=lambda why: _damaged(data_path, why))
    return decode(data), source


def _damaged(path: Path, why: str) -> Defect:
    message = Text(
        f"境界データ({path})が壊れているか、ありません。対象地域を判定できないため停止します。({why})",
        f"The boundary set in {path} is damaged or absent ({why}); without it no area can be resolved.",
    )
    return Defect(message, code="boundaries.damaged")


def _formless(why: str) -> Defect:
    message = Text(
        f"境界データの形式が合いません。({why[:200]})", f"The boundary set is of another format ({why[:200]})."
    )
    return Defect(message, code="boundaries.format")


def _shrunk(shapes: Geometries) -> dict[str, npt.NDArray[Any]]:
    multi = _multi(shapes) if len(shapes) else _NONE
    _, degrees, (rings, polygons, features) = shapely.to_ragged_array(multi, include_z=False)
    steps = np.diff(np.rint(degrees * GRID).astype(np.int32), axis=0, prepend=np.zeros((1, 2), np.int32))
    zigzag = ((steps << 1) ^ (steps >> 31)).astype("<u4")
    planes = np.ascontiguousarray(zigzag.T).view(np.uint8).reshape(-1, 4).T
    offsets = {"rings": rings, "polygons": polygons, "features": features}
    return {"planes": np.ascontiguousarray(planes)} | {k: v.astype("<u4") for k, v in offsets.items()}


def _grown(arrays: Mapping[str, npt.NDArray[Any]], layer: str) -> Geometries:
    planes = np.ascontiguousarray(arrays[f"{layer}.planes"].T)
    zigzag = planes.view("<u4").reshape(2, -1).T.astype(np.int64)
    steps = (zigzag >> 1) ^ -(zigzag & 1)
    degrees = np.ascontiguousarray(np.cumsum(steps, axis=0) / GRID)
    offsets = tuple(arrays[f"{layer}.{part}"].astype(np.int64) for part in ("rings", "polygons", "features"))
    shapes = shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, degrees, offsets)
    return _simplest(shapes[:0] if len(shapes) == 1 and shapely.is_empty(shapes[0]) else shapes)


_NONE = np.array([shapely.MultiPolygon()], dtype=object)  # the ragged form needs a type


def _multi(shapes: Geometries) -> Geometries:
    """Every shape as a MultiPolygon: the ragged form needs one type."""
    return np.array([s if s.geom_type == "MultiPolygon" else shapely.MultiPolygon([s]) for s in shapes], dtype=object)


def _simplest(shapes: Geometries) -> Geometries:
    alone = shapely.get_num_geometries(shapes) == 1
    return np.where(alone, shapely.get_geometry(shapes, 0), shapes)


def _gazetteer(raw: dict[str, Any]) -> Gazetteer:
    if raw.pop("format") != _FORMAT:
        raise _formless(f"format {_FORMAT} expected")
    return Gazetteer(
        municipalities=tuple(_municipality(row) for row in raw["municipalities"]),
        prefectures=tuple(Prefecture(**row) for row in raw["prefectures"]),
        cities=tuple(_municipality(row) for row in raw["cities"]),
        pieces=tuple(Piece(**row) for row in raw["pieces"]),
        regions=tuple(Region(**row | {"members": tuple(row["members"])}) for row in raw["regions"]),
        lacking=tuple(_municipality(row) for row in raw["lacking"]),
    )


def _municipality(row: dict[str, Any]) -> Municipality:
    return Municipality(**row | {"class20": tuple(row["class20"]), "wards": tuple(row["wards"])})
