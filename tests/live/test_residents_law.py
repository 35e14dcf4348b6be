"""Everybody gets exactly what the rules say: random threads against random residents, held against a model.

The model knows the rules in words and nothing of the hub: places are sets of residents worked out one by one.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
import shapely

from lalert.cap.model import Alert
from lalert.cli.pushservice import Phone, PushService, running
from lalert.core.model import Realm
from lalert.core.resident import Peer, Resident, Wish
from lalert.geo import mesh
from lalert.geo.boundaries import BoundarySet
from lalert.geo.codes import NORTHERN_TERRITORIES
from lalert.geo.mesh import Level
from lalert.publishers.sealing import maybe_bytes
from lalert.web.server import Server
from tests.rig import hubs
from tests.rig.author import YOKOSUKA, Author, now
from tests.rig.caller import Caller

THREADS, RESIDENTS, ROUNDS = 300, 1_000, 4
APART = {YOKOSUKA, NORTHERN_TERRITORIES}  # the marker's; and a code that only ours knows
AT_ONCE = 32  # posts in flight
HAZARDS = ("flood", "landslide", "storm_surge")

author = Author()


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    """A push service on a free port."""
    async with running() as started:
        yield started


@pytest.fixture
async def server(servers: hubs.Start, service: PushService) -> Server:
    """A server that may push to this machine."""
    return await servers(push__allow_networks="127.0.0.0/8", push__save_s=0.0)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a message alarmed: everybody in a place, by level and hazard."""

    place: str
    level: int
    hazard: str


@dataclass(slots=True)
class Told:
    """One thread: its latest message and everybody whom it ever alarmed."""

    latest: Alert
    audiences: list[Audience] = field(default_factory=list)
    is_over: bool = False


class Places:
    """Municipalities, and small squares inside them, with the residents whom each concerns."""

    def __init__(self, japan: BoundarySet, codes: list[str]) -> None:
        self.shapes = {code: japan.shape_of(code) for code in codes}
        self.rings: dict[str, tuple[tuple[float, float], ...]] = {}
        for code in codes:
            point = self.shapes[code].representative_point()
            square = shapely.box(point.x - 0.004, point.y - 0.004, point.x + 0.004, point.y + 0.004)
            if self.shapes[code].contains(square):
                name = f"inside {code}"
                self.shapes[name] = square
                self.rings[name] = tuple((lat, lon) for lon, lat in square.exterior.coords)
        self.names = sorted(self.shapes)

    def concerns(self, place: str, wish: Wish) -> bool:
        """Whether somebody with this wish is concerned by an alert there."""
        code = place[-6:]
        if wish.areas & {code, code[:2]}:
            return True
        return any(mesh.box_of(cell).intersection(self.shapes[place]).area > 0 for cell in wish.cells)

    def order(self, place: str, level: int, hazard: str, previous: Alert | None = None) -> Alert:
        """Return an order for a place, or the Update of one."""
        more = {"polygons": (self.rings[place],)} if place in self.rings else {}
        codes = () if more else (place,)
        if previous is None:
            return author.order(*codes, level=level, hazard=hazard, **more)  # type: ignore[arg-type]
        return author.update(previous, *codes, level=level, hazard=hazard, **more)


def somebody(draw: random.Random, places: Places) -> Wish:
    """Return a random wish somewhere in or near the places."""
    cells = set()
    for _ in range(draw.choice([0, 0, 1, 2])):
        point = places.shapes[draw.choice(places.names)].representative_point()
        spread = draw.choice([0.002, 0.02])
        lon, lat = point.x + draw.gauss(0, spread), point.y + draw.gauss(0, spread)
        cells.add(mesh.code_at(lon=lon, lat=lat, level=draw.choice([Level.THIRD, Level.HALF, Level.QUARTER])))
    codes = [name for name in places.names if name not in places.rings]
    areas = draw.sample(codes, draw.choice([0, 1, 2])) or ([] if cells else [draw.choice(codes)])
    return Wish(
        areas=frozenset(areas) | (frozenset({areas[0][:2]}) if areas and draw.random() < 0.02 else frozenset()),
        cells=frozenset(cells),
        min_level=draw.choice([None, 2, 3, 4, 5]),
        hazards=frozenset(draw.sample(HAZARDS, draw.choice([0, 0, 0, 1, 2]))),
    )


def passes(wish: Wish, audience: Audience) -> bool:
    """Whether level and hazard are those that were asked for."""
    is_grave = wish.min_level is None or audience.level >= wish.min_level
    return is_grave and (not wish.hazards or audience.hazard in wish.hazards)


def next_message(draw: random.Random, thread: Told, places: Places) -> tuple[Alert, bool]:
    """Go on with a thread: raise, lower, move, 訂正, 解除 or 取消; return the message and whether it is silent."""
    act = draw.choice(["raise", "lower", "move", "correct", "lift", "cancel"])
    last = thread.audiences[-1]
    if act == "correct":
        return author.correct(thread.latest), True
    if act in ("lift", "cancel"):
        thread.is_over = True
        return (author.lift if act == "lift" else author.cancel)(thread.latest), False
    if act == "move":
        last = replace(last, place=draw.choice(places.names))
    else:
        last = replace(last, level=min(5, max(3, last.level + (1 if act == "raise" else -1))))
    thread.audiences.append(last)
    return places.order(last.place, last.level, last.hazard, thread.latest), False


async def keep(server: Server, phone: Phone, wish: Wish) -> None:
    """Subscribe a phone."""
    keys = phone.subscription["keys"]
    assert isinstance(keys, dict)
    peer = Peer(
        endpoint=phone.endpoint, p256dh=maybe_bytes(keys["p256dh"]) or b"", auth=maybe_bytes(keys["auth"]) or b""
    )
    bell = next(ctx.bell for ctx in server.contexts if ctx.hub.realm is Realm.LIVE)
    await bell.add(Resident(id=phone.token[:16], digest="0" * 64, wish=wish, peer=peer, created_at=now()))


class Model:
    """What everybody must get, by the rules in words."""

    def __init__(self, places: Places, wishes: list[Wish]) -> None:
        self.places = places
        self.wishes = wishes
        self.concerned = {
            place: [number for number, wish in enumerate(wishes) if places.concerns(place, wish)]
            for place in places.names
        }
        self.expected: dict[int, Counter[str]] = defaultdict(Counter)
        self.total = 0
        self.threads: list[Told] = []

    def begin(self, draw: random.Random) -> Alert:
        """Open a thread and return its alert."""
        audience = Audience(draw.choice(self.places.names), draw.randint(3, 5), draw.choice(HAZARDS))
        message = self.places.order(audience.place, audience.level, audience.hazard)
        self.threads.append(Told(message, [audience]))
        self._expect(self.threads[-1], message)
        return message

    def go_on(self, draw: random.Random, thread: Told) -> Alert:
        """Return the next message of a thread; everybody whom it ever alarmed hears it, unless it is silent."""
        thread.latest, is_silent = next_message(draw, thread, self.places)
        if not is_silent:
            self._expect(thread, thread.latest)
        return thread.latest

    def _expect(self, thread: Told, message: Alert) -> None:
        told = {
            number
            for audience in thread.audiences
            for number in self.concerned[audience.place]
            if passes(self.wishes[number], audience)
        }
        self.total += len(told)
        for number in told:
            self.expected[number][message.identifier] += 1


async def test_everybody_gets_exactly_what_the_rules_say(
    japan: BoundarySet, server: Server, live: Caller, service: PushService
) -> None:
    """300 threads raise, lower, move, correct, lift and cancel; 1,000 phones get what concerns them, each once."""
    seed = int(os.environ.get("LALERT_TEST_SEED", random.randrange(2**32)))
    draw = random.Random(seed)
    codes = [place.code for place in japan.municipalities if not {place.code} & APART]
    places = Places(japan, draw.sample(codes, 60))
    phones, marker = [service.phone() for _ in range(RESIDENTS)], service.phone()
    wishes = [somebody(draw, places) for _ in phones]
    model = await asyncio.to_thread(Model, places, wishes)
    await asyncio.gather(*(keep(server, phone, wish) for phone, wish in zip(phones, wishes, strict=True)))
    await keep(server, marker, Wish(areas=frozenset({YOKOSUKA})))
    await post(live, [model.begin(draw) for _ in range(THREADS)])
    for _ in range(ROUNDS):
        # A newer message takes the place of one that still waits, so everybody has heard one before the next comes.
        await service.until(lambda: len(service.arrivals) >= model.total, 60)
        await post(live, [model.go_on(draw, thread) for thread in model.threads if not thread.is_over])
    await service.until(lambda: len(service.arrivals) >= model.total, 60)
    last = author.order(YOKOSUKA, level=3)  # a neighbour's cell may reach over the border of its place
    await live.publish(last)
    await service.until(lambda: service.of(marker), 60)  # whatever was pushed too much came before it
    got: dict[str, Counter[str]] = defaultdict(Counter)
    for arrival in service.arrivals:
        got[arrival.token][str(arrival.notification["navigate"]).rpartition("/")[2]] += 1
    for number, phone in enumerate(phones):
        got[phone.token].pop(last.identifier, None)
        assert got[phone.token] == model.expected[number], (seed, wishes[number])
    assert model.total > 5 * RESIDENTS


async def post(live: Caller, messages: list[Alert]) -> None:
    """Publish messages of different threads, many at a time."""
    for at in range(0, len(messages), AT_ONCE):
        await asyncio.gather(*(live.publish(message) for message in messages[at : at + AT_ONCE]))
