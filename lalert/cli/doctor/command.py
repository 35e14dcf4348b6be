"""The command: all checks in one report, and an exit code that a script can use."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Column, Table

from lalert import __version__, logs
from lalert.cli.doctor import files, folder, hub, machine, store
from lalert.cli.doctor.check import Check, Grade, failed, ok
from lalert.cli.prose import Prose, printable
from lalert.cli.speech import FAILED, TRY_AGAIN, emit, honest, say
from lalert.cli.where import configured
from lalert.core.model import Realm
from lalert.errors import LalertError, Text
from lalert.geo.atlas import Atlas
from lalert.settings import Settings

_GRADES: Final = {
    Grade.OK: (Text("正常", "ok"), "green"),
    Grade.WARNING: (Text("注意", "warning"), "yellow"),
    Grade.UNREACHABLE: (Text("不通", "unreachable"), "bold magenta"),
    Grade.ERROR: (Text("異常", "error"), "bold red"),
}


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="保存先 / the hub's data folder")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="lalert.toml")
@click.option("--json", "as_json", is_flag=True, help="JSON一つ / one JSON object")
@honest
def doctor(data: Path | None, config: Path | None, as_json: bool) -> None:
    """どこが悪いかを調べる。何も変えない / Find out what is wrong; changes nothing. 1: an error, 75: no answer."""
    logs.configure(level="critical")
    found = examined(data, config)
    code = exit_code(found)
    if as_json:
        verdict = max((check.grade for check in found), key=list(Grade).index)
        emit({"version": __version__, "verdict": verdict.value, "checks": [check.to_dict() for check in found]})
    else:
        _show(found)
    sys.exit(code)


def examined(data: Path | None, config: Path | None) -> list[Check]:
    """Return every check; where the settings cannot be read, there is nothing else to look at."""
    try:
        settings = configured(data=data, config=config)
    except LalertError as why:
        return [failed("settings", why), machine.versions(), machine.zones()]
    named = config or os.environ.get("LALERT_CONFIG")
    told = Text(f"{named}", f"{named}") if named else Text("既定値と環境変数", "defaults and environment")
    return [ok("settings", told), *machine.checks(settings), *folder.checks(settings.store), *_asked(settings)]


def _asked(settings: Settings) -> list[Check]:
    """Return the checks of what is kept, of the files and of the running hub."""
    now = datetime.now(UTC)
    atlas = Atlas.open(settings.store.data, groups=settings.hub.groups)
    return [*files.checks(settings, atlas, now=now), *asyncio.run(_answered(settings, atlas, now))]


async def _answered(settings: Settings, atlas: Atlas, now: datetime) -> list[Check]:
    looks = [store.checks(settings.store, realm, atlas.current, now=now) for realm in Realm]
    *kept, running = await asyncio.gather(*looks, hub.checks(settings))
    return [check for checks in (*kept, running) for check in checks]


def exit_code(found: Sequence[Check]) -> int:
    """Return 1 where anything is wrong, 75 where something only gave no answer, else 0."""
    grades = {check.grade for check in found}
    if Grade.ERROR in grades:
        return FAILED
    return TRY_AGAIN if Grade.UNREACHABLE in grades else 0


def _show(found: Sequence[Check]) -> None:
    """Show the report for people: what is wrong stands last, above the sum, where the eye is."""
    table = Table(
        Column(say(Text("結果", "result")), no_wrap=True),
        Column(say(Text("項目", "check")), no_wrap=True),
        say(Text("内容と対処", "what, and what to do")),
    )
    for check in sorted(found, key=lambda check: list(Grade).index(check.grade)):
        label, colour = _GRADES[check.grade]
        advice = f"\n→ {say(check.advice)}" if say(check.advice) else ""
        table.add_row(f"[{colour}]{say(label)}[/]", check.name, Prose(printable(say(check.found) + advice)))
    console = Console(highlight=False)
    console.print(table)
    counts = {grade: sum(check.grade is grade for check in found) for grade in Grade}
    console.print("  ".join(f"{say(label)} {counts[grade]}" for grade, (label, _) in _GRADES.items()))
