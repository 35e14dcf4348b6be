"""An entry as JSON: CAP's names verbatim, what the hub adds beside them.

Without a `Standing` the object says how things stood when the entry was made: it never changes, so its bytes are
made once and kept (stream, changes, webhooks). With one it says how things stand now (active alerts, one alert).
Where nothing has happened since, both are equal.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import msgspec

from lalert.cap.render import to_dict
from lalert.core.model import Draft, Entry, Realm, Standing, Zone
from lalert.geo.area import Area
from lalert.render.wording import headline, left_out, stands, ticker

Json = dict[str, object]

TICKERS: Final = (20, 40, 80)  # characters


def entry_to_dict(entry: Entry, *, base: str, standing: Standing | None = None) -> Json:
    """Return `entry` in the form that users rely on; `base` is the realm's URL prefix ("" or "/drill")."""
    now = stands(entry, standing)
    return {
        "cursor": str(entry.cursor),
        "seq": entry.cursor.seq,
        "kind": entry.kind.value,
        "at": entry.at.isoformat(timespec="milliseconds"),
        "thread": entry.thread,
        "supersedes": _supersedes(entry),
        "state": now.state.value,
        "replacedBy": now.replaced_by,
        "cancelKind": now.cancel_kind and now.cancel_kind.value,
        "priority": entry.priority.label,
        "level": entry.level,
        "hazards": list(entry.hazards),
        "silent": entry.silent,
        "leftOut": _omission(entry),
        "endsAt": entry.ends_at and entry.ends_at.isoformat(timespec="seconds"),
        "area": entry.area and area_to_dict(entry.area),
        "zones": [_zone_to_dict(zone) for zone in entry.zones],
        "wording": {lang: _wording(entry, lang, standing) for lang in ("ja", "en")},
        "attribution": entry.attribution or None,
        "links": links(entry.alert.identifier, base=base),
        "alert": to_dict(entry.alert),
    }


def receipt_to_dict(entry: Entry, realm: Realm) -> Json:
    """Return the receipt of a kept message, as of its acceptance: posting the same again returns it unchanged."""
    return {
        "identifier": entry.alert.identifier,
        "sender": entry.alert.sender,
        "sent": entry.alert.sent.isoformat(timespec="seconds"),
        "realm": realm.value,
        "cursor": str(entry.cursor),
        "seq": entry.cursor.seq,
        **_verdict(entry),
        "acceptedAt": entry.at.isoformat(timespec="milliseconds"),
    }


def links(identifier: str, *, base: str) -> dict[str, str]:
    """Return where the faces of a message are, relative to the site's root."""
    name = quote(identifier, safe="")
    return {
        "self": f"{base}/api/v1/alerts/{name}",
        "cap": f"{base}/api/v1/alerts/{name}.cap",
        "html": f"{base}/alerts/{name}",
        "map": f"{base}/alerts/{name}/map.svg",
    }


def area_to_dict(area: Area) -> Json:
    """Return an area as municipalities with the share of each that is covered (0 to 1), and its size in km2."""
    return {
        "boundaries": area.boundaries,
        "municipalities": [
            {
                "code": covered.code,
                "name": covered.name,
                "en": covered.en or covered.name,
                "share": max(round(covered.share, 4), 0.0001),
            }
            for covered in area.municipalities
        ],
        "areaKm2": round(area.area_km2, 2),
    }


def dump(obj: object) -> bytes:
    """Return `obj` as UTF-8 JSON on one line."""
    return msgspec.json.encode(obj)


def _verdict(draft: Draft) -> Json:
    """Return what the hub made of a message: thread, rank, area, who matched, what it would rather have seen."""
    return {
        "thread": draft.thread,
        "supersedes": _supersedes(draft),
        "state": draft.state.value,
        "priority": draft.priority.label,
        "level": draft.level,
        "area": draft.area and area_to_dict(draft.area),
        "leftOut": _omission(draft),
        "matched": dict(draft.matched),
        "signatures": [signature.to_dict() for signature in draft.signatures],
        "findings": [finding.to_dict() for finding in draft.findings],
    }


def _supersedes(draft: Draft) -> list[str]:
    return [reach.identity.identifier for reach in draft.supersedes]


def _omission(draft: Draft) -> Json | None:
    """Return what an Update lifts by leaving it out: municipalities, its sender's names, and it in words."""
    if draft.omission is None:
        return None
    places = [
        {"code": one.code, "name": one.name, "en": one.en or one.name, "whole": one.whole}
        for one in draft.omission.municipalities
    ]
    said = {lang: left_out(draft, lang) for lang in ("ja", "en")}
    return {"municipalities": places, "names": list(draft.omission.names), "text": said}


def _zone_to_dict(zone: Zone) -> Json:
    return {
        "level": zone.level,
        "hazard": zone.hazard,
        "lifted": zone.lifted,
        "municipalities": sorted(zone.area.codes),
        "areaKm2": round(zone.area.area_km2, 2),
    }


def _wording(entry: Entry, lang: str, standing: Standing | None) -> Json:
    shorts = {str(length): ticker(entry, length, lang=lang, standing=standing) for length in TICKERS}
    return {"headline": headline(entry, lang, standing=standing), "ticker": shorts}
