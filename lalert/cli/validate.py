"""`lalert validate`: check messages against CAP 1.2 and the Japanese profile, without a hub."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click
import msgspec
from rich.console import Console
from rich.table import Table

from lalert.cap import reader
from lalert.cap.reader import Reading, Strictness
from lalert.cap.signature import Verdict
from lalert.cap.trust import load
from lalert.cli.speech import FAILED, FINDINGS, honest, say, tell
from lalert.errors import Severity, Text

_MAX_BYTES = 2 << 20  # more than any message may have: enough to say so
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SIGNED = {
    Verdict.VALID: Text("署名を確認:", "signed:"),
    Verdict.INVALID: Text("署名が不正:", "bad signature:"),
    Verdict.UNVERIFIABLE: Text("署名を確認できない:", "unverifiable signature:"),
}
_COLOURS = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--profile", type=click.Choice(["jp", "core"]), default="jp", show_default=True)
@click.option("--strictness", type=click.Choice([s.value for s in Strictness]), default="producer", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="1行1件のJSON / JSON lines")
@click.option("--trust", "trusted", type=_FILE, help="電子署名も検査する(trust.toml)/ verify signatures, too")
@honest
def validate(
    files: Sequence[str], profile: Literal["jp", "core"], strictness: str, as_json: bool, trusted: Path | None
) -> None:
    """電文を検査する(- は標準入力)/ Check messages; - reads stdin. Exit 3 when one has an error."""
    worst, trust = 0, load(trusted) if trusted else None
    for file in files:
        try:
            raw = _read(file)
        except OSError as error:
            tell(Text(f"{file}: 読めません({error.strerror})", f"{file}: cannot be read ({error.strerror})"))
            worst = FAILED
            continue
        reading = reader.read(
            raw, profile=profile, strictness=Strictness(strictness), now=datetime.now(UTC), trust=trust
        )
        _show_json(file, reading) if as_json else _show(file, reading)
        if reading.verdict == "invalid":
            worst = worst or FINDINGS
    sys.exit(worst)


def _read(file: str) -> bytes:
    with click.open_file(file, "rb") as stream:
        raw: bytes = stream.read(_MAX_BYTES)
    return raw


def _show_json(file: str, reading: Reading) -> None:
    print(msgspec.json.encode({"file": file, **reading.to_dict()}).decode())


def _show(file: str, reading: Reading) -> None:
    """Show a table for people: where, which rule, what, and what to do."""
    console = Console()
    good = reading.verdict == "valid"
    verdict = say(Text("適正", "valid") if good else Text("誤りあり", "invalid"))
    console.print(f"[{'green' if good else 'bold red'}]{verdict}[/] {_plain(file)}", highlight=False)
    for signature in reading.signatures:
        signed = f"{say(_SIGNED[signature.verdict])} {signature.signer} {signature.algorithm}"
        console.print(_plain(signed), highlight=False)
    if not reading.findings:
        return
    table = Table(say(Text("行", "line")), say(Text("規則", "rule")), say(Text("内容と直し方", "what, and what to do")))
    for finding in reading.findings:
        colour = _COLOURS[finding.severity]
        rule = f"[{colour}]{finding.severity.value}[/]\n{finding.code}\n{finding.clause}"
        what = f"{say(finding.message)}\n→ {say(finding.advice)}"
        table.add_row(str(finding.line or ""), rule, _plain(what))
    console.print(table)


def _plain(text: str) -> str:
    """Return `text` so that rich does not read what a message says as markup."""
    return text.replace("[", "\\[")
