"""What durability costs: the store beside the least that the disk allows.

The floor is one write of the same bytes to a preallocated file opened with O_DSYNC, which returns when they are on the
disk. Store and floor take turns in one run, so that a busy machine slows both; figures are medians.

Cases: one append alone; 16 appends that arrive at once, beside one write of the bytes of all 16; and how many records
a second go through when 64 callers append as fast as they are answered. Each record is an evacuation order of 5 KB
with the outline of a municipality (about 60 points).
"""

from __future__ import annotations

import asyncio
import math
import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from time import perf_counter

import shapely

from lalert.cap.model import Alert, AreaBlock, Category, Certainty, Info, MsgType, Scope, Severity, Status, Urgency
from lalert.core.model import Draft, Kind, Priority, Realm, Zone
from lalert.geo.area import Area, Covered
from lalert.store import record
from lalert.store.sqlite import SqliteStore

ROUNDS = 300
AT_ONCE = 16
CALLERS = 64
RAW_BYTES = 5_000
PREALLOCATED_BYTES = 64 << 20
_SENT = datetime(2026, 7, 1, 2, 40, tzinfo=UTC)


def run(*, folder: Path | None = None) -> dict[str, float]:
    """Return milliseconds, ratios to the floor and records a second. `folder` chooses the disk."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        return asyncio.run(_run(Path(place)))


async def _run(folder: Path) -> dict[str, float]:
    numbers = count()

    def drafts(amount: int) -> list[Draft]:
        return [draft(next(numbers)) for _ in range(amount)]

    floor = Floor(folder / "floor")
    store = await SqliteStore.open(folder / "store" / "live.db", Realm.LIVE)
    try:
        [first] = drafts(1)
        size = _size(first)
        await store.append([first])  # opens files, prepares statements
        one, one_floor = await _in_turns(store, floor, [drafts(1) for _ in range(ROUNDS)], size)
        many, many_floor = await _in_turns(store, floor, [drafts(AT_ONCE) for _ in range(ROUNDS)], size * AT_ONCE)
        through = await _throughput(store, drafts(AT_ONCE * ROUNDS))
    finally:
        await store.close()
        floor.close()
    return {
        "record_bytes": size,
        "one_ms": one,
        "one_floor_ms": one_floor,
        "one_ratio": one / one_floor,
        f"{AT_ONCE}_ms": many,
        f"{AT_ONCE}_floor_ms": many_floor,
        f"{AT_ONCE}_ratio": many / many_floor,
        "records_per_s": through,
    }


class Floor:
    """A preallocated file whose writes return when they are on the disk."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(PREALLOCATED_BYTES))
        self._descriptor = os.open(path, os.O_WRONLY | os.O_DSYNC)
        os.fsync(self._descriptor)
        self._at = 0
        self._bytes = memoryview(os.urandom(RAW_BYTES * 2 * AT_ONCE))

    def write(self, size: int) -> None:
        """Write `size` bytes after the last ones."""
        if self._at + size > PREALLOCATED_BYTES:
            self._at = 0
        self._at += os.pwrite(self._descriptor, self._bytes[:size], self._at)

    def close(self) -> None:
        """Release the file."""
        os.close(self._descriptor)


async def _in_turns(
    store: SqliteStore, floor: Floor, batches: Sequence[Sequence[Draft]], size: int
) -> tuple[float, float]:
    ours, theirs = [], []
    for batch in batches:
        start = perf_counter()
        await asyncio.gather(*(store.append([draft]) for draft in batch))
        between = perf_counter()
        floor.write(size)
        theirs.append(perf_counter() - between)
        ours.append(between - start)
    return statistics.median(ours) * 1e3, statistics.median(theirs) * 1e3


async def _throughput(store: SqliteStore, drafts: list[Draft]) -> float:
    waiting = iter(drafts)

    async def caller() -> None:
        for draft in waiting:
            await store.append([draft])

    start = perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return len(drafts) / (perf_counter() - start)


def _size(draft: Draft) -> int:
    kept = record.encode(draft)
    return len(kept.raw) + len(kept.body)


def draft(number: int) -> Draft:
    """Return an evacuation order that is not like any other number's."""
    area = Area(
        geometry=_outline(),
        municipalities=(Covered("131016", "千代田区", 1.0),),
        area_km2=11.66,
        boundaries="2026",
    )
    return Draft(
        kind=Kind.ALERT,
        at=_SENT + timedelta(milliseconds=number),
        alert=replace(_ALERT, identifier=f"order-{number}"),
        thread=f"order-{number}",
        priority=Priority.URGENT,
        level=4,
        hazards=("flood",),
        zones=(Zone(area=area, level=4, hazard="flood"),),
        area=area,
        ends_at=_SENT + timedelta(hours=12),
        key_id="k1",
    )


def _outline() -> shapely.Polygon:
    turns = [math.tau * i / 60 for i in range(60)]
    return shapely.Polygon(
        [(139.75 + 0.02 * math.cos(t) * (1 + 0.1 * math.sin(7 * t)), 35.69 + 0.02 * math.sin(t)) for t in turns]
    )


_ALERT = Alert(
    identifier="order",
    sender="bousai@example.jp",
    sent=_SENT,
    status=Status.ACTUAL,
    msg_type=MsgType.ALERT,
    scope=Scope.PUBLIC,
    infos=tuple(
        Info(
            language=language,
            event="避難指示",
            categories=(Category.MET,),
            urgency=Urgency.IMMEDIATE,
            severity=Severity.SEVERE,
            certainty=Certainty.LIKELY,
            headline="警戒レベル4 避難指示(洪水)",
            description="川の水位が上がり、堤防を越えるおそれがあります。" * 8,
            instruction="危険な場所から全員避難してください。" * 4,
            areas=(AreaBlock(area_desc="千代田区"),),
        )
        for language in ("ja", "en")
    ),
    raw=b"<alert>".ljust(RAW_BYTES, b" "),
)

if __name__ == "__main__":
    for name, figure in run(folder=Path.cwd()).items():
        print(f"{name:16}{figure:12.3f}")
