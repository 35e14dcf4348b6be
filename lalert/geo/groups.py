"""Named areas of the operator's own: a river basin, a hazard zone, 全域. Senders name them as `lalert:group`.

`groups.toml` lists them; the shapes of a group may stand in a GeoJSON file beside it:

    [[group]]
    name = "多摩川流域"
    codes = ["131113", "14130"]     # municipalities (5 or 6 digits), prefectures (2)
    geojson = "tamagawa.geojson"    # all polygons of the file; both may be given, one must

A group that is wrong in any way is not usable, and says why to whoever names it; the others are. Nothing is left out in
silence: half a basin is worse than a refusal.
"""

from __future__ import annotations

import json
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from lalert.errors import LalertError, Rejected, Text
from lalert.geo import codes, faults, measure
from lalert.geo.area import Extent

MAX_GROUPS: Final = 1_000
MAX_FILE_BYTES: Final = 1 << 20
MAX_GEOJSON_BYTES: Final = 16 << 20
MAX_NAME: Final = 80
MAX_VERTICES: Final = 50_000  # of one group: as many as one message may draw
_MAX_CODES: Final = 2_000
_KEYS: Final = ("name", "codes", "geojson")
_SEA_M: Final = 100_000.0


class Country(Protocol):
    """What a group needs of a boundary set."""

    def expand(self, code: str, *, path: str = "") -> tuple[str, ...]: ...  # noqa: D102
    def has_land(self, geometry: BaseGeometry, *, within_m: float) -> bool: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Group:
    """A named area. `fault` says why it cannot be used; then it stands for nothing."""

    name: str
    extent: Extent = field(default_factory=Extent, repr=False)
    fault: Text | None = None


@dataclass(frozen=True, slots=True)
class Groups:
    """All groups by their names. `fault` is what is wrong with the whole list; `files` are what it was read from."""

    by_name: Mapping[str, Group] = field(default_factory=dict)
    fault: Text | None = None
    files: tuple[Path, ...] = ()

    def extent(self, name: str, *, path: str = "") -> Extent:
        """Return what a group stands for. Raises Rejected `area.group_unknown` or `area.group_unusable`."""
        group = self.by_name.get(spelt(name))
        if group is None:
            raise faults.refusal([faults.group_unknown(name, list(self.by_name), self.fault, path)])
        if group.fault is not None:
            raise faults.refusal([faults.group_unusable(group.name, group.fault, path)])
        return group.extent

    @property
    def faults(self) -> tuple[Text, ...]:
        """Everything that is wrong, for the operator."""
        single = [group.fault for group in self.by_name.values() if group.fault is not None]
        return tuple(([self.fault] if self.fault else []) + single)


NONE: Final = Groups()


def spelt(name: str) -> str:
    """Return the one spelling of a group's name: full-width letters and white space make no difference."""
    return " ".join(unicodedata.normalize("NFKC", name[: 2 * MAX_NAME]).split())


def read(file: Path, country: Country) -> Groups:
    """Return the groups of a list; an absent one has none. Raises nothing: what is wrong is in the result."""
    try:
        raw = _bounded(file, MAX_FILE_BYTES)
        rows = _rows(tomllib.loads(raw.decode("utf-8-sig")))
    except FileNotFoundError:
        return Groups(files=(file,))
    except (OSError, ValueError) as error:
        return Groups(fault=_unreadable(file.name, error), files=(file,))
    groups: dict[str, Group] = {}
    for row in rows:
        group = _group(row, file.parent, country)
        twice = group.name in groups
        groups[group.name] = Group(group.name, fault=_said(group.name, _TWICE)) if twice else group
    named = (str(row["geojson"]) for row in rows if _is_name(row.get("geojson")))
    return Groups(groups, files=(file, *(file.parent / name for name in dict.fromkeys(named))))


def _rows(table: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    rows = table.get("group", [])
    if set(table) - {"group"} or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("[[group]] expected")
    if len(rows) > MAX_GROUPS:
        raise ValueError(f"more than {MAX_GROUPS} groups")
    return rows


def _group(row: Mapping[str, object], folder: Path, country: Country) -> Group:
    name = spelt(str(row.get("name", "")))
    try:
        _check_form(row, name)
        whole = tuple(dict.fromkeys(code for text in _codes(row) for code in country.expand(codes.normalise(text))))
        parts = tuple(_drawn(folder / str(row["geojson"]), country)) if "geojson" in row else ()
    except LalertError as error:
        finding = error.findings[0].message if error.findings else error.message
        return Group(name[:MAX_NAME], fault=_said(name, finding))
    except (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError, ShapelyError) as error:
        return Group(name[:MAX_NAME], fault=_said(name, _unreadable(str(row.get("geojson", "")), error)))
    return Group(name, Extent(whole, parts))


def _check_form(row: Mapping[str, object], name: str) -> None:
    if not 1 <= len(name) <= MAX_NAME or not isinstance(row.get("name"), str):
        raise _refused(_NAMELESS)
    if set(row) - set(_KEYS) or not ("codes" in row or "geojson" in row):
        raise _refused(_MEMBERS)
    if "geojson" in row and not _is_name(row["geojson"]):
        raise _refused(_ELSEWHERE)


def _codes(row: Mapping[str, object]) -> list[str]:
    listed = row.get("codes", [])
    if not isinstance(listed, list) or len(listed) > _MAX_CODES or not all(isinstance(one, str) for one in listed):
        raise _refused(_MEMBERS)
    return listed


def _is_name(value: object) -> bool:
    """Whether `value` names a file in the folder itself."""
    return isinstance(value, str) and value not in ("", ".", "..") and not set(value) & {"/", "\\", "\0"}


def _drawn(file: Path, country: Country) -> Iterator[BaseGeometry]:
    """Yield the polygons of a GeoJSON file as one valid shape."""
    polygons = [part for found in _geometries(json.loads(_bounded(file, MAX_GEOJSON_BYTES))) for part in found]
    if not polygons or sum(int(shapely.get_num_coordinates(one)) for one in polygons) > MAX_VERTICES:
        raise _refused(_SHAPES)
    whole = shapely.union_all(shapely.make_valid(polygons, method="structure", keep_collapsed=False))
    if whole.is_empty or not country.has_land(whole, within_m=_SEA_M) or measure.area_km2(whole) <= 0:
        raise _refused(_ABROAD)
    yield whole


def _geometries(found: object) -> Iterator[list[BaseGeometry]]:
    """Yield the polygons of every geometry. Raises ValueError for what is none: a line is no area."""
    if not isinstance(found, dict):
        raise _refused(_SHAPES)
    kind = found.get("type")
    if kind == "FeatureCollection":
        for feature in found["features"]:
            yield from _geometries(feature)
    elif kind == "Feature":
        yield from _geometries(found["geometry"])
    elif kind in ("Polygon", "MultiPolygon"):
        yield list(shapely.get_parts(shape(found)))
    else:
        raise _refused(_SHAPES)


def _bounded(file: Path, limit: int) -> bytes:
    with file.open("rb") as stream:
        raw = stream.read(limit + 1)
    if len(raw) > limit:
        raise ValueError(f"more than {limit} bytes")
    return raw


# --- mistakes -----------------------------------------------------------------------------------------------------

_NAMELESS: Final = Text(f"name がないか、{MAX_NAME}文字を超えます。", f"It has no name of 1 to {MAX_NAME} characters.")
_MEMBERS: Final = Text(
    "codes(コードの配列)か geojson(ファイル名)を指定してください。ほかの項目は使えません。",
    "Give codes (a list of texts) or geojson (a file name); there are no other members.",
)
_ELSEWHERE: Final = Text(
    "geojson には groups.toml と同じフォルダーのファイル名だけを書けます。",
    "geojson is the name of a file in the folder of groups.toml.",
)
_SHAPES: Final = Text(
    f"GeoJSON にポリゴンがないか、ポリゴン以外の図形があるか、頂点が{MAX_VERTICES:,}を超えます。",
    f"The GeoJSON holds no polygons, something else than polygons, or more than {MAX_VERTICES:,} vertices.",
)
_ABROAD: Final = Text(
    "図形が日本の陸地にも近海にもありません。GeoJSON は「経度,緯度」の順です。",
    "The shape lies in no part of Japan. GeoJSON writes longitude first.",
)
_TWICE: Final = Text("同じ名前が複数あります。", "The name comes twice.")


def _said(name: str, why: Text) -> Text:
    shown = name[:MAX_NAME] or "-"
    return Text(f"グループ {shown}: {why.ja}", f"Group {shown}: {why.en}")


def _unreadable(file: str, error: Exception) -> Text:
    """Return that a file cannot be read; where it lies is nobody's business who names the group."""
    why = (error.strerror or "") if isinstance(error, OSError) else str(error)
    return Text(f"{file} を読めません。({why[:200]})", f"{file} cannot be read ({why[:200]}).")


def _refused(why: Text) -> Rejected:
    return Rejected(why, code="area.group_unusable")
