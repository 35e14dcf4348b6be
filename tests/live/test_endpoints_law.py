"""Every endpoint gets exactly what the rules say: random threads against random filters, held against a model.

The model knows the rules in words and nothing of the hub.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, defaultdict
from dataclasses import dataclass

import shapely
from standardwebhooks.webhooks import Webhook

from lalert.core.model import Role
from lalert.geo.boundaries import BoundarySet
from tests.live.test_residents_law import APART, HAZARDS, Audience, Places, Told, next_message, post
from tests.rig import hubs
from tests.rig.caller import Caller
from tests.rig.peers import PATIENCE_S, Peer, Request

THREADS, ENDPOINTS, ROUNDS = 300, 50, 4


@dataclass(frozen=True, slots=True)
class Wish:
    """What an endpoint asked for."""

    areas: tuple[str, ...] = ()
    point: tuple[float, float] | None = None  # lon, lat
    min_level: int | None = None
    hazards: tuple[str, ...] = ()

    @property
    def filter(self) -> dict[str, object]:
        """The filter as it is posted: what is not asked for is left out."""
        lon, lat = self.point or (None, None)
        point = None if lat is None else f"{lat},{lon}"
        asked = {
            "area": list(self.areas),
            "hazard": ",".join(self.hazards),
            "point": point,
            "min_level": self.min_level,
        }
        return {name: value for name, value in asked.items() if value}


def somebody(draw: random.Random, places: Places) -> Wish:
    """Return a random wish: everything, some places, or a point in one of them."""
    kind = draw.choice(["all", "areas", "areas", "point"])
    place = draw.choice(places.names)
    inside = places.shapes[place].representative_point()
    codes = [name[-6:] for name in draw.sample(places.names, draw.randint(1, 20))]
    areas = tuple(draw.choice([code, code[:2]]) for code in codes)
    return Wish(
        areas=areas if kind == "areas" else (),
        point=(round(inside.x, 4), round(inside.y, 4)) if kind == "point" else None,
        min_level=draw.choice([None, None, 3, 4, 5]),
        hazards=tuple(draw.sample(HAZARDS, draw.choice([0, 0, 1, 2]))),
    )


def passes(wish: Wish, audience: Audience, places: Places) -> bool:
    """Whether what was announced there is what was asked for."""
    code = audience.place[-6:]
    return (
        (not wish.areas or bool({code, code[:2]} & set(wish.areas)))
        and (wish.point is None or places.shapes[audience.place].intersects(shapely.Point(wish.point)))
        and (wish.min_level is None or audience.level >= wish.min_level)
        and (not wish.hazards or audience.hazard in wish.hazards)
    )


async def test_every_endpoint_gets_exactly_what_the_rules_say(japan: BoundarySet, servers: hubs.Start) -> None:
    """300 threads, 50 endpoints: each alert once and signed, in the order of its thread, to its end, 訂正 too."""
    seed = random.randrange(2**32)
    draw = random.Random(seed)
    server = await servers(push__allow_networks="127.0.0.0/8")
    sender, media = [await hubs.issue(server, role=role) for role in (Role.SENDER, Role.MEDIA)]
    places = Places(japan, draw.sample([p.code for p in japan.municipalities if p.code not in APART], 60))
    wishes = [somebody(draw, places) for _ in range(ENDPOINTS)]
    expected: dict[int, Counter[str]] = defaultdict(Counter)
    threads = []
    async with Caller(server.url, sender) as live, Peer() as peer:
        secrets = [await register(live, media, f"{peer.url}/{n}", wish) for n, wish in enumerate(wishes)]
        for _ in range(THREADS):
            first = Audience(draw.choice(places.names), draw.randint(3, 5), draw.choice(HAZARDS))
            threads.append(Told(places.order(first.place, first.level, first.hazard), [first]))
        for turn in range(ROUNDS + 1):
            alive = [thread for thread in threads if not thread.is_over]
            for thread in alive if turn else ():
                thread.latest, _ = next_message(draw, thread, places)
            await asyncio.to_thread(expect, expected, alive, wishes, places)
            await post(live, [thread.latest for thread in alive])
        total = sum(counter.total() for counter in expected.values())
        async with asyncio.timeout(3 * PATIENCE_S):
            await peer.until(total)
        await hubs_are_idle(live, media)
    assert total > THREADS
    await asyncio.to_thread(check, peer.requests, secrets, expected, (seed, wishes))


def expect(expected: dict[int, Counter[str]], threads: list[Told], wishes: list[Wish], places: Places) -> None:
    """Note who gets the latest message of each thread: everybody whom it ever alarmed."""
    for thread in threads:
        for number, wish in enumerate(wishes):
            if any(passes(wish, audience, places) for audience in thread.audiences):
                expected[number][thread.latest.identifier] += 1


def check(requests: list[Request], secrets: list[str], expected: dict[int, Counter[str]], told: object) -> None:
    """Hold what came against what had to come: each once, signed, in the order of its thread."""
    got: dict[int, list[Request]] = defaultdict(list)
    for request in requests:
        got[int(request.path.removeprefix("/"))].append(request)
    for number, secret in enumerate(secrets):
        entries = [Webhook(secret).verify(request.body, dict(request.headers)) for request in got[number]]
        assert Counter(e["alert"]["identifier"] for e in entries) == expected[number], (number, told)
        in_order: dict[str, list[int]] = defaultdict(list)
        for entry in entries:
            in_order[entry["thread"]].append(entry["seq"])
        assert all(seqs == sorted(seqs) for seqs in in_order.values()), (number, told)


async def register(caller: Caller, key: str, url: str, wish: Wish) -> str:
    """Register an endpoint and return its secret."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps({"url": url, "filter": wish.filter}).encode()
    answer = await caller.ask("post", "/api/v1/endpoints", data=body, headers=headers)
    assert answer.status == 201, answer.text
    return str(answer.json["secret"])


async def hubs_are_idle(caller: Caller, key: str) -> None:
    """Wait until every endpoint has everything: whatever was posted too much came by then."""
    head = (await caller.get("/api/v1/changes")).json["cursor"]
    async with asyncio.timeout(PATIENCE_S):
        while True:
            told = await caller.ask("get", "/api/v1/endpoints", headers={"Authorization": f"Bearer {key}"})
            if all(endpoint["cursor"] == head for endpoint in told.json["endpoints"]):
                return
            await asyncio.sleep(0.05)
