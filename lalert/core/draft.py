"""From an examined alert to a draft of the log: every decision that needs other messages, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from lalert.cap.catalogue import shortened
from lalert.cap.grammar import format_references
from lalert.cap.model import Alert, Identity, MsgType, Status
from lalert.cap.signature import Signature
from lalert.core import thread as threads
from lalert.core.model import Draft, Posted, Priority, Sender, State, Zone
from lalert.core.omission import omission_of
from lalert.core.priority import hazards_of, level_of_alert, rank
from lalert.errors import Finding, Severity, Text
from lalert.geo.boundaries import BoundarySet
from lalert.geo.resolve import union

_UNKNOWN: Final = Text(
    "references に、このハブに届いていない電文があります。その電文については何も終わりません。",
    "references names a message that this hub never had: nothing of it ends.",
)
_LOOK: Final = Text(
    "終わらせたい電文が発令中のまま残っていないか確認し、残っていれば、"
    "その sender、identifier、sent をそのまま写した電文を新しい identifier で送ってください。",
    "See whether what you mean to end is still in force; then send it again under a new identifier, with sender, "
    "identifier and sent copied from there.",
)
_EARLIER: Final = Text(
    "取消した電文の前の情報は、発令中に戻りません。一連の情報はすべて終わります。",
    "What held before the cancelled message is not in force again: the whole thread ends.",
)
_ANNOUNCE: Final = Text(
    "前の情報がまだ必要なら、その全体を書いた Update を新しい identifier で送ってください。",
    "If that is still needed, announce it again, whole, by an Update under a new identifier.",
)


def draft_of(
    alert: Alert,
    *,
    at: datetime,
    sender: Sender | None,
    zones: tuple[Zone, ...],
    boundaries: BoundarySet,
    lifetime: timedelta,
    referenced: Sequence[Posted] = (),
    unknown: Sequence[Identity] = (),
    taken: bool = False,
    in_force_of: Callable[[str], Posted | None] = lambda _: None,
    priority_of: Callable[[str], Priority | None] = lambda _: None,
    findings: Sequence[Finding] = (),
    signatures: Sequence[Signature] = (),
    own_signature: bytes = b"",
) -> Draft:
    """Return what will be kept of `alert`, accepted `at` from `sender` (None: the hub itself speaks).

    `referenced` are the known messages among its references, `unknown` the others, of which it is told that nothing
    ends; `taken` says that the thread of another message bears its name.
    `in_force_of` and `priority_of` tell of a thread which message holds now and how urgent it ever was.
    `lifetime` bounds a message without `expires`. `signatures` are those that it bears, `own_signature` is the hub's.
    """
    thread = threads.thread_of(alert, referenced=referenced, taken=taken)
    current = in_force_of(thread) if alert.msg_type is not MsgType.ALERT else None
    before = (*referenced, *([current] if current else []))
    lanes = [posted.entry.priority for posted in before]
    ever = priority_of(thread)
    state = threads.state_of(alert)
    area = union([zone.area for zone in zones], boundaries) if zones else None
    is_state = alert.msg_type is MsgType.UPDATE and state is State.IN_FORCE
    return Draft(
        kind=threads.kind_of(alert),
        at=at,
        alert=alert,
        thread=thread,
        supersedes=threads.supersedes(alert, referenced, current),
        state=state,
        cancel_kind=threads.cancel_kind_of(alert),
        priority=rank(alert, thread_priority=min([*lanes, *([] if ever is None else [ever])], default=None)),
        level=level_of_alert(alert),
        hazards=hazards_of(alert),
        zones=zones,
        area=area,
        ends_at=threads.ends_at(alert, lifetime=lifetime) if state is State.IN_FORCE else None,
        omission=omission_of(alert, area, before) if is_state else None,
        silent=threads.is_silent(alert, zones, current.entry if current else None),
        key_id=sender.key_id if sender else "",
        attribution=sender.attribution if sender else "",
        findings=(*findings, *_about_unknown(alert, unknown), *_about_earlier(alert, referenced)),
        signatures=tuple(signatures),
        own_signature=own_signature,
    )


def _about_unknown(alert: Alert, unknown: Sequence[Identity]) -> Iterator[Finding]:
    """Yield what its sender must know of a change that names unknown messages: what it meant to end may still hold.

    It is no error: of a chain whose beginning went elsewhere people should hear the end nevertheless.
    """
    if alert.msg_type is MsgType.ALERT or alert.status is Status.SYSTEM or not unknown:
        return
    yield Finding(
        code="references.unknown",
        severity=Severity.WARNING,
        clause="CAP 1.2 §3.2.1 references",
        message=_UNKNOWN,
        advice=_LOOK,
        path="/alert/references",
        found=shortened(format_references(tuple(unknown))),
    )


def _about_earlier(alert: Alert, referenced: Sequence[Posted]) -> Iterator[Finding]:
    """Yield what its sender must know of a Cancel of an Update: it takes back no step, it ends all of them."""
    earlier = tuple(reach.identity for posted in referenced for reach in posted.entry.supersedes)
    if alert.msg_type is not MsgType.CANCEL or not earlier or set(earlier) <= set(alert.references):
        return
    yield Finding(
        code="references.earlier",
        severity=Severity.WARNING,
        clause="CAP 1.2 §3.2.1 msgType",
        message=_EARLIER,
        advice=_ANNOUNCE,
        path="/alert/references",
        found=shortened(format_references(earlier)),
    )
