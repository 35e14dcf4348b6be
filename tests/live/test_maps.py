"""Maps over HTTP: drawings and pictures, of an alert, a place and the country."""

from __future__ import annotations

import asyncio

import pytest
import pyvips

from lalert.render.form import FORMS
from lalert.render.map import MAX_BYTES
from tests.rig.author import CHIYODA, NAHA, Author
from tests.rig.caller import Caller

author = Author()


async def test_pictures_of_everything(live: Caller) -> None:
    """An alert, a municipality, a prefecture and Japan in every format: PNG of that size, SVG within bounds."""
    order = author.order(CHIYODA)
    await live.publish(order)
    for path in (f"/alerts/{order.identifier}/map", f"/map/{CHIYODA}", "/map/13", "/map/japan"):
        for size in FORMS:
            picture = await live.get(f"{path}.png?size={size}&overlay=1")
            drawing = await live.get(f"{path}.svg?size={size}")
            assert (picture.status, picture.content_type, drawing.status) == (200, "image/png", 200)
            assert "Content-Encoding" not in picture.headers  # a PNG is packed already
            image = await asyncio.to_thread(pyvips.Image.pngload_buffer, picture.body)
            assert (f"{image.width}x{image.height}", image.bands) == (size, 4)
            assert len(drawing.body) <= MAX_BYTES


async def test_a_picture_changes_with_what_holds(live: Caller) -> None:
    """Kept until something changes, then drawn anew: nobody is shown what no longer holds."""
    order = author.order(CHIYODA)
    await live.publish(order)
    paths = ("/map/japan.png", f"/alerts/{order.identifier}/map.png")
    tags = [(await live.get(path)).headers["ETag"] for path in paths]
    again = [await live.get(path, If_None_Match=tag) for path, tag in zip(paths, tags, strict=True)]
    assert [answer.status for answer in again] == [304, 304]
    await live.publish(author.lift(order))
    assert [(await live.get(path, If_None_Match=tag)).status for path, tag in zip(paths, tags, strict=True)] == [
        200,
        200,
    ]


async def test_a_drill_is_marked_in_every_format(drill: Caller) -> None:
    """Bands above and below, whatever the size, and on an overlay above all."""
    order = Author(drill=True).order(CHIYODA)
    await drill.publish(order)
    for path in (f"/alerts/{order.identifier}/map.svg", "/map/japan.svg", "/map/13.svg"):
        for size in FORMS:
            assert (await drill.get(f"{path}?size={size}&overlay=1")).text.count("これは訓練です") == 2


async def test_what_is_not_there(live: Caller) -> None:
    """Nothing to draw is 404 or 400, never a picture of something else."""
    for path in ("/alerts/nothing/map.png", "/map/99.png", "/map/999999.svg", "/map/towns.geojson"):
        assert (await live.get(path)).status in (404, 422), path


@pytest.mark.parametrize("asked", ["size=8x8", "overlay=yes", "lang=fr", "zoom=3"])
async def test_a_format_that_is_not_known(live: Caller, asked: str) -> None:
    """The answer names what is known."""
    answer = await live.get(f"/map/{NAHA}.png?{asked}")
    assert (answer.status, answer.json["errors"][0]["path"]) == (400, asked.partition("=")[0])


async def test_the_land_may_be_kept(live: Caller) -> None:
    """Asked for by its edition the land may be kept for a year; otherwise for seconds."""
    edition = (await live.get("/api/v1/areas/13")).json["boundaries"]
    for name, count in (("prefectures", 47), ("municipalities", 1_700)):
        land = await live.get(f"/map/{name}.geojson?v={edition}")
        assert "immutable" in land.headers["Cache-Control"]
        assert len(land.json["features"]) >= count
    assert "max-age=5," in (await live.get("/map/prefectures.geojson?v=old")).headers["Cache-Control"]
