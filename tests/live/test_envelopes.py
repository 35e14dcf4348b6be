"""Envelopes at the intake, over real sockets: every message is judged by itself, and every one is answered."""

from __future__ import annotations

import pytest

from lalert.core.model import Realm
from lalert.web.server import Server
from tests.rig import hubs
from tests.rig.author import CHIYODA, CHUO, YOKOSUKA, Author
from tests.rig.caller import Answer, Caller
from tests.rig.envelopes import content, envelope
from tests.rig.listener import Listener

author = Author()
EDXL = "application/edxl+xml"


async def post(caller: Caller, raw: bytes, path: str = "/api/v1/alerts", content_type: str = EDXL) -> Answer:
    """Post an envelope."""
    return await caller.post(raw, path=path, content_type=content_type)


def statuses(answer: Answer) -> list[int]:
    """Return the status of every message of an envelope."""
    return [message["status"] for message in answer.json["messages"]]


@pytest.mark.parametrize("content_type", [EDXL, "application/xml", "text/xml"])
async def test_envelope_of_one_message_is_answered_like_the_message(live: Caller, content_type: str) -> None:
    """201 with the usual receipt, 200 with the same receipt when it comes again."""
    order = author.order(CHIYODA)
    raw = envelope(order)
    first = await post(live, raw, content_type=content_type)
    assert (first.status, first.json["identifier"]) == (201, order.identifier)
    again = await post(live, raw, content_type=content_type)
    assert (again.status, again.body) == (200, first.body)


async def test_all_messages_are_kept_and_named(server: Server, live: Caller) -> None:
    """Several good messages: 201, a receipt each, all of them on the stream; the same envelope again is 200."""
    one, two = author.order(CHIYODA), author.order(CHUO)
    async with Listener(server.url) as listener:
        answer = await post(live, envelope(one, two, identifier="env-2"))
        assert (answer.status, answer.json["distributionId"]) == (201, "env-2")
        assert [m["receipt"]["identifier"] for m in answer.json["messages"]] == [one.identifier, two.identifier]
        await listener.until_identifier(one.identifier)
        await listener.until_identifier(two.identifier)
    again = await post(live, envelope(one, two, identifier="env-2"))
    assert (again.status, statuses(again)) == (200, [200, 200])


async def test_one_bad_message_does_not_keep_the_others_out(live: Caller) -> None:
    """The good one is kept and named with its receipt, the bad one with all its findings; the whole is no success."""
    good = author.order(CHIYODA)
    bad = author.order(CHIYODA).raw.replace(b"<urgency>Immediate", b"<urgency>Now")
    answer = await post(live, envelope(bad, good))
    assert (answer.status, answer.json["title"]) == (422, "edxl.partly")
    assert statuses(answer) == [422, 201]
    refused, kept = answer.json["messages"]
    assert refused["problem"]["title"] == "cap.invalid"
    assert refused["problem"]["errors"]
    assert answer.json["errors"] == refused["problem"]["errors"]
    assert kept["receipt"]["identifier"] == good.identifier
    assert (await live.get(f"/api/v1/alerts/{good.identifier}.json")).status == 200


async def test_nothing_kept_is_said_as_plainly(live: Caller) -> None:
    """When every message is refused the code says so."""
    bad = author.order(CHIYODA).raw.replace(b"<urgency>Immediate", b"<urgency>Now")
    answer = await post(live, envelope(bad, b"<contentObject><nonXMLContent><mimeType>text/xml</mimeType>"
                                       b"<contentData>?</contentData></nonXMLContent></contentObject>"))  # fmt: skip
    assert (answer.status, answer.json["title"], statuses(answer)) == (422, "edxl.refused", [422, 422])


async def test_order_in_the_envelope_does_not_matter(live: Caller) -> None:
    """An Update that lies before its Alert is kept after it: nothing is overtaken."""
    first = author.order(CHIYODA, level=3)
    update = author.update(first, CHIYODA, level=4)
    lift = author.lift(update)
    answer = await post(live, envelope(lift, update, first))
    assert (answer.status, statuses(answer)) == (201, [201, 201, 201])
    entries = (await live.get(f"/api/v1/threads/{first.identifier}")).json["entries"]
    identifiers = [entry["alert"]["identifier"] for entry in entries]
    assert identifiers == [first.identifier, update.identifier, lift.identifier]


async def test_each_message_must_lie_in_the_senders_area(server: Server) -> None:
    """Jurisdiction is asked message by message."""
    async with Caller(server.url, await hubs.issue(server, areas=[CHIYODA])) as town:
        answer = await post(town, envelope(author.order(CHIYODA), author.order(YOKOSUKA)))
    assert statuses(answer) == [201, 403]
    assert answer.json["messages"][1]["problem"]["title"] == "jurisdiction.outside"


@pytest.mark.parametrize("several", [False, True])
async def test_envelope_and_message_must_agree_on_what_is_real(live: Caller, drill: Caller, several: bool) -> None:
    """An Exercise in an Actual envelope, and the reverse, is published in neither realm."""
    real, exercise = author.order(), Author(drill=True).order()
    for caller, message, status in ((live, real, "Exercise"), (drill, exercise, "Actual")):
        answer = await post(caller, envelope(*[message] * (1 + several), status=status))
        assert answer.status == 422
        assert answer.codes == {"cap.edxl.disagrees"}
    assert (await live.get(f"/api/v1/alerts/{real.identifier}.json")).status == 404


async def test_drill_envelopes_go_to_the_drill_realm(server: Server, live: Caller, drill: Caller) -> None:
    """An Exercise envelope is kept below /drill, and refused by the live realm's truth table."""
    order = Author(drill=True).order()
    raw = envelope(order, status="Exercise")
    assert (await post(live, raw)).codes == {"audience.status.exercise"}
    assert (await post(drill, raw)).status == 201
    assert server.hub(Realm.LIVE).situation.find(order.identifier) == ()


@pytest.mark.parametrize(
    ("raw", "codes"),
    [
        (envelope(author.order(), kind="Ack", status="Practice"), {"cap.edxl.status", "cap.edxl.type"}),
        (envelope(), {"cap.edxl.empty"}),
        (envelope(*[content(b"<x/>")] * 101), {"cap.edxl.content", "cap.edxl.empty"}),
    ],
    ids=["words", "empty", "nothing-in-it"],
)
async def test_wrong_envelope_keeps_nothing(live: Caller, raw: bytes, codes: set[str]) -> None:
    """Everything that is wrong with the envelope is told at once, in both languages."""
    answer = await post(live, raw)
    assert (answer.status, answer.json["title"]) == (422, "edxl.invalid")
    assert answer.codes == codes
    assert all(error["advice"]["ja"] for error in answer.json["errors"])


@pytest.mark.parametrize("raw", [b"<EDXLDistribution", b"<!DOCTYPE a><EDXLDistribution/>", b"<EDXLDistribution/>"])
async def test_unreadable_envelope_is_refused(live: Caller, raw: bytes) -> None:
    """Broken XML, a DOCTYPE, no namespace: a problem, never a defect."""
    assert (await post(live, raw)).status == 422


async def test_what_was_left_out_is_told_with_the_receipt(live: Caller) -> None:
    """A picture beside the message is not published, and the receipt warns of it."""
    picture = b"<contentObject><nonXMLContent><mimeType>image/png</mimeType></nonXMLContent></contentObject>"
    one = await post(live, envelope(author.order(), picture))
    assert one.status == 201
    assert "cap.edxl.content" in {finding["code"] for finding in one.json["findings"]}
    several = await post(live, envelope(author.order(), author.order(), picture))
    assert {finding["code"] for finding in several.json["findings"]} == {"cap.edxl.content"}


async def test_dry_run_of_an_envelope_keeps_nothing(live: Caller) -> None:
    """The receipts that would be, and nothing in the log."""
    one, two = author.order(), author.order()
    answer = await post(live, envelope(one, two), path="/api/v1/alerts?dry_run=true")
    assert (answer.status, answer.json["dryRun"], statuses(answer)) == (200, True, [200, 200])
    assert (await live.get(f"/api/v1/alerts/{one.identifier}.json")).status == 404


async def test_every_message_counts_for_the_limit(servers: hubs.Start) -> None:
    """An envelope is no way around the rate of a key: nothing of it is kept when it holds too many."""
    server = await servers(hub__key_per_s=0.001, hub__key_burst=3)
    async with Caller(server.url, await hubs.issue(server)) as caller:
        orders = [author.order() for _ in range(4)]
        assert (await post(caller, envelope(*orders))).status == 429
        assert (await caller.get(f"/api/v1/alerts/{orders[0].identifier}.json")).status == 404


async def test_messages_of_an_envelope_are_counted_one_by_one(live: Caller) -> None:
    """The metrics know posts, not envelopes."""
    bad = author.order().raw.replace(b"<urgency>Immediate", b"<urgency>Now")
    await post(live, envelope(author.order(), author.order(), bad))
    page = (await live.get("/metrics")).text
    assert 'lalert_posts_total{outcome="created",realm="live"} 2.0' in page
    assert 'lalert_posts_total{outcome="cap.invalid",realm="live"} 1.0' in page
