"""`lalert endpoint`: where the hub sends alerts by itself. Everything goes over its HTTP interface, with a key."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.console import Console
from rich.table import Table

from lalert.cli.asking import ask
from lalert.cli.speech import FAILED, emit, honest, say, tell
from lalert.errors import Text

Command = Callable[..., None]

_STATES = {
    "active": Text("配信中", "active"),
    "failing": Text("再送中", "failing"),
    "ended": Text("終了", "ended"),
}


def _with_hub(command: Command) -> Command:
    """Give a command the two options that say which hub, and who asks."""
    key_file = click.option(
        "--key-file",
        required=True,
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="メディア用のキーのファイル / file with a media key",
    )
    url = click.option("--url", required=True, help="ハブのURL(訓練は …/drill)/ the hub's URL, with /drill for drills")
    return url(key_file(command))


@click.group()
def endpoint() -> None:
    """自動配信先(Webhook)の登録と確認 / Webhooks: where the hub sends alerts by itself."""


@endpoint.command()
@click.argument("target")
@_with_hub
@click.option("--format", "form", type=click.Choice(["json", "cap"]), default="json", show_default=True)
@click.option("--area", help="地域コード(コンマ区切り)/ area codes, comma list")
@click.option("--min-level", type=click.IntRange(1, 5), help="この警戒レベル以上 / this level and above")
@click.option("--hazard", help="災害の種類(コンマ区切り)/ hazards, comma list")
@click.option("--category", help="CAP の category(コンマ区切り)/ categories, comma list")
@click.option("--point", help="緯度,経度 / lat,lon")
@click.option("--system", is_flag=True, help="通信試験も受け取る / tests of the line, too")
@honest
def add(url: str, key_file: Path, target: str, form: str, system: bool, **filters: str | int | None) -> None:
    """TARGET(https://…)への自動配信を登録する / Have alerts sent to TARGET; the signing secret is shown this once."""
    wanted = {name: value for name, value in filters.items() if value is not None}
    wanted |= {"include": "system"} if system else {}
    body = {"url": target, "format": form, "filter": wanted}
    _print(ask("POST", _address(url), key_file=key_file, body=body))
    tell(
        Text(
            "secret は二度と表示されません。受信側で署名の確認に使ってください。",
            "The secret is not shown again: the receiver checks signatures with it.",
        )
    )


@endpoint.command("list")
@_with_hub
@click.option("--json", "as_json", is_flag=True, help="1行1件のJSON / JSON lines")
@honest
def list_(url: str, key_file: Path, as_json: bool) -> None:
    """登録した配信先と、その状態 / Your endpoints and how they do."""
    found = ask("GET", _address(url), key_file=key_file)["endpoints"]
    if as_json:
        _print(*found)
        return
    table = _table("ID", "URL", "形式 / format", "条件 / filter", "状態 / state", "位置 / cursor")
    for one in found:
        wanted = " ".join(f"{name}={_short(value)}" for name, value in one["filter"].items())
        table.add_row(one["id"], one["url"], one["format"], wanted, _state(one), one["cursor"])
    Console().print(table)


@endpoint.command()
@click.argument("endpoint_id")
@_with_hub
@honest
def remove(url: str, key_file: Path, endpoint_id: str) -> None:
    """配信先を削除する / Send nothing more to an endpoint, and forget it."""
    ask("DELETE", _address(url, endpoint_id), key_file=key_file)
    tell(Text(f"配信先 {endpoint_id} を削除しました。", f"Endpoint {endpoint_id} is removed."))


@endpoint.command()
@click.argument("endpoint_id")
@_with_hub
@honest
def test(url: str, key_file: Path, endpoint_id: str) -> None:
    """試験の配信を1件送る / Send one test delivery; exit code 1 when it was not taken."""
    became = ask("POST", _address(url, endpoint_id, "test"), key_file=key_file)
    _print(became)
    if became["outcome"] != "delivered":
        sys.exit(FAILED)


@endpoint.command()
@click.argument("endpoint_id")
@_with_hub
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="1行1件のJSON / JSON lines")
@honest
def deliveries(url: str, key_file: Path, endpoint_id: str, limit: int, as_json: bool) -> None:
    """配信の記録(新しい順)/ What was sent to an endpoint, newest first."""
    address = _address(url, endpoint_id, "deliveries")
    found = ask("GET", address, key_file=key_file, params={"limit": str(limit)})["deliveries"]
    if as_json:
        _print(*found)
        return
    table = _table("結果 / outcome", "時刻 / at", "電文 / message", "理由 / reason", "秒 / s")
    for one in found:
        table.add_row(one["outcome"], one["at"], one["identifier"], one["reason"], f"{one['tookSeconds']:.3f}")
    Console().print(table)


@endpoint.command()
@click.argument("endpoint_id")
@_with_hub
@click.option(
    "--since", required=True, help="この位置(cursor)より後をもう一度 / once more everything after this cursor"
)
@honest
def replay(url: str, key_file: Path, endpoint_id: str, since: str) -> None:
    """過去の配信をもう一度送る / Send once more what came after a position."""
    _print(ask("POST", _address(url, endpoint_id, "replay"), key_file=key_file, params={"since": since}))


def _table(first: str, *others: str) -> Table:
    """Return a table whose first column is never cut: it is what the next command is given."""
    table = Table()
    table.add_column(first, no_wrap=True)
    for title in others:
        table.add_column(title, overflow="fold")
    return table


def _address(url: str, *below: str) -> str:
    return "/".join([url.rstrip("/"), "api/v1/endpoints", *(quote(part, safe="") for part in below)])


def _state(one: dict[str, Any]) -> str:
    since = one["failingSince"] or one["endedAt"] or ""
    return f"{say(_STATES[one['state']])} {since}".strip()


def _short(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _print(*found: object) -> None:
    for one in found:
        emit(one)
