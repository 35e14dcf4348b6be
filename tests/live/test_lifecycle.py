"""The life of an alert through the whole hub, act by act, as the samples tell it: what holds, who hears, what is said.

The samples are those of `sample_feeds/good`: one for each act of the life-cycle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lalert.cap.parse import parse
from lalert.web.server import Server
from tests.rig import hubs
from tests.rig.caller import Caller
from tests.rig.listener import Listener

GOOD = Path(__file__).parents[2] / "sample_feeds" / "good"
OTA, AKIRUNO, YOKOSUKA = "131113", "132284", "142018"


def sample(number: int) -> bytes:
    """Return a sample by its number."""
    return next(GOOD.glob(f"{number:02}-*.xml")).read_bytes()


def name(number: int) -> str:
    """Return the identifier of a sample."""
    return parse(sample(number)).identifier


async def post(caller: Caller, number: int) -> Any:
    """Post a sample and return its receipt."""
    answer = await caller.post(sample(number))
    assert answer.status == 201, answer.text
    return answer.json


async def in_force(caller: Caller, area: str) -> list[tuple[str, int | None]]:
    """Return identifier and level of what holds in a municipality; who heard an alarm there also gets its news."""
    alerts = (await caller.get(f"/api/v1/alerts/active?area={area}")).json["alerts"]
    there = [entry for entry in alerts if area in {one["code"] for one in entry["area"]["municipalities"]}]
    return [(entry["alert"]["identifier"], entry["level"]) for entry in there]


async def test_a_flood_from_its_order_to_its_lifting(server: Server, live: Caller) -> None:
    """発令, 引上げ, 訂正, 一部解除 and 解除: one thread, one message in force at a time, and all of it is heard."""
    async with Listener(server.url, f"area={OTA}") as listener:
        first = await post(live, 1)
        assert (first["thread"], first["level"], first["leftOut"]) == (name(1), 3, None)
        assert await in_force(live, OTA) == [(name(1), 3)]
        for number, level in ((2, 4), (3, 5)):  # 引上げ
            raised = await post(live, number)
            assert (raised["thread"], raised["level"], raised["supersedes"]) == (name(1), level, [name(number - 1)])
            assert await in_force(live, OTA) == [(name(number), level)]
        corrected = await post(live, 4)
        assert (corrected["level"], corrected["leftOut"]) == (5, None)
        lowered = await post(live, 5)  # 引下げ, and lifted aloud elsewhere
        assert (lowered["level"], await in_force(live, OTA)) == (4, [(name(5), 4)])
        lifted = await post(live, 6)
        assert (lifted["state"], lifted["leftOut"], await in_force(live, OTA)) == ("cancelled", None, [])
        last = (await listener.until_identifier(name(6))).json
    heard = [(one.identifier, one.json["kind"], one.json["silent"], one.json["cancelKind"]) for one in listener.entries]
    assert heard == [
        (name(1), "alert", False, None),
        (name(2), "update", False, None),
        (name(3), "update", False, None),
        (name(4), "update", True, "corrected"),
        (name(5), "update", False, None),
        (name(6), "update", False, "lifted"),
    ]
    assert "【解除】" in last["wording"]["ja"]["headline"]
    assert [(zone["level"], zone["lifted"]) for zone in listener.entries[4].json["zones"]] == [(4, False), (None, True)]


async def test_a_false_message_is_cancelled(server: Server, live: Caller) -> None:
    """取消: whoever heard the alarm hears that it was false, and why; nothing holds after it."""
    async with Listener(server.url, f"area={YOKOSUKA}") as listener:
        await post(live, 7)
        assert (await post(live, 8))["state"] == "cancelled"
        heard = (await listener.until_identifier(name(8))).json
    assert (heard["kind"], heard["cancelKind"], heard["supersedes"]) == ("cancel", "false_alarm", [name(7)])
    assert "【取消】" in heard["wording"]["ja"]["headline"]
    assert await in_force(live, YOKOSUKA) == []
    page = (await live.get(f"/alerts/{name(7)}")).text
    assert parse(sample(8)).note in page


async def test_a_cancel_by_a_wrong_name_says_that_nothing_ends(live: Caller) -> None:
    """A typing error in references must not look like success: the receipt warns, and the order goes on."""
    await post(live, 7)
    wrong = sample(8).replace(f"{name(7)},".encode(), f"{name(7)}x,".encode())
    receipt = (await live.post(wrong)).json
    assert receipt["supersedes"] == []
    assert "references.unknown" in {finding["code"] for finding in receipt["findings"]}
    assert await in_force(live, YOKOSUKA) == [(name(7), 4)]
    right = sample(8).replace(f"<identifier>{name(8)}".encode(), f"<identifier>{name(8)}-2".encode())
    receipt = (await live.post(right)).json
    assert receipt["supersedes"] == [name(7)]
    assert "references.unknown" not in {finding["code"] for finding in receipt["findings"]}
    assert await in_force(live, YOKOSUKA) == []


async def test_what_an_update_leaves_out_is_lifted_there_and_said(server: Server, live: Caller) -> None:
    """An Update is the full state: the city that it names no more is told so in every way, and nothing holds there."""
    async with Listener(server.url, f"area={AKIRUNO}") as listener:
        await post(live, 32)
        receipt = await post(live, 33)
        heard = (await listener.until_identifier(name(33))).json
    told = "対象から外れて解除：東京都あきる野市"
    assert receipt["leftOut"] == heard["leftOut"]
    assert receipt["leftOut"]["municipalities"] == [
        {"code": AKIRUNO, "name": "あきる野市", "en": "Akiruno City", "whole": True}
    ]
    assert receipt["leftOut"]["names"] == ["あきる野市"]
    assert told in receipt["leftOut"]["text"]["ja"]
    assert await in_force(live, AKIRUNO) == []
    for path in ("/feeds/all.atom", f"/alerts/{name(33)}"):
        assert told in (await live.get(path)).text, path
    again = await live.post(sample(33))
    assert (again.status, again.json) == (200, receipt)


async def test_a_drill_is_announced_and_lifted_among_itself(server: Server, live: Caller) -> None:
    """訓練: the same acts in the other realm, marked at both ends, and nothing of it in the live one."""
    async with Caller(server.url + "/drill", await hubs.issue(server, hubs.Realm.DRILL)) as drill:
        await post(drill, 29)
        assert (await post(drill, 30))["state"] == "cancelled"
        entry = (await drill.get(f"/api/v1/alerts/{name(30)}")).json
    headline = entry["wording"]["ja"]["headline"]
    assert headline.startswith("【訓練】")
    assert headline.endswith("【訓練】")
    assert (await live.get(f"/api/v1/alerts/{name(30)}")).status == 404
