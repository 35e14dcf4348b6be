"""What has ended: threads of which nothing holds any more. What was sent in error is told as loudly as an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from lalert.core.model import CancelKind, Entry, Posted, State
from lalert.core.situation import Situation
from lalert.render.wording import one_line
from lalert.web.badge import badge_of_error
from lalert.web.cards import Card, Reader, card_of, in_marks


@dataclass(frozen=True, slots=True)
class Over:
    """A thread that has ended: the message that held last, the thread's last entry, and when it ended."""

    subject: Posted
    last: Entry
    at: datetime

    @property
    def is_error(self) -> bool:
        """Whether it was sent in error and cancelled (取消), not lifted or expired."""
        return self.subject.standing.cancel_kind is CancelKind.FALSE_ALARM


def ended_here(situation: Situation, since: datetime, reader: Reader) -> list[Over]:
    """Return the threads that have ended at or after `since` and concern the reader, the latest end first.

    A thread of which something is in force has not ended, whatever it went through.
    """
    going = {posted.entry.thread for posted in situation.in_force()}
    over = [posted for posted in situation.ended(since) if posted.entry.thread not in going]
    over.sort(key=lambda posted: (posted.entry.thread, posted.entry.cursor))
    threads = (list(thread) for _, thread in groupby(over, key=lambda posted: posted.entry.thread))
    found = [_over(thread, situation) for thread in threads if _concerns(thread, reader.codes)]
    return sorted(found, key=lambda one: one.at, reverse=True)


def ended_card(over: Over, reader: Reader) -> Card:
    """Return the card of a thread that has ended; of an error also the reason that was given."""
    card = replace(
        card_of(over.subject, reader), key=str(over.last.cursor), gloss="", action="", here="", ended=over.at
    )
    if not over.is_error:
        return card
    reason = in_marks(over.last, one_line(over.last.alert.note or ""), reader.lang)
    return replace(card, is_error=True, badge=badge_of_error(reader.lang), reason=reason)


def _over(thread: Sequence[Posted], situation: Situation) -> Over:
    last = thread[-1]
    subject = next((posted for posted in reversed(thread) if posted.entry.state is State.IN_FORCE), last)
    return Over(subject, last.entry, situation.ended_at(subject.entry.alert.identity.key) or last.entry.at)


def _concerns(thread: Sequence[Posted], codes: frozenset[str] | None) -> bool:
    return codes is None or any(not codes.isdisjoint(posted.entry.codes) for posted in thread)
