"""The faces of one entry: each way out's bytes, rendered once however many readers there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from lalert.core.matching import Hearers, hearers_of
from lalert.core.model import Entry, Realm
from lalert.publishers.atom import atom_entry
from lalert.publishers.events import Event
from lalert.publishers.framing import Framing
from lalert.render.entry import dump, entry_to_dict
from lalert.render.geojson import announced, feature_of


@dataclass(frozen=True)
class Site:
    """Where a realm is seen from outside: `public_url` without a slash at its end, `base` is "" or "/drill"."""

    realm: Realm
    public_url: str

    @property
    def base(self) -> str:
        """The path that all of the realm's URLs begin with."""
        return "" if self.realm is Realm.LIVE else "/drill"

    @property
    def url(self) -> str:
        """The absolute URL that all of the realm's URLs begin with."""
        return self.public_url + self.base


class Faces:
    """One entry, and its bytes as each way out needs them."""

    def __init__(self, entry: Entry, site: Site) -> None:
        self.entry = entry
        self._site = site
        self._framed: dict[Framing, bytes] = {}

    @cached_property
    def hearers(self) -> Hearers:
        """Everybody who hears it: asked once per filter, made once."""
        return hearers_of(self.entry)

    @cached_property
    def json(self) -> bytes:
        """The entry of interfaces.md on one line, as it was when it was kept."""
        return dump(entry_to_dict(self.entry, base=self._site.base))

    @cached_property
    def event(self) -> Event:
        """What a stream says of it."""
        return Event(self.entry.kind.value, self.json, self.entry.cursor)

    def framed(self, framing: Framing) -> bytes:
        """Return the event as connections of this framing carry it, ready for the socket."""
        if framing not in self._framed:
            self._framed[framing] = framing.frame(self.event)
        return self._framed[framing]

    @cached_property
    def features(self) -> Mapping[int, bytes]:
        """The parts that announce something as GeoJSON, by number, as they were when it was kept.

        Shapes take their time: have them made in a worker.
        """
        return {part.number: feature_of(self.entry, part, base=self._site.base) for part in announced(self.entry)}

    @cached_property
    def atom(self) -> bytes:
        """The Atom entry, as it was when it was kept."""
        return atom_entry(self.entry, public_url=self._site.public_url, base=self._site.base)
