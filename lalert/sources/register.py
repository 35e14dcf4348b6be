"""The register of sources: `sources.toml`, one `[[source]]` table each.

Like the settings it refuses the start with everything that is wrong at once: a hub that silently watches half of what
its operator wrote is worse than one that says why it does not start.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Final, get_type_hints

import msgspec

from lalert.core.model import Realm
from lalert.errors import Finding, Rejected, Severity, Text, rejected
from lalert.geo.boundaries import BoundarySet
from lalert.geo.codes import normalise
from lalert.settings import MAX_FILE_BYTES, Networks
from lalert.sources.source import Form, Source

MAX_SOURCES: Final = 64

_TYPES: Final = get_type_hints(Source, include_extras=True)
_REQUIRED: Final = tuple(f.name for f in fields(Source) if f.default is MISSING and f.default_factory is MISSING)
_WANTED: Final = {
    "name": Text("英小文字・数字・ハイフンの 32 文字以内の名前", "a name of at most 32 of a-z, 0-9 and hyphen"),
    "url": Text(
        "https:// で始まる URL（ユーザー名は書かない）", "a URL that begins with https://, without a user name"
    ),
    "realm": Text("live か drill", "live or drill"),
    "areas": Text(
        '市区町村6桁・都道府県2桁のコードの配列、全国は ["*"]', 'an array of codes (6 or 2 digits), or ["*"]'
    ),
    "attribution": Text("200 文字以内の出典の表示", "the credit to show, at most 200 characters"),
    "form": Text("、".join(Form), ", ".join(Form)),
    "interval_s": Text("1 以上 86400 以下の秒数", "seconds from 1 to 86400"),
    "trust": Text("1 以上 9 以下の整数", "a whole number from 1 to 9"),
    "allow": Text('CIDR形式の範囲の配列(例: ["10.0.0.0/8"])', 'an array of ranges in CIDR form (["10.0.0.0/8"])'),
    "timeout_s": Text("0.1 以上 120 以下の秒数", "seconds from 0.1 to 120"),
    "fetches": Text("1 以上 500 以下の整数", "a whole number from 1 to 500"),
}


def load(file: Path, boundaries: BoundarySet) -> tuple[Source, ...]:
    """Return the sources of `file`. Raises `Rejected` (`settings.invalid`) with everything that is wrong."""
    findings: list[Finding] = []
    sources = []
    for number, table in enumerate(_tables(file, findings), 1):
        source = _source(table, f"source[{number}]", boundaries, findings)
        if source is not None:
            sources.append(source)
    findings += _repeated(sources)
    if findings:
        raise rejected(
            findings,
            code="settings.invalid",
            message=Text(
                f"{file} に誤りが {len(findings)} 件あります。修正するまで起動できません。",
                f"{len(findings)} problem(s) in {file}. The hub does not start until they are corrected.",
            ),
        )
    return tuple(sources)


def _tables(file: Path, findings: list[Finding]) -> Sequence[Mapping[str, object]]:
    """Return the `[[source]]` tables as they are written."""
    try:
        whole = _read(file)
    except (OSError, ValueError) as error:
        findings.append(_unreadable(file, str(error)))
        return ()
    findings += [_unknown(name, ["source"], name) for name in whole if name != "source"]
    tables = whole.get("source", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        findings.append(_wrong("source", Text("[[source]] の表", "tables [[source]]"), None))
        return ()
    if len(tables) > MAX_SOURCES:
        findings.append(_wrong("source", Text(f"{MAX_SOURCES} 個以内", f"at most {MAX_SOURCES}"), str(len(tables))))
        return ()
    return tables


def _read(file: Path) -> dict[str, object]:
    with file.open("rb") as stream:
        raw = stream.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise ValueError(f"more than {MAX_FILE_BYTES} bytes")
    return tomllib.loads(raw.decode("utf-8-sig"))


def _source(table: Mapping[str, object], path: str, boundaries: BoundarySet, findings: list[Finding]) -> Source | None:
    """Return the source that a table describes; None, and why in `findings`, when it describes none."""
    mistakes = [_unknown(name, list(_TYPES), f"{path}.{name}") for name in table if name not in _TYPES]
    mistakes += [_missing(name, path) for name in _REQUIRED if name not in table]
    values: dict[str, object] = {}
    for name, value in table.items():
        if name not in _TYPES:
            continue
        try:
            values[name] = _codes(value, boundaries) if name == "areas" else _converted(name, value)
        except (msgspec.ValidationError, Rejected):
            found = None if name == "url" else repr(value)[:80]  # a password may be in it
            mistakes.append(_wrong(f"{path}.{name}", _WANTED[name], found))
    if str(values.get("url", "")).startswith("http://") and not table.get("allow"):
        mistakes.append(_wrong(f"{path}.url", _WANTED["url"], None))  # somebody on the way could write alerts
    findings += mistakes
    return None if mistakes else Source(**values)  # type: ignore[arg-type]  # converted by their own types above


def _converted(name: str, value: object) -> object:
    return msgspec.convert(value, _TYPES[name], dec_hook=lambda _, given: Networks.parse(given))


def _codes(value: object, boundaries: BoundarySet) -> tuple[str, ...]:
    """Return codes of places that exist. Raises `Rejected`, `ValidationError`."""
    given: tuple[str, ...] = msgspec.convert(value, _TYPES["areas"])
    if "*" in given:
        return ("*",)
    codes = tuple(dict.fromkeys(normalise(code) for code in given))
    for code in codes:
        boundaries.expand(code)
    return codes


def _repeated(sources: Sequence[Source]) -> list[Finding]:
    names = [source.name for source in sources]
    wanted = Text("一つしかない名前", "a name that no other source has")
    return [_wrong("source.name", wanted, name) for name in dict.fromkeys(names) if names.count(name) > 1]


def _unknown(name: str, known: Sequence[str], path: str) -> Finding:
    near = get_close_matches(name, known, n=1)
    advice = (
        Text(f"「{near[0]}」の誤りではありませんか。", f"Did you mean {near[0]}?")
        if near
        else Text("この項目を削除してください。", "Remove it.")
    )
    message = Text(f"設定「{path}」はありません。", f"There is no setting {path}.")
    return _finding("settings.unknown", message, advice, path, None)


def _missing(name: str, path: str) -> Finding:
    message = Text(f"{path} に「{name}」がありません。", f"{path} lacks {name}.")
    wanted = _WANTED[name]
    advice = Text(f"{wanted.ja}を指定してください。", f"Give {wanted.en}.")
    return _finding("settings.missing", message, advice, f"{path}.{name}", None)


def _wrong(path: str, wanted: Text, found: str | None) -> Finding:
    message = Text(f"設定「{path}」の値が使えません。", f"The value of {path} cannot be used.")
    advice = Text(f"{wanted.ja}を指定してください。", f"Give {wanted.en}.")
    return _finding("settings.value", message, advice, path, found)


def _unreadable(file: Path, reason: str) -> Finding:
    message = Text(f"{file} を読めません({reason})。", f"{file} cannot be read: {reason}.")
    advice = Text(
        "TOML形式・UTF-8のファイルか、読み取り権限があるかを確認してください。",
        "Check that it is TOML in UTF-8 and that it may be read.",
    )
    return _finding("settings.file", message, advice, str(file), None)


def _finding(code: str, message: Text, advice: Text, path: str, found: str | None) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, message=message, advice=advice, path=path, found=found)


def of_realm(sources: Sequence[Source], realm: Realm) -> tuple[Source, ...]:
    """Return the sources of one realm, the most trusted first: of two that bring the same, it is asked first."""
    return tuple(sorted((one for one in sources if one.realm is realm), key=lambda one: -one.trust))
