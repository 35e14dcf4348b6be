"""Chains: which of many messages that came together must be kept one after another, and in which order.

A sender posts one message at a time, so their order is plain. An envelope or a feed brings many at once, in any order.
Those that name each other, or name the same message, are a chain: oldest first, and what is referenced before what
refers to it. Chains know nothing of each other, so the most urgent of them need not wait for the rest.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from datetime import UTC, datetime

from lalert.cap.model import Alert

_NEVER = datetime.max.replace(tzinfo=UTC)


def chains(alerts: Sequence[Alert | None]) -> list[list[int]]:
    """Return the positions of `alerts` by chain, each in the order to keep them. One that is None is a chain alone."""
    leader: dict[object, object] = {}
    names = [_names(position, alert) for position, alert in enumerate(alerts)]
    for own, *others in names:
        for other in others:
            leader[_find(leader, other)] = _find(leader, own)
    groups: dict[object, list[int]] = {}
    for position, (own, *_) in enumerate(names):
        groups.setdefault(_find(leader, own), []).append(position)
    return [_ordered(group, alerts) for group in groups.values()]


def _names(position: int, alert: Alert | None) -> list[object]:
    """Return what ties a message to others, its own name first."""
    return [position] if alert is None else [alert.identity.key, *(reference.key for reference in alert.references)]


def _find(leader: dict[object, object], name: object) -> object:
    """Return the name that stands for all that are tied to `name`; the way there is halved for whoever comes next."""
    while (above := leader.setdefault(name, name)) != name:
        leader[name] = leader[above]
        name = leader[name]
    return name


def _ordered(group: Sequence[int], alerts: Sequence[Alert | None]) -> list[int]:
    """Return `group` oldest first, references before what refers to them; where they run in a circle, oldest first."""
    holders: dict[str, list[int]] = {}
    for position in group:
        if (alert := alerts[position]) is not None:
            holders.setdefault(alert.identity.key, []).append(position)
    waits_for = {position: _before(alerts[position], position, holders) for position in group}
    followers: dict[int, list[int]] = {}
    for position, before in waits_for.items():
        for earlier in before:
            followers.setdefault(earlier, []).append(position)
    ready = [_age(position, alerts) for position in group if not waits_for[position]]
    heapq.heapify(ready)
    ordered: list[int] = []
    while ready:
        _, position = heapq.heappop(ready)
        ordered.append(position)
        for follower in followers.get(position, ()):
            waits_for[follower].discard(position)
            if not waits_for[follower]:
                heapq.heappush(ready, _age(follower, alerts))
    rest = sorted(set(group) - set(ordered), key=lambda position: _age(position, alerts))
    return ordered + rest


def _before(alert: Alert | None, position: int, holders: dict[str, list[int]]) -> set[int]:
    references = () if alert is None else alert.references
    return {earlier for reference in references for earlier in holders.get(reference.key, ()) if earlier != position}


def _age(position: int, alerts: Sequence[Alert | None]) -> tuple[datetime, int]:
    alert = alerts[position]
    return (_NEVER if alert is None else alert.sent, position)
