"""The pages over HTTP, as they are reached by links that went through other people's hands."""

from __future__ import annotations

import pytest

from tests.rig.author import CHIYODA, Author
from tests.rig.caller import Caller

HUNG_ON = "fbclid=IwAR0x&utm_source=line&openExternalBrowser=1"


@pytest.mark.parametrize("path", ["/", "/a", f"/a/{CHIYODA}", "/map", "/notify", "/validate", "/docs/findings"])
async def test_a_shared_link_opens_whatever_a_network_hung_on_it(live: Caller, path: str) -> None:
    """Who follows a shared link is shown the page, in the language that it says."""
    answer = await live.get(f"{path}?{HUNG_ON}&lang=en", Accept="text/html")
    assert answer.status == 200
    assert '<html lang="en"' in answer.text


async def test_a_shared_alert_opens(live: Caller) -> None:
    """The page of one message, too; programs are still told of what does not exist."""
    order = Author().order(CHIYODA)
    await live.publish(order)
    page = await live.get(f"/alerts/{order.identifier}?{HUNG_ON}", Accept="text/html")
    assert page.status == 200
    assert (await live.get(f"/api/v1/alerts/active?{HUNG_ON}")).codes == {"query.unknown"}
    assert (await live.get("/?lang=fr", Accept="text/html")).status == 400
