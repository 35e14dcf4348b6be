"""What can safely be mended in messages that others made: wrapping, white space, references, rings left open.

Every repair is a finding. What cannot be mended without guessing is left out of the message, never invented.

References matter most: a Cancel whose references cannot be read ends nothing. So what is plain in them counts, such as
the `Z` of a sender who writes it in `sent`, too, and one that is not plain takes no other with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any, Final

from lxml import etree

from lalert.cap import grammar, parse, places, salvage, structure
from lalert.cap.catalogue import finding
from lalert.cap.dictionary import ENUMERATIONS
from lalert.cap.grammar import Malformed
from lalert.cap.model import Alert, AreaBlock, Circle, Identity, Info, MsgType, Ring, Scope, Status
from lalert.cap.parse import Decoded
from lalert.errors import Finding

MAX_PARTS: Final = 5_000  # of a references text are looked at: more than a message may hold
MAX_LENGTH: Final = 1 << 20  # characters of a text; in a longer one nothing is mended

_COMMA: Final = re.compile(r"(?<!\s)\s*+,\s*+")
_SEPARATOR: Final = re.compile(r"[^\S \t\r\n]|;")  # white space of Unicode that is none of XML's, and what some write
_LOOSE: Final = re.compile(r"([^,]++),([^,]++),\s*+(\S++)")
_TRIPLE: Final = re.compile(r"\A\s*+([^\s,]++,[^\s,]++),([^\s,]++)\s*+\Z")


def decode(raw: bytes) -> tuple[Decoded, tuple[Finding, ...]]:
    """Return what can be read of `raw`, and what had to be mended so that it could be read.

    `Alert.raw` stays what was received: signatures are checked on it.
    """
    decoded, found = _rejoined(*_respelt(*_unwrapped(raw)))
    return _undecided(decoded), found


def _unwrapped(raw: bytes) -> tuple[Decoded, tuple[Finding, ...]]:
    """Return what can be read of `raw` when what keeps it from being XML is mended."""
    if len(raw) > parse.MAX_BYTES:
        return parse.decode(raw), ()
    first = parse.decode(raw)
    if not any(f.code == "cap.xml.syntax" for f in first.findings):
        return first, ()
    for body, codes in salvage.attempts(raw):
        decoded = parse.decode(body)
        if decoded.alert is not None:
            whole = replace(decoded, alert=replace(decoded.alert, raw=raw))
            return whole, tuple(finding(code, line=1, path="/") for code in codes)
    return first, ()


def _respelt(decoded: Decoded, found: tuple[Finding, ...]) -> tuple[Decoded, tuple[Finding, ...]]:
    """Return the message as it reads when its small texts are spelled as CAP spells them; its defects stay told."""
    alert, root = decoded.alert, decoded.root
    if alert is None or root is None or not _may_be_misspelt(decoded):
        return decoded, found
    mended, repairs = deepcopy(root), []
    for element in mended.iter(etree.Element):
        name, text = places.local_name(element), element.text or ""
        spell = _SPELLINGS.get(name)
        if spell is not None and len(text) <= MAX_LENGTH and (better := spell(text)) != text:
            repairs.append(places.finding_at(_repair(name, text, better), element, text))
            element.text = better
    again = parse.decode(etree.tostring(mended, encoding="utf-8")).alert if repairs else None
    if again is None:
        return decoded, found
    whole = replace(decoded, alert=replace(again, raw=alert.raw))
    return whole, (*found, *repairs[: structure.MAX_FINDINGS])


def _rejoined(decoded: Decoded, found: tuple[Finding, ...]) -> tuple[Decoded, tuple[Finding, ...]]:
    """Return the message with the references to its own sender whole, where blanks in the name have cut them.

    Such a name is a defect that is published, and so must be the Cancel that repeats it.
    """
    alert, root = decoded.alert, decoded.root
    if alert is None or root is None or len(alert.sender.split()) == 1:
        return decoded, found
    text = root.findtext("{*}references") or ""
    name = alert.sender.split()
    own = [identity for identity in _loose(text) if identity.sender.split() == name]
    cut = {(identity.identifier, identity.sent) for identity in own}
    others = (one for one in alert.references if (one.identifier, one.sent) not in cut)
    whole = tuple(Identity(alert.sender, identity.identifier, identity.sent) for identity in own)
    if not whole:
        return decoded, found
    told = finding("cap.repair.references", path="/alert/references", line=places.line_of(root, "/alert/references"))
    return replace(decoded, alert=replace(alert, references=(*whole, *others))), (*found, told)


def _loose(text: str) -> Iterator[Identity]:
    """Yield the references in `text`, each up to the blank behind its time: names may hold blanks.

    Linear: it goes on where the last one ended, and stops at what is none.
    """
    at = 0
    for _ in range(MAX_PARTS):
        part = _LOOSE.match(text, at)
        if part is None:
            return
        name, identifier, sent = part[1].strip(), part[2].strip(), grammar.maybe_time(part[3])
        if name and identifier and sent is not None:
            yield Identity(name, identifier, sent)
        at = part.end()


def _undecided(decoded: Decoded) -> Decoded:
    """Return the message without what it says of itself twice, and differently: nobody knows which of them is true.

    A drill that also calls itself real must not sound an alarm.
    """
    alert, root = decoded.alert, decoded.root
    if alert is None or root is None or not decoded.findings:
        return decoded
    said = {tag: {child.text for child in root.iterchildren(f"{{*}}{tag}")} for tag in _UNSAID}
    unsaid = {name: value for tag, (name, value) in _UNSAID.items() if len(said[tag]) > 1}
    return replace(decoded, alert=replace(alert, **unsaid)) if unsaid else decoded


def _may_be_misspelt(decoded: Decoded) -> bool:
    """Whether there is something to look for: the structure's findings tell it, but for the two names."""
    alert = decoded.alert
    names = (alert.identifier, alert.sender) if alert else ()
    return any(name != name.strip() for name in names) or any(f.code in _MISSPELT for f in decoded.findings)


def _tight(text: str) -> str:
    """Return `text` with plain blanks, none beside its commas. Linear: a run of blanks is looked at from its first."""
    return _COMMA.sub(",", _SEPARATOR.sub(" ", text))


def _round(text: str) -> str:
    """Return the text of a circle with a blank before its radius, where all three numbers are joined by commas."""
    return _TRIPLE.sub(r"\1 \2", _tight(text))


def _plain_references(text: str) -> str:
    """Return those references that can be understood, as CAP writes them; `text` where all can, or none."""
    try:
        grammar.parse_references(text)
    except Malformed:
        understood = [
            identity for part in _tight(text).split()[:MAX_PARTS] for identity in _identities(part.strip(",;"))
        ]
        return grammar.format_references(tuple(understood)) if understood else text
    return text


def _identities(triples: str) -> list[Identity]:
    """Return the references in a text without white space: one, or several that are joined by commas."""
    parts = triples.split(",")
    if len(parts) % 3 or not all(map(grammar.is_name, parts)):
        return []
    read = zip(parts[::3], parts[1::3], map(grammar.maybe_time, parts[2::3]), strict=True)
    return [Identity(sender, identifier, sent) for sender, identifier, sent in read if sent is not None]


def _words(name: str) -> Callable[[str], str]:
    """Return what spells a word of CAP as CAP does: `ACTUAL` means Actual, and would else be no alarm."""
    words = {str(word).lower(): str(word) for word in ENUMERATIONS[name]}
    return lambda text: words.get(text.strip().lower(), text.strip())


def _repair(name: str, text: str, better: str) -> str:
    """Return the code of the repair that made `better` of `text`."""
    if name in ENUMERATIONS and better != text.strip():
        return "cap.repair.case"
    return _REPAIRS.get(name, "cap.repair.space")


def _tag(text: str) -> str:
    return text.strip().replace("_", "-")


# What a message says of itself, and what stands for each where it is not known: nothing that could be an alarm.
_UNSAID: Final[dict[str, tuple[str, Any]]] = {
    "identifier": ("identifier", ""),
    "sender": ("sender", ""),
    "sent": ("sent", parse.UNREADABLE),
    "status": ("status", Status.DRAFT),
    "msgType": ("msg_type", MsgType.ERROR),
    "scope": ("scope", Scope.PRIVATE),
}
_SPELLINGS: Final[dict[str, Callable[[str], str]]] = {
    **dict.fromkeys(("identifier", "sender"), str.strip),
    **{name: _words(name) for name in ENUMERATIONS},
    "references": _plain_references,
    "language": _tag,
    "polygon": _tight,
    "circle": _round,
}
_REPAIRS: Final = {"references": "cap.repair.references", "language": "cap.repair.language"}
_MISSPELT: Final = frozenset(
    {
        "cap.schema.enumeration",
        "cap.schema.type",  # the language
        "cap.references.form",
        "cap.references.time",
        "cap.references.old",
        "cap.polygon.syntax",
        "cap.circle.syntax",
    }
)


def mend(alert: Alert) -> tuple[Alert, list[Finding]]:
    """Return `alert` with open rings closed, and impossible shapes left out."""
    infos, findings = [], []
    for i, info in enumerate(alert.infos, 1):
        mended, found = _mend_info(info, f"/alert/info[{i}]")
        infos.append(mended)
        findings += found
    return replace(alert, infos=tuple(infos)), findings


def _mend_info(info: Info, path: str) -> tuple[Info, list[Finding]]:
    areas, findings = [], []
    for j, area in enumerate(info.areas, 1):
        mended, codes = _mend_area(area)
        areas.append(mended)
        findings += [finding(code, path=f"{path}/area[{j}]") for code in codes]
    return replace(info, areas=tuple(areas)), findings


def _mend_area(area: AreaBlock) -> tuple[AreaBlock, list[str]]:
    rings = tuple(ring if ring[0] == ring[-1] else (*ring, ring[0]) for ring in area.polygons)
    kept = tuple(ring for ring in rings if _is_surface(ring))
    circles = tuple(circle for circle in area.circles if _is_on_earth(circle))
    codes = ["cap.repair.ring"] if rings != area.polygons else []
    if len(kept) + len(circles) < len(area.polygons) + len(area.circles):
        codes.append("cap.repair.shape")
    return replace(area, polygons=kept, circles=circles), codes


def _is_surface(ring: Ring) -> bool:
    return len(set(ring)) >= 3 and all(-90 <= lat <= 90 and -180 <= lon <= 180 for lat, lon in ring)


def _is_on_earth(circle: Circle) -> bool:
    return -90 <= circle.lat <= 90 and -180 <= circle.lon <= 180 and 0 <= circle.radius_km < math.inf
