"""CAP 1.2's rules that no schema can say: one small function a rule, named after what it looks at.

`check` looks at values only, so that it judges built messages and received ones alike. Errors are CAP's musts; warnings
its shoulds and what is hardly meant. All rules together run in linear time.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator
from typing import Final

from lalert.cap import grammar
from lalert.cap.breach import NONE, Breach, Breaches, findings_of
from lalert.cap.model import Alert, AreaBlock, Circle, Info, MsgType, Resource, ResponseType, Ring, Scope, Status
from lalert.errors import Finding

HEADLINE_LENGTH: Final = 160
MAX_NAME: Final = 500  # characters of identifier and of sender: they stand in addresses, headers and heartbeats
MAX_REFERENCES: Final = 1_000  # each is looked up
MAX_INFOS: Final = 100
MAX_RESOURCES: Final = 100  # of one info
MAX_AREAS: Final = 2_000  # of one info
MAX_SHAPES: Final = 5_000  # polygons and circles of one area
MAX_VERTICES: Final = 100_000  # of the whole message

_FOLLOWING: Final = frozenset({MsgType.UPDATE, MsgType.CANCEL, MsgType.ACK, MsgType.ERROR})
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_RFC2045: Final = r"[A-Za-z0-9!#$%&'*+\-.^_`{|}~]++"  # a token, §5.1
_MIME: Final = re.compile(rf"{_RFC2045}/{_RFC2045}(?:\s*+;.*)?", re.DOTALL)
_SHA1: Final = re.compile(r"[0-9A-Fa-f]{40}|[0-9A-Za-z+/]{27}=")
_YEARS: Final = range(1990, 2200)


def check(alert: Alert) -> list[Finding]:
    """Return every breach of CAP 1.2's rules in `alert`; lines are added by whoever has the text.

    What is beyond a bound is told by the bound alone, so that no message keeps the checker busy.
    """
    found = findings_of(ALERT_RULES, alert, "/alert")
    for i, info in enumerate(alert.infos[:MAX_INFOS], 1):
        path = f"/alert/info[{i}]"
        found += findings_of(INFO_RULES, info, path)
        for j, resource in enumerate(info.resources[:MAX_RESOURCES], 1):
            found += findings_of(RESOURCE_RULES, resource, f"{path}/resource[{j}]")
        for j, area in enumerate(info.areas[:MAX_AREAS], 1):
            found += findings_of(AREA_RULES, area, f"{path}/area[{j}]")
    return found


# The message


def identifier(alert: Alert) -> Breaches:
    """§3.2.1 identifier: not empty, no white space, comma, `<` or `&`."""
    if grammar.is_name(alert.identifier):
        return _long("identifier", alert.identifier)
    return [Breach("cap.identifier.form", "identifier", alert.identifier), *_long("identifier", alert.identifier)]


def sender(alert: Alert) -> Breaches:
    """§3.2.1 sender: not empty, no white space, comma, `<` or `&`."""
    if grammar.is_name(alert.sender):
        return _long("sender", alert.sender)
    return [Breach("cap.sender.form", "sender", alert.sender), *_long("sender", alert.sender)]


def _long(name: str, text: str) -> Breaches:
    """The bound of a name."""
    return NONE if len(text) <= MAX_NAME else [Breach("cap.name.long", name, text, {"name": name, "limit": MAX_NAME})]


def sent(alert: Alert) -> Breaches:
    """§3.2.1 sent: a year far off is another calendar or a wrong clock."""
    return NONE if alert.sent.year in _YEARS else [Breach("cap.sent.year", "sent", alert.sent.isoformat())]


def references_present(alert: Alert) -> Breaches:
    """§3.2.1 references: Update, Cancel, Ack and Error name the messages that they follow."""
    if alert.msg_type in _FOLLOWING and not alert.references:
        return [Breach("cap.references.missing", "references", alert.msg_type.value)]
    return NONE


def references_sensible(alert: Alert) -> Breaches:
    """§3.2.1 references: not to itself, not to a later message, none twice, and so many at most."""
    if not alert.references:
        return NONE
    if len(alert.references) > MAX_REFERENCES:
        found = str(len(alert.references))
        return [Breach("cap.references.many", "references", found, {"limit": MAX_REFERENCES})]
    breaches = []
    if alert.identity in alert.references:
        breaches.append(Breach("cap.references.self", "references", alert.identifier))
    if any(r.sent > alert.sent for r in alert.references):
        breaches.append(Breach("cap.references.later", "references"))
    if len(set(alert.references)) < len(alert.references):
        breaches.append(Breach("cap.references.double", "references"))
    return breaches


def restriction(alert: Alert) -> Breaches:
    """§3.2.1 restriction: scope Restricted needs one."""
    if alert.scope is Scope.RESTRICTED and not (alert.restriction or "").strip():
        return [Breach("cap.restriction.missing", "restriction")]
    return NONE


def addresses(alert: Alert) -> Breaches:
    """§3.2.1 addresses: scope Private needs them; quotes around nothing name nobody."""
    if alert.scope is Scope.PRIVATE and not (alert.addresses or "").strip('" \t\r\n'):
        return [Breach("cap.addresses.missing", "addresses")]
    return NONE


def quotes(alert: Alert) -> Breaches:
    """§3.2.1 addresses, incidents: an item with white space stands between two double quotes."""
    return [
        Breach("cap.quotes.open", name, text, {"name": name})
        for name, text in (("addresses", alert.addresses), ("incidents", alert.incidents))
        if text and text.count('"') % 2
    ]


def note(alert: Alert) -> Breaches:
    """§3.2.1 status, msgType: an exercise is named in note, an Error explained in it."""
    if alert.note:
        return NONE
    if alert.msg_type is MsgType.ERROR:
        return [Breach("cap.note.error", "note")]
    return [Breach("cap.note.exercise", "note")] if alert.status is Status.EXERCISE else NONE


def assess(alert: Alert) -> Breaches:
    """§3.2.2 responseType: Assess is not for the public."""
    if alert.scope is not Scope.PUBLIC:
        return NONE
    return [
        Breach("cap.response.assess", f"info[{i}]/responseType[{1 + info.response_types.index(ResponseType.ASSESS)}]")
        for i, info in enumerate(alert.infos, 1)
        if ResponseType.ASSESS in info.response_types
    ]


def expires(alert: Alert) -> Breaches:
    """§3.2.2 expires: a message that ends before it was sent says nothing to anybody."""
    return [
        Breach("cap.expires.before_sent", f"info[{i}]/expires", grammar.format_time(info.expires))
        for i, info in enumerate(alert.infos, 1)
        if info.expires is not None and info.expires < alert.sent
    ]


def size(alert: Alert) -> Breaches:
    """The bounds of a message: infos and vertices; each info bounds its own blocks."""
    breaches = []
    if len(alert.infos) > MAX_INFOS:
        breaches.append(_over("info", len(alert.infos), MAX_INFOS))
    vertices = sum(sum(map(len, area.polygons)) for info in alert.infos for area in info.areas if area.polygons)
    if vertices > MAX_VERTICES:
        breaches.append(_over("polygon", vertices, MAX_VERTICES))
    return breaches


def _over(name: str, found: int, limit: int) -> Breach:
    return Breach("cap.limits", "", str(found), {"name": name, "limit": limit})


# The info


def language(info: Info) -> Breaches:
    """§3.2.2 language: a tag as RFC 3066 spells it."""
    return NONE if grammar.is_language(info.language) else [Breach("cap.language.form", "language", info.language)]


def headline(info: Info) -> Breaches:
    """§3.2.2 headline: at most 160 characters, or some devices cut it."""
    text = info.headline
    if text is None or len(text) <= HEADLINE_LENGTH:
        return NONE
    return [Breach("cap.headline.long", "headline", text, {"length": len(text)})]


def web(info: Info) -> Breaches:
    """§3.2.2 web: a full, absolute URI."""
    if info.web is None or _ABSOLUTE.fullmatch(info.web):
        return NONE
    return [Breach("cap.web.relative", "web", info.web)]


def blocks(info: Info) -> Breaches:
    """The bounds of an info: areas and resources."""
    breaches = []
    if len(info.areas) > MAX_AREAS:
        breaches.append(_over("area", len(info.areas), MAX_AREAS))
    if len(info.resources) > MAX_RESOURCES:
        breaches.append(_over("resource", len(info.resources), MAX_RESOURCES))
    return breaches


# The resource


def mime_type(resource: Resource) -> Breaches:
    """§3.2.3 mimeType: type/subtype (RFC 2046)."""
    text = resource.mime_type
    return NONE if text is None or _MIME.fullmatch(text.strip()) else [Breach("cap.mimetype.form", "mimeType", text)]


def uri(resource: Resource) -> Breaches:
    """§3.2.3 uri: absolute, or relative only to name what derefUri carries."""
    if resource.uri is None or resource.deref_uri is not None or _ABSOLUTE.fullmatch(resource.uri):
        return NONE
    return [Breach("cap.uri.relative", "uri", resource.uri)]


def deref_uri(resource: Resource) -> Breaches:
    """§3.2.3 derefUri: base64."""
    if resource.deref_uri is None:
        return NONE
    try:
        base64.b64decode("".join(resource.deref_uri.split()), validate=True)
    except (binascii.Error, ValueError):
        return [Breach("cap.derefuri.form", "derefUri", resource.deref_uri)]
    return NONE


def digest(resource: Resource) -> Breaches:
    """§3.2.3 digest: a SHA-1; CAP does not say how it is written, so hexadecimal and base64 both count."""
    text = resource.digest
    return NONE if text is None or _SHA1.fullmatch(text.strip()) else [Breach("cap.digest.form", "digest", text)]


# The area


def polygons(area: AreaBlock) -> Breaches:
    """§3.2.4 polygon: at least four pairs, the first again as the last, in range, around a surface."""
    if not area.polygons:
        return NONE
    return [
        Breach(code, f"polygon[{k}]", _excerpt(ring), {"pairs": len(ring)})
        for k, ring in enumerate(area.polygons, 1)
        for code in _ring_codes(ring)
    ]


def _ring_codes(ring: Ring) -> Iterator[str]:
    if len(ring) > MAX_VERTICES:
        return  # told of the message as a whole
    if len(ring) < 4:
        yield "cap.polygon.short"
    if ring[0] != ring[-1]:
        yield "cap.polygon.open"
    if not _is_on_earth(ring):
        yield "cap.polygon.range"
    if len(ring) >= 4 and len(set(ring[:4])) < 3 and len(set(ring)) < 3:
        yield "cap.polygon.flat"


def _is_on_earth(ring: Ring) -> bool:
    # A plain loop, and bounds of the numbers' own type: a third of the time, for every vertex of every message.
    for lat, lon in ring:  # noqa: SIM110
        if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
            return False
    return True


def _excerpt(ring: Ring) -> str:
    return grammar.format_polygon(ring[:4])


def circles(area: AreaBlock) -> Breaches:
    """§3.2.4 circle: a centre in range and a radius in kilometres, 0 for a point."""
    if not area.circles:
        return NONE
    return [
        Breach(code, f"circle[{k}]", grammar.format_circle(circle))
        for k, circle in enumerate(area.circles, 1)
        for code in _circle_codes(circle)
    ]


def _circle_codes(circle: Circle) -> Iterator[str]:
    if not (-90 <= circle.lat <= 90 and -180 <= circle.lon <= 180):
        yield "cap.circle.range"
    if not 0 <= circle.radius_km < math.inf:
        yield "cap.circle.radius"


def ceiling(area: AreaBlock) -> Breaches:
    """§3.2.4 ceiling: only above an altitude, and not below it."""
    if area.ceiling_ft is None:
        return NONE
    found = grammar.format_number(area.ceiling_ft)
    if area.altitude_ft is None:
        return [Breach("cap.ceiling.alone", "ceiling", found)]
    return [Breach("cap.ceiling.low", "ceiling", found)] if area.ceiling_ft < area.altitude_ft else NONE


def geocodes(area: AreaBlock) -> Breaches:
    """§3.2.4 geocode: a shape beside it serves those who do not know the code."""
    if area.geocodes and not area.polygons and not area.circles:
        return [Breach("cap.geocode.alone")]
    return NONE


def shapes(area: AreaBlock) -> Breaches:
    """The bounds of an area: polygons, circles, geocodes."""
    count = max(len(area.polygons) + len(area.circles), len(area.geocodes))
    return [_over("polygon", count, MAX_SHAPES)] if count > MAX_SHAPES else NONE


ALERT_RULES: Final = (
    identifier,
    sender,
    sent,
    references_present,
    references_sensible,
    restriction,
    addresses,
    quotes,
    note,
    assess,
    expires,
    size,
)
INFO_RULES: Final = (language, headline, web, blocks)
RESOURCE_RULES: Final = (mime_type, uri, deref_uri, digest)
AREA_RULES: Final = (polygons, circles, ceiling, geocodes, shapes)
