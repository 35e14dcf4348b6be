"""Random histories: every engine answers as the naive store does, and as the situation in memory does."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lalert.cap.model import Status
from lalert.core.model import Cursor, Draft, Entry, Kind, Posted, Standing, State
from lalert.core.situation import Situation
from lalert.store.base import Appended, Outcome, Stale, Store

from .conftest import Engine
from .making import START, cancel, expiry, lifting, message, update
from .naive import NaiveStore

EXAMPLES = int(os.environ.get("LALERT_HISTORIES", "60"))
NAMES = [f"m{n}" for n in range(6)]


@dataclass(frozen=True)
class Post:
    """Somebody posts a message about others, known to its drafter or not."""

    name: str
    act: str
    about: tuple[str, ...]
    thread: str | None
    key_id: str


@dataclass(frozen=True)
class Expire:
    """The hub ends a message, perhaps on an outdated picture."""

    name: str


@dataclass(frozen=True)
class Prune:
    """Retention: everything older than `age` positions of the clock."""

    age: int


@dataclass(frozen=True)
class Reopen:
    """The hub starts again."""


POSTS = st.builds(
    Post,
    name=st.sampled_from(NAMES),
    act=st.sampled_from(["alert", "alert", "alert", "update", "update", "lift", "cancel", "system", "changed"]),
    about=st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple),
    thread=st.none() | st.sampled_from(NAMES[:3]),
    key_id=st.sampled_from(["k1", "k1", "k2"]),
)
BATCHES = st.lists(POSTS | POSTS | st.builds(Expire, name=st.sampled_from(NAMES)), min_size=1, max_size=6)
HISTORIES = st.lists(BATCHES | st.builds(Prune, age=st.integers(0, 8)) | st.builds(Reopen), min_size=3, max_size=14)


class Play:
    """Plays one history on an engine and on the naive store, and compares after every step."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.naive = NaiveStore()
        self.situation = Situation()
        self.drafted: dict[str, Draft] = {}  # the first draft under each name: a drafter's picture, perhaps outdated
        self.time = 0

    async def run(self, history: Sequence[object]) -> None:
        """Play all steps."""
        store = await self.engine()
        try:
            for step in history:
                if isinstance(step, Reopen):
                    await store.close()
                    store = await self.engine()
                elif isinstance(step, Prune):
                    before = START + timedelta(minutes=self.time - step.age)
                    assert await store.prune(before) == self.naive.prune(before)
                    self.situation.trim(before)
                else:
                    await self.append(store, step)  # type: ignore[arg-type]
                await self.compare(store)
        finally:
            await store.close()

    async def append(self, store: Store, steps: Sequence[Post | Expire]) -> None:
        """Append one batch to both; outcomes must agree."""
        drafts = [draft for step in steps if (draft := self.draft(step))]
        outcomes = await store.append(drafts)
        assert [_summary(outcome) for outcome in outcomes] == [self.naive.append(draft) for draft in drafts]
        for outcome in outcomes:
            if isinstance(outcome, Appended):
                self.situation.apply(outcome.entry)

    def draft(self, step: Post | Expire) -> Draft | None:
        """Return what the step would append; None for an expiry that no hub would draft."""
        self.time += 1
        at = START + timedelta(minutes=self.time)
        if isinstance(step, Expire):
            known = self.drafted.get(step.name)
            # The hub expires only what it has seen in force, though that may be long ago.
            if known is None or known.state is not State.IN_FORCE:
                return None
            return expiry(Posted(Entry.of(known, Cursor("x", 0)), Standing(state=known.state)), at=at)
        draft = self._post(step, {"at": at, "key_id": step.key_id, "place": NAMES.index(step.name)})
        self.drafted.setdefault(step.name, draft)
        return draft

    def _post(self, step: Post, more: dict[str, object]) -> Draft:
        ends = [self.drafted[name] for name in step.about if name in self.drafted and name != step.name]
        if step.act in {"alert", "changed"}:
            return message(step.name, thread=step.thread, text=step.act, **more)  # type: ignore[arg-type]
        if not ends:
            more |= {"references": [name for name in step.about if name != step.name], "thread": step.thread}
        if step.act == "lift" and ends:
            return lifting(step.name, *ends)
        if step.act == "system":
            return cancel(step.name, *ends, status=Status.SYSTEM, **more)
        return (update if step.act == "update" else cancel)(step.name, *ends, **more)

    async def compare(self, store: Store) -> None:
        """The store, the naive store and the situation say the same."""
        span = await store.span()
        assert (span.head.seq, span.oldest) == (self.naive.head, self.naive.oldest)
        log = await store.read(span.oldest - 1, 1000)
        assert [(e.cursor.seq, e.key, e.thread, _named(e)) for e in log] == [
            (k.seq, k.draft.key, k.draft.thread, _named(k.draft)) for k in self.naive.log()
        ]
        assert [(p.entry.cursor.seq, p.standing) for p in await store.in_force()] == [
            (k.seq, k.standing) for k in self.naive.kept if k.holds
        ]
        for kept in self.naive.kept:
            if kept.draft.kind is not Kind.EXPIRE:
                posted = await store.find_key(kept.draft.key)
                assert posted is not None
                assert posted.standing == kept.standing
                assert posted in await store.find(kept.draft.alert.identifier)
        assert {p.entry.cursor.seq for p in self.situation.in_force()} == {k.seq for k in self.naive.kept if k.holds}


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORIES)
def test_every_history_ends_as_the_contract_says(new_engine: Callable[[Path], Engine], history: list[object]) -> None:
    """Whatever is posted, expired, dropped and restarted in whatever order: same outcomes, log and standings."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(Play(new_engine(Path(folder))).run(history))


def _summary(outcome: Outcome) -> tuple[str, int | None]:
    entry = outcome.ended_by if isinstance(outcome, Stale) else outcome.entry
    return type(outcome).__name__, entry.cursor.seq if entry else None


def _named(draft: Draft) -> list[str]:
    return [reach.identity.identifier for reach in draft.supersedes]
