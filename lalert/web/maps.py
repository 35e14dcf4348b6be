"""The maps over HTTP, as SVG and PNG: of one message, of a place, of the whole country; drawn once a change."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Literal

from aiohttp import web

from lalert.core.model import Posted, Realm
from lalert.errors import Text
from lalert.geo.codes import normalise
from lalert.hub import Hub
from lalert.render import land
from lalert.render import map as draw
from lalert.render.form import FORMS, SQUARE, Form
from lalert.render.places import place_name
from lalert.render.words import pick
from lalert.web import raster
from lalert.web.alerts import newest
from lalert.web.answers import IMMUTABLE, SHARED, Document, answer, answer_document
from lalert.web.context import Context, context
from lalert.web.features import GEOJSON
from lalert.web.problems import not_found
from lalert.web.query import Query

_LAND = {"prefectures": land.prefectures, "municipalities": land.municipalities}
_FORM = {"size", "overlay"}
_COMMON = {"lang", "g"} | _FORM
_SVG, _PNG = "image/svg+xml", "image/png"

Kind = Literal["svg", "png"]


@dataclass(frozen=True, slots=True)
class _Look:
    """In which language and format somebody looks at a map."""

    lang: str
    form: Form


async def alert_svg(request: web.Request) -> web.Response:
    """`GET /alerts/{identifier}/map.svg`: where one message holds."""
    return await _of_alert(request, "svg")


async def alert_png(request: web.Request) -> web.Response:
    """`GET /alerts/{identifier}/map.png?size=1920x1080&overlay=1`: the same as a picture."""
    return await _of_alert(request, "png")


async def place_svg(request: web.Request) -> web.Response:
    """`GET /map/{code}.svg`: everything in force in `japan`, a prefecture or a municipality."""
    return await _of_place(request, "svg")


async def place_png(request: web.Request) -> web.Response:
    """`GET /map/{code}.png?size=1920x1080&overlay=1`: the same as a picture."""
    return await _of_place(request, "png")


async def outlines(request: web.Request) -> web.Response:
    """`GET /map/prefectures.geojson`, `/map/municipalities.geojson`: the land. For a year, if `v` is its edition."""
    ctx, query = context(request), Query(request.query, {"v"})
    query.done()
    boundaries, name = ctx.hub.boundaries, request.match_info["name"]
    make = _LAND.get(name)
    if make is None:
        raise not_found(Text("この地図データはありません。", "There is no such outline."))

    def made() -> Document:
        return Document.of(make(boundaries), GEOJSON)

    document = await ctx.bulky.get_later(("land", name), boundaries.version, lambda: ctx.hub.in_worker(made))
    cache = IMMUTABLE if query.text("v") == boundaries.version else SHARED
    return answer_document(request, document, cache=cache)


async def _of_alert(request: web.Request, kind: Kind) -> web.Response:
    ctx, look = context(request), _look(request, _COMMON | {"sender"})
    hub, name = ctx.hub, request.match_info["identifier"]
    posted = await newest(hub, name, request.query.get("sender"))
    if posted is None or not (posted.entry.zones or posted.entry.supersedes):
        raise not_found(Text("この電文の地図はありません。", "There is no map of this message."))
    return await _answer(
        request, ctx, kind, look, posted.entry.cursor, posted.standing, _alert_drawing(hub, posted, look)
    )


def _alert_drawing(hub: Hub, posted: Posted, look: _Look) -> Callable[[], bytes]:
    as_of, boundaries = hub.changed_at, hub.boundaries
    return lambda: draw.alert_map(
        posted.entry, boundaries, as_of=as_of, standing=posted.standing, lang=look.lang, form=look.form
    )


async def _of_place(request: web.Request, kind: Kind) -> web.Response:
    ctx, look = context(request), _look(request, _COMMON)
    hub, name = ctx.hub, request.match_info["code"][:40]
    code = name if name == "japan" else normalise(name)
    drawing = _place_drawing(hub, code, look)
    return await _answer(request, ctx, kind, look, code, hub.situation.generation, drawing)


def _place_drawing(hub: Hub, code: str, look: _Look) -> Callable[[], bytes]:
    in_force, boundaries, as_of = hub.situation.in_force(), hub.boundaries, hub.changed_at
    drill, lang, form = hub.realm is Realm.DRILL, look.lang, look.form
    place = pick(Text("全国", "Japan"), lang) if code == "japan" else place_name(boundaries.as_covered(code), lang)
    title = pick(Text(f"{place} 発令中の情報", f"In force: {place}"), lang)

    def drawing() -> bytes:
        if code == "japan":
            return draw.japan(in_force, boundaries, title=title, as_of=as_of, lang=lang, drill=drill, form=form)
        return draw.area_map(code, in_force, boundaries, title=title, as_of=as_of, lang=lang, drill=drill, form=form)

    return drawing


async def _answer(
    request: web.Request,
    ctx: Context,
    kind: Kind,
    look: _Look,
    subject: Hashable,
    generation: Hashable,
    drawing: Callable[[], bytes],
) -> web.Response:
    """Answer with a map that is drawn in a worker, once per change. Pictures are large: few of them are kept."""

    def picture() -> Document:
        return Document.of(raster.png_of(drawing(), zoom=look.form.zoom), _PNG)

    hub, key, state = ctx.hub, ("map", subject, look), (generation, ctx.hub.boundaries.version)
    if kind == "svg":
        return answer(request, await hub.cache.get_later(key, state, lambda: hub.in_worker(drawing)), _SVG)
    return answer_document(request, await ctx.bulky.get_later(key, state, lambda: hub.in_worker(picture)))


def _look(request: web.Request, known: set[str]) -> _Look:
    """Return how a map is looked at. Raises `Rejected` for what is no parameter of a map."""
    query = Query(request.query, known)
    lang, size, overlay = query.text("lang") or "ja", query.text("size"), query.text("overlay") or "0"
    if lang not in ("ja", "en"):
        query.wrong("lang", Text("ja か en です。", "It is ja or en."), "en")
    if size is not None and size not in FORMS:
        sizes = ", ".join(FORMS)
        query.wrong("size", Text(f"次のいずれかです: {sizes}", f"It is one of {sizes}."), "1920x1080")
    if overlay not in ("0", "1"):
        query.wrong("overlay", Text("0 か 1 です。", "It is 0 or 1."), "1")
    query.done()
    form = FORMS.get(size, SQUARE) if size else SQUARE
    return _Look(lang, replace(form, overlay=overlay == "1"))
