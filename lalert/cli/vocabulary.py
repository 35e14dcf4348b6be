"""`lalert vocabulary`: the dated tables of Japanese warnings, checked before they are in force."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lalert.cap.edition import MAX_CHARACTERS, check
from lalert.cap.vocabulary import editions, read
from lalert.cli.speech import FINDINGS, honest, say, tell
from lalert.errors import Text


@click.group()
def vocabulary() -> None:
    """警報の語彙(日付のある表) / The dated tables of Japanese warnings."""


@vocabulary.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@honest
def check_(file: Path) -> None:
    """新しい版を検査する / Check a new edition: form, sense, and what it follows. Exit 3 when something is wrong."""
    with file.open("rb") as stream:
        text = stream.read(4 * MAX_CHARACTERS + 1).decode("utf-8", "replace")
    faults = check(text)
    if not faults:
        since = read(text).since
        earlier = [edition for edition in editions() if edition.since < since]
        faults = check(text, previous=earlier[-1] if earlier else None)
    for fault in faults:
        tell(Text(f"{fault.where}: {fault.what.ja}", f"{fault.where}: {fault.what.en}"))
    if faults:
        sys.exit(FINDINGS)
    since = read(text).since
    print(say(Text(f"適正：{since.isoformat()} から", f"valid, from {since.isoformat()}")))
