"""Webhooks: what is posted, how it is signed, and what each answer means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from lalert.core.delivery import Delivered, Gone, Later, Outcome, Refused
from lalert.core.endpoint import Endpoint
from lalert.core.model import Cursor, Kind, Realm, Subscription
from lalert.publishers import signing
from lalert.publishers.faces import Faces, Site
from lalert.publishers.outgoing import Answer, Failure, NoAnswer
from lalert.publishers.webhook import Webhooks, classify, lane_of, webhook_id
from tests.render.entries import alert, entry, info

SITE = Site(Realm.LIVE, "https://alerts.example.jp")
NOW = datetime(2026, 7, 1, tzinfo=UTC)
ENTRY = entry(alert(info()))


def endpoint(**changes: object) -> Endpoint:
    """Return an endpoint that wants JSON."""
    made = Endpoint(
        id="ep_1",
        key_id="k1",
        url="https://media.example.jp/in",
        format="json",
        subscription=Subscription(areas=frozenset({"13"})),
        secret=bytes(range(32)),
        since=Cursor("k3f9", 7),
        created_at=NOW,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass
class Recorder:
    """A network that notes what goes out and answers as it is told."""

    answer: Answer | NoAnswer = field(default_factory=lambda: Answer(200))
    sent: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer | NoAnswer:
        """Note and answer."""
        self.sent.append((url, body, headers))
        return self.answer


class Desk:
    """A courier with one endpoint and a recorded network."""

    def __init__(self, *endpoints: Endpoint, answer: Answer | NoAnswer | None = None) -> None:
        self.network = Recorder(answer or Answer(200))
        self.ended: list[tuple[str, str]] = []
        self.courier = Webhooks(Realm.LIVE, self.network, clock=lambda: datetime.now(UTC), ended=self._end)
        self.courier.serve(endpoints)

    async def _end(self, ended: Endpoint, reason: str) -> None:
        self.ended.append((ended.id, reason))

    async def send(self, what: Faces) -> Outcome:
        """Send to the one endpoint."""
        return await self.courier.send(lane_of("ep_1"), what, "")


def test_each_endpoint_is_a_lane() -> None:
    """A lane has the endpoint's filter, begins where it was registered and leaves nothing out; ended ones have none."""
    courier = Desk(endpoint(), endpoint(id="ep_2", ended_at=NOW)).courier
    (lane,) = courier.lanes()
    assert (lane.id, lane.way, lane.newest_only) == ("webhook:ep_1", courier.name, False)
    assert (lane.subscription, lane.since) == (endpoint().subscription, Cursor("k3f9", 7))


async def test_json_is_the_entry_of_the_stream() -> None:
    """The body is byte by byte what the stream carries, signed so that the reference library takes it."""
    desk, faces = Desk(endpoint()), Faces(ENTRY, SITE)
    assert await desk.send(faces) == Delivered()
    ((url, body, headers),) = desk.network.sent
    assert (url, body) == ("https://media.example.jp/in", faces.json)
    assert headers["Content-Type"] == "application/json"
    assert Webhook(signing.secret_text(bytes(range(32)))).verify(body, dict(headers)) == json.loads(faces.json)


async def test_cap_is_the_message_as_it_came() -> None:
    """The body is what the sender posted, byte by byte: its signature stays whole."""
    desk, faces = Desk(endpoint(format="cap")), Faces(ENTRY, SITE)
    await desk.send(faces)
    ((_, body, headers),) = desk.network.sent
    assert (body, headers["Content-Type"]) == (ENTRY.alert.raw, "application/cap+xml")


async def test_cap_has_the_hubs_signature() -> None:
    """What the hub has signed goes out with its signature, before the end tag of the message."""
    raw = b"<alert><info/></alert>"
    entry = replace(ENTRY, alert=replace(ENTRY.alert, raw=raw), own_signature=b"<Signature/>")
    desk, faces = Desk(endpoint(format="cap")), Faces(entry, SITE)
    await desk.send(faces)
    assert desk.network.sent[0][1] == b"<alert><info/><Signature/></alert>"


async def test_end_noted_by_the_hub_is_no_cap_message() -> None:
    """An expiry goes out as JSON. As CAP it would be the old alarm once more: nothing is sent, nothing is waiting."""
    faces = Faces(replace(ENTRY, kind=Kind.EXPIRE), SITE)
    json_desk, cap_desk = Desk(endpoint()), Desk(endpoint(format="cap"))
    assert isinstance(await json_desk.send(faces), Delivered)
    outcome = await cap_desk.send(faces)
    assert isinstance(outcome, Delivered)
    assert (len(json_desk.network.sent), len(cap_desk.network.sent), outcome.tally.sent) == (1, 0, 0)


async def test_silent_correction_is_marked() -> None:
    """A 訂正 that raises no new alarm says so: in the JSON, and beside a CAP body."""
    for form in ("json", "cap"):
        desk = Desk(endpoint(format=form))
        await desk.send(Faces(replace(ENTRY, silent=True), SITE))
        await desk.send(Faces(ENTRY, SITE))
        (_, _, silent), (_, _, loud) = desk.network.sent
        assert (silent.get("lalert-silent"), loud.get("lalert-silent")) == ("true", None)


def test_id_tells_entries_and_realms_apart() -> None:
    """The id is the place in the log: of another entry or realm it is another. It holds no full stop."""
    later = replace(ENTRY, cursor=Cursor("k3f9", ENTRY.cursor.seq + 1))
    ids = {webhook_id(realm, each) for realm in Realm for each in (ENTRY, later)}
    assert len(ids) == 4
    assert webhook_id(Realm.LIVE, ENTRY) == f"live-{ENTRY.cursor}"
    assert not any("." in each for each in ids)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(200), Delivered()),
        (Answer(204), Delivered()),
        (Answer(302), Later("http_302")),
        (Answer(400), Later("http_400")),
        (Answer(401), Later("http_401")),
        (Answer(404), Later("http_404")),
        (Answer(410), Gone("http_410")),
        (Answer(413), Refused("http_413")),
        (Answer(422), Refused("http_422")),
        (Answer(429, "30"), Later("http_429", 30.0)),
        (Answer(500), Later("http_500")),
        (Answer(503, "nonsense"), Later("http_503")),
        (NoAnswer(Failure.TIMEOUT), Later("timeout")),
        (NoAnswer(Failure.ADDRESS), Later("address_refused")),
    ],
)
def test_answers_are_outcomes(answer: Answer | NoAnswer, outcome: Outcome) -> None:
    """What a peer may get over is tried again; 413 and 422 are not; 410 is the end."""
    assert classify(answer, now=NOW) == outcome


async def test_gone_is_told_and_stays() -> None:
    """410 ends the endpoint: whoever keeps it is told why, once. One that was removed is gone, too."""
    desk = Desk(endpoint(), answer=Answer(410))
    assert await desk.send(Faces(ENTRY, SITE)) == Gone("http_410")
    assert desk.ended == [("ep_1", "http_410")]
    desk.courier.serve([])
    assert await desk.send(Faces(ENTRY, SITE)) == Gone("removed")
    assert (len(desk.ended), len(desk.network.sent)) == (1, 1)
