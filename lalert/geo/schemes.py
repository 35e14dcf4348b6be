"""The names of geocodes that lalert can turn into places: what stands in `valueName`, and the form of the value.

Some need data that the embedded set does not hold: `BoundarySet.schemes` says which of them a set can answer.
"""

from __future__ import annotations

from typing import Final

JIS: Final = "JISX0402"  # 全国地方公共団体コード: municipalities, prefectures
CLASS20: Final = "JMA:class20"  # 市町村等をまとめた地域の細分: what JMA warns
CLASS15: Final = "JMA:class15"  # 市町村等をまとめた地域
CLASS10: Final = "JMA:class10"  # 一次細分区域
EEW: Final = "JMA:eew"  # 緊急地震速報の府県予報区
TSUNAMI: Final = "JMA:tsunami"  # 津波予報区: coasts
MESH: Final = "MESH"  # JIS X 0410
GROUP: Final = "lalert:group"  # a named area of the operator's own

DIGITS: Final = {CLASS20: 7, CLASS15: 6, CLASS10: 6, EEW: 4, TSUNAMI: 3}
"""How many digits the codes of JMA's schemes have."""

NAMES: Final = {
    CLASS20: "市町村等",
    CLASS15: "市町村等をまとめた地域",
    CLASS10: "一次細分区域",
    EEW: "緊急地震速報の府県予報区",
    TSUNAMI: "津波予報区",
}
"""What JMA calls them."""
