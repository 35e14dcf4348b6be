"""Live and drill: two worlds through one door. Nothing crosses, by any way out, whatever is posted where."""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import replace
from itertools import product

from lalert.cap.model import Alert, MsgType, Scope, Status
from lalert.cap.render import to_xml
from lalert.core.audience import judge
from lalert.core.model import Realm
from lalert.core.thread import is_lifting
from lalert.web.server import Server
from tests.live.test_feeds import chain, feed
from tests.rig.author import CHIYODA, CHUO, NAHA, YOKOSUKA, Author, as_received
from tests.rig.caller import Caller
from tests.rig.listener import Listener

ROUNDS = int(os.environ.get("LALERT_TEST_REALM_POSTS", "300"))
SEED = 20260523
AREAS = ("", "13", "47", CHIYODA)


class Chance:
    """Random posts of one realm's sender, of every kind that a sender may think of, and some of the other realm's."""

    def __init__(self, author: Author, rng: random.Random) -> None:
        self._author = author
        self._rng = rng
        self._kept: list[Alert] = []

    def next(self) -> Alert:
        """Return the next message."""
        rng, author = self._rng, self._author
        codes = rng.sample((CHIYODA, CHUO, YOKOSUKA, NAHA), rng.randint(1, 3))
        if not self._kept or rng.random() < 0.5:
            return author.order(*codes, level=rng.choice((3, 4, 5)), hazard=rng.choice(("flood", "landslide")))
        previous = rng.choice(self._kept)
        kind = rng.random()
        if kind < 0.4:
            return author.update(previous, *codes, level=rng.choice((3, 4, 5)))
        if kind < 0.6:
            return author.lift(previous)
        if kind < 0.7:
            return author.correct(previous)
        is_false = kind < 0.8 and not is_lifting(previous)  # a lifting is not cancelled
        return author.cancel(previous) if is_false else author.line_test()

    def keep(self, alert: Alert) -> None:
        """Note what was accepted: it may be changed or ended."""
        if alert.status is not Status.SYSTEM and alert.msg_type is not MsgType.CANCEL:
            self._kept.append(alert)


async def test_nothing_crosses(server: Server, live: Caller, drill: Caller) -> None:
    """Hundreds of random posts in both realms, some at the wrong door, with every way out attached to both."""
    rng = random.Random(SEED)
    callers = {Realm.LIVE: live, Realm.DRILL: drill}
    chances = {realm: Chance(Author(drill=realm is Realm.DRILL), rng) for realm in Realm}
    said: dict[Realm, set[str]] = {realm: set() for realm in Realm}
    queries = [f"include=system{'&area=' + area if area else ''}" for area in AREAS]
    starts = {realm: (await caller.get("/api/v1/changes")).json["cursor"] for realm, caller in callers.items()}
    listeners = {
        realm: [await Listener(caller.url, query).__aenter__() for query in queries]
        for realm, caller in callers.items()
    }
    for _ in range(ROUNDS):
        realm = rng.choice(list(Realm))
        door = other(realm) if rng.random() < 0.15 else realm
        alert = chances[realm].next()
        answer = await callers[door].post(alert)
        if alert.status is Status.SYSTEM or door is realm:  # tests of the line are at home in both
            assert answer.status == 201, answer.text
            said[door].add(alert.identifier)
            chances[realm].keep(alert)
        else:
            assert (answer.status, answer.json["title"]) == (422, "audience.refused"), answer.text
    for realm, caller in callers.items():
        fence = await caller.publish(Author(drill=realm is Realm.DRILL).order(CHIYODA, NAHA))
        said[realm].add(fence["identifier"])
        for listener in listeners[realm]:
            await listener.until_identifier(fence["identifier"])
            await listener.__aexit__(None, None, None)
    assert not said[Realm.LIVE] & said[Realm.DRILL]
    assert min(map(len, said.values())) > ROUNDS // 4
    for realm, caller in callers.items():
        out = await every_way_out(caller, starts[realm])
        out |= {f"stream?{q}": set(s.identifiers) for q, s in zip(queries, listeners[realm], strict=True)}
        assert not {way: names - said[realm] for way, names in out.items() if names - said[realm]}
        assert out["changes"] == out[f"stream?{queries[0]}"] == said[realm]
        await look_for(said[other(realm)], caller, rng)


def other(realm: Realm) -> Realm:
    """Return the realm that this is not."""
    return next(r for r in Realm if r is not realm)


async def look_for(names: set[str], caller: Caller, rng: random.Random) -> None:
    """Assert that a realm shows none of these messages, on no page and under no address."""
    for way, page in (await every_text(caller)).items():
        assert not [name for name in names if name in page], way
    for name in rng.sample(sorted(names), 20):
        for path in (f"/api/v1/alerts/{name}", f"/api/v1/threads/{name}", f"/alerts/{name}"):
            assert (await caller.get(path)).status == 404


async def every_way_out(caller: Caller, start: str) -> dict[str, set[str]]:
    """Return which messages a realm shows, by way."""
    active = (await caller.get("/api/v1/alerts/active")).json["alerts"]
    changes = (await caller.get(f"/api/v1/changes?since={start}&include=system&limit=500")).json
    assert not changes["more"]
    newest = [await feed(caller, f"/feeds/{name}.atom") for name in ("all", "system", "pref/13", "level/4")]
    archives = await chain(caller, newest[0])
    return {
        "active": {entry["alert"]["identifier"] for entry in active},
        "changes": {entry["alert"]["identifier"] for entry in changes["entries"]},
        "feeds": {name for page in (*newest, *archives) for name in page.identifiers},
    }


async def every_text(caller: Caller) -> dict[str, str]:
    """Return the pages, maps and figures of a realm as text."""
    paths = ("/", "/a", "/a/13", f"/a/{CHIYODA}", "/map/japan.svg", "/map/13.svg", "/status.json")
    return {path: (await caller.get(path)).text for path in paths}


async def test_the_truth_table_through_the_door(live: Caller, drill: Caller) -> None:
    """Each combination of status, scope, msgType and realm gets what the table says; a refusal leaves no trace."""
    callers = {Realm.LIVE: live, Realm.DRILL: drill}
    for status, scope, msg_type, realm in product(Status, Scope, MsgType, Realm):
        author = Author(drill=status is not Status.ACTUAL)
        made = author.line_test() if status is Status.SYSTEM else author.order()
        base = author.order() if msg_type in (MsgType.UPDATE, MsgType.CANCEL, MsgType.ACK, MsgType.ERROR) else None
        changed = replace(
            made,
            status=status,
            scope=scope,
            msg_type=msg_type,
            restriction="関係者限り" if scope is Scope.RESTRICTED else None,
            addresses="a@example.jp" if scope is Scope.PRIVATE else None,
            references=(base.identity,) if base else (),
            note="【訓練】理由【訓練】" if status is not Status.ACTUAL else "理由",
        )
        before = (await callers[realm].get("/status.json")).json["realms"][realm]["cursor"]
        answer = await callers[realm].post(to_xml(changed))
        verdict = judge(status, scope, msg_type, realm)
        if isinstance(verdict, tuple):
            assert answer.status == 422, (status, scope, msg_type, realm)
            assert {refusal.code for refusal in verdict} <= answer.codes, answer.text
            after = (await callers[realm].get("/status.json")).json["realms"][realm]["cursor"]
            assert after == before
        else:
            assert answer.status == 201, (status, scope, msg_type, realm, answer.text)


async def test_drill_is_marked_on_every_face(drill: Caller) -> None:
    """Whoever sees a drill's page, map, feed, entry or ticker without anything around it sees that it is one."""
    for path in ("/", "/a", "/a/13", "/map", "/notify", "/validate", "/feeds/all.atom", "/map/japan.svg"):
        assert "【訓練】" in (await drill.get(path)).text, f"{path}, also while nothing is in force"
    order = as_received(Author(drill=True).order(CHIYODA))
    await drill.publish(order)
    entry = (await drill.get(f"/api/v1/alerts/{order.identifier}")).json
    assert entry["alert"]["status"] == "Exercise"
    assert "【訓練】" in entry["wording"]["ja"]["headline"]
    assert "DRILL" in entry["wording"]["en"]["headline"]
    assert all("訓練" in line for wording in entry["wording"].values() for line in wording["ticker"].values())
    for path in ("/", "/a/13", f"/alerts/{order.identifier}", "/feeds/all.atom", "/map/japan.svg"):
        assert "【訓練】" in (await drill.get(path)).text, path
    assert all(url.startswith("/drill/") for url in entry["links"].values())


async def test_realms_share_no_cursor(server: Server, live: Caller, drill: Caller) -> None:
    """A position of one log is a gap in the other."""
    cursor = (await live.publish(Author().order()))["cursor"]
    assert (await drill.get(f"/api/v1/changes?since={cursor}")).status == 410
    async with Listener(drill.url, last_event_id=cursor) as listener:
        await listener.until_event("gap")


async def test_drill_and_live_side_by_side(live: Caller, drill: Caller) -> None:
    """The same identifier in both realms is two messages."""
    real, exercise = Author().order(), Author(drill=True)
    await live.publish(real)
    await drill.publish(exercise.order(identifier=real.identifier))
    answers = await asyncio.gather(*(caller.get(f"/api/v1/alerts/{real.identifier}") for caller in (live, drill)))
    assert [answer.json["alert"]["status"] for answer in answers] == ["Actual", "Exercise"]
