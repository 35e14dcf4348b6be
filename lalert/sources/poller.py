"""One source of a running hub: when it is asked, what of its news the hub takes, how it is doing.

A round never raises and never takes another source with it. What fails is asked again later and later, with some
chance in it, and never before the server wants to be asked. What the hub cannot take just now comes again next round.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from lalert.core.glance import glance
from lalert.core.model import Posted, Priority
from lalert.core.retry import Policy
from lalert.errors import LalertError, Unavailable
from lalert.hub import Hub
from lalert.publishers.outgoing import retry_after_s
from lalert.sources.fetching import Fetching
from lalert.sources.gatherer import Fault, Gathered, Gatherer
from lalert.sources.judging import UNREADABLE, Judged, Known, Message, changed_by, judge, read
from lalert.sources.memory import Memory
from lalert.sources.source import PREFIX, Source

log = structlog.get_logger("lalert.sources")

_LONGEST_S: Final = 900.0  # between two tries of a source that fails
_MORE_S: Final = 5.0  # until the next round while links wait to be read
_FIRST_S: Final = 5.0  # within which all sources are asked first, each at a moment of its own
_CHAINS: Final = 16  # on their way into the hub at a time: a long feed must not crowd out those who post


class Poller:
    """Asks `source` and brings its news to `hub`. `random` gives numbers in [0, 1)."""

    def __init__(
        self,
        source: Source,
        hub: Hub,
        fetching: Fetching,
        *,
        trust_of: Callable[[str], int],
        random: Callable[[], float],
    ) -> None:
        self.source = source
        self.failures = 0  # in a row
        self.failure: str | None = None
        self.heard_at: datetime | None = None  # when it answered last
        self.brought: tuple[str, datetime] | None = None  # its newest message that was kept, and when
        self.outcomes: Counter[str] = Counter()
        self._hub = hub
        self._rest(min(_FIRST_S, source.interval_s) * random())
        self._has_more = False  # links that wait to be read
        self._memory = Memory()
        self._gatherer = Gatherer(source, fetching, self._memory)
        self._trust_of = trust_of
        self._random = random
        labels = hub.realm.value, source.name
        hub.metrics.source_failures.labels(*labels).set(0)
        hub.metrics.source_heard.labels(*labels).set(0)  # a source that was never heard is seen at once
        self._policy = Policy(first_s=source.interval_s, longest_s=max(_LONGEST_S, source.interval_s))

    def is_due(self) -> bool:
        """Whether it is time for the next round; a clock that was set back makes no wait longer."""
        left = self.due - self._hub.clock()
        return not timedelta() < left <= self._wait

    async def poll(self) -> None:
        """Ask once, bring what is new, and settle when to ask again. Raises nothing but cancellation."""
        try:
            fault = await self._round()
        except Unavailable as error:  # our own trouble: what it has brought comes again
            self._count(error.code)
            fault = None
        except Exception:  # a defect of ours with one source must not silence the others
            log.exception("source.defect", source=self.source.name)
            fault = Fault("defect")
        if fault is None:
            self._succeeded()
        else:
            self._failed(fault)
        self._hub.metrics.source_failures.labels(self._hub.realm.value, self.source.name).set(self.failures)

    async def _round(self) -> Fault | None:
        """Ask and bring; return what went wrong."""
        gathered = await self._gatherer.gather()
        if isinstance(gathered, Fault):
            return gathered
        self._heard(gathered)
        await self._bring(gathered.contents)
        return gathered.fault

    # --- what is new ------------------------------------------------------------------------------------------

    async def _bring(self, contents: Sequence[bytes]) -> None:
        """Read, judge and keep `contents`; settle all that needs no second look."""
        if not contents:
            return
        messages, unreadable = await asyncio.to_thread(read, contents, now=self._hub.clock())
        for one in unreadable:
            codes = sorted({finding.code for finding in one.findings})
            log.warning("source.refused", source=self.source.name, code=UNREADABLE, findings=codes)
            self._settle(one.raw, UNREADABLE)
        judged = await self._judge(messages)
        for message, why in judged.left:
            self._settle(message.raw, why.value)
        for name, original in judged.aliases:
            self._hub.also_known(name, original)
        self._memory.end(changed_by(message.alert for message in messages))
        await self._keep(judged.chains)

    async def _judge(self, messages: Sequence[Message]) -> Judged:
        """Return what is news, worked out beside the loop: all that holds in the country may be compared."""
        posted = await self._known(messages)
        in_force = self._hub.situation.in_force()
        known = Known(
            posted=posted,
            in_force=[holding.entry.alert for holding in in_force],
            holding={holding.entry.thread: holding for holding in in_force},
            may_change=self._may_change,
        )
        lifetime, now = timedelta(hours=self._hub.settings.hub.lifetime_h), self._hub.clock()
        return await asyncio.to_thread(
            judge, messages, known, is_ended=self._memory.is_ended, now=now, lifetime=lifetime
        )

    async def _known(self, messages: Sequence[Message]) -> dict[str, Posted]:
        """Return what the hub knows of the messages and of those that they name, by natural key."""
        named = [name for message in messages for name in (message.alert.identity, *message.alert.references)]
        found: dict[str, Posted] = {}
        for key, identity in {name.key: name for name in named}.items():
            posted = await self._hub.look_up(identity)
            if posted is not None:
                found[key] = posted
        return found

    def _may_change(self, posted: Posted) -> bool:
        """Whether this source may update or cancel what the hub keeps as `posted`."""
        who = posted.entry.key_id
        return who.startswith(PREFIX) and self._trust_of(who.removeprefix(PREFIX)) <= self.source.trust

    async def _keep(self, chains: Iterable[Sequence[Message]]) -> None:
        """Keep every chain, the most urgent first and then the oldest, a few at a time."""
        waiting = deque(sorted(chains, key=_by_urgency))

        async def work() -> None:
            while waiting:
                await self._keep_chain(waiting.popleft())

        await asyncio.gather(*(work() for _ in range(min(_CHAINS, len(waiting)))))

    async def _keep_chain(self, chain: Sequence[Message]) -> None:
        for message in chain:
            try:
                accepted = await self._hub.accept(message.raw, self.source.sender)
            except Unavailable as error:
                self._count(error.code)
                return  # it comes again with the next round, and all that follows it
            except LalertError as error:
                log.warning(
                    "source.refused", source=self.source.name, identifier=message.alert.identifier, code=error.code
                )
                self._settle(message.raw, error.code)
            else:
                self.brought = (message.alert.identifier, self._hub.clock())
                self._settle(message.raw, "created" if accepted.created else "repeated")

    # --- how it is doing --------------------------------------------------------------------------------------

    def _settle(self, raw: bytes, outcome: str) -> None:
        self._memory.settle(raw)
        self._count(outcome)

    def _count(self, outcome: str) -> None:
        self.outcomes[outcome] += 1
        self._hub.metrics.source_messages.labels(self._hub.realm.value, self.source.name, outcome).inc()

    def _heard(self, gathered: Gathered) -> None:
        """Note that the source has answered, whatever became of the links in it."""
        self._has_more = gathered.waiting > gathered.failed
        self.heard_at = self._hub.clock()
        self._hub.metrics.source_heard.labels(self._hub.realm.value, self.source.name).set(self.heard_at.timestamp())
        self._note("unchanged" if gathered.unchanged else "changed")

    def _succeeded(self) -> None:
        self.failures, self.failure = 0, None
        self._rest(min(_MORE_S, self.source.interval_s) if self._has_more else self.source.interval_s)

    def _failed(self, fault: Fault) -> None:
        self.failures, self.failure = self.failures + 1, fault.reason
        asked_s = retry_after_s(fault.retry_after, now=self._hub.clock())
        self._rest(self._policy.wait_s(self.failures, jitter=self._random(), asked_s=asked_s))
        self._note("failed")
        log.warning("source.failed", source=self.source.name, reason=fault.reason, failures=self.failures)

    def _rest(self, seconds: float) -> None:
        self._wait = timedelta(seconds=seconds)
        self.due = self._hub.clock() + self._wait

    def _note(self, outcome: str) -> None:
        self._hub.metrics.source_rounds.labels(self._hub.realm.value, self.source.name, outcome).inc()

    def to_dict(self) -> dict[str, object]:
        """Return how it is doing, for `/status.json`: no query of its address, no text of its server."""
        return {
            "name": self.source.name,
            "url": self.source.shown_url,
            "form": self.source.form.value,
            "attribution": self.source.attribution,
            "trust": self.source.trust,
            "lastSuccess": self.heard_at and self.heard_at.isoformat(timespec="seconds"),
            "nextRound": self.due.isoformat(timespec="seconds"),
            "failures": self.failures,
            "failure": self.failure,
            "lastMessage": self.brought and self.brought[0],
            "lastMessageAt": self.brought and self.brought[1].isoformat(timespec="seconds"),
            "messages": dict(self.outcomes),
        }


def _by_urgency(chain: Sequence[Message]) -> tuple[Priority, datetime]:
    return min(glance(message.raw) for message in chain), chain[0].alert.sent
