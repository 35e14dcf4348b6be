"""A hub whose data were moved: readers, senders and residents notice nothing."""

from __future__ import annotations

from pathlib import Path

from lalert.core.model import Realm
from lalert.store.migration import migrate
from lalert.web.server import serving
from tests.rig import hubs
from tests.rig.author import CHIYODA, NAHA, Author
from tests.rig.caller import Caller
from tests.rig.redis import RedisServer


async def test_a_reader_goes_on_where_it_was(tmp_path: Path, watched_loop: None, redis_server: RedisServer) -> None:
    """From a file to Redis: the same key posts, the old cursor continues, and the same bytes get the same receipt."""
    first, second, third = (Author().order(code) for code in (CHIYODA, NAHA, CHIYODA))
    folder = hubs.settings_for(tmp_path / "data")
    shared = hubs.settings_for(tmp_path / "data", store__url=redis_server.empty_database())
    async with serving(folder) as server:
        key = await hubs.issue(server)
        async with Caller(server.url, key) as caller:
            seen = (await caller.publish(first))["cursor"]
            receipt = await caller.publish(second)
    await migrate(folder.store, shared.store, list(Realm))
    async with serving(shared) as server, Caller(server.url, key) as caller:
        again = await caller.post(second)
        assert (again.status, again.json) == (200, receipt)
        after = await caller.publish(third)
        assert after["seq"] == receipt["seq"] + 1
        went_on = (await caller.get(f"/api/v1/changes?since={seen}")).json
        names = [entry["alert"]["identifier"] for entry in went_on["entries"]]
        assert names == [second.identifier, third.identifier]
