"""Every municipality of Japan posts at once, and 200 readers are connected: who gets through, and how soon.

1,741 orders, each over a connection of its own; ten are level 5 and posted last of all. Latencies run from the moment
when the sender begins to send, to its 201 (accept) and to each reader (delivery); CPU is the hub's own, from /proc.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import aiohttp

from benchmarks.hub import HubProcess
from benchmarks.readers import connect
from lalert.cli.scenario import Step, nationwide

READERS = 200
_PATIENCE_S = 120.0
LEVEL5 = 10


@dataclass(frozen=True, slots=True)
class Storm:
    """What happened: receipts by position, when each was posted and answered, arrivals by position."""

    receipts: dict[int, dict[str, object]]
    posted_at: dict[int, float]
    accepted_at: dict[int, float]
    arrivals: dict[int, list[float]]
    positions: list[list[int]]  # of every reader, in the order in which it saw them
    cpu_s: float
    wall_s: float


def run() -> dict[str, object]:
    """Return latencies in ms by priority, and CPU in us an alert and a delivery."""
    with tempfile.TemporaryDirectory() as folder, HubProcess(Path(folder) / "data") as hub:
        return figures(asyncio.run(storm(hub, readers=READERS)))


async def storm(hub: HubProcess, *, readers: int) -> Storm:
    """Post every municipality's order at once and return when every reader has seen all of them."""
    steps = list(nationwide(start=datetime.now(UTC), level5=LEVEL5))
    steps.sort(key=lambda step: "レベル5" in step.title)  # the most urgent come last
    arrivals: dict[int, list[float]] = defaultdict(list)
    all_here, missing = asyncio.Event(), len(steps) * readers

    def arrived(seq: int, at: float) -> None:
        nonlocal missing
        arrivals[seq].append(at)
        missing -= 1
        if not missing:
            all_here.set()

    connected = [await connect(hub.url, arrived=arrived) for _ in range(readers)]
    key, before, began = hub.key(), hub.cpu_s(), perf_counter()
    answers = await _post_all(hub, key, steps)
    await asyncio.wait_for(all_here.wait(), _PATIENCE_S)
    wall_s, cpu_s = perf_counter() - began, hub.cpu_s() - before
    for reader in connected:
        assert reader.transport is not None
        reader.transport.close()
    by_position = {int(str(receipt["seq"])): (receipt, posted, answered) for receipt, posted, answered in answers}
    return Storm(
        receipts={seq: answer[0] for seq, answer in by_position.items()},
        posted_at={seq: answer[1] for seq, answer in by_position.items()},
        accepted_at={seq: answer[2] for seq, answer in by_position.items()},
        arrivals=dict(arrivals),
        positions=[reader.positions for reader in connected],
        cpu_s=cpu_s,
        wall_s=wall_s,
    )


async def _post_all(hub: HubProcess, key: str, steps: Sequence[Step]) -> list[tuple[dict[str, object], float, float]]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cap+xml"}
    connector = aiohttp.TCPConnector(limit=0)  # every municipality has its own line
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:

        async def post(step: Step) -> tuple[dict[str, object], float, float]:
            began = perf_counter()
            async with session.post(f"{hub.url}/api/v1/alerts", data=step.raw) as response:
                body = await response.read()
                if response.status != 201:
                    raise RuntimeError(f"{response.status}: {body.decode()[:400]}")
                return json.loads(body), began, perf_counter()

        return list(await asyncio.gather(*(post(step) for step in steps)))


def figures(storm: Storm) -> dict[str, object]:
    """Return what the storm says."""
    out: dict[str, object] = {"alerts": len(storm.receipts), "readers": len(storm.positions)}
    for lane in ("flash", "urgent"):
        positions = [seq for seq, receipt in storm.receipts.items() if receipt["priority"] == lane]
        accept = [storm.accepted_at[seq] - storm.posted_at[seq] for seq in positions]
        delivery = [at - storm.posted_at[seq] for seq in positions for at in storm.arrivals[seq]]
        for name, values in (("accept", accept), ("delivery", delivery)):
            cuts = statistics.quantiles(values, n=100)
            out |= {f"{lane} {name} p50 ms": cuts[49] * 1e3, f"{lane} {name} p99 ms": cuts[98] * 1e3}
    deliveries = sum(len(positions) for positions in storm.positions)
    out["alerts accepted and delivered a second"] = len(storm.receipts) / storm.wall_s
    out["hub CPU us an alert, all included"] = storm.cpu_s / len(storm.receipts) * 1e6
    out["hub CPU us a delivery, all included"] = storm.cpu_s / deliveries * 1e6
    return out
