"""A trial: what would become of a message if it came alone, though nobody posted it.

Nothing of what is in force is looked at: an Update is shown without what it replaces. For that a hub is asked
(`dry_run`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lalert.cap.model import Alert, MsgType, Status
from lalert.core import audience
from lalert.core.draft import draft_of
from lalert.core.inspection import Inspected
from lalert.core.model import Cursor, Entry, Realm
from lalert.errors import Finding, Rejected
from lalert.geo.boundaries import BoundarySet

_NOWHERE: Final = Cursor("sample", 0)  # a position in no log
_NO_ALERTS: Final = (MsgType.ACK, MsgType.ERROR)
_REHEARSING: Final = (Status.EXERCISE, Status.TEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """`refusals` say why nobody would hear it. What is no alert at all (Ack, Error) has no `entry`."""

    entry: Entry | None
    refusals: tuple[Finding, ...]
    has_area: bool  # or needs none

    @property
    def is_refused(self) -> bool:
        """Whether a message that is right in itself would be refused all the same."""
        return bool(self.refusals) or not self.has_area


def trial_of(
    found: Inspected, realm: Realm, *, at: datetime, boundaries: BoundarySet, lifetime: timedelta
) -> Trial | None:
    """Return what would become in `realm` of a message that was `found` right; None for one that is wrong.

    `lifetime` bounds a message without `expires`.
    """
    alert = found.alert
    if alert is None:
        return None
    is_alert = alert.msg_type not in _NO_ALERTS
    return Trial(
        entry=_entry(found, alert, at, boundaries, lifetime) if is_alert else None,
        refusals=_refusals(alert, realm),
        has_area=bool(found.zones) or alert.msg_type is MsgType.CANCEL or alert.status is Status.SYSTEM,
    )


def realm_of(alert: Alert) -> Realm:
    """Return the realm that a message of its status is meant for."""
    return Realm.DRILL if alert.status in _REHEARSING else Realm.LIVE


def _entry(found: Inspected, alert: Alert, at: datetime, boundaries: BoundarySet, lifetime: timedelta) -> Entry:
    draft = draft_of(
        alert,
        at=at,
        sender=None,
        zones=found.zones,
        boundaries=boundaries,
        lifetime=lifetime,
        findings=found.findings,
        signatures=found.signatures,
    )
    return Entry.of(draft, _NOWHERE)


def _refusals(alert: Alert, realm: Realm) -> tuple[Finding, ...]:
    try:
        audience.check(alert, realm)
    except Rejected as refused:
        return refused.findings
    return ()
