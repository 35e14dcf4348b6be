"""The stage: where the lines of a chronology get their speakers and become CAP messages.

A *cue* is one message to be built: which act of which part, by whom, when. `Stage` knows what is the same for all of
them: the scenario, the moment it began, and the speed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lalert.cap import build
from lalert.cap.model import Alert, Circle, Ring, Status
from lalert.cli import phrases
from lalert.cli.chronology import Act, Do, Part, Scenario, Side, Voice
from lalert.cli.district import middle, rings
from lalert.core.model import Realm
from lalert.geo.boundaries import BoundarySet
from lalert.geo.codes import NORTHERN_TERRITORIES, with_check_digit

SOURCE: Final = "lalert demo（実際の災害ではありません / not a real event）"

_WEATHER_OFFICE: Final = "weather@bousai.example.jp"  # JPRS reserves example.jp: nobody is impersonated
_DECIDING_S: Final = 120.0  # from the decision to the message, in the event's own time
_HOLD_AT_LEAST: Final = timedelta(hours=6)
_HOLD_BEYOND: Final = timedelta(hours=2)  # how far an announcement holds past the next act
_SIDES: Final = {Side.NORTH: "北側", Side.SOUTH: "南側", Side.EAST: "東側", Side.WEST: "西側"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """One sender within a part, and the codes that it speaks of. `key` tells it from the part's others."""

    key: str
    sender: str
    sender_name: str
    name_ja: str
    name_en: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One message to be built: the `number`th act of a part, by one of its speakers, `at_s` in the event's own time."""

    at_s: float
    part: Part
    number: int
    speaker: Speaker

    @property
    def act(self) -> Act:
        """The line of the chronology."""
        return self.part.acts[self.number]

    @property
    def thread(self) -> str:
        """The name of the thread: one a part and speaker."""
        return f"{self.part.name}-{self.speaker.key}"


def cues(scenario: Scenario, boundaries: BoundarySet) -> Iterator[Cue]:
    """Yield every message of `scenario`, part by part. Raises Rejected for a code that the boundary set lacks."""
    for part in scenario.parts:
        for place, speaker in enumerate(_speakers(part, boundaries)):
            for number, act in enumerate(part.acts):
                at_s = (act.at - scenario.head.begins).total_seconds() + place * part.every_s
                yield Cue(at_s=at_s, part=part, number=number, speaker=speaker)


def _speakers(part: Part, boundaries: BoundarySet) -> Iterator[Speaker]:
    if part.by is Voice.WEATHER:
        yield _weather_office(part, boundaries)
        return
    for code in _municipalities(part.codes, boundaries):
        place = boundaries.municipality(code)
        yield Speaker(
            key=code,
            sender=f"bousai@{code}.example.jp",
            sender_name=place.name,
            name_ja=place.name,
            name_en=place.en or place.name,
            codes=(code,),
        )


def every_municipality(boundaries: BoundarySet) -> list[str]:
    """Return the codes of the 1,741: a designated city held as wards counts once, the Northern Territories do not."""
    whole = (place.code for place in boundaries.municipalities if not place.city)
    return sorted({*whole, *(city.code for city in boundaries.cities)} - {NORTHERN_TERRITORIES})


def _municipalities(codes: Sequence[str], boundaries: BoundarySet) -> Iterator[str]:
    """Yield the municipalities that `codes` stand for: themselves, those of a prefecture, or `all`."""
    for code in codes:
        if len(code) == 6:
            yield code
        else:
            yield from (each for each in every_municipality(boundaries) if code in ("all", each[:2]))


def _weather_office(part: Part, boundaries: BoundarySet) -> Speaker:
    prefectures = [boundaries.prefecture(code) for code in part.codes if len(code) == 2]
    name_ja = part.place or "・".join(boundaries.name_of(code) for code in part.codes)
    return Speaker(
        key="weather",
        sender=_WEATHER_OFFICE,
        sender_name="気象台（デモ）",
        name_ja=name_ja,
        name_en=", ".join(prefecture.en for prefecture in prefectures) or name_ja,
        codes=tuple(with_check_digit(f"{code}000") if len(code) == 2 else code for code in part.codes),
    )


class Stage:
    """Where cues become messages: one scenario, begun at one moment, at one speed."""

    def __init__(self, scenario: Scenario, *, start: datetime, speed: float, boundaries: BoundarySet) -> None:
        self._scenario = scenario
        self._start = start
        self._speed = speed
        self._boundaries = boundaries
        self._drill = scenario.head.realm is Realm.DRILL
        self._note = scenario.head.title.ja if self._drill else None  # CAP 1.2 §3.2.1: an exercise is named in note

    def alert(self, cue: Cue, previous: Alert | None) -> Alert:
        """Return the message of `cue`, which follows `previous` in its thread."""
        sent = self._moment(cue.at_s)
        identifier = f"{self._scenario.name}-{self._start:%Y%m%dT%H%M%S}-{cue.thread}-{cue.number + 1}"
        act = cue.act
        if previous is None or act.do is Do.ANNOUNCE:
            following = self._announced(cue, identifier, sent)
            return build.update(previous, following) if previous else following
        if act.do is Do.CORRECT:
            words = phrases.announced(self._facts(cue, previous.infos[0].effective or sent))  # when it was announced
            return build.correct(previous, identifier=identifier, sent=sent, note=act.note, languages=words)
        if act.do is Do.LIFT:
            words = phrases.lifted(self._facts(cue, sent))
            return build.lift(previous, identifier=identifier, sent=sent, languages=words, note=self._note)
        return build.cancel(previous, identifier=identifier, sent=sent, note=act.note)

    def _announced(self, cue: Cue, identifier: str, sent: datetime) -> Alert:
        facts = self._facts(cue, sent)
        polygons, circles = self._shapes(cue)
        return build.order(
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
            note=self._note,
            source=SOURCE,
        )

    def _facts(self, cue: Cue, at: datetime) -> phrases.Facts:
        said = _announcement(cue)
        act = phrases.maybe_act(said.act, said.level, cue.part.hazard)
        assert act is not None  # the chronology was checked
        return phrases.Facts(
            name_ja=cue.speaker.name_ja,
            name_en=cue.speaker.name_en,
            hazard=cue.part.hazard,
            at=at,
            act=act,
            event=said.event,
            add=cue.act.add,
        )

    def _shapes(self, cue: Cue) -> tuple[Sequence[Ring], Sequence[Circle]]:
        part = cue.part
        if part.slice:
            return rings(self._boundaries.shape_of(cue.speaker.key), part.slice), ()
        if part.circle_km:
            lat, lon = middle(self._boundaries.shape_of(cue.speaker.key))
            return (), (Circle(lat, lon, part.circle_km),)
        return (), ()

    def _moment(self, at_s: float) -> datetime:
        return (self._start + timedelta(seconds=at_s / self._speed)).replace(microsecond=0)


def _described(cue: Cue) -> str:
    """Return what the area is called: the place, and which part of it."""
    name = cue.speaker.name_ja
    if cue.part.slice:
        return f"{name} {_SIDES[cue.part.slice.side]}の川沿い"
    return f"{name} 半径{cue.part.circle_km:g}キロメートル" if cue.part.circle_km else name


def _announcement(cue: Cue) -> Act:
    """Return the announcement that an act is, or speaks of."""
    return next(act for act in reversed(cue.part.acts[: cue.number + 1]) if act.do is Do.ANNOUNCE)


def _hold(cue: Cue) -> timedelta:
    """Return how long an announcement holds: as long as its act says, else well past what ends or replaces it.

    A 訂正 keeps the end of what it corrects, so it does not count.
    """
    if cue.act.hold_s:
        return timedelta(seconds=cue.act.hold_s)
    following = [act for act in cue.part.acts[cue.number + 1 :] if act.do is not Do.CORRECT][:1]
    return max([_HOLD_AT_LEAST, *(act.at - cue.act.at + _HOLD_BEYOND for act in following)])
