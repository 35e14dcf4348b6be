"""Webhooks: every entry that an endpoint's filter lets pass is posted to it, signed, as JSON or as CAP.

The JSON body is the entry of the stream, byte by byte; the CAP body is the message as its sender sent it, with
the hub's signature if it makes one. The id of a message is its place in the log, so that it is the same at every
attempt and after a replay: a receiver that takes each id once has each alert once.

An answer counts by its status alone. What the peer may get over (it is down, busy, set up wrongly, behind a proxy that
redirects) is tried again for hours, 400, 401 and 404 included: they are often a wrong secret or a new version gone
wrong. Only what it has understood and will not have (413, 422) is not sent again, and 410 ends the endpoint.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from lalert.core.delivery import Delivered, Gone, Later, Outcome, Refused, Tally
from lalert.core.endpoint import Endpoint
from lalert.core.model import Entry, Kind, Realm
from lalert.publishers import signing
from lalert.publishers.base import LaneSpec
from lalert.publishers.faces import Faces
from lalert.publishers.outgoing import Answer, NoAnswer, Outgoing, retry_after_s

WAY: Final = "webhook"
MEDIA_TYPES: Final[Mapping[str, str]] = {"json": "application/json", "cap": "application/cap+xml"}

_UNWANTED: Final = frozenset({413, 422})
_NOTHING_TO_SEND: Final = Delivered(Tally())
_PREFIX: Final = f"{WAY}:"


def lane_of(endpoint_id: str) -> str:
    """Return the id of an endpoint's lane."""
    return _PREFIX + endpoint_id


def webhook_id(realm: Realm, entry: Entry) -> str:
    """Return the id of the message that carries `entry`: never another's, and the same at every attempt."""
    return f"{realm}-{entry.cursor}"


def body_of(faces: Faces, form: str) -> bytes | None:
    """Return what is posted, or None: the end that the hub notes by itself (`expire`) is no CAP message."""
    if form == "json":
        return faces.json
    return None if faces.entry.kind is Kind.EXPIRE else faces.entry.cap


def classify(answer: Answer | NoAnswer, *, now: datetime) -> Outcome:
    """Return what an answer means for the message."""
    if isinstance(answer, NoAnswer):
        return Later(answer.failure.value)
    reason = f"http_{answer.status}"
    if 200 <= answer.status < 300:
        return Delivered()
    if answer.status == 410:
        return Gone(reason)
    if answer.status in _UNWANTED:
        return Refused(reason)
    return Later(reason, retry_after_s(answer.retry_after, now=now))


class Webhooks:
    """The courier of one realm's endpoints. `ended` is told of the endpoint whose peer wants nothing any more."""

    name = WAY

    def __init__(
        self,
        realm: Realm,
        outgoing: Outgoing,
        *,
        clock: Callable[[], datetime],
        ended: Callable[[Endpoint, str], Awaitable[None]],
    ) -> None:
        self._realm = realm
        self._outgoing = outgoing
        self._clock = clock
        self._ended = ended
        self._endpoints: dict[str, Endpoint] = {}

    def serve(self, endpoints: Iterable[Endpoint]) -> None:
        """Serve these from now on, and no others."""
        self._endpoints = {lane_of(e.id): e for e in endpoints if e.ended_at is None}

    def lanes(self) -> Sequence[LaneSpec]:
        """Return one lane for each endpoint."""
        return [
            LaneSpec(id=lane, way=WAY, subscription=endpoint.subscription, since=endpoint.since)
            for lane, endpoint in self._endpoints.items()
        ]

    async def send(self, lane: str, entry: Faces, progress: str) -> Outcome:
        """Post one entry to the endpoint of `lane`."""
        endpoint = self._endpoints.get(lane)
        if endpoint is None:
            return Gone("removed")
        body = body_of(entry, endpoint.format)
        if body is None:
            return _NOTHING_TO_SEND
        outcome = await self.post(
            endpoint, id_=webhook_id(self._realm, entry.entry), body=body, silent=entry.entry.silent
        )
        if isinstance(outcome, Gone):
            await self._ended(endpoint, outcome.reason)
        return outcome

    async def post(self, endpoint: Endpoint, *, id_: str, body: bytes, silent: bool = False) -> Outcome:
        """Post `body` to `endpoint` once, signed as of now."""
        now = self._clock()
        headers = {
            "Content-Type": MEDIA_TYPES[endpoint.format],
            **signing.signed_headers(endpoint.secret, id_=id_, at=now, body=body),
        }
        if silent:
            headers["lalert-silent"] = "true"  # CAP has no word for a 訂正 that raises no new alarm
        answer = await self._outgoing.post(endpoint.url, body=body, headers=headers)
        return classify(answer, now=self._clock())
