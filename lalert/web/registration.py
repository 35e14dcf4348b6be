"""What one of the media writes to have alerts sent: read whole, with everything that is wrong named at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from msgspec import structs
from multidict import MultiDict

from lalert.core.model import Subscription
from lalert.errors import Finding, Rejected, Text, rejected
from lalert.geo.boundaries import BoundarySet
from lalert.publishers.webhook import MEDIA_TYPES
from lalert.web.addresses import may_reach
from lalert.web.bodies import mistake, pointer, table_of
from lalert.web.outbound import Outbound
from lalert.web.query import FILTERS, Query, subscription

MAX_URL: Final = 2_048

_FIELDS: Final = ("url", "format", "filter")


@dataclass(frozen=True, slots=True)
class Registration:
    """A wish that can be met: alerts that `subscription` lets pass, as `format`, to `url`."""

    url: str
    format: str
    subscription: Subscription


async def read(body: bytes, *, boundaries: BoundarySet, outbound: Outbound) -> Registration:
    """Return what `body` asks for. Raises `Rejected` (endpoint.invalid) with every mistake; the host is looked up."""
    table = table_of(body)
    findings = [_unknown(name) for name in table if name not in _FIELDS]
    url = await _url(table.get("url"), outbound, findings)
    form = _format(table.get("format", "json"), findings)
    wanted = _filter(table.get("filter", {}), boundaries, findings)
    if findings:
        message = Text("配信先の登録内容に誤りがあります。", "The endpoint cannot be registered as it is.")
        raise rejected(findings, code="endpoint.invalid", message=message)
    return Registration(url, form, wanted)


def filter_dict(wanted: Subscription) -> dict[str, object]:
    """Return a filter as it is written; a city that is held as wards is told as its wards."""
    lon, lat = wanted.point or (None, None)
    told: dict[str, object] = {
        "area": sorted(wanted.areas),
        "point": f"{lat},{lon}" if wanted.point else None,
        "min_level": wanted.min_level,
        "hazard": sorted(wanted.hazards),
        "category": sorted(wanted.categories),
        "lang": wanted.lang,
        "include": ["system"] if wanted.system else [],
    }
    return {name: value for name, value in told.items() if value not in (None, [])}


# --- where to ---------------------------------------------------------------------------------------------------


async def _url(value: object, outbound: Outbound, findings: list[Finding]) -> str:
    parts = _split(value)
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname:
        findings.append(mistake("endpoint.url", "/url", value, _URL))
        return ""
    if parts.username is not None or parts.password is not None or parts.fragment:
        findings.append(mistake("endpoint.url", "/url", None, _URL_PARTS))  # not told: it may hold a password
        return ""
    finding = await _unreachable(parts.scheme, parts.hostname, outbound)
    if finding is not None:
        findings.append(finding)
    return parts.geturl()


def _split(value: object) -> SplitResult | None:
    if not isinstance(value, str) or len(value) > MAX_URL or not all("!" <= sign <= "~" for sign in value):
        return None
    try:
        parts = urlsplit(value)
        has_port = parts.port != 0
    except ValueError:  # a port that is no number, half a pair of brackets
        return None
    return parts if has_port else None


async def _unreachable(scheme: str, host: str, outbound: Outbound) -> Finding | None:
    """Say why nothing would ever be sent to `host`, if so. The guard looks again at every connection."""
    try:
        addresses = await outbound.addresses(host)
    except (OSError, UnicodeError):
        addresses = []
    if not addresses:
        return mistake("endpoint.name", "/url", host, _NAME)
    if all(may_reach(address, outbound.allowed) for address in addresses):
        if scheme == "https" or all(may_reach(each, outbound.allowed, inside_only=True) for each in addresses):
            return None
        return mistake("endpoint.scheme", "/url", host, _SCHEME)
    return mistake("endpoint.address", "/url", host, _ADDRESS)


# --- what -------------------------------------------------------------------------------------------------------


def _format(value: object, findings: list[Finding]) -> str:
    if isinstance(value, str) and value in MEDIA_TYPES:
        return value
    findings.append(mistake("endpoint.format", "/format", value, _FORMAT))
    return ""


def _filter(value: object, boundaries: BoundarySet, findings: list[Finding]) -> Subscription:
    """Read the filter as the query of a stream: same names, same values, and a list may be an array."""
    texts = {name: _text(given) for name, given in value.items()} if isinstance(value, dict) else {"": None}
    given = {name: text for name, text in texts.items() if text is not None}
    findings.extend(
        mistake("endpoint.filter", _below_filter(name), None, _FILTER) for name, text in texts.items() if text is None
    )
    query = Query(MultiDict(given), FILTERS)
    wanted = subscription(query, boundaries)
    try:
        query.done()
    except Rejected as refused:
        findings.extend(
            structs.replace(finding, path=_below_filter(finding.path or "")) for finding in refused.findings
        )
    return wanted


def _text(value: object) -> str | None:
    if isinstance(value, list) and all(isinstance(item, str) and "," not in item for item in value):
        return ",".join(value)
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    return None


def _below_filter(name: str) -> str:
    return "/filter" + pointer(name) if name else "/filter"


# --- mistakes ---------------------------------------------------------------------------------------------------

_URL: Final = (
    Text("url は https:// で始まる完全なURLにしてください。", "The url must be an absolute https URL."),
    Text("例: https://media.example.jp/lalert", "Example: https://media.example.jp/lalert"),
)
_URL_PARTS: Final = (
    Text("url に利用者名・パスワード・#以降は書けません。", "The url takes no user name, password or fragment."),
    Text(
        "送信元の確認には署名(webhook-signature)を使ってください。",
        "Use the signature (webhook-signature) to know that a message is ours.",
    ),
)
_NAME: Final = (
    Text("url のホスト名が見つかりません。", "The host of the url is not known."),
    Text("綴りと、公開DNSに登録済みかを確認してください。", "Check its spelling and that it is in the public DNS."),
)
_ADDRESS: Final = (
    Text("url が内部のネットワークを指しています。", "The url leads into a private network."),
    Text(
        "インターネットから届くURLにしてください。構内へ配信する場合は、運用者が push.allow_networks で許可します。",
        "Give a URL that is reached from the internet. Private networks are opened by the operator "
        "(push.allow_networks).",
    ),
)
_SCHEME: Final = (
    Text("http:// は運用者が許可した構内ネットワークだけで使えます。", "Plain http is for allowed networks only."),
    Text("https:// のURLにしてください。", "Give an https URL."),
)
_FORMAT: Final = (
    Text("format は json か cap です。", "The format is json or cap."),
    Text('例: "format": "json"', 'Example: "format": "json"'),
)
_FILTER: Final = (
    Text("filter の値が読めません。", "The filter cannot be read."),
    Text(
        '例: "filter": {"area": ["13", "142018"], "min_level": 3}',
        'Example: "filter": {"area": ["13", "142018"], "min_level": 3}',
    ),
)


def _unknown(name: str) -> Finding:
    known = ", ".join(_FIELDS)
    said = (
        Text(f"項目 {name[:80]} はありません。", f"There is no member {name[:80]}."),
        Text(f"使える項目: {known}", f"Known: {known}"),
    )
    return mistake("endpoint.unknown", pointer(name), None, said)
