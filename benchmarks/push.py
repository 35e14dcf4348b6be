"""Web Push beside pywebpush with aiohttp: encryption alone, and the whole way from an entry to the push service.

CPU time of this process per message, the best of the rounds; candidate and reference take turns in one run. The push
service is a process of its own that answers 201 and looks at nothing. Ours reads each browser from the SQLite store
(sealed), matches it and notes nothing less than in the hub, the progress of lanes apart.

`new_key` makes the key pair of each message when it is sent, `armed` finds it made ahead (in idle time, 13 us each).
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from multiprocessing.connection import Connection
from pathlib import Path
from time import process_time

import aiohttp
import pywebpush
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from py_vapid import Vapid02

from lalert.cap import build
from lalert.cap.parse import parse
from lalert.cap.render import to_xml
from lalert.core.delivery import Delivered, Partly
from lalert.core.draft import draft_of
from lalert.core.model import Cursor, Entry, Realm
from lalert.core.resident import Peer, Resident, Wish
from lalert.core.zones import zones_of
from lalert.geo.boundaries import load
from lalert.publishers import sealing
from lalert.publishers.census import Census
from lalert.publishers.faces import Faces, Site
from lalert.publishers.residents import Pushes
from lalert.publishers.sealing import Armoury
from lalert.publishers.services import LANES
from lalert.publishers.vapid import Vapid, load_or_make
from lalert.publishers.webpush import notice_of
from lalert.settings import Networks, Push
from lalert.store.sqlite import SqliteStore
from lalert.web.outbound import Outbound

MESSAGES, ROUNDS, AT_ONCE = 1_000, 5, 64
CODE = "131016"
_SITE = Site(Realm.LIVE, "https://alerts.example.jp")
_SUBJECT = "mailto:bench@example.jp"


def run(*, messages: int = MESSAGES, rounds: int = ROUNDS) -> dict[str, float]:
    """Return microseconds of CPU a message, and how many times faster than the peer."""
    entry, phones = _entry(), [Phone() for _ in range(messages)]
    gc.collect()
    gc.disable()
    try:
        sealed = _encryption(entry, phones, rounds)
        sent = asyncio.run(_pipelines(entry, phones, rounds))
    finally:
        gc.enable()
    return {
        **{f"encrypt_{name}_us": us for name, us in sealed.items()},
        "encrypt_new_key_times_pywebpush": sealed["pywebpush"] / sealed["new_key"],
        "encrypt_armed_times_pywebpush": sealed["pywebpush"] / sealed["armed"],
        **{f"send_{name}_us": us for name, us in sent.items()},
        "send_times_pywebpush_aiohttp": sent["pywebpush_aiohttp"] / sent["lalert"],
    }


class Phone:
    """A browser's keys, as ours and as pywebpush takes them."""

    def __init__(self) -> None:
        private = ec.generate_private_key(ec.SECP256R1())
        self.p256dh = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.auth = secrets.token_bytes(16)
        self.token = secrets.token_urlsafe(12)

    def subscription(self, origin: str) -> dict[str, object]:
        """Return what a browser hands out."""
        keys = {"p256dh": sealing.encoded(self.p256dh), "auth": sealing.encoded(self.auth)}
        return {"endpoint": f"{origin}/push/{self.token}", "keys": keys}


def _entry() -> Entry:
    """Return an order as the hub keeps it."""
    now, boundaries = datetime.now(UTC).replace(microsecond=0), load()
    order = build.order(
        level=4,
        hazard="flood",
        codes=(CODE,),
        sender="bench@example.jp",
        sender_name="千代田区",
        identifier="bench-1",
        sent=now,
        expires=now + timedelta(hours=6),
    )
    alert = parse(to_xml(order))
    zones, _ = zones_of(alert, boundaries)
    draft = draft_of(alert, at=now, sender=None, zones=zones, boundaries=boundaries, lifetime=timedelta(hours=6))
    return Entry.of(draft, Cursor("bench", 1))


def _encryption(entry: Entry, phones: list[Phone], rounds: int) -> dict[str, float]:
    """Return the CPU of sealing the same payload for every phone."""
    payload = notice_of(entry, "ja", _SITE, now=entry.at, hushed=False).payload
    armoury = Armoury(limit=len(phones))
    subscriptions = [phone.subscription("https://push.example") for phone in phones]

    def new_key() -> None:
        for phone in phones:
            sealing.encrypt(payload, p256dh=phone.p256dh, auth=phone.auth)

    def armed() -> None:
        for phone in phones:
            sealing.encrypt(payload, p256dh=phone.p256dh, auth=phone.auth, mine=armoury.take())

    def peer() -> None:
        for subscription in subscriptions:
            pywebpush.WebPusher(subscription).encode(payload, "aes128gcm")

    best = dict.fromkeys(("new_key", "armed", "pywebpush"), float("inf"))
    for _ in range(rounds):
        armoury.fill(len(phones))
        for name, work in (("new_key", new_key), ("armed", armed), ("pywebpush", peer)):
            began_s = process_time()
            work()
            best[name] = min(best[name], (process_time() - began_s) / len(phones) * 1e6)
    return best


async def _pipelines(entry: Entry, phones: list[Phone], rounds: int) -> dict[str, float]:
    """Return the CPU of bringing one entry to every phone, ours and the peer's in turns."""
    best = {"lalert": float("inf"), "pywebpush_aiohttp": float("inf")}
    with tempfile.TemporaryDirectory() as folder, _push_service() as origin:
        pem = load_or_make(Path(folder) / "vapid.pem")
        settings = Push(allow_networks=Networks([ip_network("127.0.0.0/8")]))
        store = await SqliteStore.open(Path(folder) / "live.sqlite", Realm.LIVE)
        try:
            await _settle_in(store, phones, origin, entry.at)
            async with Outbound(settings) as outbound, aiohttp.ClientSession(connector=_connector()) as session:
                peer = _Peer(session, _pem(pem), [phone.subscription(origin) for phone in phones])
                payload = notice_of(entry, "ja", _SITE, now=entry.at, hushed=False).payload.decode()
                for _ in range(rounds):
                    ours = await _ours(store, outbound, Vapid(pem, _SUBJECT), entry, phones)
                    best["lalert"] = min(best["lalert"], ours)
                    best["pywebpush_aiohttp"] = min(best["pywebpush_aiohttp"], await peer.send_all(payload))
        finally:
            await store.close()
    return best


async def _settle_in(store: SqliteStore, phones: list[Phone], origin: str, at: datetime) -> None:
    for phone in phones:
        peer = Peer(endpoint=f"{origin}/push/{phone.token}", p256dh=phone.p256dh, auth=phone.auth)
        wish = Wish(areas=frozenset({CODE}))
        await store.add_resident(Resident(id=phone.token, digest="0" * 64, wish=wish, peer=peer, created_at=at))


async def _ours(store: SqliteStore, outbound: Outbound, vapid: Vapid, entry: Entry, phones: list[Phone]) -> float:
    """Return the CPU a message of one courier that tells everybody, keys made ahead as in a hub that was idle."""
    census = Census(store, clock=lambda: entry.at)
    await census.load()
    armoury = Armoury(limit=len(phones))
    armoury.fill(len(phones))
    pushes = Pushes(census, outbound, vapid, site=_SITE, clock=lambda: entry.at, armoury=armoury)
    lane, progress, sent = LANES[next(iter(census.lanes))], "", 0
    began_s = process_time()
    while isinstance(outcome := await pushes.send(lane, Faces(entry, _SITE), progress), Partly):
        progress, sent = outcome.progress, sent + outcome.tally.sent
    spent_s = process_time() - began_s
    await census.close()
    assert isinstance(outcome, Delivered)
    assert sent + outcome.tally.sent == len(phones)
    return spent_s / len(phones) * 1e6


class _Peer:
    """What one writes with pywebpush and aiohttp: one session, 64 at a time."""

    def __init__(self, session: aiohttp.ClientSession, pem: str, subscriptions: list[dict[str, object]]) -> None:
        self._session = session
        self._key = Vapid02.from_pem(pem.encode())
        self._subscriptions = subscriptions

    async def send_all(self, payload: str) -> float:
        """Return the CPU a message of sending `payload` to every browser."""
        gate = asyncio.Semaphore(AT_ONCE)
        began_s = process_time()
        await asyncio.gather(*(self._send(subscription, payload, gate) for subscription in self._subscriptions))
        return (process_time() - began_s) / len(self._subscriptions) * 1e6

    async def _send(self, subscription: dict[str, object], payload: str, gate: asyncio.Semaphore) -> None:
        async with gate:
            answer = await pywebpush.webpush_async(
                subscription,
                payload,
                vapid_private_key=self._key,
                vapid_claims={"sub": _SUBJECT},
                ttl=21_600,
                aiohttp_session=self._session,
                timeout=aiohttp.ClientTimeout(total=10),
            )
            assert answer.status == 201


def _connector() -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(limit=0)


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


# --- the push service: another process, so that its CPU is not counted --------------------------------------------


@contextmanager
def _push_service() -> Iterator[str]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Connection) -> None:
    asyncio.run(_answer_all(pipe))


async def _answer_all(pipe: Connection) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, backlog=1024)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request of one connection with 201."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]))
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    print(json.dumps({name: round(value, 2) for name, value in run().items()}, indent=2))
