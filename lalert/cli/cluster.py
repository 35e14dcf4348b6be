"""`lalert cluster`: the nodes that share a store, as that store knows them. Nothing is changed by looking."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table as Sheet

from lalert.cli.speech import emit, honest, say
from lalert.cli.where import storage, store_option
from lalert.core.model import Realm
from lalert.core.shares import CLOCK
from lalert.errors import Text
from lalert.settings import Storage
from lalert.store.nodes import Seen
from lalert.store.redis.survey import Survey, survey

Json = dict[str, object]


@click.group()
def cluster() -> None:
    """複数台の状態 / The nodes that share a store."""


@cluster.command()
@store_option
@click.option("--json", "as_json", is_flag=True, help="JSONで出力 / as JSON")
@honest
def status(store_url: str | None, as_json: bool) -> None:
    """動いているノード、受け持ち、遅れ / Who lives, who holds what, how far everybody is. 75: Redis is away."""
    settings = storage(data=None, store_url=store_url)
    if settings.url is None:
        raise click.UsageError(
            say(
                Text(
                    "共有の保存先(--store か LALERT_STORE_URL)を指定してください。SQLite は1台で使う保存先です。",
                    "Name the shared store (--store or LALERT_STORE_URL): SQLite is for one machine.",
                )
            )
        )
    found = asyncio.run(_look(settings))
    if as_json:
        emit({"durability": settings.durability, "realms": _realms(found)})
        return
    for one in found:
        _show(one)
    print(say(Text(f"耐久性の要求: {settings.durability}(確認済み)", f"durability: {settings.durability}, checked")))


async def _look(settings: Storage) -> Sequence[Survey]:
    return [await survey(settings, realm) for realm in Realm]


def _show(found: Survey) -> None:
    print(f"{say(_REALMS[found.realm])}  {_log(found)}")
    if not found.table.nodes:
        print(say(Text("  動いているノードはありません。", "  No node has been here.")))
        return
    sheet = Sheet(*(say(title) for title in _TITLES))
    for line in map(_cells, _nodes(found)):
        sheet.add_row(*line)
    Console().print(sheet)


def _log(found: Survey) -> str:
    if found.span is None:
        return say(Text("まだ記録がありません。", "There is no log yet."))
    head, oldest = found.span.head, found.span.oldest
    return say(Text(f"位置 {head}、最古 {oldest}", f"head {head}, oldest {oldest}"))


def _cells(node: Json) -> Sequence[str]:
    beat_s = node["beatAgoSeconds"]
    state = Text("動作中", "alive") if node["isAlive"] else Text("停止", "gone")
    cells = [node["name"], say(state), node["where"], node["version"], node["since"], f"{beat_s} s", node["lag"]]
    clock = say(Text("担当", "yes")) if node["isClock"] else ""
    return [*map(str, cells), str(node["readers"]), str(node["shares"]), clock]


def _realms(found: Sequence[Survey]) -> Json:
    return {
        one.realm.value: {
            "cursor": str(one.span.head) if one.span else None,
            "oldest": one.span.oldest if one.span else None,
            "orders": len(one.table.orders),
            "nodes": _nodes(one),
        }
        for one in found
    }


def _nodes(found: Survey) -> list[Json]:
    held = Counter(deed.node for deed in found.table.deeds.values())
    clock = found.table.deeds.get(CLOCK)
    head = found.span.head.seq if found.span else 0
    return [
        _node(seen, head, shares=held[seen.report.id], is_clock=clock is not None and clock.node == seen.report.id)
        for seen in sorted(found.table.nodes, key=lambda seen: (not seen.is_alive, seen.report.name))
    ]


def _node(seen: Seen, head: int, *, shares: int, is_clock: bool) -> Json:
    report = seen.report
    return {
        "name": report.name,
        "isAlive": seen.is_alive,
        "where": report.where,
        "version": report.version,
        "since": report.since.isoformat(timespec="seconds"),
        "beatAgoSeconds": round(seen.beat_ago_s, 1),
        "head": report.head,
        "lag": max(0, head - report.head),
        "readers": report.readers,
        "shares": shares,
        "isClock": is_clock,
        "ways": list(report.ways),
    }


_REALMS = {Realm.LIVE: Text("本番", "live"), Realm.DRILL: Text("訓練", "drill")}
_TITLES = (
    Text("ノード", "node"),
    Text("状態", "state"),
    Text("場所", "where"),
    Text("版", "version"),
    Text("起動", "since"),
    Text("最後の合図", "last beat"),
    Text("遅れ", "lag"),
    Text("読み手", "readers"),
    Text("受け持ち", "shares"),
    Text("時計", "clock"),
)
