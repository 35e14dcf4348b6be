"""Settings: one frozen value, built once at the edge; each part of the hub receives its own section.

Sources, the later ones win: the defaults below, `lalert.toml`, `LALERT_*` environment variables, flags. A name that is
not known, a wrong type or a value out of range refuses the start, with all problems at once: a hub that silently runs
with half of what the operator wrote is worse than one that says why it does not start.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Meta

from lalert.errors import Finding, Severity, Text, rejected

MAX_FILE_BYTES = 1 << 20
_PREFIX = "LALERT_"
# Names under our prefix that are not settings: the file itself, what Kubernetes injects for a service called
# "lalert" (LALERT_PORT, LALERT_SERVICE_HOST ...), and the test suite's own.
_FOREIGN = ("LALERT_CONFIG", "LALERT_PORT", "LALERT_SERVICE_", "LALERT_TEST_", "LALERT_CRASH_")
_ALIASES = {"LALERT_DATA": "store.data"}
_SECRET = frozenset({"store.url"})  # never repeated to anybody, not even when it is wrong

S = TypeVar("S")
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Network = IPv4Network | IPv6Network
Url = Annotated[str, Meta(pattern=r"^https?://[^\s/?#]+[^\s?#]*$", max_length=1024)]
StoreUrl = Annotated[
    str, Meta(pattern=r"^(rediss?://[^\s/?#]+(/[0-9]{0,5})?|unix:///[^\s?#]+)(\?[^\s#]*)?$", max_length=1024)
]


class Networks(tuple[Network, ...]):
    """Address ranges: an array of CIDR texts in the file, a comma list in a variable."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> Networks:
        """Return the ranges that `value` spells. Raises `ValueError`."""
        texts = value.split(",") if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
            raise ValueError
        return cls(ip_network(text.strip()) for text in texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where the hub listens, and what it bears.

    `public_url` is how readers reach it, without a trailing slash. `trusted_proxies` are the ranges of the proxies
    before it, whose word on where a request comes from (`X-Forwarded-For`) is taken.
    """

    host: Name = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8080  # 0: any free port
    public_url: Url | None = None
    trusted_proxies: Networks = field(default_factory=Networks)
    max_body_bytes: Annotated[int, Meta(ge=4_096, le=4 << 20)] = 1 << 20  # no message may be larger than 4 MiB
    max_connections: Annotated[int, Meta(ge=16, le=1_000_000)] = 8_192
    shutdown_s: Annotated[float, Meta(ge=0, le=300)] = 10.0


class Durability(StrEnum):
    """What a shared store must prove before an alert is acknowledged: `none` is allowed by name only."""

    ALWAYS = "always"  # it flushes every write to its disk before it answers
    REPLICAS = "replicas"  # so many replicas have it
    NONE = "none"  # nothing: what was acknowledged may be lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Where everything that lasts is kept, and for how long.

    Without a `url` that is SQLite in `data`; with one, a Redis that several hubs may share, and `data` holds what each
    of them needs beside it (key files). `timeout_s` is the most that a question to Redis may take, an append included.
    """

    data: Path = Path("lalert-data")
    url: StoreUrl | None = field(default=None, repr=False)  # it may hold a password
    durability: Durability = Durability.ALWAYS
    replicas: Annotated[int, Meta(ge=1, le=16)] = 1
    timeout_s: Annotated[float, Meta(ge=0.1, le=60)] = 3.0
    retention_days: Annotated[int, Meta(ge=4, le=3_650)] = 30  # never less than the 72 h that ended alerts are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The priority queue between intake and the log: items that may wait, and the most that one commit takes."""

    capacity: Annotated[int, Meta(ge=1_024, le=10_000_000)] = 20_000
    batch: Annotated[int, Meta(ge=1, le=1_024)] = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Readers that stay connected: life signs, the most that may wait for one of them, entries kept in memory."""

    ping_s: Annotated[float, Meta(ge=1, le=300)] = 15.0
    heartbeat_s: Annotated[float, Meta(ge=1, le=3_600)] = 60.0
    buffer_bytes: Annotated[int, Meta(ge=65_536, le=64 << 20)] = 1 << 20
    stall_s: Annotated[float, Meta(ge=1, le=600)] = 30.0  # a reader that takes nothing for so long is cut
    retry_ms: Annotated[int, Meta(ge=100, le=60_000)] = 3_000
    tail_entries: Annotated[int, Meta(ge=100, le=1_000_000)] = 4_000  # about 40 KB each


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """The hub's own rules.

    `lifetime_h` ends what names no end; `jurisdiction_slack_m` is how far a shape may reach over the border of what
    its sender may alert; `key_per_s` and `key_burst` limit one key, wide enough for one that relays a whole country's
    1,741 municipalities at once. `groups` lists the operator's named areas, in the data folder unless it is absolute.
    """

    groups: Path = Path("groups.toml")
    lifetime_h: Annotated[int, Meta(ge=1, le=8_760)] = 168
    jurisdiction_slack_m: Annotated[float, Meta(ge=0, le=50_000)] = 500.0
    canary_s: Annotated[float, Meta(ge=5, le=3_600)] = 60.0
    ended_h: Annotated[int, Meta(ge=1, le=720)] = 72
    key_per_s: Annotated[float, Meta(gt=0, le=10_000)] = 50.0
    key_burst: Annotated[int, Meta(ge=1, le=100_000)] = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What the hub sends by itself: webhooks and Web Push.

    `allow_networks` are the ranges, beside the public internet, that it may connect to; only there may an endpoint be
    plain http. `timeout_s` is the most that one request may take, from the look-up of the name to the answer's head.

    `concurrency` is how many deliveries are under way at a time, `lane_entries` how many may wait for one recipient
    in memory (the log has the rest). A recipient that fails is tried again after `retry_first_s`, then each time twice
    as long, at most `retry_longest_s`; one message is given up after `patience_h`. What was delivered is noted every
    `save_s`: so much may be repeated after a crash.
    """

    allow_networks: Networks = field(default_factory=Networks)
    timeout_s: Annotated[float, Meta(ge=0.1, le=120)] = 10.0
    concurrency: Annotated[int, Meta(ge=4, le=10_000)] = 256
    lane_entries: Annotated[int, Meta(ge=16, le=100_000)] = 1_024
    retry_first_s: Annotated[float, Meta(ge=0.01, le=60)] = 2.0
    retry_longest_s: Annotated[float, Meta(ge=0.01, le=3_600)] = 300.0
    patience_h: Annotated[float, Meta(gt=0, le=720)] = 72.0
    save_s: Annotated[float, Meta(ge=0, le=10)] = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Hubs that share a store.

    `node` is what this one is called; unset: its machine and port. What a node holds (webhooks, notifications, the
    jobs that run once) others take over when it has given no sign of life for `lease_s`.
    """

    node: Name | None = None
    lease_s: Annotated[float, Meta(ge=0.5, le=60)] = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatures:
    """Signatures on CAP messages: whose count (`trust`, a TOML file), and our own key with its certificate (PEM).

    Those of the drill realm are apart from the live one's, like everything else of it.
    """

    trust: Path | None = None
    key: Path | None = None
    certificate: Path | None = None
    drill_trust: Path | None = None
    drill_key: Path | None = None
    drill_certificate: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Alerts that are fetched: `file` is the register of their sources, a TOML file of its own."""

    file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that an operator may choose."""

    server: Server = field(default_factory=Server)
    store: Storage = field(default_factory=Storage)
    queue: Queue = field(default_factory=Queue)
    stream: Stream = field(default_factory=Stream)
    hub: Hub = field(default_factory=Hub)
    push: Push = field(default_factory=Push)
    signatures: Signatures = field(default_factory=Signatures)
    cluster: Cluster = field(default_factory=Cluster)
    sources: Sources = field(default_factory=Sources)


_SECTIONS: dict[str, type] = {
    "server": Server,
    "store": Storage,
    "queue": Queue,
    "stream": Stream,
    "hub": Hub,
    "push": Push,
    "signatures": Signatures,
    "cluster": Cluster,
    "sources": Sources,
}
_TYPES: dict[str, object] = {
    f"{section}.{name}": hint
    for section, cls in _SECTIONS.items()
    for name, hint in get_type_hints(cls, include_extras=True).items()
}


@dataclass(frozen=True, slots=True)
class _Given:
    """One value as somebody gave it: for which setting, under which name, and whether it came as text."""

    key: str
    label: str
    value: object
    as_text: bool


def load(file: Path | None, env: Mapping[str, str], overrides: Mapping[str, object]) -> Settings:
    """Return the settings out of `file` (None: no file), `env` and `overrides` (`{"server.port": 8080}`).

    An empty variable and an override that is None count as not given.

    Raises `Rejected` (`settings.invalid`) that lists every unknown name and every value that cannot be used.
    """
    findings: list[Finding] = []
    values: dict[str, object] = {}
    for given in (*_from_file(file, findings), *_from_env(env), *_from_flags(overrides)):
        if given.key not in _TYPES:
            findings.append(_unknown(given))
            continue
        try:
            values[given.key] = _convert(given)
        except msgspec.ValidationError:
            findings.append(_unusable(given))
    if findings:
        raise rejected(
            findings,
            code="settings.invalid",
            message=Text(
                ja=f"設定に誤りが {len(findings)} 件あります。修正するまで起動できません。",
                en=f"{len(findings)} problem(s) in the settings. The hub does not start until they are corrected.",
            ),
        )
    return Settings(
        server=_section("server", Server, values),
        store=_section("store", Storage, values),
        queue=_section("queue", Queue, values),
        stream=_section("stream", Stream, values),
        hub=_section("hub", Hub, values),
        push=_section("push", Push, values),
        signatures=_section("signatures", Signatures, values),
        cluster=_section("cluster", Cluster, values),
        sources=_section("sources", Sources, values),
    )


def _section(name: str, cls: Callable[..., S], values: Mapping[str, object]) -> S:
    prefix = f"{name}."
    return cls(**{key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)})


def _convert(given: _Given) -> object:
    return msgspec.convert(given.value, _TYPES[given.key], strict=not given.as_text, dec_hook=_to_own)


def _to_own(kind: type, value: object) -> object:
    """Make what msgspec does not know out of its text."""
    if kind is Networks:
        return Networks.parse(value)
    if kind is Path and isinstance(value, str | Path) and str(value).strip():
        return Path(value)
    raise ValueError


def _from_file(file: Path | None, findings: list[Finding]) -> list[_Given]:
    if file is None:
        return []
    try:
        table = _read_toml(file)
    except (OSError, ValueError) as error:
        findings.append(_unreadable(file, str(error)))
        return []
    return [_Given(key, f"{file.name}: {key}", value, as_text=False) for key, value in _flat(table)]


def _read_toml(file: Path) -> dict[str, object]:
    with file.open("rb") as stream:
        raw = stream.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise ValueError(f"more than {MAX_FILE_BYTES} bytes")
    return tomllib.loads(raw.decode("utf-8-sig"))


def _flat(table: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for section, content in table.items():
        if isinstance(content, dict) and section in _SECTIONS:
            yield from ((f"{section}.{name}", value) for name, value in content.items())
        else:
            yield section, content


def _from_env(env: Mapping[str, str]) -> Iterator[_Given]:
    for name, value in sorted(env.items()):
        if value and name.startswith(_PREFIX) and not name.startswith(_FOREIGN):
            yield _Given(_ALIASES.get(name) or _key_of(name), name, value, as_text=True)


def _key_of(variable: str) -> str:
    return variable.removeprefix(_PREFIX).lower().replace("_", ".", 1)


def _variable_of(key: str) -> str:
    return _PREFIX + key.upper().replace(".", "_")


def _from_flags(overrides: Mapping[str, object]) -> Iterator[_Given]:
    return (_Given(key, key, value, as_text=True) for key, value in overrides.items() if value is not None)


def _unknown(given: _Given) -> Finding:
    near = get_close_matches(given.key, [*_TYPES, *_SECTIONS], n=1)
    if given.key in _SECTIONS:
        advice = Text(ja=f"[{given.key}] の下に項目を書いてください。", en=f"Write its settings below [{given.key}].")
    elif near:
        name = _variable_of(near[0]) if given.label.startswith(_PREFIX) else near[0]
        advice = Text(ja=f"「{name}」の誤りではありませんか。", en=f"Did you mean {name}?")
    else:
        advice = Text(ja="この設定を削除してください。", en="Remove it.")
    message = Text(ja=f"設定「{given.label}」はありません。", en=f"There is no setting {given.label}.")
    return _finding("settings.unknown", message, advice, given.label, None)


def _unusable(given: _Given) -> Finding:
    wanted = _describe(_TYPES[given.key])
    message = Text(
        ja=f"設定「{given.label}」の値が使えません。",
        en=f"The value of {given.label} cannot be used.",
    )
    advice = Text(ja=f"{wanted.ja}を指定してください。", en=f"Give {wanted.en}.")
    found = None if given.key in _SECRET else repr(given.value)[:80]
    return _finding("settings.value", message, advice, given.label, found)


def _unreadable(file: Path, reason: str) -> Finding:
    message = Text(ja=f"設定ファイル {file} を読めません({reason})。", en=f"{file} cannot be read: {reason}.")
    advice = Text(
        ja="TOML形式・UTF-8のファイルか、読み取り権限があるかを確認してください。",
        en="Check that it is TOML in UTF-8 and that it may be read.",
    )
    return _finding("settings.file", message, advice, str(file), None)


def _finding(code: str, message: Text, advice: Text, path: str, found: str | None) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, message=message, advice=advice, path=path, found=found)


def _describe(hint: object) -> Text:
    """Say which values `hint` allows, for somebody who does not know its name."""
    if hint is Path:
        return Text(ja="フォルダの場所", en="the path of a folder")
    if hint == Path | None:
        return Text(ja="ファイルの場所", en="the path of a file")
    if hint is Networks:
        return Text(ja="CIDR形式のアドレス範囲(例: 10.0.0.0/8)", en="address ranges in CIDR form (10.0.0.0/8)")
    if hint == Url | None:
        return Text(ja="https:// または http:// で始まるURL", en="a URL that begins with https:// or http://")
    if hint == StoreUrl | None:
        return Text(
            ja="redis://、rediss://、unix:// で始まるURL", en="a URL that begins with redis://, rediss:// or unix://"
        )
    if hint is Durability:
        names = ", ".join(Durability)
        return Text(ja=f"次のいずれか: {names}", en=f"one of: {names}")
    if hint == Name | None:
        return _describe(Name)
    kind, meta = get_args(hint)
    if kind is str:
        return Text(ja=f"{meta.max_length} 文字以内の文字列", en=f"a text of at most {meta.max_length} characters")
    low, ja_low, en_low = (meta.gt, "より大きく", "above") if meta.gt is not None else (meta.ge, "以上", "from")
    noun = Text(ja="整数", en="a whole number") if kind is int else Text(ja="数", en="a number")
    return Text(ja=f"{low} {ja_low} {meta.le} 以下の{noun.ja}", en=f"{noun.en} {en_low} {low} to {meta.le}")
