"""One entry, every way out's bytes: made once, and all of the same entry."""

from __future__ import annotations

import json

import pytest

from lalert.core.matching import hearers_of
from lalert.core.model import Realm
from lalert.publishers.faces import Faces, Site
from lalert.publishers.framing import CHUNKED, PLAIN, WEBSOCKET
from tests.render.entries import entry


@pytest.mark.parametrize(("realm", "base"), [(Realm.LIVE, ""), (Realm.DRILL, "/drill")])
def test_site_of_a_realm(realm: Realm, base: str) -> None:
    """The drill realm's addresses all begin with `/drill`."""
    site = Site(realm, "https://hub.example.jp")
    assert (site.base, site.url) == (base, "https://hub.example.jp" + base)


@pytest.mark.parametrize("realm", list(Realm))
def test_faces_show_one_entry_in_one_realm(realm: Realm) -> None:
    """JSON, event, chunk, message and Atom carry the same entry, and links of their realm only."""
    kept = entry()
    faces = Faces(kept, Site(realm, "https://hub.example.jp"))
    body = json.loads(faces.json)
    assert body["cursor"] == str(kept.cursor)
    event = b"event: alert\nid: %b\ndata: %b\n\n" % (str(kept.cursor).encode(), faces.json)
    assert faces.framed(PLAIN) == event
    assert faces.framed(CHUNKED) == b"%x\r\n%b\r\n" % (len(event), event)
    assert faces.framed(WEBSOCKET).endswith(b'"data":%b}' % faces.json)
    assert kept.alert.identifier.encode() in faces.atom
    assert faces.hearers == hearers_of(kept)
    for url in body["links"].values():
        assert url.startswith("/drill/") is (realm is Realm.DRILL)
    assert (b"hub.example.jp/drill/" in faces.atom) is (realm is Realm.DRILL)


def test_made_once() -> None:
    """However many readers there are, they share the same bytes object."""
    faces = Faces(entry(), Site(Realm.LIVE, "https://hub.example.jp"))
    assert faces.json is faces.json
    for framing in (PLAIN, CHUNKED, WEBSOCKET):
        assert faces.framed(framing) is faces.framed(framing)
    assert faces.atom is faces.atom
