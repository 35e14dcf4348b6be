"""Threads: which messages belong together, what a message does to those before it, and how long it holds.

A thread is named after its first message. The history of a thread is a line, whatever its senders reference: a kept
Update or Cancel ends whatever of the thread is in force.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from lalert.cap.model import Alert, Identity, Info, MsgType, Status
from lalert.cap.profile import hazard_of, is_all_clear, is_correction, level_of
from lalert.core.matching import hearers_of, merged
from lalert.core.model import CancelKind, Draft, Entry, Kind, Posted, Reach, Standing, State, Zone

_CHANGES = frozenset({MsgType.UPDATE, MsgType.CANCEL})
_KINDS = {MsgType.ALERT: Kind.ALERT, MsgType.UPDATE: Kind.UPDATE, MsgType.CANCEL: Kind.CANCEL}


def kind_of(alert: Alert) -> Kind:
    """Return what the entry of `alert` will do. Ack and Error have no entry: `core.audience` refuses them."""
    return _KINDS[alert.msg_type]


def founder_of(alert: Alert) -> Identity:
    """Return the message after which the thread of `alert` is named when nothing that it references is known."""
    is_change = alert.msg_type in _CHANGES and alert.references
    return alert.references[0] if is_change else alert.identity


def is_taken(founder: Identity, entries: Sequence[Entry]) -> bool:
    """Whether the thread with `founder`'s identifier, which holds `entries`, is about another message.

    Two senders may use one identifier; CAP wants it unique per sender only.
    """
    mentioned = (identity for entry in entries for identity in (entry.alert.identity, *entry.alert.references))
    return bool(entries) and founder.key not in {identity.key for identity in mentioned}


def thread_of(alert: Alert, *, referenced: Sequence[Posted], taken: bool) -> str:
    """Return the name of the thread that `alert` belongs to.

    `referenced` are the messages that it references as far as they are known, in its order; `taken` says that a
    thread of another message bears the name (`is_taken`): the natural key then serves.
    """
    if alert.msg_type in _CHANGES and referenced:
        return referenced[0].entry.thread
    founder = founder_of(alert)
    return founder.key if taken else founder.identifier


def supersedes(alert: Alert, referenced: Sequence[Posted], in_force: Posted | None) -> tuple[Reach, ...]:
    """Return what `alert` replaces or ends, with everybody who heard it.

    That is what it references, and what of its thread is in force although it does not reference it. Tests of the line
    and public messages never meet here: their audiences differ.
    """
    if alert.msg_type not in _CHANGES:
        return ()
    is_test = alert.status is Status.SYSTEM
    known = {
        posted.entry.alert.identity.key: posted.entry for posted in (*referenced, *([in_force] if in_force else []))
    }
    return tuple(
        Reach(identity=entry.alert.identity, area=entry.area, heard=merged(hearers_of(entry).heard))
        for key, entry in known.items()
        if entry.area is not None and key != alert.identity.key and (entry.alert.status is Status.SYSTEM) == is_test
    )


def state_of(alert: Alert) -> State:
    """Return how `alert` itself stands once it is kept.

    A Cancel and an all clear are news, but nothing is in force after them; a test of the line is over once it is said.
    """
    if alert.status is Status.SYSTEM:
        return State.EXPIRED
    return State.CANCELLED if alert.msg_type is MsgType.CANCEL or is_lifting(alert) else State.IN_FORCE


def is_lifting(alert: Alert) -> bool:
    """Whether nothing but all clears is said (解除). A message that lifts one part only is not a lifting."""
    return bool(alert.infos) and all(is_all_clear(info) for info in alert.infos)


def undoes_a_lifting(alert: Alert, referenced: Sequence[Posted | None]) -> bool:
    """Whether `alert` cancels nothing but 解除 (`referenced`: what it names, None where unknown).

    Nothing would be in force after it, and whoever read it would take the order for a false one, not its end.
    """
    named = [posted is not None and is_lifting(posted.entry.alert) for posted in referenced]
    return alert.msg_type is MsgType.CANCEL and bool(named) and all(named)


def cancel_kind_of(alert: Alert) -> CancelKind | None:
    """Return why what `alert` ends has ended: 取消, 解除 or 訂正; None for an ordinary message."""
    if alert.msg_type is MsgType.CANCEL:
        return CancelKind.FALSE_ALARM
    if is_lifting(alert):
        return CancelKind.LIFTED
    return CancelKind.CORRECTED if is_correction(alert) else None


def ends_others(draft: Draft) -> bool:
    """Whether keeping `draft` ends what is in force; a test of the line ends nothing, whatever it references."""
    return draft.kind in {Kind.UPDATE, Kind.CANCEL} and draft.alert.status is not Status.SYSTEM


def in_own_thread(draft: Draft) -> Draft:
    """Return an Alert under a thread of its own: another message came first under the name, so it bears its key."""
    return replace(draft, thread=draft.alert.identity.key)


def standing_after(draft: Draft) -> Standing:
    """Return how a message stands that `draft` has ended."""
    if draft.kind is Kind.EXPIRE:
        return Standing(state=State.EXPIRED)
    state = State.SUPERSEDED if draft.state is State.IN_FORCE else State.CANCELLED
    return Standing(state=state, replaced_by=draft.alert.identifier, cancel_kind=draft.cancel_kind)


def ended_by(draft: Draft) -> frozenset[str]:
    """Return the natural keys of what `draft` says that it ends; the store may have ended more of its thread."""
    expired = {draft.alert.identity.key} if draft.kind is Kind.EXPIRE else set()
    return frozenset(expired | {reach.identity.key for reach in draft.supersedes})


def standing_at_first(draft: Draft) -> Standing:
    """Return how the message of `draft` itself stands when it is kept."""
    return Standing(state=draft.state, cancel_kind=None if draft.state is State.IN_FORCE else draft.cancel_kind)


def ends_at(alert: Alert, *, lifetime: timedelta) -> datetime | None:
    """Return when the hub ends `alert` by itself: the latest end of its parts; None when it is never in force.

    A part without `expires` (CAP leaves it to the recipient) holds `lifetime` from `effective`, or from `sent`.
    """
    if state_of(alert) is not State.IN_FORCE:
        return None
    ends = (_end_of(info, alert.sent, lifetime) for info in alert.infos if not is_all_clear(info))
    return max(ends, default=alert.sent + lifetime)


def _end_of(info: Info, sent: datetime, lifetime: timedelta) -> datetime:
    if info.expires is not None:
        return info.expires
    # An `effective` further off than the lifetime itself (the year 2568 was seen) is not believed.
    start = min(info.effective or sent, sent + lifetime)
    return start + lifetime


def is_silent(alert: Alert, zones: Sequence[Zone], previous: Entry | None) -> bool:
    """Whether `alert` corrects `previous` without changing level, area or action: no device may sound again.

    `zones` are those of `alert`. What nobody has heard yet (`previous` is None) cannot be corrected silently.
    """
    if previous is None or alert.msg_type is not MsgType.UPDATE or not is_correction(alert):
        return False
    return _actions(alert) == _actions(previous.alert) and _same_zones(zones, previous.zones)


def _actions(alert: Alert) -> frozenset[object]:
    """Return what `alert` asks of people, whatever the language it asks in."""
    return frozenset(
        (
            level_of(info, sent=alert.sent),
            hazard_of(info, sent=alert.sent),
            info.urgency,
            info.severity,
            frozenset(info.response_types),
        )
        for info in alert.infos
    )


def _same_zones(these: Sequence[Zone], those: Sequence[Zone]) -> bool:
    return len(these) == len(those) and all(any(_same_zone(a, b) for b in those) for a in these)


def _same_zone(a: Zone, b: Zone) -> bool:
    return (
        (a.level, a.hazard, a.lifted, a.area.codes) == (b.level, b.hazard, b.lifted, b.area.codes)
        and bool(a.area.geometry.equals(b.area.geometry))
    )  # fmt: skip
