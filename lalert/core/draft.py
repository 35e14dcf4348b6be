"""From an examined alert to a draft of the log: every decision that needs other messages, in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from lalert.cap.model import Alert, MsgType
from lalert.core import thread as threads
from lalert.core.model import Draft, Kind, Posted, Priority, Sender, State, Zone
from lalert.core.priority import level_of_alert, rank
from lalert.errors import Finding
from lalert.geo.boundaries import BoundarySet
from lalert.geo.resolve import union

_KINDS = {MsgType.ALERT: Kind.ALERT, MsgType.UPDATE: Kind.UPDATE, MsgType.CANCEL: Kind.CANCEL}


def draft_of(
    alert: Alert,
    *,
    at: datetime,
    sender: Sender | None,
    zones: tuple[Zone, ...],
    referenced: Sequence[Posted] = (),
    in_force_of: Callable[[str], Posted | None] = lambda _: None,
    taken: bool = False,
    lifetime: timedelta,
    boundaries: BoundarySet,
    findings: Sequence[Finding] = (),
) -> Draft:
    """Return what will be kept of `alert`, accepted `at` from `sender` (None: the hub itself speaks).

    `referenced` are the known messages among its references; `in_force_of(thread)` is the one that holds now in a
    thread; `taken` says that another message bears its identifier; `lifetime` bounds a message without `expires`.
    """
    thread = threads.thread_of(alert, referenced=referenced, taken=taken)
    current = in_force_of(thread) if alert.msg_type is not MsgType.ALERT else None
    superseded = threads.supersedes(alert, referenced, current)
    before = [posted.entry.priority for posted in (*referenced, *([current] if current else []))]
    state = threads.state_of(alert)
    return Draft(
        kind=_KINDS[alert.msg_type],
        at=at,
        alert=alert,
        thread=thread,
        supersedes=superseded,
        state=state,
        cancel_kind=threads.cancel_kind_of(alert),
        priority=rank(alert, thread_priority=min(before, default=None)),
        level=level_of_alert(alert),
        hazards=tuple(dict.fromkeys(zone.hazard for zone in zones if zone.hazard)),
        zones=zones,
        area=union([zone.area for zone in zones], boundaries) if zones else None,
        ends_at=threads.ends_at(alert, lifetime=lifetime) if state is State.IN_FORCE else None,
        silent=threads.is_silent(alert, zones, current.entry if current else None),
        key_id=sender.key_id if sender else "",
        findings=tuple(findings),
    )
