"""Intake over real sockets: what is kept, what is refused, and what a refusal says."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import pytest

from lalert.core.model import Realm, Role
from lalert.web.server import Server
from tests.rig import hubs
from tests.rig.author import CHIYODA, CHUO, YOKOSUKA, Author
from tests.rig.caller import Answer, Caller
from tests.rig.listener import Listener

FEEDS = Path(__file__).parents[2] / "sample_feeds"
EXPECTED: dict[str, dict[str, object]] = tomllib.loads((FEEDS / "bad" / "EXPECTED.toml").read_text())
RECEIPT = {
    *("identifier", "sender", "sent", "realm", "cursor", "seq", "thread", "supersedes", "state", "priority", "level"),
    *("area", "matched", "findings", "acceptedAt"),
}

author = Author()


def assert_problem(answer: Answer, status: int, code: str) -> None:
    """Assert that `answer` is a problem document that tells people what to do, in both languages."""
    assert (answer.status, answer.content_type) == (status, "application/problem+json"), answer.text
    body = answer.json
    assert (body["title"], body["status"]) == (code, status)
    assert body["type"] == f"/docs/findings#{code}"
    assert body["correlationId"]
    assert " / " in body["detail"]
    for finding in body["errors"]:
        assert finding["message"]["ja"]
        assert finding["message"]["en"]
        assert finding["advice"]["ja"]
        assert finding["advice"]["en"]


async def test_receipt_has_every_field(live: Caller) -> None:
    """201 brings the whole receipt: position, thread, rank, municipalities, who matched."""
    order = author.order(CHIYODA, CHUO, level=5)
    answer = await live.post(order)
    receipt = answer.json
    assert answer.status == 201
    assert set(receipt) >= RECEIPT
    assert receipt["identifier"] == receipt["thread"] == order.identifier
    assert (receipt["sender"], receipt["sent"]) == (order.sender, order.sent.isoformat())
    assert (receipt["realm"], receipt["state"], receipt["supersedes"]) == ("live", "in_force", [])
    assert (receipt["priority"], receipt["level"]) == ("flash", 5)
    assert receipt["cursor"].endswith(f"-{receipt['seq']}")
    assert [(m["code"], m["name"]) for m in receipt["area"]["municipalities"]] == [
        (CHIYODA, "千代田区"),
        (CHUO, "中央区"),
    ]
    assert receipt["matched"] == {"streams": 0, "endpoints": 0, "residents": 0}


async def test_receipt_counts_the_readers_that_match(server: Server, live: Caller) -> None:
    """`matched` counts the connected readers who get the message, not those who asked for something else."""
    async with Listener(server.url, f"area={CHIYODA}"), Listener(server.url, "area=47"):
        assert (await live.publish(author.order(CHIYODA)))["matched"]["streams"] == 1


async def test_update_names_what_it_supersedes(live: Caller) -> None:
    """The receipt of an Update carries the thread of its first message and what it takes the place of."""
    first = author.order(level=3)
    await live.publish(first)
    receipt = await live.publish(author.update(first, level=4))
    assert (receipt["thread"], receipt["supersedes"]) == (first.identifier, [first.identifier])


async def test_same_bytes_again_give_the_same_receipt(live: Caller) -> None:
    """A repeat is 200 with the receipt of the first time, byte for byte, also when the message has been superseded."""
    order = author.order()
    first = await live.post(order)
    await live.publish(author.lift(order))
    again = await live.post(order)
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body


async def test_repeat_of_an_expired_message_is_still_a_repeat(server: Server, live: Caller) -> None:
    """A sender that repeats after the end of the message gets its receipt, not a refusal."""
    order = author.ending_soon()
    async with Listener(server.url) as listener:
        first = await live.post(order)
        await listener.until_identifier(order.identifier, event="expire")
    again = await live.post(order)
    assert (again.status, again.body) == (200, first.body)


async def test_fifty_at_once_are_kept_once(live: Caller) -> None:
    """The same post fifty times at the same moment: exactly one 201, one receipt for all."""
    order = author.order()
    answers = await asyncio.gather(*(live.post(order) for _ in range(50)))
    assert sorted(answer.status for answer in answers) == [200] * 49 + [201]
    assert len({answer.body for answer in answers}) == 1


async def test_other_bytes_under_the_same_name_conflict(live: Caller) -> None:
    """409 for other bytes under a name that is kept, also when both arrive at once."""
    order = author.order()
    changed = order.raw.replace("試験市".encode(), "別の市".encode())
    assert changed != order.raw
    answers = await asyncio.gather(live.post(order), live.post(changed))
    assert sorted(answer.status for answer in answers) == [201, 409]
    assert_problem(next(a for a in answers if a.status == 409), 409, "identity.conflict")


async def test_message_that_was_cancelled_before_it_came_is_refused(live: Caller) -> None:
    """A Cancel that overtook its Alert on the way here keeps the Alert out: 409, and nobody is alarmed."""
    order = author.order()
    await live.publish(author.cancel(order))
    assert_problem(await live.post(order), 409, "thread.overtaken")
    assert (await live.get("/api/v1/alerts/active")).json["alerts"] == []


async def test_an_all_clear_is_not_cancelled(live: Caller) -> None:
    """The Cancel of a 解除 tells people that the order was false: 409. Announced again by an Update, it holds."""
    order = author.order()
    lifted = author.lift(order)
    false = author.cancel(order)
    undoing = false.raw.replace(order.identifier.encode(), lifted.identifier.encode())
    await live.publish(order)
    await live.publish(lifted)
    assert_problem(await live.post(undoing), 409, "thread.lifted")
    again = author.update(lifted)
    await live.publish(again)
    active = (await live.get("/api/v1/alerts/active")).json["alerts"]
    assert [entry["alert"]["identifier"] for entry in active] == [again.identifier]
    await live.publish(author.cancel(again))


async def test_keys_open_their_own_door_only(server: Server, live: Caller, drill: Caller) -> None:
    """401 without a key, with an unknown or malformed one, and with the key of the other realm."""
    order = author.order()
    assert live.key is not None
    for key, code in (
        ("", "key.missing"),
        ("password", "key.missing"),
        (live.key[:-1] + ("A" if live.key[-1] != "A" else "B"), "key.unknown"),
        (live.key.replace(live.key.split("_")[2], "0000abcd"), "key.unknown"),
        (drill.key, "key.realm"),
    ):
        answer = await live.post(order, key=key)
        assert_problem(answer, 401, code)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert_problem(await drill.post(Author(drill=True).order(), key=live.key), 401, "key.realm")


async def test_revoked_key_is_refused(server: Server, live: Caller) -> None:
    """A key that was revoked opens nothing once the ring was refreshed."""
    assert live.key is not None
    ctx = server.contexts[0]
    assert await ctx.hub.store.revoke_key(live.key.split("_")[2], ctx.hub.clock())
    await ctx.keyring.refresh()
    assert_problem(await live.post(author.order()), 401, "key.unknown")


async def test_media_key_may_not_post(server: Server, live: Caller) -> None:
    """403 for a key of another role."""
    key = await hubs.issue(server, role=Role.MEDIA)
    assert_problem(await live.post(author.order(), key=key), 403, "key.role")


async def test_sender_alerts_its_own_area_only(server: Server, live: Caller) -> None:
    """403 with every municipality that lies outside, also for a message that ends another's alert."""
    key = await hubs.issue(server, areas=("13",))
    answer = await live.post(author.order(CHIYODA, YOKOSUKA), key=key)
    assert_problem(answer, 403, "jurisdiction.outside")
    assert [finding["found"] for finding in answer.json["errors"]] == [YOKOSUKA]
    assert "横須賀市" in answer.json["errors"][0]["message"]["ja"]
    assert (await live.post(author.order(CHIYODA), key=key)).status == 201
    theirs = author.order(YOKOSUKA)
    await live.publish(theirs)
    assert_problem(await live.post(author.update(theirs, CHIYODA), key=key), 403, "jurisdiction.outside")
    assert_problem(await live.post(author.cancel(theirs), key=key), 403, "jurisdiction.outside")


async def test_what_holds_by_now_is_not_ended_from_outside(server: Server, live: Caller) -> None:
    """An Update of one's own first message does not end the wider one that a wider authority has put in its place."""
    key = await hubs.issue(server, areas=[CHIYODA])
    first = author.order(CHIYODA)
    assert (await live.post(first, key=key)).status == 201
    wider = author.update(first, CHIYODA, YOKOSUKA)
    await live.publish(wider)
    assert_problem(await live.post(author.update(first, CHIYODA), key=key), 403, "jurisdiction.outside")
    active = (await live.get("/api/v1/alerts/active")).json["alerts"]
    assert [entry["alert"]["identifier"] for entry in active] == [wider.identifier]


async def test_too_large(live: Caller) -> None:
    """413 for more than the limit; the next message goes through."""
    assert_problem(await live.post(b"<alert>" + b" " * (2 << 20)), 413, "http.too_large")
    await live.publish(author.order())


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
async def test_other_media_types(live: Caller, content_type: str) -> None:
    """415 for what is not sent as XML."""
    assert_problem(await live.post(author.order(), content_type=content_type), 415, "http.media_type")


@pytest.mark.parametrize("content_type", ["application/xml", "text/xml; charset=utf-8", "Application/CAP+XML"])
async def test_xml_by_other_names(live: Caller, content_type: str) -> None:
    """Every media type of interfaces.md is taken."""
    assert (await live.post(author.order(), content_type=content_type)).status == 201


async def test_compressed_bodies_are_refused(live: Caller) -> None:
    """415 for a compressed body: a small post must not become a large one."""
    answer = await live.post(author.order(), headers={"Content-Encoding": "gzip"})
    assert_problem(answer, 415, "http.content_encoding")


async def test_empty_body(live: Caller) -> None:
    """400 for nothing."""
    assert_problem(await live.post(b""), 400, "http.empty")


@pytest.mark.parametrize(
    ("query", "code"), [("dryrun=true", "query.unknown"), ("dry_run=yes", "query.value"), ("x=1&y=2", "query.unknown")]
)
async def test_unknown_parameters_are_mistakes(live: Caller, query: str, code: str) -> None:
    """400 for a parameter or value that does not exist: a misspelt dry run must not go out in earnest."""
    answer = await live.post(author.order(), path=f"/api/v1/alerts?{query}")
    assert_problem(answer, 400, "query.invalid")
    assert answer.codes == {code}
    assert len(answer.json["errors"]) == query.count("=")
    assert (await live.get("/api/v1/alerts/active")).json["alerts"] == []


async def test_every_bad_sample_is_answered_as_expected(live: Caller) -> None:
    """Each bad sample gets its status and its code; the refused ones leave no trace, and a good one goes through."""
    refused = 0
    for stem, expected in EXPECTED.items():
        answer = await live.post((FEEDS / "bad" / f"{stem}.xml").read_bytes())
        assert answer.status == expected["status"], stem
        if answer.status == 422:
            refused += 1
            assert_problem(answer, 422, answer.json["title"])
            assert expected["code"] in answer.codes
        else:
            assert expected["code"] in {finding["code"] for finding in answer.json["findings"]}
    receipt = await live.publish(author.order())
    assert receipt["seq"] == len(EXPECTED) - refused + 1


async def test_wrong_encodings(live: Caller) -> None:
    """422 for bytes that are not what their declaration says; Shift_JIS that says so is refused by name or read."""
    order = author.order()
    broken = order.raw.replace("試験市".encode(), "試験市".encode("cp932"))
    answer = await live.post(broken)
    assert_problem(answer, 422, "cap.invalid")


async def test_dry_run_keeps_nothing_and_shows_every_face(server: Server, live: Caller) -> None:
    """`dry_run=true` answers what would be: receipt, entry, feed, event, shapes and map; nobody hears of it."""
    order = author.order()
    async with Listener(server.url) as listener:
        answer = await live.post(order, path="/api/v1/alerts?dry_run=true")
        assert answer.status == 200
        body = answer.json
        assert body["dryRun"] is True
        assert body["receipt"]["identifier"] == order.identifier
        assert set(body["faces"]) == {"entry", "geojson", "atom", "event", "map", "push", "speech", "text"}
        assert body["faces"]["map"].startswith("<svg")
        assert (await live.get(f"/api/v1/alerts/{order.identifier}")).status == 404
        real = await live.publish(order)
        assert real["seq"] == 1
        heard = await listener.until_identifier(order.identifier)
        assert heard.id == real["cursor"]
    assert listener.identifiers == [order.identifier]


async def test_validate_needs_no_key_and_keeps_nothing(live: Caller) -> None:
    """`POST /api/v1/validate` lists the findings of good and bad messages."""
    good = await live.post(author.order(), path="/api/v1/validate", key="")
    assert good.json["verdict"] == "valid"
    bad = await live.post(FEEDS.joinpath("bad", "sent-zulu.xml").read_bytes(), path="/api/v1/validate", key="")
    assert bad.json["verdict"] == "invalid"
    assert "cap.time.zulu" in {finding["code"] for finding in bad.json["findings"]}
    wrong = await live.post(author.order(), path="/api/v1/validate?profile=us", key="")
    assert_problem(wrong, 400, "query.invalid")
    assert (await live.get("/api/v1/alerts/active")).json["alerts"] == []


async def test_validate_core_profile_asks_less(live: Caller) -> None:
    """`profile=core` checks CAP alone: what only the Japanese profile forbids is valid."""
    raw = FEEDS.joinpath("bad", "abolished-term.xml").read_bytes()
    verdicts = [
        (await live.post(raw, path=f"/api/v1/validate?profile={profile}", key="")).json["verdict"]
        for profile in ("jp", "core")
    ]
    assert verdicts == ["invalid", "valid"]


async def test_posts_of_one_key_are_limited(servers: hubs.Start) -> None:
    """A key that posts faster than agreed gets 429 with Retry-After, and no other key suffers."""
    server = await servers(hub__key_per_s=0.01, hub__key_burst=2)
    async with Caller(server.url, await hubs.issue(server)) as hasty:
        for _ in range(2):
            await hasty.publish(author.order())
        answer = await hasty.post(author.order())
        assert_problem(answer, 429, "limit.rate")
        assert int(answer.headers["Retry-After"]) > 0
        assert (await hasty.post(author.order(), key=await hubs.issue(server))).status == 201


async def test_expired_when_it_comes(live: Caller) -> None:
    """422 for a message whose time was over before it came."""
    answer = await live.post(FEEDS.joinpath("bad", "expires-past.xml").read_bytes())
    assert_problem(answer, 422, "cap.invalid")
    assert "cap.expires.past" in answer.codes


async def test_drill_takes_exercises(drill: Caller) -> None:
    """The drill realm has the same receipt, under its own name."""
    receipt = await drill.publish(Author(drill=True).order())
    assert receipt["realm"] == Realm.DRILL
