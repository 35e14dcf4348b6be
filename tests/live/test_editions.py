"""Another boundary set while the hub runs: nothing is restarted, nobody is forgotten, nothing falls over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from lalert.core.model import Realm
from lalert.geo import packed
from lalert.geo.importing import Imported
from lalert.geo.shelf import CURRENT, Shelf
from lalert.web.server import Server
from tests.geo.conftest import country, country_file, wardless
from tests.rig import hubs
from tests.rig.author import Author
from tests.rig.caller import Caller

__all__ = ["country", "country_file", "wardless"]  # fixtures

KITA, KYOTO = "261017", "261009"
author = Author()


def order_for(group: str) -> bytes:
    """An order for a named area."""
    raw = author.order(KITA).raw
    value = b"<valueName>JISX0402</valueName>\n        <value>%b</value>"
    assert value % KITA.encode() in raw
    return raw.replace(value % KITA.encode(), (value % group.encode()).replace(b"JISX0402", b"lalert:group"))


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what the hub does by itself within seconds."""
    async with hubs.patience():
        while not holds():  # noqa: ASYNC110 - nothing tells when a hub has looked
            await asyncio.sleep(0.05)


def version_of(server: Server) -> str:
    """The set that both realms work with."""
    live, drill = (server.hub(realm).boundaries for realm in (Realm.LIVE, Realm.DRILL))
    assert live is drill
    return live.version


async def test_a_running_hub_takes_the_new_set(
    tmp_path: Path, server: Server, live: Caller, wardless: Imported
) -> None:
    """An alert keeps the version that it was resolved with, shows on maps and pages of the new one, can be ended."""
    order = author.order(KITA)
    first = (await live.post(order)).json
    assert first["area"]["boundaries"] == packed.read()[1].version
    page = f"/map/{KITA[:2]}.svg"
    before = (await live.get(page)).body
    shelf = Shelf(tmp_path / "data")
    shelf.put(wardless.data, wardless.source)
    shelf.use("wardless")
    await until(lambda: version_of(server) == "wardless")
    status = (await live.get("/status.json")).json
    assert status["realms"]["live"]["boundaries"] == {"version": "wardless", "fault": None}
    for path in ("/", "/a", "/a/26", f"/a/{KYOTO}", "/map/japan.svg", page, f"/map/{KYOTO}.svg", "/notify"):
        assert (await live.get(path)).status == 200, path
    assert (await live.get(page)).body != before
    assert order.identifier in (await live.get(f"/api/v1/alerts/active?area={KYOTO}")).text
    cancelled = await live.post(author.cancel(order))
    assert cancelled.status == 201, cancelled.text
    assert cancelled.json["supersedes"] == [order.identifier]
    second = (await live.post(author.order(KYOTO))).json
    assert second["area"]["boundaries"] == "wardless"
    assert [place["code"] for place in second["area"]["municipalities"]] == [KYOTO]
    refused = await live.post(author.order(KITA))
    assert (refused.status, refused.json["errors"][0]["code"]) == (422, "area.ward_unavailable")


async def test_a_damaged_set_changes_nothing(tmp_path: Path, server: Server, live: Caller) -> None:
    """The hub goes on with the set in use, and says what is wrong."""
    shelf = Shelf(tmp_path / "data")
    embedded = version_of(server)
    shelf.use("lost")
    await until(lambda: server.hub(Realm.LIVE).atlas.fault is not None)
    status = (await live.get("/status.json")).json["realms"]["live"]["boundaries"]
    assert status == {"version": embedded, "fault": "boundaries.version"}
    assert (await live.post(author.order(KITA))).status == 201
    (shelf.folder / CURRENT).unlink()
    await until(lambda: server.hub(Realm.LIVE).atlas.fault is None)


async def test_named_areas_come_without_a_restart(tmp_path: Path, server: Server, live: Caller) -> None:
    """A sender names a basin as soon as the operator has written it down; a name that nobody knows is refused."""
    (tmp_path / "data" / "groups.toml").write_text(
        '[[group]]\nname = "鴨川流域"\ncodes = ["261009"]\n[[group]]\nname = "x"\ncodes = ["1"]\n', encoding="utf-8"
    )
    await until(lambda: bool(server.hub(Realm.LIVE).boundaries.groups.by_name))
    kept = await live.post(order_for("鴨川流域"))
    assert kept.status == 201, kept.body
    assert len(kept.json["area"]["municipalities"]) == 11
    refused = await live.post(order_for("桂川流域"))
    assert (refused.status, refused.json["errors"][0]["code"]) == (422, "area.group_unknown")
    listed = (await live.get("/api/v1/areas/groups")).json["groups"]
    assert [(group["name"], group["usable"], len(group["municipalities"])) for group in listed] == [
        ("鴨川流域", True, 11),
        ("x", False, 0),
    ]


async def test_a_refusal_shows_what_lies_outside(server: Server) -> None:
    """As codes and as GeoJSON."""
    key = await hubs.issue(server, areas=["131016"])
    async with Caller(server.url, key) as caller:
        refused = await caller.post(author.order(KITA))
    assert refused.status == 403
    outside = refused.json["outside"]
    assert outside["properties"] == {"municipalities": [KITA]}
    assert outside["geometry"]["type"] in ("Polygon", "MultiPolygon")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub looks every tenth of a second here."""
    monkeypatch.setattr("lalert.web.server._BOUNDARIES_S", 0.1)
