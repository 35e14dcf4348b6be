"""Place names that a stranger can place: never a district without its municipality, nor that without its prefecture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

from lalert.core.model import Draft, Zone
from lalert.errors import Text
from lalert.geo.area import Covered
from lalert.render.words import pick

# In the order of their codes, 01 to 47.
_TABLE = """
北海道 Hokkaido, 青森県 Aomori, 岩手県 Iwate, 宮城県 Miyagi, 秋田県 Akita, 山形県 Yamagata,
福島県 Fukushima, 茨城県 Ibaraki, 栃木県 Tochigi, 群馬県 Gunma, 埼玉県 Saitama, 千葉県 Chiba,
東京都 Tokyo, 神奈川県 Kanagawa, 新潟県 Niigata, 富山県 Toyama, 石川県 Ishikawa, 福井県 Fukui,
山梨県 Yamanashi, 長野県 Nagano, 岐阜県 Gifu, 静岡県 Shizuoka, 愛知県 Aichi, 三重県 Mie,
滋賀県 Shiga, 京都府 Kyoto, 大阪府 Osaka, 兵庫県 Hyogo, 奈良県 Nara, 和歌山県 Wakayama,
鳥取県 Tottori, 島根県 Shimane, 岡山県 Okayama, 広島県 Hiroshima, 山口県 Yamaguchi, 徳島県 Tokushima,
香川県 Kagawa, 愛媛県 Ehime, 高知県 Kochi, 福岡県 Fukuoka, 佐賀県 Saga, 長崎県 Nagasaki,
熊本県 Kumamoto, 大分県 Oita, 宮崎県 Miyazaki, 鹿児島県 Kagoshima, 沖縄県 Okinawa
"""
_PREFECTURES = [Text(*names.split()) for names in _TABLE.split(",")]


def prefecture(code: str, lang: str) -> str:
    """Return the name of the prefecture that `code` (2 or 6 digits) begins with; empty when there is none."""
    number = int(code[:2]) if code[:2].isdecimal() else 0
    return pick(_PREFECTURES[number - 1], lang) if 1 <= number <= len(_PREFECTURES) else ""


def gravest_zones(draft: Draft) -> tuple[Zone, ...]:
    """Return the zones for which a message's level holds; all of them when every one is lifted.

    The level of one part must never be said of another: a wrong alert is worse than none.
    """
    return tuple(zone for zone in draft.zones if zone.level == draft.level and not zone.lifted) or draft.zones


def concerned(draft: Draft) -> tuple[Covered, ...]:
    """Return the municipalities that a message's level holds for, by code; those it supersedes if it names no area."""
    areas = [zone.area for zone in gravest_zones(draft)] or ([draft.area] if draft.area else [])
    areas = areas or [reach.area for reach in draft.supersedes]
    return tuple(sorted({m.code: m for area in areas for m in area.municipalities}.values(), key=lambda m: m.code))


class Named(Protocol):
    """A municipality or prefecture: its code, its name, and its English name where it is known."""

    @property
    def code(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def en(self) -> str: ...  # noqa: D102


def place_name(place: Named, lang: str) -> str:
    """Return 那覇市, or Naha City (那覇市): a stranger can say the one and finds the other on the signs of the road."""
    return pick(Text(place.name, f"{place.en} ({place.name})" if place.en else place.name), lang)


def short_name(place: Named, lang: str) -> str:
    """Return 那覇市 or Naha City: where there is room for one name only."""
    return pick(Text(place.name, place.en or place.name), lang)


def place_names(municipalities: Sequence[Named], lang: str, *, limit: int = 3) -> str:
    """Return 東京都千代田区・中央区、埼玉県川口市ほか12市区町村: at most `limit` names and how many more there are.

    In English: Tokyo: Chiyoda City (千代田区), Chuo City (中央区); Saitama: Kawaguchi City (川口市) and 12 more.
    """
    by_prefecture = groupby(municipalities[:limit], key=lambda m: prefecture(m.code, lang))
    named = [_together(name, list(group), lang) for name, group in by_prefecture]
    return pick(Text("、", "; "), lang).join(named) + _more(len(municipalities) - limit, lang)


def short_names(municipalities: Sequence[Named], lang: str, *, limit: int) -> str:
    """Return 千代田区・中央区ほか3: as `place_names`, for where every character counts."""
    more = len(municipalities) - limit
    rest = pick(Text(f"ほか{more}", f" +{more}"), lang) if more > 0 else ""
    return pick(Text("・", ", "), lang).join(short_name(m, lang) for m in municipalities[:limit]) + rest


def _together(name: str, municipalities: Sequence[Named], lang: str) -> str:
    """Return one prefecture with its municipalities, its name once."""
    names = [place_name(place, lang) for place in municipalities]
    bare = [one.removeprefix(name) for one in names]  # Niigata City in Niigata is never a bare City
    return pick(Text(name + "・".join(bare), (f"{name}: " if name else "") + ", ".join(names)), lang)


def _more(count: int, lang: str) -> str:
    return pick(Text(f"ほか{count}市区町村", f" and {count} more"), lang) if count > 0 else ""
