"""Place names that a stranger can place."""

from __future__ import annotations

import pytest

from lalert.core.model import Zone
from lalert.geo.area import Covered
from lalert.render.places import concerned, place_name, place_names, prefecture, short_name, short_names
from tests.render.entries import CHIYODA, CHUO, KAWAGUCHI, area, entry, reach


@pytest.mark.parametrize(
    ("code", "ja", "en"),
    [
        ("01", "北海道", "Hokkaido"),
        ("131016", "東京都", "Tokyo"),
        ("47", "沖縄県", "Okinawa"),
        ("48", "", ""),
        ("00", "", ""),
        ("xx", "", ""),
    ],
)
def test_prefectures_by_code(code: str, ja: str, en: str) -> None:
    """The first two digits name the prefecture; what is none has no name."""
    assert (prefecture(code, "ja"), prefecture(code, "en")) == (ja, en)


def test_names_are_grouped_by_prefecture() -> None:
    """The prefecture is said once, and what does not fit is counted."""
    places = (KAWAGUCHI, CHIYODA, CHUO)
    assert place_names(places, "ja") == "埼玉県川口市、東京都千代田区・中央区"
    assert place_names(places, "ja", limit=2) == "埼玉県川口市、東京都千代田区ほか1市区町村"
    told = "Saitama: Kawaguchi City (川口市); Tokyo: Chiyoda City (千代田区) and 1 more"
    assert place_names(places, "en", limit=2) == told


def test_a_name_that_bears_its_prefecture_does_not_get_it_twice() -> None:
    """東京都千代田区 stays itself; a code of no prefecture stands alone."""
    assert place_names((Covered("131016", "東京都千代田区", 1.0),), "ja") == "東京都千代田区"
    assert place_names((Covered("990000", "海上", 1.0),), "en") == "海上"


def test_a_city_that_is_called_as_its_prefecture_keeps_its_name_in_english() -> None:
    """Niigata City is not a City of Niigata."""
    places = (Covered("151009", "新潟市", 1.0, "Niigata City"), Covered("152021", "長岡市", 1.0, "Nagaoka City"))
    assert place_names(places, "en") == "Niigata: Niigata City (新潟市), Nagaoka City (長岡市)"
    assert place_names(places, "ja") == "新潟県新潟市・長岡市"


def test_short_names() -> None:
    """Where every character counts, the prefecture goes first."""
    assert short_names((CHIYODA, CHUO), "ja", limit=2) == "千代田区・中央区"
    assert short_names((CHIYODA, CHUO), "en", limit=1) == "Chiyoda City +1"


@pytest.mark.parametrize(
    ("en", "lang", "long", "short"),
    [
        ("Naha City", "ja", "那覇市", "那覇市"),
        ("Naha City", "en", "Naha City (那覇市)", "Naha City"),
        ("", "en", "那覇市", "那覇市"),
    ],
)
def test_strangers_read_both_names(en: str, lang: str, long: str, short: str) -> None:
    """English texts say a name that can be spoken, and the one on the signs; where only that is known, that alone."""
    naha = Covered("472018", "那覇市", 1.0, en)
    assert (place_name(naha, lang), short_name(naha, lang)) == (long, short)


def test_nothing_is_named_for_nowhere() -> None:
    """No municipality, no words."""
    assert place_names((), "ja") == ""


def test_concerned_is_where_the_level_holds() -> None:
    """The gravest zones; all when all are lifted; the area without zones; else what is superseded."""
    high, low = Zone(area=area(CHUO), level=4, hazard=None), Zone(area=area(CHIYODA), level=3, hazard=None)
    lifted = Zone(area=area(KAWAGUCHI), level=None, hazard=None, lifted=True)
    assert concerned(entry(zones=(low, high))) == (CHUO,)
    assert concerned(entry(zones=(lifted,), level=None)) == (KAWAGUCHI,)
    assert concerned(entry(zones=())) == (CHIYODA,)
    assert concerned(entry(zones=(), area=None, supersedes=(reach(CHUO), reach(CHIYODA, CHUO)))) == (CHIYODA, CHUO)
