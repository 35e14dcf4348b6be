"""`lalert validate`: check messages against CAP 1.2 and the Japanese profile, without a hub."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console, Group
from rich.table import Column, Table

from lalert.cap import embedded
from lalert.cap.reader import Profile, Strictness
from lalert.cap.signature import Verdict
from lalert.cap.trust import load as load_trust
from lalert.cli import material
from lalert.cli.material import Material
from lalert.cli.prose import Prose, plain, printable
from lalert.cli.speech import FAILED, FINDINGS, TRY_AGAIN, emit, explain, honest, say, tell
from lalert.core.inspection import Inspected, Inspection, Question, inspect
from lalert.errors import Severity, Text, Unavailable
from lalert.geo import boundaries

_LIMIT: Final = embedded.MAX_BYTES + 1  # what is cut here is refused as too large
_WORST_LAST: Final = (0, FINDINGS, TRY_AGAIN, FAILED)
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_SIGNED: Final = {
    Verdict.VALID: Text("署名を確認:", "signed:"),
    Verdict.INVALID: Text("署名が不正:", "bad signature:"),
    Verdict.UNVERIFIABLE: Text("署名を確認できない:", "unverifiable signature:"),
}
_RULE_CELLS: Final = 28
_COLOURS: Final = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_SEVERITIES: Final = {
    Severity.ERROR: Text("エラー", "error"),
    Severity.WARNING: Text("警告", "warning"),
    Severity.INFO: Text("参考", "info"),
}


@click.command()
@click.argument("given", metavar="FILE|FOLDER|-|URL...", nargs=-1, required=True, type=Material())
@click.option("--profile", type=click.Choice(["jp", "core"]), default="jp", show_default=True)
@click.option("--strictness", type=click.Choice([s.value for s in Strictness]), default="producer", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="1行1件のJSON / JSON lines")
@click.option("--trust", "trusted", type=_FILE, help="電子署名も検査する(trust.toml)/ verify signatures, too")
@click.option(
    "--key-id", default="", help="--trust を、このキーの投稿として / as if posted with this key, or source:NAME"
)
@honest
def validate(
    given: Sequence[str], profile: Profile, strictness: str, as_json: bool, trusted: Path | None, key_id: str
) -> None:
    """電文を検査する(- は標準入力)/ Check messages and envelopes; - reads stdin. Exit 3 when one has an error."""
    if key_id and not trusted:
        raise click.UsageError("--key-id needs --trust")
    question = Question(
        profile=profile,
        strictness=Strictness(strictness),
        now=datetime.now(UTC),
        trust=load_trust(trusted) if trusted else None,
        key_id=key_id,
        boundaries=boundaries.load() if profile == "jp" else None,
    )
    names = list(material.spread(given))
    if not names:
        tell(Text("XML ファイルがありません。", "There is no XML file in there."))
    codes = [_checked(name, question, as_json=as_json) for name in names] or [FAILED]
    if len(names) > 1 and not as_json:
        tell(_sum(codes))
    sys.exit(max(codes, key=_WORST_LAST.index))


def _sum(codes: Sequence[int]) -> Text:
    """Return how many of several documents are right: nobody looks through a thousand tables for the one."""
    valid, invalid = codes.count(0), codes.count(FINDINGS)
    unread = len(codes) - valid - invalid
    return Text(
        f"{len(codes)} 件：適正 {valid}、誤りあり {invalid}、読めない {unread}",
        f"{len(codes)} documents: {valid} valid, {invalid} invalid, {unread} not read",
    )


def _checked(name: str, question: Question, *, as_json: bool) -> int:
    """Show what one document is like; return the exit code that it means."""
    shown = material.shown(name)
    try:
        raw = material.read(name, limit=_LIMIT)
    except OSError as error:
        tell(Text(f"{shown}: 読めません({error.strerror})", f"{shown}: cannot be read ({error.strerror})"))
        return FAILED
    except Unavailable as error:
        explain(error)
        return TRY_AGAIN
    inspection = inspect(raw, question)
    if as_json:
        emit({"file": shown, **inspection.to_dict()})
    else:
        _show(shown, inspection)
    return FINDINGS if inspection.verdict == "invalid" else 0


def _show(name: str, inspection: Inspection) -> None:
    """Show a table for people: where, which rule, what, and what to do."""
    console = Console(highlight=False)
    console.print(f"{_verdict(inspection)} {plain(name)}", soft_wrap=True)
    for number, message in enumerate(inspection.messages, 1):
        if inspection.envelope is not None:
            console.print(f"  {_numbered(number, message)}")
        for signature in message.signatures:
            console.print(plain(f"  {say(_SIGNED[signature.verdict])} {signature.signer} {signature.algorithm}"))
    if inspection.findings:
        console.print(_table(inspection))


def _verdict(judged: Inspection | Inspected) -> str:
    if judged.verdict == "valid":
        return f"[green]{say(Text('適正', 'valid'))}[/]"
    return f"[bold red]{say(Text('誤りあり', 'invalid'))}[/]"


def _numbered(number: int, message: Inspected) -> str:
    """Return what a message of an envelope is like, and where it is."""
    where = say(Text(f"{number} 通目({message.line} 行目から)", f"message {number}, from line {message.line}"))
    return f"{_verdict(message)} {where} {plain(message.identifier)}"


def _table(inspection: Inspection) -> Table:
    table = Table(
        say(Text("行", "line")),
        Column(say(Text("規則", "rule")), max_width=_RULE_CELLS, overflow="fold"),
        say(Text("内容と直し方", "what, and what to do")),
    )
    for finding in inspection.findings:
        severity = f"[{_COLOURS[finding.severity]}]{say(_SEVERITIES[finding.severity])}[/]"
        rule = Group(severity, finding.code, Prose(printable(finding.clause)))
        found = f" «{finding.found}»" if finding.found else ""
        what = Prose(printable(f"{say(finding.message)}{found}\n→ {say(finding.advice)}"))
        table.add_row(str(finding.line or ""), rule, what)
    return table
