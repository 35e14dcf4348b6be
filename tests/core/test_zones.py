"""The parts of an alert, whatever the languages they are told in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lalert.cap.model import Alert, AreaBlock, Circle, MsgType, NamedValue, Status
from lalert.core.model import Zone
from lalert.core.zones import MAX_CIRCLES, zones_of
from lalert.errors import Rejected
from lalert.geo.boundaries import BoundarySet, load
from tests.core.messages import CHIYODA, CHUO, alert, all_clear, info


@pytest.fixture(scope="module")
def japan() -> BoundarySet:
    """The embedded boundary set."""
    return load()


def _said(zones: tuple[Zone, ...]) -> list[tuple[set[str], int | None, str | None, bool]]:
    return [(set(zone.area.codes), zone.level, zone.hazard, zone.lifted) for zone in zones]


def test_one_part_in_many_languages_is_one_zone(japan: BoundarySet) -> None:
    """Translations over the same place with the same meaning add nothing; descriptions of areas may differ."""
    message = alert(info(), info(language="en"), info(language="ko"))
    zones, findings = zones_of(message, japan)
    assert _said(zones) == [({CHIYODA}, 4, "flood", False)]
    assert findings == ()


def test_parts_that_differ_are_zones(japan: BoundarySet) -> None:
    """Another place, level, hazard or a lifting is another zone."""
    infos = [info(level=5), info(level=4), info(codes=[CHUO]), info(hazard="landslide"), all_clear()]
    zones, _ = zones_of(alert(*infos), japan)
    assert _said(zones) == [
        ({CHIYODA}, 5, "flood", False),
        ({CHIYODA}, 4, "flood", False),
        ({CHUO}, 4, "flood", False),
        ({CHIYODA}, 4, "landslide", False),
        ({CHIYODA}, None, "flood", True),
    ]


def test_a_translation_may_leave_out_meaning_and_place(japan: BoundarySet) -> None:
    """An English text without parameters, or without an area, speaks of what the Japanese one says."""
    english = replace(info(language="en", level=None, hazard=None), event="Stay alert")
    message = alert(info(), english, info(language="ko", level=None, codes=[]))
    assert _said(zones_of(message, japan)[0]) == [({CHIYODA}, 4, "flood", False)]


def test_a_translation_that_contradicts_is_kept(japan: BoundarySet) -> None:
    """Which of the two is wrong would be a guess: both are zones."""
    zones, _ = zones_of(alert(info(level=4), info(language="en", level=5)), japan)
    assert [zone.level for zone in zones] == [4, 5]


def test_a_second_part_without_a_level_is_not_a_translation(japan: BoundarySet) -> None:
    """Two infos of one language are two parts, even if the second leaves the level out."""
    zones, _ = zones_of(alert(info(level=4), info(level=None)), japan)
    assert [zone.level for zone in zones] == [4, None]


def test_each_place_is_resolved_once(japan: BoundarySet) -> None:
    """Zones over one place share its area, whatever they say of it."""
    zones, _ = zones_of(alert(info(level=4), info(hazard="landslide"), info(language="en")), japan)
    assert len(zones) == 2
    assert zones[0].area is zones[1].area


def _with_code(value: str, name: str = "JISX0402", **changes: object) -> Alert:
    said = replace(info(**changes), areas=(AreaBlock(area_desc="?", geocodes=(NamedValue(name, value),)),))  # type: ignore[arg-type]
    return alert(said)


def test_everything_wrong_with_all_places_is_listed(japan: BoundarySet) -> None:
    """A sender corrects all areas at once; each finding says which info it is about."""
    message = alert(info(), *_with_code("999999").infos, *_with_code("131017", language="en").infos)
    with pytest.raises(Rejected) as caught:
        zones_of(message, japan)
    assert caught.value.status == 422
    assert caught.value.code.startswith("area.")
    paths = [finding.path or "" for finding in caught.value.findings]
    assert [path.split("/area")[0] for path in paths] == ["/alert/info[2]", "/alert/info[3]"]


@pytest.mark.parametrize("msg_type", [MsgType.ALERT, MsgType.UPDATE])
def test_a_part_without_a_place_is_refused(japan: BoundarySet, msg_type: MsgType) -> None:
    """No area never means everywhere; a translation does not supply what the first language lacks."""
    with pytest.raises(Rejected) as caught:
        zones_of(alert(info(codes=[]), info(language="en"), msg_type=msg_type), japan)
    assert [(f.path or "").startswith("/alert/info[1]") for f in caught.value.findings] == [True]


def test_cancels_and_tests_of_the_line_need_no_place(japan: BoundarySet) -> None:
    """They may have one, too: then it is resolved."""
    assert zones_of(alert(msg_type=MsgType.CANCEL), japan) == ((), ())
    assert zones_of(alert(info(codes=[]), msg_type=MsgType.CANCEL), japan) == ((), ())
    assert zones_of(alert(info(codes=[]), status=Status.SYSTEM), japan) == ((), ())
    assert _said(zones_of(alert(all_clear(), msg_type=MsgType.CANCEL), japan)[0]) == [({CHIYODA}, None, "flood", True)]


def test_a_cancel_is_not_held_up_by_its_place(japan: BoundarySet) -> None:
    """Its code was abolished since the alarm: it reaches whoever heard that, and its sender is warned."""
    zones, findings = zones_of(alert(info(codes=["221350"]), msg_type=MsgType.CANCEL), japan)
    assert zones == ()
    assert [(finding.code, finding.severity.value) for finding in findings] == [("area.code_abolished", "warning")]


def test_warnings_about_places_travel_on(japan: BoundarySet) -> None:
    """What is worth knowing about an area comes back beside the zones."""
    block = AreaBlock(
        area_desc="?",
        geocodes=(NamedValue("JISX0402", CHIYODA), NamedValue("JMA:tsunami", "310")),
        circles=(Circle(lat=35.69, lon=139.75, radius_km=0.5),),
    )
    zones, findings = zones_of(alert(replace(info(), areas=(block,))), japan)
    assert len(zones) == 1
    assert {finding.severity.value for finding in findings} == {"warning"}
    assert sorted(finding.code for finding in findings) == ["area.geocode_unused", "area.widened"]


def test_shapes_that_cross_each_other_too_often(japan: BoundarySet) -> None:
    """A few KB of strips through each other would take a minute: refused at once, over all parts of the message."""
    along = [((36 + n / 400, 138.5), (36 + n / 400, 139.5), (36.001 + n / 400, 139.5)) for n in range(80)]
    across = [((36, 138.5 + n / 400), (37, 138.5 + n / 400), (37, 138.501 + n / 400)) for n in range(80)]
    rings = [(*ring, ring[0]) for ring in (*along, *across)]

    def drawn(count: int) -> Alert:
        parts = [rings[part::2][:count] for part in (0, 1)]
        return alert(*(replace(info(), areas=(AreaBlock(area_desc="帯", polygons=tuple(part)),)) for part in parts))

    with pytest.raises(Rejected) as refused:
        zones_of(drawn(80), japan)
    assert [finding.code for finding in refused.value.findings] == ["area.too_large"]
    zones, _ = zones_of(drawn(4), japan)
    assert len(zones) == 2


def test_circles_of_all_parts_are_counted_together(japan: BoundarySet) -> None:
    """Each part keeps its own bound, and all together another: 30,000 circles would take a quarter of a minute."""
    circles = [Circle(lat=35.0 + n / 100_000, lon=139.0, radius_km=0.001) for n in range(MAX_CIRCLES + 1)]
    parts = [AreaBlock(area_desc="点", circles=tuple(circles[first::6])) for first in range(6)]
    message = alert(*(replace(info(), areas=(part,)) for part in parts))
    with pytest.raises(Rejected) as refused:
        zones_of(message, japan)
    assert [finding.code for finding in refused.value.findings] == ["area.too_large"]
    assert f"{MAX_CIRCLES + 1:,}" in refused.value.findings[0].message.en
