"""Places: municipalities and prefectures with their names, and JMA's areas as parts of them. No shapes here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Municipality:
    """A city, town, village or ward: `code` is six digits, `prefecture` two.

    A ward of a designated city names it in `city`; a designated city that the set holds as wards lists them in
    `wards` and is their union. `class20` are the JMA 市町村等 areas that make it up.
    """

    code: str
    prefecture: str
    prefecture_name: str
    name: str
    kana: str
    en: str
    class20: tuple[str, ...] = ()
    city: str | None = None
    wards: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """The name with its prefecture: 東京都千代田区."""
        return self.prefecture_name + self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefecture:
    """One of the 47: `code` is the two digits of JIS X 0401."""

    code: str
    name: str
    kana: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A JMA area that is part of one municipality: 2213001 浜松市南部."""

    code: str
    municipality: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A JMA area that groups others, under the name of its geocode (`scheme`, JMA:class10 is 一次細分).

    `members` are the seven-digit codes of 市町村等 areas. A coast has the municipalities that touch the sea there.
    """

    scheme: str
    code: str
    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gazetteer:
    """Everything that a boundary set knows by name. Order matters: shapes come in the same order.

    `cities` are designated cities held as wards. `lacking` are wards that exist but have no shape in this set:
    naming one is refused, never widened to its city.
    """

    municipalities: tuple[Municipality, ...]
    prefectures: tuple[Prefecture, ...]
    cities: tuple[Municipality, ...]
    pieces: tuple[Piece, ...]
    regions: tuple[Region, ...]
    lacking: tuple[Municipality, ...]
