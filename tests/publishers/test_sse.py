"""Server-sent events as bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.core.model import Cursor, Kind
from lalert.errors import Defect
from lalert.publishers import events, sse
from lalert.publishers.events import Event
from lalert.render.entry import dump, entry_to_dict
from tests.render.entries import alert, entry, info
from tests.render.hostile import texts

AT = Cursor("k3f9", 1042)


def read(stream: bytes) -> list[dict[str, str]]:
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
    assert sse.frame(Event(kind.value, b'{"a":1}', AT)) == f'event: {kind}\nid: k3f9-1042\ndata: {{"a":1}}\n\n'.encode()


@given(texts, texts)
def test_what_was_sent_comes_out_whole(headline: str, description: str) -> None:
    """Whatever a CAP text holds, the reader gets one event with exactly that text."""
    said = entry(alert(info(headline=headline, description=description)))
    frame = sse.frame(Event(said.kind.value, dump(entry_to_dict(said, base="")), said.cursor))
    (event,) = read(frame)
    carried = json.loads(event["data"])["alert"]["info"][0]
    assert (carried.get("headline"), carried.get("description")) == (headline, description)


@pytest.mark.parametrize("data", [b"a\nevent: cancel", b"a\rb"])
def test_a_line_break_is_a_defect(data: bytes) -> None:
    """A break inside data would let a text forge an event."""
    with pytest.raises(Defect):
        sse.frame(Event("alert", data, AT))


def test_an_event_without_a_position_has_no_id() -> None:
    """The reader keeps the place that it has; a farewell gives its reason."""
    assert read(sse.frame(events.bye("shutdown"))) == [{"event": "bye", "data": '{"reason":"shutdown"}'}]


def test_retry_and_ping() -> None:
    """The delay is in milliseconds, the ping is a comment."""
    assert sse.retry_line(2500) == b"retry: 2500\n\n"
    assert sse.PING.startswith(b":")


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_chunks_join_to_what_was_sent(frames: list[bytes]) -> None:
    """Framing changes nothing, and an empty frame does not end the body."""
    body = b"".join(map(sse.chunked, frames)) + sse.LAST_CHUNK
    assert unchunked(body) == b"".join(frames)
