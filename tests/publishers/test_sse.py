"""Server-sent events as bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.core.model import Cursor, Kind
from lalert.errors import Defect
from lalert.publishers import sse
from lalert.render.entry import dump, entry_to_dict
from tests.render.entries import SENT, alert, entry, info
from tests.render.hostile import texts

AT = Cursor("k3f9", 1042)


def events(stream: bytes) -> list[dict[str, str]]:
    """Read a stream as WHATWG HTML §9.2.6 says: fields by event, comments dropped, data lines joined."""
    found: list[dict[str, str]] = []
    for block in stream.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(": ")
            if name:
                fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value
        if fields:
            found.append(fields)
    return found


def unchunked(body: bytes) -> bytes:
    """Read a chunked body (RFC 9112 §7.1) to its last chunk."""
    out = b""
    while True:
        size, body = body.split(b"\r\n", 1)
        length = int(size, 16)
        if not length:
            return out
        out, body = out + body[:length], body[length + 2 :]


@pytest.mark.parametrize("kind", list(Kind))
def test_an_entry_is_one_event(kind: Kind) -> None:
    """`event:` is the kind, `id:` the cursor, `data:` the JSON."""
    assert sse.event_frame(kind, AT, b'{"a":1}') == f'event: {kind}\nid: k3f9-1042\ndata: {{"a":1}}\n\n'.encode()


@given(texts, texts)
def test_what_was_sent_comes_out_whole(headline: str, description: str) -> None:
    """Whatever a CAP text holds, the reader gets one event with exactly that text."""
    said = entry(alert(info(headline=headline, description=description)))
    frame = sse.event_frame(said.kind, said.cursor, dump(entry_to_dict(said, base="")))
    (event,) = events(frame)
    carried = json.loads(event["data"])["alert"]["info"][0]
    assert (carried.get("headline"), carried.get("description")) == (headline, description)


@pytest.mark.parametrize("data", [b"a\nevent: cancel", b"a\rb"])
def test_a_line_break_is_a_defect(data: bytes) -> None:
    """A break inside data would let a text forge an event."""
    with pytest.raises(Defect):
        sse.event_frame(Kind.ALERT, AT, data)


def test_heartbeat_lets_a_reader_check_itself() -> None:
    """Cursor, last identifiers, number in force, server time; and an id to resume from."""
    (event,) = events(sse.heartbeat_frame(AT, last=["b", "a"], in_force=3, now=SENT))
    assert (event["event"], event["id"]) == ("heartbeat", "k3f9-1042")
    assert json.loads(event["data"]) == {
        "cursor": "k3f9-1042",
        "last": ["b", "a"],
        "inForce": 3,
        "now": "2026-07-06T02:30:00+09:00",
    }


def test_gap_says_what_was_lost_and_keeps_the_place() -> None:
    """A gap has no id: a reader cut off after it asks again from the same place."""
    (event,) = events(sse.gap_frame(since="old-1", oldest=AT, archive="https://x/feeds/all.atom"))
    assert "id" not in event
    assert json.loads(event["data"]) == {"since": "old-1", "oldest": "k3f9-1042", "archive": "https://x/feeds/all.atom"}


def test_bye_and_retry_and_ping() -> None:
    """The farewell gives its reason, the delay is in milliseconds, the ping is a comment."""
    assert events(sse.bye_frame("shutdown")) == [{"event": "bye", "data": '{"reason":"shutdown"}'}]
    assert sse.retry_line(2500) == b"retry: 2500\n\n"
    assert sse.PING.startswith(b":")


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_chunks_join_to_what_was_sent(frames: list[bytes]) -> None:
    """Framing changes nothing, and an empty frame does not end the body."""
    body = b"".join(map(sse.chunked, frames)) + sse.LAST_CHUNK
    assert unchunked(body) == b"".join(frames)
