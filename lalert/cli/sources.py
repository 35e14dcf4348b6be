"""`lalert sources`: look at sources before a hub is told to publish what they say."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Column, Table

from lalert.cap.catalogue import shortened
from lalert.cap.model import Alert
from lalert.cli.prose import Prose, plain, printable
from lalert.cli.reasons import reason_of
from lalert.cli.speech import FINDINGS, TRY_AGAIN, emit, honest, say, tell
from lalert.core.examine import examine
from lalert.core.model import Realm
from lalert.errors import Finding, Text
from lalert.geo.boundaries import BoundarySet, load
from lalert.settings import Hub, Networks
from lalert.sources import register
from lalert.sources.gatherer import Fault, Gathered, Gatherer
from lalert.sources.judging import UNREADABLE, Known, Left, Message, judge, read
from lalert.sources.memory import Memory
from lalert.sources.source import Source
from lalert.web.fetcher import Fetcher

_TAKEN = "accepted"
_MOST_REASONS = 5
_BEGINNING, _BEGINNING_BYTES = 24, 200
_LEFT = {
    Left.REPEATED.value: Text("すでに受け付けた電文です。", "It is kept already."),
    Left.CONFLICT.value: Text("同じ名前で中身の違う電文があります。", "There is another message of this name."),
    Left.SUPERSEDED.value: Text("すでに更新・取消されています。", "It was updated or cancelled already."),
    Left.OVER.value: Text("有効期限を過ぎています。", "It no longer holds."),
    Left.REISSUED.value: Text("別の名前で出し直された同じ電文です。", "It is the same message under another name."),
    Left.EFFECTLESS.value: Text("終わらせる相手の電文がありません。", "There is nothing that it ends."),
    Left.DISTRUSTED.value: Text("この取り込み元が変えてはいけない電文です。", "This source must not change it."),
}
_RULES = Hub()  # as a hub has them by default


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What would become of one content of a source: `accepted`, why it would be left, or the code of its refusal.

    `begins` is how a content begins that is no message: nothing else tells which one it is.
    """

    alert: Alert | None
    outcome: str
    refused: bool = False
    findings: tuple[Finding, ...] = ()
    begins: str = ""

    @property
    def name(self) -> str:
        """What it is called in a table."""
        return self.alert.identifier if self.alert else f"«{self.begins}»"

    @property
    def reasons(self) -> Iterator[str]:
        """Why, and what to know, each once."""
        told = (_LEFT[self.outcome],) if self.outcome in _LEFT else ()
        yield from dict.fromkeys(say(text) for text in (*told, *(one.message for one in self.findings[:_MOST_REASONS])))


@click.group()
def sources() -> None:
    """取り込み元(他の機関のフィード) / Sources: feeds of CAP that others publish."""


@sources.command()
@click.argument("file_or_url")
@click.option(
    "--area", default="*", show_default=True, help="URLのとき:認める区域 / with a URL: codes, comma list, or *"
)
@click.option("--realm", type=click.Choice([realm.value for realm in Realm]), default="live", show_default=True)
@click.option("--allow", default="", help="URLのとき:接続してよい構内の範囲 / with a URL: private networks (CIDR)")
@click.option("--json", "as_json", is_flag=True, help="1行1通のJSON / JSON lines")
@honest
def check(file_or_url: str, area: str, realm: str, allow: str, as_json: bool) -> None:
    """一度だけ読み、何が受け付けられるかを示す / Fetch once and say what would be accepted; nothing is published."""
    boundaries = load()
    if file_or_url.startswith(("https://", "http://")):
        listed: Sequence[Source] = [_ad_hoc(file_or_url, area, realm, allow)]
    else:
        listed = register.load(Path(file_or_url), boundaries)
    sys.exit(asyncio.run(_check_all(listed, boundaries, as_json=as_json)))


def _ad_hoc(url: str, area: str, realm: str, allow: str) -> Source:
    try:
        networks = Networks.parse(allow) if allow else Networks()
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--allow") from None
    areas = tuple(code.strip() for code in area.split(",") if code.strip())
    return Source(name="check", url=url, realm=Realm(realm), areas=areas, attribution="-", allow=networks, fetches=500)


async def _check_all(listed: Sequence[Source], boundaries: BoundarySet, *, as_json: bool) -> int:
    """Check one source after the other; return the exit code that tells the worst."""
    worst = 0
    for source in listed:
        gathered = await _gather(source)
        if isinstance(gathered, Fault):
            _tell_fault(source, gathered, as_json=as_json)
            worst = TRY_AGAIN
            continue
        verdicts = await asyncio.to_thread(_judge, source, gathered.contents, boundaries, datetime.now(UTC))
        _print_json(source, verdicts) if as_json else _print_table(source, verdicts)
        if gathered.failed or gathered.waiting:
            left = max(gathered.failed, gathered.waiting)
            tell(Text(f"{source.name}: 読めていないリンク {left} 件", f"{source.name}: {left} link(s) were not read"))
        if gathered.fault is not None:
            _tell_fault(source, gathered.fault, as_json=as_json)
            worst = TRY_AGAIN
        if any(verdict.refused for verdict in verdicts):
            worst = worst or FINDINGS
    return worst


async def _gather(source: Source) -> Gathered | Fault:
    async with Fetcher(source) as fetcher:
        return await Gatherer(source, fetcher, Memory()).gather()


def _judge(source: Source, contents: Sequence[bytes], boundaries: BoundarySet, now: datetime) -> list[_Verdict]:
    """Return what a hub that knows nothing yet would do with `contents`."""
    messages, unread = read(contents, now=now)
    nothing = Known(posted={}, in_force=(), holding={}, may_change=lambda _: True)
    lifetime = timedelta(hours=_RULES.lifetime_h)
    judged = judge(messages, nothing, is_ended=lambda _: False, now=now, lifetime=lifetime)
    return [
        *(_examined(message, source, boundaries, now) for chain in judged.chains for message in chain),
        *(_Verdict(message.alert, why.value) for message, why in judged.left),
        *(_Verdict(None, UNREADABLE, True, one.findings, _beginning(one.raw)) for one in unread),
    ]


def _beginning(raw: bytes) -> str:
    return shortened(raw[:_BEGINNING_BYTES].decode("utf-8", "replace"))[:_BEGINNING]


def _examined(message: Message, source: Source, boundaries: BoundarySet, now: datetime) -> _Verdict:
    slack_m = _RULES.jurisdiction_slack_m
    found = examine(message.raw, sender=source.sender, now=now, slack_m=slack_m, boundaries=boundaries)
    if found.refusal is None:
        return _Verdict(message.alert, _TAKEN, False, found.findings)
    return _Verdict(message.alert, found.refusal.code, True, found.refusal.findings or found.findings)


def _tell_fault(source: Source, fault: Fault, *, as_json: bool) -> None:
    if as_json:
        emit({"source": source.name, "fault": fault.reason})
    where = f"{source.name} ({source.shown_url})"
    why = reason_of(fault.reason)
    tell(
        Text(
            f"{where}: 読めません：{why.ja} [{fault.reason}]",
            f"{where}: cannot be read: {why.en} [{fault.reason}]",
        )
    )


def _print_json(source: Source, verdicts: Sequence[_Verdict]) -> None:
    for verdict in verdicts:
        alert = verdict.alert
        body = {
            "source": source.name,
            "identifier": alert and alert.identifier,
            "sender": alert and alert.sender,
            "sent": alert and alert.sent.isoformat(),
            "outcome": verdict.outcome,
            "findings": [finding.to_dict() for finding in verdict.findings],
        }
        emit(body)


def _print_table(source: Source, verdicts: Sequence[_Verdict]) -> None:
    taken = sum(verdict.outcome == _TAKEN for verdict in verdicts)
    head = Text(
        f"{source.name}: {len(verdicts)} 通のうち {taken} 通が受け付けられます",
        f"{source.name}: {taken} of {len(verdicts)} would be accepted",
    )
    table = Table(
        Column(say(Text("識別子", "identifier")), overflow="fold"),
        Column(say(Text("送信", "sent")), no_wrap=True),
        Column(say(Text("結果", "outcome")), no_wrap=True),
        say(Text("理由・指摘", "why, and what to know")),
        title=say(head),
    )
    for verdict in verdicts:
        alert = verdict.alert
        cells = (verdict.name, f"{alert.sent:%m-%d %H:%M}" if alert else "-", verdict.outcome)
        table.add_row(*(plain(cell) for cell in cells), Prose(printable("\n".join(verdict.reasons))))
    Console().print(table)
