"""The desk for the media: the webhooks of one realm, registered, served, tested, replayed and taken back."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from lalert.cap import build
from lalert.core.delivery import Attempt, Delivered, Gone, LaneState, Later, Outcome, Partly, Refused
from lalert.core.endpoint import Endpoint
from lalert.core.matching import hearers_of, reaches
from lalert.core.model import Cursor, Draft, Role, Sender, Subscription
from lalert.courier import Dispatcher
from lalert.errors import Rejected, Text
from lalert.hub import Hub
from lalert.publishers import signing
from lalert.publishers.outgoing import Outgoing
from lalert.publishers.webhook import Webhooks, lane_of
from lalert.render.entry import dump
from lalert.store.base import AuditLine, Gap
from lalert.store.nodes import Order
from lalert.web.registration import Registration

MOST_PER_KEY: Final = 50

_ID_BYTES: Final = 8
_TEST_SENDER: Final = "test@lalert.example"
_TEST_NOTE: Final = "通信試験（テスト送信） / test delivery"
_WORDS: Final[dict[type, str]] = {
    Delivered: "delivered",
    Partly: "partly",
    Later: "later",
    Refused: "refused",
    Gone: "gone",
}


class Desk:
    """The webhooks of one realm. A key manages those that it registered; an operator's key manages all of them."""

    def __init__(self, hub: Hub, outgoing: Outgoing) -> None:
        self.courier = Webhooks(hub.realm, outgoing, clock=hub.clock, ended=self._end)
        self._hub = hub
        self._endpoints: dict[str, Endpoint] = {}
        self._wanted: Counter[Subscription] = Counter()
        self._generation = -1
        self._dispatcher: Dispatcher | None = None
        self._order: Callable[[Order], Awaitable[None]] = self._hub.store.nodes.give

    # --- life -------------------------------------------------------------------------------------------------

    async def load(self) -> bool:
        """Take over what was registered, ended or removed since, by whichever process; return whether anything was."""
        generation = await self._hub.store.endpoints_generation()
        if generation == self._generation:
            return False
        kept = await self._hub.store.endpoints()
        self._endpoints = {endpoint.id: endpoint for endpoint in kept}
        self._wanted = Counter(endpoint.subscription for endpoint in kept if endpoint.ended_at is None)
        self._generation = generation
        self.courier.serve(kept)
        return True

    def attach(self, dispatcher: Dispatcher, order: Callable[[Order], Awaitable[None]]) -> None:
        """Have `dispatcher` deliver from now on; `order` reaches the node that serves a lane, whichever it is."""
        self._dispatcher = dispatcher
        self._order = order

    async def refresh(self) -> None:
        """Load, and let the lanes follow."""
        if await self.load() and self._dispatcher is not None:
            await self._dispatcher.refresh()

    def count(self, draft: Draft) -> int:
        """Return how many endpoints would get `draft`."""
        hearers = hearers_of(draft)
        return sum(number for wanted, number in self._wanted.items() if reaches(wanted, hearers))

    # --- whose ------------------------------------------------------------------------------------------------

    def of(self, who: Sender) -> Sequence[Endpoint]:
        """Return the endpoints that `who` manages, oldest first."""
        return [e for e in self._endpoints.values() if who.role is Role.OPERATOR or e.key_id == who.key_id]

    def lanes_of(self, who: Sender) -> frozenset[str]:
        """Return the lanes of these endpoints."""
        return frozenset(lane_of(endpoint.id) for endpoint in self.of(who))

    def one(self, who: Sender, endpoint_id: str) -> Endpoint:
        """Return an endpoint that `who` manages. Raises `Rejected` 404: of others' nobody learns that it is there."""
        found = self._endpoints.get(endpoint_id)
        if found is None or (who.role is not Role.OPERATOR and found.key_id != who.key_id):
            raise _unknown(endpoint_id[:80])
        return found

    async def states(self, endpoints: Sequence[Endpoint]) -> Sequence[LaneState]:
        """Return how far the lanes of these are, in their order; of those that another node serves, what it saved."""
        here = {lane.lane: lane for e in endpoints if (lane := self._served(lane_of(e.id))) is not None}
        others = [lane_of(e.id) for e in endpoints if lane_of(e.id) not in here]
        known = here | {lane.lane: lane for lane in (await self._hub.store.lanes(others) if others else ())}
        return [known.get(lane_of(e.id)) or LaneState(lane=lane_of(e.id), cursor=e.since) for e in endpoints]

    def _served(self, lane: str) -> LaneState | None:
        return self._dispatcher.state(lane) if self._dispatcher is not None else None

    # --- what can be done -------------------------------------------------------------------------------------

    async def register(self, who: Sender, wish: Registration) -> Endpoint:
        """Keep an endpoint that gets everything from now on. Raises `Rejected` when its key has too many."""
        if sum(endpoint.key_id == who.key_id for endpoint in self._endpoints.values()) >= MOST_PER_KEY:
            raise _too_many()
        endpoint = Endpoint(
            id=f"ep_{secrets.token_hex(_ID_BYTES)}",
            key_id=who.key_id,
            url=wish.url,
            format=wish.format,
            subscription=wish.subscription,
            secret=secrets.token_bytes(signing.SECRET_BYTES),
            since=self._hub.tail.head,
            created_at=self._hub.clock(),
        )
        await self._hub.store.add_endpoint(endpoint)
        await self._note(who, "endpoint.add", endpoint)
        await self.refresh()
        return endpoint

    async def remove(self, who: Sender, endpoint: Endpoint) -> None:
        """Send nothing more to it, and forget it."""
        await self._hub.store.remove_endpoint(endpoint.id)
        await self._note(who, "endpoint.remove", endpoint)
        await self.refresh()

    async def test(self, endpoint: Endpoint) -> tuple[str, Attempt]:
        """Post a test message now, beside the lane; return its id and what became of it, which the log keeps, too."""
        at, began_s = self._hub.clock(), time.monotonic()
        name = f"test-{secrets.token_hex(_ID_BYTES)}"
        outcome = await self.courier.post(endpoint, id_=name, body=self._test_body(endpoint, name))
        attempt = Attempt(
            lane=lane_of(endpoint.id),
            seq=0,
            identifier=name,
            at=at,
            outcome=_WORDS[type(outcome)],
            reason=_reason(outcome),
            took_s=time.monotonic() - began_s,
        )
        await self._hub.store.add_attempts([attempt])
        return name, attempt

    async def replay(self, who: Sender, endpoint: Endpoint, since: Cursor) -> None:
        """Send everything after `since` once more: whichever node serves its lane does so, now or when it is back.

        Raises `Gap` when the log cannot be continued from there.
        """
        if endpoint.ended_at is not None:
            raise _ended(endpoint)
        span = await self._hub.store.span()
        if since.epoch != span.head.epoch or not span.oldest - 1 <= since.seq <= span.head.seq:
            raise Gap(str(since), span)
        await self._note(who, "endpoint.replay", endpoint)
        await self._order(Order(lane=lane_of(endpoint.id), since=since.seq, id=secrets.token_hex(_ID_BYTES)))

    async def _end(self, endpoint: Endpoint, reason: str) -> None:
        await self._hub.store.end_endpoint(endpoint.id, self._hub.clock(), reason)

    async def _note(self, who: Sender, action: str, endpoint: Endpoint) -> None:
        line = AuditLine(at=self._hub.clock(), actor=who.key_id, action=action, subject=endpoint.id)
        await self._hub.store.audit(line)

    def _test_body(self, endpoint: Endpoint, name: str) -> bytes:
        """Return a message that nobody can take for an alert: a kind of its own, or a CAP message of status System."""
        now = self._hub.clock()
        if endpoint.format == "cap":
            return build.system(sender=_TEST_SENDER, identifier=name, sent=now, note=_TEST_NOTE).raw
        told = {"kind": "test", "id": name, "realm": self._hub.realm, "endpoint": endpoint.id, "note": _TEST_NOTE}
        return dump(told | {"at": now.isoformat(timespec="milliseconds")})


def _reason(outcome: Outcome) -> str:
    return outcome.reason if isinstance(outcome, Later | Refused | Gone) else ""


def _unknown(name: str) -> Rejected:
    text = Text(f"配信先 {name} はありません。", f"There is no endpoint {name}.")
    return Rejected(text, code="http.not_found", status=404)


def _too_many() -> Rejected:
    text = Text(
        f"一つのキーで登録できる配信先は {MOST_PER_KEY} 件までです。不要なものを削除してください。",
        f"A key has at most {MOST_PER_KEY} endpoints: remove those that are not needed.",
    )
    return Rejected(text, code="endpoint.many", status=409)


def _ended(endpoint: Endpoint) -> Rejected:
    text = Text(
        f"配信先 {endpoint.id} への配信は終了しています({endpoint.end_reason})。登録し直してください。",
        f"Nothing is sent to {endpoint.id} any more ({endpoint.end_reason}). Register it again.",
    )
    return Rejected(text, code="endpoint.ended", status=409)
