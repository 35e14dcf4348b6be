"""Maps drawn by the server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
import shapely
from lxml import etree

from lalert.cap.model import Status
from lalert.core.model import CancelKind, Kind, Posted, Priority, Reach, Standing, State, Zone
from lalert.geo import boundaries
from lalert.geo.area import Area, Covered
from lalert.render.form import FORMS, SQUARE, Form
from lalert.render.map import MAX_BYTES, alert_map, area_map, japan, looks_of
from lalert.render.palette import NOTHING, Look
from tests.render.entries import SENT, alert, entry, info
from tests.render.hostile import SAMPLES
from tests.render.test_wording import cancel

SET = boundaries.load()
HOLDS = Standing(state=State.IN_FORCE)
LIFTED = Standing(state=State.CANCELLED, cancel_kind=CancelKind.LIFTED)


def whole(codes: Sequence[str]) -> Area:
    """Return the area of whole municipalities."""
    covered = tuple(Covered(code, SET.name_of(code), 1.0) for code in codes)
    return Area(geometry=SET.geometry_of(codes), municipalities=covered, area_km2=1.0, boundaries=SET.version)


def posted(*codes: str, level: int | None = 4, priority: Priority = Priority.URGENT, lifted: bool = False) -> Posted:
    """Return an alert in force over whole municipalities."""
    where = whole(codes)
    zones = (Zone(area=where, level=level, hazard="flood", lifted=lifted),)
    return Posted(entry(zones=zones, area=where, level=level, priority=priority), HOLDS)


def drawn(made: bytes) -> etree._Element:
    """Return a map as a reader parses it: within its size, and with nothing that a strict policy forbids."""
    assert len(made) <= MAX_BYTES
    root = etree.fromstring(made)
    for element in root.iter():
        assert etree.QName(element).localname not in {"style", "script", "image", "foreignObject"}
        assert not {"style", "onload", "onclick"} & set(element.attrib)
        assert all(value.startswith("#") for name, value in element.attrib.items() if name.endswith("href"))
    return root


def badges(root: etree._Element) -> list[str]:
    """Return the names of the badges on the map, the legend's not counted."""
    (group,) = root.xpath("/*/*[local-name()='g' and @clip-path='url(#place)']")
    return [name for use in group.iter("{*}use") if (name := str(use.get("href"))[1:]).startswith("badge-")]


def fills(root: etree._Element) -> set[str]:
    """Return the hatches that are drawn with a shape."""
    drawn_with = {path.get("id") for path in root.iter("{*}path") if path.get("d")}
    shapes = [use for use in root.iter("{*}use") if str(use.get("href"))[1:] in drawn_with]
    return {fill[5:-1] for use in shapes if (fill := use.get("fill") or "").startswith("url(#hatch")}


def desc(root: etree._Element) -> str:
    """Return what the map says to who does not see it."""
    return root.findtext("{*}desc") or ""


def test_the_gravest_look_of_a_place_is_shown() -> None:
    """Two alerts in one municipality: the graver one; what is lifted does not count."""
    looks = looks_of(
        [posted("131016", level=2), posted("131016", "131024", level=5), posted("131032", level=None, lifted=True)]
    )
    assert looks == {"131016": Look.FIVE, "131024": Look.FIVE}
    assert looks_of([posted("131016", level=5), posted("131016", level=2)]) == {"131016": Look.FIVE}


def test_japan_shows_what_is_in_force() -> None:
    """Each level has its hatch and its badge, and the description names the places."""
    root = drawn(japan([posted("011002"), posted("462012", level=3)], SET, title="全国", as_of=SENT))
    assert fills(root) == {"hatch-four", "hatch-three"}
    assert sorted(badges(root)) == ["badge-four", "badge-three"]
    assert "警戒レベル4: 北海道札幌市" in desc(root)
    assert "警戒レベル3: 鹿児島県鹿児島市" in desc(root)


def test_nothing_in_force_is_said_aloud() -> None:
    """An empty map is no broken map."""
    root = drawn(japan([], SET, title="全国", as_of=SENT))
    assert (fills(root), badges(root)) == (set(), [])
    assert "発令中の情報はありません。" in desc(root)
    assert "Nothing is in force." in desc(drawn(japan([], SET, title="Japan", as_of=SENT, lang="en")))


@pytest.mark.parametrize("code", ["472018", "134210"])
def test_far_islands_have_an_inset(code: str) -> None:
    """那覇 and 小笠原 are on the map of Japan, each with a badge."""
    assert badges(drawn(japan([posted(code)], SET, title="全国", as_of=SENT))) == ["badge-four"]


def test_a_small_place_has_a_badge_even_where_its_shape_is_a_speck() -> None:
    """千代田区 is a few units of the map of Japan: its number is seen."""
    assert badges(drawn(japan([posted("131016")], SET, title="全国", as_of=SENT))) == ["badge-four"]


def test_where_badges_would_cover_each_other_the_gravest_stands() -> None:
    """Level 5 beside level 3 in neighbouring wards: one badge, 5."""
    root = drawn(japan([posted("131016", level=3), posted("131024", level=5)], SET, title="全国", as_of=SENT))
    assert badges(root) == ["badge-five"]


def test_every_municipality_in_force_keeps_the_size() -> None:
    """All 1,741 at once, every level beside every other: the map gets coarser, not larger."""
    codes = [place.code for place in SET.municipalities]
    everything = [posted(*codes[level::5], level=level + 1) for level in range(5)]
    root = drawn(japan(everything, SET, title="全国", as_of=SENT, drill=True))
    assert len(fills(root)) == 5
    assert "【訓練】" in desc(root)


@pytest.mark.parametrize("code", [f"{number:02d}" for number in (1, 13, 20, 28, 42, 46, 47)])
def test_every_prefecture_map_keeps_the_size(code: str) -> None:
    """Prefectures with many municipalities or islands, everything in force."""
    made = area_map(code, [posted(*SET.expand(code))], SET, title="県", as_of=SENT)
    assert fills(drawn(made)) == {"hatch-four"}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_no_format_shows_grey_where_something_is_in_force(form: Form) -> None:
    """A wide frame has prefectures for its neighbours: their municipalities in force are painted all the same."""
    root = drawn(area_map("17", [posted("162019")], SET, title="石川県", as_of=SENT, form=form))
    assert fills(root) == {"hatch-four"}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_format_shows_all_of_japan(form: Form) -> None:
    """那覇, 小笠原 and 札幌 have their badges on a map for television, for social media and for phones."""
    root = drawn(japan([posted("472018", "134210", "011002")], SET, title="全国", as_of=SENT, form=form))
    assert badges(root) == ["badge-four"] * 3
    assert (root.get("width"), root.get("height")) == (str(form.width), str(form.height))


def test_what_a_prefecture_map_cannot_show_is_named() -> None:
    """Tokyo's far islands would shrink the wards to specks: a line says what is in force there."""
    root = drawn(area_map("13", [posted("134210")], SET, title="東京都", as_of=SENT))
    assert "図の外：警戒レベル4: 東京都小笠原村" in " ".join(str(text) for text in root.itertext())
    assert "小笠原村" in desc(root)


def test_a_municipality_map_shows_exact_shapes_and_names() -> None:
    """Part of a ward is drawn as that part, among its neighbours by name."""
    root = drawn(area_map("131016", [Posted(entry(), HOLDS)], SET, title="千代田区", as_of=SENT))
    assert fills(root) == {"hatch-four"}
    assert {"千代田区", "中央区"} <= set(root.itertext())
    ended = posted("011002", lifted=True)
    assert fills(drawn(area_map("131016", [ended, posted("011002")], SET, title="x", as_of=SENT))) == set()


def test_a_designated_city_map_shows_its_wards() -> None:
    """広島市 is held as wards: all of them are its map."""
    root = drawn(area_map("341002", [posted(*SET.expand("341002")[:1])], SET, title="広島市", as_of=SENT))
    assert fills(root) == {"hatch-four"}


def test_an_alert_is_drawn_by_level() -> None:
    """Each zone has the look of its own level; what is lifted is not filled."""
    zones = (
        Zone(area=whole(["131016"]), level=4, hazard="flood"),
        Zone(area=whole(["131024"]), level=3, hazard="flood"),
        Zone(area=whole(["131032"]), level=None, hazard="flood", lifted=True),
    )
    root = drawn(alert_map(entry(zones=zones), SET))
    assert fills(root) == {"hatch-four", "hatch-three"}
    assert "警戒レベル3: 東京都中央区" in desc(root)
    assert "港区" not in desc(root)


def test_a_lesser_zone_of_a_flash_message_keeps_its_level() -> None:
    """Level 3 in a message that holds level 5 elsewhere is level 3."""
    zones = (
        Zone(area=whole(["131016"]), level=5, hazard="flood"),
        Zone(area=whole(["131024"]), level=3, hazard="flood"),
    )
    assert fills(drawn(alert_map(entry(zones=zones, priority=Priority.FLASH), SET))) == {"hatch-five", "hatch-three"}


def test_what_has_ended_is_an_empty_dashed_outline() -> None:
    """No colour of a level stays where nothing holds; the title says how it ended."""
    root = drawn(alert_map(entry(), SET, standing=LIFTED))
    assert fills(root) == set()
    assert root.xpath("boolean(//@stroke-dasharray)")
    assert (root.findtext("{*}title") or "").startswith("【解除】")


def test_the_map_of_one_message_does_not_say_that_all_is_quiet() -> None:
    """Something else may be in force: grey is "not in this message", and no word says that nothing is."""
    text = " ".join(map(str, drawn(alert_map(entry(), SET, standing=LIFTED)).itertext()))
    assert "この情報の対象外" in text
    assert "情報なし" not in text
    assert "発令中の情報はありません" not in text
    assert "東京都千代田区" in text


def test_a_cancel_without_area_shows_what_it_calls_off() -> None:
    """Where the alarm was heard is outlined."""
    root = drawn(alert_map(cancel(), SET))
    assert root.xpath("boolean(//@stroke-dasharray)")


def test_a_message_of_nowhere_still_has_a_map() -> None:
    """Neither area nor predecessor: all of Japan, and no mark on it."""
    root = drawn(alert_map(entry(cancel().alert, kind=Kind.CANCEL, state=State.CANCELLED, zones=(), area=None), SET))
    assert not root.xpath("boolean(//@stroke-dasharray)")
    assert badges(root) == []


def test_a_nationwide_alert_keeps_the_size() -> None:
    """A warning for the whole country is one shape over prefectures, and its first places are named."""
    codes = [place.code for place in SET.municipalities]
    zones = (Zone(area=whole(codes), level=None, hazard="tsunami"),)
    root = drawn(alert_map(entry(zones=zones, level=None, priority=Priority.FLASH), SET))
    assert fills(root) == {"hatch-unlevelled"}
    assert "北海道札幌市" in desc(root)


def test_thousands_of_circles_keep_the_size() -> None:
    """A message of 4,500 circles has a map like any other, and each of its levels is on it."""
    spots = shapely.points([(139.1 + 0.006 * (n % 67), 35.6 + 0.006 * (n // 67)) for n in range(4_500)])
    circles = shapely.buffer(spots, 0.002, quad_segs=32)
    parts = [
        replace(whole(["132098"]), geometry=shapely.multipolygons(circles[n : n + 900])) for n in range(0, 4_500, 900)
    ]
    zones = tuple(Zone(area=part, level=3 + number % 3, hazard="flood") for number, part in enumerate(parts))
    root = drawn(alert_map(entry(zones=zones, level=5), SET))
    assert fills(root) == {"hatch-five", "hatch-four", "hatch-three"}


def test_a_drill_alert_has_its_bands() -> None:
    """【訓練】 above and below, in both languages."""
    for lang, words in (("ja", "これは訓練です"), ("en", "NOT A REAL EMERGENCY")):
        made = alert_map(entry(alert(status=Status.EXERCISE)), SET, lang=lang).decode()
        assert made.count(words) == 2


@pytest.mark.parametrize("text", SAMPLES)
def test_no_headline_breaks_a_map(text: str) -> None:
    """Whatever a sender wrote, the map is valid and holds no element of theirs."""
    drawn(alert_map(entry(alert(info(headline=text))), SET))


def test_scattered_reaches_fit_one_frame() -> None:
    """A Cancel of two far messages shows both."""
    far = [Reach(identity=entry().alert.identity, area=whole([code])) for code in ("011002", "472018")]
    root = drawn(
        alert_map(entry(cancel().alert, state=State.CANCELLED, zones=(), area=None, supersedes=tuple(far)), SET)
    )
    (dashed,) = root.xpath("//*[@stroke-dasharray]")
    assert len(re.findall("M", str(dashed.get("d")))) >= 2


def place(root: etree._Element) -> etree._Element:
    """Return what is drawn within the frame of the map."""
    (group,) = root.xpath("/*/*[local-name()='g' and @clip-path='url(#place)']")
    return group


def written(root: etree._Element) -> dict[str, etree._Element]:
    """Return the names on the map, with their elements."""
    return {str(text.text): text for text in place(root).iter("{*}text")}


def footer(root: etree._Element) -> str:
    """Return the line for what the map cannot show, empty when it shows everything."""
    lines = [text for text in map(str, root.itertext()) if text.startswith(("図の外：", "Beyond the map:"))]
    return "".join(lines)


def over(codes: Sequence[str], *, level: int = 5) -> etree._Element:
    """Return the map of one alert over whole municipalities."""
    zones = (Zone(area=whole(codes), level=level, hazard="rain"),)
    return drawn(alert_map(entry(zones=zones, level=level, priority=Priority.FLASH), SET))


def test_an_alert_for_tokyo_shows_its_main_body_and_names_the_islands() -> None:
    """小笠原 and 南鳥島 make no map of mostly sea; a line names every island town, and wards can be read."""
    root = over(SET.expand("13"))
    assert {"八王子市", "世田谷区", "奥多摩町"} <= set(written(root))
    assert footer(root).startswith("図の外：警戒レベル5: 東京都大島町・")
    assert "小笠原村" in footer(root)
    assert "小笠原村" not in written(root)


def test_what_has_ended_far_away_is_named_too() -> None:
    """Nothing has a level any more: the line has the places alone."""
    zones = (Zone(area=whole(SET.expand("13")), level=5, hazard="rain"),)
    root = drawn(alert_map(entry(zones=zones), SET, standing=LIFTED))
    assert footer(root).startswith("図の外：東京都大島町・")


def test_an_alert_for_islands_alone_shows_them() -> None:
    """大島 and 八丈島 are the map when nothing of the main body is concerned, each by name beside its speck."""
    root = over(["133612", "134015"])
    assert {"大島町", "八丈町"} <= set(written(root))
    assert badges(root).count("badge-five") >= 2
    assert footer(root) == ""


def test_a_part_beyond_the_map_is_called_a_part() -> None:
    """南鳥島 lies a thousand kilometres from the rest of 小笠原村: that rest is shown, and the part said."""
    assert footer(over(["134210"])) == "図の外：警戒レベル5: 東京都小笠原村の一部"


def test_the_line_for_what_is_beyond_is_never_cut_within_a_name() -> None:
    """In English the names are longer: how many more there are is said instead."""
    zones = (Zone(area=whole(SET.expand("13")), level=5, hazard="rain"),)
    line = footer(drawn(alert_map(entry(zones=zones), SET, lang="en")))
    assert re.search(r"and \d more$", line)
    assert "…" not in line


def test_what_a_prefecture_map_shows_is_not_called_beyond_it() -> None:
    """粟国村 has no outline of its own in 沖縄's, but lies in the middle of the map."""
    assert footer(drawn(area_map("47", [posted("473553")], SET, title="沖縄県", as_of=SENT))) == ""


def test_a_whole_prefecture_of_one_level_has_one_badge_and_many_names() -> None:
    """77 municipalities of 長野県 at level 5: the number once, the places by name."""
    root = drawn(area_map("20", [posted(*SET.expand("20"), level=5)], SET, title="長野県", as_of=SENT))
    assert badges(root) == ["badge-five"]
    assert len(set(written(root)) & {SET.name_of(code) for code in SET.expand("20")}) >= 25


@pytest.mark.parametrize("size", FORMS)
@pytest.mark.parametrize("code", ["131211", "131229", "112232", "203238", "271004"])
def test_where_something_is_in_force_has_a_name(code: str, size: str) -> None:
    """However small the place is on the map of its prefecture: a number without a name warns nobody."""
    root = drawn(area_map(code[:2], [posted(code)], SET, title="県", as_of=SENT, form=FORMS[size]))
    assert written(root)[SET.name_of(code)].get("stroke") == "#AA00AA"


def test_a_name_never_stands_on_another_place_in_force() -> None:
    """It would be read as that place's; grey land may be covered."""
    codes = SET.expand("13")[:23]
    root = drawn(area_map("13", [posted(*codes[::2]), posted(*codes[1::2], level=5)], SET, title="東京都", as_of=SENT))
    inks = {SET.name_of(code): ("#AA00AA", "#0C000C")[number % 2] for number, code in enumerate(codes)}
    named = {name: text.get("stroke") for name, text in written(root).items() if name in inks}
    assert named
    assert named == {name: inks[name] for name in named}


def test_bare_land_of_an_overlay_is_a_veil() -> None:
    """Inland it covers all of a picture; what is in force is opaque."""
    maps = [
        drawn(
            area_map("20", [posted("202011")], SET, title="長野県", as_of=SENT, form=replace(SQUARE, overlay=overlay))
        )
        for overlay in (False, True)
    ]
    veiled = [[use for use in root.iter("{*}use") if use.get("fill-opacity")] for root in maps]
    assert [[use.get("fill") for use in uses] for uses in veiled] == [[], [NOTHING]]


def test_an_island_keeps_its_own_badge() -> None:
    """佐渡島 and the mainland of 新潟県 are two clusters."""
    root = drawn(area_map("15", [posted(*SET.expand("15"))], SET, title="新潟県", as_of=SENT))
    assert len(badges(root)) >= 2


def test_home_and_neighbours_have_a_badge_each() -> None:
    """The cluster goes on beyond the border: the place that the map is of has its own."""
    root = drawn(area_map("202100", [posted(*SET.expand("20"), level=5)], SET, title="駒ヶ根市", as_of=SENT))
    assert badges(root)[-1] == "badge-five"
    assert 2 <= len(badges(root)) <= 4
    assert "駒ヶ根市" in written(root)


def test_names_on_black_are_white_in_a_black_halo() -> None:
    """A name has the ink of what it stands on; on grey land it is dark in white."""
    root = drawn(area_map("131016", [posted("131016", level=5)], SET, title="千代田区", as_of=SENT))
    on_black, on_grey = written(root)["千代田区"], written(root)["港区"]
    assert (on_black.get("fill"), on_black.get("stroke")) == ("#FFFFFF", "#0C000C")
    assert on_grey.get("fill") is None


def test_borders_show_through_what_is_in_force() -> None:
    """Over each look its borders are drawn in its ink, within it; a rim has a light casing."""
    root = drawn(area_map("20", [posted(*SET.expand("20"), level=5)], SET, title="長野県", as_of=SENT))
    (within,) = root.xpath("//*[starts-with(@clip-path, 'url(#in-five')]/*")
    assert (within.get("fill"), within.get("stroke")) == ("none", "#FFFFFF")
    land = root.xpath(f"//*[@id='{str(within.get('href'))[1:]}']")
    assert land[0].get("d")
    assert [use.get("stroke") for use in root.xpath("//*[@href='#rim']")] == ["#FFF", "#1B1B22"]


def test_scale_and_north_stand_on_a_light_plate() -> None:
    """They are read on black, too, and no name stands on them."""
    root = drawn(area_map("202100", [posted(*SET.expand("20"), level=5)], SET, title="駒ヶ根市", as_of=SENT))
    (plate,) = [rect for rect in place(root).iter("{*}rect") if rect.get("rx")]
    west, north = float(plate.get("x") or 0), float(plate.get("y") or 0)
    assert plate.get("fill") == "#FFF"
    names = [text for name, text in written(root).items() if name in {place.name for place in SET.municipalities}]
    assert names
    assert not [text for text in names if float(text.get("x") or 0) > west and float(text.get("y") or 0) > north]


def test_a_badge_under_the_plate_is_drawn_over_it() -> None:
    """A speck in the corner of the scale is never hidden: badges come last."""
    children = list(place(drawn(japan([posted("134210")], SET, title="全国", as_of=SENT))))
    assert etree.QName(children[-1]).localname == "use"


def test_a_small_area_fills_its_map() -> None:
    """蕨市, 5 km², is drawn over more than half of the width."""
    root = over(["112232"], level=4)
    (lit,) = root.xpath("//*[starts-with(@id, 'lit-four')]")
    x, spread = 0, []
    for step in re.findall(r"(-?\d+)[ ]?-?\d+", str(lit.get("d")).split("l", 1)[1]):
        x += int(step)
        spread.append(x)
    assert (max(spread) - min(spread)) / 2 > 400
