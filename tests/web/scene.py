"""A hub in a few lines for the tests of the pages: what is said to it is in its situation at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from lalert.cap import build
from lalert.cap.model import Alert, Info
from lalert.cap.profile import hazard_of, is_all_clear, level_of
from lalert.core.draft import draft_of
from lalert.core.model import Cursor, Entry, Posted, Realm, Zone
from lalert.core.situation import Situation
from lalert.geo.area import Area
from lalert.geo.atlas import Atlas
from lalert.geo.boundaries import BoundarySet, load
from lalert.web.views import Pages, Visit

JST = timezone(timedelta(hours=9))
NOW = datetime(2026, 7, 6, 2, 40, tzinfo=JST)
LIFETIME = timedelta(hours=24)


def boundaries() -> BoundarySet:
    """Return the embedded boundary set."""
    return load()


def area(*codes: str) -> Area:
    """Return the whole of some municipalities."""
    found = boundaries().covered(boundaries().geometry_of(codes).buffer(-1e-4))
    inside = tuple(replace(covered, share=1.0) for covered in found if covered.code in codes)
    return Area(geometry=boundaries().geometry_of(codes), municipalities=inside, area_km2=11.66, boundaries="test")


def zone(info: Info, *codes: str) -> Zone:
    """Return the zone that `info` makes of some municipalities."""
    clear = is_all_clear(info)
    return Zone(area=area(*codes), level=None if clear else level_of(info), hazard=hazard_of(info), lifted=clear)


class Scene:
    """A situation, and the log that made it."""

    def __init__(self) -> None:
        self.situation = Situation()
        self.entries: list[Entry] = []

    def say(self, alert: Alert, *codes: str, zones: Sequence[Zone] = (), at: datetime | None = None) -> Entry:
        """Keep `alert` for the municipalities `codes`, or with the `zones` given."""
        known = [self.situation.find(reference.identifier) for reference in alert.references]
        draft = draft_of(
            alert,
            at=at or alert.sent + timedelta(seconds=3),
            sender=None,
            zones=tuple(zones) or ((zone(alert.infos[0], *codes),) if alert.infos else ()),
            referenced=[one for found in known for one in found],
            in_force_of=self.situation.thread_in_force,
            lifetime=LIFETIME,
            boundaries=boundaries(),
        )
        return self.keep(Entry.of(draft, Cursor("k3f9", len(self.entries) + 1)))

    def posted(self, identifier: str) -> Posted:
        """Return a message and how it stands."""
        return self.situation.find(identifier)[0]

    def thread(self, name: str) -> list[Entry]:
        """Return the entries of a thread."""
        return [entry for entry in self.entries if entry.thread == name]

    def keep(self, entry: Entry) -> Entry:
        """Put `entry` at the end of the log."""
        self.entries.append(entry)
        self.situation.apply(entry)
        return entry


def pages(realm: Realm = Realm.LIVE) -> Pages:
    """Return the pages of a realm."""
    base = "/drill" if realm is Realm.DRILL else ""
    return Pages(Atlas(boundaries()), realm=realm, base=base, title="災害情報ハブ")


def visit(**changes: object) -> Visit:
    """Return a visit at 02:40."""
    return replace(Visit(now=NOW), **changes)  # type: ignore[arg-type]


def order(number: int, *, level: int | None = 4, minutes: int = 30, **changes: object) -> Alert:
    """Return an order of evacuation, sent `minutes` before NOW."""
    values: dict[str, object] = {
        "level": level,
        "hazard": "flood",
        "sender": "bousai@city.example.jp",
        "identifier": f"jp-example-{number:04}",
        "sent": NOW - timedelta(minutes=minutes),
        "codes": ["131016"],
        "area_desc": "神田川流域",
        "expires": NOW + timedelta(hours=6),
        "sender_name": "千代田区",
    }
    return build.order(**values | changes)  # type: ignore[arg-type]
