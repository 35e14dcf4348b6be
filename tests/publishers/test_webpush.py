"""What a browser is sent about an entry, and what a push service's answer means."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from lalert.cap.model import Status
from lalert.core.delivery import Delivered, Gone, Later, Refused
from lalert.core.model import Priority, Realm, State
from lalert.core.roll import Told
from lalert.publishers.faces import Site
from lalert.publishers.outgoing import Answer, Failure, NoAnswer
from lalert.publishers.residents import BATCH, Course
from lalert.publishers.services import LANES, SHARDS, lane_of
from lalert.publishers.webpush import LONGEST, MAX_PAYLOAD_BYTES, Notice, classify, is_over, notice_of, topic_of
from lalert.publishers.webpush import test_notice as notice_of_test
from lalert.render.wording import headline, summary
from tests.render import entries

LIVE = Site(Realm.LIVE, "https://alerts.example.jp")
NOW = entries.SENT + timedelta(minutes=5)


def read(notice: Notice) -> dict[str, Any]:
    """Return the notification of a payload, which is small enough."""
    assert len(notice.payload) <= MAX_PAYLOAD_BYTES
    payload = json.loads(notice.payload)
    assert payload["web_push"] == 8030  # Declarative Web Push
    return payload["notification"]  # type: ignore[no-any-return]


def test_a_notice_says_what_the_alert_says() -> None:
    """Title and text are those of every other face; it leads to the page of the alert, in the resident's language."""
    entry = entries.entry()
    shown = read(notice_of(entry, "ja", LIVE, now=NOW, hushed=False))
    assert shown["title"] == headline(entry, "ja")
    assert shown["body"] == summary(entry, "ja")
    assert shown["navigate"] == "https://alerts.example.jp/alerts/jp-chiyoda-2026-0001"
    assert shown["timestamp"] == int(entry.at.timestamp() * 1000)
    english = read(notice_of(entry, "en", LIVE, now=NOW, hushed=False))
    assert english["navigate"].endswith("?lang=en")
    assert english["lang"] == "en"


def test_urgency_and_sound() -> None:
    """From level 4 on a phone is woken and the notice stays until it is seen; who wants quiet gets it without sound."""
    loud = notice_of(entries.entry(), "ja", LIVE, now=NOW, hushed=False)
    calm = notice_of(entries.entry(priority=Priority.PROMPT, level=3), "ja", LIVE, now=NOW, hushed=False)
    hushed = notice_of(entries.entry(), "ja", LIVE, now=NOW, hushed=True)
    over = notice_of(entries.entry(state=State.CANCELLED, ends_at=None), "ja", LIVE, now=NOW, hushed=False)
    assert [n.headers["Urgency"] for n in (loud, calm, hushed, over)] == ["high", "normal", "normal", "high"]
    assert [read(n)["requireInteraction"] for n in (loud, calm, hushed, over)] == [True, False, False, False]
    assert [(read(n)["silent"], read(n)["renotify"]) for n in (loud, hushed)] == [(False, True), (True, False)]


def test_a_topic_is_a_thread() -> None:
    """32 characters of base64url (RFC 8030 §5.4), the same for every message of a thread, on the phone, too."""
    notice = notice_of(entries.entry(), "ja", LIVE, now=NOW, hushed=False)
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", notice.headers["Topic"])
    assert notice.headers["Topic"] == topic_of("jp-chiyoda-2026-0001") == read(notice)["tag"]
    later = notice_of(entries.entry(thread="a"), "ja", LIVE, now=NOW, hushed=False)
    assert later.headers["Topic"] == read(later)["tag"] == topic_of("a") != topic_of("b")


@pytest.mark.parametrize(
    ("ends_in", "ttl_s"),
    [(timedelta(hours=2), 7_200), (timedelta(days=2), 21_600), (None, 21_600), (timedelta(seconds=-1), 0)],
)
def test_a_push_lives_as_long_as_the_alert(ends_in: timedelta | None, ttl_s: int) -> None:
    """No longer than it holds, and at most six hours; an end, which does not end itself, six hours."""
    entry = entries.entry(ends_at=None if ends_in is None else NOW + ends_in)
    assert notice_of(entry, "ja", LIVE, now=NOW, hushed=False).headers["TTL"] == str(ttl_s)
    assert timedelta(hours=6) == LONGEST
    assert is_over(entry, NOW) is (ttl_s == 0)


def test_an_end_is_never_over() -> None:
    """A late Cancel still goes out: whoever heard the alarm hears the end."""
    assert not is_over(entries.entry(state=State.CANCELLED, ends_at=NOW - timedelta(hours=1)), NOW)


@pytest.mark.parametrize("status", [Status.ACTUAL, Status.EXERCISE])
def test_what_is_too_long_is_cut(status: Status) -> None:
    """However long text and names are, the payload fits, and 【訓練】 stays at both ends."""
    info = entries.info(headline="川" * 300, instruction="逃げる" * 3_000, event="令" * 2_000)
    alert = entries.alert(info, status=status, identifier="長" * 3_000)
    shown = read(notice_of(entries.entry(alert), "ja", LIVE, now=NOW, hushed=False))
    mark = "【訓練】" if status is Status.EXERCISE else ""
    for text in (shown["title"], shown["body"]):
        assert text.startswith(mark)
        assert text.endswith(mark)
    assert len(shown["title"]) <= 80
    assert shown["navigate"] == "https://alerts.example.jp/"


def test_a_test_says_that_it_is_one() -> None:
    """A test notification leads to the page of notifications; that of the drill is marked as everything there."""
    shown = read(notice_of_test("ja", LIVE, now=NOW))
    assert (shown["title"], shown["navigate"]) == ("テスト通知", "https://alerts.example.jp/notify")
    drill = read(notice_of_test("en", Site(Realm.DRILL, "https://alerts.example.jp"), now=NOW))
    assert drill["title"] == "【訓練 DRILL】Test notification【訓練 DRILL】"
    assert drill["navigate"] == "https://alerts.example.jp/drill/notify?lang=en"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(201), Delivered()),
        (Answer(204), Delivered()),
        (Answer(404), Gone("http_404")),
        (Answer(410), Gone("http_410")),
        (Answer(429, "30"), Later("http_429", 30.0)),
        (Answer(503), Later("http_503")),
        (Answer(500), Later("http_500")),
        (Answer(400), Refused("http_400")),
        (Answer(401), Refused("http_401")),
        (Answer(413), Refused("http_413")),
        (Answer(302), Refused("http_302")),
        (NoAnswer(Failure.TIMEOUT), Later("timeout")),
        (NoAnswer(Failure.ADDRESS), Refused("address_refused")),
    ],
)
def test_what_an_answer_means(answer: Answer | NoAnswer, outcome: object) -> None:
    """RFC 8030: 2xx has it, 404 and 410 end the subscription, 429 and 5xx come again, the rest never will."""
    assert classify(answer, now=NOW) == outcome


@pytest.mark.parametrize(
    ("endpoint", "service"),
    [
        ("https://fcm.googleapis.com/fcm/send/x", "fcm"),
        ("https://updates.push.services.mozilla.com/wpush/v2/x", "mozilla"),
        ("https://web.push.apple.com/x", "apple"),
        ("https://wns2-par02p.notify.windows.com/w/?token=x", "windows"),
        ("https://evilfcm.googleapis.com.example/x", "other"),
    ],
)
def test_services_are_kept_apart(endpoint: str, service: str) -> None:
    """A service that is down delays nobody else's browser: each has lanes of its own, which never change."""
    lanes = {lane_of(endpoint, number) for number in range(100)}
    assert {LANES[lane].partition("-")[0] for lane in lanes} == {f"webpush:{service}"}
    assert len(lanes) == (1 if service == "other" else SHARDS)  # a host that nobody knows has one lane only


def told(*numbers: int) -> Told:
    """Return people who are told."""
    array = np.array(numbers, dtype=np.int64)
    return Told(array, np.zeros(len(array), dtype=np.bool_), np.zeros(len(array), dtype=np.int64))


def test_a_course_goes_through_everybody() -> None:
    """Batch by batch, then those put off, all at once and again, until nobody is left; its text brings it back."""
    everybody = told(*range(1, BATCH + 11))
    course = Course.read("")
    batch = course.next(everybody)
    assert (len(batch), course.is_again(batch)) == (BATCH, False)
    course = Course.read(course.moved(batch, [3, 5]).written())
    batch = course.next(everybody)
    assert batch.numbers.tolist() == list(range(BATCH + 1, BATCH + 11))
    course = course.moved(batch, [BATCH + 2])
    again = course.next(everybody)
    assert (again.numbers.tolist(), course.is_again(again), course.wait_s) == ([3, 5, BATCH + 2], True, 5.0)
    course = course.moved(again, [5])
    assert (course.late, course.tries, course.wait_s) == ((5,), 1, 10.0)
    assert len(course.moved(course.next(everybody), []).next(everybody)) == 0
    assert Course(tries=99).wait_s == 300.0


def test_a_course_that_has_too_many_put_off_turns_to_them_first() -> None:
    """What is put off is bounded, and so is the text that says how far a lane came."""
    everybody = told(*range(10**9, 10**9 + 1_000))
    course = Course()
    while not course.is_again(batch := course.next(everybody)):
        course = course.moved(batch, batch.numbers.tolist())
    assert len(course.written()) <= 4_096
    assert len(batch) == len(course.late)


@pytest.mark.parametrize("progress", ["{", "[1]", '"x"', '[1,["a"],0]'])
def test_a_progress_that_nobody_understands_begins_again(progress: str) -> None:
    """A repeat is better than silence."""
    assert Course.read(progress) == Course()
