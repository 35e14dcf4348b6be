"""Who does what when several nodes share one log: the work in shares, and the one node that should hold each.

Every lane belongs to one of `LANE_SHARES` shares of its way out, by a hash of its name; what must happen once in the
whole cluster (ends by time, the canary, retention) is one share more, the clock. A share is held by one node at a time.

Who *should* hold it is the node with the highest weight for it (rendezvous hashing): every node works out the same
answer from the same list, about an equal part falls to each, and when a node comes or goes only what it gains or loses
changes hands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final

LANE_SHARES: Final = 64
CLOCK: Final = "clock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """A living node as the distribution sees it: `ways` are the ways out on which it can send.

    `id` is its own in every life, `name` stays: a node that comes back gets the same shares.
    """

    id: str
    name: str
    ways: frozenset[str]


@dataclass(frozen=True, slots=True)
class Deed:
    """Who holds a share. The token is greater at every change of hands: what an older one signs is refused."""

    node: str
    token: int


@lru_cache(maxsize=16_384)
def share_of(lane: str) -> str:
    """Return the share that a lane belongs to: of its own way out, for not every node may be able to send on each."""
    return _share(lane.rpartition(":")[0], int.from_bytes(_digest(lane)) % LANE_SHARES)


def shares_of(ways: Iterable[str]) -> tuple[str, ...]:
    """Return all shares of these ways, and the clock."""
    return (CLOCK, *(_share(way, number) for way in sorted(ways) for number in range(LANE_SHARES)))


def wanted_by(me: Hand, living: Iterable[Hand]) -> frozenset[str]:
    """Return the shares that `me`, one of the `living`, should hold. Two of the same weight: the greater id."""
    others = [hand for hand in living if hand.id != me.id]
    return frozenset(share for share in shares_of(me.ways) if _is_first(me, share, others))


def free(wanted: Iterable[str], deeds: Mapping[str, Deed], living: Collection[str]) -> frozenset[str]:
    """Return which of these shares nobody holds who lives (`living`: ids)."""
    return frozenset(share for share in wanted if share not in deeds or deeds[share].node not in living)


def _is_first(me: Hand, share: str, others: Iterable[Hand]) -> bool:
    mine = _weight(me, share)
    return all(mine > _weight(other, share) for other in others if share == CLOCK or _way(share) in other.ways)


def _weight(hand: Hand, share: str) -> tuple[bytes, str]:
    return _digest(f"{share} {hand.name}"), hand.id


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()


def _share(way: str, number: int) -> str:
    return f"{way}:{number:02}"


def _way(share: str) -> str:
    return share.rpartition(":")[0]
