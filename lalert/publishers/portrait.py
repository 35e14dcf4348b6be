"""Every face of one entry at once, for whoever wants to see a message before it goes out. Nothing is worded here."""

from __future__ import annotations

from typing import Final

import msgspec

from lalert.core.model import Entry
from lalert.geo.boundaries import BoundarySet
from lalert.publishers.faces import Faces, Site
from lalert.publishers.framing import PLAIN
from lalert.publishers.webpush import notice_of
from lalert.render.entry import Json
from lalert.render.geojson import alert_to_geojson
from lalert.render.map import alert_map
from lalert.render.text import plain
from lalert.render.wording import summary

LANGS: Final = ("ja", "en")


def portrait(entry: Entry, site: Site, boundaries: BoundarySet) -> Json:
    """Return every face that `entry` would have on `site`, as of its own time. Draws: not on the event loop's thread.

    `push` is what a phone is sent, before it is encrypted; `speech` is the paragraph to read aloud, `text` the whole.
    """
    faces = Faces(entry, site)
    return {
        "entry": msgspec.Raw(faces.json),
        "geojson": alert_to_geojson(entry, base=site.base),
        "atom": faces.atom.decode(),
        "event": faces.framed(PLAIN).decode(),
        "map": alert_map(entry, boundaries, as_of=entry.at).decode(),
        "push": {lang: msgspec.Raw(push_of(entry, lang, site)) for lang in LANGS},
        "speech": {lang: summary(entry, lang) for lang in LANGS},
        "text": {lang: plain(entry, lang, as_of=entry.at) for lang in LANGS},
    }


def push_of(entry: Entry, lang: str, site: Site) -> bytes:
    """Return the JSON that a phone is sent of `entry` in `lang`, as a notification that may make a sound."""
    return notice_of(entry, lang, site, now=entry.at, hushed=False).payload
