"""`lalert preview`: what people would see and hear of a message before it is sent, without a hub.

Every text comes from where a hub takes it. What only a hub knows is left to `dry_run`: who sends it, and what came
before; here each message stands alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click
import msgspec
from lxml import etree
from rich.console import Console
from rich.table import Table

from lalert.cap import embedded
from lalert.cap.reader import Strictness
from lalert.cli import material
from lalert.cli.material import Material
from lalert.cli.prose import Prose, printable
from lalert.cli.speech import FAILED, FINDINGS, emit, honest, say, tell
from lalert.cli.verdict import show, table_of
from lalert.cli.where import configured
from lalert.core.inspection import Inspected, Inspection, Question, inspect
from lalert.core.model import Entry, Realm, Zone
from lalert.core.trial import Trial, realm_of, trial_of
from lalert.errors import Text
from lalert.geo.atlas import Atlas
from lalert.geo.boundaries import BoundarySet
from lalert.publishers.faces import Faces, Site
from lalert.publishers.portrait import LANGS, portrait, push_of
from lalert.render.clock import day_and_time
from lalert.render.entry import TICKERS, receipt_to_dict
from lalert.render.map import alert_map
from lalert.render.places import place_names
from lalert.render.text import plain
from lalert.render.wording import headline, summary
from lalert.render.wording import ticker as ticker_of
from lalert.render.words import hazard_label, level_label, state_label
from lalert.settings import Settings

_LIMIT: Final = embedded.MAX_BYTES + 1  # what is cut here is refused as too large
_NAMES: Final = 20  # municipalities told by name
_REALMS: Final = {Realm.LIVE: Text("本番", "live"), Realm.DRILL: Text("訓練", "drill")}
_LANGUAGES: Final = {"ja": "日本語", "en": "English"}


class _Notification(msgspec.Struct):
    title: str
    body: str


class _Push(msgspec.Struct):
    notification: _Notification


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """One message of the document: as it was found and, if it is right, what would become of it where."""

    found: Inspected
    trial: Trial | None
    site: Site


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """The hub that would publish it: its address, its map, the moment. `realm` None: the one that its status says."""

    realm: Realm | None
    public_url: str
    boundaries: BoundarySet
    lifetime: timedelta
    now: datetime


@click.command()
@click.argument("name", metavar="FILE|-|URL", type=Material())
@click.option("--strictness", type=click.Choice([s.value for s in Strictness]), default="producer", show_default=True)
@click.option(
    "--realm", type=click.Choice([realm.value for realm in Realm]), help="既定は status から / from its status"
)
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="このハブの境界データで / with its map")
@click.option("--map", "map_file", type=click.Path(path_type=Path, dir_okay=False), help="地図のSVG / the map")
@click.option("--json", "as_json", is_flag=True, help="JSON一つ / one JSON object")
@honest
def preview(
    name: str, strictness: str, realm: str | None, data: Path | None, map_file: Path | None, as_json: bool
) -> None:
    """送る前に見え方を確かめる / See what a message would look like. Sends nothing. Exit 3: it would be refused."""
    stage = _stage(configured(data=data), Realm(realm) if realm else None)
    try:
        raw = material.read(name, limit=_LIMIT)
    except OSError as error:
        tell(Text(f"{name}: 読めません({error.strerror})", f"{name}: cannot be read ({error.strerror})"))
        sys.exit(FAILED)
    question = Question(strictness=Strictness(strictness), now=stage.now, boundaries=stage.boundaries)
    inspection = inspect(raw, question)
    shown = [_tried(found, stage) for found in inspection.messages]
    if as_json:
        emit({"file": material.shown(name), **_to_dict(inspection, shown, stage)})
    else:
        _show(material.shown(name), inspection, shown)
    if map_file is not None:
        _draw(map_file, shown, stage)
    is_refused = inspection.verdict == "invalid" or any(one.trial and one.trial.is_refused for one in shown)
    sys.exit(FINDINGS if is_refused else 0)


def _stage(settings: Settings, realm: Realm | None) -> _Stage:
    server = settings.server
    return _Stage(
        realm=realm,
        public_url=(server.public_url or f"http://{server.host}:{server.port}").rstrip("/"),
        boundaries=Atlas.open(settings.store.data, groups=settings.hub.groups).current,
        lifetime=timedelta(hours=settings.hub.lifetime_h),
        now=datetime.now(UTC),
    )


def _tried(found: Inspected, stage: _Stage) -> _Shown:
    realm = stage.realm or (realm_of(found.alert) if found.alert else Realm.LIVE)
    trial = trial_of(found, realm, at=stage.now, boundaries=stage.boundaries, lifetime=stage.lifetime)
    return _Shown(found=found, trial=trial, site=Site(realm, stage.public_url))


# --- for programs -----------------------------------------------------------------------------------------------------


def _to_dict(inspection: Inspection, shown: Sequence[_Shown], stage: _Stage) -> dict[str, object]:
    """Return the verdict of `validate`, and with it what `dry_run` answers of each message that would go out."""
    told = [_message_to_dict(one, stage) for one in shown]
    if inspection.envelope is None:
        return told[0]
    lines = [{"line": one.found.line, **message} for one, message in zip(shown, told, strict=True)]
    return {**inspection.to_dict(), "messages": lines}


def _message_to_dict(shown: _Shown, stage: _Stage) -> dict[str, object]:
    found, trial = shown.found.to_dict(), shown.trial
    if trial is None:
        return found
    if trial.is_refused or trial.entry is None:
        refused = [*shown.found.findings, *trial.refusals]
        return {**found, "verdict": "invalid", "findings": [finding.to_dict() for finding in refused]}
    receipt = receipt_to_dict(trial.entry, shown.site.realm)
    return {**found, "receipt": receipt, "faces": portrait(trial.entry, shown.site, stage.boundaries)}


# --- for people -------------------------------------------------------------------------------------------------------


def _show(name: str, inspection: Inspection, shown: Sequence[_Shown]) -> None:
    console = Console(highlight=False)
    show(name, inspection)
    for one in shown:
        if one.trial is not None and one.trial.is_refused:
            _show_refused(console, one, one.trial)
        elif one.trial is not None and one.trial.entry is not None:
            _show_faces(console, one, one.trial.entry)


def _show_refused(console: Console, shown: _Shown, trial: Trial) -> None:
    where = _REALMS[shown.site.realm]
    said = Text(f"{where.ja}では受け付けられません。", f"It would be refused in the {where.en} realm.")
    console.print(f"[bold red]{say(said)}[/]")
    console.print(table_of(trial.refusals))


def _show_faces(console: Console, shown: _Shown, entry: Entry) -> None:
    console.print(_grid(_facts(shown, entry)))
    for lang in LANGS:
        console.rule(_LANGUAGES[lang], align="left")
        console.print(_grid(_faces(shown.site, entry, lang)))


def _grid(rows: Iterator[tuple[Text, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    for label, text in rows:
        grid.add_row(say(label), Prose(printable(text)))
    return grid


def _facts(shown: _Shown, entry: Entry) -> Iterator[tuple[Text, str]]:
    """Yield how the hub would take it, in the language of the terminal."""
    lang = say(Text("ja", "en"))
    yield Text("系", "realm"), say(_REALMS[shown.site.realm])
    yield Text("識別子", "identifier"), entry.alert.identifier
    yield Text("状態", "state"), state_label(entry.state, lang, entry.cancel_kind)
    yield Text("優先度", "priority"), entry.priority.label
    yield Text("レベル", "level"), level_label(entry.level, lang) or "-"
    for zone in entry.zones:
        yield Text("区域", "area"), _zone(zone, lang)
    if entry.ends_at is not None:
        yield Text("期限", "until"), day_and_time(entry.ends_at, lang)


def _zone(zone: Zone, lang: str) -> str:
    """Return one part of the area: what holds there, its municipalities, its size."""
    level = say(Text("解除", "lifted")) if zone.lifted else level_label(zone.level, lang)
    places = place_names(zone.area.municipalities, lang, limit=_NAMES)
    size = f"({zone.area.area_km2:,.1f} km²)"
    return " ".join(part for part in (level, hazard_label(zone.hazard, lang), places, size) if part)


def _faces(site: Site, entry: Entry, lang: str) -> Iterator[tuple[Text, str]]:
    """Yield what people would see and hear in `lang`, the shortest first."""
    for length in TICKERS:
        yield Text(f"テロップ {length}字", f"ticker {length}"), ticker_of(entry, length, lang=lang)
    yield Text("見出し", "headline"), headline(entry, lang)
    push = msgspec.json.decode(push_of(entry, lang, site), type=_Push).notification
    yield Text("通知の題", "push title"), push.title
    yield Text("通知の本文", "push body"), push.body
    if lang == "ja":  # feeds are Japanese
        yield Text("フィードの題", "Atom title"), _atom_title(entry, site)
    if (spoken := summary(entry, lang)) != push.body:
        yield Text("読み上げ", "speech"), spoken
    yield Text("全文", "whole text"), plain(entry, lang, as_of=entry.at)


def _atom_title(entry: Entry, site: Site) -> str:
    return etree.fromstring(Faces(entry, site).atom).findtext("{*}title", "")


def _draw(file: Path, shown: Sequence[_Shown], stage: _Stage) -> None:
    """Save the map of the one message. Raises `UsageError` where there are several."""
    entries = [one.trial.entry for one in shown if one.trial and one.trial.entry and not one.trial.is_refused]
    if len(shown) > 1:
        raise click.UsageError(say(Text("--map は1通の電文に使えます。", "--map draws one message.")))
    for entry in entries:
        file.write_bytes(alert_map(entry, stage.boundaries, as_of=stage.now, lang=say(Text("ja", "en"))))
        tell(Text(f"地図を {file} に保存しました。", f"The map is in {file}."))
