"""Area: where an alert holds, as exact geometry and as municipalities, with its origin."""

from __future__ import annotations

from dataclasses import dataclass, field

from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, slots=True)
class Extent:
    """What a code or a name stands for: whole municipalities (six digits), and shapes (lon/lat in degrees)."""

    codes: tuple[str, ...] = ()
    parts: tuple[BaseGeometry, ...] = ()


@dataclass(frozen=True, slots=True)
class Covered:
    """One municipality that an area touches: `share` is the part of its land that is covered, 0 < share <= 1."""

    code: str  # 全国地方公共団体コード, 6 digits with check digit
    name: str
    share: float
    en: str = ""  # the official English name; empty where the boundary set had none, and in what was kept without


@dataclass(frozen=True, slots=True)
class Origin:
    """Which part of the message contributed to an area: `kind` is polygon, circle or geocode; `text` says which."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Where an alert holds. `geometry` is lon/lat in degrees (WGS84), valid, never empty."""

    geometry: BaseGeometry = field(repr=False)
    municipalities: tuple[Covered, ...]
    area_km2: float
    boundaries: str  # version of the boundary set that it was resolved against
    origins: tuple[Origin, ...] = ()

    @property
    def codes(self) -> frozenset[str]:
        """The six-digit codes of the municipalities touched."""
        return frozenset(covered.code for covered in self.municipalities)
