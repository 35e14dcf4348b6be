"""Small drafts for the contract, each saying only what its test is about, and how they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import shapely

from lalert.cap.model import Alert, Identity, MsgType, Scope, Status
from lalert.core.expiry import expiry_of
from lalert.core.model import CancelKind, Draft, Entry, Kind, Posted, Priority, Reach, State, Zone
from lalert.errors import Finding, Severity, Text
from lalert.geo.area import Area, Covered, Origin
from lalert.store.base import Appended, Store

START = datetime(2026, 7, 1, 2, 40, tzinfo=UTC)
JAPAN = timezone(timedelta(hours=9))
SENDER = "bousai@example.jp"

_TYPES = {Kind.ALERT: MsgType.ALERT, Kind.UPDATE: MsgType.UPDATE, Kind.CANCEL: MsgType.CANCEL}


def area(place: int = 0) -> Area:
    """Return a square of its own for every `place`."""
    return Area(
        geometry=shapely.box(139 + place / 10, 35, 139.1 + place / 10, 35.1),
        municipalities=(Covered(f"{131016 + place}", "千代田区", 0.25),),
        area_km2=101.1,
        boundaries="2026",
        origins=(Origin("geocode", f"JISX0402 {131016 + place}"),),
    )


def identity(identifier: str) -> Identity:
    """Return the identity that `message(identifier)` has."""
    return Identity(SENDER, identifier, START.astimezone(JAPAN))


def message(
    identifier: str,
    *,
    kind: Kind = Kind.ALERT,
    thread: str | None = None,
    ends: Sequence[Draft] = (),
    references: Sequence[str] = (),
    at: datetime = START,
    state: State | None = None,
    cancel_kind: CancelKind | None = None,
    status: Status = Status.ACTUAL,
    text: str = "",
    place: int = 0,
    key_id: str = "k1",
) -> Draft:
    """Return a draft; `ends` are those that its drafter knew of, `references` those that nobody has seen yet."""
    referenced = (*(draft.alert.identity for draft in ends), *map(identity, references))
    where = area(place)
    return Draft(
        kind=kind,
        at=at,
        alert=Alert(
            identifier=identifier,
            sender=SENDER,
            sent=START.astimezone(JAPAN),
            status=status,
            msg_type=_TYPES[kind],
            scope=Scope.PUBLIC,
            references=referenced,
            raw=f"<alert>{identifier} {text}</alert>".encode(),
        ),
        thread=thread or (ends[0].thread if ends else identifier),
        supersedes=tuple(Reach(identity=draft.alert.identity, area=draft.area) for draft in ends if draft.area),
        state=state or (State.CANCELLED if kind is Kind.CANCEL else State.IN_FORCE),
        cancel_kind=cancel_kind or (CancelKind.FALSE_ALARM if kind is Kind.CANCEL else None),
        priority=Priority.URGENT,
        level=4,
        hazards=("flood",),
        zones=(Zone(area=where, level=4, hazard="flood"),),
        area=where,
        ends_at=START + timedelta(hours=12, microseconds=1),
        key_id=key_id,
        findings=(
            Finding(
                code="jp.note", severity=Severity.WARNING, message=Text("注意", "note"), advice=Text("…", "…"), line=3
            ),
        ),
        matched=(("streams", 12),),
    )


def update(identifier: str, *ends: Draft, **more: object) -> Draft:
    """Return an Update of `ends`."""
    return message(identifier, kind=Kind.UPDATE, ends=ends, **more)  # type: ignore[arg-type]


def lifting(identifier: str, *ends: Draft) -> Draft:
    """Return the all clear after `ends` (解除)."""
    return update(identifier, *ends, state=State.CANCELLED, cancel_kind=CancelKind.LIFTED)


def cancel(identifier: str, *ends: Draft, **more: object) -> Draft:
    """Return a Cancel of `ends` (取消)."""
    return message(identifier, kind=Kind.CANCEL, ends=ends, **more)  # type: ignore[arg-type]


def expiry(posted: Posted, *, at: datetime = START) -> Draft:
    """Return the draft by which the hub ends `posted`."""
    return expiry_of(posted, now=at)


def unkeepable(identifier: str) -> Draft:
    """Return a draft that no store can keep."""
    return replace(message(identifier), matched=((object(), 1),))  # type: ignore[arg-type]


def day(number: int) -> timedelta:
    """Return `number` days."""
    return timedelta(days=number)


async def keep(store: Store, *drafts: Draft) -> list[Entry]:
    """Append `drafts` and return their entries; every one must be kept."""
    entries = []
    for outcome in await store.append(drafts):
        assert isinstance(outcome, Appended)
        entries.append(outcome.entry)
    return entries
