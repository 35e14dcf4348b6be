"""Which of the messages that a source brought are news here. A pure decision.

A feed tells a history, in any order and often long after. What the hub has never heard of is told as it stands now:
only the newest message of a chain, and only while it holds; an alert that was already updated, cancelled or over when
we first saw it is history, and published now it would be a false alarm. A chain of which the hub knows a part is told
to its end, message by message, so that whoever heard its beginning hears what became of it.

What holds already and is issued again under another name, as relays do, is published once; the other name is noted.

A source changes its own messages and those of sources that are trusted no more than itself. What was posted here with
a key, nobody's feed can end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from lalert.cap import reader
from lalert.cap.model import Alert, Identity, MsgType
from lalert.cap.parse import UNREADABLE as NO_TIME
from lalert.cap.reader import Strictness
from lalert.core import thread as threads
from lalert.core.chains import chains
from lalert.core.model import Posted
from lalert.errors import Finding

UNREADABLE: Final = "cap.invalid"  # the outcome of what is no message

_CHANGES = frozenset({MsgType.UPDATE, MsgType.CANCEL})


@dataclass(frozen=True, slots=True)
class Message:
    """A message that a source brought: its bytes, and what they say."""

    raw: bytes = field(repr=False)
    alert: Alert


@dataclass(frozen=True, slots=True)
class Unread:
    """A content in which there is no message that may go out: its bytes, and what is wrong with them."""

    raw: bytes = field(repr=False)
    findings: tuple[Finding, ...]


class Left(StrEnum):
    """Why a message is not offered to the hub."""

    REPEATED = "repeated"  # kept already, from wherever it came
    CONFLICT = "identity.conflict"  # something else is known under this identity
    SUPERSEDED = "superseded"  # history: a change of it was seen before it was published here
    OVER = "over"  # it no longer holds
    REISSUED = "reissued"  # what holds already, once more under another name
    EFFECTLESS = "effectless"  # it ends what nobody here has heard, or tests the line
    DISTRUSTED = "source.trust"  # it changes what this source must not change


@dataclass(frozen=True, slots=True)
class Known:
    """What the hub knows: messages by natural key, all that holds, and by thread; whose words may be changed."""

    posted: Mapping[str, Posted]
    in_force: Sequence[Alert]
    holding: Mapping[str, Posted]
    may_change: Callable[[Posted], bool]


@dataclass(frozen=True, slots=True)
class Judged:
    """`chains` are to be kept, each one message after another; `left` are not, and why.

    `aliases` are the names of messages that were issued again, with the message that each of them is: what refers to
    the one means the other.
    """

    chains: tuple[tuple[Message, ...], ...]
    left: tuple[tuple[Message, Left], ...]
    aliases: tuple[tuple[Identity, Identity], ...] = ()


def read(contents: Sequence[bytes], *, now: datetime) -> tuple[list[Message], list[Unread]]:
    """Return the messages in `contents`, and the contents that are none."""
    messages, unread = [], []
    for raw in contents:
        reading = reader.read(raw, strictness=Strictness.UPSTREAM, now=now)
        if reading.alert is None:
            unread.append(Unread(raw, reading.findings))
        else:
            messages.append(Message(raw, reading.alert))
    return messages, unread


def judge(
    messages: Sequence[Message],
    known: Known,
    *,
    is_ended: Callable[[str], bool],
    now: datetime,
    lifetime: timedelta,
) -> Judged:
    """Return what of `messages` is to be kept.

    `is_ended` tells which natural keys a change has named before; `lifetime` is that of a message without `expires`.
    """
    fresh, left = _fresh(messages, known)
    ended = set(changed_by(message.alert for message in messages))
    originals = {_sense(alert): alert.identity for alert in known.in_force}
    kept: list[tuple[Message, ...]] = []
    aliases: list[tuple[Identity, Identity]] = []

    def of_unknown(message: Message) -> Left | None:
        key = message.alert.identity.key
        if key in ended or is_ended(key):
            return Left.SUPERSEDED
        why = _without_meaning(message.alert, now, lifetime)
        if why is None and message.alert.msg_type is MsgType.ALERT:
            original = originals.setdefault(_sense(message.alert), message.alert.identity)
            if original != message.alert.identity:
                aliases.append((message.alert.identity, original))
                return Left.REISSUED
        return why

    for positions in chains([message.alert for message in fresh]):
        chain = [fresh[position] for position in positions]
        concerned = _concerned(chain, known)
        verdicts = _of_known(chain, concerned, known) if concerned else list(map(of_unknown, chain))
        left += [(message, why) for message, why in zip(chain, verdicts, strict=True) if why is not None]
        kept.append(tuple(message for message, why in zip(chain, verdicts, strict=True) if why is None))
    return Judged(tuple(chain for chain in kept if chain), tuple(left), tuple(aliases))


def _sense(alert: Alert) -> Alert:
    """Return `alert` without its name: of two that are equal then, one is the other issued again."""
    return replace(alert, identifier="", sent=NO_TIME, raw=b"")


def changed_by(alerts: Iterable[Alert]) -> set[str]:
    """Return the natural keys of everything that `alerts` update or cancel."""
    return {
        reference.key
        for alert in alerts
        if alert.msg_type in _CHANGES
        for reference in alert.references
        if reference.key != alert.identity.key
    }


def _fresh(messages: Sequence[Message], known: Known) -> tuple[list[Message], list[tuple[Message, Left]]]:
    """Return the messages whose identity is new, the first of each; the others say the same, or contradict it."""
    first: dict[str, Message] = {}
    left: list[tuple[Message, Left]] = []
    for message in messages:
        key = message.alert.identity.key
        posted = known.posted.get(key)
        before = posted.entry.alert if posted else first[key].alert if key in first else None
        if before is None:
            first[key] = message
        else:
            left.append((message, Left.REPEATED if _sense(before) == _sense(message.alert) else Left.CONFLICT))
    return list(first.values()), left


def _concerned(chain: Sequence[Message], known: Known) -> list[Posted]:
    """Return what the hub knows of the messages that a chain names."""
    names = (reference.key for message in chain for reference in message.alert.references)
    return [posted for key in dict.fromkeys(names) if (posted := known.posted.get(key)) is not None]


def _of_known(chain: Sequence[Message], concerned: Sequence[Posted], known: Known) -> list[Left | None]:
    threads_held = {posted.entry.thread for posted in concerned} & known.holding.keys()
    if all(known.may_change(posted) for posted in (*concerned, *(known.holding[name] for name in threads_held))):
        return [None] * len(chain)
    return [Left.DISTRUSTED if message.alert.references else None for message in chain]


def _without_meaning(alert: Alert, now: datetime, lifetime: timedelta) -> Left | None:
    """Return why `alert` means nothing to people who have not heard what came before; None if it holds now."""
    ends_at = threads.ends_at(alert, lifetime=lifetime)
    if ends_at is None:
        return Left.EFFECTLESS
    return Left.OVER if ends_at <= now else None
