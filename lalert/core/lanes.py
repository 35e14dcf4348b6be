"""The delivery machine: one lane a peer, the same laws for a webhook and for a shard of residents.

**Truth.** What lasts of a lane is a `LaneState`: everything up to a cursor is settled, and the exceptions. The queue in
here is a cache of that and the log. It may be dropped at any moment, and *start-up is catch-up*: there is no other
recovery.

**Offer.** Entries come in as parcels: position, thread, urgency. Inside a thread parcels must come in order; across
threads in any. What is settled, waits or is on its way already is passed over in silence, so offering twice does no
harm.

**Take.** The most urgent thread goes first, and of it the oldest message: order inside a thread never changes, so a
Cancel never overtakes its Alert, and what an urgent message must wait for inherits its urgency. Threads that hold go
before those that are past. One parcel is on its way at a time.

**Settle.** The outcome says what the peer did. Delivered or refused: settled. In part: it goes on from there, unless
something more urgent waits. Later: the *lane* waits, longer each time, for the peer is probably down; a message that
fails again although the peer has taken others since waits alone, and is given up in the end (`core.retry`). Gone: the
lane has ended.

**Refill.** A lane has room for so many parcels. One that overflows drops them all and is `behind`: whoever drives it
reads the log again, *what holds now first, the most urgent first* (threads whole, in their order), and then the history
from `scanned` on, until it follows the head again. What is new and urgent takes the room of what is not (`yield_to`).
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from lalert.core.delivery import Gone, LaneState, Later, Outcome, Partly, Refused
from lalert.core.model import Cursor, Priority
from lalert.core.positions import Positions
from lalert.core.retry import Policy, Trial

_PATIENT_TRIES = 2  # failures after which another thread's message is tried first, to tell a bad one from a bad peer
_LOW = 4  # a lane that is behind reads on when less than a quarter of its room is taken
_RAGGED = 4096  # ranges beyond the cursor: more are not made, for they are saved with every settlement


@dataclass(frozen=True, slots=True)
class Parcel:
    """One entry as a lane sees it. It is shared by all lanes.

    `is_past`: nothing of its thread holds any more. `replaces`: it takes the place of what waits of its thread.
    """

    seq: int
    thread: str
    priority: Priority
    is_past: bool = False
    replaces: bool = False


Rank = tuple[bool, Priority]
"""What goes first is smaller: what holds before what is past, then the more urgent."""


class Lane:
    """What one peer is still owed. Not thread-safe; time and randomness are arguments."""

    def __init__(self, state: LaneState, *, capacity: int, policy: Policy) -> None:
        self.id = state.lane
        self.in_flight: Parcel | None = None
        self.has_ended = False
        self.failures = state.failures
        self.failing_since = state.failing_since
        self.resume_at = state.resume_at
        self._epoch = state.cursor.epoch
        self._positions = Positions(state.cursor.seq, state.settled)
        self._progress = dict(state.progress)
        self._trials: dict[int, Trial] = {}
        self._taken = 0  # how often its peer took or refused something
        self._capacity = capacity
        self._policy = policy
        self.is_behind = True
        self.scanned = self._positions.floor
        self._clear()

    def __len__(self) -> int:
        """How many parcels wait."""
        return len(self._waiting)

    @property
    def has_room(self) -> bool:
        """Whether one more parcel may wait."""
        return len(self._waiting) < self._capacity

    @property
    def runs_low(self) -> bool:
        """Whether it is behind and it is time to read on."""
        return self.is_behind and len(self._waiting) * _LOW < self._capacity and not self.has_ended

    @property
    def is_ragged(self) -> bool:
        """Whether nothing more may be taken out of order: the history has to follow first."""
        return len(self._positions) >= _RAGGED

    @property
    def floor(self) -> int:
        """Everything up to this position is settled."""
        return self._positions.floor

    def is_known(self, seq: int) -> bool:
        """Whether this entry is settled, waits or is on its way."""
        is_under_way = self.in_flight is not None and seq == self.in_flight.seq
        return is_under_way or seq in self._waiting or seq in self._positions

    def state(self) -> LaneState:
        """Return what lasts of it."""
        return LaneState(
            lane=self.id,
            cursor=Cursor(self._epoch, self._positions.floor),
            settled=self._positions.ranges,
            progress=tuple(sorted(self._progress.items())),
            failures=self.failures,
            failing_since=self.failing_since,
            resume_at=self.resume_at,
        )

    # --- offer and refill -------------------------------------------------------------------------------------

    def offer(self, parcel: Parcel) -> tuple[Parcel, ...]:
        """Let `parcel` wait; return those whose place it took. Without room for it the lane falls behind."""
        if self.is_known(parcel.seq):
            return ()
        replaced = self._replace(parcel.thread) if parcel.replaces else ()
        if not self.has_room:
            self.fall_behind()
            return replaced
        self._waiting.add(parcel.seq)
        queue = self._threads.setdefault(parcel.thread, deque())
        before = _rank_of(queue) if queue else None
        queue.append(parcel)
        if _rank_of(queue) != before:
            self._line_up(parcel.thread)
        return replaced

    def yield_to(self, rank: Rank, thread: str) -> bool:
        """Drop the least urgent of the other threads, if `rank` is more urgent; return whether there is room now.

        For a lane that is behind: the log has it, and it is read again.
        """
        others = ((_rank_of(queue), queue[-1].seq, name) for name, queue in self._threads.items() if name != thread)
        worst = max(others, default=None)
        if not self.has_room and worst is not None and worst[0] > rank:
            self._waiting.difference_update(parcel.seq for parcel in self._threads.pop(worst[-1]))
            self.scanned = self._positions.floor
        return self.has_room

    def pass_over(self, first: int, last: int | None = None) -> None:
        """Settle entries that its peer does not want."""
        self._positions.add(first, last)

    def fall_behind(self) -> None:
        """Drop what waits: the log has it."""
        self._clear()
        self.is_behind = True
        self.scanned = self._positions.floor

    def scan(self, upto: int) -> None:
        """Note that the history up to `upto` was offered or passed over."""
        self.scanned = max(self.scanned, upto)

    def follow(self) -> None:
        """Note that everything up to the head was offered: new entries may be offered as they come."""
        self.is_behind = False

    def rewind(self, to: int) -> None:
        """Owe its peer everything after `to` again."""
        self._positions = Positions(to)
        self._progress.clear()
        self._trials.clear()
        self.failures, self.failing_since, self.resume_at = 0, None, None
        self.fall_behind()

    def lose(self, upto: int) -> None:
        """Settle everything up to `upto`: the log does not have it any more."""
        self._positions.add(self._positions.floor + 1, upto)
        self.scan(upto)
        self._progress = {seq: progress for seq, progress in self._progress.items() if seq > upto}

    def _clear(self) -> None:
        self._waiting: set[int] = set()
        self._threads: dict[str, deque[Parcel]] = {}
        self._line: list[tuple[bool, Priority, int, str]] = []  # a heap; what does not hold any more is skipped
        self._paused: list[tuple[datetime, int, str]] = []  # a heap: threads whose next message waits alone

    def _replace(self, thread: str) -> tuple[Parcel, ...]:
        replaced = tuple(self._threads.pop(thread, ()))
        for parcel in replaced:
            self._waiting.discard(parcel.seq)
            self._close(parcel.seq)
        return replaced

    # --- take -------------------------------------------------------------------------------------------------

    def rank(self, now: datetime) -> Rank | None:
        """Return how urgent what `take` would give is; None when it would give nothing."""
        if self.in_flight is not None or self.has_ended or self.is_resting(now):
            return None
        self._wake(now)
        while self._line:
            is_past, priority, seq, thread = self._line[0]
            queue = self._threads.get(thread)
            if queue and queue[0].seq == seq and _rank_of(queue) == (is_past, priority):
                if (due := self._due(seq)) is None or due <= now:
                    return is_past, priority
                heapq.heappush(self._paused, (due, seq, thread))
            heapq.heappop(self._line)
        return None

    def take(self, now: datetime) -> Parcel | None:
        """Return what to send next, which is then on its way; None when there is nothing to send now."""
        if self.rank(now) is None:
            return None
        thread = heapq.heappop(self._line)[-1]
        queue = self._threads[thread]
        parcel = self.in_flight = queue.popleft()
        self._waiting.discard(parcel.seq)
        if queue:
            self._line_up(thread)
        else:
            del self._threads[thread]
        return parcel

    def give_back(self) -> None:
        """Let what is on its way wait again: it was not sent, and its peer has done nothing."""
        parcel, self.in_flight = self.in_flight, None
        assert parcel is not None
        if self._is_replaced(parcel):
            self._close(parcel.seq)
        else:
            self._put_back(parcel)

    def progress(self, seq: int) -> str:
        """Return how far this entry came; "" at first."""
        return self._progress.get(seq, "")

    def due(self, now: datetime) -> datetime | None:
        """Return when to look again at a lane that gives nothing now; None when only a parcel or an outcome helps."""
        if self.in_flight is not None or self.has_ended:
            return None
        if self.is_resting(now):
            return self.resume_at
        return self._paused[0][0] if self._paused else None

    def is_resting(self, now: datetime) -> bool:
        """Whether its peer is given time."""
        return self.resume_at is not None and now < self.resume_at

    def set_back(self, by: timedelta) -> None:
        """Take over that the clock shows so much less than before: no wait becomes longer for it."""
        if self.resume_at is not None:
            self.resume_at -= by
        self._trials = {seq: trial.set_back(by) for seq, trial in self._trials.items()}
        self._paused = [(due - by, seq, thread) for due, seq, thread in self._paused]

    def _wake(self, now: datetime) -> None:
        while self._paused and self._paused[0][0] <= now:
            thread = heapq.heappop(self._paused)[-1]
            if thread in self._threads:
                self._line_up(thread)

    def _line_up(self, thread: str) -> None:
        queue = self._threads[thread]
        heapq.heappush(self._line, (*_rank_of(queue), queue[0].seq, thread))

    def _due(self, seq: int) -> datetime | None:
        trial = self._trials.get(seq)
        return trial.due if trial is not None else None

    # --- settle -----------------------------------------------------------------------------------------------

    def settle(self, outcome: Outcome, *, now: datetime, jitter: float) -> str:
        """Take what became of the parcel on its way, and return the word for it (`Attempt.outcome`).

        `jitter` is a random number in [0, 1).
        """
        parcel, self.in_flight = self.in_flight, None
        assert parcel is not None
        if isinstance(outcome, Later):
            return self._failed(parcel, outcome, now, jitter)
        if isinstance(outcome, Gone):
            self.has_ended = True
            return "gone"
        self.failures, self.failing_since, self.resume_at = 0, None, None
        self._taken += 1
        if isinstance(outcome, Partly):
            return self._go_on(parcel, outcome, now)
        self._close(parcel.seq)
        return "refused" if isinstance(outcome, Refused) else "delivered"

    def _go_on(self, parcel: Parcel, outcome: Partly, now: datetime) -> str:
        if self._is_replaced(parcel):
            self._close(parcel.seq)
            return "partly"
        self._progress[parcel.seq] = outcome.progress
        self._trials.pop(parcel.seq, None)
        if outcome.retry_after_s > 0:
            wait_s = min(outcome.retry_after_s, self._policy.asked_s)
            self._trials[parcel.seq] = Trial(now, due=now + timedelta(seconds=wait_s))
        self._put_back(parcel)
        return "partly"

    def _failed(self, parcel: Parcel, outcome: Later, now: datetime, jitter: float) -> str:
        if outcome.progress is not None:
            self._progress[parcel.seq] = outcome.progress
        before = self._trials.get(parcel.seq, Trial(now))
        # Who asks for time speaks of himself, not of the message.
        is_own_fault = before.is_own_fault(self._taken) and outcome.retry_after_s is None
        if is_own_fault:
            due = now + timedelta(seconds=self._policy.wait_s(before.faults + 1, jitter=jitter))
        else:
            due = self._rest(outcome, before, now, jitter)
        trial = before.failed(taken=self._taken, is_own_fault=is_own_fault, due=due)
        if self._is_replaced(parcel) or trial.is_over(self._policy, now):
            self._close(parcel.seq)
            return "gave_up" if trial.is_over(self._policy, now) else "later"
        self._trials[parcel.seq] = trial
        self._put_back(parcel)
        return "later"

    def _rest(self, outcome: Later, before: Trial, now: datetime, jitter: float) -> datetime:
        """Let the whole lane wait; return when this message is due again."""
        self.failures += 1
        self.failing_since = self.failing_since or now
        wait = timedelta(seconds=self._policy.wait_s(self.failures, jitter=jitter, asked_s=outcome.retry_after_s))
        self.resume_at = now + wait
        if self.is_behind:
            self.fall_behind()  # what is most urgent when its peer is back is not what waits now
        return self.resume_at + (wait if before.tries >= _PATIENT_TRIES else timedelta())

    def _put_back(self, parcel: Parcel) -> None:
        self._waiting.add(parcel.seq)
        self._threads.setdefault(parcel.thread, deque()).appendleft(parcel)
        self._line_up(parcel.thread)

    def _is_replaced(self, parcel: Parcel) -> bool:
        return any(other.replaces for other in self._threads.get(parcel.thread, ()))

    def _close(self, seq: int) -> None:
        self._positions.add(seq)
        self._progress.pop(seq, None)
        self._trials.pop(seq, None)


def _rank_of(queue: deque[Parcel]) -> Rank:
    return min((parcel.is_past, parcel.priority) for parcel in queue)
