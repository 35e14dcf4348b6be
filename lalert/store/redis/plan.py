"""What an append will do, thought out before it is tried: pure, out of the drafts and what Redis answered about them.

Bodies are made here and not in Redis, and three things change a body: an Update or Cancel also supersedes what of its
thread is in force *at that moment*, an Alert whose name is taken bears its natural key, and what comes too late is not
kept at all. So Redis is asked first (`questions`, `lua/look.lua`), the drafts are finished, and the script that keeps
them holds the answers against the log once more (`lua/append.lua`).

Later drafts of a batch see what earlier ones did: `Planner` lays that over the answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lalert.core.model import Cursor, Draft, Entry, Kind, Posted, Standing, State
from lalert.core.omission import superseding
from lalert.core.thread import ends_others, in_own_thread

Question = tuple[str, str]
Facts = Mapping[Question, str]

_NUL: Final = "\0"
_NOWHERE: Final = Cursor("", 0)  # of what has no position yet; nothing that is said here depends on it


class VanishedError(Exception):
    """An entry that an answer speaks of was dropped before it could be read: look again."""


@dataclass(frozen=True, slots=True)
class New:
    """The draft that the plan keeps as its `number`-th."""

    number: int


Place = int | New  # where an entry is, or will be


@dataclass(frozen=True, slots=True)
class Keep:
    """A draft as it will be kept, the keys of what it ends, and of what it forestalls where that is unknown."""

    draft: Draft
    ends: tuple[str, ...] = ()
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one draft: `kept`, `known` (repeated or conflicting) or `stale`, and the entry that says so."""

    what: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is kept, in order, and what becomes of each draft."""

    keeps: tuple[Keep, ...]
    verdicts: tuple[Verdict, ...]


def questions(drafts: Iterable[Draft]) -> list[Question]:
    """Return what must be known of the log before `drafts` can be kept, each question once."""
    return list(dict.fromkeys(question for draft in drafts for question in _questions(draft)))


def _questions(draft: Draft) -> list[Question]:
    key = ("key", draft.key)
    if draft.kind is Kind.EXPIRE:
        return [key, ("message", draft.alert.identity.key)]
    asked = [key, ("forestalled", _forestalled(draft.key, draft)), ("holder", draft.thread)]
    if draft.kind is Kind.ALERT:
        asked += [("thread", draft.thread), ("holder", in_own_thread(draft).thread)]
    return asked


def wanted(drafts: Sequence[Draft], facts: Facts) -> set[int]:
    """Return the positions of the entries that the plan will speak of, as far as they are in the log."""
    found = set()
    for draft in drafts:
        for question in _questions(draft):
            found |= _positions(question, facts[question], draft)
    return found


def _positions(question: Question, answer: str, draft: Draft) -> set[int]:
    if not answer or question[0] == "thread":
        return set()
    if question[0] == "message":
        return {int(answer.split(" ")[2])} - {0}
    seq, _, holder = answer.partition(" ")
    return set() if holder and holder in _named(draft) else {int(seq)}  # what its drafter has seen need not be read


class Planner:
    """Goes through the drafts once, in order."""

    def __init__(self, facts: Facts, entries: Mapping[int, Entry]) -> None:
        self._facts = facts
        self._entries = entries
        self._keeps: list[Keep] = []
        self._keys: dict[str, New] = {}
        self._threads: set[str] = set()
        self._holders: dict[str, New] = {}
        self._ended: dict[str, New] = {}  # natural key -> what ended it in this plan
        self._forestalled: dict[str, New] = {}

    def plan(self, drafts: Iterable[Draft]) -> Plan:
        """Return what is to be kept of `drafts`. Raises `VanishedError`."""
        verdicts = tuple(self._decide(draft) for draft in drafts)
        return Plan(tuple(self._keeps), verdicts)

    def _decide(self, draft: Draft) -> Verdict:
        known = self._known(draft.key)
        if known is not None:
            self._entry(known)
            return Verdict("known", known)
        if draft.kind is Kind.EXPIRE:
            return self._expire(draft)
        forestalled = self._forestaller(draft)
        if forestalled is not None:
            return Verdict("stale", forestalled)
        if draft.kind is Kind.ALERT and self._is_taken(draft.thread):
            draft = in_own_thread(draft)
        return self._change(draft) if ends_others(draft) else self._post(draft)

    def _expire(self, draft: Draft) -> Verdict:
        key = draft.alert.identity.key
        holds, ended = self._message(key)
        if not holds:
            return Verdict("stale", ended)
        return self._keep(Keep(draft, ends=(key,)))

    def _post(self, draft: Draft) -> Verdict:
        holder = self._holder(draft.thread)
        if draft.state is State.IN_FORCE and holder is not None:
            return Verdict("stale", holder[0])
        return self._keep(Keep(draft))

    def _change(self, draft: Draft) -> Verdict:
        """An Update or Cancel ends what it names and what holds; whoever heard that must hear this."""
        ends = _named(draft)
        holder = self._holder(draft.thread)
        if holder is not None and holder[1] not in ends:
            posted = Posted(self._entry(holder[0]), Standing(state=State.IN_FORCE))
            draft = superseding(draft, posted)
            ends = (*ends, holder[1])
        references = tuple(reference.key for reference in draft.alert.references)
        return self._keep(Keep(draft, ends, references))

    def _keep(self, keep: Keep) -> Verdict:
        new, draft = New(len(self._keeps)), keep.draft
        self._keeps.append(keep)
        self._keys[draft.key] = new
        self._threads.add(draft.thread)
        for key in keep.ends:
            self._end(key, new)
        if draft.kind is not Kind.EXPIRE and draft.state is State.IN_FORCE:
            self._holders[draft.thread] = new
        self._forestalled |= {_forestalled(key, draft): new for key in keep.references}
        return Verdict("kept", new)

    def _end(self, key: str, by: New) -> None:
        held = self._keys.get(key)
        if held is None:
            self._ended.setdefault(key, by)  # asked only about what holds in the log
        elif self._is_held(held):
            del self._holders[self._keeps[held.number].draft.thread]
            self._ended[key] = by

    # --- the log, with what this plan did laid over it ------------------------------------------------------------

    def _known(self, key: str) -> Place | None:
        answer = self._facts.get(("key", key), "")
        return self._keys.get(key) or (int(answer) if answer else None)

    def _message(self, key: str) -> tuple[bool, Place | None]:
        """Return whether the message holds, and what ended it."""
        if key in self._keys:
            return self._is_held(self._keys[key]), self._ended.get(key)
        answer = self._facts["message", key]
        if not answer:
            return False, None
        _, holds_there, ended = answer.split(" ")
        if holds_there == "1":
            return key not in self._ended, self._ended.get(key)
        return False, int(ended) or None

    def _forestaller(self, draft: Draft) -> Place | None:
        name = _forestalled(draft.key, draft)
        answer = self._facts["forestalled", name]
        return self._forestalled.get(name) or (int(answer) if answer else None)

    def _is_taken(self, thread: str) -> bool:
        return thread in self._threads or bool(self._facts["thread", thread])

    def _holder(self, thread: str) -> tuple[Place, str] | None:
        """Return where the message in force of this thread is, and its natural key."""
        if thread in self._holders:
            return self._holders[thread], self._key(self._holders[thread])
        answer = self._facts["holder", thread]
        if not answer:
            return None
        seq, key = answer.split(" ", 1)
        return None if key in self._ended else (int(seq), key)

    def _is_held(self, new: New) -> bool:
        return self._holders.get(self._keeps[new.number].draft.thread) == new

    def _key(self, new: New) -> str:
        return self._keeps[new.number].draft.key

    def _entry(self, place: Place) -> Entry:
        if isinstance(place, New):
            return Entry.of(self._keeps[place.number].draft, _NOWHERE)
        if place not in self._entries:
            raise VanishedError
        return self._entries[place]


def _named(draft: Draft) -> tuple[str, ...]:
    return tuple(reach.identity.key for reach in draft.supersedes)


def _forestalled(key: str, draft: Draft) -> str:
    return f"{key}{_NUL}{draft.key_id}"
