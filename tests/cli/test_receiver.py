"""The small receiving program: it shows what is signed, new and not there yet, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Mapping

import aiohttp
import msgspec
import pytest

from lalert.cli.receiver import Entry, is_genuine, receiving, told
from lalert.core.model import Realm
from lalert.publishers import signing
from lalert.publishers.faces import Faces, Site
from tests.render.entries import alert, entry, info

SECRET = bytes(range(32))
BODY = b'{"kind": "test", "at": "2026-07-06T02:40:00+09:00", "note": "n"}'


def headers(**changes: str) -> dict[str, str]:
    """Return the headers of a genuine message, changed."""
    now = int(time.time())
    made = {
        "webhook-id": "live-k3f9-1",
        "webhook-timestamp": str(now),
        "webhook-signature": signing.signature(SECRET, id_="live-k3f9-1", timestamp=now, body=BODY),
    }
    return made | {name.replace("_", "-"): value for name, value in changes.items()}


async def test_each_message_is_shown_once() -> None:
    """The same id again is answered as taken and not shown; a forged one is refused, a new one shown."""
    shown: list[Entry] = []
    async with receiving(shown.append) as receiver, aiohttp.ClientSession() as session:
        receiver.trust(signing.secret_text(SECRET))
        statuses = [await _post(session, receiver.url, headers()) for _ in range(2)]
        statuses.append(await _post(session, receiver.url, headers(webhook_id="live-k3f9-2")))
    assert statuses == [204, 204, 401]
    assert shown == [msgspec.json.decode(BODY)]


async def test_nothing_is_taken_before_it_has_a_secret() -> None:
    """Without a secret there is no genuine message."""
    shown: list[Entry] = []
    async with receiving(shown.append) as receiver, aiohttp.ClientSession() as session:
        receiver.trust("nonsense")
        now = int(time.time())
        unkeyed = signing.signature(b"", id_="live-k3f9-1", timestamp=now, body=BODY)
        assert await _post(session, receiver.url, headers()) == 401
        assert await _post(session, receiver.url, headers(webhook_signature=unkeyed)) == 401
    assert shown == []


async def _post(session: aiohttp.ClientSession, url: str, sent: Mapping[str, str]) -> int:
    async with session.post(url, data=BODY, headers=sent) as response:
        return response.status


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook_timestamp": ""},
        {"webhook_timestamp": "soon"},
        {"webhook_timestamp": "１"},
        {"webhook_timestamp": "9" * 20},
        {"webhook_signature": ""},
        {"webhook_signature": "v1,AAAA"},
        {"webhook_id": ""},
        {"webhook_id": "é"},
    ],
)
def test_what_is_not_genuine(changes: dict[str, str]) -> None:
    """A missing, broken or foreign header: not ours, and no exception."""
    assert is_genuine(SECRET, headers(), BODY, now_s=time.time())
    assert not is_genuine(SECRET, headers(**changes), BODY, now_s=time.time())


@pytest.mark.parametrize("shift_s", [-301, 301])
def test_old_and_future_messages_are_not_taken(shift_s: float) -> None:
    """What was overheard minutes ago is not taken again, nor what is not yet."""
    assert not is_genuine(SECRET, headers(), BODY, now_s=time.time() + shift_s)


def test_line_about_an_entry() -> None:
    """When, what kind, and the headline in the language of the terminal."""
    made = msgspec.json.decode(Faces(entry(alert(info())), Site(Realm.LIVE, "https://x")).json)
    assert made["wording"]["ja"]["headline"] in told(made, "ja")
    assert made["wording"]["en"]["headline"] in told(made, "en")
    assert told(msgspec.json.decode(BODY), "ja").endswith("test    n")
