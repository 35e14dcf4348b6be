"""A realm that starts, and one that shares its log: what it shows follows the log's order, whatever the clocks say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from lalert.core.model import Entry, Realm
from lalert.errors import Text, Unavailable
from lalert.geo.atlas import Atlas
from lalert.geo.boundaries import BoundarySet
from lalert.hub import Hub
from lalert.metrics import Metrics
from lalert.publishers.faces import Site
from lalert.store.sqlite import SqliteStore
from tests.contract.making import START, message
from tests.rig.hubs import settings_for

LONG_AGO = START - timedelta(days=9)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """An empty log."""
    made = await SqliteStore.open(tmp_path / "live.sqlite", Realm.LIVE)
    yield made
    await made.close()


@pytest.fixture
async def hub(store: SqliteStore, japan: BoundarySet, tmp_path: Path) -> AsyncIterator[Hub]:
    """A realm that has not started."""
    made = Hub(
        store=store,
        atlas=Atlas(japan),
        settings=settings_for(tmp_path),
        metrics=Metrics(),
        site=Site(Realm.LIVE, "https://hub.example"),
        clock=lambda: START,
    )
    yield made
    await made.stop()


def shown(hub: Hub) -> list[int]:
    """Return the positions in memory."""
    return [faces.entry.cursor.seq for faces in hub.tail.after(hub.tail.oldest - 1)]


async def test_it_starts_although_clocks_differed(hub: Hub, store: SqliteStore) -> None:
    """An entry whose time is long past, between two of today, makes no hole: what is whole is in memory."""
    await store.append([message("a", at=START), message("b", at=LONG_AGO), message("c", at=START)])
    await hub.start()
    assert (hub.tail.head.seq, shown(hub)) == (3, [3])
    assert {posted.entry.alert.identifier for posted in hub.situation.in_force()} == {"a", "b", "c"}


async def test_what_comes_twice_is_shown_once(hub: Hub, store: SqliteStore) -> None:
    """Own entries and those that are followed meet in one place: in order, each once, and none is left out."""
    await hub.start()
    outcomes = await store.append([message(name) for name in "abcde"])
    entries: Sequence[Entry] = [outcome.entry for outcome in outcomes if outcome.entry is not None]
    hub._show(entries[:2])
    await hub._advance(entries[3:4])  # the one between was kept by another node
    hub._show(entries[1:])
    hub._show(entries)
    assert shown(hub) == [1, 2, 3, 4, 5]


async def test_what_is_kept_is_answered_although_the_log_cannot_be_read(
    hub: Hub, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When what lies before an own entry cannot be read just now, it is shown later, and its sender is told now."""
    await hub.start()
    outcomes = await store.append([message("a"), message("b")])
    entries = [outcome.entry for outcome in outcomes if outcome.entry is not None]

    async def away(after: int, limit: int) -> Sequence[Entry]:
        raise Unavailable(Text("不通", "away"), code="store.unreachable")

    monkeypatch.setattr(store, "read", away)
    await hub._advance(entries[1:])
    assert shown(hub) == []
    hub._show(entries)
    assert shown(hub) == [1, 2]
