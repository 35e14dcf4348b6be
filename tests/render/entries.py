"""Entries for the tests of the faces, made from plain values."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from shapely.geometry import box

from lalert.cap.model import (
    Alert,
    AreaBlock,
    Category,
    Certainty,
    Circle,
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
from lalert.core.model import Cursor, Entry, Kind, Priority, Reach, State, Zone
from lalert.geo.area import Area, Covered

JST = timezone(timedelta(hours=9))
SENT = datetime(2026, 7, 6, 2, 30, tzinfo=JST)
CHIYODA = Covered("131016", "千代田区", 1.0, "Chiyoda City")
CHUO = Covered("131024", "中央区", 0.25, "Chuo City")
KAWAGUCHI = Covered("112038", "川口市", 0.5, "Kawaguchi City")


def area(*municipalities: Covered) -> Area:
    """Return a box in Tokyo that covers `municipalities`, Chiyoda if none are given."""
    shape = box(139.73, 35.66, 139.78, 35.70)
    return Area(geometry=shape, municipalities=municipalities or (CHIYODA,), area_km2=11.662, boundaries="2025-03")


def info(**changes: object) -> Info:
    """Return an evacuation order of level 4 in Japanese."""
    level = changes.pop("level", 4)
    values: dict[str, object] = {
        "event": "避難指示",
        "categories": (Category.MET,),
        "urgency": Urgency.IMMEDIATE,
        "severity": Severity.SEVERE,
        "certainty": Certainty.LIKELY,
        "language": "ja",
        "response_types": (ResponseType.EVACUATE,),
        "sender_name": "千代田区",
        "headline": "神田川流域に避難指示を発令",
        "expires": SENT + timedelta(hours=6),
        "parameters": (NamedValue("jp-alert:level", str(level)),) if level else (),
        "areas": (
            AreaBlock(
                area_desc="神田川流域",
                polygons=(((35.66, 139.73), (35.66, 139.78), (35.7, 139.78), (35.66, 139.73)),),
                circles=(Circle(35.69, 139.75, 1.5),),
                geocodes=(NamedValue("JISX0402", "131016"),),
            ),
        ),
    }
    return Info(**values | changes)  # type: ignore[arg-type]


def alert(*infos: Info, **changes: object) -> Alert:
    """Return an Actual, Public Alert with `infos`, the level 4 order if none are given."""
    values: dict[str, object] = {
        "identifier": "jp-chiyoda-2026-0001",
        "sender": "bousai@city.chiyoda.example.jp",
        "sent": SENT,
        "status": Status.ACTUAL,
        "msg_type": MsgType.ALERT,
        "scope": Scope.PUBLIC,
        "infos": infos or (info(),),
    }
    return Alert(**values | changes)  # type: ignore[arg-type]


def entry(message: Alert | None = None, **changes: object) -> Entry:
    """Return the entry of `message` as the hub would keep it at 02:31."""
    said = message or alert()
    where = area()
    values: dict[str, object] = {
        "kind": Kind.ALERT,
        "at": SENT + timedelta(minutes=1),
        "alert": said,
        "thread": said.identifier,
        "state": State.IN_FORCE,
        "priority": Priority.URGENT,
        "level": 4,
        "hazards": ("flood",),
        "zones": (Zone(area=where, level=4, hazard="flood"),),
        "area": where,
        "ends_at": SENT + timedelta(hours=6),
        "cursor": Cursor("k3f9", 1042),
    }
    return Entry(**values | changes)  # type: ignore[arg-type]


def reach(*municipalities: Covered, identifier: str = "jp-chiyoda-2026-0000") -> Reach:
    """Return what is superseded: an earlier message heard in `municipalities`."""
    identity = Identity("bousai@city.chiyoda.example.jp", identifier, SENT - timedelta(hours=1))
    return Reach(identity=identity, area=area(*municipalities))
