"""The gazetteer of the embedded set: JMA's areas grouped into municipalities, with names and readings."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import shapely

from lalert.geo import codes, jma, kinship, romaji
from lalert.geo.measure import Geometries
from lalert.geo.place import Gazetteer, Municipality, Piece, Region
from lalert.geo.schemes import CLASS10, CLASS20

# The wards of 2024 are younger than the readings.
_KANA_2024 = {"221384": "はままつしちゅうおうく", "221392": "はままつしはまなく", "221406": "はままつしてんりゅうく"}


def five_digits(jma_code: str) -> str:
    """Return the first five digits of the municipality that a JMA area is part of."""
    return codes.NORTHERN_TERRITORIES[:5] if jma_code == jma.NORTHERN else jma_code[:5]


def _six(five: str) -> str:
    northern = codes.NORTHERN_TERRITORIES
    return northern if five == northern[:5] else codes.with_check_digit(five)


def gazetteer(features: list[jma.Feature], areas: Geometries) -> Gazetteer:
    """Return every name of the embedded set; `areas` are the cleaned shapes of `features`.

    Municipalities come sorted by their first five digits.
    """
    groups: dict[str, list[jma.Feature]] = defaultdict(list)
    for feature in features:
        groups[five_digits(feature.code)].append(feature)
    places = _Places()
    municipalities = tuple(places.municipality(five, groups[five]) for five in sorted(groups))
    pieces = tuple(
        Piece(code=feature.code, municipality=_six(five_digits(feature.code)), name=feature.name)
        for feature in features
        if len(groups[five_digits(feature.code)]) > 1
    )
    held = {place.code for place in municipalities}
    return Gazetteer(
        municipalities=municipalities,
        prefectures=jma.prefectures(),
        cities=places.cities(municipalities),
        pieces=pieces,
        regions=_regions(features, areas),
        lacking=places.lacking(held),
    )


class _Places:
    """Names of municipalities, from JMA's areas and japancode's readings."""

    def __init__(self) -> None:
        self._readings = jma.readings()
        self._prefectures = {prefecture.code: prefecture.name for prefecture in jma.prefectures()}

    def municipality(self, five: str, features: list[jma.Feature]) -> Municipality:
        code, class20 = _six(five), tuple(feature.code for feature in features)
        if code == codes.NORTHERN_TERRITORIES:
            return self._place(code, "北方領土", "ほっぽうりょうど", "Northern Territories", class20=class20)
        reading, en = self._readings[code], jma.english(five, [feature.en for feature in features])
        return self._place(code, reading.name, reading.kana, en, class20=class20, city=self._city(code))

    def cities(self, held: tuple[Municipality, ...]) -> tuple[Municipality, ...]:
        wards: dict[str, list[Municipality]] = defaultdict(list)
        for place in held:
            if place.city:
                wards[place.city].append(place)
        return tuple(self._whole(code, tuple(members)) for code, members in wards.items())

    def lacking(self, held: set[str]) -> tuple[Municipality, ...]:
        """Return the wards that exist and have no shape in this set, the newest (Hamamatsu 2024) included."""
        known = {code: reading for code, reading in self._readings.items() if self._city(code)}
        newest = {code: name for change in codes.changes().values() for code, name in change.successors}
        wards = known | {code: jma.Reading(name, _KANA_2024[code]) for code, name in newest.items() if name[-1] == "区"}
        return tuple(self._ward(code, wards[code]) for code in sorted(wards) if code not in held)

    def _ward(self, code: str, reading: jma.Reading) -> Municipality:
        """Return a ward that neither source spells in Latin letters: as its city and itself are pronounced."""
        city = kinship.city_of(code)
        assert city is not None
        beyond = reading.kana.removeprefix(self._readings[city].kana).removesuffix("く")
        english = " ".join(romaji.plain(romaji.hepburn(part)).title() for part in (self._city_kana(city), beyond))
        return self._place(code, reading.name, reading.kana, f"{english} Ward".replace(" ", " City ", 1), city=city)

    def _city_kana(self, code: str) -> str:
        return self._readings[code].kana.removesuffix("し")

    def _whole(self, code: str, wards: tuple[Municipality, ...]) -> Municipality:
        reading, en = self._readings[code], wards[0].en.split(" City ")[0] + " City"
        return self._place(code, reading.name, reading.kana, en, wards=tuple(ward.code for ward in wards))

    def _city(self, code: str) -> str | None:
        """Return the designated city that a ward belongs to: its name begins with the city's."""
        name = self._readings[code].name
        if not name.endswith("区") or "市" not in name:
            return None
        owner = name[: name.index("市") + 1]
        same = (c for c, reading in self._readings.items() if reading.name == owner and c[:2] == code[:2])
        return next(same, None)

    def _place(
        self,
        code: str,
        name: str,
        kana: str,
        en: str,
        *,
        class20: tuple[str, ...] = (),
        city: str | None = None,
        wards: tuple[str, ...] = (),
    ) -> Municipality:
        return Municipality(
            code=code,
            prefecture=code[:2],
            prefecture_name=self._prefectures[code[:2]],
            name=name,
            kana=kana,
            en=en,
            class20=class20,
            city=city,
            wards=wards,
        )


def _regions(features: list[jma.Feature], areas: Geometries) -> tuple[Region, ...]:
    """Return JMA's 一次細分, each with the areas that lie in it, and the composites that its telegrams use."""
    drawn = jma.regions()
    shapes = shapely.make_valid(
        np.array([region.geometry for region in drawn], dtype=object), method="structure", keep_collapsed=False
    )
    members: dict[tuple[str, str], list[str]] = {(region.code, region.name): [] for region in drawn}
    for feature, area in zip(features, areas, strict=True):
        home = drawn[int(np.argmax(shapely.area(shapely.intersection(area, shapes))))]
        members[home.code, home.name].append(feature.code)
    composites = (Region(scheme=CLASS20, code=code, name=name, members=parts) for code, name, parts in jma.COMPOSITES)
    groups = (
        Region(scheme=CLASS10, code=code, name=name, members=tuple(parts)) for (code, name), parts in members.items()
    )
    return (*sorted(groups, key=lambda region: region.code), *composites)
