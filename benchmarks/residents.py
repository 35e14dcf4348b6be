"""Ten million residents: what they take in memory, and how long the questions of the hub to them last.

In a process of its own, whose memory is read from /proc. CPU of the thread, the best of the rounds (the worst of the
three towns); everybody has a cell, every other one a municipality, too. Who is told of an order is worked out as in
the hub, by shape and codes, wishes and quiet hours.
"""

from __future__ import annotations

import json
import multiprocessing
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from time import process_time

from benchmarks.crowd import crowds
from benchmarks.match import TOWNS
from lalert.cap import build
from lalert.cap.parse import parse
from lalert.cap.render import to_xml
from lalert.core.draft import draft_of
from lalert.core.model import Draft
from lalert.core.resident import Peer, Resident, Wish
from lalert.core.roll import place_of, told_in_chunks, told_of
from lalert.core.zones import zones_of
from lalert.geo import measure
from lalert.geo.boundaries import load
from lalert.geo.residents import Builder, Place, Residents, View
from lalert.publishers.services import LANES

RESIDENTS = 10_000_000
ROUNDS = 5
RADII_KM = (5, 15, 60, 250)
_PEER = Peer(endpoint="", p256dh=b"", auth=b"")
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
AREAS = {"a ward": ("131016",), "Tokyo": ("13",), "the whole country": tuple(f"{n:02}" for n in range(1, 48))}


def run(*, residents: int = RESIDENTS) -> dict[str, float]:
    """Return megabytes and milliseconds."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_measure, args=(there, residents), daemon=True)
    process.start()
    there.close()
    try:
        figures: dict[str, float] = here.recv()
    finally:
        process.join()
    return figures


def _measure(pipe: Connection, count: int) -> None:
    load()
    before_mb, began_s = _memory_mb("VmRSS"), process_time()
    builder = Builder()
    for portion in crowds(count):
        for place in portion.places():
            builder.add(_on_a_lane(place))
    residents = Residents(builder.index())
    figures = {
        "residents": float(count),
        "built in s": process_time() - began_s,
        "index MB": residents.view().index.nbytes / 1e6,
        "resident memory MB, before": before_mb,
        "resident memory MB, at most": _memory_mb("VmHWM"),
    }
    figures |= _matching(residents.view())
    figures |= _telling(residents.view())
    figures |= _rebuilding(residents, count)
    pipe.send(figures | {"resident memory MB, at most, all questions": _memory_mb("VmHWM")})


def _on_a_lane(place: Place) -> Place:
    """Return `place` as the hub keeps it of somebody who has no other wish."""
    wish = Wish(areas=place.codes, cells=place.cells)
    somebody = Resident(id="", digest="", wish=wish, peer=_PEER, created_at=_LONG_AGO, number=place.number)
    return place_of(somebody, lane=place.number % len(LANES))


def _matching(view: View) -> dict[str, float]:
    figures = {}
    for radius_km in RADII_KM:
        circles = [measure.circle(lon=lon, lat=lat, radius_m=radius_km * 1e3) for lon, lat in TOWNS]
        figures[f"{radius_km} km: residents"] = float(max(len(view.matching(circle, ())) for circle in circles))
        costs_ms = [_best_ms(lambda circle=circle: view.matching(circle, ())) for circle in circles]
        figures[f"{radius_km} km: ms"] = max(costs_ms)
    return figures


def _telling(view: View) -> dict[str, float]:
    figures = {}
    for name, codes in AREAS.items():
        order = _order(codes)
        figures[f"told, {name}: residents"] = float(len(told_of(order, view, now=order.at)))
        figures[f"told, {name}: first ms"] = _best_ms(
            lambda order=order: next(told_in_chunks(order, view, now=order.at))
        )
        figures[f"told, {name}: all ms"] = _best_ms(lambda order=order: told_of(order, view, now=order.at))
    return figures


def _rebuilding(residents: Residents, count: int) -> dict[str, float]:
    """Return what the changes cost after which a hub rebuilds, all over the index and at its end."""
    residents.drop(random.Random(1).sample(range(1, count + 1), 5_000))
    figures = {"rebuilt, 5,000 left: ms": _best_ms(residents.view().rebuilt)}
    residents = Residents(residents.view().rebuilt())
    for number in range(5_000):
        residents.put(Place(count + 1 + number, frozenset(("131016",)), frozenset()))
    return figures | {"rebuilt, 5,000 came: ms": _best_ms(residents.view().rebuilt)}


def _order(codes: tuple[str, ...]) -> Draft:
    """Return an order as the hub accepts it."""
    now, boundaries = datetime.now(UTC).replace(microsecond=0), load()
    order = build.order(
        level=4,
        hazard="flood",
        codes=codes,
        sender="bench@example.jp",
        sender_name="測定",
        identifier="bench-1",
        sent=now,
        expires=now + timedelta(hours=6),
    )
    alert = parse(to_xml(order))
    zones, _ = zones_of(alert, boundaries)
    return draft_of(alert, at=now, sender=None, zones=zones, boundaries=boundaries, lifetime=timedelta(hours=6))


def _best_ms(work: Callable[[], object]) -> float:
    """Return the CPU of the best round."""
    best_s = float("inf")
    for _ in range(ROUNDS):
        began_s = process_time()
        work()
        best_s = min(best_s, process_time() - began_s)
    return best_s * 1e3


def _memory_mb(what: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{what}:"))) * 1024 / 1e6


if __name__ == "__main__":
    print(json.dumps({name: round(value, 2) for name, value in run().items()}, indent=2))
