"""Messages and entries for the tests of the hub's laws, made from plain values. Places are squares with a code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import shapely
from shapely.geometry import box

from lalert.cap.model import (
    Alert,
    AreaBlock,
    Category,
    Certainty,
    Identity,
    Info,
    MsgType,
    NamedValue,
    ResponseType,
    Scope,
    Severity,
    Status,
    Urgency,
)
from lalert.core import thread
from lalert.core.model import Cursor, Draft, Entry, Posted, Zone
from lalert.core.priority import hazards_of, level_of_alert, rank
from lalert.geo.area import Area, Covered

JST = timezone(timedelta(hours=9))
SENT = datetime(2026, 7, 6, 2, 40, tzinfo=JST)
SENDER = "bousai@city.example.jp"
LIFETIME = timedelta(hours=168)

CHIYODA, CHUO, YOKOHAMA = "131016", "131024", "141003"
_SQUARES = {CHIYODA: box(0, 0, 1, 1), CHUO: box(1, 0, 2, 1), YOKOHAMA: box(5, 0, 6, 1)}


def area(*codes: str) -> Area:
    """Return the union of the squares of `codes`, Chiyoda if none are given."""
    codes = codes or (CHIYODA,)
    return Area(
        geometry=shapely.union_all([_SQUARES[code] for code in codes]),
        municipalities=tuple(Covered(code, code, 1.0) for code in codes),
        area_km2=float(len(codes)),
        boundaries="test",
    )


def info(
    *,
    level: int | None = 4,
    hazard: str | None = "flood",
    urgency: Urgency = Urgency.IMMEDIATE,
    severity: Severity = Severity.SEVERE,
    responses: Sequence[ResponseType] = (ResponseType.EVACUATE,),
    language: str = "ja",
    codes: Iterable[str] = (CHIYODA,),
    corrects: bool = False,
    expires: datetime | None = SENT + timedelta(hours=6),
    effective: datetime | None = None,
    category: Category = Category.MET,
) -> Info:
    """Return one info; its meaning stands in its parameters."""
    stated = {"level": level, "hazard": hazard, "infoType": "訂正" if corrects else None}
    codes = tuple(codes)
    geocodes = tuple(NamedValue("JISX0402", code) for code in codes)
    return Info(
        event="お知らせ",
        categories=(category,),
        urgency=urgency,
        severity=severity,
        certainty=Certainty.LIKELY,
        language=language,
        response_types=tuple(responses),
        effective=effective,
        expires=expires,
        parameters=tuple(NamedValue(f"jp-alert:{k}", str(v)) for k, v in stated.items() if v is not None),
        areas=(AreaBlock(area_desc=f"{language}の地域", geocodes=geocodes),) if codes else (),
    )


def all_clear(**changes: object) -> Info:
    """Return an info that lifts."""
    lifted = {
        "urgency": Urgency.PAST,
        "severity": Severity.MINOR,
        "responses": (ResponseType.ALL_CLEAR,),
        "level": None,
    }
    return info(**lifted | changes)  # type: ignore[arg-type]


def alert(
    *infos: Info,
    identifier: str = "A",
    msg_type: MsgType = MsgType.ALERT,
    refs: Sequence[Identity] = (),
    status: Status = Status.ACTUAL,
    sender: str = SENDER,
    sent: datetime = SENT,
) -> Alert:
    """Return a message with `infos`, the level 4 order if none are given (a Cancel has none)."""
    return Alert(
        identifier=identifier,
        sender=sender,
        sent=sent,
        status=status,
        msg_type=msg_type,
        scope=Scope.PUBLIC,
        references=tuple(refs),
        infos=infos or (() if msg_type is MsgType.CANCEL or status is Status.SYSTEM else (info(),)),
    )


def identity(identifier: str, sender: str = SENDER) -> Identity:
    """Return the identity that `alert` gives to `identifier`."""
    return Identity(sender, identifier, SENT)


def zones(message: Alert) -> tuple[Zone, ...]:
    """Return one zone for every info of `message` that names squares."""
    from lalert.cap.profile import hazard_of, is_all_clear, level_of

    return tuple(
        Zone(
            area=area(*(g.value for block in i.areas for g in block.geocodes)),
            level=level_of(i),
            hazard=hazard_of(i),
            lifted=is_all_clear(i),
        )
        for i in message.infos
        if i.areas
    )


class History:
    """A log in a list, with every message's place in its thread decided as the hub decides it."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.posted: dict[str, Posted] = {}
        self.in_force: dict[str, str] = {}

    def draft(self, message: Alert, *, at: datetime = SENT) -> Draft:
        """Return what `message` becomes if it is accepted now."""
        referenced = [self.posted[ref.key] for ref in message.references if ref.key in self.posted]
        founder = thread.founder_of(message)
        namesakes = [entry for entry in self.entries if entry.thread == founder.identifier]
        name = thread.thread_of(message, referenced=referenced, taken=thread.is_taken(founder, namesakes))
        holder = self.posted[self.in_force[name]] if name in self.in_force else None
        before = [entry.priority for entry in self.entries if entry.thread == name]
        parts = zones(message)
        return Draft(
            kind=thread.kind_of(message),
            at=at,
            alert=message,
            thread=name,
            supersedes=thread.supersedes(message, referenced, holder),
            state=thread.state_of(message),
            cancel_kind=thread.cancel_kind_of(message),
            priority=rank(message, thread_priority=min(before, default=None)),
            level=level_of_alert(message),
            hazards=hazards_of(message),
            zones=parts,
            area=area(*dict.fromkeys(code for z in parts for code in sorted(z.area.codes))) if parts else None,
            ends_at=thread.ends_at(message, lifetime=LIFETIME),
            silent=thread.is_silent(message, parts, holder.entry if holder else None),
        )

    def post(self, message: Alert, *, at: datetime = SENT) -> Entry:
        """Keep `message` and return its entry."""
        return self.keep(self.draft(message, at=at))

    def keep(self, draft: Draft) -> Entry:
        """Keep `draft`, in the simplest way that follows the contract of the store."""
        entry = Entry.of(draft, Cursor("test", len(self.entries) + 1))
        self.entries.append(entry)
        own = entry.alert.identity.key
        ended = {own} if entry.kind.value == "expire" else {reach.identity.key for reach in entry.supersedes}
        if entry.kind.value in {"update", "cancel"} and entry.thread in self.in_force:
            ended.add(self.in_force[entry.thread])
        for key in ended & set(self.in_force.values()):
            old = self.posted[key]
            self.posted[key] = replace(old, standing=thread.standing_after(entry))
            del self.in_force[old.entry.thread]
        if entry.kind.value != "expire":
            self.posted[own] = Posted(entry, thread.standing_at_first(entry))
            if entry.state.value == "in_force":
                self.in_force[entry.thread] = own
        return entry
