"""`lalert send`: post messages, one after another, and show the receipts."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import click

from lalert.cli.speech import FAILED, TRY_AGAIN, emit, tell
from lalert.cli.watch import lifted_by
from lalert.errors import Text

_ATTEMPTS = 5
_MAX_WAIT_S = 30.0


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--url", required=True, help="ハブのURL(訓練は …/drill)/ the hub's URL, with /drill for drills")
@click.option(
    "--key-file",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="キーのファイル / file with the key",
)
@click.option("--dry-run", is_flag=True, help="検査だけで配信しない / check only, publish nothing")
def send(files: Sequence[Path], url: str, key_file: Path, dry_run: bool) -> None:
    """電文を順に送信し、受領書を1行1件のJSONで表示する / Post messages in order; receipts as JSON lines."""
    key = key_file.read_text().strip()
    sys.exit(asyncio.run(_send_all(files, url.rstrip("/") + "/api/v1/alerts", key, dry_run=dry_run)))


async def _send_all(files: Sequence[Path], url: str, key: str, *, dry_run: bool) -> int:
    worst = 0
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cap+xml"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for file in files:
            try:
                status, body = await post(session, url, file.read_bytes(), dry_run=dry_run)
            except aiohttp.ClientError as error:
                tell(Text(f"{file}: 接続できません({error})", f"{file}: no connection ({error})"))
                return TRY_AGAIN
            worst = max(worst, _report(file, status, body))
    return worst


async def post(session: aiohttp.ClientSession, url: str, raw: bytes, *, dry_run: bool = False) -> tuple[int, bytes]:
    """Post one message and return status and body; a hub that is busy is asked again as it says, a few times."""
    params = {"dry_run": "true"} if dry_run else {}
    for attempt in range(1, _ATTEMPTS + 1):
        async with session.post(url, data=raw, params=params) as response:
            body = await response.read()
            if response.status not in (429, 503) or attempt == _ATTEMPTS:
                return response.status, body
            wait_s = float(response.headers.get("Retry-After", "1"))
        await asyncio.sleep(min(wait_s, _MAX_WAIT_S))
    raise AssertionError  # the last attempt returns


def _report(file: Path, status: int, body: bytes) -> int:
    """Show what the hub answered; return the exit code that it means."""
    if status in (200, 201):
        click.echo(body)
        answer = json.loads(body)
        _tell_aside(file, answer.get("receipt", answer))
        return 0
    try:
        problem = json.loads(body)
    except ValueError:
        problem = {}
    for message in problem.get("messages", []):  # of an envelope: what was kept all the same is on its way
        if "receipt" in message:
            emit(message["receipt"])
    tell(Text(f"{file}: {status} {problem.get('detail', '')}", f"{file}: {status} {problem.get('detail', '')}"))
    _tell_findings(problem.get("errors", []))
    return TRY_AGAIN if status in (429, 503) else FAILED


def _tell_aside(file: Path, receipt: Mapping[str, Any]) -> None:
    """Say what a sender should know of a message that was kept: where it lifts unsaid, and every warning."""
    left_out = lifted_by(receipt)
    if left_out:
        tell(Text(f"{file}: {left_out}", f"{file}: {left_out}"))
    warnings = [finding for finding in receipt.get("findings", []) if finding["severity"] == "warning"]
    if warnings:
        tell(Text(f"{file}: 受け付けました。次を確認してください。", f"{file}: accepted; please check:"))
    _tell_findings(warnings)


def _tell_findings(findings: Sequence[Mapping[str, Any]]) -> None:
    for finding in findings:
        place = f"{finding['line'] or ''}:{finding['path'] or ''}"
        message, advice = finding["message"], finding["advice"]
        tell(
            Text(
                f"  {place} {message['ja']}\n      → {advice['ja']}",
                f"  {place} {message['en']}\n      → {advice['en']}",
            )
        )
