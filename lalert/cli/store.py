"""`lalert store`: what is kept, and moving it from one machine's file to a Redis that several share, or back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from lalert import logs
from lalert.cli.speech import emit, honest, say, talk, tell
from lalert.cli.where import public, storage, store_option, without_password
from lalert.core.model import Realm
from lalert.errors import Rejected, Text
from lalert.publishers import vapid
from lalert.settings import Storage
from lalert.store.archive import Archive, Origin, unfinished
from lalert.store.migration import Moved, migrate
from lalert.store.opening import file_of, open_archive

_SCHEMES: Final = ("redis://", "rediss://", "unix://")
_STAGES: Final = {"copy": Text("コピー", "copying"), "verify": Text("照合", "verifying")}
_KINDS: Final = {
    "entries": Text("電文", "entries"),
    "keys": Text("キー", "keys"),
    "endpoints": Text("配信先", "endpoints"),
    "audit": Text("監査の行", "audit lines"),
    "residents": Text("通知の登録", "residents"),
    "lanes": Text("配信の位置", "lanes"),
    "attempts": Text("配信の記録", "attempts"),
}

_realm = click.option(
    "--realm", type=click.Choice([*(realm.value for realm in Realm), "both"]), default="both", show_default=True
)
_json = click.option("--json", "as_json", is_flag=True, help="1行1件のJSON / JSON lines")


@click.group()
def store() -> None:
    """保存データの確認と移行 / What is kept, and moving it between SQLite and Redis."""


@store.command("migrate")
@click.option("--from", "source", callback=without_password, help="移行元のフォルダかURL / folder or URL to move from")
@click.option("--to", "target", callback=without_password, help="移行先のフォルダかURL / folder or URL to move to")
@_realm
@_json
@honest
def migrate_(source: str | None, target: str | None, realm: str, as_json: bool) -> None:
    """ハブを止めて、すべてを別の保存先へ移す / Move everything to another store while no hub runs.

    一方はフォルダ(SQLite)、もう一方はRedisのURL。省いた側は設定(LALERT_STORE_URL、LALERT_DATA)に従う。
    鍵ファイルはフォルダ側に置く。/ One side is a folder, the other the URL of a Redis; what is left out is what the
    settings name. The key files (*.seal, vapid-*.pem) lie in the folder.
    """
    logs.configure(level="warning")
    old, new = _sides(source, target)
    realms = _realms(realm)
    agreed = _agreed(old.data, realms)
    with _bar() as progress:
        moved = asyncio.run(migrate(old, new, realms, agreed=agreed, progress=progress))
    for one in moved:
        _tell_moved(one, as_json=as_json)
    tell(
        Text(
            f"移行が終わり、両方を読み比べて一致しました。ハブを {public(new)} で起動してください。",
            f"Everything was moved; both sides were read and are the same. Start the hubs on {public(new)}.",
        )
    )


@store.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="フォルダ / folder (./lalert-data)")
@store_option
@_realm
@_json
@honest
def info(data: Path | None, store_url: str | None, realm: str, as_json: bool) -> None:
    """何がどこまで保存されているか / What is kept, and how far. Works while the hub is running."""
    settings = storage(data=data, store_url=store_url)
    looked = {one: asyncio.run(_looked(settings, one)) for one in _realms(realm)}
    if as_json:
        for origin, counts in looked.values():
            emit(_described(origin, counts) | {"engine": _engine(settings)})
        return
    print(f"{_engine(settings)}  {public(settings)}")
    table = Table("", *(one.value for one in looked))
    table.add_row(say(Text("最新の位置", "head")), *(f"{origin.epoch}-{origin.head}" for origin, _ in looked.values()))
    table.add_row(say(Text("最古の位置", "oldest")), *(str(origin.oldest) for origin, _ in looked.values()))
    for kind, name in _KINDS.items():
        table.add_row(say(name), *(f"{counts[kind]:,}" for _, counts in looked.values()))
    Console().print(table)


@store.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="フォルダ / folder (./lalert-data)")
@store_option
@_realm
@honest
def restored(data: Path | None, store_url: str | None, realm: str) -> None:
    """バックアップから戻したあと、起動の前に / Say that the data were restored, before a hub is started on them.

    古い記録は読み手がすでに見た位置をもう一度使うので、位置の名前を改める。/ An older log would use positions again
    that readers have seen: it gets another name, and they are told so.
    """
    asyncio.run(_rename(storage(data=data, store_url=store_url), _realms(realm)))
    tell(
        Text(
            "位置の名前を改めます。ハブを起動してください。読み手には gap が届き、いまの状態を取り直します。",
            "The log gets another name. Start the hub: readers hear gap and take the present state.",
        )
    )


# --- the two sides ----------------------------------------------------------------------------------------------------


def _sides(source: str | None, target: str | None) -> tuple[Storage, Storage]:
    """Return where from and where to: one a folder, one a Redis whose key files lie in that folder."""
    kept = storage(data=None, store_url=None)
    given = [side for side in (source, target) if side is not None]
    missing = str(kept.data) if given and _is_url(given[0]) else kept.url
    sides = [side if side is not None else missing for side in (source, target)]
    folders = [side for side in sides if side is not None and not _is_url(side)]
    if not given or None in sides or len(folders) != 1:
        message = Text(
            "--from と --to の一方にフォルダ、もう一方に Redis の URL を指定してください。",
            "Give a folder on one side and the URL of a Redis on the other.",
        )
        raise click.UsageError(say(message))
    old, new = (_side(kept, side, Path(folders[0])) for side in sides if side is not None)
    return old, new


def _side(kept: Storage, side: str, folder: Path) -> Storage:
    if not _is_url(side):
        return replace(kept, data=folder, url=None)
    checked = kept if side == kept.url else storage(data=None, store_url=side)
    return replace(checked, data=folder)


def _is_url(side: str) -> bool:
    return side.startswith(_SCHEMES)


def _realms(realm: str) -> list[Realm]:
    return list(Realm) if realm == "both" else [Realm(realm)]


def _engine(settings: Storage) -> str:
    return "SQLite" if settings.url is None else "Redis"


async def _rename(settings: Storage, realms: list[Realm]) -> None:
    async with AsyncExitStack() as stack:
        archives = [await stack.enter_async_context(_opened(settings, realm)) for realm in realms]
        for archive in archives:
            await archive.check_alone()
        for archive in archives:
            await archive.hand_over()


@asynccontextmanager
async def _opened(settings: Storage, realm: Realm, *, alone: bool = True) -> AsyncIterator[Archive]:
    """Open what is kept. Raises `Rejected` (store.nothing) when nothing is."""
    if settings.url is None and not file_of(settings, realm).exists():
        raise _nothing()
    archive = await open_archive(settings, realm, alone=alone)
    try:
        if await archive.origin() is None:
            raise _nothing()
        if await archive.is_unfinished():
            raise unfinished()
        yield archive
    finally:
        await archive.close()


def _nothing() -> Rejected:
    return Rejected(Text("保存データがありません。", "Nothing is kept there."), code="store.nothing")


def _agreed(folder: Path, realms: list[Realm]) -> dict[Realm, dict[str, str]]:
    """Return what the key files in `folder` make nodes say of themselves."""
    files = {realm: folder / f"vapid-{realm}.pem" for realm in realms}
    return {
        realm: {vapid.AGREED: vapid.Vapid(vapid.load_or_make(file), subject="").public_key}
        for realm, file in files.items()
        if file.exists()
    }


# --- telling ----------------------------------------------------------------------------------------------------------


async def _looked(settings: Storage, realm: Realm) -> tuple[Origin, dict[str, int]]:
    async with _opened(settings, realm, alone=False) as archive:
        origin = await archive.origin()
        assert origin is not None  # else it would not be open
        return origin, await archive.counts()


def _tell_moved(moved: Moved, *, as_json: bool) -> None:
    if as_json:
        emit(_described(moved.origin, moved.counts) | {"digest": moved.digest})
        return
    counted = "  ".join(f"{say(name)} {moved.counts[kind]:,}" for kind, name in _KINDS.items())
    print(f"{moved.origin.realm}  {moved.origin.epoch}-{moved.origin.head}  {counted}")
    print(f"  SHA-256 {moved.digest}")


def _described(origin: Origin, counts: dict[str, int]) -> dict[str, object]:
    return {
        "realm": origin.realm.value,
        "head": f"{origin.epoch}-{origin.head}",
        "oldest": origin.oldest,
        "counts": counts,
    }


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """Yield what moves a bar; without a terminal nothing is drawn."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=talk(), disable=not os.isatty(2)) as bar:
        task = bar.add_task("")
        yield lambda stage, done, total: bar.update(task, description=say(_STAGES[stage]), completed=done, total=total)
