from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from lalert.errors import Rejected
from lalert.geo import measure, mesh
from lalert.geo.mesh import Level

LEVELS = st.sampled_from(Level)


@pytest.mark.parametrize(
    ("level", "code"),
    [
        (Level.FIRST, "5339"),
        (Level.SECOND, "533946"),
        (Level.THIRD, "53394611"),
        (Level.HALF, "533946113"),
        (Level.QUARTER, "5339461134"),
    ],
)
def test_tokyo_station_has_its_published_cells(level: Level, code: str) -> None:
    """The cells of Tokyo station, on every level of JIS X 0410."""
    assert mesh.code_at(lon=139.76708, lat=35.68139, level=level) == code
    assert mesh.level_of(code) is level


@given(st.floats(122, 154.9), st.floats(20, 45.9), LEVELS)
def test_a_point_lies_in_the_box_of_its_cell(lon: float, lat: float, level: Level) -> None:
    """Code and box are inverse: the cell of a point holds it."""
    code = mesh.code_at(lon=lon, lat=lat, level=level)
    west, south, east, north = mesh.box_of(code).bounds
    assert west - 1e-9 <= lon <= east + 1e-9
    assert south - 1e-9 <= lat <= north + 1e-9


@given(st.floats(122, 154.9), st.floats(20, 45.9))
def test_finer_cells_lie_in_coarser_ones(lon: float, lat: float) -> None:
    """The digits of a cell begin with those of the cell around it."""
    codes = [mesh.code_at(lon=lon, lat=lat, level=level) for level in Level]
    assert all(fine.startswith(coarse) for coarse, fine in pairwise(codes))


@pytest.mark.parametrize(
    "code",
    ["", "53", "5339461", "533986", "533968", "5339461x", "53394615５", "533946115", "53394611301", "1139", "5399"],
)
def test_what_is_no_cell_is_refused(code: str) -> None:
    """Wrong length, digits beyond the grid and places outside Japan's grid are refused."""
    with pytest.raises(Rejected) as refused:
        mesh.box_of(code, path="/here")
    assert [(f.code, f.path) for f in refused.value.findings] == [("area.mesh_format", "/here")]


@given(st.floats(130, 144), st.floats(31, 44), st.floats(100, 9_000), st.sampled_from([Level.SECOND, Level.THIRD]))
def test_touched_cells_are_exact(lon: float, lat: float, radius_m: float, level: Level) -> None:
    """The same cells as holding every cell of the shape's box against the shape."""
    shape = measure.circle(lon=lon, lat=lat, radius_m=radius_m)
    west, south, east, north = shape.bounds
    lons = np.arange(np.floor((west - 100) * level.per_lon), np.ceil((east - 100) * level.per_lon)) + 0.5
    lats = np.arange(np.floor(south * level.per_lat), np.ceil(north * level.per_lat)) + 0.5
    column, row = np.meshgrid(100 + lons / level.per_lon, lats / level.per_lat)
    every = mesh.codes_at(lon=column.ravel(), lat=row.ravel(), level=level)
    boxes = shapely.box(*mesh.bounds_of(every, level).T)
    met = shapely.intersects(shape, boxes) & ~shapely.touches(shape, boxes)
    assert mesh.touched(shape, level).tolist() == sorted(every[met].tolist())


@pytest.mark.parametrize("code", ["53394611", "533946113", "5339461134"])
def test_a_cell_touches_itself_only(code: str) -> None:
    """Neighbours share an edge, not ground."""
    assert mesh.touched(mesh.box_of(code), mesh.level_of(code)).tolist() == [int(code)]


def test_a_shape_far_away_touches_nothing() -> None:
    """Cells are numbered around Japan only."""
    assert mesh.touched(shapely.box(10, 50, 11, 51), Level.THIRD).tolist() == []


def test_cells_are_bounded() -> None:
    """A shape of more cells than asked for is refused instead of filling memory."""
    with pytest.raises(Rejected) as refused:
        mesh.touched(shapely.box(135, 34, 137, 36), Level.THIRD, limit=1_000)
    assert refused.value.code == "area.too_many_cells"
