"""What a Redis must be before an alert may be acknowledged on its word: pure, out of what it says of itself.

What would let it lose or forget entries is a finding that names the line for redis.conf. `maxmemory-policy` other than
`noeviction` is refused whatever was chosen: a log from which keys vanish is worse than one that is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lalert.errors import Finding, Rejected, Severity, Text, rejected
from lalert.settings import Durability

ASKED: Final = ("appendonly", "appendfsync", "no-appendfsync-on-rewrite")
SECTIONS: Final = ("server", "memory", "persistence", "replication")

_OLDEST_MAJOR: Final = 7
_NEEDED: Final = {"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no"}


def parse_info(text: str) -> dict[str, str]:
    """Return the facts in an answer to INFO."""
    lines = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {name: value.strip() for name, colon, value in lines if colon}


def refusal(
    info: Mapping[str, str], config: Mapping[str, str] | None, *, wanted: Durability, replicas: int
) -> Rejected | None:
    """Return why this server must not be used, or None.

    `info` is what INFO says, `config` what CONFIG GET says of `ASKED`, None where it may not be asked.
    """
    findings = [*_unfit(info)]
    if wanted is Durability.ALWAYS:
        findings += _unflushed(info, config)
    online = sum("state=online" in value.split(",") for name, value in info.items() if name.startswith("slave"))
    if wanted is Durability.REPLICAS and online < replicas:
        findings.append(_few_replicas(online, replicas))
    if not findings:
        return None
    message = Text(
        ja=f"このRedisは、受理した電文を失わない保存先として使えません({len(findings)} 件)。",
        en=f"This Redis cannot be trusted with acknowledged alerts: {len(findings)} problem(s).",
    )
    return rejected(findings, code="store.durability", message=message)


def _unfit(info: Mapping[str, str]) -> list[Finding]:
    findings = []
    version = info.get("redis_version", "?")
    if not version.split(".")[0].isdecimal() or int(version.split(".")[0]) < _OLDEST_MAJOR:
        findings.append(
            _finding(
                "store.version",
                Text(f"Redis {version} は古すぎます。", f"Redis {version} is too old."),
                Text("Redis 7 以降か Valkey を使ってください。", "Use Redis 7 or newer, or Valkey."),
                path="redis_version",
                found=version,
            )
        )
    if info.get("role") != "master":
        findings.append(
            _finding(
                "store.replica",
                Text("これは複製です。書き込めません。", "This is a replica: it cannot be written to."),
                Text("マスターのURLを指定してください。", "Give the URL of the master."),
                path="role",
                found=info.get("role", "?"),
            )
        )
    policy = info.get("maxmemory_policy", "?")
    if policy != "noeviction":
        findings.append(
            _finding(
                "store.eviction",
                Text("メモリ不足のときに記録が消える設定です。", "Entries would vanish when memory runs short."),
                _advice("maxmemory-policy", "noeviction"),
                path="maxmemory-policy",
                found=policy,
            )
        )
    return findings


def _unflushed(info: Mapping[str, str], config: Mapping[str, str] | None) -> list[Finding]:
    if info.get("aof_enabled") != "1":
        return [_unset("appendonly", "no")]
    if config is None:
        return [
            _finding(
                "store.unchecked",
                Text("appendfsync の設定を確認できません(CONFIG が許可されていません)。", "CONFIG GET is not allowed."),
                Text(
                    "ハブのユーザーに +config|get を許可するか、store.durability を replicas にしてください。"
                    "電文を失い得ることを承知の場合に限り none も選べます。",
                    "Allow +config|get to the hub's user, or set store.durability to replicas; or to none, if alerts "
                    "may be lost.",
                ),
                path="appendfsync",
            )
        ]
    return [_unset(name, config.get(name, "?")) for name, value in _NEEDED.items() if config.get(name) != value]


def _unset(name: str, found: str) -> Finding:
    message = Text(
        f"{name} が {found} のため、応答した書き込みを停電などで失い得ます。",
        f"With {name} {found}, a write that was answered can be lost.",
    )
    return _finding("store.durability", message, _advice(name, _NEEDED[name]), path=name, found=found)


def _few_replicas(found: int, wanted: int) -> Finding:
    return _finding(
        "store.replicas",
        Text(f"使える複製は {found} 台です。", f"Only {found} replica(s) are online."),
        Text(f"複製を {wanted} 台以上つないでください。", f"Connect at least {wanted}."),
        path="replicas",
        found=str(found),
    )


def _advice(name: str, value: str) -> Text:
    return Text(
        f"redis.conf に「{name} {value}」と書いてください。稼働中は CONFIG SET {name} {value} のあと CONFIG REWRITE。",
        f"Put '{name} {value}' into redis.conf; on a running server CONFIG SET {name} {value}, then CONFIG REWRITE.",
    )


def _finding(code: str, message: Text, advice: Text, *, path: str, found: str | None = None) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, message=message, advice=advice, path=path, found=found)
