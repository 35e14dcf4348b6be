"""How the command line talks to a person: Japanese or English by `LANG`, errors whole, no colour when not wanted."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import NoReturn, ParamSpec, TypeVar

import click
import msgspec
from rich.console import Console

from lalert.errors import Finding, LalertError, Text, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

FAILED, FINDINGS, TRY_AGAIN = 1, 3, 75


def say(text: Text) -> str:
    """Return `text` in the language of the terminal."""
    lang = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or "ja"
    return text.ja if lang.startswith("ja") else text.en


def talk() -> Console:
    """Return the console for talk (stderr); rich obeys `NO_COLOR` by itself."""
    return Console(stderr=True, highlight=False)


def tell(text: Text) -> None:
    """Say `text` on stderr."""
    print(say(text), file=sys.stderr)


def emit(record: object) -> None:
    """Print `record` as one line of JSON on stdout, at once and in UTF-8 whatever the terminal's encoding is."""
    click.echo(msgspec.json.encode(record))


def explain(error: LalertError) -> None:
    """Say on stderr what went wrong, every finding with where and what to do."""
    print(f"{say(error.message)} [{error.code}]", file=sys.stderr)
    explain_findings(error.findings)


def explain_findings(findings: Sequence[Finding]) -> None:
    """Say each finding on a line of its own, and what to do about it."""
    for finding in findings:
        where = ":".join(str(part) for part in (finding.line, finding.path) if part is not None)
        found = f" «{finding.found}»" if finding.found else ""
        print(f"  {finding.severity.value} {finding.code} {where} {say(finding.message)}{found}", file=sys.stderr)
        if say(finding.advice):
            print(f"      → {say(finding.advice)}", file=sys.stderr)


def fail(error: LalertError) -> NoReturn:
    """Explain `error` and leave with its exit code."""
    explain(error)
    sys.exit(TRY_AGAIN if isinstance(error, Unavailable) else FAILED)


def honest(command: Callable[P, T]) -> Callable[P, T]:
    """Make a command end with an explanation and an exit code, not a traceback, where lalert or a disk raises."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except LalertError as error:
            fail(error)
        except BrokenPipeError:  # whoever read has gone: click leaves without a word
            raise
        except OSError as error:
            what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
            tell(Text(f"続けられません：{what}", f"cannot go on: {what}"))
            sys.exit(FAILED)

    return run
