"""The contract told as simply as possible: lists, and the promises applied one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from lalert.cap.model import Status
from lalert.core.model import Draft, Kind, Reach, Standing, State


@dataclass
class Kept:
    """An entry, how its message stands, and what ended it."""

    seq: int
    draft: Draft
    standing: Standing
    unknown: frozenset[str] = frozenset()  # what it referenced that was not there
    ended: int | None = None

    @property
    def holds(self) -> bool:
        """Whether it is a message in force."""
        return self.draft.kind is not Kind.EXPIRE and self.standing.state is State.IN_FORCE


@dataclass
class NaiveStore:
    """What a store must answer; outcomes are named and give the position that they speak of."""

    head: int = 0
    oldest: int = 1
    kept: list[Kept] = field(default_factory=list)

    def append(self, draft: Draft) -> tuple[str, int | None]:
        """Keep `draft` if the contract says so."""
        first = next((k for k in self.kept if k.draft.key == draft.key), None)
        if first:
            return ("Repeated" if first.draft.alert.raw == draft.alert.raw else "Conflicting"), first.seq
        if draft.kind is Kind.EXPIRE:
            return self._expire(draft)
        if forestaller := self._forestaller(draft):
            return "Stale", forestaller
        if draft.kind is Kind.ALERT and any(k.draft.thread == draft.thread for k in self.kept):
            draft = replace(draft, thread=draft.alert.identity.key)
        holder = next((k for k in self.kept if k.holds and k.draft.thread == draft.thread), None)
        if draft.kind is Kind.ALERT or draft.alert.status is Status.SYSTEM:
            if holder and draft.state is State.IN_FORCE:
                return "Stale", holder.seq
        else:
            draft = self._change(draft, holder)
        self._add(draft, Standing(state=draft.state, cancel_kind=draft.cancel_kind))
        return "Appended", self.head

    def prune(self, before: datetime) -> int:
        """Drop what retention allows."""
        young = [k.seq for k in self.kept if k.draft.at >= before and k.seq >= self.oldest]
        self.oldest = min(young, default=self.head + 1)
        stay = [k for k in self.kept if k.seq >= self.oldest or k.holds or (k.ended or 0) >= self.oldest]
        dropped = len(self.kept) - len(stay)
        self.kept = stay
        return dropped

    def log(self) -> Sequence[Kept]:
        """Return what a reader from the beginning sees."""
        return [k for k in self.kept if k.seq >= self.oldest]

    def _expire(self, draft: Draft) -> tuple[str, int | None]:
        target = next((k for k in self.kept if k.draft.key == draft.alert.identity.key), None)
        if target is None or not target.holds:
            known = {k.seq for k in self.kept}
            return "Stale", target.ended if target and target.ended in known else None
        self._add(draft, Standing(state=State.EXPIRED))
        target.standing, target.ended = Standing(state=State.EXPIRED), self.head
        return "Appended", self.head

    def _change(self, draft: Draft, holder: Kept | None) -> Draft:
        named = [reach.identity.key for reach in draft.supersedes]
        if holder and holder.draft.key not in named:
            unseen = Reach(identity=holder.draft.alert.identity, area=holder.draft.area)  # type: ignore[arg-type]
            draft = replace(draft, supersedes=(*draft.supersedes, unseen))
        for k in self.kept:
            if k.holds and (k is holder or k.draft.key in named):
                state = State.SUPERSEDED if draft.state is State.IN_FORCE else State.CANCELLED
                k.standing = Standing(state=state, replaced_by=draft.alert.identifier, cancel_kind=draft.cancel_kind)
                k.ended = self.head + 1
        return draft

    def _forestaller(self, draft: Draft) -> int | None:
        """A change that named this message when it was not there, posted with the same key."""
        named = [
            k.seq
            for k in self.kept
            if k.draft.kind in {Kind.UPDATE, Kind.CANCEL}
            and k.draft.alert.status is not Status.SYSTEM
            and k.draft.key_id == draft.key_id
            and draft.key in k.unknown
        ]
        return named[-1] if named else None

    def _add(self, draft: Draft, standing: Standing) -> None:
        self.head += 1
        unknown = {reference.key for reference in draft.alert.references} - {k.draft.key for k in self.kept}
        self.kept.append(Kept(self.head, draft, standing, frozenset(unknown)))
