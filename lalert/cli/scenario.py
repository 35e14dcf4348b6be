"""Scenarios: whole events, played as CAP messages whose times are now.

`load` reads a chronology, `messages` builds its messages in order of time, `nationwide` is every municipality at once.
All are deterministic: the start is an argument, there is no clock and no randomness. Nothing is posted here.

The files lie in `sample_feeds/scenarios` of a checkout; an installed package finds them under `share/lalert`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import lalert
from lalert.cap.model import Alert, Status
from lalert.cli import chronology
from lalert.cli.chronology import Act, Head, Part, Scenario, Title
from lalert.cli.stage import Stage, cues, every_municipality
from lalert.core.model import Realm
from lalert.geo import boundaries as boundary_sets
from lalert.geo.boundaries import BoundarySet

MAX_FILE_BYTES: Final = 1 << 20
JAPAN: Final = timezone(timedelta(hours=9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message of a scenario: post `raw` to `realm`, `at_s` seconds after the start. `title` is its headline.

    Messages of one `thread` must be posted one after the other: each references the one before.
    """

    at_s: float
    realm: str
    raw: bytes
    identifier: str
    title: str
    thread: str


def folder() -> Path:
    """Return where the scenarios lie: in the checkout, else where the installed package put them."""
    checkout = Path(lalert.__file__).parents[1] / "sample_feeds" / "scenarios"
    return checkout if checkout.is_dir() else Path(sys.prefix) / "share" / "lalert" / "scenarios"


def names() -> tuple[str, ...]:
    """Return the names of the scenarios that come with lalert."""
    return tuple(sorted(path.stem for path in folder().glob("*.toml")))


def load(name_or_path: str | Path) -> Scenario:
    """Return the scenario of that name, or the one in a file (a path that ends in `.toml`).

    Raises `Rejected` (`scenario.invalid`) with everything that is wrong.
    """
    name = str(name_or_path)
    path = Path(name) if name.endswith(".toml") else folder() / f"{name}.toml"
    if not name.endswith(".toml") and name not in names():
        raise chronology.refusal([chronology.fault("unknown", "/", f"{name} ({', '.join(names())})")])
    return chronology.parse(_text(path), name=path.stem)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise chronology.refusal([chronology.fault("unreadable", "/", str(error))]) from error


def messages(
    scenario: Scenario, *, start: datetime, speed: float = 1.0, boundaries: BoundarySet | None = None
) -> Iterator[Step]:
    """Yield the messages of `scenario` in order of time, as if it began at `start` and ran `speed` times as fast.

    `sent` is the moment of posting, so that a hub takes the message; how long it holds is not shortened by `speed`, so
    that nothing ends in the middle of a fast demonstration. Raises `Rejected` for a code that the boundary set lacks.
    """
    places = boundaries or boundary_sets.load()
    stage = Stage(scenario, start=start.astimezone(JAPAN), speed=speed, boundaries=places)
    latest: dict[str, Alert] = {}
    for cue in sorted(cues(scenario, places), key=lambda cue: (cue.at_s, cue.speaker.key)):
        alert = latest[cue.thread] = stage.alert(cue, latest.get(cue.thread))
        yield Step(
            at_s=cue.at_s / speed,
            realm=scenario.head.realm.value,
            raw=alert.raw,
            identifier=alert.identifier,
            title=alert.infos[0].headline or "",
            thread=cue.thread,
        )


def nationwide(
    *, start: datetime, status: Status = Status.ACTUAL, level5: int = 5, boundaries: BoundarySet | None = None
) -> Iterator[Step]:
    """Yield one order of each of the 1,741 municipalities, all at `start`; `level5` of them are level 5, the rest 4."""
    places = boundaries or boundary_sets.load()
    every = every_municipality(places)
    urgent = set(every[:: max(1, len(every) // level5)][:level5]) if level5 else set()
    drill = status is Status.EXERCISE
    head = Head(
        realm=Realm.DRILL if drill else Realm.LIVE,
        begins=start,
        title=Title(ja="全市区町村の一斉配信", en="Every municipality at once"),
    )
    parts = tuple(
        Part(name=f"level{level}", hazard="flood", codes=codes, every_s=0.0, acts=[Act(at=start, level=level)])
        for level, codes in ((5, sorted(urgent)), (4, [code for code in every if code not in urgent]))
        if codes
    )
    return messages(Scenario(name="nationwide", head=head, parts=parts), start=start, boundaries=places)
