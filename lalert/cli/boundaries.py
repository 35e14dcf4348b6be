"""`lalert boundaries`: the boundary sets that decide which municipality a shape lies in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lalert.cli.speech import FAILED, emit, explain, honest, say, talk, tell
from lalert.cli.where import storage
from lalert.errors import Defect, Text
from lalert.geo import comparison, packed, postal
from lalert.geo.boundaries import BoundarySet
from lalert.geo.packed import Packed
from lalert.geo.schemes import JIS, NAMES
from lalert.geo.shelf import Shelf, checked
from lalert.geo.source import Source
from lalert.geo.survey import survey, unfit

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_STEPS = {
    "read": Text("元データを読む", "reading the source"),
    "clean": Text("重なりと隙間を除く", "removing overlaps and gaps"),
    "dissolve": Text("市区町村にまとめる", "dissolving into municipalities"),
    "name": Text("名称と読みを付ける", "adding names and readings"),
    "regions": Text("気象庁の区域を市区町村に当てる", "matching the JMA's areas with municipalities"),
    "pack": Text("簡略図を作り検査する", "drawing outlines, checking"),
    "compare": Text("使用中のデータと比べる", "comparing with the set in use"),
}

_data = click.option(
    "--data",
    type=_FOLDER,
    callback=lambda _, __, data: storage(data=data, store_url=None).data,
    help="ハブの保存先 / the hub's data folder (./lalert-data)",
)
_json = click.option("--json", "as_json", is_flag=True, help="JSON で出力 / as JSON")
_version = click.argument("version", required=False)
_path = click.option("--path", "folder", type=_FOLDER, help="ほかの場所の境界データ / a set in another folder")


@click.group()
def boundaries() -> None:
    """市区町村の境界データ / The boundary data of municipalities."""


@boundaries.command()
@click.option("--output", type=_FOLDER, default=packed.EMBEDDED, help="書き込み先 / where to write")
@honest
def build(output: Path) -> None:
    """公開パッケージから境界データを作る / Build the set from public packages (extra: boundaries)."""
    from lalert.geo import importer  # noqa: PLC0415  # the tools take half a second: only who builds waits for them

    with _progress(importer.STEPS) as step:
        data, source = importer.build(step)
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


@boundaries.command("import")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--version", "version", required=False, help="この版の名前 / name of the new version (n03-2026)")
@click.option("--code-field", help="コードの列 / column of codes")
@click.option("--name-field", help="名称の列 / column of names")
@click.option("--as", "kind", type=click.Choice([JIS, *NAMES]), help="区域の種類 / what the file draws")
@click.option("--accept", multiple=True, type=click.Choice(comparison.CODES), help="確かめた大きな違い / accepted")
@click.option(
    "--tolerance", "tolerance_m", type=click.FloatRange(0, 100), help="線の簡略化 / simplification, metres (10)"
)
@_json
@_data
@honest
def import_(
    files: tuple[Path, ...],
    version: str | None,
    code_field: str | None,
    name_field: str | None,
    kind: str | None,
    accept: tuple[str, ...],
    tolerance_m: float | None,
    as_json: bool,
    data: Path,
) -> None:
    """公式の地図ファイルを取り込む(N03、気象庁 GIS など)/ Import official map files; the set in use stays."""
    from lalert.geo import edition, importing  # noqa: PLC0415  # the tools take half a second
    from lalert.geo.legend import Fields  # noqa: PLC0415

    shelf = Shelf(data)
    name = checked(version or files[0].name.split(".")[0][:64])
    with _progress(edition.STEPS) as step:
        made = importing.imported(
            files,
            Fields(code=code_field, name=name_field, kind=kind),
            shelf.read(shelf.chosen()),
            version=name,
            tolerance_m=importing.TOLERANCE_M if tolerance_m is None else tolerance_m,
            step=step,
        )
    if as_json:
        emit(made.to_dict())
    else:
        for notice in made.notices:
            print(f"{say(notice.what)}: {notice.count:,} ({', '.join(notice.examples)})")
        _tell_differences(made.differences)
    kept = made.checked(accept)
    shelf.put(kept.data, kept.source)
    tell(
        Text(
            f"版 {name} を取り込みました。使うには: lalert boundaries use {name} --data {data}",
            f"Version {name} is imported. To use it: lalert boundaries use {name} --data {data}",
        )
    )


@boundaries.command()
@click.argument("version")
@_data
@honest
def use(version: str, data: Path) -> None:
    """この版に切り替える。動作中のハブは数秒で移る / Switch to a version; a running hub follows within seconds."""
    shelf = Shelf(data)
    content, source = shelf.read(version)
    _check_fit(content)
    BoundarySet(content, source)  # as a hub will: what it cannot load must not be chosen
    shelf.use(version)
    tell(Text(f"版 {version} に切り替えました。", f"Version {version} is in use."))


@boundaries.command()
@_version
@_path
@_json
@_data
@honest
def info(version: str | None, folder: Path | None, as_json: bool, data: Path) -> None:
    """版・出典・ライセンス・件数を示す / Show version, source, licence and counts of a set, or of the one in use."""
    shelf = Shelf(data)
    _, source = packed.read(folder) if folder else shelf.read(version or _chosen(shelf))
    if as_json:
        emit(source)
        return
    _show(source)
    if not folder:
        used, others = _chosen(shelf) or packed.read()[1].version, ", ".join(shelf.versions()) or "-"
        print(f"{say(Text('使用中', 'in use'))}: {used}\n{say(Text('取込み済み', 'imported'))}: {others}")


@boundaries.command()
@_version
@_path
@_data
@honest
def check(version: str | None, folder: Path | None, data: Path) -> None:
    """件数・面積・重なりを検査し、使用中の版と比べる / Check counts, area, overlaps; compare with the set in use."""
    shelf = Shelf(data)
    content, source = packed.read(folder) if folder else shelf.read(version or _chosen(shelf))
    result = survey(content)
    tell(Text(f"{source.version}: {result.area_km2:,.0f} km²", f"{source.version}: {result.area_km2:,.0f} km2"))
    for problem in result.problems:
        tell(Text(f"  不適合: {problem.ja}", f"  unfit: {problem.en}"))
    if result.problems:
        sys.exit(FAILED)
    used = shelf.read(_chosen(shelf))
    if used[1].sha256 != source.sha256 and content.names.prefectures:
        _tell_differences(comparison.compared(content, used[0]))
    tell(Text("問題はありません。", "Fit for use."))


def _chosen(shelf: Shelf) -> str | None:
    """Return the version in use; when nobody can tell, say so and go on with the embedded one, as a hub does."""
    try:
        return shelf.chosen()
    except Defect as fault:
        explain(fault)
        return None


def _check_fit(content: Packed) -> None:
    problems = list(survey(content).problems)
    if not content.names.prefectures:
        problems.append(Text("日本の市区町村ではない", "not Japan's municipalities"))
    if problems:
        raise unfit(problems)


def _tell_differences(differences: tuple[comparison.Difference, ...]) -> None:
    for difference in differences:
        mark = "!" if difference.is_large else " "
        listed = f" ({', '.join(difference.examples[:5])})" if difference.examples else ""
        tell(Text(f"{mark} {difference.what.ja}{listed}", f"{mark} {difference.what.en}{listed}"))


@contextmanager
def _progress(steps: tuple[str, ...]) -> Iterator[Callable[[str], None]]:
    """Show a bar on a terminal, and hand out what moves it."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=talk(), transient=True) as progress:
        task = progress.add_task("", total=len(steps))

        def report(step: str) -> None:
            progress.update(task, description=say(_STEPS[step]), completed=steps.index(step))

        yield report


def _show(source: Source) -> None:
    facts: Mapping[Text, str] = {
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
