"""Alerts as GeoJSON features, read by the programs that people use: GDAL and geopandas."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import geopandas
import pytest
import shapely

from lalert.web import features, ogc
from lalert.web.server import serving
from tests.rig import hubs
from tests.rig.author import CHIYODA, CHUO, NAHA, YOKOSUKA, Author, now
from tests.rig.caller import Answer, Caller

ITEMS = "/ogc/collections/alerts/items"

author = Author()


def names(answer: Answer) -> list[str]:
    """Return the identifiers of the features, in order."""
    return [feature["properties"]["identifier"] for feature in answer.json["features"]]


async def read(address: str) -> geopandas.GeoDataFrame:
    """Return what geopandas reads; the hub answers meanwhile."""
    return await asyncio.to_thread(geopandas.read_file, address)


async def read_beside(address: str) -> dict[str, list[object]]:
    """Return the columns that geopandas reads in a process of its own: GDAL keeps Python's lock while it fetches."""
    script = (
        "import json, sys, geopandas; frame = geopandas.read_file(sys.argv[1]); kind = frame.geometry.geom_type;"
        "print(json.dumps(frame.assign(kind=kind)[['id', 'identifier', 'kind']].to_dict(orient='list')))"
    )
    command = (sys.executable, "-c", script, address)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    async with hubs.patience():
        out, _ = await process.communicate()
    return json.loads(out)  # type: ignore[no-any-return]


async def test_geopandas_reads_what_is_in_force(live: Caller) -> None:
    """One document: as many rows as parts in force, exact shapes, levels, names."""
    chiyoda, naha = author.order(CHIYODA, level=4), author.order(NAHA, level=3)
    for alert in (chiyoda, naha, author.order(CHUO, level=5)):
        await live.publish(alert)
    await live.publish(author.cancel(naha))
    frame = await read(f"{live.url}/api/v1/alerts/active.geojson")
    assert list(frame["level"]) == [5, 4]
    assert frame.crs.to_epsg() == 4326
    (ward,) = frame[frame["identifier"] == chiyoda.identifier].geometry
    assert shapely.intersects_xy(ward, 139.7536, 35.694)
    filtered = await live.get("/api/v1/alerts/active.geojson?area=13101&min_level=4")
    assert names(filtered) == [chiyoda.identifier]
    assert (filtered.json["numberMatched"], filtered.json["numberReturned"]) == (1, 1)


async def test_gdal_reads_the_collection(live: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """GDAL's OAPIF driver finds the collection from its address alone, and pages through it."""
    monkeypatch.setattr(ogc, "PAGE", 2)
    orders = [author.order(code) for code in (CHIYODA, CHUO, NAHA, YOKOSUKA, CHIYODA)]
    for order in orders:
        await live.publish(order)
    frame = await read_beside(f"OAPIF:{live.url}/ogc")
    assert sorted(frame["identifier"]) == sorted(order.identifier for order in orders)
    assert len(set(frame["id"])) == len(orders)
    assert set(frame["kind"]) <= {"Polygon", "MultiPolygon"}


async def test_parts_that_are_lifted_are_no_features(live: Caller) -> None:
    """Whoever draws all that comes draws what holds: an all clear is nothing to draw."""
    order = author.order(CHIYODA)
    await live.publish(order)
    await live.publish(author.lift(order))
    for path in ("/api/v1/alerts/active.geojson", ITEMS):
        assert (await live.get(path)).json["features"] == []


async def test_of_a_message_that_lifts_a_part_the_rest_is_drawn(live: Caller) -> None:
    """Where the order goes on there is a feature, where the same message lifts it there is none."""
    sample = Path(__file__).parents[2] / "sample_feeds" / "good" / "05-partial-lift-two-zones.xml"
    assert (await live.post(sample.read_bytes())).status == 201
    for path in ("/api/v1/alerts/active.geojson", ITEMS):
        (feature,) = (await live.get(path)).json["features"]
        assert feature["properties"]["event"] == "避難指示（洪水）"


async def test_without_a_time_it_is_now_with_one_it_is_then(live: Caller) -> None:
    """What has been lifted is in the collection of the time when it held, and says when it ended."""
    order = author.order(CHIYODA)
    receipt = await live.publish(order)
    begun = receipt["acceptedAt"]
    await live.publish(author.lift(order))
    assert names(await live.get(ITEMS)) == []
    then = await live.get(f"{ITEMS}?datetime={quote(begun)}")
    assert names(then) == [order.identifier]
    (feature,) = then.json["features"]
    assert feature["properties"]["state"] == "cancelled"
    assert feature["properties"]["endedAt"]
    for span in (f"{(now() + timedelta(minutes=1)).isoformat()}/..", f"../{(now() - timedelta(hours=1)).isoformat()}"):
        assert names(await live.get(f"{ITEMS}?datetime={quote(span)}")) == []
    one = await live.get(f"{ITEMS}/{feature['id']}")
    assert one.json["geometry"] == feature["geometry"]
    assert one.json["properties"]["state"] == "cancelled"


async def test_the_past_outlives_a_restart(tmp_path: Path) -> None:
    """What began before memory and ended within it is known after a restart; what memory cannot know is refused."""
    settings = hubs.settings_for(tmp_path / "data", hub__ended_h=1)
    began = now() - timedelta(hours=2)
    order = author.order(CHIYODA, sent=began, expires=began + timedelta(hours=6))
    async with serving(settings, clock=lambda: began) as server, Caller(server.url, await hubs.issue(server)) as caller:
        await caller.publish(order)
    async with serving(settings) as server, Caller(server.url, await hubs.issue(server)) as caller:
        await caller.publish(author.lift(order))
    async with serving(settings) as server, Caller(server.url) as caller:
        half_an_hour_ago = quote((now() - timedelta(minutes=30)).isoformat())
        assert names(await caller.get(f"{ITEMS}?datetime={half_an_hour_ago}")) == [order.identifier]
        assert names(await caller.get(ITEMS)) == []
        too_early = await caller.get(f"{ITEMS}?datetime={quote(began.isoformat())}")
        assert (too_early.status, too_early.json["title"]) == (410, "history.beyond")


async def test_what_ends_by_itself_will_not_hold_tomorrow(live: Caller) -> None:
    """A time in the future asks for what holds until then."""
    short, long = author.order(CHIYODA, lasts=timedelta(hours=1)), author.order(CHUO, lasts=timedelta(hours=30))
    for order in (short, long):
        await live.publish(order)
    tomorrow = quote((now() + timedelta(hours=24)).isoformat())
    assert names(await live.get(f"{ITEMS}?datetime={tomorrow}")) == [long.identifier]


async def test_a_box_takes_what_touches_it(live: Caller) -> None:
    """The shape counts, not the box around it."""
    tokyo, naha = author.order(CHIYODA), author.order(NAHA)
    for order in (tokyo, naha):
        await live.publish(order)
    assert names(await live.get(f"{ITEMS}?bbox=139.74,35.68,139.76,35.7")) == [tokyo.identifier]
    assert names(await live.get(f"{ITEMS}?bbox=150,20,-170,50")) == []


async def test_pages_lose_nothing(live: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paging goes by position: what comes or ends between two pages moves nothing else out of sight."""
    orders = [author.order(code) for code in (CHIYODA, CHUO, NAHA, YOKOSUKA)]
    for order in orders:
        await live.publish(order)
    seen, path = [], f"{ITEMS}?limit=2"
    while path:
        answer = await live.get(path)
        seen += names(answer)
        links = {link["rel"]: link["href"] for link in answer.json["links"]}
        path = links.get("next", "").removeprefix(live.url)
        if len(seen) == 2:
            await live.publish(author.lift(orders[0]))
            await live.publish(author.order(CHIYODA, level=5))
    assert seen[:4] == [order.identifier for order in orders]
    assert len(seen) == 5
    monkeypatch.setattr(features, "MOST_BYTES", 1)
    assert len(names(await live.get(ITEMS))) == 1


@pytest.mark.parametrize(
    "asked",
    [
        "limit=0",
        "limit=-1",
        "limit=many",
        "bbox=1,2",
        "bbox=",
        "datetime=",
        "datetime=soon",
        "after=x",
        "after=k3f9-1.",
        "after=another-1.1",
        "f=html",
        "box=1",
        "offset=1",
    ],
)
async def test_what_cannot_be_read_is_refused(live: Caller, asked: str) -> None:
    """A mistake in a query is 400 and named, never the whole world."""
    answer = await live.get(f"{ITEMS}?{asked}")
    assert answer.status == 400
    assert answer.json["errors"][0]["path"] == asked.partition("=")[0]


async def test_landing_leads_everywhere(live: Caller) -> None:
    """Every link of the landing page and of the collection is answered; what is not there is 404."""
    for path in ("/ogc", "/ogc/", "/ogc/collections", "/ogc/collections/alerts", "/ogc/conformance", "/ogc/api"):
        body = (await live.get(path)).json
        for link in body.get("links", []):
            assert (await live.get(link["href"].removeprefix(live.url))).status == 200, link
    assert (
        "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core"
        in (await live.get("/ogc/conformance")).json["conformsTo"]
    )
    for nothing in (f"{ITEMS}/x", f"{ITEMS}/k3f9-1.1", "/ogc/collections/drills"):
        assert (await live.get(nothing)).status == 404


async def test_no_drill_among_the_real(live: Caller, drill: Caller) -> None:
    """Each realm has a collection of its own."""
    exercise = Author(drill=True).order(CHIYODA)
    await drill.publish(exercise)
    assert names(await drill.get(ITEMS)) == [exercise.identifier]
    assert names(await drill.get("/api/v1/alerts/active.geojson")) == [exercise.identifier]
    (link,) = (link for link in (await drill.get(ITEMS)).json["links"] if link["rel"] == "self")
    assert link["href"] == f"{drill.url}{ITEMS}"
    assert (
        names(await live.get(f"{ITEMS}?datetime=../..")) == names(await live.get("/api/v1/alerts/active.geojson")) == []
    )


async def test_answers_are_kept_by_caches(live: Caller) -> None:
    """The same picture is not sent twice; a cache between knows that it may come packed."""
    await live.publish(author.order())
    for path in ("/api/v1/alerts/active.geojson", ITEMS):
        fresh = await live.get(path)
        again = await live.get(path, If_None_Match=fresh.headers["ETag"])
        assert (fresh.status, again.status) == (200, 304)
        assert fresh.headers["Vary"] == again.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(("asked", "encoding"), [("gzip", "gzip"), ("br, gzip;q=0.5", "gzip"), ("gzip;q=0", None)])
async def test_the_whole_is_packed_once(live: Caller, asked: str, encoding: str | None) -> None:
    """Who takes gzip gets the bytes that are kept packed; who does not gets the same document plain."""
    await live.publish(author.order())
    path = "/api/v1/alerts/active.geojson"
    plain, packed = await live.get(path, Accept_Encoding="identity"), await live.get(path, Accept_Encoding=asked)
    assert packed.headers.get("Content-Encoding") == encoding
    assert packed.body == plain.body  # the client unpacks
    assert packed.headers["ETag"] == plain.headers["ETag"]


async def test_the_source_of_the_borders_is_named(live: Caller) -> None:
    """Whoever draws them owes the credit; pages of other sites may read it all."""
    await live.publish(author.order())
    credit = (await live.get("/api/v1/areas/13")).json["credit"]
    for path in ("/api/v1/alerts/active.geojson", ITEMS, "/ogc/collections/alerts"):
        answer = await live.get(path)
        assert answer.json["attribution"] == credit
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
