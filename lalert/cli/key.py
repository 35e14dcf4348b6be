"""`lalert key`: who may post, to which realm, for which area. The key itself is shown once and never kept."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.table import Column, Table

from lalert.cli.prose import plain
from lalert.cli.speech import FAILED, emit, honest, say, tell
from lalert.cli.where import storage, store_option
from lalert.core import keys
from lalert.core.model import Realm, Role
from lalert.errors import Text
from lalert.geo.atlas import Atlas
from lalert.geo.codes import normalise
from lalert.store.base import Store, StoredKey
from lalert.store.opening import open_store

T = TypeVar("T")

_data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="ハブの保存先 / the hub's data folder (./lalert-data)",
)
_realm = click.option("--realm", type=click.Choice([realm.value for realm in Realm]), required=True)


@click.group()
def key() -> None:
    """キーの発行・一覧・失効 / Issue, list and revoke keys. Works while the hub is running."""


@key.command()
@_data
@store_option
@_realm
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.SENDER.value, show_default=True)
@click.option(
    "--area",
    default="",
    help="市区町村6桁・都道府県2桁のコード(複数はコンマ区切り)、全国は * / codes, comma list, or *",
)
@click.option("--name", required=True, help="誰のキーか / whose key it is")
@honest
def issue(data: Path | None, store_url: str | None, realm: str, role: str, area: str, name: str) -> None:
    """キーを発行し、標準出力にキーだけを表示する / Issue a key; stdout is the key alone, shown this once."""
    areas = _areas(area, data)
    if role == Role.SENDER and not areas:
        raise click.UsageError(say(Text("送信者のキーには --area が必要です。", "A sender's key needs --area.")))
    issued = keys.make(Realm(realm), key_id=secrets.token_hex(6), entropy=secrets.token_bytes(keys.SECRET_BYTES))
    stored = StoredKey(
        key_id=issued.key_id,
        name=name,
        role=Role(role),
        areas=areas,
        digest=issued.digest,
        created_at=datetime.now(UTC),
    )
    _with_store(data, store_url, Realm(realm), lambda store: store.add_key(stored))
    print(issued)
    tell(
        Text(
            "このキーは二度と表示されません。安全に渡してください。",
            "This key is not shown again. Hand it over safely.",
        )
    )


@key.command("list")
@_data
@store_option
@_realm
@click.option("--json", "as_json", is_flag=True, help="1行1件のJSON / JSON lines")
@honest
def list_(data: Path | None, store_url: str | None, realm: str, as_json: bool) -> None:
    """キーの一覧(秘密は含まない)/ List keys, never their secrets."""
    stored = _with_store(data, store_url, Realm(realm), lambda store: store.keys())
    if as_json:
        for one in stored:
            emit(_public(one))
        return
    whole = Column("ID", no_wrap=True)  # what `revoke` asks for must not be cut
    titles = ("名前 / name", "役割 / role", "区域 / areas", "発行 / issued", "失効 / revoked")
    table = Table(whole, *(Column(title, overflow="fold") for title in titles))
    for one in stored:
        revoked = one.revoked_at.isoformat(timespec="seconds") if one.revoked_at else ""
        created = one.created_at.isoformat(timespec="seconds")
        table.add_row(one.key_id, plain(one.name), one.role.value, ", ".join(one.areas), created, revoked)
    Console().print(table)


@key.command()
@_data
@store_option
@_realm
@click.argument("key_id")
@honest
def revoke(data: Path | None, store_url: str | None, realm: str, key_id: str) -> None:
    """キーを失効させる / Revoke a key: a running hub stops taking it within seconds."""
    if not _with_store(data, store_url, Realm(realm), lambda store: store.revoke_key(key_id, datetime.now(UTC))):
        tell(Text(f"有効なキー {key_id} はありません。", f"There is no valid key {key_id}."))
        sys.exit(FAILED)
    tell(Text(f"キー {key_id} を失効させました。", f"Key {key_id} is revoked."))


def _areas(text: str, data: Path | None) -> tuple[str, ...]:
    """Return normalised codes of places that exist in the boundary set of the hub. Raises `Rejected`."""
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    if "*" in wanted:
        return ("*",)
    codes = [normalise(part) for part in wanted]
    boundaries = Atlas.open(storage(data=data, store_url=None).data).current
    for code in codes:
        boundaries.expand(code)
    return tuple(dict.fromkeys(codes))


def _public(stored: StoredKey) -> dict[str, object]:
    return {
        "id": stored.key_id,
        "name": stored.name,
        "role": stored.role.value,
        "areas": list(stored.areas),
        "createdAt": stored.created_at.isoformat(timespec="seconds"),
        "revokedAt": stored.revoked_at.isoformat(timespec="seconds") if stored.revoked_at else None,
    }


def _with_store(data: Path | None, store_url: str | None, realm: Realm, work: Callable[[Store], Awaitable[T]]) -> T:
    async def run() -> T:
        store = await open_store(storage(data=data, store_url=store_url), realm, exclusive=False)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())
