"""Everybody who subscribed, on the way from the store into memory: page by page, and gone on with where it stopped.

People come and go meanwhile. Each such change is noted and laid over what was read, whichever of the two was first: a
number is given to one subscription only, so the change is always the newer of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lalert.core.resident import Resident
from lalert.core.roll import lane_of_place, place_of
from lalert.geo.residents import Builder, Index, Place, Residents
from lalert.publishers.services import lane_of


class Reading:
    """One reading. Changes among the residents up to the one numbered `upto` are in what is read."""

    def __init__(self, upto: int) -> None:
        self.upto = upto
        self.after = 0  # the greatest number that was read
        self._builder = Builder()
        self._count = 0
        self._lanes: set[int] = set()
        self._meanwhile: dict[int, Place | None] = {}

    def __len__(self) -> int:
        return self._count

    def take(self, page: Sequence[Resident]) -> None:
        """Add the residents who follow, in order (in any thread, one page at a time)."""
        places = list(map(place, page))
        for one in places:
            self._builder.add(one)
        self._lanes.update(map(lane_of_place, places))
        self._count += len(places)
        self.after = page[-1].number

    def put(self, where: Place) -> None:
        """Note a subscription that was kept meanwhile."""
        self._meanwhile[where.number] = where

    def drop(self, numbers: Iterable[int]) -> None:
        """Note the end of subscriptions."""
        self._meanwhile.update(dict.fromkeys(numbers))

    def index(self) -> Index:
        """Return the index of everybody who was read (in any thread, once, at the end)."""
        return self._builder.index()

    def residents(self, index: Index) -> Residents:
        """Return `index` with what changed meanwhile laid over it."""
        residents = Residents(index)
        for number, change in self._meanwhile.items():
            if change is None:
                residents.drop([number])
            else:
                residents.put(change)
        return residents

    @property
    def lanes(self) -> set[int]:
        """The lanes that somebody is on, or was since the reading began."""
        return self._lanes | {lane_of_place(change) for change in self._meanwhile.values() if change is not None}


def place(resident: Resident) -> Place:
    """Return a resident as the index knows him."""
    return place_of(resident, lane=lane_of(resident.peer.endpoint, resident.number))
