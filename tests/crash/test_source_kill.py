"""A hub killed in the middle of publishing what it fetched: nothing of a source is lost, or comes twice, or stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.rig import hubs, registers
from tests.rig.author import CHIYODA, CHUO, Author
from tests.rig.caller import Caller
from tests.rig.listener import Listener
from tests.rig.load import whole_log
from tests.rig.upstream import Upstream

MESSAGES = 60  # of one round
HEARD = 3  # of them, when the hub is killed

author = Author()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A server that plays feeds."""
    async with Upstream() as opened:
        yield opened


async def test_killed_while_it_publishes_what_it_fetched(
    hub_process: hubs.HubProcess, upstream: Upstream, tmp_path: Path
) -> None:
    """Each message is published once, and its end after it; what was over before it was published stays unpublished.

    The feed's orders are lifted while the hub is down: of those that it had published everybody hears the end.
    """
    orders = [author.order(CHIYODA, CHUO, headline=f"{number}") for number in range(MESSAGES)]
    url = upstream.put_feed("/feed", *orders)
    table = registers.table(url=url, fetches=2 * MESSAGES + 2)
    hub_process.set({"sources__file": registers.write(tmp_path / "sources.toml", table)})
    await hub_process.start()
    async with Listener(hub_process.url) as listener, Caller(hub_process.url) as caller:
        start = (await caller.get("/api/v1/changes")).json["cursor"]
        await listener.until(lambda _: len(listener.identifiers) >= HEARD)
    await hub_process.kill()
    lifts = [author.lift(order) for order in orders]
    for rounds in range(2):  # the second one has everything behind it that the first one could do wrong
        marker = author.order(CHIYODA, headline=f"marker {rounds}")
        upstream.put_feed("/feed", *lifts, *orders, marker, updated=str(rounds))
        if not rounds:
            await hub_process.start()
        async with Listener(hub_process.url, last_event_id=start) as listener:
            await listener.until_identifier(marker.identifier)
    log = [entry["alert"]["identifier"] for entry in await whole_log(hub_process.url, start)]
    published = [order.identifier for order in orders if order.identifier in log]
    ends = {order.identifier: lift.identifier for order, lift in zip(orders, lifts, strict=True)}
    assert len(published) >= HEARD
    assert len(log) == len(set(log)) == 2 * len(published) + 2, "once each: orders, their ends, two markers"
    assert all(log.index(ends[name]) > log.index(name) for name in published)
