"""The atlas: the one place that says which boundary set is in use, while sets come and go.

The set itself is a value. Whoever takes `current` goes on with that one to the end of the work at hand: an alert is
examined, drafted and stamped by one set, whatever is swapped meanwhile. What cannot be read leaves the set in use where
it is; at the start, when there is none yet, the embedded one steps in, for a hub that does not start warns nobody.
"""

from __future__ import annotations

from pathlib import Path

from lalert.errors import LalertError
from lalert.geo.boundaries import BoundarySet, load
from lalert.geo.groups import read as read_groups
from lalert.geo.shelf import Shelf, Stamp, stamp_of


class Atlas:
    """The set in use. One thread at a time may `refresh`; any may read `current`, a single reference."""

    def __init__(self, current: BoundarySet) -> None:
        self.current = current
        self.fault: LalertError | None = None
        self._shelf: Shelf | None = None
        self._groups = Path()
        self._stamps: tuple[Stamp, Stamp] | None = None

    @classmethod
    def open(cls, data: Path, *, groups: Path = Path("groups.toml")) -> Atlas:
        """Return the atlas of a data folder, with the set that it names, or else the embedded one and a `fault`.

        `groups` lists the operator's named areas, in the data folder unless it is absolute.
        """
        atlas = cls(load())
        atlas._shelf, atlas._groups = Shelf(data), data / groups
        atlas.refresh()
        return atlas

    def refresh(self) -> bool:
        """Take what the data folder names now; return whether anything was tried. What is wrong is in `fault`.

        Takes a fraction of a second when something changed: not on the event loop. What failed is tried again when
        its files change.
        """
        if self._shelf is None:
            return False
        stamps = self._shelf.stamp(), stamp_of(self.current.groups.files or (self._groups,))
        if stamps == self._stamps:
            return False
        found = self.current
        try:
            found, self.fault = self._chosen(self._shelf), None
        except LalertError as error:
            self.fault = error
        self.current = found.with_groups(read_groups(self._groups, found))
        self._stamps = stamps  # as it was before: what changed while it was read is seen next time
        return True

    def _chosen(self, shelf: Shelf) -> BoundarySet:
        version = shelf.chosen()
        if version == self.current.version:
            return self.current
        embedded = load()
        if version in (None, embedded.version):
            return embedded
        found = BoundarySet(*shelf.read(version))
        found.geometry_of(place.code for place in found.municipalities)  # made now, or by the first alert to all
        return found
