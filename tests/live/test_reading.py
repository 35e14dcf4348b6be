"""Reading over HTTP: what is in force, one message in every form, threads, changes, places, and the hub's own state."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest

import lalert
from lalert.core.model import Realm
from lalert.errors import Text, Unavailable
from lalert.geo import postal
from lalert.store.base import Span
from lalert.web.server import Server, serving
from tests.rig import hubs
from tests.rig.author import CHIYODA, CHUO, NAHA, YOKOSUKA, Author
from tests.rig.caller import Answer, Caller

LALERT = Path(lalert.__file__).parent
AT_START = {
    "key.form",
    "key.exists",
    "key.limit",
    "server.port",
    "settings.value",
    "store.locked",
    "store.outdated",
    "store.realm",
    "store.too_new",
    "store.record",
    "signing.key",
    "store.differs",
    "store.in_use",
    "store.not_empty",
    "store.nothing",
    "store.unfinished",
    "store.vapid",
    "cluster.fenced",
}  # only who starts a hub, moves its data or issues a key meets these, with the whole text; a dispatcher, the last

author = Author()


def identifiers(answer: Answer) -> list[str]:
    """Return the identifiers of a list of entries, in order."""
    body = answer.json
    return [entry["alert"]["identifier"] for entry in body.get("alerts", body.get("entries"))]


# --- what is in force ---------------------------------------------------------------------------------------------


async def test_active_is_most_urgent_first(live: Caller) -> None:
    """Everything in force, by urgency, then level; what has ended is not there."""
    three, five, four = author.order(level=3), author.order(level=5), author.order(level=4)
    over = author.order(CHUO)
    for alert in (three, five, four, over, author.lift(over)):
        receipt = await live.publish(alert)
    answer = await live.get("/api/v1/alerts/active")
    assert identifiers(answer) == [alert.identifier for alert in (five, four, three)]
    assert answer.json["cursor"] == receipt["cursor"]
    assert {entry["state"] for entry in answer.json["alerts"]} == {"in_force"}


async def test_active_is_filtered(live: Caller) -> None:
    """The same filters as on the stream; a prefecture takes all inside, a designated city all its wards."""
    chiyoda = author.order(CHIYODA, level=3)
    yokosuka = author.order(YOKOSUKA, level=4, hazard="landslide")
    naha = author.order(NAHA, level=None, hazard="tsunami", act="津波警報")
    for alert in (chiyoda, yokosuka, naha):
        await live.publish(alert)
    for query, expected in {
        "area=13": [chiyoda],
        f"area={YOKOSUKA},47": [yokosuka, naha],
        "point=35.694,139.7536": [chiyoda],
        "point=26.2124,127.6792": [naha],
        "hazard=landslide": [yokosuka],
        "category=Geo": [naha],
        "min_level=5": [naha],
        "lang=en": [chiyoda, yokosuka, naha],
    }.items():
        assert set(identifiers(await live.get(f"/api/v1/alerts/active?{query}"))) == {
            alert.identifier for alert in expected
        }, query


@pytest.mark.parametrize(
    "query",
    ["area=131017", "area=99", "area=13&area=14", "point=91,0", "point=35", "point=nan,nan", "min_level=0", "min=3",
     "min_level=%EF%BC%93", "hazard=" + "x," * 300, "area=13&point=35.69,139.75", "include=drafts"],
)  # fmt: skip
async def test_mistakes_in_filters(live: Caller, query: str) -> None:
    """400: a filter that is not understood must not look like "nothing is in force"."""
    answer = await live.get(f"/api/v1/alerts/active?{query}")
    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert answer.json["errors"]


async def test_unchanged_answers_are_not_sent_again(live: Caller) -> None:
    """ETag and 304 while nothing changes; a new tag as soon as something does."""
    first = await live.get("/api/v1/alerts/active")
    tag = first.headers["ETag"]
    assert (await live.get("/api/v1/alerts/active", If_None_Match=tag)).status == 304
    assert (await live.get("/api/v1/alerts/active", If_None_Match=f"W/{tag}")).status == 304
    await live.publish(author.order())
    assert (await live.get("/api/v1/alerts/active", If_None_Match=tag)).status == 200


# --- one message --------------------------------------------------------------------------------------------------


async def test_one_message_in_every_form(live: Caller) -> None:
    """By suffix and by `Accept`: the received bytes, JSON, GeoJSON, and for people the page."""
    order = author.order()
    await live.publish(order)
    path = f"/api/v1/alerts/{order.identifier}"
    for suffix, accept, content_type in (
        (".cap", "application/cap+xml", "application/cap+xml"),
        (".json", "application/json", "application/json"),
        (".geojson", "application/geo+json", "application/geo+json"),
    ):
        by_suffix, by_accept = await live.get(path + suffix), await live.get(path, Accept=accept)
        assert by_suffix.content_type == by_accept.content_type == content_type
        assert by_suffix.body == by_accept.body
        assert by_accept.headers["Vary"] == "Accept" or "Accept" in by_accept.headers["Vary"]
    assert (await live.get(path + ".cap")).body == order.raw
    assert (await live.get(path)).json["alert"]["identifier"] == order.identifier
    assert (await live.get(path + ".geojson")).json["type"] == "FeatureCollection"
    for page in (await live.get(path + ".html"), await live.get(path, Accept="text/html,*/*;q=0.8")):
        assert (page.status, page.headers["Location"]) == (303, f"/alerts/{order.identifier}")
        assert (await live.get(page.headers["Location"])).content_type == "text/html"


async def test_message_says_how_it_stands_now(live: Caller) -> None:
    """What has been replaced says by which message; a Cancel says what kind of end it was."""
    first = author.order(level=3)
    second = author.update(first, level=4)
    third = author.cancel(second)
    for alert in (first, second, third):
        await live.publish(alert)
    standing = {}
    for alert in (first, second):
        body = (await live.get(f"/api/v1/alerts/{alert.identifier}")).json
        standing[alert.identifier] = (body["state"], body["replacedBy"], body["cancelKind"])
    assert standing == {
        first.identifier: ("superseded", second.identifier, None),
        second.identifier: ("cancelled", third.identifier, "false_alarm"),
    }


async def test_identifier_that_needs_quoting(live: Caller) -> None:
    """An identifier with slashes, dots, percent signs and Japanese is found by every link that names it."""
    order = author.order(identifier="urn:x/情報.cap%20#1")
    await live.publish(order)
    links = (await live.get("/api/v1/alerts/active")).json["alerts"][0]["links"]
    assert (await live.get(links["cap"])).body == order.raw
    assert (await live.get(links["self"])).json["alert"]["identifier"] == order.identifier
    assert (await live.get(links["html"])).status == 200
    assert (await live.get(links["map"])).content_type == "image/svg+xml"


async def test_two_senders_with_one_identifier(live: Caller) -> None:
    """Identifiers are unique for one sender only: `sender` chooses, without it the newest is shown."""
    one, other = author.order(), Author("bousai@town.example.jp").order()
    other = author.order(identifier=one.identifier, sender="bousai@town.example.jp")
    await live.publish(one)
    await live.publish(other)
    path = f"/api/v1/alerts/{one.identifier}"
    assert (await live.get(path)).json["alert"]["sender"] == other.sender
    assert (await live.get(f"{path}?sender={one.sender}")).json["alert"]["sender"] == one.sender
    assert (await live.get(f"{path}?sender=nobody")).status == 404


@pytest.mark.parametrize(
    "path", ["/api/v1/alerts/none", "/api/v1/alerts/none.cap", "/api/v1/threads/none", "/alerts/none"]
)
async def test_what_is_not_there(live: Caller, path: str) -> None:
    """404 as a problem document."""
    answer = await live.get(path)
    assert (answer.status, answer.json["title"]) == (404, "http.not_found")


async def test_thread_in_order(live: Caller) -> None:
    """A thread is all its entries, oldest first, under the name of its first message."""
    first = author.order(level=3)
    second = author.update(first, level=4)
    third = author.lift(second)
    for alert in (first, second, third, author.order()):
        await live.publish(alert)
    answer = await live.get(f"/api/v1/threads/{first.identifier}")
    assert identifiers(answer) == [alert.identifier for alert in (first, second, third)]
    assert answer.json["thread"] == first.identifier


# --- changes ------------------------------------------------------------------------------------------------------


async def test_changes_are_paged_without_gap_or_repeat(live: Caller) -> None:
    """Page by page with `limit`, following `cursor` while `more`, every entry comes once and in order."""
    start = (await live.get("/api/v1/changes")).json["cursor"]
    said = [author.order(NAHA if n % 3 else CHIYODA) for n in range(20)]
    for alert in said:
        await live.publish(alert)
    for query, expected in (("", said), ("&area=13", said[::3])):
        got, at, more = [], start, True
        while more:
            page = await live.get(f"/api/v1/changes?since={at}&limit=7{query}")
            got += identifiers(page)
            at, more = page.json["cursor"], page.json["more"]
            assert page.headers["Link"] == f'</api/v1/changes?since={at}>; rel="next"'
        assert got == [alert.identifier for alert in expected]


async def test_long_poll_wakes_at_once(live: Caller) -> None:
    """A waiting question is answered by the next entry that it wants; others do not end the wait."""
    at = (await live.get("/api/v1/changes")).json["cursor"]
    waiting = asyncio.create_task(live.get(f"/api/v1/changes?since={at}&wait=60&area=13"))
    elsewhere, here = author.order(NAHA), author.order(CHIYODA)
    await live.publish(elsewhere)
    assert not waiting.done()
    await live.publish(here)
    async with asyncio.timeout(20):  # far less than the 60 s that it would wait for nothing
        assert identifiers(await waiting) == [here.identifier]


async def test_long_poll_ends_empty(live: Caller) -> None:
    """Nothing new within the time is an empty answer at the same position."""
    at = (await live.get("/api/v1/changes")).json["cursor"]
    answer = await live.get(f"/api/v1/changes?since={at}&wait=1")
    assert answer.json == {"cursor": at, "entries": [], "more": False}


@pytest.mark.parametrize("since", ["zzzz-0", "zzzz-5"])
async def test_changes_of_another_log_are_a_gap(live: Caller, since: str) -> None:
    """410 with where the log begins, for another log and for the future."""
    cursor = (await live.publish(author.order()))["cursor"]
    for lost in (since, cursor + "7"):
        answer = await live.get(f"/api/v1/changes?since={lost}")
        assert (answer.status, answer.json["title"]) == (410, "cursor.gap")
        assert (answer.json["since"], answer.json["cursor"], answer.json["oldest"]) == (lost, cursor, 1)


# --- places -------------------------------------------------------------------------------------------------------


async def test_places(live: Caller) -> None:
    """Prefectures, municipalities by name, kana or code, and what lies at a point."""
    prefectures = (await live.get("/api/v1/areas")).json["areas"]
    assert len(prefectures) == 47
    for query in ("千代田区", "ちよだ", CHIYODA):
        assert CHIYODA in {place["code"] for place in (await live.get(f"/api/v1/areas?q={query}")).json["areas"]}
    tokyo = (await live.get("/api/v1/areas/13")).json
    assert tokyo["name"] == "東京都"
    assert CHIYODA in {place["code"] for place in tokyo["municipalities"]}
    for form in (CHIYODA, "13101", "1310100"):
        assert (await live.get(f"/api/v1/areas/{form}")).json["code"] == CHIYODA
    assert (await live.get("/api/v1/areas/lookup?lat=35.694&lon=139.7536")).json["code"] == CHIYODA


async def test_places_that_are_not(live: Caller) -> None:
    """Unknown codes, points at sea and half coordinates are told apart."""
    assert (await live.get("/api/v1/areas/999999")).status == 422
    assert (await live.get("/api/v1/areas/lookup?lat=30&lon=150")).status == 404
    for query in ("lat=35", "lon=139", "lat=x&lon=y", ""):
        assert (await live.get(f"/api/v1/areas/lookup?{query}")).status == 400
    assert (await live.get("/api/v1/areas?q=zzzzzz")).json["areas"] == []


async def test_places_by_postal_code(live: Caller) -> None:
    """All municipalities that a code touches, in any spelling; other forms and unknown codes are told apart."""
    for text in ("1000001", "100-0001", "１００－０００１"):
        answer = await live.get(f"/api/v1/areas?postal={text}")
        assert [place["code"] for place in answer.json["areas"]] == [CHIYODA]
    assert answer.json["postalCodes"] == postal.load().version
    several = (await live.get("/api/v1/areas?postal=985-0000")).json["areas"]
    assert [place["name"] for place in several] == ["塩竈市", "多賀城市", "七ヶ浜町"]
    for text, code in (("999-9999", "postal.unknown"), ("100", "postal.form")):
        refused = await live.get(f"/api/v1/areas?postal={text}")
        assert (refused.status, refused.json["title"]) == (422, code)
        assert refused.json["errors"][0]["path"] == "postal"
    assert (await live.get("/api/v1/areas?postal=1000001&q=x")).status == 400


# --- the hub's own state ------------------------------------------------------------------------------------------


async def test_operation(live: Caller) -> None:
    """Alive, ready, status and metrics as documented."""
    assert (await live.get("/healthz")).json["status"] == "ok"
    ready = (await live.get("/readyz")).json
    assert ready["status"] == "ok"
    assert set(ready["realms"]) == set(Realm)
    await live.publish(author.order())
    status = (await live.get("/status.json")).json["realms"]
    assert (status["live"]["inForce"], status["drill"]["inForce"]) == (1, 0)
    text = (await live.get("/metrics")).text
    assert 'lalert_alerts_in_force{realm="live"} 1.0' in text
    assert 'lalert_posts_total{outcome="created",realm="live"} 1.0' in text


async def test_store_that_cannot_be_read(server: Server, live: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a store that answers nothing `readyz` is 503, and what is in memory is served."""
    order = author.order()
    await live.publish(order)

    async def failing() -> None:
        raise Unavailable(Text("保存先", "store"), code="store.down")

    monkeypatch.setattr(server.hub(Realm.LIVE).store, "span", failing)
    ready = await live.get("/readyz")
    assert (ready.status, ready.json["realms"]["live"]["store"]) == (503, "store.down")
    assert identifiers(await live.get("/api/v1/alerts/active")) == [order.identifier]
    assert (await live.get("/healthz")).status == 200


async def test_both_realms_are_asked_at_the_same_time(server: Server, live: Caller) -> None:
    """A store that hangs does not keep `readyz` from asking the other realm's: it is late once, not twice."""
    asked = asyncio.Barrier(len(Realm))

    async def answering() -> Span:
        await asked.wait()
        raise Unavailable(Text("時間切れ", "timeout"), code="store.timeout")

    with pytest.MonkeyPatch.context() as patch:
        for realm in Realm:
            patch.setattr(server.hub(realm).store, "span", answering)
        async with asyncio.timeout(10):
            ready = await live.get("/readyz")
    assert [state["store"] for state in ready.json["realms"].values()] == ["store.timeout"] * 2


@pytest.mark.parametrize(
    "path", ["/", "/a", "/a/13", "/a/131016", "/docs/findings", "/drill/", "/a/999999", "/alerts/x"]
)
async def test_pages_are_closed_to_foreign_code(live: Caller, path: str) -> None:
    """Every page, also one that tells a problem, forbids foreign and inline code, framing, sniffing and referrers."""
    headers = (await live.get(path, Accept="text/html")).headers
    assert headers["Content-Type"].startswith("text/html")
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "lalert"


async def test_problem_pages_and_method_mistakes(live: Caller) -> None:
    """404 and 405 are problem documents; 405 names what is allowed."""
    assert (await live.get("/nowhere")).json["status"] == 404
    answer = await live.ask("delete", "/api/v1/alerts/active")
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]


async def test_head_is_get_without_a_body(live: Caller) -> None:
    """HEAD answers like GET; on the stream it would never end, so it is not there."""
    head = await live.ask("head", "/api/v1/alerts/active")
    assert (head.status, head.body) == (200, b"")
    assert (await live.ask("head", "/stream")).status == 405


async def test_codes_have_one_address(live: Caller) -> None:
    """Other forms of a code lead to the page of the one form."""
    answer = await live.get("/a/13101")
    assert (answer.status, answer.headers["Location"]) == (308, "/a/131016")
    assert (await live.get("/drill")).headers["Location"] == "/drill/"


async def test_problem_types_lead_to_their_explanation(live: Caller) -> None:
    """Every code that the program can answer with is an anchor of `/docs/findings`, where problems lead."""
    page = (await live.get("/docs/findings")).text
    answer = await live.post(b"<alert>")
    for code in (answer.json["title"], *answer.codes, *spoken_codes()):
        assert f'id="{code}"' in page, code


def spoken_codes() -> set[str]:
    """Return the codes that the source gives to what a hub answers with."""
    source = "".join(path.read_text() for name in ("web", "core", "store") for path in LALERT.glob(f"{name}/**/*.py"))
    source += (LALERT / "hub.py").read_text() + (LALERT / "commit.py").read_text()
    codes = set(re.findall(r'code="([a-z]+\.[a-z_.]+)"', source)) | set(re.findall(r'\("(http\.[a-z_]+)",', source))
    return codes - AT_START


async def test_compressed_when_asked(live: Caller) -> None:
    """Large answers are compressed for those who take it; the entity tag is the same."""
    for _ in range(5):
        await live.publish(author.order())
    plain = await live.ask("get", "/api/v1/alerts/active", headers={"Accept-Encoding": "identity"})
    packed = await live.ask("get", "/api/v1/alerts/active", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.body == plain.body


async def test_pages_in_english(live: Caller) -> None:
    """`lang=en` speaks English; another language is a mistake, not a guess."""
    assert '<html lang="en"' in (await live.get("/?lang=en")).text
    assert (await live.get("/?lang=fr")).status == 400


async def test_english_says_both_names_of_a_place(live: Caller) -> None:
    """In English a place has the name that a stranger can say and the one on the signs; in Japanese only its own."""
    order = author.order(NAHA)
    await live.publish(order)
    page = f"/alerts/{order.identifier}"
    for path in ("/", page, f"{page}/map.svg", "/a/472018", "/a/47", "/map/472018.svg", "/map/47.svg"):
        english, japanese = await live.get(f"{path}?lang=en"), await live.get(path)
        assert "Naha City (那覇市)" in english.text, path
        assert "Naha" not in japanese.text, path


async def test_restart_shows_the_same_picture(tmp_path: Path) -> None:
    """Start-up is catch-up: after a restart lists, threads and feeds say what they said before."""
    settings = hubs.settings_for(tmp_path / "data", server__public_url="https://alerts.example.jp")
    first, other = author.order(level=3), author.order(NAHA)
    second, cancel = author.update(first, level=4), author.cancel(other)
    paths = [
        "/api/v1/alerts/active",
        "/feeds/all.atom",
        f"/api/v1/threads/{first.identifier}",
        *(f"/api/v1/alerts/{alert.identifier}" for alert in (first, second, other, cancel)),
    ]
    said = []
    async with serving(settings) as server, Caller(server.url, await hubs.issue(server)) as caller:
        for alert in (first, second, other, cancel):
            await caller.publish(alert)
        said.append([(await caller.get(path)).body for path in paths])
    async with serving(settings) as server, Caller(server.url) as caller:
        said.append([(await caller.get(path)).body for path in paths])
    assert said[0] == said[1]


async def test_restart_remembers_what_ended_though_it_began_before_the_tail(tmp_path: Path) -> None:
    """Of what ended lately the beginning may lie further back than memory: lists and feeds have it all the same."""
    settings = hubs.settings_for(tmp_path / "data", server__public_url="https://alerts.example.jp")
    settings = replace(settings, stream=replace(settings.stream, tail_entries=2))
    held, first, other = author.order(CHUO), author.order(level=3), author.order(NAHA)
    said = []
    async with serving(settings) as server, Caller(server.url, await hubs.issue(server)) as caller:
        for alert in (held, first, other, author.update(first, level=4), author.cancel(other)):
            await caller.publish(alert)
        said.append(await entries_of(caller))
    async with serving(settings) as server, Caller(server.url) as caller:
        said.append(await entries_of(caller))
    assert len(said[0]) == 5
    assert said[0] == said[1]


async def entries_of(caller: Caller) -> list[str]:
    """Return the entries of the feed, each with how it stands."""
    return re.findall("<entry.*?</entry>", (await caller.get("/feeds/all.atom")).text, re.DOTALL)
