"""A power cut in the middle of a bulk push: the hub goes on where it stopped, and nobody is forgotten."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from lalert.cli.pushservice import Phone, PushService, running
from lalert.core.model import Realm
from lalert.core.resident import Peer, Resident, Wish
from lalert.publishers.residents import BATCH
from lalert.publishers.sealing import maybe_bytes
from lalert.store.sqlite import SqliteStore
from tests.rig import hubs
from tests.rig.author import CHIYODA, CHUO, Author
from tests.rig.caller import Caller
from tests.rig.hubs import HubProcess

RESIDENTS = 20_000
AT_ONCE = 500

author = Author()


async def settle_in(data: Path, phones: Sequence[Phone], code: str) -> None:
    """Have every phone subscribed to `code`, before the hub starts."""
    store = await SqliteStore.open(data / "live.sqlite", Realm.LIVE)
    try:
        for at in range(0, len(phones), AT_ONCE):
            await asyncio.gather(*(store.add_resident(resident(phone, code)) for phone in phones[at : at + AT_ONCE]))
    finally:
        await store.close()


def resident(phone: Phone, code: str) -> Resident:
    """Return the subscription of a phone."""
    keys = phone.subscription["keys"]
    assert isinstance(keys, dict)
    return Resident(
        id=phone.token[:16],
        digest="0" * 64,
        wish=Wish(areas=frozenset({code})),
        peer=Peer(
            endpoint=phone.endpoint, p256dh=maybe_bytes(keys["p256dh"]) or b"", auth=maybe_bytes(keys["auth"]) or b""
        ),
        created_at=datetime.now(UTC),
    )


def tokens(service: PushService) -> set[str]:
    """Return which phones got anything."""
    return {arrival.token for arrival in service.arrivals}


async def test_a_bulk_push_goes_on_after_a_power_cut(hub_process: HubProcess) -> None:
    """SIGKILL while 20,000 residents are read, and in the middle of pushing: all have it in the end, and of each cut at
    most one batch has it again."""
    async with running() as service:
        phones = [service.phone() for _ in range(RESIDENTS)]
        await settle_in(hub_process.data, phones, CHIYODA)
        hub_process.set({"push__allow_networks": "127.0.0.0/8"})
        await hub_process.start()
        async with Caller(hub_process.url, await hubs.issue_in(hub_process.data)) as caller:
            receipt = await caller.publish(author.order(CHIYODA, level=4))
        assert receipt["matched"].get("residents", RESIDENTS) == RESIDENTS  # all are counted, or none
        await hub_process.kill()
        await hub_process.start()
        await service.until(lambda: len(service.arrivals) >= RESIDENTS // 3)
        await hub_process.kill()
        before = len(service.arrivals)
        assert before < RESIDENTS
        await hub_process.start()
        await service.until(lambda: len(service.arrivals) >= RESIDENTS and len(tokens(service)) == RESIDENTS, 120)
        assert await hub_process.stop() == 0
        assert service.refused == []
        times = Counter(arrival.token for arrival in service.arrivals)
        assert sum(times.values()) - RESIDENTS <= 2 * BATCH
        assert max(times.values()) <= 3


async def test_level_5_goes_between_two_batches(hub_process: HubProcess) -> None:
    """While thousands are still to be told of a level 3, the few who must act now do not wait for them."""
    async with running() as service:
        many, few = [service.phone() for _ in range(3_000)], [service.phone() for _ in range(10)]
        await settle_in(hub_process.data, many, CHIYODA)
        await settle_in(hub_process.data, few, CHUO)
        hub_process.set({"push__allow_networks": "127.0.0.0/8"})
        await hub_process.start()
        async with Caller(hub_process.url, await hubs.issue_in(hub_process.data)) as caller:
            await caller.publish(author.order(CHIYODA, level=3))
            await service.until(lambda: len(service.arrivals) >= 2 * BATCH)
            await caller.publish(author.order(CHUO, level=5))
        await service.until(lambda: len(service.arrivals) == len(many) + len(few))
        order = [arrival.token for arrival in service.arrivals]
        last_urgent = max(order.index(phone.token) for phone in few)
        assert last_urgent < len(many) - BATCH
