"""Scenarios: whole events, played as CAP messages whose times are now.

`load` reads a chronology, `messages` builds its messages in order of time, `nationwide` is every municipality at once.
All are deterministic: the start is an argument, there is no clock and no randomness. Nothing is posted here.

The files lie in `sample_feeds/scenarios` of a checkout; an installed package finds them under `share/lalert`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import lalert
from lalert.cap import build
from lalert.cap.model import Alert, Circle, Ring, Status
from lalert.cap.render import to_xml
from lalert.cli import chronology, phrases
from lalert.cli.chronology import Act, Do, Head, Part, Scenario, Side, Title, Voice
from lalert.cli.district import middle, rings
from lalert.core.model import Realm
from lalert.geo import boundaries as boundary_sets
from lalert.geo.boundaries import BoundarySet
from lalert.geo.codes import NORTHERN_TERRITORIES, with_check_digit

MAX_FILE_BYTES: Final = 1 << 20
JAPAN: Final = timezone(timedelta(hours=9))
SOURCE: Final = "lalert demo（実際の災害ではありません / not a real event）"

_WEATHER_OFFICE: Final = "weather@bousai.example.jp"  # JPRS reserves example.jp: nobody is impersonated
_DECIDING_S: Final = 120.0  # from the decision to the message, in the event's own time
_HOLD_AT_LEAST: Final = timedelta(hours=6)
_HOLD_BEYOND: Final = timedelta(hours=2)  # how far an announcement holds past the next act


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message of a scenario: post `raw` to `realm`, `at_s` seconds after the start. `title` is its headline."""

    at_s: float
    realm: str
    raw: bytes
    identifier: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Speaker:
    """One sender within a part, and the codes that it speaks of. `key` tells it from the part's others."""

    key: str
    sender: str
    sender_name: str
    name_ja: str
    name_en: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cue:
    """One message to be built: the `number`th act of a part, by one of its speakers, `at_s` in the event's own time."""

    at_s: float
    part: Part
    number: int
    speaker: _Speaker

    @property
    def act(self) -> Act:
        return self.part.acts[self.number]

    @property
    def thread(self) -> str:
        return f"{self.part.name}-{self.speaker.key}"


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
    stage = _Stage(scenario, start=start.astimezone(JAPAN), speed=speed, boundaries=places)
    latest: dict[str, Alert] = {}
    for cue in sorted(_cues(scenario, places), key=lambda cue: (cue.at_s, cue.speaker.key)):
        alert = latest[cue.thread] = stage.alert(cue, latest.get(cue.thread))
        yield Step(
            at_s=cue.at_s / speed,
            realm=scenario.head.realm.value,
            raw=to_xml(alert),
            identifier=alert.identifier,
            title=alert.infos[0].headline or "",
        )


def nationwide(
    *, start: datetime, status: Status = Status.ACTUAL, level5: int = 5, boundaries: BoundarySet | None = None
) -> Iterator[Step]:
    """Yield one order of each of the 1,741 municipalities, all at `start`; `level5` of them are level 5, the rest 4."""
    places = boundaries or boundary_sets.load()
    every = _every_municipality(places)
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


def _every_municipality(boundaries: BoundarySet) -> list[str]:
    """Return the codes of the 1,741: a designated city held as wards counts once, the Northern Territories do not."""
    whole = (place.code for place in boundaries.municipalities if not place.city)
    return sorted({*whole, *(city.code for city in boundaries.cities)} - {NORTHERN_TERRITORIES})


def _cues(scenario: Scenario, boundaries: BoundarySet) -> Iterator[_Cue]:
    for part in scenario.parts:
        for place, speaker in enumerate(_speakers(part, boundaries)):
            for number, act in enumerate(part.acts):
                at_s = (act.at - scenario.head.begins).total_seconds() + place * part.every_s
                yield _Cue(at_s=at_s, part=part, number=number, speaker=speaker)


def _speakers(part: Part, boundaries: BoundarySet) -> Iterator[_Speaker]:
    if part.by is Voice.WEATHER:
        yield _weather_office(part, boundaries)
        return
    for code in _every_municipality(boundaries) if "all" in part.codes else part.codes:
        place = boundaries.municipality(code)
        yield _Speaker(
            key=code,
            sender=f"bousai@{code}.example.jp",
            sender_name=place.name,
            name_ja=place.name,
            name_en=place.en or place.name,
            codes=(code,),
        )


def _weather_office(part: Part, boundaries: BoundarySet) -> _Speaker:
    prefectures = [boundaries.prefecture(code) for code in part.codes if len(code) == 2]
    name_ja = part.place or "・".join(boundaries.name_of(code) for code in part.codes)
    return _Speaker(
        key="weather",
        sender=_WEATHER_OFFICE,
        sender_name="気象台（デモ）",
        name_ja=name_ja,
        name_en=", ".join(prefecture.en for prefecture in prefectures) or name_ja,
        codes=tuple(with_check_digit(f"{code}000") if len(code) == 2 else code for code in part.codes),
    )


class _Stage:
    """Where cues become messages: one scenario, begun at one moment, at one speed."""

    def __init__(self, scenario: Scenario, *, start: datetime, speed: float, boundaries: BoundarySet) -> None:
        self._scenario = scenario
        self._start = start
        self._speed = speed
        self._boundaries = boundaries
        self._drill = scenario.head.realm is Realm.DRILL

    def alert(self, cue: _Cue, previous: Alert | None) -> Alert:
        """Return the message of `cue`, which follows `previous` in its thread."""
        sent = self._moment(cue.at_s)
        identifier = f"{self._scenario.name}-{self._start:%Y%m%dT%H%M%S}-{cue.thread}-{cue.number + 1}"
        act = cue.act
        if previous is None or act.do is Do.ANNOUNCE:
            following = self._announced(cue, identifier, sent)
            return build.update(previous, following) if previous else following
        if act.do is Do.CORRECT:
            words = phrases.announced(self._facts(cue, sent))
            return build.correct(previous, identifier=identifier, sent=sent, note=act.note, languages=words)
        if act.do is Do.LIFT:
            words = phrases.lifted(self._facts(cue, sent))
            return build.lift(previous, identifier=identifier, sent=sent, languages=words)
        return build.cancel(previous, identifier=identifier, sent=sent, note=act.note)

    def _announced(self, cue: _Cue, identifier: str, sent: datetime) -> Alert:
        facts = self._facts(cue, sent)
        polygons, circles = self._shapes(cue)
        alert = build.order(
            level=cue.act.level,
            act=None if cue.act.level else facts.act,
            hazard=cue.part.hazard,
            codes=() if polygons or circles else cue.speaker.codes,
            polygons=polygons,
            circles=circles,
            area_desc=_described(cue),
            sender=cue.speaker.sender,
            sender_name=cue.speaker.sender_name,
            identifier=identifier,
            sent=sent,
            expires=sent + _hold(cue),
            decided_at=self._moment(cue.at_s - _DECIDING_S) if cue.part.by is Voice.MUNICIPALITY else None,
            languages=phrases.announced(facts),
            status=Status.EXERCISE if self._drill else Status.ACTUAL,
            note=self._scenario.head.title.ja if self._drill else None,
        )
        return replace(alert, source=SOURCE)

    def _facts(self, cue: _Cue, sent: datetime) -> phrases.Facts:
        said = _announcement(cue)
        act = phrases.maybe_act(said.act, said.level, cue.part.hazard)
        assert act is not None  # the chronology was checked
        return phrases.Facts(
            name_ja=cue.speaker.name_ja,
            name_en=cue.speaker.name_en,
            hazard=cue.part.hazard,
            at=sent,
            act=act,
            event=said.event,
            add=cue.act.add,
        )

    def _shapes(self, cue: _Cue) -> tuple[Sequence[Ring], Sequence[Circle]]:
        part = cue.part
        if part.slice:
            return rings(self._boundaries.shape_of(cue.speaker.key), part.slice), ()
        if part.circle_km:
            lat, lon = middle(self._boundaries.shape_of(cue.speaker.key))
            return (), (Circle(lat, lon, part.circle_km),)
        return (), ()

    def _moment(self, at_s: float) -> datetime:
        return (self._start + timedelta(seconds=at_s / self._speed)).replace(microsecond=0)


_SIDES: Final = {Side.NORTH: "北側", Side.SOUTH: "南側", Side.EAST: "東側", Side.WEST: "西側"}


def _described(cue: _Cue) -> str:
    """Return what the area is called: the place, and which part of it."""
    name = cue.speaker.name_ja
    if cue.part.slice:
        return f"{name} {_SIDES[cue.part.slice.side]}の川沿い"
    return f"{name} 半径{cue.part.circle_km:g}キロメートル" if cue.part.circle_km else name


def _announcement(cue: _Cue) -> Act:
    """Return the announcement that an act is, or speaks of."""
    return next(act for act in reversed(cue.part.acts[: cue.number + 1]) if act.do is Do.ANNOUNCE)


def _hold(cue: _Cue) -> timedelta:
    """Return how long an announcement holds: as long as its act says, else well past the next act."""
    if cue.act.hold_s:
        return timedelta(seconds=cue.act.hold_s)
    following = cue.part.acts[cue.number + 1 : cue.number + 2]
    return max([_HOLD_AT_LEAST, *(act.at - cue.act.at + _HOLD_BEYOND for act in following)])
