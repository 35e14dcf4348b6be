"""`lalert validate`: check messages against CAP 1.2 and the Japanese profile, without a hub."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from lalert.cap import embedded
from lalert.cap.reader import Profile, Strictness
from lalert.cap.trust import load as load_trust
from lalert.cli import material
from lalert.cli.material import Material
from lalert.cli.speech import FAILED, FINDINGS, TRY_AGAIN, emit, explain, honest, tell
from lalert.cli.verdict import show
from lalert.core.inspection import Question, inspect
from lalert.errors import Text, Unavailable
from lalert.geo import boundaries

_LIMIT: Final = embedded.MAX_BYTES + 1  # what is cut here is refused as too large
_WORST_LAST: Final = (0, FINDINGS, TRY_AGAIN, FAILED)
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


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
        show(shown, inspection)
    return FINDINGS if inspection.verdict == "invalid" else 0
