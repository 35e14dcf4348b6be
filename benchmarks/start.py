"""A hub with many residents starts: how soon it takes an alert, and what posts cost while the residents are read.

Seconds run from the start of the process to the 201 of a level 5 that is posted as soon as the hub listens; the same
hub without residents takes turns with it, so that one run says what the residents add. While they are read, one level 5
after another is posted; their latency stands beside that of as many posted afterwards.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from benchmarks.hub import HubProcess
from lalert.cap import build
from lalert.cap.render import to_xml
from lalert.core.model import Realm
from lalert.core.resident import Peer, Resident, Wish, digest_of
from lalert.store.sqlite import SqliteStore

RESIDENTS, ROUNDS = 200_000, 3
CODE = "131016"
_AFTERWARDS = 100
_AT_ONCE = 1_000


def run(*, people: int = RESIDENTS, rounds: int = ROUNDS) -> dict[str, object]:
    """Return medians over the rounds, in s and ms."""
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder) / "few", Path(folder) / "many"
        asyncio.run(_subscribe(few, 0))
        asyncio.run(_subscribe(many, people))
        starts: dict[Path, list[Start]] = {few: [], many: []}
        for _ in range(rounds):
            for data, seen in starts.items():
                seen.append(asyncio.run(_start(data)))
    return {
        "residents": people,
        "first_201_s": median(start[0] for start in starts[many]),
        "first_201_without_residents_s": median(start[0] for start in starts[few]),
        "everybody_known_s": median(start[1] for start in starts[many]),
        "posts_while_reading": sum(len(start[2]) for start in starts[many]),
        **_latencies("while_reading", (ms for start in starts[many] for ms in start[2])),
        **_latencies("afterwards", (ms for start in starts[many] for ms in start[3])),
    }


Start = tuple[float, float, Sequence[float], Sequence[float]]
"""Seconds to the first 201 and until everybody was known; ms of each post before and after that."""


async def _start(data: Path) -> Start:
    """Start a hub on `data` and post to it."""
    hub = HubProcess(data)
    began_s = perf_counter()
    await asyncio.to_thread(hub.start)
    try:
        async with aiohttp.ClientSession() as session:
            headers = {"Authorization": f"Bearer {(data / 'key').read_text()}", "Content-Type": "application/cap+xml"}
            await _post(session, hub.url, headers)
            first_s, reading, afterwards = perf_counter() - began_s, [], []
            while not await _knows_everybody(session, hub.url):
                reading.append(await _post(session, hub.url, headers))
            known_s = perf_counter() - began_s
            for _ in range(_AFTERWARDS):
                afterwards.append(await _post(session, hub.url, headers))
            return first_s, known_s, reading, afterwards
    finally:
        await asyncio.to_thread(hub.kill)


async def _post(session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> float:
    """Post a level 5 and return how many milliseconds it took."""
    now = datetime.now(UTC).replace(microsecond=0)
    order = build.order(
        level=5,
        hazard="flood",
        codes=(CODE,),
        sender="bench@example.jp",
        sender_name="千代田区",
        identifier=f"bench-{secrets.token_hex(8)}",
        sent=now,
        expires=now + timedelta(hours=1),
    )
    body, began_s = to_xml(order), perf_counter()
    async with session.post(f"{url}/api/v1/alerts", data=body, headers=headers) as answer:
        await answer.read()
        assert answer.status == 201, answer.status
    return (perf_counter() - began_s) * 1e3


async def _knows_everybody(session: aiohttp.ClientSession, url: str) -> bool:
    async with session.get(f"{url}/readyz") as answer:
        return bool((await answer.json())["realms"]["live"].get("residents", "ok") == "ok")


async def _subscribe(data: Path, people: int) -> None:
    """Fill a new data folder, as the hub itself does; nobody lives where the alerts are, so nobody is pushed to."""
    with HubProcess(data) as hub:
        (data / "key").write_text(hub.key())
    private = ec.generate_private_key(ec.SECP256R1())
    key = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    auth = secrets.token_bytes(16)
    store = await SqliteStore.open(data / "live.sqlite", Realm.LIVE)
    for first in range(0, people, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, people))
        await asyncio.gather(*(store.add_resident(_resident(number, key, auth)) for number in numbers))
    await store.close()


def _resident(number: int, key: bytes, auth: bytes) -> Resident:
    return Resident(
        id=f"{number:016x}",
        digest=digest_of(str(number)),
        wish=Wish(cells=frozenset({f"392725{number % 10}{number // 10 % 10}"})),
        peer=Peer(endpoint=f"https://push.example/{number:080}", p256dh=key, auth=auth),
        created_at=datetime.now(UTC),
    )


def _latencies(name: str, ms: Iterable[float]) -> dict[str, float]:
    ordered = sorted(ms)
    if not ordered:
        return {}
    return {f"post_{name}_p50_ms": median(ordered), f"post_{name}_p99_ms": ordered[int(0.99 * (len(ordered) - 1))]}
