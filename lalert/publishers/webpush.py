"""Web Push (RFC 8030): what a resident's browser is sent about an entry, and what a push service's answer means.

The payload is a Declarative Web Push message: a browser that knows these shows it by itself, in any other our service
worker does. It is small, says what the entry says, and leads to the page of the alert.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec

from lalert.core.delivery import Delivered, Gone, Later, Outcome, Refused
from lalert.core.model import Entry, Priority, Realm, State
from lalert.core.resident import Peer
from lalert.errors import Text
from lalert.publishers import sealing
from lalert.publishers.faces import Site
from lalert.publishers.outgoing import Answer, Failure, NoAnswer, retry_after_s
from lalert.publishers.sealing import KeyPair, encoded
from lalert.render.entry import links
from lalert.render.wording import headline, summary, ticker
from lalert.render.words import pick, status_mark

MAX_PAYLOAD_BYTES: Final = 3_900
LONGEST: Final = timedelta(hours=6)  # a text of this morning helps nobody at night

_TITLE: Final = 80  # characters: phones show about half of it
_DRILL: Final = Text("【訓練】", "【訓練 DRILL】")
_TEST_TITLE: Final = Text("テスト通知", "Test notification")
_TEST_BODY: Final = Text(
    "この端末に防災情報の通知が届きます。これは試験です。", "Alerts will reach this device. This is only a test."
)
_LONGEST_PATH: Final = 1_000  # bytes
_ENVELOPE: Final = 8_030  # the number by which a browser knows a Declarative Web Push message


@dataclass(frozen=True, slots=True)
class Notice:
    """What one group of residents is sent: the plain payload and the headers that they share."""

    payload: bytes = field(repr=False)
    headers: Mapping[str, str]


def topic_of(thread: str) -> str:
    """Return the topic of a thread: 32 characters of base64url, as many as RFC 8030 §5.4 allows.

    A push service keeps one message a topic for a browser that is away: the newest text of a thread takes the place of
    an older one, and nobody gets yesterday's alarm after its end.
    """
    return encoded(hashlib.sha256(thread.encode()).digest()[:24])


def notice_of(entry: Entry, lang: str, site: Site, *, now: datetime, hushed: bool) -> Notice:
    """Return the notice of `entry` in `lang`; one that is `hushed` makes no sound."""
    is_urgent = entry.priority <= Priority.URGENT and not hushed
    topic = topic_of(entry.thread)
    title = headline(entry, lang)
    shown = {
        "title": title if len(title) <= _TITLE else ticker(entry, _TITLE, lang=lang),
        "navigate": _page(entry, lang, site),
        "lang": lang,
        "tag": topic,
        "silent": hushed,
        "renotify": not hushed,
        "requireInteraction": is_urgent and entry.state is State.IN_FORCE,
        "timestamp": int(entry.at.timestamp() * 1000),
    }
    about = {
        "cursor": str(entry.cursor),
        "kind": entry.kind.value,
        "level": entry.level,
        "realm": site.realm.value,
    }
    mark = status_mark(entry.alert.status, lang)
    payload = _fitted(shown, about, summary(entry, lang).removeprefix(mark).removesuffix(mark), mark)
    return Notice(payload, _headers(topic, _ttl_s(entry, now), urgent=is_urgent))


def test_notice(lang: str, site: Site, *, now: datetime) -> Notice:
    """Return the notice by which a resident sees that notifications arrive."""
    mark = pick(_DRILL, lang) if site.realm is Realm.DRILL else ""
    topic = topic_of("test")
    shown = {
        "title": mark + pick(_TEST_TITLE, lang) + mark,
        "navigate": f"{site.url}/notify{_query(lang)}",
        "lang": lang,
        "tag": topic,
        "silent": False,
        "renotify": True,
        "timestamp": int(now.timestamp() * 1000),
    }
    return Notice(
        _fitted(shown, {"kind": "test", "realm": site.realm.value}, pick(_TEST_BODY, lang), mark),
        _headers(topic, 300, urgent=True),
    )


def body_for(peer: Peer, notice: Notice, *, mine: KeyPair | None = None) -> bytes:
    """Return the notice as only this browser can read it. Raises ValueError when its keys are none."""
    return sealing.encrypt(notice.payload, p256dh=peer.p256dh, auth=peer.auth, mine=mine)


def is_over(entry: Entry, now: datetime) -> bool:
    """Whether an alarm is past its end: its own `expire` entry says so, and an alarm now would be wrong."""
    return entry.state is State.IN_FORCE and entry.ends_at is not None and entry.ends_at <= now


def classify(answer: Answer | NoAnswer, *, now: datetime) -> Outcome:
    """Return what a push service's answer means (RFC 8030 §5, §8.4): 404 and 410 end the subscription."""
    if isinstance(answer, NoAnswer):
        reason = answer.failure.value
        return Refused(reason) if answer.failure is Failure.ADDRESS else Later(reason)
    reason = f"http_{answer.status}"
    if 200 <= answer.status < 300:
        return Delivered()
    if answer.status in (404, 410):
        return Gone(reason)
    if answer.status in (408, 425, 429) or answer.status >= 500:
        return Later(reason, retry_after_s(answer.retry_after, now=now))
    return Refused(reason)


def _headers(topic: str, ttl_s: int, *, urgent: bool) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "Content-Encoding": "aes128gcm",
        "TTL": str(ttl_s),
        "Urgency": "high" if urgent else "normal",
        "Topic": topic,
    }


def _ttl_s(entry: Entry, now: datetime) -> int:
    """Return how long a push service keeps it: an alarm no longer than it holds, an end as long as any."""
    left = LONGEST if entry.ends_at is None else min(entry.ends_at - now, LONGEST)
    return max(0, int(left.total_seconds()))


def _page(entry: Entry, lang: str, site: Site) -> str:
    """Return the page of the message; of one with a name that no notification can carry, the front page."""
    path = links(entry.alert.identifier, base=site.base)["html"]
    return site.public_url + (path if len(path) <= _LONGEST_PATH else f"{site.base}/") + _query(lang)


def _query(lang: str) -> str:
    return "" if lang == "ja" else f"?lang={lang}"


def _fitted(shown: Mapping[str, object], about: Mapping[str, object], text: str, mark: str) -> bytes:
    """Return the payload; a text that is too long is cut, its mark of a drill never."""
    payload = _payload({**shown, "body": mark + text + mark}, about)
    while text and len(payload) > MAX_PAYLOAD_BYTES:
        text = text[: len(text) * 9 // 10]
        payload = _payload({**shown, "body": f"{mark}{text}…{mark}"}, about)
    return payload


def _payload(shown: Mapping[str, object], about: Mapping[str, object]) -> bytes:
    return msgspec.json.encode({"web_push": _ENVELOPE, "notification": shown, "lalert": about})
