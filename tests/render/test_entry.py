"""The entry and the receipt in JSON."""

from __future__ import annotations

import json

from hypothesis import given

from lalert.cap.model import Status
from lalert.core.model import CancelKind, Entry, Kind, LeftOut, Omission, Realm, Standing, State, Zone
from lalert.errors import Finding, Severity, Text
from lalert.geo.area import Covered
from lalert.render.entry import area_to_dict, dump, entry_to_dict, links, receipt_to_dict
from lalert.render.wording import left_out
from tests.render.entries import CHIYODA, CHUO, alert, area, entry, info, reach
from tests.render.hostile import texts


def parsed(said: Entry, standing: Standing | None = None) -> dict[str, object]:
    """Return the entry as a reader gets it."""
    made = json.loads(dump(entry_to_dict(said, base="", standing=standing)))
    assert isinstance(made, dict)
    return made


def test_an_entry_has_every_field_that_users_rely_on() -> None:
    """The names of the interface, with CAP's names inside `alert`."""
    said = entry(supersedes=(reach(),), silent=True)
    made = parsed(said)
    told = made.pop("alert"), made.pop("wording"), made.pop("zones")
    assert told[0]["identifier"] == "jp-chiyoda-2026-0001"  # type: ignore[index]
    assert told[0]["msgType"] == "Alert"  # type: ignore[index]
    assert made == {
        "cursor": "k3f9-1042",
        "seq": 1042,
        "kind": "alert",
        "at": "2026-07-06T02:31:00.000+09:00",
        "thread": "jp-chiyoda-2026-0001",
        "supersedes": ["jp-chiyoda-2026-0000"],
        "state": "in_force",
        "replacedBy": None,
        "cancelKind": None,
        "priority": "urgent",
        "level": 4,
        "hazards": ["flood"],
        "silent": True,
        "leftOut": None,
        "endsAt": "2026-07-06T08:30:00+09:00",
        "attribution": None,
        "area": {
            "boundaries": "2025-03",
            "municipalities": [{"code": "131016", "name": "千代田区", "en": "Chiyoda City", "share": 1.0}],
            "areaKm2": 11.66,
        },
        "links": {
            "self": "/api/v1/alerts/jp-chiyoda-2026-0001",
            "cap": "/api/v1/alerts/jp-chiyoda-2026-0001.cap",
            "html": "/alerts/jp-chiyoda-2026-0001",
            "map": "/alerts/jp-chiyoda-2026-0001/map.svg",
        },
    }


def test_zones_tell_level_hazard_and_place() -> None:
    """Each part of an alert with one meaning is listed by itself."""
    zones = (Zone(area=area(CHUO, CHIYODA), level=4, hazard="flood"),)
    assert parsed(entry(zones=zones))["zones"] == [
        {"level": 4, "hazard": "flood", "lifted": False, "municipalities": ["131016", "131024"], "areaKm2": 11.66}
    ]


def test_an_entry_without_area_or_end_says_null() -> None:
    """What is not there is null, not absent."""
    made = parsed(entry(area=None, zones=(), ends_at=None))
    assert (made["area"], made["endsAt"], made["zones"]) == (None, None, [])


def test_until_something_happens_both_forms_are_equal() -> None:
    """An unchanged standing adds nothing: the kept bytes may be served."""
    corrected = entry(kind=Kind.UPDATE, cancel_kind=CancelKind.CORRECTED)
    assert parsed(corrected, Standing(state=State.IN_FORCE)) == parsed(corrected)


def test_with_standing_it_is_told_as_it_stands() -> None:
    """State, successor and kind of end come from the standing, in fields and in words."""
    now = Standing(state=State.CANCELLED, replaced_by="jp-2", cancel_kind=CancelKind.LIFTED)
    made = parsed(entry(), now)
    assert (made["state"], made["replacedBy"], made["cancelKind"]) == ("cancelled", "jp-2", "lifted")
    assert made["wording"]["ja"]["headline"].startswith("【解除】")  # type: ignore[index]


def test_links_follow_the_realm_and_are_safe() -> None:
    """The drill has its own tree; an identifier cannot leave its segment of the path."""
    made = links("../a b/警?#", base="/drill")
    assert made["self"] == "/drill/api/v1/alerts/..%2Fa%20b%2F%E8%AD%A6%3F%23"
    assert all(link.startswith("/drill/") for link in made.values())


def test_a_touched_municipality_has_a_share_above_zero() -> None:
    """0 < share <= 1 survives rounding."""
    made = area_to_dict(area(Covered("131016", "千代田区", 1e-9)))
    assert made["municipalities"] == [{"code": "131016", "name": "千代田区", "en": "千代田区", "share": 0.0001}]


def test_the_receipt_is_what_the_interface_says() -> None:
    """Identity, position, verdict, who matched, and the warnings."""
    warning = Finding(code="x", severity=Severity.WARNING, message=Text("注", "n"), advice=Text("直", "a"))
    made = receipt_to_dict(entry(findings=(warning,), matched=(("streams", 12), ("residents", 3))), Realm.DRILL)
    assert list(made) == [
        "identifier",
        "sender",
        "sent",
        "realm",
        "cursor",
        "seq",
        "thread",
        "supersedes",
        "state",
        "priority",
        "level",
        "area",
        "leftOut",
        "matched",
        "signatures",
        "findings",
        "acceptedAt",
    ]
    assert (made["realm"], made["matched"]) == ("drill", {"streams": 12, "residents": 3})
    assert made["findings"] == [warning.to_dict()]


def test_what_an_update_leaves_out_is_told() -> None:
    """Entry and receipt name the municipalities that an Update lifts by leaving them out, and its sender's names."""
    omission = Omission(municipalities=(LeftOut("131024", "中央区", whole=True, en="Chuo City"),), names=("築地",))
    said = entry(kind=Kind.UPDATE, omission=omission)
    told = {
        "municipalities": [{"code": "131024", "name": "中央区", "en": "Chuo City", "whole": True}],
        "names": ["築地"],
        "text": {lang: left_out(said, lang) for lang in ("ja", "en")},
    }
    assert parsed(said)["leftOut"] == told
    assert receipt_to_dict(said, Realm.LIVE)["leftOut"] == told


def test_tickers_come_in_three_lengths_and_two_languages() -> None:
    """What a broadcaster shows in 20, 40 and 80 characters is in every entry."""
    wording = parsed(entry(alert(status=Status.EXERCISE)))["wording"]
    assert [list(wording[lang]["ticker"]) for lang in ("ja", "en")] == [["20", "40", "80"]] * 2  # type: ignore[index]
    assert all(text.startswith("【訓練】") for text in wording["ja"]["ticker"].values())  # type: ignore[index]


@given(texts, texts)
def test_json_is_one_line_and_whole(headline: str, note: str) -> None:
    """No text of a sender breaks the line or is lost."""
    line = dump(entry_to_dict(entry(alert(info(headline=headline), note=note)), base=""))
    assert b"\n" not in line
    assert b"\r" not in line
    assert json.loads(line)["alert"].get("note") == note
