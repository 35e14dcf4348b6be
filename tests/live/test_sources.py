"""Sources through a running hub: what others publish is on our stream, named, once, and only where it may be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.rig import hubs, registers
from tests.rig.author import CHIYODA, Author
from tests.rig.caller import Caller
from tests.rig.listener import Listener
from tests.rig.upstream import Upstream

author = Author()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A server that plays feeds."""
    async with Upstream() as opened:
        yield opened


async def test_message_of_a_source_is_on_the_stream_with_its_attribution(
    servers: hubs.Start, upstream: Upstream, tmp_path: Path
) -> None:
    """The hub asks by itself; everybody who gets the message learns whom to name, in JSON, feed and page."""
    order = author.order(CHIYODA)
    url = upstream.put_feed("/feed", order)
    file = registers.write(tmp_path / "sources.toml", registers.table(url=url, attribution="出典：試験庁のページ"))
    server = await servers(sources__file=str(file))
    async with Listener(server.url) as listener, Caller(server.url) as reader:
        heard = await listener.until_identifier(order.identifier)
        assert heard.json["attribution"] == "出典：試験庁のページ"
        assert "<rights>出典：試験庁のページ</rights>" in (await reader.get("/feeds/all.atom")).text
        assert "試験庁のページ" in (await reader.get(f"/alerts/{order.identifier}")).text
        (told,) = (await reader.get("/status.json")).json["realms"]["live"]["sources"]
        assert (told["name"], told["failures"], told["lastMessage"]) == ("upstream", 0, order.identifier)
        assert (
            'lalert_source_messages_total{outcome="created",realm="live",source="upstream"} 1.0'
            in (await reader.get("/metrics")).text
        )
