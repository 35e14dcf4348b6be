"""The pages, as bytes. Everything they show comes in as values: the situation, the moment, the language.

Each page is whole without script: the map is an image drawn by the server, and the list beside it says the same in
words. No page carries style or script of its own, so that the strictest Content-Security-Policy holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlencode

from markupsafe import Markup

from lalert.cap.model import Status
from lalert.cap.vocabulary import vocabulary_at
from lalert.core.model import Cursor, Entry, Posted, Realm
from lalert.core.situation import Situation
from lalert.errors import LalertError, Rejected, Text
from lalert.geo import postal
from lalert.geo.atlas import Atlas
from lalert.geo.boundaries import BoundarySet
from lalert.geo.kinship import kin
from lalert.geo.place import Municipality, Prefecture
from lalert.render.places import place_name
from lalert.render.words import hazard_label, pick, status_mark
from lalert.web.assets import assets, vendored
from lalert.web.badge import GRAVEST_FIRST, Badge, sign_of
from lalert.web.cards import Reader, held_here
from lalert.web.ended import ended_here
from lalert.web.html import render
from lalert.web.message import message_of
from lalert.web.phrases import phrases
from lalert.web.picture import Picture, picture_of, worst_by_code
from lalert.web.report import Report

ENDED_SHOWN: Final = timedelta(hours=72)
MAX_CARDS: Final = 60  # of one level on the page of the whole country; more go by prefecture
MAX_FOUND: Final = 50
MAX_QUERY: Final = 40  # characters

Lang = Literal["ja", "en"]

SAID: Final = {
    "start": "notify_start",
    "change": "notify_change",
    "subscribed": "notify_subscribed",
    "tested": "notify_tested",
    "stopped": "notify_stopped",
    "denied": "notify_denied",
    "unsupported": "notify_unsupported",
    "insecure": "notify_insecure",
    "locating": "notify_locating",
    "noPosition": "notify_no_position",
    "abroad": "notify_abroad",
    "tooMany": "notify_too_many",
    "failed": "notify_failed",
}
"""What the script of the notification page says: its name there, and that of the phrase."""


CHART_SAID: Final = {
    "title": "map_japan_alt",
    "then": "chart_then",
    "present": "chart_present",
    "loading": "chart_loading",
    "failed": "chart_failed",
    "beyond": "chart_beyond",
    "nothing": "chart_nothing",
    "comma": "comma",
}
"""What the script of the map says: its name there, and that of the phrase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """The moment at which a page is seen, and in which language.

    `stale` says since when the store cannot be reached and the situation may be old. `heard` is when the hub last heard
    from a sender; `cursor` the position of the log that the situation stands at, from where the page follows on.
    """

    now: datetime
    lang: Lang = "ja"
    stale: datetime | None = None
    heard: datetime | None = None
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A municipality or prefecture in a list, with the badge of the most urgent level there."""

    code: str
    name: str
    kana: str
    badge: Badge | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What stands in the form of the validator page."""

    text: str = ""
    profile: str = "jp"
    strictness: str = "producer"
    is_empty: bool = False  # it was sent with nothing to look at


class Pages:
    """The pages of one realm, in UTF-8 HTML. `base` is its URL prefix, "" or "/drill"; `title` the site's name."""

    def __init__(self, atlas: Atlas, *, realm: Realm, base: str, title: str) -> None:
        self._atlas = atlas
        self._base = base
        self._title = title
        self._is_drill = realm is Realm.DRILL

    @property
    def _boundaries(self) -> BoundarySet:
        return self._atlas.current

    def front(self, situation: Situation, visit: Visit) -> bytes:
        """Return the state of the whole country: numbers by level, list, map, what has ended."""
        return self._render(
            "front.html",
            visit,
            picture=self._picture(situation, visit, self._reader(visit), limit=MAX_CARDS),
            map_src=self._map("japan", situation, visit),
            feed=f"{self._base}/feeds/all.atom",
            stream=self._stream(visit),
            state_of_page=_state(situation, visit),
        )

    def chart(self, situation: Situation, visit: Visit) -> bytes:
        """Return the map that moves, beside the list of the front page. Without script the map is a drawing."""
        t, library = phrases(visit.lang), vendored().get("maplibre-gl.js")
        return self._render(
            "map.html",
            visit,
            picture=self._picture(situation, visit, self._reader(visit), limit=MAX_CARDS),
            map_src=self._map("japan", situation, visit),
            library=library and library.url,
            edition=self._boundaries.version,
            paints=[sign_of(look, visit.lang) for look in GRAVEST_FIRST],
            said={name: t[phrase] for name, phrase in CHART_SAID.items()},
            feed=f"{self._base}/feeds/all.atom",
            stream=self._stream(visit),
            state_of_page=_state(situation, visit),
        )

    def area(self, code: str, situation: Situation, visit: Visit) -> bytes:
        """Return what holds in a prefecture (2 digits) or municipality (6). Raises Rejected for an unknown code."""
        place, codes = self._place(code), frozenset(self._boundaries.expand(code))
        reader = self._reader(visit, kin(codes))
        return self._render(
            "area.html",
            visit,
            code=code,
            name=place_name(place, visit.lang),
            kana=place.kana if visit.lang == "ja" else "",
            parent=self._parent(place, visit.lang),
            picture=self._picture(situation, visit, reader),
            municipalities=self._inside(place, codes, situation, reader),
            map_src=self._map(code, situation, visit),
            feed=f"{self._base}/feeds/{'pref' if _is_prefecture(code) else 'muni'}/{code}.atom",
            stream=self._stream(visit, area=code),
            state_of_page=_state(situation, visit),
        )

    def areas(self, asked: str, situation: Situation, visit: Visit) -> bytes:
        """Return the index of places; `asked` is a name, kana, code or postal code to search for, "" for none."""
        wanted = asked.strip()[:MAX_QUERY]
        badges = worst_by_code(situation.in_force(), self._reader(visit))
        found, nothing = self._found(wanted, visit)
        return self._render(
            "areas.html",
            visit,
            asked=wanted,
            found=[_listed(place, badges, visit.lang, whole=True) for place in found[:MAX_FOUND]],
            more=len(found) > MAX_FOUND,
            nothing=nothing,
            prefectures=[_listed(self._boundaries.prefecture(f"{n:02}"), badges, visit.lang) for n in range(1, 48)],
        )

    def notify(self, asked: str, chosen: Sequence[str], visit: Visit) -> bytes:
        """Return the page on which a browser subscribes; `chosen` are codes of places that it begins with."""
        wanted = asked.strip()[:MAX_QUERY]
        found, nothing = self._found(wanted, visit)
        t = phrases(visit.lang)
        return self._render(
            "notify.html",
            visit,
            asked=wanted,
            found=[_listed(place, {}, visit.lang, whole=True) for place in found[:MAX_FOUND]],
            more=len(found) > MAX_FOUND,
            nothing=nothing,
            chosen=[_listed(self._place(code), {}, visit.lang, whole=True) for code in chosen],
            hazards=[
                (hazard, hazard_label(hazard, visit.lang) or pick(Text(*names), visit.lang))
                for hazard, names in vocabulary_at(None).hazard_names.items()
            ],
            said={name: t[phrase] for name, phrase in SAID.items()},
        )

    def alert(self, posted: Posted, thread: Sequence[Entry], visit: Visit) -> bytes:
        """Return one message whole; `thread` are all entries of its thread in order."""
        message = message_of(posted, thread, lang=visit.lang, base=self._base)
        return self._render(
            "alert.html",
            visit,
            m=message,
            stream=self._stream(visit),
            state_of_page=f"{posted.standing.state.value}-{len(thread)}-{visit.stale}",
        )

    def validator(self, asked: Asked, report: Report | None, visit: Visit) -> bytes:
        """Return the page on which a message is checked, with what was found in the one that was sent."""
        return self._render("validator.html", visit, form=asked, report=report)

    def problem(self, error: LalertError, visit: Visit, *, correlation_id: str = "") -> bytes:
        """Return the page that tells what went wrong, with everything that was found."""
        return self._render(
            "problem.html",
            visit,
            status=error.status,
            code=error.code,
            message=pick(error.message, visit.lang),
            findings=[finding.to_dict() for finding in error.findings],
            correlation_id=correlation_id,
        )

    def document(self, title: Text, body: Markup, visit: Visit) -> bytes:
        """Return a page of documentation; whoever makes `body` vouches for it: it is not escaped."""
        return self._render("document.html", visit, title=pick(title, visit.lang), body=body)

    def _reader(self, visit: Visit, codes: frozenset[str] | None = None) -> Reader:
        return Reader(lang=visit.lang, base=self._base, codes=codes)

    def _picture(self, situation: Situation, visit: Visit, reader: Reader, *, limit: int | None = None) -> Picture:
        over = ended_here(situation, visit.now - ENDED_SHOWN, reader)
        return picture_of(held_here(situation.in_force(), reader), over, reader, limit=limit)

    def _place(self, code: str) -> Municipality | Prefecture:
        return self._boundaries.prefecture(code) if _is_prefecture(code) else self._boundaries.municipality(code)

    def _found(self, wanted: str, visit: Visit) -> tuple[Sequence[Municipality | Prefecture], str]:
        """Return what a search finds, one more than is shown, and what to say when that is nothing."""
        nothing = phrases(visit.lang)["no_results"]
        if postal.maybe_seven_digits(wanted) is None:
            return self._boundaries.search(wanted, limit=MAX_FOUND + 1), nothing
        try:
            codes = postal.load().municipalities(wanted)
        except Rejected as refused:
            return (), pick(refused.message, visit.lang)
        return [self._boundaries.municipality(heir) for code in codes for heir in self._boundaries.heirs(code)], nothing

    def _parent(self, place: Municipality | Prefecture, lang: str) -> str:
        if isinstance(place, Prefecture):
            return ""
        return place_name(self._boundaries.prefecture(place.prefecture), lang)

    def _inside(
        self, place: Municipality | Prefecture, codes: Iterable[str], situation: Situation, reader: Reader
    ) -> list[Listed]:
        """Return the municipalities of a prefecture, or the wards of a city."""
        if isinstance(place, Municipality) and not place.wards:
            return []
        badges = worst_by_code(situation.in_force(), reader)
        return [_listed(self._boundaries.municipality(code), badges, reader.lang) for code in sorted(codes)]

    def _map(self, name: str, situation: Situation, visit: Visit) -> str:
        """Return the address of a map. It changes with the situation, so that nobody is shown yesterday's."""
        asked = {"g": str(situation.generation)} | ({"lang": visit.lang} if visit.lang != "ja" else {})
        return f"{self._base}/map/{name}.svg?{urlencode(asked)}"

    def _stream(self, visit: Visit, **filters: str) -> str:
        asked = filters | ({"since": str(visit.cursor)} if visit.cursor else {})
        return f"{self._base}/stream" + (f"?{urlencode(asked)}" if asked else "")

    def _render(self, template: str, visit: Visit, *, asked: str = "", **values: object) -> bytes:
        common: dict[str, object] = {
            "now": visit.now,
            "lang": visit.lang,
            "stale": visit.stale,
            "heard": visit.heard,
            "t": phrases(visit.lang),
            "query": "" if visit.lang == "ja" else f"?lang={visit.lang}",
            "carried": f"{urlencode({'q': asked})}&" if asked else "",
            "asked": asked,
            "base": self._base,
            "site": self._title,
            "drill": self._is_drill,
            "mark": status_mark(Status.EXERCISE, visit.lang) if self._is_drill else "",
            "credit": self._boundaries.credit,
            "assets": assets(),
        }
        return render(template, common | values)


def _state(situation: Situation, visit: Visit) -> str:
    """Return what tells the script whether a page says anything new."""
    return f"{situation.generation}-{visit.stale}"


def _is_prefecture(code: str) -> bool:
    return len(code) == 2


def _listed(place: Municipality | Prefecture, badges: dict[str, Badge], lang: str, *, whole: bool = False) -> Listed:
    """Return a place in a list; `whole` names the prefecture with it."""
    name = place.full_name if whole and lang == "ja" and isinstance(place, Municipality) else place_name(place, lang)
    return Listed(place.code, name, place.kana, badges.get(place.code))
