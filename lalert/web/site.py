"""The pages over HTTP: who looks, in which language, and how old what they see may be."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from itertools import pairwise

from aiohttp import web
from markdown_it import MarkdownIt
from markupsafe import Markup
from multidict import MultiDict

from lalert.errors import Text
from lalert.geo.codes import normalise
from lalert.web import recall
from lalert.web.alerts import newest
from lalert.web.answers import IMMUTABLE, MAP_SECURITY_POLICY, answer
from lalert.web.assets import assets, vendored
from lalert.web.context import Context, context
from lalert.web.problems import not_found
from lalert.web.query import Query
from lalert.web.views import Visit
from lalert.web.wish import MAX_AREAS

_PARAMETERS = {"lang"}


async def front(request: web.Request) -> web.Response:
    """`GET /`: the state of the whole country."""
    ctx, visit = context(request), visit_of(request, _PARAMETERS)
    return _picture(request, ctx, visit, "", lambda: ctx.pages.front(ctx.hub.situation, visit))


async def area(request: web.Request) -> web.Response:
    """`GET /a/{code}`: what holds in a prefecture or a municipality. Other forms of a code lead to the one form."""
    ctx, visit = context(request), visit_of(request, _PARAMETERS)
    asked = request.match_info["code"][:40]
    code = normalise(asked)
    if code != asked:
        raise web.HTTPPermanentRedirect(f"{ctx.hub.site.base}/a/{code}")
    return _picture(request, ctx, visit, code, lambda: ctx.pages.area(code, ctx.hub.situation, visit))


async def chart(request: web.Request) -> web.Response:
    """`GET /map`: what is in force on a map that moves, and what was in force in the hours before."""
    ctx, visit = context(request), visit_of(request, _PARAMETERS)
    response = _picture(request, ctx, visit, "/map", lambda: ctx.pages.chart(ctx.hub.situation, visit))
    if "Content-Security-Policy" in response.headers:
        response.headers["Content-Security-Policy"] = MAP_SECURITY_POLICY
    return response


async def areas(request: web.Request) -> web.Response:
    """`GET /a?q=`: find a place by name, kana, code or postal code."""
    ctx, visit = context(request), visit_of(request, _PARAMETERS | {"q"})
    return _page(request, ctx.pages.areas(request.query.get("q", ""), ctx.hub.situation, visit))


async def notify(request: web.Request) -> web.Response:
    """`GET /notify?q=&area=`: where a browser subscribes; `area` are codes of places to begin with."""
    ctx, visit = context(request), visit_of(request, _PARAMETERS | {"q", "area"})
    chosen = [normalise(code) for code in request.query.get("area", "").split(",", MAX_AREAS)[:MAX_AREAS] if code]
    return _page(request, ctx.pages.notify(request.query.get("q", ""), chosen, visit))


async def service_worker(request: web.Request) -> web.Response:
    """`GET /sw.js`: at the root of its realm, for a worker sees only what lies below its own address."""
    asset = assets()["sw.js"]
    return answer(request, asset.body, "text/javascript", cache="no-cache", etag=asset.version)


async def alert(request: web.Request) -> web.Response:
    """`GET /alerts/{identifier}`: one message whole, how it stands, and its thread."""
    ctx, visit = context(request), visit_of(request, _PARAMETERS | {"sender"})
    name = request.match_info["identifier"]
    posted = await newest(ctx.hub, name, request.query.get("sender"))
    if posted is None:
        raise not_found(Text(f"電文 {name[:80]} はありません。", f"There is no message {name[:80]}."))
    thread = await recall.thread(ctx.hub, posted.entry.thread)
    return _page(request, ctx.pages.alert(posted, thread, visit))


async def static(request: web.Request) -> web.Response:
    """`GET /static/{name}`: style, script, icons; for a year, if the address says which version it means."""
    name = request.match_info["name"]
    asset = assets().get(name) or vendored().get(name)
    if asset is None:
        raise not_found(Text("このファイルはありません。", "There is no such file."))
    is_pinned = request.query.get("v") == asset.version[:8]
    cache_control = IMMUTABLE if is_pinned else "public, max-age=300"
    return answer(request, asset.body, asset.content_type.partition(";")[0], cache=cache_control, etag=asset.version)


@cache
def _findings() -> Markup:
    """Return what may be wrong with a message, then what may be wrong with a request; every code is an anchor."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    documents = (files("lalert.web").joinpath(name).read_text("utf-8") for name in ("findings.md", "problems.md"))
    tokens = parser.parse("\n".join(documents))
    for heading, title in pairwise(tokens):
        if heading.type == "heading_open":
            heading.attrSet("id", title.content)
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704 - our own text


async def findings(request: web.Request) -> web.Response:
    """`GET /docs/findings`: what each code means and what to do; problem documents lead here."""
    ctx, visit = context(request), visit_of(request, _PARAMETERS)
    title = Text("指摘の一覧", "Findings")
    return _page(request, ctx.pages.document(title, _findings(), visit))


async def to_drill(_: web.Request) -> web.Response:
    """`GET /drill`: the drill realm's front page."""
    raise web.HTTPPermanentRedirect("/drill/")


def _picture(request: web.Request, ctx: Context, visit: Visit, name: str, make: Callable[[], bytes]) -> web.Response:
    """Answer with a page of what holds. Every open screen asks at each heartbeat: it is made once a minute."""
    minute = visit.now.replace(second=0, microsecond=0)
    generation = (ctx.hub.situation.generation, minute, visit.stale)
    return _page(request, ctx.hub.cache.get(("page", name, visit.lang), generation, make))


def _page(request: web.Request, body: bytes) -> web.Response:
    return answer(request, body, "text/html")


def visit_of(request: web.Request, known: set[str]) -> Visit:
    """Return how this page is seen. Raises `Rejected` for a wrong value.

    What is not `known` is passed over, as nowhere else: networks hang `fbclid` and the like on every link that people
    share, and nobody shall be shown an error for that in the night of a flood.
    """
    ctx = context(request)
    query = Query(MultiDict((name, value) for name, value in request.query.items() if name in known), known)
    lang = query.text("lang") or "ja"
    if lang not in ("ja", "en"):
        query.wrong("lang", Text("ja か en です。", "It is ja or en."), "en")
    query.done()
    hub = ctx.hub
    return Visit(
        now=hub.clock(),
        lang="en" if lang == "en" else "ja",
        stale=hub.failing_since,
        heard=hub.heard_at,
        cursor=hub.tail.head,
    )
