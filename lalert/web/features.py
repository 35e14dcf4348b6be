"""What is in force as GeoJSON features: the whole in one document, or a page of it.

Whoever draws all that these answers hold draws what holds, and nothing else: parts that are all clear are left out.
A document has a limit of features and of bytes; what does not fit is said (`numberMatched`), and a link leads on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from aiohttp import web
from shapely.geometry.base import BaseGeometry

from lalert.core.matching import wants
from lalert.core.model import Posted, State
from lalert.hub import Hub
from lalert.render.entry import dump
from lalert.render.geojson import Part, announced, feature_of
from lalert.web.answers import Document, answer_document
from lalert.web.context import context
from lalert.web.query import FILTERS, Query, subscription

GEOJSON: Final = "application/geo+json"
MOST_FEATURES: Final = 10_000
MOST_BYTES: Final = 32 << 20

Place = tuple[int, int]
"""Where a feature stands in the log: position of its message, number of its part."""


@dataclass(frozen=True, slots=True)
class Found:
    """A part of a message, and what makes its bytes: call that in a worker."""

    posted: Posted
    part: Part
    body: Callable[[], bytes]

    @property
    def place(self) -> Place:
        """Its place in the log."""
        return self.posted.entry.cursor.seq, self.part.number

    @property
    def id(self) -> str:
        """Its name: the same as long as the log lasts."""
        return f"{self.posted.entry.cursor}.{self.part.number}"


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the features that were found, as bytes; `last` is the id of the last one where more follow."""

    bodies: Sequence[bytes]
    matched: int
    last: str | None

    def document(self, **members: object) -> bytes:
        """Return the FeatureCollection, with these members beside what it always has."""
        return dump(
            {
                "type": "FeatureCollection",
                "numberMatched": self.matched,
                "numberReturned": len(self.bodies),
                **members,
                "features": [msgspec.Raw(body) for body in self.bodies],
            }
        )


async def active(request: web.Request) -> web.Response:
    """`GET /api/v1/alerts/active.geojson`: what is in force, most urgent first, for signs and car navigation."""
    ctx = context(request)
    hub, query = ctx.hub, Query(request.query, FILTERS)
    wanted = subscription(query, hub.boundaries)
    query.done()
    found = found_in(hub, (posted for posted in hub.situation.in_force() if wants(wanted, posted.entry)))
    members = {
        "cursor": str(hub.public_head),
        "asOf": hub.changed_at.isoformat(timespec="seconds"),
        "attribution": hub.boundaries.credit,
        "links": [{"rel": "collection", "type": GEOJSON, "href": f"{hub.site.url}/ogc/collections/alerts/items"}],
    }

    def made() -> Document:
        return Document.of(page_of(found, limit=MOST_FEATURES).document(**members), GEOJSON)

    key, generation = ("active.geojson", wanted), hub.situation.generation
    return answer_document(request, await ctx.bulky.get_later(key, generation, lambda: hub.in_worker(made)))


def found_in(hub: Hub, messages: Iterable[Posted]) -> list[Found]:
    """Return the parts of messages that announce something, in their order."""
    return [Found(posted, part, _body(hub, posted, part)) for posted in messages for part in announced(posted.entry)]


def _body(hub: Hub, posted: Posted, part: Part) -> Callable[[], bytes]:
    """Return what makes the bytes of a part; those in force are made once and shared."""
    entry, standing, base = posted.entry, posted.standing, hub.site.base
    if standing.state is State.IN_FORCE:
        faces = hub.faces_of(entry)
        return lambda: faces.features[part.number]
    ended_at = hub.situation.ended_at(entry.alert.identity.key)
    return lambda: feature_of(entry, part, base=base, standing=standing, ended_at=ended_at)


def page_of(
    found: Iterable[Found], *, limit: int, inside: BaseGeometry | None = None, after: Place | None = None
) -> Page:
    """Return the first features in their order, of those that touch `inside` and come after a place."""
    matched = [one for one in found if inside is None or inside.intersects(one.part.zone.area.geometry)]
    following = [one for one in matched if after is None or one.place > after]
    bodies: list[bytes] = []
    left = MOST_BYTES
    for one in following[:limit]:
        body = one.body()
        left -= len(body)
        if left < 0 and bodies:
            break
        bodies.append(body)
    more = len(bodies) < len(following)
    return Page(bodies, len(matched), following[len(bodies) - 1].id if more else None)
