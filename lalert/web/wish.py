"""What a resident's browser writes to be notified: read whole, with everything that is wrong named at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from lalert.cap.vocabulary import vocabulary_at
from lalert.core.resident import Peer, Quiet, Wish
from lalert.errors import Finding, Rejected, Text, rejected
from lalert.geo import mesh, postal
from lalert.geo.boundaries import BoundarySet
from lalert.geo.residents import CELLS
from lalert.publishers import sealing
from lalert.settings import Networks
from lalert.web.addresses import may_reach
from lalert.web.bodies import mistake, pointer, table_of
from lalert.web.phrases import LANGUAGES
from lalert.web.query import place_codes

MAX_AREAS: Final = 20
MAX_CELLS: Final = 100
MAX_URL: Final = 2_048

_FIELDS: Final = ("subscription", "areas", "postal", "cells", "minLevel", "hazards", "lang", "quiet")
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_IP: Final = re.compile(r"[0-9.]+|[0-9a-f:.]*:[0-9a-f:.]*(%.*)?", re.IGNORECASE)
_NO_PEER: Final = Peer(endpoint="", p256dh=b"", auth=b"")


def read(body: bytes, *, boundaries: BoundarySet, allowed: Networks) -> tuple[Wish, Peer]:
    """Return what `body` asks for and for which browser; `allowed` are private networks that may be pushed to.

    Raises `Rejected`: http.json (400) for what is no JSON object, push.invalid (422) with every mistake.
    """
    reader = _Reader(table_of(body), boundaries, allowed)
    wish, peer = reader.wish(), reader.peer()
    if reader.findings:
        message = Text("通知の登録内容に誤りがあります。", "These notifications cannot be registered as they are.")
        raise rejected(reader.findings, code="push.invalid", message=message)
    return wish, peer


class _Reader:
    """One body, read piece by piece; what is wrong is noted in `findings`, and something harmless goes on."""

    def __init__(self, table: Mapping[str, object], boundaries: BoundarySet, allowed: Networks) -> None:
        self.findings: list[Finding] = []
        self._table = table
        self._boundaries = boundaries
        self._allowed = allowed
        for name in table:
            if name not in _FIELDS:
                self._wrong("push.unknown", pointer(name), None, _UNKNOWN)

    def wish(self) -> Wish:
        """Return where, what and when not."""
        areas, cells = self._areas() | self._delivered(), self._cells()
        if not areas and not cells and not self.findings:
            self._wrong("push.nowhere", "/areas", None, _NOWHERE)
        return Wish(
            areas=areas,
            cells=cells,
            min_level=self._min_level(),
            hazards=self._hazards(),
            lang=self._lang(),
            quiet=self._quiet(),
        )

    def peer(self) -> Peer:
        """Return the browser (Push API §8, `PushSubscription.toJSON`); members that we do not know are its own."""
        given = self._table.get("subscription")
        if not isinstance(given, dict):
            self._wrong("push.subscription", "/subscription", None, _SUBSCRIPTION)
            return _NO_PEER
        keys = given.get("keys")
        keys = keys if isinstance(keys, dict) else {}
        return Peer(
            endpoint=self._endpoint(given.get("endpoint")),
            p256dh=self._key(keys.get("p256dh")),
            auth=self._auth(keys.get("auth")),
        )

    # --- the browser ----------------------------------------------------------------------------------------------

    def _endpoint(self, value: object) -> str:
        """Return the URL; nothing of it is told back or logged, for whoever knows it may use it."""
        said = _endpoint_fault(value, self._allowed)
        if said is not None:
            self._wrong("push.endpoint", "/subscription/endpoint", None, said)
        return str(value)

    def _key(self, value: object) -> bytes:
        raw = sealing.maybe_bytes(value) if isinstance(value, str) else None
        if raw is None or not sealing.is_key(raw):
            self._wrong("push.key", "/subscription/keys/p256dh", None, _KEY)
        return raw or b""

    def _auth(self, value: object) -> bytes:
        raw = sealing.maybe_bytes(value) if isinstance(value, str) else None
        if raw is None or len(raw) != sealing.AUTH_BYTES:
            self._wrong("push.auth", "/subscription/keys/auth", None, _AUTH)
        return raw or b""

    # --- where ----------------------------------------------------------------------------------------------------

    def _areas(self) -> frozenset[str]:
        codes: set[str] = set()
        for number, text in enumerate(self._texts("areas", MAX_AREAS)):
            try:
                codes |= place_codes(text, self._boundaries)
            except Rejected as refused:
                self._wrong("push.area", f"/areas/{number}", text, (refused.message, _AREA))
        return frozenset(codes)

    def _delivered(self) -> frozenset[str]:
        """Return the municipalities of the postal codes; those themselves are forgotten here."""
        codes: set[str] = set()
        for number, text in enumerate(self._texts("postal", MAX_AREAS)):
            try:
                for code in postal.load().municipalities(text, path=f"/postal/{number}"):
                    for heir in self._boundaries.heirs(code):
                        codes.update(self._boundaries.expand(heir))
            except Rejected as refused:
                self.findings += refused.findings
        return frozenset(codes)

    def _cells(self) -> frozenset[str]:
        cells = self._texts("cells", MAX_CELLS)
        for number, cell in enumerate(cells):
            if not _is_cell(cell):
                self._wrong("push.cell", f"/cells/{number}", cell, _CELL)
        return frozenset(cells)

    # --- what, and when not -----------------------------------------------------------------------------------------

    def _min_level(self) -> int | None:
        value = self._table.get("minLevel")
        if value is None or (type(value) is int and 1 <= value <= 5):
            return value
        self._wrong("push.level", "/minLevel", value, _LEVEL)
        return None

    def _hazards(self) -> frozenset[str]:
        known = vocabulary_at(None).hazard_names
        hazards = self._texts("hazards", len(known))
        for number, hazard in enumerate(hazards):
            if hazard not in known:
                self._wrong("push.hazard", f"/hazards/{number}", hazard, _hazard(known))
        return frozenset(hazards)

    def _lang(self) -> str:
        value = self._table.get("lang", "ja")
        if value not in LANGUAGES:
            self._wrong("push.lang", "/lang", value, _LANG)
        return str(value)

    def _quiet(self) -> Quiet | None:
        value = self._table.get("quiet")
        if value is None:
            return None
        begin, end = (_minutes(value.get(name)) for name in ("from", "to")) if isinstance(value, dict) else (None, None)
        if begin is None or end is None or begin == end:
            self._wrong("push.quiet", "/quiet", None, _QUIET)
            return None
        return Quiet(begin, end)

    def _texts(self, name: str, limit: int) -> list[str]:
        value = self._table.get(name) or []
        if isinstance(value, list) and len(value) <= limit and all(isinstance(item, str) for item in value):
            return value
        self._wrong("push.list", f"/{name}", None, _list(limit))
        return []

    def _wrong(self, code: str, path: str, found: object, said: Sequence[Text]) -> None:
        self.findings.append(mistake(code, path, found, said))


def _endpoint_fault(value: object, allowed: Networks) -> Sequence[Text] | None:
    """Say why nothing would ever be pushed to `value`, if so. The guard looks again at every connection."""
    if not isinstance(value, str) or len(value) > MAX_URL or not all("!" <= sign <= "~" for sign in value):
        return _ENDPOINT
    try:
        parts = urlsplit(value)
        host, has_port = parts.hostname or "", parts.port != 0
    except ValueError:  # a port that is no number, half a pair of brackets
        return _ENDPOINT
    if parts.scheme not in ("https", "http") or not host or not has_port or "@" in parts.netloc or parts.fragment:
        return _ENDPOINT
    is_number = _IP.fullmatch(host) is not None
    if parts.scheme == "http":
        return None if is_number and may_reach(host, allowed, inside_only=True) else _SCHEME
    return _ADDRESS if is_number and not may_reach(host, allowed) else None


def _is_cell(cell: str) -> bool:
    try:
        return mesh.level_of(cell) in CELLS
    except Rejected:
        return False


def _minutes(value: object) -> int | None:
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) * 60 + int(found[2]) if found else None


# --- mistakes -----------------------------------------------------------------------------------------------------

_UNKNOWN: Final = (
    Text("この項目はありません。", "There is no such member."),
    Text(f"使える項目: {', '.join(_FIELDS)}", f"Known: {', '.join(_FIELDS)}"),
)
_NOWHERE: Final = (
    Text("通知する地域がありません。", "It names no place."),
    Text(
        "areas（市区町村コード）、postal（郵便番号）、cells（地域メッシュコード）のいずれかを指定してください。",
        "Give at least one of areas (municipality codes), postal (postal codes) or cells (JIS X 0410 codes).",
    ),
)
_SUBSCRIPTION: Final = (
    Text("subscription がありません。", "There is no subscription."),
    Text(
        "ブラウザの PushSubscription.toJSON() の結果をそのまま入れてください。",
        "Give what PushSubscription.toJSON() of the browser returns.",
    ),
)
_ENDPOINT: Final = (
    Text("通知の送り先（endpoint）の形が誤っています。", "The endpoint is no URL of a push service."),
    Text(
        "PushSubscription の endpoint をそのまま入れてください（https、2,048文字以内）。",
        "Give the endpoint of the PushSubscription as it is (https, at most 2,048 characters).",
    ),
)
_SCHEME: Final = (
    Text("送り先（endpoint）が https ではありません。", "The endpoint is not https."),
    Text("https:// の送り先だけを登録できます。", "Only https endpoints can be registered."),
)
_ADDRESS: Final = (
    Text("送り先（endpoint）が内部のネットワークを指しています。", "The endpoint leads into a private network."),
    Text("公開されているプッシュサービスの送り先にしてください。", "Give the endpoint of a public push service."),
)
_KEY: Final = (
    Text("公開鍵（p256dh）が正しくありません。", "The key p256dh is none."),
    Text(
        "P-256 曲線上の点を非圧縮形式（65バイト）で、base64url で指定してください。",
        "Give a point of P-256, uncompressed (65 bytes), as base64url.",
    ),
)
_AUTH: Final = (
    Text("認証用の値（auth）が正しくありません。", "The value auth is none."),
    Text("16バイトを base64url で指定してください。", "Give 16 bytes as base64url."),
)
_AREA: Final = Text('例: "areas": ["131016", "14"]', 'Example: "areas": ["131016", "14"]')
_CELL: Final = (
    Text("地域メッシュコードではありません。", "It is no cell of the grid."),
    Text(
        "JIS X 0410 の8桁（1km）、9桁（500m）、10桁（250m）で指定してください。",
        "Give a code of JIS X 0410 with 8 (1 km), 9 (500 m) or 10 (250 m) digits.",
    ),
)
_LEVEL: Final = (
    Text("minLevel は 1 から 5 の整数です。", "The minLevel is a whole number from 1 to 5."),
    Text("例: 3（警戒レベル3以上）", "Example: 3 (alert level 3 and above)"),
)
_LANG: Final = (
    Text("この言語には対応していません。", "That language is not spoken here."),
    Text(f"使える言語: {', '.join(LANGUAGES)}", f"Known: {', '.join(LANGUAGES)}"),
)
_QUIET: Final = (
    Text("通知を控える時間帯の形が誤っています。", "The quiet hours cannot be read."),
    Text('例: {"from": "22:00", "to": "06:00"}', 'Example: {"from": "22:00", "to": "06:00"}'),
)


def _hazard(known: Iterable[str]) -> Sequence[Text]:
    names = ", ".join(known)
    return (
        Text("この災害の種類はありません。", "There is no such hazard."),
        Text(f"使える種類: {names}", f"Known: {names}"),
    )


def _list(limit: int) -> Sequence[Text]:
    return (
        Text(f"{limit} 件までの文字列の配列にしてください。", f"It must be an array of at most {limit} texts."),
        Text('例: ["131016"]', 'Example: ["131016"]'),
    )
