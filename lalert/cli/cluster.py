"""`lalert cluster`: the nodes that share a store, as that store knows them, and a new key where theirs is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Column
from rich.table import Table as Sheet

from lalert.cli.speech import emit, honest, say, tell
from lalert.cli.where import storage, store_option
from lalert.core.model import Realm
from lalert.core.shares import CLOCK
from lalert.errors import Rejected, Text
from lalert.publishers import residents, vapid
from lalert.settings import Storage
from lalert.store.nodes import Seen
from lalert.store.redis.survey import Survey, forget, survey

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
    settings = _shared(store_url)
    found = asyncio.run(_look(settings))
    if as_json:
        emit({"durability": settings.durability, "realms": _realms(found)})
        return
    for one in found:
        _show(one)
    print(say(Text(f"耐久性の要求: {settings.durability}(確認済み)", f"durability: {settings.durability}, checked")))


@cluster.command("new-push-key")
@store_option
@click.option("--realm", type=click.Choice([realm.value for realm in Realm]), required=True)
@click.option("--yes", is_flag=True, help="確認せずに実行 / without asking")
@honest
def new_push_key(store_url: str | None, realm: str, yes: bool) -> None:
    """通知の鍵をすべて失ったとき、作り直せるようにする / Let a node make a new key for pushes when every copy is lost.

    登録済みの人には、/notify を開き直すまで通知が届かなくなる。バックアップの vapid-*.pem を戻せるなら、戻すこと。
    / Nobody who has signed up is reached until he opens /notify again: if a copy of vapid-*.pem can be found, use it.
    """
    settings = _shared(store_url)
    found = asyncio.run(survey(settings, Realm(realm)))
    _check_lost(found)
    tell(_cost(found))
    if not yes:
        click.confirm(say(Text("鍵を作り直しますか", "Make a new key?")), abort=True, err=True)
    asyncio.run(forget(settings, Realm(realm), vapid.AGREED))
    file = _key_file(found)
    tell(
        Text(
            f"次に起動したノードが鍵を作ります。1台を再起動し、その {file} をほかのノードに写して再起動してください。",
            f"The next node that starts makes the key: restart one, copy its {file} to the others, restart those.",
        )
    )


def _cost(found: Survey) -> Text:
    """Return what a new key costs, and what to look for before."""
    file, count = _key_file(found), f"{found.residents:,}"
    return Text(
        f"{_REALMS[found.realm].ja}の通知の登録 {count} 件は、失った鍵に結び付いています。作り直すと、それぞれの人が"
        f" /notify を開き直すまで、通知は届きません。全ノードの store.data とバックアップに {file} が無いことを"
        "確かめてから進めてください。元には戻せません。",
        f"{count} subscriptions are bound to the key that is lost. With a new one none of them is reached until its"
        f" browser opens /notify again. Make sure that {file} is in no node's store.data and in no backup. There is no"
        " way back.",
    )


def _key_file(found: Survey) -> str:
    return f"vapid-{found.realm}.pem"


def _check_lost(found: Survey) -> None:
    """Raise `Rejected` where there is no key to replace, or a node that lives still has it."""
    if vapid.AGREED not in found.agreed:
        message = Text("通知の鍵はまだ決まっていません。次に起動したノードが作ります。", "No key was ever agreed on.")
        raise Rejected(message, code="cluster.push_key_none")
    names = [seen.report.name for seen in found.table.nodes if seen.is_alive and residents.WAY in seen.report.ways]
    if names:
        said, file = ", ".join(names), _key_file(found)
        message = Text(
            f"鍵は {said} が持っています。その store.data の {file} を、鍵のないノードに写してください。",
            f"The key is not lost: {said} has it. Copy {file} from its store.data to the nodes that lack it.",
        )
        raise Rejected(message, code="cluster.push_key_held")


def _shared(store_url: str | None) -> Storage:
    """Return the shared store. Raises `UsageError` where it is one machine's own."""
    settings = storage(data=None, store_url=store_url)
    if settings.url is None:
        message = Text(
            "共有の保存先(--store か LALERT_STORE_URL)を指定してください。SQLite は1台で使う保存先です。",
            "Name the shared store (--store or LALERT_STORE_URL): SQLite is for one machine.",
        )
        raise click.UsageError(say(message))
    return settings


async def _look(settings: Storage) -> Sequence[Survey]:
    return [await survey(settings, realm) for realm in Realm]


def _show(found: Survey) -> None:
    print(f"{say(_REALMS[found.realm])}  {_log(found)}")
    if not found.table.nodes:
        print(say(Text("  動いているノードはありません。", "  No node has been here.")))
        return
    # A table in 80 columns has more lines, not less in them.
    sheet = Sheet(*(Column(say(title), overflow="fold") for title in _TITLES))
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
