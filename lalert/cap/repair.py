"""What can safely be mended in messages that others made: the wrapping of the bytes, and rings left open.

Every repair is a finding. What cannot be mended without guessing is left out of the message, never invented.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Final

from lalert.cap import parse
from lalert.cap.catalogue import finding
from lalert.cap.model import Alert, AreaBlock, Circle, Info, Ring
from lalert.cap.parse import Decoded
from lalert.errors import Finding

_JAPANESE: Final = ("shift_jis", "euc_jp")
_DECLARATION: Final = re.compile(r"\A<\?xml[^>]*\?>")
_START: Final = re.compile(rb"<\?xml|<(?:[A-Za-z_][\w.\-]*:)?alert\b")


def decode(raw: bytes) -> tuple[Decoded, tuple[Finding, ...]]:
    """Return what can be read of `raw`, and what had to be mended so that it could be read.

    `Alert.raw` stays what was received: signatures are checked on it.
    """
    if len(raw) > parse.MAX_BYTES:
        return parse.decode(raw), ()
    first = parse.decode(raw)
    if not any(f.code == "cap.xml.syntax" for f in first.findings):
        return first, ()
    trimmed = _trimmed(raw)
    for body, code in ((trimmed, "cap.repair.wrapping"), (_recoded(trimmed), "cap.repair.encoding")):
        decoded = parse.decode(body)
        if decoded.alert is not None:
            whole = replace(decoded, alert=replace(decoded.alert, raw=raw))
            return whole, (finding(code, line=1, path="/"),)
    return first, ()


def _trimmed(raw: bytes) -> bytes:
    start = _START.search(raw)
    return raw[start.start() :].rstrip(b"\0 \t\r\n") if start else raw


def _recoded(raw: bytes) -> bytes:
    return _DECLARATION.sub("", _decoded(raw)).encode()


def _decoded(raw: bytes) -> str:
    for encoding in _JAPANESE:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")  # takes everything


def mend(alert: Alert) -> tuple[Alert, list[Finding]]:
    """Return `alert` with white space around its names gone, open rings closed, and impossible shapes left out."""
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
