"""An alert as GeoJSON."""

from __future__ import annotations

import json

from shapely.geometry import shape

from lalert.cap.model import NamedValue, ResponseType
from lalert.core.model import Kind, Standing, State, Zone
from lalert.render.entry import dump
from lalert.render.geojson import alert_to_geojson
from tests.render.entries import CHIYODA, CHUO, KAWAGUCHI, alert, area, entry, info, reach
from tests.render.test_wording import cancel

FLOOD = (NamedValue("jp-alert:level", "4"), NamedValue("jp-alert:hazard", "flood"))


def test_one_feature_a_zone_lon_first() -> None:
    """A zone is a feature; longitude comes first (RFC 7946 §3.1.1)."""
    made = json.loads(dump(alert_to_geojson(entry(alert(info(parameters=FLOOD))), base="/drill")))
    (feature,) = made["features"]
    assert made["type"] == "FeatureCollection"
    assert shape(feature["geometry"]).bounds == (139.73, 35.66, 139.78, 35.7)
    told = feature["properties"]
    assert (told["level"], told["hazard"], told["lifted"], told["state"]) == (4, "flood", False, "in_force")
    assert (told["event"], told["severity"], told["senderName"]) == ("避難指示", "Severe", "千代田区")
    assert told["municipalities"] == [{"code": "131016", "name": "千代田区", "en": "Chiyoda City"}]
    assert told["links"]["self"] == "/drill/api/v1/alerts/jp-chiyoda-2026-0001"


def test_what_is_said_of_one_zone_is_not_said_of_another() -> None:
    """The event of the level 4 part does not stand over the level 3 part."""
    low = info(event="高齢者等避難", level=3, parameters=(NamedValue("jp-alert:level", "3"), FLOOD[1]))
    zones = (
        Zone(area=area(CHIYODA), level=4, hazard="flood"),
        Zone(area=area(CHUO), level=3, hazard="flood"),
        Zone(area=area(KAWAGUCHI), level=None, hazard="flood", lifted=True),
    )
    made = alert_to_geojson(entry(alert(info(parameters=FLOOD), low), zones=zones), base="")
    events = [feature["properties"].get("event") for feature in made["features"]]  # type: ignore[attr-defined]
    assert events == ["避難指示", "高齢者等避難", None]


def test_infos_that_differ_say_nothing_of_a_zone() -> None:
    """Where two infos could mean a zone and differ, neither is drawn over it."""
    twice = alert(info(parameters=FLOOD), info(parameters=FLOOD, event="緊急放流"))
    (feature,) = alert_to_geojson(entry(twice), base="")["features"]  # type: ignore[misc]
    assert "event" not in feature["properties"]


def test_an_all_clear_zone_gets_its_facts() -> None:
    """The lifted part is matched by its meaning, too; absent facts are absent."""
    clear = info(event="解除", parameters=FLOOD[1:], response_types=(ResponseType.ALL_CLEAR,), expires=None)
    zones = (Zone(area=area(), level=None, hazard="flood", lifted=True),)
    (feature,) = alert_to_geojson(entry(alert(clear), zones=zones, level=None), base="")["features"]  # type: ignore[misc]
    assert feature["properties"]["event"] == "解除"
    assert "expires" not in feature["properties"]


def test_a_cancel_without_area_shows_what_it_calls_off() -> None:
    """A map must be able to take the shapes away."""
    made = alert_to_geojson(cancel(), base="")
    (feature,) = made["features"]  # type: ignore[misc]
    assert feature["properties"]["lifted"] is True
    assert [m["code"] for m in feature["properties"]["municipalities"]] == ["131016", "131024"]


def test_a_cancel_with_area_but_no_info_says_no_event() -> None:
    """No info, no facts."""
    zones = (Zone(area=area(), level=None, hazard=None),)
    made = alert_to_geojson(entry(cancel().alert, kind=Kind.CANCEL, zones=zones, supersedes=(reach(),)), base="")
    assert "event" not in made["features"][0]["properties"]  # type: ignore[index]


def test_the_standing_is_told() -> None:
    """A shape of what has ended says so."""
    now = Standing(state=State.SUPERSEDED, replaced_by="jp-2")
    (feature,) = alert_to_geojson(entry(), base="", standing=now)["features"]  # type: ignore[misc]
    assert (feature["properties"]["state"], feature["properties"]["replacedBy"]) == ("superseded", "jp-2")
