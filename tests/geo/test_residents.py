"""Residents by municipality and cell, held against the grid's own answer, cell by cell."""

from __future__ import annotations

import random

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Point

from lalert.geo import measure, mesh
from lalert.geo import residents as residents_module
from lalert.geo.mesh import Level
from lalert.geo.residents import CELLS, Index, Place, Residents

TOKYO = (139.75, 35.69)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three residents are as many as a shard holds."""
    monkeypatch.setattr(residents_module, "SHARD", 3)


def at(number: int, *cells: str, codes: tuple[str, ...] = (), tag: int = 0) -> Place:
    """Return a subscription."""
    return Place(number, frozenset(codes), frozenset(cells), tag)


def crowd(draw: random.Random, count: int) -> list[Place]:
    """Return subscriptions around Tokyo: one to three cells each, of all sizes, some with municipalities."""
    return [
        at(
            number,
            *{
                mesh.code_at(lon=139.75 + draw.gauss(0, 0.1), lat=35.69 + draw.gauss(0, 0.1), level=draw.choice(CELLS))
                for _ in range(draw.randint(0, 3))
            },
            codes=tuple(draw.sample(["131016", "131024", "13", "142018"], draw.randint(0, 1))),
            tag=number * 3,
        )
        for number in draw.sample(range(1, 10 * count), count)
    ]


def naive(places: list[Place], geometry: shapely.Geometry | None, codes: set[str]) -> list[int]:
    """Return who is concerned, by asking the grid for every cell that the shape touches."""
    touched = {str(cell) for level in CELLS for cell in mesh.touched(geometry, level)} if geometry else set()
    wanted = codes | {code[:2] for code in codes}
    return sorted(place.number for place in places if place.cells & touched or place.codes & wanted)


def test_a_cell_that_the_shape_touches_is_concerned() -> None:
    """The shape itself counts, not its box; a border that is only shared does not."""
    index = Index.of([at(1, "53394611"), at(2, "53394612"), at(3, "533946114"), at(4, "5339461144"), at(5, "53394600")])
    west, south, east, north = mesh.box_of("53394611").bounds
    assert index.matching(mesh.box_of("53394611"), ()).numbers.tolist() == [1, 3, 4]
    corner = shapely.Polygon([(west, south), (west + 0.001, south), (west, south + 0.001)])
    assert index.matching(corner, ()).numbers.tolist() == [1]
    spike = Point(east - 1e-6, north - 1e-6).buffer(1e-7)
    assert index.matching(spike, ()).numbers.tolist() == [1, 3, 4]


def test_municipalities_and_their_prefecture_are_concerned() -> None:
    """A code stands for itself; whoever asked for the prefecture is concerned by each of its municipalities."""
    index = Index.of([at(1, codes=("131016",)), at(2, codes=("13",)), at(3, codes=("011002",)), at(4, codes=("01",))])
    assert index.matching(None, ["131016"]).numbers.tolist() == [1, 2]
    assert index.matching(None, ["131024"]).numbers.tolist() == [2]
    assert index.matching(None, ["011002"]).numbers.tolist() == [3, 4]
    assert index.matching(None, ()).numbers.tolist() == []


def test_tags_come_back_with_their_numbers() -> None:
    """Everybody once, in ascending order, with the tag that was given."""
    index = Index.of([at(9, "53394611", "53394612", codes=("131016",), tag=90), at(4, "53394611", tag=40)])
    found = index.matching(mesh.box_of("533946"), ["131016"])
    assert (found.numbers.tolist(), found.tags.tolist(), len(found), len(index)) == ([4, 9], [40, 90], 2, 2)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    radius_m=st.floats(50, 60_000),
    lon=st.floats(139.4, 140.1),
    lat=st.floats(35.4, 36.0),
    hole=st.booleans(),
)
def test_the_index_agrees_with_the_grid(seed: int, radius_m: float, lon: float, lat: float, hole: bool) -> None:
    """Any shape and any crowd: exactly those whose cell the grid calls touched."""
    places = crowd(random.Random(seed), 200)
    shape = measure.circle(lon=lon, lat=lat, radius_m=radius_m, sides=24)
    if hole:
        shape = shape.difference(measure.circle(lon=lon, lat=lat, radius_m=radius_m * 0.7))
        shape = MultiPolygon([shape, shapely.box(lon + 1, lat, lon + 1.01, lat + 0.01)])
    found = Index.of(places).matching(shape, ["131016"])
    assert found.numbers.tolist() == naive(places, shape, {"131016"})
    assert found.tags.tolist() == [3 * number for number in found.numbers]


def test_nobody_is_an_answer() -> None:
    """An empty index, an empty shape and a shape far away concern nobody."""
    far = measure.circle(lon=TOKYO[0], lat=TOKYO[1], radius_m=1_000)
    assert len(Index.of([]).matching(far, ["131016"])) == 0
    assert len(Index.of([at(1, "36225700")]).matching(far, ())) == 0
    assert len(Index.of([at(1, "53394611")]).matching(shapely.Polygon(), ())) == 0


@pytest.mark.usefixtures("small_shards")
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_changes_are_seen_at_once_and_survive_the_rebuild(seed: int) -> None:
    """Whatever comes, changes and goes, before, during and after a rebuild: the answer is that of a fresh index."""
    draw = random.Random(seed)
    known = {place.number: place for place in crowd(draw, 30)}
    residents = Residents(Index.of(known.values()))
    shape = measure.circle(lon=TOKYO[0], lat=TOKYO[1], radius_m=8_000)
    rebuilding = None
    for _ in range(60):
        act = draw.choice(["put", "drop", "begin", "settle", "ask"])
        if act == "put":
            place = crowd(draw, 1)[0]
            known[place.number] = place
            residents.put(place)
        elif act == "drop" and known:
            gone = draw.sample(sorted(known), min(len(known), draw.randint(1, 3)))
            residents.drop(gone)
            known = {number: place for number, place in known.items() if number not in gone}
        elif act == "begin":
            rebuilding = residents.view()
        elif act == "settle" and rebuilding is not None:
            residents.settle(rebuilding, rebuilding.rebuilt())
            rebuilding = None
        found = residents.view().matching(shape, ["131016"])
        fresh = Index.of(known.values()).matching(shape, ["131016"])
        assert found.numbers.tolist() == fresh.numbers.tolist()
        assert found.tags.tolist() == fresh.tags.tolist()


def test_a_rebuild_takes_over_what_changed() -> None:
    """After settling nothing is laid over the index; what changed while it was built still is."""
    residents = Residents(Index.of([at(1, "53394611"), at(2, "53394611")]))
    residents.put(at(3, "53394611"))
    residents.drop([1])
    view = residents.view()
    assert (residents.changes, residents.view() is view, len(residents)) == (2, True, 4)
    residents.drop([2])
    residents.settle(view, view.rebuilt())
    assert residents.changes == 1
    assert residents.view().matching(mesh.box_of("53394611"), ()).numbers.tolist() == [3]


def test_an_index_can_be_emptied() -> None:
    """Of nobody nothing is left, and it can be filled again."""
    residents = Residents(Index.of([at(1, "53394611", codes=("131016",))]))
    residents.drop([1, 99])
    empty = residents.view().rebuilt()
    assert len(empty) == 0
    residents = Residents(empty)
    residents.put(at(5, "53394611"))
    assert residents.view().rebuilt().matching(mesh.box_of("53394611"), ()).numbers.tolist() == [5]


@pytest.mark.usefixtures("small_shards")
def test_an_answer_comes_in_order_shard_by_shard() -> None:
    """The first are there before the last are looked for; all of them are each in one chunk, in ascending order."""
    places = crowd(random.Random(7), 40)
    residents = Residents(Index.of(places))
    residents.drop([places[0].number])
    residents.put(at(1_000, codes=("131016",)))
    chunks = [found.numbers.tolist() for found in residents.view().chunks(None, ["131016"])]
    assert len(chunks) == 14
    wanted = [place for place in places[1:] if place.codes & {"131016", "13"}]
    assert [number for chunk in chunks for number in chunk] == [*sorted(place.number for place in wanted), 1_000]


@pytest.mark.usefixtures("small_shards")
def test_what_did_not_change_is_not_built_anew() -> None:
    """A rebuild touches the shards in which something changed; small neighbours become one, a large one is divided."""
    index = Index.of([at(number, "53394611") for number in range(10, 100, 10)])
    residents = Residents(index)
    residents.put(at(45, "53394611"))
    divided = residents.view().rebuilt()
    assert [shard.numbers.tolist() for shard in divided.shards] == [[10, 20, 30], [40, 45, 50], [60], [70, 80, 90]]
    assert (divided.shards[0] is index.shards[0], divided.shards[3] is index.shards[2]) == (True, True)
    residents = Residents(divided)
    residents.drop([40, 45])
    assert [shard.numbers.tolist() for shard in residents.view().rebuilt().shards][:2] == [[10, 20, 30], [50, 60]]


def test_a_resident_takes_few_bytes() -> None:
    """Ten million with a cell and a municipality each must fit beside the hub: 40 bytes a head and the squares."""
    draw = random.Random(11)
    index = Index.of(
        at(number, mesh.code_at(lon=draw.uniform(139, 140), lat=35.7, level=Level.THIRD), codes=("131016",))
        for number in range(1, 10_001)
    )
    assert index.nbytes < 40 * len(index)


@pytest.mark.parametrize("level", [Level.HALF, Level.QUARTER])
def test_a_coarse_cell_is_not_a_fine_one(level: Level) -> None:
    """A 1 km cell is concerned where any of its parts is; a part only where it is itself."""
    cell = mesh.code_at(lon=TOKYO[0], lat=TOKYO[1], level=level)
    other = cell[:-1] + str(int(cell[-1]) % 4 + 1)
    index = Index.of([at(1, cell[:8]), at(2, cell), at(3, other)])
    assert index.matching(mesh.box_of(cell), ()).numbers.tolist() == [1, 2]
