"""`lalert boundaries`: the boundary set that decides which municipality a shape lies in."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lalert.cli.speech import FAILED, honest, say, talk, tell
from lalert.errors import Text
from lalert.geo import packed, postal
from lalert.geo.source import Source
from lalert.geo.survey import survey

_FOLDER = click.Path(file_okay=False, path_type=Path)
_STEPS = {
    "read": Text("元データを読む", "reading the source"),
    "clean": Text("重なりと隙間を除く", "removing overlaps and gaps"),
    "dissolve": Text("市区町村にまとめる", "dissolving into municipalities"),
    "name": Text("名称と読みを付ける", "adding names and readings"),
    "pack": Text("簡略図を作り検査する", "drawing outlines, checking"),
}


@click.group()
def boundaries() -> None:
    """市区町村の境界データ / The boundary data of municipalities."""


@boundaries.command()
@click.option("--output", type=_FOLDER, default=packed.EMBEDDED, help="書き込み先 / where to write")
@honest
def build(output: Path) -> None:
    """公開パッケージから境界データを作る / Build the set from public packages (extra: boundaries)."""
    from lalert.geo import importer  # noqa: PLC0415  # geopandas takes half a second: only who builds waits for it

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=talk(), transient=True) as progress:
        task = progress.add_task("", total=len(importer.STEPS))

        def report(step: str) -> None:
            progress.update(task, description=say(_STEPS[step]), completed=importer.STEPS.index(step))

        data, source = importer.build(report)
    packed.write(output, data, source)
    tell(Text(f"{output} に書き込みました。", f"Written to {output}."))
    _show(source)


@boundaries.command("postal")
@click.option("--output", type=_FOLDER, default=postal.EMBEDDED, help="書き込み先 / where to write")
@honest
def build_postal(output: Path) -> None:
    """郵便番号と市区町村の対応表を作る / Build the table of postal codes (extra: boundaries)."""
    from lalert.geo import japanpost  # noqa: PLC0415  # only who builds needs it

    data, source = japanpost.build(packed.read()[0].names)
    postal.write(output, data, source)
    tell(Text(f"{output} に書き込みました。", f"Written to {output}."))
    _show(source)


@boundaries.command()
@click.option("--path", "folder", type=_FOLDER, default=packed.EMBEDDED, help="境界データの場所 / folder of the set")
@click.option("--json", "as_json", is_flag=True, help="JSON で出力 / as JSON")
@honest
def info(folder: Path, as_json: bool) -> None:
    """版・出典・ライセンス・件数を示す / Show version, source, licence and counts."""
    _, source = packed.read(folder)
    if as_json:
        print(msgspec.json.encode(source).decode())
    else:
        _show(source)


@boundaries.command()
@click.option("--path", "folder", type=_FOLDER, default=packed.EMBEDDED, help="境界データの場所 / folder of the set")
@honest
def check(folder: Path) -> None:
    """件数・面積・重なりを検査する / Check counts, area and overlaps; exit 1 when one is wrong."""
    content, source = packed.read(folder)
    result = survey(content)
    tell(Text(f"{source.version}: {result.area_km2:,.0f} km²", f"{source.version}: {result.area_km2:,.0f} km2"))
    for problem in result.problems:
        tell(Text(f"  不適合: {problem}", f"  unfit: {problem}"))
    if result.problems:
        sys.exit(FAILED)
    tell(Text("問題はありません。", "Fit for use."))


def _show(source: Source) -> None:
    facts = {
        Text("版", "version"): source.version,
        Text("出典", "source"): source.source,
        Text("ライセンス", "licence"): source.licence,
        Text("表示", "credit"): source.credit,
        Text("備考", "note"): source.note,
        Text("作成", "made by"): source.tools,
        Text("件数", "counts"): ", ".join(f"{name} {count:,}" for name, count in source.counts.items()),
        Text("SHA-256", "SHA-256"): source.sha256,
    }
    for label, value in facts.items():
        print(f"{say(label)}: {value}")
