"""The port of every way out on which the hub itself sends: a courier, and its lanes.

A courier knows its peers and how to talk to them. When, in which order and how often is not its business: the hub's
dispatcher (`lalert.courier`) keeps one lane for each `LaneSpec` and calls `send` for one entry of a lane at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lalert.core.delivery import Outcome
from lalert.core.model import Cursor, Subscription
from lalert.publishers.faces import Faces


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSpec:
    """One peer with a position of its own: a media endpoint, a shard of residents.

    `id` is unique among all couriers of the realm and lasts (`webhook:ep_…`, `webpush:03`); `way` is the label in
    metrics. What `subscription` does not let pass is never offered. A lane that was never kept begins after `since`.

    With `newest_only` a newer message of a thread takes the place of an older one that waits, or is out in part: a
    resident is told what holds now, not what held before. A silent correction takes nobody's place.
    """

    id: str
    way: str
    subscription: Subscription
    since: Cursor
    newest_only: bool = False


class Courier(Protocol):
    """One way out on which the hub sends."""

    @property
    def name(self) -> str:
        """The way, as metrics and receipts call it."""

    def lanes(self) -> Sequence[LaneSpec]:
        """Return the lanes as of now. When they change, tell the dispatcher (`Dispatcher.refresh`)."""

    async def send(self, lane: str, entry: Faces, progress: str) -> Outcome:
        """Deliver one entry, or the next batch of it; return what became of that.

        `progress` is what `Partly` or `Later` of this entry said last, "" at first. It must end by itself within the
        courier's time limit, and should not raise: an exception counts as `Later`. The same entry may come again after
        a crash. After `Gone` the lane is not served any more.
        """
