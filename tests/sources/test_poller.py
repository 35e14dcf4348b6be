"""When a source is asked again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from lalert.core.model import Realm
from lalert.geo.atlas import Atlas
from lalert.geo.boundaries import BoundarySet
from lalert.hub import Hub
from lalert.metrics import Metrics
from lalert.publishers.faces import Site
from lalert.sources.fetching import Unfetched
from lalert.sources.poller import Poller
from lalert.sources.source import Source
from lalert.store.sqlite import SqliteStore
from tests.contract.making import START
from tests.rig.hubs import settings_for


class Silent:
    """A network on which nobody answers."""

    async def get(self, url: str, *, headers: Mapping[str, str], limit: int) -> Unfetched:
        """Return that nothing came."""
        return Unfetched("timeout")


@pytest.mark.parametrize("is_failing", [False, True])
async def test_a_clock_that_is_set_back_makes_no_wait_longer(
    japan: BoundarySet, tmp_path: Path, is_failing: bool
) -> None:
    """The next round comes within its interval, and not when the old time comes again."""
    now = START
    store = await SqliteStore.open(tmp_path / "live.sqlite", Realm.LIVE)
    hub = Hub(
        store=store,
        atlas=Atlas(japan),
        settings=settings_for(tmp_path),
        metrics=Metrics(),
        site=Site(Realm.LIVE, "https://hub.example"),
        clock=lambda: now,
    )
    source = Source(
        name="s", url="https://feed.example/", realm=Realm.LIVE, areas=("*",), attribution="x", fetches=False
    )
    poller = Poller(source, hub, Silent(), trust_of=lambda _: 0, random=random.Random(1).random)
    if is_failing:
        await poller.poll()
        assert poller.failures == 1
    assert not poller.is_due()
    now = START - timedelta(hours=1)
    assert poller.is_due()
    now = START + timedelta(hours=1)
    assert poller.is_due()
    await hub.stop()
