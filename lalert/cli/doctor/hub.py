"""The hub on its port: whether it answers, is ready, is this version, and what it says is failing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from lalert import __version__
from lalert.cli.doctor.check import Check, Grade, error, ok, warning
from lalert.errors import Text
from lalert.settings import Settings
from lalert.web.server import url_of

NAME: Final = "hub"

_PATIENCE_S: Final = 5.0
_MOST_BYTES: Final = 8 << 20
_CLOCK_SLACK_S: Final = 5.0
_CANARIES: Final = 3  # so many may be missed
_FAILING: Final = "lalert_push_failing_lanes"
_RESTART: Final = Text("ハブを再起動してください。", "Restart the hub.")


class _State(msgspec.Struct):
    store: str = ""
    residents: str = ""


class _Ready(msgspec.Struct):
    status: str
    realms: dict[str, _State]


class _Feed(msgspec.Struct):
    name: str
    failures: int = 0
    failure: str | None = None


class _Boundaries(msgspec.Struct):
    fault: str | None = None


class _Realm(msgspec.Struct, rename="camel"):
    cursor: str
    in_force: int
    streams: int
    last_change: str
    boundaries: _Boundaries
    canary_age_seconds: dict[str, float] = {}
    sources: list[_Feed] = []


class _Status(msgspec.Struct):
    version: str
    realms: dict[str, _Realm]


@dataclass(frozen=True, slots=True)
class _Answers:
    """What a hub said of itself, and when by its own clock."""

    ready: _Ready
    status: _Status
    failing: Mapping[str, int]  # lanes by realm and way
    at: datetime | None


async def checks(settings: Settings) -> list[Check]:
    """Return how the hub is that listens where the settings say; one that is not running is told, too."""
    if not settings.server.port:
        return [ok(NAME, Text("ポートは起動のたびに変わる設定です。", "Any free port: there is nowhere to ask."))]
    url = url_of(settings.server.host, settings.server.port)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            answers = await _asked(url)
    except aiohttp.ClientConnectorError:
        return [_absent(url)]
    except (aiohttp.ClientError, TimeoutError):
        return [_silent(url)]
    except (msgspec.DecodeError, ValueError):
        return [_stranger(url)]
    return list(_judged(url, answers, canary_s=settings.hub.canary_s, now=datetime.now(UTC)))


async def _asked(url: str) -> _Answers:
    async with aiohttp.ClientSession() as session:
        ready, _ = await _get(session, f"{url}/readyz")
        status, headers = await _get(session, f"{url}/status.json")
        page, _ = await _get(session, f"{url}/metrics")
    date = headers.get("Date")
    return _Answers(
        ready=msgspec.json.decode(ready, type=_Ready),
        status=msgspec.json.decode(status, type=_Status),
        failing=_failing(page.decode("utf-8", "replace")),
        at=parsedate_to_datetime(date) if date else None,
    )


async def _get(session: aiohttp.ClientSession, url: str) -> tuple[bytes, Mapping[str, str]]:
    async with session.get(url, allow_redirects=False) as response:
        return await response.content.read(_MOST_BYTES), response.headers


def _failing(page: str) -> dict[str, int]:
    """Return how many recipients failed last time, by realm and way, out of `/metrics`."""
    families = (family for family in text_string_to_metric_families(page) if family.name == _FAILING)
    samples = (sample for family in families for sample in family.samples if sample.value)
    return {f"{one.labels.get('realm')} {one.labels.get('way')}": int(one.value) for one in samples}


def _judged(url: str, answers: _Answers, *, canary_s: float, now: datetime) -> Iterator[Check]:
    yield _ready(url, answers)
    if answers.status.version != __version__:
        version = answers.status.version
        told = Text(f"動いているのは {version}、この版は {__version__}", f"{version} is running, this is {__version__}")
        yield warning("hub.version", told, _RESTART)
    for realm, state in answers.status.realms.items():
        yield from _flowing(realm, state, canary_s)
    for lane, count in answers.failing.items():
        yield warning(
            "hub.recipients",
            Text(f"{lane}：失敗中の送り先 {count}", f"{lane}: {count} recipient(s) failing"),
            Text(
                "相手の様子を lalert endpoint で確かめてください。再送は続いています。",
                "See lalert endpoint for which. They are being retried.",
            ),
        )
    if answers.at is not None and abs((answers.at - now).total_seconds()) > _CLOCK_SLACK_S:
        off = f"{(answers.at - now).total_seconds():+,.0f}"
        yield error(
            "hub.clock",
            Text(f"ハブの時計が {off} 秒ずれています。", f"The hub's clock is {off} s off."),
            Text("NTP(chrony など)を確かめてください。", "Look at NTP (chrony)."),
        )


def _ready(url: str, answers: _Answers) -> Check:
    """Return whether posts can be kept and everybody can be told."""
    bad = {
        f"{realm}: {what}"
        for realm, state in answers.ready.realms.items()
        for what in (state.store, state.residents)
        if what not in ("ok", "reading")
    }
    if bad or answers.ready.status != "ok":
        said = ", ".join(sorted(bad)) or answers.ready.status
        return error(
            NAME,
            Text(f"{url} は準備ができていません（{said}）。", f"{url} is not ready ({said})."),
            Text("コードの意味と対処は docs/problems.md にあります。", "docs/problems.md explains the code."),
        )
    states = answers.status.realms.items()
    told = ", ".join(f"{realm} {one.cursor} ({one.last_change})" for realm, one in states)
    count = sum(one.in_force for _, one in states), sum(one.streams for _, one in states)
    return ok(
        NAME,
        Text(
            f"{url} 稼働中：{told}、発令中 {count[0]}、受信中 {count[1]}",
            f"{url} is running: {told}, {count[0]} in force, {count[1]} streams",
        ),
    )


def _flowing(realm: str, state: _Realm, canary_s: float) -> Iterator[Check]:
    """Yield what does not come through: the hub's own test messages, its sources, a new boundary set."""
    late = {way: age_s for way, age_s in state.canary_age_seconds.items() if age_s > _CANARIES * canary_s}
    for way, age_s in late.items():
        told = Text(
            f"{realm}：自己点検が {way} に {age_s:,.0f} 秒届いていません",
            f"{realm}: no canary on {way} for {age_s:,.0f} s",
        )
        yield error("hub.canary", told, _RESTART)
    for feed in state.sources:
        if feed.failures:
            told = Text(
                f"{realm}：取り込み元 {feed.name} が {feed.failures} 回続けて失敗({feed.failure})",
                f"{realm}: source {feed.name} failed {feed.failures} times running ({feed.failure})",
            )
            advice = Text("lalert sources check で確かめてください。", "Ask it with lalert sources check.")
            yield warning("hub.sources", told, advice)
    if state.boundaries.fault:
        told = Text(f"{realm}：境界データを読めません", f"{realm}: the boundary set cannot be read")
        yield error(
            "hub.boundaries", told, Text("lalert boundaries check を実行してください。", "Run lalert boundaries check.")
        )


def _absent(url: str) -> Check:
    return warning(
        NAME,
        Text(f"{url} では何も動いていません。", f"Nothing listens at {url}."),
        Text("ハブを起動してください(systemctl start lalert)。", "Start the hub (systemctl start lalert)."),
    )


def _silent(url: str) -> Check:
    return Check(
        NAME,
        Grade.UNREACHABLE,
        Text(f"{url} が {_PATIENCE_S:.0f} 秒以内に答えません。", f"{url} does not answer within {_PATIENCE_S:.0f} s."),
        Text(
            "ログ(journalctl -u lalert)を見て、続くなら再起動してください。",
            "Look at the log (journalctl -u lalert); if it goes on, restart the hub.",
        ),
    )


def _stranger(url: str) -> Check:
    return error(
        NAME,
        Text(f"{url} で動いているのは lalert ではありません。", f"What answers at {url} is no lalert."),
        Text(
            "server.port を変えるか、その番号のプログラムを止めてください。",
            "Change server.port, or stop that program.",
        ),
    )
