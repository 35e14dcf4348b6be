"""A country to import: the embedded set drawn as the ministry draws, with Kyoto and Hiroshima whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import shapely

from lalert.geo import packed
from lalert.geo.importing import Imported, imported
from lalert.geo.legend import Drawing, Fields, understood
from lalert.geo.mapfile import Sheet
from lalert.geo.packed import Packed

Columns = Mapping[str, Sequence[str | None]]


def sheet_of(columns: Columns, shapes: Sequence[shapely.Geometry | None], label: str = "test") -> Sheet:
    """A sheet as `mapfile` reads it."""
    array = np.empty(len(shapes), dtype=object)
    array[:] = shapes
    return Sheet(label, {name: tuple(values) for name, values in columns.items()}, array)


def drawing_of(columns: Columns, shapes: Sequence[shapely.Geometry | None], fields: Fields = Fields()) -> Drawing:  # noqa: B008
    """The same sheet, understood."""
    drawing = understood(sheet_of(columns, shapes), fields)
    assert drawing is not None
    return drawing


def rows_of(content: Packed) -> tuple[dict[str, list[str | None]], list[shapely.Geometry]]:
    """The municipalities of a set in N03's columns, without wards."""
    cities = {place.code: place.name for place in content.names.cities}
    columns: dict[str, list[str | None]] = {name: [] for name in ("N03_001", "N03_003", "N03_004", "N03_007")}
    for place in content.names.municipalities:
        columns["N03_001"].append(place.prefecture_name)
        columns["N03_003"].append(None)
        columns["N03_004"].append(cities[place.city] if place.city else place.name)
        columns["N03_007"].append((place.city or place.code)[:5])
    return columns, list(content.municipalities)


@pytest.fixture(scope="session")
def country() -> Packed:
    """The embedded set as values."""
    return packed.read()[0]


@pytest.fixture(scope="session")
def country_file(country: Packed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole country as a GeoPackage of the ministry's columns."""
    geopandas = pytest.importorskip("geopandas")
    columns, shapes = rows_of(country)
    path = tmp_path_factory.mktemp("country") / "N03-test.gpkg"
    geopandas.GeoDataFrame(columns, geometry=shapes, crs=6668).to_file(path)
    return Path(path)


@pytest.fixture(scope="session")
def wardless(country_file: Path) -> Imported:
    """That file, imported."""
    return imported([country_file], Fields(), packed.read(), version="wardless", tolerance_m=0, step=lambda _: None)
