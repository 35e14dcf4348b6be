"""A sender alerts its own area only."""

from __future__ import annotations

import pytest
import shapely
from shapely.geometry import shape

from lalert.cap.model import AreaBlock, Circle, NamedValue
from lalert.core.jurisdiction import MAX_VERTICES, allowed_codes, check
from lalert.core.model import Realm, Role, Sender
from lalert.errors import Rejected
from lalert.geo.area import Area
from lalert.geo.boundaries import BoundarySet, load
from lalert.geo.resolve import resolve

CHIYODA, CHUO, KAWAGUCHI = "131016", "131024", "112038"


@pytest.fixture(scope="module")
def japan() -> BoundarySet:
    """The embedded boundary set."""
    return load()


def _sender(*areas: str, role: Role = Role.SENDER) -> Sender:
    return Sender("k1", "千代田区", Realm.LIVE, role, areas)


def _area(japan: BoundarySet, *codes: str, circle: Circle | None = None) -> Area:
    geocodes = tuple(NamedValue("JISX0402", code) for code in codes)
    block = AreaBlock(area_desc="対象地域", geocodes=geocodes, circles=(circle,) if circle else ())
    return resolve([block], japan).area


@pytest.mark.parametrize("areas", [[CHIYODA], ["13"], ["*"], ["11", CHIYODA]])
def test_a_sender_may_alert_its_own_area(japan: BoundarySet, areas: list[str]) -> None:
    """A municipality, its prefecture, or the whole country allow it."""
    check(_sender(*areas), [_area(japan, CHIYODA)], japan, slack_m=500)


@pytest.mark.parametrize("areas", [[CHUO], ["14"], []])
def test_what_lies_outside_is_refused_and_named(japan: BoundarySet, areas: list[str]) -> None:
    """403, and a finding for every municipality outside, with code and name."""
    with pytest.raises(Rejected) as caught:
        check(_sender(*areas), [_area(japan, CHIYODA, KAWAGUCHI)], japan, slack_m=500)
    assert (caught.value.code, caught.value.status) == ("jurisdiction.outside", 403)
    assert [(f.code, f.found) for f in caught.value.findings] == [
        ("jurisdiction.outside", KAWAGUCHI),
        ("jurisdiction.outside", CHIYODA),
    ]
    assert "千代田区" in caught.value.findings[1].message.ja
    outside = caught.value.members["outside"]
    assert isinstance(outside, dict)
    assert outside["properties"] == {"municipalities": [KAWAGUCHI, CHIYODA]}
    assert shape(outside["geometry"]).covers(japan.shape_of(CHIYODA).representative_point())


def test_an_abolished_code_allows_nothing(japan: BoundarySet) -> None:
    """浜松市中区 was merged into 中央区 in 2024: the key of the old ward does not alert the new one."""
    assert allowed_codes(_sender("221317", CHIYODA), japan) == {CHIYODA}


def test_the_shape_of_a_refusal_is_bounded(japan: BoundarySet) -> None:
    """Whoever posts for the whole country by mistake is shown where, in at most 2,000 vertices."""
    with pytest.raises(Rejected) as caught:
        check(_sender(CHIYODA), [_area(japan, *(f"{n:02}" for n in range(1, 48)))], japan, slack_m=500)
    outside = caught.value.members["outside"]
    assert isinstance(outside, dict)
    assert shapely.get_num_coordinates(shape(outside["geometry"])) <= MAX_VERTICES
    assert len(caught.value.findings) == len(japan) - 1


def test_every_area_counts_each_place_is_named_once(japan: BoundarySet) -> None:
    """What is superseded must lie inside as well as what is said."""
    areas = [_area(japan, CHIYODA), _area(japan, CHUO), _area(japan, CHUO)]
    with pytest.raises(Rejected) as caught:
        check(_sender(CHIYODA), areas, japan, slack_m=500)
    assert [finding.found for finding in caught.value.findings] == [CHUO]


def test_a_little_over_the_border_is_forgiven(japan: BoundarySet) -> None:
    """Slack is metres beyond the allowed land: a shape that reaches less far over the border passes."""
    over_the_border = _area(japan, circle=Circle(lat=35.6812, lon=139.7671, radius_km=0.5))  # Tokyo station
    assert over_the_border.codes == {CHIYODA, CHUO}
    check(_sender(CHIYODA), [over_the_border], japan, slack_m=600)
    with pytest.raises(Rejected):
        check(_sender(CHIYODA), [over_the_border], japan, slack_m=0)


def test_nothing_said_of_a_place_is_inside(japan: BoundarySet) -> None:
    """A message without areas is not outside anything."""
    check(_sender(CHIYODA), [], japan, slack_m=500)


@pytest.mark.parametrize("role", [Role.MEDIA, Role.OPERATOR])
def test_only_senders_post(japan: BoundarySet, role: Role) -> None:
    """A key of another role is refused before any area is looked at, even one for the whole country."""
    with pytest.raises(Rejected) as caught:
        check(_sender("*", role=role), [], japan, slack_m=500)
    assert (caught.value.code, caught.value.status) == ("role.sender", 403)


def test_a_prefecture_stands_for_all_inside(japan: BoundarySet) -> None:
    """Two digits are expanded by the boundary set; the whole country needs no list."""
    codes = allowed_codes(_sender("13", KAWAGUCHI), japan)
    assert codes is not None
    assert {CHIYODA, CHUO, KAWAGUCHI} <= codes
    assert {code[:2] for code in codes} == {"13", "11"}
    assert allowed_codes(_sender("*", CHIYODA), japan) is None


def test_a_code_that_is_no_more_allows_nothing(japan: BoundarySet) -> None:
    """A key for an abolished municipality gets no rights in its successor, and the refusal is about its rights."""
    with pytest.raises(Rejected) as caught:
        check(_sender("221317"), [_area(japan, CHIYODA)], japan, slack_m=500)
    assert caught.value.code == "jurisdiction.outside"
