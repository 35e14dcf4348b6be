"""A verdict on a document, for people at a terminal: right or wrong in one line, then what was found and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console, Group
from rich.table import Column, Table

from lalert.cap.signature import Verdict
from lalert.cli.prose import Prose, plain, printable
from lalert.cli.speech import say
from lalert.core.inspection import Inspected, Inspection
from lalert.errors import Finding, Severity, Text

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


def show(name: str, inspection: Inspection) -> None:
    """Show a table for people: where, which rule, what, and what to do."""
    console = Console(highlight=False)
    console.print(f"{_verdict(inspection)} {plain(name)}", soft_wrap=True)
    for number, message in enumerate(inspection.messages, 1):
        if inspection.envelope is not None:
            console.print(f"  {_numbered(number, message)}")
        for signature in message.signatures:
            console.print(plain(f"  {say(_SIGNED[signature.verdict])} {signature.signer} {signature.algorithm}"))
    if inspection.findings:
        console.print(table_of(inspection.findings))


def _verdict(judged: Inspection | Inspected) -> str:
    if judged.verdict == "valid":
        return f"[green]{say(Text('適正', 'valid'))}[/]"
    return f"[bold red]{say(Text('誤りあり', 'invalid'))}[/]"


def _numbered(number: int, message: Inspected) -> str:
    """Return what a message of an envelope is like, and where it is."""
    where = say(Text(f"{number} 通目({message.line} 行目から)", f"message {number}, from line {message.line}"))
    return f"{_verdict(message)} {where} {plain(message.identifier)}"


def table_of(findings: Sequence[Finding]) -> Table:
    """Return the findings as a table: line, rule, what, and what to do."""
    table = Table(
        say(Text("行", "line")),
        Column(say(Text("規則", "rule")), max_width=_RULE_CELLS, overflow="fold"),
        say(Text("内容と直し方", "what, and what to do")),
    )
    for finding in findings:
        severity = f"[{_COLOURS[finding.severity]}]{say(_SEVERITIES[finding.severity])}[/]"
        rule = Group(severity, finding.code, Prose(printable(finding.clause)))
        found = f" «{finding.found}»" if finding.found else ""
        what = Prose(printable(f"{say(finding.message)}{found}\n→ {say(finding.advice)}"))
        table.add_row(str(finding.line or ""), rule, what)
    return table
