"""An alert as GeoJSON (RFC 7946): one feature a zone, for signs, navigation and maps.

Longitude comes first here (CAP has latitude first). Properties bear CAP's names; `level`, `hazard`, `lifted`, `state`
and `thread` are the hub's. A reader that draws must ask `state` and `lifted` first: shapes of what has ended are given,
too, so that a map can take them away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lalert.cap.meaning import hazard_of, is_all_clear, level_of
from lalert.cap.model import Info
from lalert.core.model import Entry, Standing, Zone
from lalert.geo.area import Area
from lalert.geo.geojson import geometry_to_geojson
from lalert.render.entry import Json, dump, links
from lalert.render.wording import headline, main_info, stands


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message that announces something: its number in the message, from 1, and what it says where."""

    number: int
    zone: Zone


def alert_to_geojson(entry: Entry, *, base: str, standing: Standing | None = None) -> Json:
    """Return a FeatureCollection; a Cancel that names no area gets the areas that it calls off, one feature each."""
    common = _common(entry, base, standing)
    return {
        "type": "FeatureCollection",
        "features": [_feature(area, common | own) for area, own in _parts(entry)],
    }


def announced(entry: Entry) -> list[Part]:
    """Return the parts of a message that announce something: what is all clear is none of them."""
    return [Part(number, zone) for number, zone in enumerate(entry.zones, start=1) if not zone.lifted]


def feature_of(
    entry: Entry, part: Part, *, base: str, standing: Standing | None = None, ended_at: datetime | None = None
) -> bytes:
    """Return one part as a feature, for those who draw whatever they get.

    `standing` and `ended_at` are of a message that has ended. The id is the position in the log and the part's number.
    """
    zone = part.zone
    when: Json = {
        "at": entry.at.isoformat(timespec="seconds"),
        "endsAt": entry.ends_at and entry.ends_at.isoformat(timespec="seconds"),
        "endedAt": ended_at and ended_at.isoformat(timespec="seconds"),
    }
    properties = _common(entry, base, standing) | when | _zone(zone) | _said_of(zone, entry)
    return dump({"id": f"{entry.cursor}.{part.number}"} | _feature(zone.area, properties))


def _parts(entry: Entry) -> list[tuple[Area, Json]]:
    """Return (area, its own properties) of each zone, else of each message that is called off."""
    if entry.zones:
        return [(zone.area, _zone(zone) | _said_of(zone, entry)) for zone in entry.zones]
    return [(reach.area, {"level": None, "lifted": True}) for reach in entry.supersedes]


def _zone(zone: Zone) -> Json:
    return {"level": zone.level, "hazard": zone.hazard, "lifted": zone.lifted}


def _feature(area: Area, properties: Json) -> Json:
    municipalities = [{"code": one.code, "name": one.name, "en": one.en or one.name} for one in area.municipalities]
    return {
        "type": "Feature",
        "geometry": geometry_to_geojson(area.geometry),
        "properties": properties | {"municipalities": municipalities},
    }


def _common(entry: Entry, base: str, standing: Standing | None) -> Json:
    """Return what is equal for all zones: who, when, how it stands, and the canonical headline."""
    alert, now = entry.alert, stands(entry, standing)
    return {
        "identifier": alert.identifier,
        "sender": alert.sender,
        "sent": alert.sent.isoformat(timespec="seconds"),
        "status": alert.status.value,
        "msgType": alert.msg_type.value,
        "thread": entry.thread,
        "state": now.state.value,
        "replacedBy": now.replaced_by,
        "priority": entry.priority.label,
        "headline": headline(entry, "ja", standing=standing),
        "links": links(alert.identifier, base=base),
    }


def _said_of(zone: Zone, entry: Entry) -> Json:
    """Return the facts of the infos that mean this zone; nothing where they differ, for one may not hold here."""
    first = main_info(entry, "ja")
    meaning = (zone.level, zone.hazard, zone.lifted)
    said = [
        _facts(info)
        for info in entry.alert.infos
        if first
        and info.language == first.language
        and (level_of(info), hazard_of(info), is_all_clear(info)) == meaning
    ]
    return said[0] if said and all(facts == said[0] for facts in said) else {}


def _facts(info: Info) -> Json:
    """Return an info's facts, absent where CAP has none."""
    facts: Json = {
        "event": info.event,
        "urgency": info.urgency.value,
        "severity": info.severity.value,
        "certainty": info.certainty.value,
        "senderName": info.sender_name,
        "expires": info.expires and info.expires.isoformat(timespec="seconds"),
    }
    return {name: value for name, value in facts.items() if value is not None}
